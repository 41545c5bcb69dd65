"""What Anthropic's messages and completions say, found back word for word."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from otel_llm.dialects.content import content_of
from tests.content.anything import harm
from tests.content.parts import faults, stable, taken_apart
from tests.content.reading import attributes, read
from tests.native import NATIVES
from tests.recordings import Recording, recordings

pytestmark = pytest.mark.recordings
Words = tuple[str, ...]
CONTENTS = {"messages": "anthropic_messages.MESSAGES", "complete": "anthropic_messages.COMPLETE"}


def samples() -> list[Recording]:
    return [
        recording
        for native in NATIVES
        if native.module == "anthropic"
        for recording in recordings(native.folder, native.apis)
        if isinstance(recording.asked, dict)
    ]


def asked(body: Any) -> Iterator[Words]:
    """What the request says, by an own reading of its JSON."""
    if "prompt" in body:
        yield ("text", body["prompt"])
    for message in body.get("messages", []):
        yield from said(message["content"])


def said(content: Any) -> Iterator[Words]:
    """What one message says."""
    for block in [{"type": "text", "text": content}] if isinstance(content, str) else content:
        kind = block["type"]
        if kind in ("text", "thinking"):
            yield from [("text" if kind == "text" else "reasoning", block[kind])] if block[kind] else []
        elif kind in ("image", "document"):
            yield medium(block["source"])
        elif kind == "container_upload":
            yield ("file", block["file_id"])
        elif kind == "tool_use":
            yield ("tool_call", block["name"], stable(block["input"]))
        elif kind == "tool_result":
            yield ("tool_call_response", stable(opened(block["content"])))
        elif kind in ("server_tool_use", "mcp_tool_use"):
            yield ("server_tool_call", block["name"], stable(block["input"]))
        else:
            assert kind.endswith("_tool_result")
            name = kind.removesuffix("_tool_result")
            yield ("server_tool_call_response", name, stable(opened(block["content"])))


def medium(source: Any) -> Words:
    kinds = {
        "url": lambda: ("uri", source["url"]),
        "file": lambda: ("file", source["file_id"]),
        "text": lambda: ("text", source["data"]),
        "base64": lambda: ("blob",),
    }
    return kinds[source["type"]]()


def opened(content: Any) -> Any:
    """A result without what is encrypted; of media, their words."""
    if isinstance(content, list):
        return [opened(inner) for inner in content]
    if not isinstance(content, dict):
        return content
    if content.get("type") == "image":
        return medium(content["source"])
    if content.get("type") in ("blob", "uri", "file"):
        return words(content)
    return {key: opened(value) for key, value in content.items() if key != "encrypted_content"}


def told(messages: Any) -> list[Words]:
    """Our messages in the same words."""
    return [words(part) for message in messages for part in message["parts"]]


def words(part: Any) -> Words:
    kind = part["type"]
    if kind == "tool_call_response":
        return (kind, stable(opened(part["response"])))
    if kind == "server_tool_call":
        return (kind, part["name"], stable(part[kind]["input"]))
    if kind == "server_tool_call_response":
        return (kind, part[kind]["type"], stable(opened(part[kind]["content"])))
    (found,) = taken_apart([{"parts": [part]}])
    return found


def answered(recording: Recording, events: list[Any]) -> list[Words]:
    """What the answer says, the pieces of a stream put together by their places."""
    blocks: dict[int, Any] = {}
    whole: list[Words] = []
    for event in events:
        if "content" in event:
            return list(said(event["content"]))
        whole += [("text", event["completion"])] if "completion" in event else []
        if event["type"] == "content_block_start":
            blocks[event["index"]] = {**event["content_block"]}
        elif event["type"] == "content_block_delta":
            block, delta = blocks[event["index"]], event["delta"]
            for key in ("text", "thinking"):
                if key in delta:
                    block[key] += delta[key]
            if "partial_json" in delta:
                before = block["input"] if isinstance(block["input"], str) else ""
                block["input"] = before + delta["partial_json"] or {}
    if whole:
        return [("text", "".join(piece for _, piece in whole))]
    return list(said(blocks.values()))


@pytest.mark.parametrize("recording", samples(), ids=lambda recording: recording.name)
def test_everything_said_is_found_back(recording: Recording) -> None:
    """Each text, thought, call, result and instruction of both sides, word for word, and nothing else."""
    events = recording.events() if recording.status < 400 else []
    found, outputs = read(CONTENTS[recording.api], recording.asked, events)
    assert told(found.messages) == list(asked(recording.asked))
    assert told([{"parts": found.system}]) == list(said(recording.asked.get("system") or []))
    assert [part["name"] for part in found.tools] == [
        tool["name"] for tool in recording.asked.get("tools", [])
    ]
    assert told(outputs) == answered(recording, events)
    assert list(faults(json.loads(json.dumps(attributes(found, outputs))))) == []


@pytest.mark.parametrize(
    "recording", [one for one in samples() if one.streaming and one.status < 400], ids=lambda one: one.name
)
def test_a_stream_that_ends_anywhere_tells_what_came(recording: Recording) -> None:
    """After each of its events, the pieces so far."""
    events = recording.events()
    for end in range(len(events)):
        _, outputs = read(CONTENTS[recording.api], recording.asked, events[:end])
        assert told(outputs) == answered(recording, events[:end])


@pytest.mark.parametrize("recording", samples(), ids=lambda recording: recording.name)
def test_any_field_may_be_anything(recording: Recording) -> None:
    """Null or of a wrong type, at any level of what is asked or answered: nothing raises, and each part is whole."""
    events = recording.events() if recording.status < 400 else []
    assert harm(content_of(CONTENTS[recording.api]), recording.asked, events) == []
