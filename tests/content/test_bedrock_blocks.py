"""Bedrock through the real SDKs: every kind of block, every family of models, whole and streamed."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from otel_llm.dialects.content import content_of
from otel_llm.dialects.content.pieces import Budget
from otel_llm.testing import Exchange, ReplayServer, Telemetry
from tests.content.told import (
    blob,
    server_call,
    server_result,
    spoken,
    thought,
    told,
    tool_call,
    tool_result,
    uri,
)
from tests.lives import eventstream
from tests.lives.scenarios import KINDS, begun, each, run, settle
from tests.lives.wires import amazon

session: Any = pytest.importorskip("botocore.session")
model = session.get_session().get_service_model("bedrock-runtime")
newest = pytest.mark.skipif(
    "searchResult" not in model.shape_for("ContentBlock").members or "SystemTool" not in model.shape_names,
    reason="this version knows fewer kinds of blocks",
)
captured = pytest.mark.settings(capture_content="SPAN_ONLY", tool_definitions="full")
AMAZON = {"content-type": "application/vnd.amazon.eventstream"}
PNG = base64.b64encode(b"png").decode()

CASES: list[tuple[dict[str, Any], list[dict[str, Any]]]] = [
    ({"reasoningContent": {"reasoningText": {"text": "hm", "signature": "sealed"}}}, [thought("hm")]),
    ({"reasoningContent": {"redactedContent": "c2VhbGVk"}}, []),
    ({"text": "Hello."}, spoken("", "Hello.")["parts"]),
    ({"toolUse": {"toolUseId": "c", "name": "f", "input": {"a": 1}}}, [tool_call("f", {"a": 1}, "c")]),
    ({"toolUse": {"toolUseId": "c", "name": "f", "input": {}}}, [tool_call("f", {}, "c")]),
    (
        {"toolUse": {"toolUseId": "s", "name": "dig", "input": {"q": 1}, "type": "server_tool_use"}},
        [server_call("dig", "s", input={"q": 1})],
    ),
    (
        {"toolResult": {"toolUseId": "s", "type": "dig_result", "content": [{"json": {"signature": 1}}]}},
        [server_result("dig", "s", content=[{"json": {"signature": 1}}])],
    ),
    ({"image": {"format": "png", "source": {"bytes": PNG}}}, [blob("image", PNG, "image/png")]),
]
CITED = {
    "citationsContent": {
        "content": [{"text": "Ruby"}, {"text": " is red."}],
        "citations": [{"title": "sealed", "sourceContent": [{"text": "sealed"}]}],
    }
}
PARTS = [part for _, parts in CASES for part in parts]
USAGE = {"inputTokens": 5, "outputTokens": 7, "totalTokens": 12}


def frames(blocks: list[dict[str, Any]]) -> list[bytes]:
    """A stream that says these blocks."""
    found = [eventstream.event("messageStart", {"role": "assistant"})]
    for place, block in enumerate(blocks):
        ((kind, held),) = block.items()
        start, deltas = pieces(kind, held)
        where = {"contentBlockIndex": place}
        if start:
            found.append(eventstream.event("contentBlockStart", {**where, "start": {kind: start}}))
        found += [eventstream.event("contentBlockDelta", {**where, "delta": delta}) for delta in deltas]
        found.append(eventstream.event("contentBlockStop", where))
    return [
        *found,
        eventstream.event("messageStop", {"stopReason": "end_turn"}),
        eventstream.event("metadata", {"usage": USAGE, "metrics": {"latencyMs": 1}}),
    ]


def pieces(kind: str, held: Any) -> tuple[Any, list[dict[str, Any]]]:
    """What begins a block, and what follows."""
    if kind == "text":
        return None, [{"text": held[:2]}, {"text": held[2:]}, {"citation": {"title": "sealed"}}]
    if kind == "toolUse":
        written = json.dumps(held["input"]) if held["input"] else ""
        given = {name: value for name, value in held.items() if name != "input"}
        return given, [{"toolUse": {"input": piece}} for piece in (written[:2], written[2:])]
    if kind == "toolResult":
        given = {name: value for name, value in held.items() if name != "content"}
        return given, [{"toolResult": held["content"]}]
    if kind == "image":
        return {"format": held["format"]}, [{"image": {"source": held["source"]}}]
    thoughts = held.get("reasoningText", held)
    names = {"text": "text", "signature": "signature", "redactedContent": "redactedContent"}
    return None, [{kind: {names[name]: words}} for name, words in thoughts.items()]


def converse_answer(*, stream: bool) -> Exchange:
    blocks = [block for block, _ in CASES]
    if stream:
        return Exchange(200, AMAZON, tuple(frames(blocks)))
    message = {"role": "assistant", "content": [*blocks, CITED]}
    return Exchange.json({"output": {"message": message}, "stopReason": "end_turn", "usage": USAGE})


async def converse(replay: ReplayServer, kind: str, *, stream: bool = False, **more: Any) -> Any:
    sdk = await amazon(kind, replay.url)
    given: dict[str, Any] = {
        "messages": [{"role": "user", "content": [{"text": "hi"}]}],
        "modelId": "m",
        **more,
    }
    result = await settle((sdk.converse_stream if stream else sdk.converse)(**given))
    return result["stream"] if stream else result


@newest
@captured
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stream", [False, True])
def test_every_block_of_an_answer_is_told(
    telemetry: Telemetry, replay: ReplayServer, kind: str, stream: bool
) -> None:
    """In their order, without what is encrypted, signed or cited."""

    async def go() -> None:
        result = await converse(replay, kind, stream=stream)
        if stream:
            async for _ in each(result):
                pass

    replay.answer(converse_answer(stream=stream))
    run(kind, go())
    found = told(telemetry)
    assert found["input.messages"] == [spoken("user", "hi")]
    cited = [] if stream else ["Ruby is red."]
    assert found["output.messages"] == [spoken("assistant", *PARTS, *cited, finish="stop")]
    assert "sealed" not in str(dict(telemetry.spans[0].attributes or {}))


@captured
@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_that_is_closed_early_tells_what_came(
    telemetry: Telemetry, replay: ReplayServer, kind: str
) -> None:
    """The reason to finish says that it did not; what the user does with an event changes nothing."""

    async def go() -> None:
        stream = await converse(replay, kind, stream=True)
        count = 0
        async for event in each(begun(stream)):
            event.get("contentBlockDelta", {}).clear()
            count += 1
            if count == 6:
                break
        await settle(stream.close())

    replay.answer(Exchange(200, AMAZON, tuple(frames([CASES[0][0], CASES[3][0]]))))
    run(kind, go())
    assert told(telemetry)["output.messages"][0] == spoken(
        "assistant", thought("hm"), tool_call("f", '{"', "c"), finish="error"
    )


S3 = {"s3Location": {"uri": "s3://bucket/key"}}
ASKED: list[dict[str, Any]] = [
    {"text": "look"},
    {"image": {"format": "png", "source": {"bytes": b"png"}}},
    {"image": {"format": "jpeg", "source": S3}},
    {"video": {"format": "mp4", "source": S3}},
    {"document": {"format": "pdf", "name": "n", "source": {"bytes": b"png"}, "context": "c"}},
    {"document": {"format": "txt", "name": "n", "source": {"text": "plain"}}},
    {"document": {"name": "n", "source": {"content": [{"text": "a"}, {"text": "b"}]}}},
    {"guardContent": {"text": {"text": "guarded", "qualifiers": ["query"]}}},
    {"guardContent": {"image": {"format": "png", "source": {"bytes": b"png"}}}},
    {"searchResult": {"source": "s", "title": "t", "content": [{"text": "found"}]}},
    {"cachePoint": {"type": "default"}},
]
LOOKED = [
    "look",
    blob("image", PNG, "image/png"),
    uri("image", "s3://bucket/key", mime_type="image/jpeg"),
    uri("video", "s3://bucket/key", mime_type="video/mp4"),
    blob("document", PNG, "application/pdf", name="n", context="c"),
    {"type": "text", "content": "plain", "name": "n"},
    {"type": "text", "content": "a", "name": "n"},
    {"type": "text", "content": "b", "name": "n"},
    "guarded",
    blob("image", PNG, "image/png"),
    {"type": "text", "content": "found", "title": "t", "source": "s"},
]
RESULTS = [
    {"text": "seen"},
    {"json": {"a": 1}},
    {"image": {"format": "png", "source": {"bytes": b"png"}}},
]
TOOLS = {
    "tools": [
        {"toolSpec": {"name": "f", "description": "does it", "inputSchema": {"json": {"type": "object"}}}},
        {"systemTool": {"name": "dig"}},
        {"cachePoint": {"type": "default"}},
    ]
}


@newest
@captured
@pytest.mark.parametrize("kind", KINDS)
def test_every_block_of_a_request_is_told(telemetry: Telemetry, replay: ReplayServer, kind: str) -> None:
    """In the order as sent, with media by their bytes or their address."""
    used = {"toolUse": {"toolUseId": "c", "name": "f", "input": {"a": 1}}}
    messages = [
        {"role": "user", "content": ASKED},
        {"role": "assistant", "content": [CASES[0][0], used, CITED]},
        {"role": "user", "content": [{"toolResult": {"toolUseId": "c", "content": RESULTS}}]},
    ]
    system: Any = [{"text": "be kind"}, {"cachePoint": {"type": "default"}}]
    replay.answer(converse_answer(stream=False))
    run(kind, converse(replay, kind, messages=messages, system=system, toolConfig=TOOLS))
    found = told(telemetry)
    result = tool_result([{"text": "seen"}, {"json": {"a": 1}}, blob("image", PNG, "image/png")], "c")
    assert found["input.messages"] == [
        spoken("user", *LOOKED),
        spoken("assistant", thought("hm"), tool_call("f", {"a": 1}, "c"), "Ruby is red."),
        spoken("user", result),
    ]
    assert found["system_instructions"] == [{"type": "text", "content": "be kind"}]
    assert found["tool.definitions"] == [
        {"type": "function", "name": "f", "description": "does it", "parameters": {"type": "object"}},
        {"type": "systemTool", "name": "dig"},
    ]


@captured
def test_what_is_put_into_a_kept_prompt_is_told(telemetry: Telemetry, replay: ReplayServer) -> None:
    """The prompt itself is Amazon's to keep, and nobody sends it."""
    replay.answer(converse_answer(stream=False))
    variables = {"word": {"text": "ham"}}
    sdk = run("sync", amazon("sync", replay.url))
    sdk.converse(modelId="arn:aws:bedrock:us-east-1:123456789012:prompt/P:1", promptVariables=variables)
    part = {"type": "prompt", "variables": variables}
    assert told(telemetry)["input.messages"] == [spoken("user", part)]


def test_generators_are_left_alone() -> None:
    """What can be read once is not ours to read."""
    given = (block for block in [{"text": "hi"}])
    asked = content_of("bedrock_converse.CONVERSE").asked
    assert asked({"messages": given, "system": given}).messages == []
    assert asked({"messages": [{"role": "user", "content": given}]}).messages == [spoken("user")]
    assert next(given)


@pytest.mark.parametrize("wrong", [None, 7, {}, ["a"]])
def test_media_without_an_address_say_nothing(wrong: Any) -> None:
    """There is nothing to tell of them."""
    block = {"image": {"format": "png", "source": {"s3Location": {"uri": wrong}}}}
    found = content_of("bedrock_converse.CONVERSE").asked(
        {"messages": [{"role": "user", "content": [block]}]}
    )
    assert found.messages == [spoken("user")]


def test_what_is_kept_of_a_stream_is_bounded() -> None:
    """Results that come whole count too, and what is cut says so."""
    reader = content_of("bedrock_converse.CONVERSE").reader(Budget(4000))
    for place in range(100):
        start = {"toolResult": {"toolUseId": "s", "type": "dig_result"}}
        reader.add({"contentBlockStart": {"contentBlockIndex": place, "start": start}})
        delta = {"toolResult": [{"text": "x" * 3000}]}
        reader.add({"contentBlockDelta": {"contentBlockIndex": place, "delta": delta}})
    found = reader.messages()
    assert len(json.dumps(found)) < 8000
    assert found[0]["parts"][1]["server_tool_call_response"]["content"][0]["text"].endswith(" characters]")
