"""What SDKs of providers say that speak OpenAI's language: groq, together and fireworks, generated and by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest

from otel_llm.testing import Exchange, Telemetry
from tests.content.reading import INPUT, OUTPUT, TOOLS, of_the_span, words
from tests.content.test_openai_chat import answered
from tests.lives.scenarios import settled
from tests.lives.wires import sse
from tests.providers.test_openai_like import User, user
from tests.recordings import Recording, openai_shaped

__all__ = ["user"]
captured = pytest.mark.settings(capture_content="SPAN_AND_EVENT", odd=True)
RECORDED = [
    recording
    for recording in openai_shaped()
    if recording.provider in ("groq", "together") and recording.status < 400 and "embed" not in recording.api
]


@pytest.mark.recordings
@captured
@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("recording", RECORDED, ids=lambda recording: recording.name)
def test_the_sdk_tells_what_was_recorded(
    telemetry: Telemetry, user: User, recording: Recording, asynchronous: bool
) -> None:
    """Whatever groq and together sent, word for word and once, through each of these SDKs."""
    if not user.knows(recording.api):
        pytest.skip(f"{user.name} has no {recording.api}")
    got, _ = user.run(recording, asynchronous=asynchronous)
    if not user.generated and type(got[-1]).__name__ == "Failure":
        pytest.skip("this version refuses what its provider never sends")
    assert settled(telemetry)
    told = of_the_span(telemetry)
    said = answered(recording)
    if not user.generated:  # it drops what it has no field for
        said = [one for one in said if one[0] in ("text", "tool_call") or one in words(told[OUTPUT])]
    assert words(told[OUTPUT]) == said
    assert words(told[INPUT]) == [("text", "hi")]


COMPLETION = {"id": "i", "object": "text_completion", "created": 1, "model": "m"}
USED = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
TOOL = {"type": "function", "function": {"name": "add", "description": "adds", "parameters": {}}}


def chunked(user: User) -> Exchange:
    """Completions in chunks. Together says each word twice, in the choice and as a token."""
    twice = user.name == "together"
    events = [
        {
            **COMPLETION,
            "choices": [{"index": 0, "text": text, "finish_reason": None}],
            **({"token": {"id": 1, "text": text, "logprob": 0.0, "special": False}} if twice else {}),
        }
        for text in ("Hel", "lo")
    ]
    return Exchange(200, {"content-type": "text/event-stream"}, sse(*events, "[DONE]"))


@captured
@pytest.mark.parametrize("stream", [False, True])
def test_completions_are_told_once(telemetry: Telemetry, user: User, stream: bool) -> None:
    """Their prompt, and each word of the answer once."""
    if not user.knows("completions"):
        pytest.skip(f"{user.name} has no completions")
    whole = {**COMPLETION, "choices": [{"index": 0, "text": "Hello", "finish_reason": "stop"}]}
    user.provider.reset()
    user.provider.answer(chunked(user) if stream else Exchange.json({**whole, "usage": USED}))
    result = user.client.completions.create(model="m", prompt="hi", stream=stream)
    assert not stream or list(result)
    settled(telemetry)
    told = of_the_span(telemetry)
    assert words(told[INPUT]) == [("text", "hi")]
    assert words(told[OUTPUT]) == [("text", "Hello")]


@captured
def test_what_is_asked_is_told(telemetry: Telemetry, user: User) -> None:
    """Messages of all roles, and tools by name."""
    message = {"role": "assistant", "content": "Hello"}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    user.provider.reset()
    user.provider.answer(Exchange.json({**COMPLETION, "choices": choices, "usage": USED}))
    call = {"id": "c", "type": "function", "function": {"name": "add", "arguments": json.dumps({"a": 1})}}
    messages: list[Any] = [
        {"role": "system", "content": "be good"},
        {"role": "user", "content": [{"type": "text", "text": "hi"}]},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "2"},
    ]
    user.client.chat.completions.create(model="m", messages=messages, tools=[TOOL], stream=False)
    told = of_the_span(telemetry)
    assert [one["role"] for one in told[INPUT]] == ["system", "user", "assistant", "tool"]
    assert words(told[INPUT]) == [
        ("text", "be good"),
        ("text", "hi"),
        ("tool_call", "add", '{"a": 1}'),
        ("tool_call_response", "2"),
    ]
    assert told[TOOLS] == [{"type": "function", "name": "add"}]
    assert words(told[OUTPUT]) == [("text", "Hello")]
