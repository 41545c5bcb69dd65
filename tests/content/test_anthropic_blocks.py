"""Anthropic's messages through the real SDK: every kind of block, whole and streamed, to the end and not."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest

from otel_llm.dialects.content import content_of
from otel_llm.testing import Exchange, ReplayServer, Request, Telemetry
from tests.content.reading import read as read_wire
from tests.content.told import (
    blob,
    file,
    server_call,
    server_result,
    spoken,
    thought,
    told,
    tool_call,
    tool_result,
    uri,
)
from tests.lives.scenarios import KINDS, advance, each, run, settle

anthropic: Any = pytest.importorskip("anthropic")
captured = pytest.mark.settings(capture_content="SPAN_ONLY", tool_definitions="full")

SEARCHED = {"type": "web_search_result", "title": "t", "url": "https://a.example"}
FETCHED = {"type": "web_fetch_result", "url": "https://a.example"}
PDF = {"type": "base64", "media_type": "application/pdf", "data": "BBBB"}
CASES: list[tuple[dict[str, Any], list[dict[str, Any]]]] = [
    ({"type": "thinking", "thinking": "hm", "signature": "sealed"}, [thought("hm")]),
    ({"type": "thinking", "thinking": "", "signature": "sealed"}, []),
    ({"type": "redacted_thinking", "data": "sealed"}, []),
    ({"type": "text", "text": "Hello.", "citations": None}, [{"type": "text", "content": "Hello."}]),
    ({"type": "text", "text": ""}, []),
    ({"type": "tool_use", "id": "c", "name": "f", "input": {"a": 1}}, [tool_call("f", {"a": 1}, "c")]),
    ({"type": "tool_use", "id": "c", "name": "f", "input": {}}, [tool_call("f", {}, "c")]),
    (
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}},
        [server_call("web_search", "s", input={"query": "q"})],
    ),
    (
        {
            "type": "web_search_tool_result",
            "tool_use_id": "s",
            "content": [{**SEARCHED, "encrypted_content": "sealed"}],
        },
        [server_result("web_search", "s", content=[SEARCHED])],
    ),
    (
        {
            "type": "web_fetch_tool_result",
            "tool_use_id": "s",
            "content": {**FETCHED, "content": {"type": "document", "source": PDF, "title": "t"}},
        },
        [
            server_result(
                "web_fetch",
                "s",
                content={**FETCHED, "content": blob("document", "BBBB", "application/pdf", title="t")},
            )
        ],
    ),
    (
        {
            "type": "bash_code_execution_tool_result",
            "tool_use_id": "s",
            "content": {"type": "bash_code_execution_result", "stdout": "1", "return_code": 0},
        },
        [
            server_result(
                "bash_code_execution",
                "s",
                content={"type": "bash_code_execution_result", "stdout": "1", "return_code": 0},
            )
        ],
    ),
    (
        {"type": "mcp_tool_use", "id": "m", "name": "f", "server_name": "n", "input": {"a": 1}},
        [server_call("mcp", "m", "f", server_name="n", input={"a": 1})],
    ),
    (
        {"type": "mcp_tool_result", "tool_use_id": "m", "is_error": True, "content": "no"},
        [server_result("mcp", "m", content="no", is_error=True)],
    ),
    ({"type": "container_upload", "file_id": "file_1"}, [file("document", "file_1")]),
    (
        {"type": "compaction", "content": "in short", "encrypted_content": "sealed"},
        [{"type": "compaction", "content": "in short"}],
    ),
    ({"type": "fallback", "from": {"model": "a"}, "to": {"model": "b"}}, []),
    ({"type": "of tomorrow", "words": "w"}, [{"type": "of tomorrow", "words": "w"}]),
]
PARTS = [part for _, parts in CASES for part in parts]
MESSAGE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude",
    "content": [block for block, _ in CASES],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 5, "output_tokens": 7},
}
WORDS = {
    "text": ("text", "text_delta", "text"),
    "thinking": ("thinking", "thinking_delta", "thinking"),
    "compaction": ("content", "compaction_delta", "content"),
}


def events(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events of a stream."""
    found: list[dict[str, Any]] = [
        {"type": "message_start", "message": {**MESSAGE, "content": [], "stop_reason": None}}
    ]
    for place, block in enumerate(blocks):
        started, deltas = block, list[dict[str, Any]]()
        if block["type"] in WORDS:
            name, kind, key = WORDS[block["type"]]
            started = {**block, name: ""}
            deltas = [{"type": kind, key: piece} for piece in (block[name][:2], block[name][2:])]
        elif "input" in block:
            started, written = {**block, "input": {}}, json.dumps(block["input"])
            written = "" if block["input"] == {} else written
            deltas = [
                {"type": "input_json_delta", "partial_json": piece} for piece in (written[:2], written[2:])
            ]
        if block["type"] == "text":
            deltas.append({"type": "citations_delta", "citation": {"cited_text": "sealed"}})
        if block["type"] == "thinking":
            deltas.append({"type": "signature_delta", "signature": "sealed"})
        found.append({"type": "content_block_start", "index": place, "content_block": started})
        found += [{"type": "content_block_delta", "index": place, "delta": delta} for delta in deltas]
        found.append({"type": "content_block_stop", "index": place})
    delta = {"stop_reason": "end_turn", "stop_sequence": None}
    return [
        *found,
        {"type": "message_delta", "delta": delta, "usage": {"output_tokens": 7}},
        {"type": "message_stop"},
    ]


def answer(given: list[dict[str, Any]]) -> Exchange:
    return Exchange.sse([(event["type"], event) for event in given], done=False)


def provider(request: Request) -> Exchange:
    return answer(events(MESSAGE["content"])) if request.json.get("stream") else Exchange.json(MESSAGE)


async def ask(replay: ReplayServer, kind: str, accessor: str = "messages", **more: Any) -> Any:
    replay.answer(more.pop("answer", provider))
    made = anthropic.Anthropic if kind == "sync" else anthropic.AsyncAnthropic
    sdk = made(api_key="k", base_url=replay.url, max_retries=0)
    for name in accessor.split("."):
        sdk = getattr(sdk, name)
    given: dict[str, Any] = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
    return await settle(sdk.create(**{**given, **more}))


@captured
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("accessor", ["messages", "beta.messages"])
def test_every_block_of_an_answer_is_told(
    telemetry: Telemetry, replay: ReplayServer, kind: str, stream: bool, accessor: str
) -> None:
    """In their order, without what is encrypted, signed or cited."""

    async def go() -> None:
        result = await ask(replay, kind, accessor, **({"stream": True} if stream else {}))
        if stream:
            async for _ in each(result):
                pass

    run(kind, go())
    found = told(telemetry)
    assert found["input.messages"] == [spoken("user", "hi")]
    assert found["output.messages"] == [spoken("assistant", *PARTS, finish="stop")]
    assert "sealed" not in str(dict(telemetry.spans[0].attributes or {}))


@captured
@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_that_is_closed_early_tells_what_came(
    telemetry: Telemetry, replay: ReplayServer, kind: str
) -> None:
    """The reason to finish says that it did not."""

    async def go() -> None:
        given = events([{"type": "text", "text": "Hello."}])
        stream = await ask(replay, kind, stream=True, answer=answer(given))
        for _ in range(3):
            await advance(stream)
        await settle(stream.close())

    run(kind, go())
    assert told(telemetry)["output.messages"] == [spoken("assistant", "He", finish="error")]


IMAGE = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
BLOCKS: list[Any] = [
    {"type": "text", "text": "look", "cache_control": {"type": "ephemeral"}},
    {"type": "image", "source": IMAGE},
    {"type": "image", "source": {"type": "url", "url": "https://a.example/b.png"}},
    {"type": "image", "source": {"type": "file", "file_id": "file_1"}},
    {"type": "document", "source": PDF, "title": "t", "context": "c"},
    {"type": "document", "source": {"type": "url", "url": "https://a.example/b.pdf"}},
    {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "plain"}},
    {
        "type": "document",
        "source": {
            "type": "content",
            "content": [{"type": "text", "text": "a"}, {"type": "image", "source": IMAGE}],
        },
    },
    {"type": "document", "source": {"type": "content", "content": "b"}},
    {
        "type": "search_result",
        "source": "https://a.example",
        "title": "t",
        "content": [{"type": "text", "text": "found"}],
    },
]
LOOKED = [
    "look",
    blob("image", "AAAA", "image/png"),
    uri("image", "https://a.example/b.png"),
    file("image", "file_1"),
    blob("document", "BBBB", "application/pdf", title="t", context="c"),
    uri("document", "https://a.example/b.pdf"),
    "plain",
    "a",
    blob("image", "AAAA", "image/png"),
    "b",
    {"type": "text", "content": "found", "title": "t", "source": "https://a.example"},
]
RESULTS: list[Any] = [
    {"type": "tool_result", "tool_use_id": "c", "content": "fine"},
    {
        "type": "tool_result",
        "tool_use_id": "d",
        "content": [{"type": "text", "text": "seen"}, {"type": "image", "source": IMAGE}],
    },
    {"type": "tool_result", "tool_use_id": "e"},
]
TOOLS: list[Any] = [
    {"name": "f", "description": "does it", "input_schema": {"type": "object"}},
    {"type": "web_search_20250305", "name": "web_search"},
]


@captured
@pytest.mark.parametrize("kind", KINDS)
def test_every_block_of_a_request_is_told(telemetry: Telemetry, replay: ReplayServer, kind: str) -> None:
    """In the order as sent, with media by their data, their address or their id."""
    messages = [
        {"role": "user", "content": BLOCKS},
        {"role": "assistant", "content": MESSAGE["content"]},
        {"role": "user", "content": RESULTS},
    ]
    system = [{"type": "text", "text": "be kind"}, {"type": "text", "text": "be short"}]
    run(kind, ask(replay, kind, messages=messages, system=system, tools=TOOLS))
    found = told(telemetry)
    assert found["input.messages"] == [
        spoken("user", *LOOKED),
        spoken("assistant", *PARTS),
        spoken(
            "user",
            tool_result("fine", "c"),
            tool_result([{"type": "text", "text": "seen"}, blob("image", "AAAA", "image/png")], "d"),
            tool_result("", "e"),
        ),
    ]
    assert found["system_instructions"] == [
        {"type": "text", "content": words} for words in ("be kind", "be short")
    ]
    assert found["tool.definitions"] == [
        {"type": "function", "name": "f", "description": "does it", "parameters": {"type": "object"}},
        {"type": "web_search_20250305", "name": "web_search"},
    ]


@captured
def test_answers_that_are_handed_back_are_read_as_objects(telemetry: Telemetry, replay: ReplayServer) -> None:
    """The SDK's own blocks may stand in a request."""
    given = anthropic.types.Message.construct(**MESSAGE)
    block = anthropic.types.ToolUseBlock(id="c", name="f", input={"a": 1}, type="tool_use")
    messages = [{"role": "assistant", "content": [block, *given.content[:0]]}]
    run("sync", ask(replay, "sync", messages=messages, system="be kind"))
    found = told(telemetry)
    assert found["input.messages"] == [spoken("assistant", tool_call("f", {"a": 1}, "c"))]
    assert found["system_instructions"] == [{"type": "text", "content": "be kind"}]


@captured
def test_generators_are_left_to_the_sdk(telemetry: Telemetry, replay: ReplayServer) -> None:
    """What can be read once is read by the SDK."""
    messages = (message for message in [{"role": "user", "content": "hi"}])
    run("sync", ask(replay, "sync", messages=messages))
    assert replay.requests[0].json["messages"] == [{"role": "user", "content": "hi"}]
    given = (block for block in [{"type": "text", "text": "hi"}])
    asked = content_of("anthropic_messages.MESSAGES").asked
    assert asked({"messages": given, "system": given, "tools": given}).messages == []
    assert asked({"messages": [{"role": "user", "content": given}]}).messages == [spoken("user")]
    assert next(given)


def read(given: list[dict[str, Any]], budget: int = 10**6) -> list[Any]:
    """The parts of an answer."""
    return [
        part
        for one in read_wire("anthropic_messages.MESSAGES", {}, given, budget)[1]
        for part in one["parts"]
    ]


def test_a_fallback_in_mid_stream_starts_over() -> None:
    """What the first model began to say is no part of the answer."""
    given = events([{"type": "text", "text": "Hello."}])
    assert read([*given[:3], *given]) == spoken("assistant", "Hello.")["parts"]


def test_what_is_kept_of_a_stream_is_bounded() -> None:
    """Blocks that come whole count too, and what is cut says so."""
    result = {"type": "web_search_result", "title": "x" * 3000, "encrypted_content": "y" * 10**6}
    block = {"type": "web_search_tool_result", "tool_use_id": "s", "content": [result] * 9}
    found = read(events([block] * 100), budget=4000)
    assert len(json.dumps(found)) < 8000
    first, second = (each["title"] for each in found[0]["server_tool_call_response"]["content"])
    assert first == "x" * 3000
    assert second.endswith(" characters]")


@captured
def test_large_media_in_results_are_told_by_size_and_hash(telemetry: Telemetry, replay: ReplayServer) -> None:
    """As they are where they stand by themselves."""
    data = base64.b64encode(b"png" * 9000).decode()
    picture = {"type": "image", "source": {**IMAGE, "data": data}}
    result = {"type": "tool_result", "tool_use_id": "c", "content": [picture]}
    run("sync", ask(replay, "sync", messages=[{"role": "user", "content": [result, picture]}]))
    inside, beside = told(telemetry)["input.messages"][0]["parts"]
    assert inside["response"] == [beside]
    assert beside["bytes"] == 27000
    assert beside["sha256"] == hashlib.sha256(b"png" * 9000).hexdigest()


@captured
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.skipif(not hasattr(anthropic.Anthropic, "completions"), reason="this version has no completions")
def test_text_completions_are_told(telemetry: Telemetry, replay: ReplayServer, stream: bool) -> None:
    """The prompt as it was sent, and the text, whole or in pieces."""
    pieces = [{"type": "completion", "completion": piece, "stop_reason": None} for piece in ("Hel", "lo.")]
    replay.answer(answer(pieces) if stream else Exchange.json({**pieces[0], "completion": "Hello."}))
    sdk = anthropic.Anthropic(api_key="k", base_url=replay.url, max_retries=0)
    result = sdk.completions.create(model="m", prompt="hi", max_tokens_to_sample=9, stream=stream)
    assert not stream or list(result)
    found = told(telemetry)
    assert found["input.messages"] == [spoken("user", "hi")]
    assert found["output.messages"][0]["parts"] == spoken("assistant", "Hello.")["parts"]
