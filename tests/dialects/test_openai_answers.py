"""Answers and streams of OpenAI's APIs, folded into the facts of a response."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from otel_llm.dialects.dialect import Dialect
from otel_llm.dialects.finish_reasons import normalize
from otel_llm.dialects.openai_chat import CHAT, COMPLETIONS
from otel_llm.dialects.openai_embeddings import EMBEDDINGS
from otel_llm.dialects.openai_responses import RESPONSES
from otel_llm.dialects.sse import EventDecoder
from otel_llm.record import ModelResponse
from tests.lives.answers import LAST, RESPONSE, RESPONSE_EVENTS, STREAM, chunk, completion


def folded(dialect: Dialect, events: list[Any], *, complete: bool = True) -> ModelResponse:
    fold = dialect.fold()
    for event in events:
        fold.add(event)
    return fold.response(complete=complete)


@pytest.mark.parametrize(
    ("raw", "common"),
    [
        ("stop", "stop"),
        ("end_turn", "stop"),
        ("STOP", "stop"),
        ("COMPLETE", "stop"),
        ("eos", "stop"),
        ("max_tokens", "length"),
        ("MAX_TOKENS", "length"),
        ("max_output_tokens", "length"),
        ("tool_calls", "tool_call"),
        ("tool_use", "tool_call"),
        ("function_call", "tool_call"),
        ("SAFETY", "content_filter"),
        ("refusal", "content_filter"),
        ("guardrail_intervened", "content_filter"),
        ("Pause_Turn", "pause_turn"),
    ],
)
def test_finish_reasons_have_one_vocabulary(raw: str, common: str) -> None:
    """Known words become the common one, unknown ones stay, in lower case."""
    assert normalize(raw) == common


def test_the_first_id_and_model_count() -> None:
    """Azure's first chunk has neither, Groq's last has another id."""
    empty = {"id": "", "model": "", "choices": [], "prompt_filter_results": []}
    last = {**chunk(finish="stop"), "id": "stub", "model": "other"}
    response = folded(CHAT, [empty, chunk("a"), last])
    assert (response.id, response.model) == ("chatcmpl-1", "gpt-4o-2024-08-06")


def test_groq_and_moonshot_put_usage_elsewhere() -> None:
    """Under `x_groq`, or inside the choice: it is the usage of the call."""
    usage = {"prompt_tokens": 18, "completion_tokens": 3, "total_tokens": 21}
    groq = folded(CHAT, [chunk("a"), chunk(finish="stop", x_groq={"id": "r", "usage": usage})])
    inside = chunk(finish="stop")
    inside["choices"][0]["usage"] = usage
    for response in (groq, folded(CHAT, [chunk("a"), inside])):
        assert response.usage is not None
        assert response.usage.input_tokens == 18


def test_cumulative_usage_is_not_added_up() -> None:
    """Servers that send usage with each chunk send it cumulated."""
    growing = [chunk("a", usage={"prompt_tokens": 10, "completion_tokens": number}) for number in range(5)]
    usage = folded(CHAT, growing).usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens) == (10, 4)


def test_a_stream_that_ends_without_a_reason_has_none() -> None:
    """A reason is not invented where the provider gave none, but what was cut short is said."""
    assert folded(CHAT, [chunk("a")]).finish_reasons is None
    assert folded(CHAT, [chunk("a")], complete=False).finish_reasons == ("error",)
    assert folded(CHAT, [], complete=False).finish_reasons is None


@pytest.mark.parametrize("error", [None, {}, "", False])
def test_an_empty_error_is_none(error: Any) -> None:
    """Some servers send the field with every answer."""
    assert CHAT.read_answer(completion(error=error)).error is None


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ({"type": "invalid_request_error", "code": "x"}, "invalid_request_error"),
        ({"type": None, "code": "content_filter"}, "content_filter"),
        ({"code": 502, "message": "m"}, "502"),
        ({"message": "only prose"}, "_OTHER"),
        ("only prose", "_OTHER"),
    ],
)
def test_errors_in_a_body_have_a_code(error: Any, code: str) -> None:
    """Type, else code, else that there was one."""
    assert CHAT.read_answer({"error": error}).error == code
    assert COMPLETIONS.read_answer({"error": error}).error == code
    assert EMBEDDINGS.read_answer({"error": error}).error == code


@pytest.mark.parametrize(
    ("change", "reasons", "error"),
    [
        ({}, ("stop",), None),
        ({"output": [{"type": "function_call"}]}, ("tool_call",), None),
        ({"output": [{"type": "web_search_call"}]}, ("stop",), None),
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, ("length",), None),
        (
            {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}},
            ("content_filter",),
            None,
        ),
        ({"status": "failed", "error": {"code": "server_error", "message": "m"}}, ("error",), "server_error"),
        ({"status": "failed", "error": None}, ("error",), "_OTHER"),
        ({"status": "cancelled"}, ("error",), None),
        ({"status": "queued", "usage": None, "output": []}, None, None),
        ({"status": "in_progress", "usage": None, "output": []}, None, None),
    ],
)
def test_the_status_of_a_response_is_its_finish_reason(change: Any, reasons: Any, error: str | None) -> None:
    """Completed, cut, filtered, failed, or still to come in the background."""
    for events in (
        [{**RESPONSE, **change}],
        [{"type": "response.completed", "response": {**RESPONSE, **change}}],
    ):
        response = folded(RESPONSES, events)
        assert response.finish_reasons == reasons
        assert response.error == error


def test_an_error_event_of_a_response_stream_is_an_error() -> None:
    """It is an item like others to the SDK, and the end of the call to us."""
    event = {"type": "error", "code": "server_error", "message": "m", "param": None, "sequence_number": 1}
    response = folded(RESPONSES, [RESPONSE_EVENTS[0], event], complete=True)
    assert response.error == "server_error"
    assert response.id == "resp_1"


def test_embeddings_have_input_and_length_alone() -> None:
    """Lists and base64 have a length, Voyage reports the total alone, output does not exist."""
    vectors = {"data": [{"embedding": [0.1, 0.2, 0.3]}], "usage": {"total_tokens": 3}}
    response = EMBEDDINGS.read_answer(vectors)
    assert response.dimensions == 3
    assert response.usage is not None
    assert (response.usage.input_tokens, response.usage.output_tokens) == (3, None)
    encoded = {"data": [{"embedding": "AACAPwAAAEA="}], "usage": {"prompt_tokens": 5, "completion_tokens": 0}}
    assert EMBEDDINGS.read_answer(encoded).dimensions == 2


def places(thing: Any) -> Iterator[tuple[Any, Any]]:
    """Every container and key in nested JSON."""
    if isinstance(thing, dict):
        for key in thing:
            yield thing, key
            yield from places(thing[key])
    elif isinstance(thing, list):
        for index, entry in enumerate(thing):
            yield thing, index
            yield from places(entry)


WRONG = (None, "x", 7, -7, 1.5, True, [], {}, [None], {"a": None}, 10**30, "\ud800")
ANSWERS: dict[str, tuple[Dialect, list[Any]]] = {
    "chat": (CHAT, [completion()]),
    "chat stream": (CHAT, [*STREAM, LAST]),
    "responses": (RESPONSES, [RESPONSE]),
    "responses stream": (RESPONSES, RESPONSE_EVENTS),
    "embeddings": (
        EMBEDDINGS,
        [{"data": [{"embedding": [1.0]}], "usage": {"prompt_tokens": 1}, "model": "m"}],
    ),
}


@pytest.mark.parametrize(("dialect", "events"), ANSWERS.values(), ids=ANSWERS.keys())
def test_any_field_may_be_anything(dialect: Dialect, events: list[Any]) -> None:
    """Whatever stands in whatever place, nothing raises and no figure is anything but a count."""
    for number in range(sum(1 for _ in places(events))):
        for wrong in WRONG:
            changed = copy.deepcopy(events)
            container, key = list(places(changed))[number]
            container[key] = wrong
            response = folded(dialect, changed, complete=False)
            for value in vars(response.usage).values() if response.usage else ():
                assert value is None or (type(value) is int and 0 <= value < 2**63)
            for fact in (response.model, response.id, response.error, *(response.finish_reasons or ())):
                assert fact is None or fact.encode()


def test_events_are_found_however_their_bytes_are_cut() -> None:
    """Line ends, comments, names and pieces of any size make no difference."""
    body = b': hello\r\n\r\nevent: a\r\ndata: {"a": 1}\r\n\r\ndata: {"b":\ndata: 2}\n\ndata: nonsense\n\ndata: [DONE]\n\n'
    for size in (1, 2, 3, 7, 1000):
        decoder = EventDecoder()
        pieces = [body[start : start + size] for start in range(0, len(body), size)]
        assert [event for piece in pieces for event in decoder.feed(piece)] == [{"a": 1}, {"b": 2}]
        assert decoder.done
