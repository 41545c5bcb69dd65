"""What Mistral's APIs are asked and say: chats in envelopes, filling in the middle, conversations."""

from __future__ import annotations

from typing import Any

import pytest

from otel_llm.testing import Exchange, ReplayServer, Telemetry
from tests.content import reading as common
from tests.content.test_openai_chat import answered, asked
from tests.lives.answers import MESSAGES, RESPONSE
from tests.lives.scenarios import KINDS, each, run
from tests.lives.wires import sse
from tests.native import Native
from tests.providers.test_mistral import MAJOR, call, client
from tests.recordings import Recording

ALL = common.recorded("mistralai", "chat")
kinds = pytest.mark.parametrize("kind", KINDS)
captured = pytest.mark.settings(capture_content="SPAN_AND_EVENT", odd=True)


@pytest.mark.recordings
@pytest.mark.parametrize(("native", "recording"), ALL)
def test_everything_said_is_found_back(native: Native, recording: Recording) -> None:
    """Each text, thought, call, result and medium of both sides, word for word, and nothing else."""
    body, events = recording.asked, common.events_of(recording)
    request, said = common.read("mistral.CHAT", body, [{"data": event} for event in events])
    assert common.words(request.messages) == list(asked(body))
    assert common.words(said) == (answered(recording) if events else [])
    assert list(common.faults(common.attributes(request, said))) == []


@pytest.mark.recordings
@kinds
@captured
@pytest.mark.parametrize(("native", "recording"), ALL)
def test_the_sdk_tells_what_was_recorded(
    telemetry: Telemetry, replay: ReplayServer, native: Native, recording: Recording, kind: str
) -> None:
    """Its objects, and the envelopes of its events, are read like the JSON that they were made of."""
    told = common.through_the_sdk(replay, telemetry, native, recording, kind)
    assert common.words(told[common.OUTPUT]) == answered(recording)
    assert common.words(told[common.INPUT]) == list(asked({"messages": MESSAGES}))


@pytest.mark.recordings
@pytest.mark.parametrize(("native", "recording"), common.smallest(ALL))
def test_any_field_may_be_anything(native: Native, recording: Recording) -> None:
    """Nothing raises, and with a null in any place what is told is whole."""
    assert list(common.wrongs("mistral.CHAT", recording.asked, common.events_of(recording))) == []


PIECES = [
    {"role": "assistant", "content": ""},
    {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "first "}]}]},
    {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "thought"}], "closed": True}]},
    {"content": [{"type": "text", "text": "Hel"}]},
    {"content": "lo"},
    {"tool_calls": [{"id": "c", "index": 0, "function": {"name": "add", "arguments": '{"a"'}}]},
    {"tool_calls": [{"id": "c", "index": 0, "function": {"name": "add", "arguments": ": 1}"}}]},
]
TOLD = [
    {"type": "reasoning", "content": "first thought"},
    {"type": "text", "content": "Hello"},
    {"type": "tool_call", "name": "add", "arguments": {"a": 1}, "id": "c"},
]
USED = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}


def whole() -> Any:
    thoughts = {"type": "thinking", "thinking": [{"type": "text", "text": "first thought"}]}
    function = {"name": "add", "arguments": '{"a": 1}'}
    message = {
        "role": "assistant",
        "content": [thoughts, {"type": "text", "text": "Hello"}, {"type": "reference", "reference_ids": [1]}],
        "tool_calls": [{"id": "c", "function": function}],
    }
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {"id": "i", "object": "o", "created": 1, "model": "m", "choices": [choice], "usage": USED}


def stream() -> Exchange:
    base = {"id": "i", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    reasons = [*([None] * (len(PIECES) - 1)), "stop"]
    events = [
        {**base, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}
        for delta, reason in zip(PIECES, reasons, strict=True)
    ]
    return Exchange(200, {"content-type": "text/event-stream"}, sse(*events, "[DONE]"))


def ask(replay: ReplayServer, kind: str, name: str, upto: int = 99, **asked_: Any) -> None:
    async def go() -> None:
        result, left = await call(client(replay), kind, name, **asked_), upto
        if "stream" in name:
            async for _ in each(result):
                left -= 1
                if left <= 0:
                    break
            del result

    run(kind, go())


FUNCTION = {"name": "add", "description": "adds", "parameters": {"type": "object"}}
CHAT: list[Any] = [
    {"role": "system", "content": "be good"},
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "hi"},
            {"type": "image_url", "image_url": "https://a/b.png"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
            {"type": "document_url", "document_url": "https://a/b.pdf"},
        ],
    },
    {
        "role": "assistant",
        "content": "",
        "tool_calls": [{"id": "c", "function": {"name": "add", "arguments": {"a": 1}}}],
    },
    {"role": "tool", "tool_call_id": "c", "name": "add", "content": "2"},
]
ASKED = [
    ("text", "be good"),
    ("text", "hi"),
    ("uri", "https://a/b.png"),
    ("blob",),
    ("uri", "https://a/b.pdf"),
    ("tool_call", "add", '{"a": 1}'),
    ("tool_call_response", "2"),
]
thinking = pytest.mark.skipif(MAJOR < 2, reason="this version has no thoughts in streams")


@kinds
@captured
@pytest.mark.parametrize("name", ["chat", "agents"])
@pytest.mark.parametrize("streamed", [False, True])
def test_chats_and_agents_are_told(
    telemetry: Telemetry, replay: ReplayServer, kind: str, name: str, streamed: bool
) -> None:
    """Thoughts and words in chunks, addresses that stand alone, and calls put together from their pieces."""
    replay.answer(stream() if streamed else Exchange.json(whole()))
    model = {"agent_id": "a"} if name == "agents" else {"model": "m"}
    tools = [{"type": "function", "function": FUNCTION}]
    ask(replay, kind, f"{name}.{'stream' if streamed else 'complete'}", messages=CHAT, tools=tools, **model)
    told = common.of_the_span(telemetry)
    assert [one["role"] for one in told[common.INPUT]] == ["system", "user", "assistant", "tool"]
    assert common.words(told[common.INPUT]) == ASKED
    assert told[common.TOOLS] == [{"type": "function", "name": "add"}]
    assert told[common.OUTPUT] == [{"role": "assistant", "parts": TOLD, "finish_reason": "stop"}]


@captured
def test_objects_of_the_sdk_are_read_like_dicts(telemetry: Telemetry, replay: ReplayServer) -> None:
    """Messages and chunks, made by the user."""
    models: Any = pytest.importorskip("mistralai.client.models" if MAJOR > 1 else "mistralai.models")
    replay.answer(Exchange.json(whole()))
    made = [
        models.SystemMessage(**CHAT[0]),
        models.UserMessage(**CHAT[1]),
        models.AssistantMessage(**CHAT[2]),
        models.ToolMessage(**CHAT[3]),
    ]
    client(replay).chat.complete(model="m", messages=made)
    assert common.words(common.of_the_span(telemetry)[common.INPUT]) == ASKED


@kinds
@captured
@pytest.mark.parametrize("streamed", [False, True])
def test_filling_in_is_told(telemetry: Telemetry, replay: ReplayServer, kind: str, streamed: bool) -> None:
    """What stands before the gap, and what after it."""
    replay.answer(stream() if streamed else Exchange.json(whole()))
    around = {"prompt": "def f(", "suffix": "return 1"}
    ask(replay, kind, f"fim.{'stream' if streamed else 'complete'}", model="m", **around)
    told = common.of_the_span(telemetry)
    assert common.words(told[common.INPUT]) == [("text", "def f("), ("text", "return 1")]
    assert common.words(told[common.OUTPUT])[:2] == [("reasoning", "first thought"), ("text", "Hello")]


@kinds
@captured
def test_a_stream_that_is_left_tells_what_came(telemetry: Telemetry, replay: ReplayServer, kind: str) -> None:
    """And that it has not ended well."""
    replay.answer(stream())

    async def go() -> None:
        result, left = await call(client(replay), kind, "chat.stream", model="m", messages=CHAT), 4
        if kind == "sync":
            with result:
                for _ in result:
                    left -= 1
                    if not left:
                        break
            return
        async with result:
            async for _ in result:
                left -= 1
                if not left:
                    break

    run(kind, go())
    (said,) = common.of_the_span(telemetry)[common.OUTPUT]
    assert common.words([said]) == [("reasoning", "first thought"), ("text", "Hel")]
    assert said["finish_reason"] == "error"


# Conversations.

INPUTS: list[Any] = [
    {"type": "message.input", "role": "user", "content": "hi"},
    {"type": "message.output", "content": [{"type": "text", "text": "I add"}]},
    {"type": "function.call", "tool_call_id": "c", "name": "add", "arguments": '{"a": 1}'},
    {"type": "function.result", "tool_call_id": "c", "result": "2"},
]
OUTPUTS: list[Any] = [
    {"type": "tool.execution", "id": "s", "name": "web_search", "arguments": '{"q": 1}', "info": {"r": 2}},
    {
        "type": "message.output",
        "id": "m",
        "content": [
            {"type": "text", "text": "Hel"},
            {"type": "tool_reference", "tool": "web_search", "title": "t"},
            {"type": "text", "text": "lo"},
            {"type": "tool_file", "tool": "image_generation", "file_id": "f"},
        ],
    },
    {"type": "function.call", "id": "x", "tool_call_id": "c", "name": "add", "arguments": '{"a": 1}'},
]
DONE = {"conversation_id": "c", "outputs": OUTPUTS, "usage": USED, "object": "conversation.response"}


def said(index: int, content: Any) -> Any:
    return {"type": "message.output.delta", "id": "m", "content_index": index, "content": content}


def running(kind: str, **more: Any) -> Any:
    return {"type": f"tool.execution.{kind}", "id": "s", "name": "web_search", **more}


def calling(written: str) -> Any:
    name = {"id": "x", "tool_call_id": "c", "name": "add"}
    return {"type": "function.call.delta", **name, "arguments": written}


CONVERSATION = [
    {"type": "conversation.response.started", "conversation_id": "c"},
    running("started", arguments=""),
    running("delta", arguments='{"q"'),
    running("delta", arguments=": 1}"),
    running("done", info={"r": 2}),
    said(0, "Hel"),
    said(1, {"type": "tool_reference", "tool": "web_search", "title": "t"}),
    said(2, {"type": "text", "text": "l"}),
    said(2, "o"),
    said(3, {"type": "tool_file", "tool": "image_generation", "file_id": "f"}),
    calling('{"a"'),
    calling(": 1}"),
    {"type": "conversation.response.done", "usage": USED},
]
TOLD_THERE = [
    {
        "type": "server_tool_call",
        "name": "web_search",
        "server_tool_call": {"arguments": {"q": 1}, "type": "web_search"},
        "id": "s",
    },
    {
        "type": "server_tool_call_response",
        "server_tool_call_response": {"info": {"r": 2}, "type": "web_search"},
        "id": "s",
    },
    {"type": "text", "content": "Hel"},
    {"type": "text", "content": "lo"},
    {"type": "file", "modality": "document", "file_id": "f"},
    {"type": "tool_call", "name": "add", "arguments": {"a": 1}, "id": "c"},
]


@kinds
@captured
@pytest.mark.parametrize("streamed", [False, True])
def test_conversations_are_told(
    telemetry: Telemetry, replay: ReplayServer, kind: str, streamed: bool
) -> None:
    """Words, calls, and tools that Mistral runs, whole or from their events; what is cited is left out."""
    events = Exchange(200, {"content-type": "text/event-stream"}, sse(*CONVERSATION, named=True))
    replay.answer(events if streamed else Exchange.json(DONE))
    tools = [{"type": "function", "function": FUNCTION}, {"type": "web_search"}]
    name = f"beta.conversations.start{'_stream' if streamed else ''}"
    ask(replay, kind, name, model="m", inputs=INPUTS, instructions="be good", tools=tools)
    told = common.of_the_span(telemetry)
    assert [(one["role"], common.words([one])) for one in told[common.INPUT]] == [
        ("user", [("text", "hi")]),
        ("assistant", [("text", "I add")]),
        ("assistant", [("tool_call", "add", '{"a": 1}')]),
        ("tool", [("tool_call_response", "2")]),
    ]
    assert told[common.SYSTEM] == [{"type": "text", "content": "be good"}]
    assert [one["name"] for one in told[common.TOOLS]] == ["add", "web_search"]
    (answer,) = told[common.OUTPUT]
    assert answer["parts"] == TOLD_THERE


@kinds
@captured
def test_a_conversation_may_begin_with_a_text(telemetry: Telemetry, replay: ReplayServer, kind: str) -> None:
    """Which is the user's."""
    replay.answer(Exchange.json(DONE))
    ask(replay, kind, "beta.conversations.start", model="m", inputs="hi")
    text = {"type": "text", "content": "hi"}
    assert common.of_the_span(telemetry)[common.INPUT] == [{"role": "user", "parts": [text]}]


def test_events_of_a_conversation_may_be_anything() -> None:
    """Nothing raises, and with a null in any place what is told is whole."""
    for events in ([DONE], CONVERSATION):
        assert list(common.wrongs("mistral.CONVERSATIONS", {"inputs": INPUTS}, events)) == []


def test_what_is_no_list_is_never_iterated() -> None:
    """The SDK is to get it whole."""
    source = iter(["hi"])
    names = ("messages", "tools", "prompt", "suffix", "inputs", "instructions")
    for name in ("mistral.CHAT", "mistral.FIM", "mistral.CONVERSATIONS"):
        request, _ = common.read(name, dict.fromkeys(names, source), [])
        assert common.words(request.messages) == request.system == request.tools == []
    assert list(source) == ["hi"]


@kinds
@captured
@pytest.mark.skipif(MAJOR < 3, reason="this version has no responses")
@pytest.mark.parametrize("streamed", [False, True])
def test_responses_are_told(telemetry: Telemetry, replay: ReplayServer, kind: str, streamed: bool) -> None:
    """In the words of OpenAI's API of that name, in Mistral's envelopes."""
    begun = {**RESPONSE, "status": "in_progress", "usage": None, "output": []}
    more = {"item_id": "msg_1", "output_index": 0, "content_index": 0, "logprobs": []}
    events = [
        {"type": "response.created", "sequence_number": 0, "response": begun},
        *(
            {"type": "response.output_text.delta", "sequence_number": place, "delta": piece, **more}
            for place, piece in enumerate(("Hel", "lo."), 1)
        ),
        {"type": "response.completed", "sequence_number": 3, "response": RESPONSE},
    ]
    stream_ = Exchange(200, {"content-type": "text/event-stream"}, sse(*events, named=True))
    replay.answer(stream_ if streamed else Exchange.json(RESPONSE))

    async def go() -> None:
        asked_ = {"model": "m", "input": "hi", "instructions": "be good"}
        result = await call(client(replay), kind, "responses.create", stream=streamed, **asked_)
        if streamed:
            assert [event async for event in each(result)]

    run(kind, go())
    told = common.of_the_span(telemetry)
    assert common.words(told[common.INPUT]) == [("text", "hi")]
    assert told[common.SYSTEM] == [{"type": "text", "content": "be good"}]
    assert common.words(told[common.OUTPUT]) == [("text", "Hello.")]
