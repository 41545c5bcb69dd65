"""What Ollama's chat and generate are asked and say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from otel_llm.testing import Exchange, ReplayServer, Telemetry
from tests.content import reading as common
from tests.content.parts import stable
from tests.lives.scenarios import KINDS, each, run, settle
from tests.native import OLLAMA, Native
from tests.recordings import Recording

ALL = common.recorded("ollama", "chat", "generate")
kinds = pytest.mark.parametrize("kind", KINDS)
captured = pytest.mark.settings(capture_content="SPAN_AND_EVENT", odd=True)


def kept(said: list[Any]) -> list[Any]:
    """Of words or parts, those that this version of the SDK has a field for: older ones have none for thoughts."""
    ollama: Any = pytest.importorskip("ollama")
    thinks = "thinking" in ollama.Message.model_fields
    return [one for one in said if thinks or "reasoning" not in (one.values() if type(one) is dict else one)]


def of_message(message: Any) -> Iterator[common.Words]:
    if message.get("role") == "tool":
        yield ("tool_call_response", stable(message["content"]))
        return
    if message.get("thinking"):
        yield ("reasoning", message["thinking"])
    if message.get("content"):
        yield ("text", message["content"])
    for call in message.get("tool_calls") or []:
        yield ("tool_call", call["function"]["name"], stable(call["function"]["arguments"]))
    for _ in message.get("images") or []:
        yield ("blob",)


def asked(body: Any) -> list[common.Words]:
    prompted = {"content": body.get("prompt"), "images": body.get("images")}
    return [found for message in body.get("messages", [prompted]) for found in of_message(message)]


def answered(events: list[Any]) -> list[common.Words]:
    messages = [event.get("message") or {"content": event.get("response")} for event in events]
    return common.joined(found for message in messages for found in of_message(message))


@pytest.mark.recordings
@pytest.mark.parametrize(("native", "recording"), ALL)
def test_everything_said_is_found_back(native: Native, recording: Recording) -> None:
    """Each text, thought, call, result and picture of both sides, word for word, and nothing else."""
    body, events = recording.asked, common.events_of(recording)
    request, said = common.read(f"ollama.{recording.api.upper()}", body, events)
    assert common.words(request.messages) == asked(body) != []
    assert common.words(request.system) == ([("text", body["system"])] if body.get("system") else [])
    assert [one["name"] for one in request.tools] == [
        one["function"]["name"] for one in body.get("tools") or []
    ]
    assert common.words(said) == answered(events)
    assert bool(said) == bool(events)
    assert list(common.faults(json.loads(json.dumps(common.attributes(request, said))))) == []


@pytest.mark.recordings
@kinds
@captured
@pytest.mark.parametrize(("native", "recording"), ALL)
def test_the_sdk_tells_what_was_recorded(
    telemetry: Telemetry, replay: ReplayServer, native: Native, recording: Recording, kind: str
) -> None:
    """Its objects are read like the JSON that they were made of."""
    told = common.through_the_sdk(replay, telemetry, native, recording, kind)
    assert common.words(told[common.OUTPUT]) == kept(answered(common.events_of(recording)))
    assert common.words(told[common.INPUT]) == asked(OLLAMA[recording.api])


@pytest.mark.recordings
@pytest.mark.parametrize(("native", "recording"), common.smallest(ALL))
def test_any_field_may_be_anything(native: Native, recording: Recording) -> None:
    """Nothing raises, and with a null in any place what is told is whole."""
    assert (
        list(common.wrongs(f"ollama.{recording.api.upper()}", recording.asked, common.events_of(recording)))
        == []
    )


CALL = {"function": {"name": "add", "arguments": {"a": 1}}}
FUNCTION = {"name": "add", "description": "adds", "parameters": {"type": "object", "properties": {}}}
MESSAGES: list[Any] = [
    {"role": "system", "content": "be good"},
    {"role": "user", "content": "hi", "images": [b"png"]},
    {"role": "assistant", "content": "", "thinking": "hm", "tool_calls": [CALL]},
    {"role": "tool", "content": "2", "tool_name": "add"},
]
PICTURE = {"type": "blob", "modality": "image", "content": "cG5n"}
TOLD = [{"type": "reasoning", "content": "first thought"}, {"type": "text", "content": "Hello"}]


def serve(replay: ReplayServer, events: list[Any], *, stream: bool) -> None:
    made = [{"model": "m", "done": False, **event} for event in events]
    made[-1] |= {"done": True, "done_reason": "stop"}
    body = tuple(json.dumps(one).encode() + b"\n" for one in made)
    replay.answer(
        Exchange(200, {"content-type": "application/x-ndjson"}, body) if stream else Exchange.json(made[-1])
    )


def ask(replay: ReplayServer, kind: str, name: str, upto: int = 99, **asked_: Any) -> None:
    ollama: Any = pytest.importorskip("ollama")
    sdk = (ollama.Client if kind == "sync" else ollama.AsyncClient)(host=replay.url)

    async def go() -> None:
        result, left = await settle(getattr(sdk, name)(model="m", **asked_)), upto
        if asked_["stream"]:
            async for _ in each(result):
                left -= 1
                if left <= 0:
                    break
            await settle(result.aclose() if hasattr(result, "aclose") else result.close())

    run(kind, go())


def chat(*, stream: bool) -> list[Any]:
    whole = {"role": "assistant", "thinking": "first thought", "content": "Hello", "tool_calls": [CALL]}
    pieces: list[Any] = [
        {"role": "assistant", "content": "", "thinking": "first "},
        {"role": "assistant", "content": "", "thinking": "thought"},
        {"role": "assistant", "content": "Hel"},
        {"role": "assistant", "content": "lo"},
        {"role": "assistant", "content": "", "tool_calls": [CALL]},
        {"role": "assistant", "content": ""},
    ]
    return [{"message": message} for message in (pieces if stream else [whole])]


@kinds
@pytest.mark.settings(capture_content="SPAN_ONLY", tool_definitions="full")
@pytest.mark.parametrize("stream", [False, True])
def test_a_chat_is_told(telemetry: Telemetry, replay: ReplayServer, kind: str, stream: bool) -> None:
    """Thoughts, words, pictures and calls of both sides."""
    serve(replay, chat(stream=stream), stream=stream)
    tools = [{"type": "function", "function": FUNCTION}]
    ask(replay, kind, "chat", messages=MESSAGES, tools=tools, stream=stream)
    told = common.of_the_span(telemetry)
    assert [one["role"] for one in told[common.INPUT]] == ["system", "user", "assistant", "tool"]
    sent = replay.requests[0].json["messages"]
    assert common.words(told[common.INPUT]) == [found for message in sent for found in of_message(message)]
    assert told[common.INPUT][1]["parts"][1] == PICTURE
    assert (told[common.TOOLS][0]["name"], told[common.TOOLS][0]["description"]) == ("add", "adds")
    call = {"type": "tool_call", "name": "add", "arguments": {"a": 1}}
    assert told[common.OUTPUT] == [
        {"role": "assistant", "parts": [*kept(TOLD), call], "finish_reason": "stop"}
    ]


@kinds
@captured
@pytest.mark.parametrize("stream", [False, True])
def test_generating_is_told(telemetry: Telemetry, replay: ReplayServer, kind: str, stream: bool) -> None:
    """The instructions apart; neither the template nor the tokens of what was said before."""
    thoughts = [{"thinking": piece, "response": ""} for piece in ("first ", "thought")]
    pieces = [*thoughts, {"response": "Hel"}, {"response": "lo"}]
    whole = [{"thinking": "first thought", "response": "Hello", "context": [1, 2]}]
    serve(replay, pieces if stream else whole, stream=stream)
    around = {"prompt": "def f(", "suffix": "return 1", "template": "left out", "context": [1, 2]}
    ask(replay, kind, "generate", system="be good", images=[b"png"], stream=stream, **around)
    told = common.of_the_span(telemetry)
    said = [{"type": "text", "content": "def f("}, {"type": "text", "content": "return 1"}]
    assert told[common.INPUT] == [{"role": "user", "parts": [*said, PICTURE]}]
    assert told[common.SYSTEM] == [{"type": "text", "content": "be good"}]
    assert told[common.OUTPUT] == [{"role": "assistant", "parts": kept(TOLD), "finish_reason": "stop"}]


@kinds
@captured
def test_a_stream_that_is_left_tells_what_came(telemetry: Telemetry, replay: ReplayServer, kind: str) -> None:
    """And that it has not ended well."""
    serve(replay, chat(stream=True), stream=True)
    ask(replay, kind, "chat", upto=3, messages=MESSAGES, stream=True)
    (said,) = common.of_the_span(telemetry)[common.OUTPUT]
    assert common.words([said]) == kept([("reasoning", "first thought"), ("text", "Hel")])
    assert said["finish_reason"] == "error"


def test_what_is_no_list_is_never_iterated() -> None:
    """The SDK is to get it whole."""
    source = iter(["hi"])
    names = ("messages", "tools", "prompt", "images", "system")
    for name in ("ollama.CHAT", "ollama.GENERATE"):
        request, _ = common.read(name, dict.fromkeys(names, source), [])
        assert request.messages == request.system == request.tools == []
    request, _ = common.read("ollama.CHAT", {"messages": [{"content": source, "images": source}]}, [])
    assert common.words(request.messages) == []
    assert list(source) == ["hi"]
