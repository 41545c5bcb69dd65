"""Spans as lines of text for people: one call a line, a trace as a tree, totals by model. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode

from otel_llm.telemetry import names

COUNTED = frozenset(("chat", "text_completion", "generate_content", "embeddings"))

_LONGEST = 200  # characters of one value
_NO_FIGURE = 10**15  # nothing that large was ever counted
_MOST_MODELS = 200  # in the totals; what else is answered by is one row

Piece = tuple[str, str]
"""A piece of text, and its style as `rich` spells it; empty for plain."""


def clean(value: Any) -> str:
    """Text that can only ever be text: servers choose model names, and must not paint or flood terminals."""
    text = str(value)
    text = text if len(text) <= _LONGEST else text[:_LONGEST] + "..."
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def seconds(value: float) -> str:
    """A duration as people say it: 0.3 ms, 85 ms, 1.32 s, 2 min 5 s."""
    if value < 0.9995:
        return f"{value * 1e3:.0f} ms" if value >= 0.00095 else f"{value * 1e3:.1f} ms"
    if value < 59.995:
        return f"{value:.2f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s"


def dollars(value: float) -> str:
    """An amount as people say it: $0.00375, $12.40."""
    return f"${value:,.2f}" if value >= 0.9999995 else "$" + f"{value:.6f}".rstrip("0").ljust(4, "0")


def call_line(span: ReadableSpan) -> list[Piece]:
    """One model call: what was asked and answered, tokens, why it ended, how long it took, what went wrong."""
    attributes: Mapping[str, Any] = span.attributes or {}
    get = attributes.get
    pieces = [*_models(span), *_tokens(get)]
    if _unmetered(span):
        pieces.append(("   usage not told", "yellow"))
    if (cost := _number(get(names.USAGE_COST))) is not None:
        pieces.append((f"   {dollars(cost)}", "bold"))
    if reasons := get(names.RESPONSE_FINISH_REASONS):
        reasons = reasons if isinstance(reasons, (list, tuple)) else (reasons,)
        told = ", ".join(dict.fromkeys(clean(reason) for reason in reasons))
        if told == "error" and get(names.ERROR_TYPE) is None:
            told = "left unfinished"  # by whoever read it: nothing failed
        pieces.append((f"   {told}", "green" if told in ("stop", "tool_call") else "yellow"))
    if (outcome := get(names.STREAM_OUTCOME)) is not None:
        pieces.append((f"   {clean(outcome)}", "yellow"))
    if (first := _number(get(names.RESPONSE_TIME_TO_FIRST_CHUNK))) is not None:
        pieces.append((f"   first {seconds(first)}", "cyan"))
    pieces.append((f"   {seconds(_duration(span))}", "cyan"))
    pieces.extend(_error(span))
    if provider := get(names.PROVIDER_NAME):
        pieces.append((f"   {clean(provider)}", "dim"))
    return pieces


def _models(span: ReadableSpan) -> Iterator[Piece]:
    get = (span.attributes or {}).get
    asked, answered = get(names.REQUEST_MODEL), get(names.RESPONSE_MODEL)
    if not (asked or answered):  # tools and agents have none: their spans are named after them
        yield clean(span.name), "bold"
        return
    yield f"{clean(get(names.OPERATION_NAME))} ", "dim"
    yield clean(asked or answered), "bold"
    if answered and asked and answered != asked:
        yield f" -> {clean(answered)}", ""


def _unmetered(span: ReadableSpan) -> bool:
    """Whether a model answered, and nobody said what that took."""
    get = (span.attributes or {}).get
    return (
        get(names.OPERATION_NAME) in COUNTED
        and get(names.RESPONSE_MODEL, get(names.RESPONSE_FINISH_REASONS)) is not None
        and all(_first_number(get, keys) is None for keys in _SUMMED.values())
    )


def other_line(span: ReadableSpan) -> list[Piece]:
    """A span that is no model call: enough for the tree to make sense."""
    return [(clean(span.name), ""), (f"   {seconds(_duration(span))}", "cyan"), *_error(span)]


def _tokens(get: Any) -> Iterator[Piece]:
    used = {name: _first_number(get, keys) for name, keys in _SUMMED.items()}
    for word, total, subsets in (("in", "input", ("cached", "written")), ("out", "output", ("reasoning",))):
        if used[total] is not None:
            yield f"   {word} {_count(used[total])}", "bold"
            told = ", ".join(f"{name} {_count(used[name])}" for name in subsets if used[name])
            yield (f" ({told})" if told else ""), ""


def _first_number(get: Any, keys: Iterable[str]) -> float | None:
    """Of a figure that goes by several names, and may be given by more than one of them."""
    return next((number for key in keys if (number := _number(get(key))) is not None), None)


def _number(value: Any) -> float | None:
    """What can be counted or timed; None for all else that anybody may have set."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if abs(value) < _NO_FIGURE else None  # which no NaN is, either


def _count(value: float | None) -> str:
    return "" if value is None else f"{value:,}"


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

    def below(parent: int | None, indent: str) -> list[tuple[ReadableSpan, str, bool]]:
        row = children.get(parent, [])
        return [(span, indent, position == 0) for position, span in enumerate(reversed(row))]

    waiting = below(None, "")  # no recursion: agents nest deeper than Python does
    while waiting:
        span, indent, last = waiting.pop()
        line = call_line(span) if is_call(span) else other_line(span)
        yield [(f"{indent}{'└─ ' if last else '├─ '}", "dim"), *line]
        if span.context:
            deeper = indent if len(indent) > _LONGEST else f"{indent}{'   ' if last else '│  '}"
            waiting.extend(below(span.context.span_id, deeper))


def is_call(span: ReadableSpan) -> bool:
    """Whether a span is about a model, and not something of the application's own."""
    return (span.attributes or {}).get(names.OPERATION_NAME) is not None


@dataclass(slots=True)
class Row:
    """What was used of one model; None for what no call has told."""

    calls: int = 0
    errors: int = 0
    unmetered: int = 0
    input: float | None = None
    cached: float | None = None
    written: float | None = None
    output: float | None = None
    reasoning: float | None = None
    cost: float | None = None

    def add(self, span: ReadableSpan) -> None:
        """Count one call."""
        attributes = span.attributes or {}
        self.calls += 1
        self.errors += names.ERROR_TYPE in attributes or span.status.status_code is StatusCode.ERROR
        self.unmetered += _unmetered(span)
        for name, keys in _SUMMED.items():
            setattr(self, name, _sum((getattr(self, name), _first_number(attributes.get, keys))))


def _sum(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


_SUMMED = {
    "input": (names.USAGE_INPUT_TOKENS,),
    "cached": (names.USAGE_CACHE_READ,),
    "written": (names.USAGE_CACHE_WRITE, names.USAGE_CACHE_CREATION),
    "output": (names.USAGE_OUTPUT_TOKENS,),
    "reasoning": (names.USAGE_REASONING,),
    "cost": (names.USAGE_COST,),
}
_COLUMNS = ("calls", "errors", "input", "cached", "written", "output", "reasoning", "cost")


def _cell(column: str, value: float | None) -> str:
    return dollars(value) if column == "cost" and value is not None else _count(value)


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
            if key not in self.rows and len(self.rows) >= _MOST_MODELS:
                key = "?", "others"
            self.rows.setdefault(key, Row()).add(span)

    def lines(self) -> Iterator[list[Piece]]:
        """A table, with a last row of sums if there is more than one model."""
        if not self.rows:
            return
        priced = any(row.cost is not None for row in self.rows.values())
        columns = _COLUMNS if priced else _COLUMNS[:-1]
        table: list[tuple[str, ...]] = [("provider", "model", *columns)]
        for (provider, model), row in sorted(self.rows.items()):
            table.append((provider, model, *(_cell(name, getattr(row, name)) for name in columns)))
        if len(self.rows) > 1:
            sums = {name: _sum(getattr(row, name) for row in self.rows.values()) for name in columns}
            table.append(("all", "", *(_cell(name, total) for name, total in sums.items())))
        widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
        for number, row in enumerate(table):
            cells = [
                cell.ljust(width) if column < 2 else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            yield [("  ".join(cells).rstrip(), "bold" if number == 0 or row[0] == "all" else "")]
        if unmetered := sum(row.unmetered for row in self.rows.values()):
            of = (
                "1 call whose usage was not told is"
                if unmetered == 1
                else f"{unmetered} calls whose usage was not told are"
            )
            yield [(f"{of} not in these sums", "yellow")]
