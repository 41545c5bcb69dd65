"""Spans as trees that can be written down, and what their leaves add up to."""

from __future__ import annotations

from collections.abc import Iterable

from opentelemetry.sdk.trace import ReadableSpan


def drawn(spans: Iterable[ReadableSpan]) -> str:
    """The names of spans, each under its parent; those beside each other by the alphabet, for many overlap."""
    known = {span.context.span_id: span for span in spans if span.context is not None}
    below: dict[int | None, list[tuple[str, int]]] = {}
    for number, span in known.items():
        parent = span.parent.span_id if span.parent is not None and span.parent.span_id in known else None
        below.setdefault(parent, []).append((span.name, number))

    def lines(parent: int | None, indent: str) -> list[list[str]]:
        return sorted(
            [f"{indent}{name}", *(line for inside in lines(number, f"{indent}  ") for line in inside)]
            for name, number in below.get(parent, ())
        )

    return "\n".join(line for tree in lines(None, "") for line in tree)


def leaves(spans: Iterable[ReadableSpan]) -> dict[str, int]:
    """The tokens on all spans, by direction."""
    told = {"input": 0, "output": 0}
    for span in spans:
        for direction in told:
            told[direction] += (span.attributes or {}).get(f"gen_ai.usage.{direction}_tokens", 0)  # type: ignore[operator]
    return told
