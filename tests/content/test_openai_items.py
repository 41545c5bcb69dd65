"""Responses through the real SDK: every kind of item, whole and streamed, to the end and not."""

from __future__ import annotations

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
from tests.lives.answers import RESPONSE, RESPONSE_EVENTS, responses_stream
from tests.lives.scenarios import KINDS, advance, each, run, sdk, settle

responses = pytest.importorskip("openai.types.responses")
captured = pytest.mark.settings(capture_content="SPAN_ONLY", tool_definitions="full")

CASES: list[tuple[dict[str, Any], list[dict[str, Any]]]] = [
    (
        {
            "type": "reasoning",
            "id": "r",
            "summary": [{"type": "summary_text", "text": "in short"}],
            "content": [{"type": "reasoning_text", "text": "at length"}],
            "encrypted_content": "sealed",
        },
        [thought("in short"), thought("at length")],
    ),
    ({"type": "reasoning", "id": "r", "summary": [], "encrypted_content": "sealed"}, []),
    (
        {"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
        [{"type": "text", "content": "No.", "refusal": True}],
    ),
    (
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"a":1}'},
        [tool_call("f", {"a": 1}, "c")],
    ),
    (
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"a":'},
        [tool_call("f", '{"a":', "c")],
    ),
    (
        {"type": "custom_tool_call", "call_id": "c", "name": "f", "input": '{"a":1}'},
        [tool_call("f", '{"a":1}', "c")],
    ),
    (
        {"type": "computer_call", "id": "i", "call_id": "c", "action": {"type": "click", "x": 1}},
        [tool_call("computer", {"type": "click", "x": 1}, "c")],
    ),
    (
        {"type": "computer_call", "id": "i", "call_id": "c", "actions": [{"type": "wait"}]},
        [tool_call("computer", [{"type": "wait"}], "c")],
    ),
    (
        {"type": "local_shell_call", "call_id": "c", "action": {"type": "exec", "command": ["ls"]}},
        [tool_call("local_shell", {"type": "exec", "command": ["ls"]}, "c")],
    ),
    (
        {"type": "shell_call", "call_id": "c", "action": {"commands": ["ls"]}},
        [tool_call("shell", {"commands": ["ls"]}, "c")],
    ),
    (
        {"type": "apply_patch_call", "call_id": "c", "operation": {"type": "delete_file", "path": "p"}},
        [tool_call("apply_patch", {"type": "delete_file", "path": "p"}, "c")],
    ),
    (
        {
            "type": "mcp_call",
            "id": "i",
            "approval_request_id": "q",
            "name": "f",
            "server_label": "s",
            "arguments": '{"a":1}',
            "output": "done",
        },
        [
            server_call("mcp", "i", "f", server_label="s", arguments={"a": 1}),
            server_result("mcp", "i", output="done"),
        ],
    ),
    (
        {"type": "mcp_list_tools", "id": "i", "server_label": "s", "tools": [{"name": "f"}]},
        [
            server_call("mcp_list_tools", "i", server_label="s"),
            server_result("mcp_list_tools", "i", tools=[{"name": "f"}]),
        ],
    ),
    (
        {"type": "mcp_approval_request", "id": "q", "name": "f", "server_label": "s", "arguments": "{}"},
        [server_call("mcp_approval_request", "q", "f", server_label="s", arguments={})],
    ),
    (
        {"type": "web_search_call", "id": "i", "action": {"type": "search", "query": "q"}},
        [server_call("web_search", "i", action={"type": "search", "query": "q"})],
    ),
    (
        {"type": "file_search_call", "id": "i", "queries": ["q"], "results": [{"text": "t"}]},
        [
            server_call("file_search", "i", queries=["q"]),
            server_result("file_search", "i", results=[{"text": "t"}]),
        ],
    ),
    (
        {"type": "code_interpreter_call", "id": "i", "code": "1+1", "outputs": [{"type": "logs"}]},
        [
            server_call("code_interpreter", "i", code="1+1"),
            server_result("code_interpreter", "i", outputs=[{"type": "logs"}]),
        ],
    ),
    (
        {"type": "image_generation_call", "id": "i", "result": "AAAA", "output_format": "webp"},
        [server_call("image_generation", "i"), blob("image", "AAAA", "image/webp")],
    ),
    (
        {"type": "tool_search_call", "execution": "client", "call_id": "c", "arguments": {"q": 1}},
        [tool_call("tool_search", {"q": 1}, "c")],
    ),
    ({"type": "program", "call_id": "c", "code": "1"}, [server_call("program", "c", code="1")]),
    ({"type": "program_output", "call_id": "c", "result": "1"}, [server_result("program", "c", result="1")]),
    ({"type": "compaction", "id": "i", "encrypted_content": "sealed"}, [{"type": "compaction", "id": "i"}]),
    (
        {"type": "of tomorrow", "id": "i", "encrypted_content": "sealed", "words": "w"},
        [{"type": "of tomorrow", "id": "i", "words": "w"}],
    ),
]
OUTPUT = [item for item, _ in CASES]
PARTS = [part for _, parts in CASES for part in parts]


def begun(item: dict[str, Any]) -> dict[str, Any]:
    """An item as a stream begins it."""
    empty = {"content": [], "summary": [], "arguments": "", "input": "", "code": "", "output": None}
    return {name: empty.get(name, value) for name, value in item.items() if name not in ("outputs", "result")}


def events(output: list[dict[str, Any]], *, written: bool) -> list[dict[str, Any]]:
    """The events of a stream without its last; `written`: what can come in pieces does."""
    found: list[dict[str, Any]] = [RESPONSE_EVENTS[0]]
    for place, item in enumerate(output):
        found.append({"type": "response.output_item.added", "output_index": place, "item": begun(item)})
        for kind, words, more in pieces(item) if written else ():
            for piece in (words[:2], words[2:]):
                where = {"output_index": place, **more}
                found.append({"type": f"response.{kind}.delta", "delta": piece, **where})
        found.append({"type": "response.output_item.done", "output_index": place, "item": item})
    return found


def pieces(item: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """What of an item comes in pieces: by the kind of the event, with what says where it belongs."""
    kind = item["type"]
    if kind == "reasoning":
        summaries, contents = item["summary"], item.get("content", [])
        return [("reasoning_summary_text", one["text"], {"summary_index": 0}) for one in summaries] + [
            ("reasoning_text", one["text"], {"content_index": 0}) for one in contents
        ]
    written = {
        "message": ("refusal", (item.get("content") or [{}])[0].get("refusal", "")),
        "function_call": ("function_call_arguments", item.get("arguments")),
        "custom_tool_call": ("custom_tool_call_input", item.get("input")),
        "mcp_call": ("mcp_call_arguments", item.get("arguments")),
        "code_interpreter_call": ("code_interpreter_call_code", item.get("code")),
    }
    return [(*written[kind], {"content_index": 0})] if kind in written else []  # type: ignore[list-item]


def whole() -> dict[str, Any]:
    return {**RESPONSE, "output": OUTPUT}


def provider(request: Request) -> Exchange:
    last = {"type": "response.completed", "response": whole()}
    if request.json.get("stream"):
        return responses_stream([*events(OUTPUT, written=True), last])
    return Exchange.json(whole())


async def ask(replay: ReplayServer, kind: str, **more: Any) -> Any:
    replay.answer(provider)
    given = {"model": "m", "input": "hi", **more}
    return await settle(sdk(replay, kind).responses.create(**given))


@captured
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stream", [False, True])
def test_every_item_of_an_answer_is_told(
    telemetry: Telemetry, replay: ReplayServer, kind: str, stream: bool
) -> None:
    """In the order of the items, once, without what is encrypted."""

    async def go() -> None:
        result = await ask(replay, kind, stream=stream)
        if stream:
            async for _ in each(result):
                pass

    run(kind, go())
    found = told(telemetry)
    assert found["input.messages"] == [spoken("user", "hi")]
    assert found["output.messages"] == [spoken("assistant", *PARTS, finish="tool_call")]
    assert "sealed" not in str(dict(telemetry.spans[0].attributes or {}))


@pytest.mark.parametrize("written", [False, True])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0]["type"])
def test_an_item_that_came_before_a_stream_broke_off_is_told(case: Any, written: bool) -> None:
    """Whether it came in pieces or all at once, the same as if it came whole."""
    item, parts = case
    assert read(events([item], written=written)) == parts
    assert read([{"object": "response", "output": [item]}]) == parts


def read(given: list[dict[str, Any]], budget: int = 10**6) -> list[Any]:
    """The parts of an answer, without values that are null."""
    return json.loads(
        json.dumps(
            [
                part
                for one in read_wire("openai_responses.RESPONSES", {}, given, budget)[1]
                for part in one["parts"]
            ]
        ),
        object_hook=lambda told: {key: value for key, value in told.items() if value is not None},
    )


def test_a_stream_that_breaks_off_inside_of_a_call_tells_its_beginning() -> None:
    """By name, with the arguments as far as they came."""
    item = {"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"a":1}'}
    assert read(events([item], written=True)[:2]) == [tool_call("f", "", "c")]
    assert read(events([item], written=True)[:3]) == [tool_call("f", '{"', "c")]


def test_a_response_that_begins_anew_forgets_what_came_before() -> None:
    """As when an SDK takes a stream up again."""
    given = events([CASES[0][0]], written=True)
    assert read([*given, *given]) == CASES[0][1]


def test_what_is_kept_of_a_stream_is_bounded() -> None:
    """Items that come whole count too, and what is cut says so; media stay whole, to be told by their hash."""
    long = {"type": "program_output", "call_id": "c", "result": "x" * 10_000}
    found = read(events([long] * 100, written=False), budget=4000)
    assert len(json.dumps(found)) < 8000
    assert found[0]["server_tool_call_response"]["result"].endswith(" characters]")
    picture = {"type": "image_generation_call", "id": "i", "result": "A" * 10_000}
    assert len(read(events([picture] * 100, written=False), budget=4000)) < 50
    assert read(events([picture], written=False), budget=4000)[1]["content"] == "A" * 10_000


def test_what_comes_after_the_answer_takes_nothing_away() -> None:
    """As usage does that is told by itself."""
    whole = {"object": "response", "output": [CASES[3][0]]}
    assert read([whole, {"usage": {"input_tokens": 5}}]) == CASES[3][1]


@pytest.mark.parametrize("wrong", [None, 7, {}, {"url": 7}, ["a"]])
def test_media_without_an_address_are_told_to_be_there(wrong: Any) -> None:
    """By the name of a file, which may be empty."""
    content = [{"type": "input_image", "image_url": wrong}, {"type": "input_file", "file_id": wrong}]
    found = content_of("openai_responses.RESPONSES").asked({"input": [{"role": "user", "content": content}]})
    assert found.messages == [spoken("user", file("image", ""), file("document", ""))]


@captured
@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_that_is_closed_early_tells_what_came(
    telemetry: Telemetry, replay: ReplayServer, kind: str
) -> None:
    """The reason to finish says that it did not."""

    async def go() -> None:
        replay.answer(responses_stream())
        stream = await settle(sdk(replay, kind).responses.create(model="m", input="hi", stream=True))
        for _ in range(4):
            await advance(stream)
        await settle(stream.close())

    run(kind, go())
    assert told(telemetry)["output.messages"] == [spoken("assistant", "Hello.", finish="error")]


INPUT: list[Any] = [
    {"role": "developer", "content": "be short"},
    {"role": "user", "content": "one"},
    {
        "role": "user",
        "content": [
            {"type": "input_text", "text": "two"},
            {"type": "input_image", "image_url": "data:image/png;base64,AAAA"},
            {"type": "input_image", "image_url": "https://a.example/b.png"},
            {"type": "input_image", "file_id": "file-1"},
            {"type": "input_file", "file_data": "data:application/pdf;base64,BBBB"},
            {"type": "input_file", "file_url": "https://a.example/b.pdf"},
            {"type": "input_file", "file_id": "file-2"},
            {"type": "input_audio", "input_audio": {"data": "CCCC", "format": "wav"}},
        ],
    },
    CASES[0][0],
    CASES[3][0],
    CASES[6][0],
    {"type": "function_call_output", "call_id": "c", "output": "fine"},
    {
        "type": "computer_call_output",
        "call_id": "d",
        "output": {"type": "computer_screenshot", "image_url": "data:image/png;base64,DDDD"},
    },
    {
        "type": "function_call_output",
        "call_id": "e",
        "output": [{"type": "input_text", "text": "t"}, {"type": "input_image", "file_id": "file-3"}],
    },
    {"type": "apply_patch_call_output", "call_id": "g", "status": "completed"},
    {"type": "item_reference", "id": "msg_1"},
    {"type": "mcp_approval_response", "approval_request_id": "q", "approve": True},
    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "three"}]},
    {"type": "additional_tools", "role": "developer", "tools": [{"type": "custom", "name": "more"}]},
]
SAID = [
    spoken("developer", "be short"),
    spoken("user", "one"),
    spoken(
        "user",
        "two",
        blob("image", "AAAA", "image/png"),
        uri("image", "https://a.example/b.png"),
        file("image", "file-1"),
        blob("document", "BBBB", "application/pdf"),
        uri("document", "https://a.example/b.pdf"),
        file("document", "file-2"),
        blob("audio", "CCCC", "audio/wav"),
    ),
    spoken("assistant", *CASES[0][1], *CASES[3][1], *CASES[6][1]),
    spoken(
        "tool",
        tool_result("fine", "c"),
        tool_result(blob("image", "DDDD", "image/png"), "d"),
        tool_result([{"type": "input_text", "text": "t"}, file("image", "file-3")], "e"),
        tool_result("completed", "g"),
    ),
    spoken(
        "user",
        {"type": "item_reference", "id": "msg_1"},
        server_result("mcp_approval_response", "q", approve=True),
    ),
    spoken("assistant", "three"),
]
TOOLS: list[Any] = [
    {"type": "function", "name": "f", "description": "does it", "parameters": {"type": "object"}},
    {"type": "web_search"},
    {"type": "mcp", "server_label": "s", "server_url": "https://a.example", "authorization": "sk-secret"},
    {"type": "namespace", "name": "n", "tools": [{"type": "function", "name": "inner"}]},
]


@captured
@pytest.mark.parametrize("kind", KINDS)
def test_every_item_of_a_request_is_told(telemetry: Telemetry, replay: ReplayServer, kind: str) -> None:
    """What the same one says in a row is one message, but for messages sent apart; keys are never told."""
    run(kind, ask(replay, kind, input=INPUT, instructions="be kind", tools=TOOLS))
    found = told(telemetry)
    assert found["input.messages"] == SAID
    assert found["system_instructions"] == [{"type": "text", "content": "be kind"}]
    assert found["tool.definitions"] == [
        {"type": "function", "name": "f", "description": "does it", "parameters": {"type": "object"}},
        {"type": "web_search", "name": "web_search"},
        {"type": "mcp", "name": "s"},
        {"type": "namespace", "name": "n"},
        {"type": "function", "name": "inner"},
        {"type": "custom", "name": "more"},
    ]
    assert "sk-secret" not in str(dict(telemetry.spans[0].attributes or {}))


@captured
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_left_of_a_compacted_history_is_told(
    telemetry: Telemetry, replay: ReplayServer, kind: str
) -> None:
    """Messages that stay are those of who said them."""
    if not hasattr(sdk(replay, kind).responses, "compact"):
        pytest.skip("this version cannot compact")
    stays = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}
    output = [stays, {"type": "compaction", "id": "i", "encrypted_content": "sealed"}]
    replay.answer(Exchange.json({"id": "r", "object": "response.compaction", "output": output}))
    run(kind, settle(sdk(replay, kind).responses.compact(model="m", input=[stays])))
    found = told(telemetry)
    assert found["input.messages"] == [spoken("user", "hi")]
    assert found["output.messages"] == [
        spoken("user", "hi", finish="unknown"),
        spoken("assistant", {"type": "compaction", "id": "i"}, finish="unknown"),
    ]


@captured
def test_what_is_put_into_a_kept_prompt_is_told(telemetry: Telemetry, replay: ReplayServer) -> None:
    """The prompt itself is the provider's, and nobody sends it."""
    prompt = {"id": "pmpt_1", "version": "2", "variables": {"word": "ham"}}
    run("sync", ask(replay, "sync", extra_body={"prompt": prompt}, input=None))
    part = {"type": "prompt", "id": "pmpt_1", "variables": {"word": "ham"}}
    assert told(telemetry)["input.messages"] == [spoken("user", part)]


def test_generators_are_left_alone() -> None:
    """What can be read once is not ours to read."""
    given = (item for item in [{"role": "user", "content": "hi"}])
    asked = content_of("openai_responses.RESPONSES").asked
    assert asked({"input": given, "instructions": given, "tools": given}).messages == []
    assert asked({"input": [{"role": "user", "content": given}]}).messages == [spoken("user")]
    assert next(given)


def test_events_in_envelopes_are_opened() -> None:
    """Some SDKs hand them on with the name of the event beside them."""
    given = events([CASES[3][0]], written=True)
    assert read([{"event": event["type"], "data": event} for event in given]) == CASES[3][1]
