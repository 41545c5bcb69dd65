"""What is asked of chat completions, and how a stream of several choices folds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletionChunk

from otel_llm.dialects.openai_chat import CHAT, COMPLETIONS
from otel_llm.record import ModelRequest, ModelResponse
from tests.lives.answers import LAST, USAGE, chunk, completion


def folded(events: list[Any], *, complete: bool = True) -> ModelResponse:
    fold = CHAT.fold()
    for event in events:
        fold.add(event)
    return fold.response(complete=complete)


def as_objects(events: list[Any]) -> list[Any]:
    """Events as the SDK makes them, nested ones included."""
    made: Any = ChatCompletionChunk.construct
    return [made(**event) for event in events]


def never() -> Iterator[Any]:
    """A generator that must not be started: it is the SDK's to consume."""
    raise AssertionError
    yield


@pytest.mark.parametrize("dialect", [CHAT, COMPLETIONS])
@pytest.mark.parametrize(
    ("asked", "field", "read"),
    [
        ({"model": "gpt-4o"}, "model", "gpt-4o"),
        ({"stream": True}, "stream", True),
        ({"max_tokens": 5}, "max_tokens", 5),
        ({"max_completion_tokens": 5}, "max_tokens", 5),
        ({"max_completion_tokens": 5, "max_tokens": 9}, "max_tokens", 5),
        ({"max_completion_tokens": None, "max_tokens": 9}, "max_tokens", 9),
        ({"temperature": 0}, "temperature", 0.0),
        ({"top_p": 1}, "top_p", 1.0),
        ({"top_k": 40.0}, "top_k", 40),
        ({"frequency_penalty": -2}, "frequency_penalty", -2.0),
        ({"presence_penalty": 0.5}, "presence_penalty", 0.5),
        ({"stop": "END"}, "stop_sequences", ("END",)),
        ({"stop": ["a", "b"]}, "stop_sequences", ("a", "b")),
        ({"seed": -1}, "seed", -1),
        ({"n": 3}, "choice_count", 3),
        ({"response_format": {"type": "text"}}, "output_type", "text"),
        ({"response_format": {"type": "json_object"}}, "output_type", "json"),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}}, "output_type", "json"),
        ({"response_format": {"type": "grammar"}}, "output_type", None),
        ({"modalities": ["text", "audio"]}, "output_type", "speech"),
        ({"modalities": ["text"]}, "output_type", None),
        ({"modalities": ["audio"], "response_format": {"type": "text"}}, "output_type", "text"),
        ({"reasoning_effort": "high"}, "reasoning_level", "high"),
        ({"reasoning": {"effort": "low"}}, "reasoning_level", "low"),
        ({"reasoning": {"max_tokens": 100}}, "reasoning_level", None),
        ({"service_tier": "flex"}, "service_tier", "flex"),
    ],
)
def test_every_parameter_has_its_place(dialect: Any, asked: dict[str, Any], field: str, read: Any) -> None:
    """With the type that the record promises, and nothing beside it."""
    request = dialect.read_request(asked)
    assert request == (ModelRequest() if read is None else ModelRequest(**{field: read}))
    assert type(getattr(request, field)) is type(read)


@pytest.mark.parametrize(
    "nothing", [None, openai.NOT_GIVEN, getattr(openai, "omit", openai.NOT_GIVEN), object()]
)
def test_what_was_not_given_is_not_read(nothing: Any) -> None:
    """Sentinels of any SDK, and null, leave the record as if nothing had been asked."""
    names = (
        "model",
        "max_tokens",
        "max_completion_tokens",
        "temperature",
        "top_p",
        "top_k",
        "stop",
        "seed",
        "n",
    )
    names += ("response_format", "modalities", "reasoning", "reasoning_effort", "service_tier")
    assert CHAT.read_request(dict.fromkeys(names, nothing)) == ModelRequest()


def test_nothing_that_can_be_read_only_once_is_read() -> None:
    """Generators stay as they are, wherever they stand."""
    names = ("messages", "tools", "stop", "modalities", "response_format", "reasoning", "n", "seed")
    assert CHAT.read_request({"model": "m", **{name: never() for name in names}}) == ModelRequest(model="m")


def test_choices_keep_their_order_whenever_they_end() -> None:
    """Reasons stand by index, not by the order in which choices came or ended."""
    events = [
        chunk("b", index=1),
        chunk("a", index=0),
        chunk(finish="length", index=1),
        chunk(finish="stop", index=0),
    ]
    for form in (events, as_objects(events)):
        assert folded(form).finish_reasons == ("stop", "length")


@pytest.mark.parametrize(
    ("complete", "reasons"), [(True, ("stop",)), (False, ("error", "stop"))], ids=["read to its end", "cut"]
)
def test_a_choice_that_never_ended_is_told_only_if_the_stream_was_cut(
    complete: bool, reasons: tuple[str, ...]
) -> None:
    """One of two choices ended, the other was under way."""
    events = [chunk("a", index=0), chunk("b", index=1), chunk(finish="stop", index=1)]
    response = folded(events, complete=complete)
    assert response.finish_reasons == reasons
    assert response.raw_finish_reasons == ("stop",)


def test_a_reason_is_not_unsaid() -> None:
    """Azure sends further chunks of a choice that has ended, without a reason."""
    events = [chunk("a"), chunk(finish="stop"), chunk(), LAST]
    for form in (events, as_objects(events)):
        assert folded(form).finish_reasons == ("stop",)


def test_choices_without_an_index_count_by_their_place() -> None:
    """Servers that leave the index out, or send anything else in its place, still have choices."""
    choices = [{"finish_reason": "stop"}, {"index": "1", "finish_reason": "length"}]
    assert folded([completion(choices=choices)]).finish_reasons == ("stop", "length")


def test_facts_that_come_late_are_not_overlooked() -> None:
    """A first chunk may lack id and model; the next that has them counts, and the last is not waited for."""
    first = {**chunk("a"), "id": "", "model": None}
    stub = {**chunk(finish="stop"), "id": "stub", "model": "other"}
    events = [first, chunk("b"), chunk("c"), stub]
    for form in (events, as_objects(events)):
        response = folded(form)
        assert (response.id, response.model) == ("chatcmpl-1", "gpt-4o-2024-08-06")


@pytest.mark.parametrize(
    "extra",
    [{"usage": USAGE}, {"x_groq": {"usage": USAGE}}, {"error": {"code": 502, "message": "m"}}],
    ids=lambda extra: next(iter(extra)),
)
def test_objects_are_looked_into_when_they_hold_more_than_text(extra: dict[str, Any]) -> None:
    """Usage and errors in the middle of a stream are seen, also where the SDK does not know the field."""
    events = [chunk("a"), chunk("b", **extra), chunk("c")]
    assert folded(as_objects(events)) == folded(events)
    assert folded(events).usage or folded(events).error == "502"


def test_an_error_inside_a_choice_is_an_error() -> None:
    """OpenRouter reports a provider that failed so, with status 200."""
    answer = completion(finish="error")
    answer["choices"][0]["error"] = {"code": 502, "message": "m"}
    response = CHAT.read_answer(answer)
    assert (response.error, response.finish_reasons) == ("502", ("error",))


def test_ids_are_short_and_printable() -> None:
    """What a server calls an id may be anything; what is told of it can be encoded and has an end."""
    response = CHAT.read_answer(completion(id="x" * 5000, model="m\ud800"))
    assert response.id == "x" * 1024
    assert response.model == "m?"


def test_truth_is_no_number() -> None:
    """True and false are integers to Python, and counts to nobody."""
    usage = {"prompt_tokens": True, "completion_tokens": 7, "total_tokens": False}
    read = CHAT.read_answer(completion(usage=usage)).usage
    assert read is not None
    assert (read.input_tokens, read.output_tokens, read.total_tokens) == (None, 7, None)


def test_an_answer_is_neither_changed_nor_kept() -> None:
    """Folding leaves what the user has as it was, and the facts do not hold on to it."""
    answer = completion()
    before = repr(answer)
    response = CHAT.read_answer(answer)
    assert repr(answer) == before
    assert not [value for value in vars(response).values() if isinstance(value, (dict, list))]
