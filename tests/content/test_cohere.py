"""What Cohere's chat and generate are asked and say, in both versions of the API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from otel_llm.testing import Exchange, ReplayServer, Telemetry
from tests.content import reading as common
from tests.content.parts import stable
from tests.lives.scenarios import KINDS, each, run, settle
from tests.lives.wires import sse
from tests.native import COHERE, Native
from tests.recordings import Recording

ALL = common.recorded("cohere", "v2 chat", "v1 chat", "v1 generate")
kinds = pytest.mark.parametrize("kind", KINDS)
captured = pytest.mark.settings(capture_content="SPAN_AND_EVENT", odd=True)


def reading(recording: Recording) -> str:
    return "cohere.GENERATE" if recording.api == "v1 generate" else "cohere.CHAT"


def of_message(message: Any) -> Iterator[common.Words]:
    """What one message says, of either version."""
    if message["role"] == "tool":
        yield ("tool_call_response", stable(message["content"]))
        return
    if plan := message.get("tool_plan"):
        yield ("reasoning", plan)
    content = message.get("content") or message.get("message") or []
    for part in [{"type": "text", "text": content}] if isinstance(content, str) else content:
        if part["type"] == "image_url":
            address = part["image_url"]["url"]
            yield ("blob",) if address.startswith("data:") else ("uri", address)
        else:
            yield ("reasoning" if part["type"] == "thinking" else "text", part[part["type"]])
    for call in message.get("tool_calls") or []:
        function = call.get("function") or call
        yield ("tool_call", function["name"], stable(function.get("arguments") or function["parameters"]))


def asked(body: Any) -> list[common.Words]:
    messages = [*body.get("messages", []), *body.get("chat_history", [])]
    found = [words_ for message in messages for words_ in of_message(message)]
    return found + [("text", body[name]) for name in ("message", "prompt") if body.get(name)]


def answered(events: list[Any]) -> list[common.Words]:
    """What an answer says; of a stream, what its pieces say."""
    if len(events) == 1 and "generations" in events[0]:
        return [("text", one["text"]) for one in events[0]["generations"]]
    if len(events) == 1:
        return list(of_message(events[0].get("message") or {"role": "", "message": events[0]["text"]}))
    found: list[common.Words] = []
    for event in events:
        delta = (event.get("delta") or {}).get("message") or {}
        if event.get("event_type") == "text-generation":
            found.append(("text", event["text"]))
        elif event.get("type") == "tool-plan-delta":
            found.append(("reasoning", delta["tool_plan"]))
        elif event.get("type") == "content-delta":
            content = delta["content"]
            found.append(
                ("text", content["text"]) if "text" in content else ("reasoning", content["thinking"])
            )
        elif event.get("type") == "tool-call-start":
            found.append(("tool_call", delta["tool_calls"]["function"]["name"], "", str(event["index"])))
        elif event.get("type") == "tool-call-delta":
            (place,) = [at for at, each_ in enumerate(found) if each_[3:] == (str(event["index"]),)]
            kind, name, written, index = found[place]
            found[place] = (kind, name, written + delta["tool_calls"]["function"]["arguments"], index)
    called = [(*one[:2], stable(one[2])) if one[0] == "tool_call" else one for one in found]
    return common.joined(called)


@pytest.mark.recordings
@pytest.mark.parametrize(("native", "recording"), ALL)
def test_everything_said_is_found_back(native: Native, recording: Recording) -> None:
    """Each text, thought, plan, call and result of both sides, word for word, and nothing else."""
    body, events = recording.asked, common.events_of(recording)
    request, said = common.read(reading(recording), body, events)
    assert common.words(request.messages) == asked(body)
    assert [each_["name"] for each_ in request.tools] == [
        one["function"]["name"] for one in body.get("tools", [])
    ]
    assert common.words(said) == answered(events) if events else said == []
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
    assert common.words(told[common.OUTPUT]) == answered(common.events_of(recording))
    assert common.words(told[common.INPUT]) == asked(COHERE[recording.api])


@pytest.mark.recordings
@pytest.mark.parametrize(("native", "recording"), common.smallest(ALL))
def test_any_field_may_be_anything(native: Native, recording: Recording) -> None:
    """Nothing raises, and with a null in any place what is told is whole."""
    assert list(common.wrongs(reading(recording), recording.asked, common.events_of(recording))) == []


SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}
FUNCTION = {"name": "add", "description": "adds", "parameters": SCHEMA}
ASKED_V2: dict[str, Any] = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "be good"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "hi"},
                {"type": "image_url", "image_url": {"url": "https://a/b.png"}},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
            ],
        },
        {
            "role": "assistant",
            "tool_plan": "I add",
            "tool_calls": [
                {"id": "c", "type": "function", "function": {"name": "add", "arguments": '{"a":1}'}}
            ],
        },
        {
            "role": "tool",
            "tool_call_id": "c",
            "content": [{"type": "document", "document": {"data": {"result": "2"}}}],
        },
    ],
    "documents": [{"data": {"text": "left out"}}],
    "tools": [{"type": "function", "function": FUNCTION}],
}
PLAN, THOUGHT, SAID, CALLED = "I look up", "it is two", "Hello", {"a": 1}
TOLD_V2 = [
    {"type": "reasoning", "content": PLAN},
    {"type": "reasoning", "content": THOUGHT},
    {"type": "text", "content": SAID},
    {"type": "tool_call", "name": "add", "arguments": CALLED, "id": "1"},
    {"type": "tool_call", "name": "sub", "arguments": CALLED, "id": "2"},
]


def called(index: int, name: str | None, written: str) -> Any:
    calls: dict[str, Any] = {"function": {"arguments": written}}
    if name:
        calls = {
            "id": str(index + 1),
            "type": "function",
            "function": {"name": name, "arguments": written},
        }
    kind = "tool-call-start" if name else "tool-call-delta"
    return {"type": kind, "index": index, "delta": {"message": {"tool_calls": calls}}}


def piece(index: int, kind: str, **content: str) -> Any:
    return {"type": f"content-{kind}", "index": index, "delta": {"message": {"content": content}}}


def plan(words_: str) -> Any:
    return {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": words_}}}


WHOLE_V2 = {
    "id": "i",
    "finish_reason": "COMPLETE",
    "message": {
        "role": "assistant",
        "tool_plan": PLAN,
        "content": [{"type": "thinking", "thinking": THOUGHT}, {"type": "text", "text": SAID}],
        "tool_calls": [
            {
                "id": str(place + 1),
                "type": "function",
                "function": {"name": name, "arguments": json.dumps(CALLED)},
            }
            for place, name in enumerate(("add", "sub"))
        ],
        "citations": [{"start": 0, "end": 1, "text": "H"}],
    },
    "usage": {},
}
STREAM_V2 = [
    {"type": "message-start", "id": "i", "delta": {"message": {"role": "assistant"}}},
    plan("I look"),
    plan(" up"),
    piece(0, "start", type="thinking", thinking=""),
    piece(0, "delta", thinking="it is "),
    piece(0, "delta", thinking="two"),
    {"type": "content-end", "index": 0},
    piece(1, "start", type="text", text="H"),
    piece(1, "delta", text="el"),
    piece(1, "delta", text="lo"),
    {"type": "content-end", "index": 1},
    called(0, "add", ""),
    called(0, None, '{"a"'),
    called(0, None, ": 1}"),
    {"type": "tool-call-end", "index": 0},
    called(1, "sub", json.dumps(CALLED)),
    {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": {}}},
]


def client(replay: ReplayServer, kind: str, version: int) -> Any:
    cohere: Any = pytest.importorskip("cohere")
    name = f"{'Async' if kind == 'async' else ''}Client{'V2' if version == 2 else ''}"
    return getattr(cohere, name)(api_key="k", base_url=replay.url)


def ask(sdk: Any, kind: str, name: str, upto: int = 99, **asked_: Any) -> None:
    async def go() -> None:
        result = await settle(getattr(sdk, name)(**asked_))
        left = upto
        if name.endswith("_stream"):
            async for _ in each(result):
                left -= 1
                if left <= 0:
                    break
            await settle(result.aclose() if hasattr(result, "aclose") else result.close())

    run(kind, go())


@kinds
@pytest.mark.settings(capture_content="SPAN_ONLY", tool_definitions="full")
@pytest.mark.parametrize("stream", [False, True])
def test_version_2_is_told(telemetry: Telemetry, replay: ReplayServer, kind: str, stream: bool) -> None:
    """Plans and thoughts, words, and calls put together from their pieces; documents and citations left out."""
    answer = Exchange(200, {"content-type": "text/event-stream"}, sse(*STREAM_V2, "[DONE]"))
    replay.answer(answer if stream else Exchange.json(WHOLE_V2))
    ask(client(replay, kind, 2), kind, f"chat{'_stream' if stream else ''}", **ASKED_V2)
    told = common.of_the_span(telemetry)
    assert [each_["role"] for each_ in told[common.INPUT]] == ["system", "user", "assistant", "tool"]
    assert common.words(told[common.INPUT]) == asked(ASKED_V2)
    assert told[common.INPUT][2]["parts"][0] == {"type": "reasoning", "content": "I add"}
    assert told[common.TOOLS] == [{"type": "function", **FUNCTION}]
    reason = {"finish_reason": "stop"}
    assert told[common.OUTPUT] == [{"role": "assistant", "parts": TOLD_V2, **reason}]


ASKED_V1: dict[str, Any] = {
    "message": "and two?",
    "preamble": "be good",
    "chat_history": [
        {"role": "USER", "message": "add one"},
        {"role": "CHATBOT", "message": "I add", "tool_calls": [{"name": "add", "parameters": {"a": 1}}]},
    ],
    "tool_results": [{"call": {"name": "add", "parameters": {"a": 1}}, "outputs": [{"result": 2}]}],
    "documents": [{"text": "left out"}],
    "tools": [
        {
            "name": "add",
            "description": "adds",
            "parameter_definitions": {"a": {"type": "int", "required": True}},
        }
    ],
}
CALLS_V1 = [{"name": "add", "parameters": CALLED}]
WHOLE_V1 = {"text": "I look up", "generation_id": "g", "finish_reason": "COMPLETE", "tool_calls": CALLS_V1}
TOLD_V1 = [
    {"type": "text", "content": "I look up"},
    {"type": "tool_call", "name": "add", "arguments": CALLED},
]


def more(written: str, **call: Any) -> Any:
    return {"event_type": "tool-calls-chunk", "tool_call_delta": {"index": 0, "parameters": written, **call}}


STREAM_V1 = [
    {"event_type": "stream-start", "generation_id": "g"},
    {"event_type": "text-generation", "text": "I look"},
    {"event_type": "tool-calls-chunk", "text": " up"},
    more("", name="add"),
    more('{"a"'),
    more(": 1}"),
    {"event_type": "tool-calls-generation", "text": "I look up", "tool_calls": CALLS_V1},
    {"event_type": "stream-end", "finish_reason": "COMPLETE", "response": WHOLE_V1},
]


def lines(events: list[Any]) -> Exchange:
    last = events[-1]
    made = [json.dumps({"is_finished": one is last, **one}).encode() + b"\n" for one in events]
    return Exchange(200, {"content-type": "application/stream+json"}, tuple(made))


@kinds
@pytest.mark.settings(capture_content="SPAN_ONLY", tool_definitions="full")
@pytest.mark.parametrize("stream", [False, True])
def test_version_1_is_told(telemetry: Telemetry, replay: ReplayServer, kind: str, stream: bool) -> None:
    """The history before the message, the preamble apart; what the end of a stream repeats, once."""
    replay.answer(lines(STREAM_V1) if stream else Exchange.json(WHOLE_V1))
    ask(client(replay, kind, 1), kind, f"chat{'_stream' if stream else ''}", **ASKED_V1)
    told = common.of_the_span(telemetry)
    assert [(each_["role"], common.words([each_])) for each_ in told[common.INPUT]] == [
        ("USER", [("text", "add one")]),
        ("CHATBOT", [("text", "I add"), ("tool_call", "add", '{"a": 1}')]),
        ("tool", [("tool_call_response", '[{"result": 2}]')]),
        ("user", [("text", "and two?")]),
    ]
    assert told[common.SYSTEM] == [{"type": "text", "content": "be good"}]
    (tool,) = ASKED_V1["tools"]
    assert told[common.TOOLS][0]["parameters"]["a"]["type"] == tool["parameter_definitions"]["a"]["type"]
    assert told[common.TOOLS][0]["description"] == "adds"
    assert told[common.OUTPUT] == [{"role": "assistant", "parts": TOLD_V1, "finish_reason": "stop"}]


@kinds
@captured
@pytest.mark.parametrize("stream", [False, True])
def test_each_generation_is_a_message(
    telemetry: Telemetry, replay: ReplayServer, kind: str, stream: bool
) -> None:
    """Of two of them, in their order, whatever the order of their pieces."""
    ends = [{"id": "a", "text": "one", "finish_reason": "COMPLETE"}, {"id": "b", "text": "other"}]
    whole = {
        "id": "g",
        "prompt": "hi",
        "generations": [{**ends[0]}, {**ends[1], "finish_reason": "MAX_TOKENS"}],
    }
    pieces = [
        {"event_type": "text-generation", "text": text, "index": index}
        for text, index in (("oth", 1), ("one", 0), ("er", 1))
    ]
    last = {"event_type": "stream-end", "finish_reason": "COMPLETE", "response": whole}
    replay.answer(lines([*pieces, last]) if stream else Exchange.json(whole))
    name = f"generate{'_stream' if stream else ''}"
    ask(client(replay, kind, 1), kind, name, prompt="hi", num_generations=2)
    told = common.of_the_span(telemetry)
    assert common.words(told[common.INPUT]) == [("text", "hi")]
    assert common.words(told[common.OUTPUT]) == [("text", "one"), ("text", "other")]
    assert [each_["finish_reason"] for each_ in told[common.OUTPUT]] == ["stop", "length"]
    _, said = common.read("cohere.GENERATE", {}, pieces)
    assert common.words(said) == [("text", "one"), ("text", "other")]


@kinds
@captured
@pytest.mark.parametrize("version", [1, 2])
def test_a_stream_that_is_left_tells_what_came(
    telemetry: Telemetry, replay: ReplayServer, kind: str, version: int
) -> None:
    """And that it has not ended well."""
    answer = Exchange(200, {"content-type": "text/event-stream"}, sse(*STREAM_V2, "[DONE]"))
    replay.answer(lines(STREAM_V1) if version == 1 else answer)
    asked_, upto = (ASKED_V1, 2) if version == 1 else (ASKED_V2, 5)
    ask(client(replay, kind, version), kind, "chat_stream", upto=upto, **asked_)
    (said,) = common.of_the_span(telemetry)[common.OUTPUT]
    came = [("text", "I look")] if version == 1 else [("reasoning", PLAN), ("reasoning", "it is ")]
    assert (common.words([said]), said["finish_reason"]) == (came, "error")


@pytest.mark.parametrize("upto", [6, 7, 8])
def test_calls_of_version_1_are_told_once(upto: int) -> None:
    """Of their pieces, of the event that has them whole, and of the end, the last that came."""
    _, (said,) = common.read("cohere.CHAT", {}, STREAM_V1[:upto])
    assert said["parts"] == TOLD_V1


def test_a_message_that_begins_anew_forgets_what_came() -> None:
    """As a provider does that tries again."""
    _, (said,) = common.read("cohere.CHAT", {}, [*STREAM_V2[:9], *STREAM_V2])
    assert said["parts"] == TOLD_V2


@pytest.mark.parametrize(
    ("given", "events"),
    [(ASKED_V1, [WHOLE_V1]), (ASKED_V1, STREAM_V1), (ASKED_V2, [WHOLE_V2]), (ASKED_V2, STREAM_V2)],
)
def test_any_field_that_was_not_recorded_may_be_anything(given: Any, events: Any) -> None:
    """Nothing raises, and with a null in any place what is told is whole."""
    assert list(common.wrongs("cohere.CHAT", given, events)) == []


def test_what_is_no_list_is_never_iterated() -> None:
    """The SDK is to get it whole."""
    source = iter(["hi"])
    names = ("messages", "chat_history", "tool_results", "tools", "message", "preamble")
    request, _ = common.read("cohere.CHAT", dict.fromkeys(names, source), [])
    assert request.messages == request.system == request.tools == []
    assert list(source) == ["hi"]
