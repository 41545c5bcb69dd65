"""Spans as lines of text for people: one call a line, a trace as a tree, totals by model. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode

from otel_llm.telemetry import names

COUNTED = frozenset(("chat", "text_completion", "generate_content", "embeddings"))

Piece = tuple[str, str]
"""A piece of text, and its style as `rich` spells it; empty for plain."""


def clean(value: Any) -> str:
    """Text that can only ever be text: servers choose model names, and must not paint terminals."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in str(value)
    )


def seconds(value: float) -> str:
    """A duration as people say it: 85 ms, 1.32 s, 2 min 5 s."""
    if value < 0.9995:
        return f"{value * 1e3:.0f} ms"
    return f"{value:.2f} s" if value < 60 else f"{value // 60:.0f} min {value % 60:.0f} s"


def call_line(span: ReadableSpan) -> list[Piece]:
    """One model call: what was asked and answered, tokens, why it ended, how long it took, what went wrong."""
    attributes: Mapping[str, Any] = span.attributes or {}
    get = attributes.get
    pieces: list[Piece] = [(clean(get(names.OPERATION_NAME)), "dim"), (" ", "")]
    asked, answered = get(names.REQUEST_MODEL), get(names.RESPONSE_MODEL)
    pieces.append((clean(asked or answered or "?"), "bold"))
    if answered and asked and answered != asked:
        pieces.append((f" -> {clean(answered)}", ""))
    pieces.extend(_tokens(get))
    if reasons := get(names.RESPONSE_FINISH_REASONS):
        told = ", ".join(dict.fromkeys(clean(reason) for reason in reasons))
        if told == "error" and get(names.ERROR_TYPE) is None:
            told = "left unfinished"  # by whoever read it: nothing failed
        pieces.append((f"   {told}", "green" if told in ("stop", "tool_call") else "yellow"))
    if (outcome := get(names.STREAM_OUTCOME)) is not None:
        pieces.append((f"   {clean(outcome)}", "yellow"))
    if (first := get(names.RESPONSE_TIME_TO_FIRST_CHUNK)) is not None:
        pieces.append((f"   first {seconds(float(first))}", "cyan"))
    pieces.append((f"   {seconds(_duration(span))}", "cyan"))
    pieces.extend(_error(span))
    pieces.append((f"   {clean(get(names.PROVIDER_NAME) or '')}", "dim"))
    return pieces


def other_line(span: ReadableSpan) -> list[Piece]:
    """A span that is no model call: enough for the tree to make sense."""
    return [(clean(span.name), ""), (f"   {seconds(_duration(span))}", "cyan"), *_error(span)]


def _tokens(get: Any) -> Iterator[Piece]:
    asked, answered = get(names.USAGE_INPUT_TOKENS), get(names.USAGE_OUTPUT_TOKENS)
    if asked is not None:
        written = get(names.USAGE_CACHE_WRITE) or get(names.USAGE_CACHE_CREATION)
        yield f"   in {_count(asked)}", "bold"
        yield _subsets((("cached", get(names.USAGE_CACHE_READ)), ("written", written)))
    if answered is not None:
        yield f"   out {_count(answered)}", "bold"
        yield _subsets((("reasoning", get(names.USAGE_REASONING)),))


def _subsets(parts: Iterable[tuple[str, Any]]) -> Piece:
    told = ", ".join(f"{name} {_count(value)}" for name, value in parts if value)
    return (f" ({told})", "") if told else ("", "")


def _count(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else clean(value)


def _error(span: ReadableSpan) -> Iterator[Piece]:
    if span.status.status_code is not StatusCode.ERROR:
        return
    kind = clean((span.attributes or {}).get(names.ERROR_TYPE) or "error")
    why = clean(span.status.description or "").removeprefix(kind).lstrip(": ")
    yield f"   {kind}" + (f" ({why})" if why else ""), "bold red"


def _duration(span: ReadableSpan) -> float:
    return ((span.end_time or 0) - (span.start_time or 0)) / 1e9


def tree(spans: Sequence[ReadableSpan]) -> Iterator[list[Piece]]:
    """The spans of one trace, children under parents, in the order they began."""
    known = {span.context.span_id: span for span in spans if span.context}
    children: dict[int | None, list[ReadableSpan]] = {}
    for span in sorted(spans, key=lambda span: span.start_time or 0):
        parent = span.parent.span_id if span.parent and span.parent.span_id in known else None
        children.setdefault(parent, []).append(span)

    def below(parent: int | None, indent: str) -> Iterator[list[Piece]]:
        row = children.get(parent, [])
        for position, span in enumerate(row):
            last = position == len(row) - 1
            line = call_line(span) if is_call(span) else other_line(span)
            yield [(f"{indent}{'└─ ' if last else '├─ '}", "dim"), *line]
            if span.context:
                yield from below(span.context.span_id, f"{indent}{'   ' if last else '│  '}")

    yield from below(None, "")


def is_call(span: ReadableSpan) -> bool:
    """Whether a span is about a model, and not something of the application's own."""
    return (span.attributes or {}).get(names.OPERATION_NAME) is not None


@dataclass(slots=True)
class Row:
    """What was used of one model."""

    calls: int = 0
    errors: int = 0
    input: int = 0
    cached: int = 0
    written: int = 0
    output: int = 0
    reasoning: int = 0

    def add(self, attributes: Mapping[str, Any]) -> None:
        """Count one call."""
        self.calls += 1
        self.errors += names.ERROR_TYPE in attributes
        for name, keys in _SUMMED.items():
            setattr(self, name, getattr(self, name) + sum(attributes.get(key) or 0 for key in keys))


_SUMMED = {
    "input": (names.USAGE_INPUT_TOKENS,),
    "cached": (names.USAGE_CACHE_READ,),
    "written": (names.USAGE_CACHE_WRITE, names.USAGE_CACHE_CREATION),
    "output": (names.USAGE_OUTPUT_TOKENS,),
    "reasoning": (names.USAGE_REASONING,),
}
_COLUMNS = ("calls", "errors", "input", "cached", "written", "output", "reasoning")


@dataclass(slots=True)
class Totals:
    """Sums by provider and model that answered."""

    rows: dict[tuple[str, str], Row] = field(default_factory=dict)

    def add(self, span: ReadableSpan) -> None:
        """Count a span if it is a call of a model."""
        attributes = span.attributes or {}
        if attributes.get(names.OPERATION_NAME) in COUNTED:
            model = attributes.get(names.RESPONSE_MODEL) or attributes.get(names.REQUEST_MODEL) or "?"
            key = clean(attributes.get(names.PROVIDER_NAME) or "?"), clean(model)
            self.rows.setdefault(key, Row()).add(attributes)

    def lines(self) -> Iterator[list[Piece]]:
        """A table, with a last row of sums if there is more than one model."""
        if not self.rows:
            return
        table: list[tuple[str, ...]] = [("provider", "model", *_COLUMNS)]
        for (provider, model), row in sorted(self.rows.items()):
            table.append((provider, model, *(_count(getattr(row, name)) for name in _COLUMNS)))
        if len(self.rows) > 1:
            sums = (sum(getattr(row, name) for row in self.rows.values()) for name in _COLUMNS)
            table.append(("all", "", *map(_count, sums)))
        widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
        for number, row in enumerate(table):
            cells = [
                cell.ljust(width) if column < 2 else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            yield [("  ".join(cells).rstrip(), "bold" if number == 0 or row[0] == "all" else "")]
