"""What is asked of the Responses API, and what the events of its streams come to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openai
import pytest

from otel_llm.dialects.openai_responses import RESPONSES
from otel_llm.record import ModelRequest, ModelResponse
from tests.lives.answers import RESPONSE, RESPONSE_EVENTS

CREATED = RESPONSE_EVENTS[0]


def folded(*events: Any, complete: bool = True) -> ModelResponse:
    fold = RESPONSES.fold()
    for event in events:
        fold.add(event)
    return fold.response(complete=complete)


def final(kind: str, **change: Any) -> dict[str, Any]:
    """The event that ends a stream, with the whole response in it."""
    status = kind.removeprefix("response.")
    return {"type": kind, "sequence_number": 9, "response": {**RESPONSE, "status": status, **change}}


def never() -> Iterator[Any]:
    """A generator that must not be started: it is the SDK's to consume."""
    raise AssertionError
    yield


@pytest.mark.parametrize(
    ("asked", "read"),
    [
        ({"model": "gpt-5"}, {"model": "gpt-5"}),
        ({"stream": True}, {"stream": True}),
        ({"max_output_tokens": 5}, {"max_tokens": 5}),
        ({"max_tokens": 5}, {}),
        ({"temperature": 1}, {"temperature": 1.0}),
        ({"top_p": 0.5}, {"top_p": 0.5}),
        ({"top_k": 4}, {"top_k": 4}),
        ({"text": {"format": {"type": "json_schema", "schema": {}}}}, {"output_type": "json"}),
        ({"text": {"format": {"type": "text"}}}, {"output_type": "text"}),
        ({"text": {"verbosity": "low"}}, {}),
        ({"reasoning": {"effort": "minimal", "summary": "auto"}}, {"reasoning_level": "minimal"}),
        ({"reasoning": {"effort": None}}, {}),
        ({"service_tier": "priority"}, {"service_tier": "priority"}),
        ({"previous_response_id": "resp_0"}, {"previous_response_id": "resp_0"}),
        ({"conversation": "conv_1"}, {"conversation_id": "conv_1"}),
        ({"conversation": {"id": "conv_1"}}, {"conversation_id": "conv_1"}),
        ({"conversation": {}}, {}),
        ({"prompt": {"id": "pmpt_1", "version": "2"}}, {"prompt_name": "pmpt_1", "prompt_version": "2"}),
        ({"prompt": {"id": "pmpt_1", "variables": {"a": "b"}}}, {"prompt_name": "pmpt_1"}),
        ({"prompt": {"version": "2"}}, {}),
    ],
)
def test_every_parameter_has_its_place(asked: dict[str, Any], read: dict[str, Any]) -> None:
    """And nothing else is read."""
    request = RESPONSES.read_request(asked)
    assert request == ModelRequest(**read)
    for field, value in read.items():
        assert type(getattr(request, field)) is type(value)


@pytest.mark.parametrize(
    "nothing", [None, openai.NOT_GIVEN, getattr(openai, "omit", openai.NOT_GIVEN), object()]
)
def test_what_was_not_given_is_not_read(nothing: Any) -> None:
    """Sentinels of any SDK, and null, leave the record as if nothing had been asked."""
    names = ("model", "max_output_tokens", "temperature", "text", "reasoning", "service_tier", "prompt")
    names += ("previous_response_id", "conversation", "top_p", "top_k")
    assert RESPONSES.read_request(dict.fromkeys(names, nothing)) == ModelRequest()


def test_nothing_that_can_be_read_only_once_is_read() -> None:
    """Generators stay as they are, wherever they stand."""
    names = ("input", "tools", "include", "text", "reasoning", "conversation", "prompt")
    assert RESPONSES.read_request({"model": "m", **{name: never() for name in names}}) == ModelRequest(
        model="m"
    )


@pytest.mark.parametrize(
    ("event", "reasons", "error"),
    [
        (final("response.completed"), ("stop",), None),
        (final("response.incomplete", incomplete_details={"reason": "max_output_tokens"}), ("length",), None),
        (
            final("response.incomplete", incomplete_details={"reason": "content_filter"}),
            ("content_filter",),
            None,
        ),
        (final("response.incomplete", incomplete_details=None), ("incomplete",), None),
        (final("response.failed", error={"code": "server_error"}), ("error",), "server_error"),
        (final("response.failed", error={"message": "prose only"}), ("error",), "_OTHER"),
        (final("response.cancelled"), ("error",), None),
    ],
    ids=lambda value: value["type"] if isinstance(value, dict) else None,
)
def test_the_last_event_tells_how_it_ended(event: Any, reasons: tuple[str, ...], error: str | None) -> None:
    """With the figures that came in it, whatever the end."""
    response = folded(*RESPONSE_EVENTS[:-1], event)
    assert (response.finish_reasons, response.error) == (reasons, error)
    assert response.usage is not None
    assert (response.usage.input_tokens, response.usage.cache_read_tokens) == (1000, 900)


def test_a_stream_cut_after_its_first_event_has_a_model_and_no_figures() -> None:
    """What was created is known; how it would have ended is not."""
    response = folded(*RESPONSE_EVENTS[:3], complete=False)
    assert (response.id, response.model) == ("resp_1", "gpt-4o-2024-08-06")
    assert (response.finish_reasons, response.usage) == (("error",), None)


@pytest.mark.parametrize("status", ["queued", "in_progress"])
def test_what_runs_in_the_background_has_not_ended(status: str) -> None:
    """No finish reason, no figures and no error, asked plainly or followed by its events."""
    waiting = {**RESPONSE, "status": status, "output": [], "usage": None, "background": True}
    for events in ((waiting,), (CREATED, {"type": f"response.{status}", "response": waiting})):
        response = folded(*events)
        assert (response.finish_reasons, response.usage, response.error) == (None, None, None)


@pytest.mark.parametrize(
    ("event", "error"),
    [
        ({"type": "error", "code": "rate_limit_exceeded", "message": "m"}, "rate_limit_exceeded"),
        ({"type": "error", "code": None, "message": "prose only"}, "_OTHER"),
        ({"type": "error", "error": {"type": "server_error", "message": "m"}}, "server_error"),
        ({"type": "error", "error": {"message": "prose only"}}, "_OTHER"),
        ({"type": "error"}, "_OTHER"),
    ],
)
def test_an_error_event_is_an_error_with_or_without_a_response(event: Any, error: str) -> None:
    """Its code stands in it or in an object inside it."""
    assert folded(event).error == error
    assert folded(event).id is None
    after = folded(CREATED, event)
    assert (after.error, after.id) == (error, "resp_1")


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("function_call", "tool_call"),
        ("custom_tool_call", "tool_call"),
        ("computer_call", "tool_call"),
        ("local_shell_call", "tool_call"),
        ("shell_call", "tool_call"),
        ("apply_patch_call", "tool_call"),
        ("web_search_call", "stop"),
        ("file_search_call", "stop"),
        ("code_interpreter_call", "stop"),
        ("mcp_call", "stop"),
        ("reasoning", "stop"),
        (None, "stop"),
        (["function_call"], "stop"),
    ],
)
def test_only_what_the_caller_must_run_is_a_tool_call(kind: Any, reason: str) -> None:
    """What the provider ran itself is part of the answer."""
    output = [*RESPONSE["output"], {"type": kind}]
    assert folded({**RESPONSE, "output": output}).finish_reasons == (reason,)


def test_a_response_that_was_cut_did_not_end_with_a_tool_call() -> None:
    """The call may be there by half."""
    cut = final(
        "response.incomplete",
        incomplete_details={"reason": "max_output_tokens"},
        output=[{"type": "function_call"}],
    )
    assert folded(cut).finish_reasons == ("length",)


@pytest.mark.parametrize("event", [None, {}, [], "x", {"type": "response.created", "response": None}])
def test_events_of_no_shape_tell_nothing(event: Any) -> None:
    """Nor do they undo what was told."""
    assert folded(event).usage is None
    if event:
        assert folded(final("response.completed"), event).finish_reasons == ("stop",)


def test_usage_beside_an_error_is_added_to_what_is_known() -> None:
    """The SDK's exception ends the stream; the figures that came with it do not replace the response so far."""
    response = folded(CREATED, {"usage": RESPONSE["usage"]}, complete=False)
    assert (response.id, response.finish_reasons) == ("resp_1", ("error",))
    assert response.usage is not None
    assert response.usage.output_tokens == 7
