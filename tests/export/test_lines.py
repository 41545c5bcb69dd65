"""How spans read: what the lines, trees and totals of the console are made of."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext, Status, StatusCode

from otel_llm.export.lines import Piece, Totals, call_line, clean, dollars, seconds, tree
from otel_llm.telemetry import names

CALL = {names.OPERATION_NAME: "chat", names.REQUEST_MODEL: "gpt-4o"}
NOWHERE = Resource({})


def ended(name: str = "chat gpt-4o", own: int = 1, parent: int | None = None, **fields: Any) -> ReadableSpan:
    """A span that took 1.25 seconds."""
    error = fields.pop("error", None)
    return ReadableSpan(
        name,
        resource=NOWHERE,
        context=SpanContext(1, own, is_remote=False),
        parent=SpanContext(1, parent, is_remote=False) if parent else None,
        attributes=fields.pop("attributes", CALL),
        status=Status(StatusCode.ERROR, error) if error else Status(),
        start_time=own * 10**9,
        end_time=own * 10**9 + 1_250_000_000,
    )


def text(line: list[Piece]) -> str:
    """A line without its styles."""
    return "".join(piece for piece, _ in line)


def test_what_has_no_model_goes_by_its_name() -> None:
    """Tools and agents are operations, too."""
    tool = ended("execute_tool add", attributes={names.OPERATION_NAME: "execute_tool"})
    assert text(call_line(tool)) == "execute_tool add   1.25 s"


@pytest.mark.parametrize("value", ["many", True, float("nan"), float("inf"), 10**400, (1, 2)])
def test_what_is_no_figure_is_left_out(value: Any) -> None:
    """Anybody can set any attribute; a line has only what can be counted or timed."""
    odd = dict.fromkeys((names.USAGE_INPUT_TOKENS, names.RESPONSE_TIME_TO_FIRST_CHUNK), value)
    span = ended(attributes={**CALL, **odd})
    totals = Totals()
    totals.add(span)
    assert text(call_line(span)) == "chat gpt-4o   1.25 s"
    assert [row.input for row in totals.rows.values()] == [None]


def test_zero_of_a_part_is_not_worth_a_word() -> None:
    """That nothing was cached, written or reasoned is no news; that nothing came out is."""
    none = dict.fromkeys((names.USAGE_CACHE_READ, names.USAGE_CACHE_WRITE, names.USAGE_REASONING), 0)
    figures = {names.USAGE_INPUT_TOKENS: 5, names.USAGE_OUTPUT_TOKENS: 0}
    assert (
        text(call_line(ended(attributes={**CALL, **none, **figures})))
        == "chat gpt-4o   in 5   out 0   1.25 s"
    )


def test_one_finish_reason_may_come_without_its_list() -> None:
    """It is still a word, and not its letters."""
    assert "   stop   " in text(call_line(ended(attributes={**CALL, names.RESPONSE_FINISH_REASONS: "stop"})))


@pytest.mark.parametrize("key", [names.USAGE_CACHE_WRITE, names.USAGE_CACHE_CREATION])
def test_written_tokens_go_by_two_names(key: str) -> None:
    """Which of them depends on the profile."""
    span = ended(attributes={**CALL, names.USAGE_INPUT_TOKENS: 9, key: 3})
    assert "in 9 (written 3)" in text(call_line(span))


def test_a_figure_given_by_both_names_is_counted_once() -> None:
    """Some set the old name beside the new one."""
    both = {names.USAGE_CACHE_WRITE: 3, names.USAGE_CACHE_CREATION: 3}
    totals = Totals()
    totals.add(ended(attributes={**CALL, **both}))
    assert [row.written for row in totals.rows.values()] == [3]


def test_totals_know_what_they_do_not_know() -> None:
    """A column stays empty where no call has told; a zero was told."""
    totals = Totals()
    totals.add(ended(attributes={**CALL, names.USAGE_INPUT_TOKENS: 5, names.USAGE_CACHE_READ: 0}))
    totals.add(ended(attributes={**CALL, names.REQUEST_MODEL: "other"}, error="openai.APIError"))
    rows = [text(line).split() for line in totals.lines()]
    assert rows[1:] == [
        ["?", "gpt-4o", "1", "0", "5", "0"],
        ["?", "other", "1", "1"],
        ["all", "2", "1", "5", "0"],
    ]


def test_only_calls_of_models_are_counted() -> None:
    """What an agent or tool reports, its calls have reported."""
    totals = Totals()
    totals.add(ended(attributes={**CALL, names.OPERATION_NAME: "invoke_agent"}))
    totals.add(ended("GET /", attributes={}))
    assert not totals.rows


@pytest.mark.parametrize(("unmetered", "told"), [(0, None), (1, "1 call"), (2, "2 calls")])
def test_totals_say_what_is_not_in_them(unmetered: int, told: str | None) -> None:
    """Calls that a model answered and whose usage nobody told; one that failed was not answered."""
    totals, answered = Totals(), {**CALL, names.RESPONSE_MODEL: "gpt-4o"}
    totals.add(ended(attributes={**answered, names.USAGE_INPUT_TOKENS: 5}))
    totals.add(ended(error="TimeoutError"))
    for _ in range(unmetered):
        totals.add(ended(attributes=answered))
    last = text(list(totals.lines())[-1])
    assert ("not in these sums" in last) is (told is not None)
    assert told is None or last.startswith(f"{told} whose usage")


def test_totals_are_bounded() -> None:
    """A server that makes up a model for every answer gets one row for most of them."""
    totals = Totals()
    for number in range(1000):
        totals.add(ended(attributes={**CALL, names.RESPONSE_MODEL: f"model-{number}"}))
    assert len(totals.rows) == 201
    assert totals.rows["?", "others"].calls == 800


def test_long_values_are_cut() -> None:
    """No name or message floods the terminal."""
    assert clean("x" * 100_000) == "x" * 200 + "..."


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (0.0003, "0.3 ms"),
        (0.085, "85 ms"),
        (0.9999, "1.00 s"),
        (59.999, "1 min 0 s"),
        (119.7, "2 min 0 s"),
        (3725, "62 min 5 s"),
    ],
)
def test_durations_read_as_people_say_them(value: float, told: str) -> None:
    """Rounded before they are split into minutes and seconds."""
    assert seconds(value) == told


def test_trees_may_be_deep() -> None:
    """Agents that call agents nest deeper than Python's own calls may."""
    lines = list(tree([ended(own=own, parent=own - 1) for own in range(1, 3001)]))
    assert len(lines) == 3000
    assert max(len(text(line)) for line in lines) < 300


def test_children_whose_parent_is_elsewhere_stand_at_the_root() -> None:
    """It was printed before, or never ended."""
    lines = [
        text(line) for line in tree([ended(own=2, parent=99), ended("GET", own=3, parent=2, attributes={})])
    ]
    assert lines == ["└─ chat gpt-4o   1.25 s", "   └─ GET   1.25 s"]


def test_errors_of_other_spans_are_told() -> None:
    """By what their status says."""
    line = next(tree([ended("work", attributes={}, error="ValueError: not\na number")]))
    assert text(line) == "└─ work   1.25 s   error (ValueError: not\\na number)"


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        (0.0, "$0.00"),
        (0.00375, "$0.00375"),
        (0.0000054, "$0.000005"),
        (0.5, "$0.50"),
        (0.9999999, "$1.00"),
        (12.4, "$12.40"),
        (12345.678, "$12,345.68"),
    ],
)
def test_amounts_are_short(amount: float, said: str) -> None:
    """Small ones to a millionth, large ones to a cent."""
    assert dollars(amount) == said


def test_costs_are_shown_where_they_are_told() -> None:
    """On the line of a call, and in a column of the totals that is not there without them."""
    told = {**CALL, names.USAGE_INPUT_TOKENS: 5, names.USAGE_COST: 0.25}
    totals = Totals()
    totals.add(ended(attributes={**CALL, names.REQUEST_MODEL: "free"}))
    assert "cost" not in text(next(totals.lines()))
    for _ in range(2):
        totals.add(ended(attributes=told))
    rows = [text(line).split() for line in totals.lines()]
    assert [row[-1] for row in rows] == ["cost", "0", "$0.50", "$0.50"]
    assert text(call_line(ended(attributes=told))) == "chat gpt-4o   in 5   $0.25   1.25 s"
