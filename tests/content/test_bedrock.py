"""What Bedrock's Converse and InvokeModel say, found back word for word."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from otel_llm.dialects.content import content_of
from tests.content import test_anthropic_messages as claude
from tests.content import test_openai_chat as chat
from tests.content.anything import harm
from tests.content.parts import faults, stable, taken_apart
from tests.content.reading import attributes, read
from tests.native import NATIVES
from tests.recordings import Recording, recordings

eventstream = pytest.importorskip("botocore.eventstream")
pytestmark = pytest.mark.recordings
Words = tuple[str, ...]
CONTENTS = {"converse": "bedrock_converse.CONVERSE", "invoke": "bedrock_invoke.INVOKE"}
MEDIA = ("image", "document", "video", "audio")


def samples() -> list[Recording]:
    (native,) = (native for native in NATIVES if native.folder == "bedrock")
    return [one for one in recordings(native.folder, native.apis) if one.api in CONTENTS]


def events(recording: Recording) -> list[Any]:
    """The answer as the hook sees it: what the SDK parses, or the body of an invoked model with its headers."""
    data = b"".join(recording.exchange.chunks)
    if recording.status >= 400:
        return []
    if not recording.streaming:
        body = json.loads(data)
        return [body if recording.api == "converse" else {"headers": {}, "body": body}]
    buffer = eventstream.EventStreamBuffer()
    buffer.add_data(data)
    frames = [(frame.headers[":event-type"], json.loads(frame.payload)) for frame in buffer]
    if recording.api == "converse":
        return [{kind: payload} for kind, payload in frames]
    return [{"chunk": {"bytes": base64.b64decode(payload["bytes"])}} for _, payload in frames]


# Converse, which Nova speaks too when it is invoked.


def said(content: Any) -> Iterator[Words]:
    """What one message says."""
    for block in content:
        ((kind, held),) = block.items()
        if kind == "text":
            yield from [("text", held)] if held else []
        elif kind in MEDIA:
            yield from medium(held["source"])
        elif kind == "reasoningContent":
            yield ("reasoning", held["reasoningText"]["text"])
        elif kind == "toolUse":
            yield called(held)
        elif kind == "toolResult":
            yield returned(held)
        elif kind == "guardContent":
            yield ("text", held["text"]["text"])
        else:
            assert kind == "cachePoint"


def called(held: Any) -> Words:
    kind = "server_tool_call" if held.get("type") == "server_tool_use" else "tool_call"
    return (kind, held["name"], stable(held.get("input") or {}))


def returned(held: Any) -> Words:
    kind = "server_tool_call_response" if held.get("type") else "tool_call_response"
    return (kind, *(stable(inner) for inner in map(inside, held.get("content", []))))


def inside(block: Any) -> Any:
    """What is in a result: of media, their words."""
    if block.get("type") == "blob":
        return "blob"
    return "blob" if any(kind in block for kind in MEDIA) else block


def medium(source: Any) -> Iterator[Words]:
    if "bytes" in source:
        yield ("blob",)
    for words in [source.get("text"), *(inner["text"] for inner in source.get("content", []))]:
        yield from [("text", words)] if words else []


def streamed(given: list[Any]) -> Iterator[Words]:
    """What the events of a stream say, put together by their places."""
    blocks: dict[Any, Any] = {}
    for event in given:
        kind, held = next(iter(event.items()))
        if kind == "contentBlockStart":
            blocks[held["contentBlockIndex"]] = {**held["start"]}
        elif kind == "contentBlockDelta":
            add(blocks, held["contentBlockIndex"], held["delta"])
    yield from said(
        {kind: held}
        for block in blocks.values()
        for kind, held in block.items()
        if kind != "reasoningContent" or held["reasoningText"]["text"]
    )


def add(blocks: Any, place: int, delta: Any) -> None:
    block = blocks.setdefault(place, {})
    if "text" in delta:
        block["text"] = block.get("text", "") + delta["text"]
    if "toolUse" in delta:
        block["toolUse"] = {**block["toolUse"]}
        block["toolUse"]["input"] = block["toolUse"].get("input", "") + delta["toolUse"]["input"]
    if "toolResult" in delta:
        block["toolResult"] = {**block["toolResult"]}
        block["toolResult"]["content"] = block["toolResult"].get("content", []) + delta["toolResult"]
    if "reasoningContent" in delta:
        before = block.setdefault("reasoningContent", {"reasoningText": {"text": ""}})
        before["reasoningText"]["text"] += delta["reasoningContent"].get("text", "")


def told(messages: Any) -> list[Words]:
    """Our messages in the same words."""
    return [words(part) for message in messages for part in message["parts"]]


def words(part: Any) -> Words:
    kind = part["type"]
    if kind == "tool_call_response":
        return (kind, *(stable(inside(inner)) for inner in part["response"]))
    if kind == "server_tool_call":
        return (kind, part["name"], stable(part[kind]["input"]))
    if kind == "server_tool_call_response":
        return (kind, *(stable(inside(inner)) for inner in part[kind]["content"]))
    (found,) = taken_apart([{"parts": [part]}])
    return found


# Each family of models that are invoked.


def asked(recording: Recording) -> list[Words]:
    """What the request says, by an own reading of its JSON."""
    body = recording.asked
    if "messages" not in body:
        return [("text", body.get("prompt") or body.get("inputText") or body["message"])]
    if recording.api == "converse" or "inferenceConfig" in body:
        return [words for message in body["messages"] for words in said(message["content"])]
    return list(claude.asked(body)) if "anthropic_version" in body else list(chat.asked(body))


def answered(recording: Recording) -> list[Words]:
    """What the answer says."""
    given = events(recording)
    if recording.api == "invoke" and given:
        given = [
            json.loads(event["chunk"]["bytes"]) if "chunk" in event else event["body"] for event in given
        ]
    if not given:
        return []
    first = given[0]
    if "output" in first:
        return list(said(first["output"]["message"]["content"]))
    if "messageStart" in first:
        return list(streamed(given))
    if first.get("type") in ("message", "message_start"):
        return claude.answered(recording, given)
    return plainly(given)


def plainly(given: list[Any]) -> list[Words]:
    """Of a family with a text in one place or another, several of them in a list."""
    texts: dict[int, str] = {}
    for event in given:
        choices = event.get("choices") or [
            one
            for name in ("results", "generations", "outputs", "completions")
            for one in event.get(name, [])
        ]
        for place, one in enumerate(choices or [event]):
            inner = one.get("delta") or one.get("data") or one
            names = ("content", "generation", "outputText", "completion", "text")
            texts[place] = texts.get(place, "") + next((inner[name] for name in names if inner.get(name)), "")
    return [("text", text) for text in texts.values() if text]


def names(body: Any) -> Iterator[str]:
    for tool in body.get("tools", []):
        yield tool["name"]
    for tool in body.get("toolConfig", {}).get("tools", []):
        yield from (held["name"] for kind, held in tool.items() if kind != "cachePoint")


@pytest.mark.parametrize("recording", samples(), ids=lambda recording: recording.name)
def test_everything_said_is_found_back(recording: Recording) -> None:
    """Each text, thought, call, result and instruction of both sides, word for word, and nothing else."""
    body, given = recording.asked, events(recording)
    found, outputs = read(CONTENTS[recording.api], recording.asked, given)
    mine = claude if "anthropic_version" in body else None
    assert (mine.told if mine else told)(found.messages) == asked(recording)
    system = body.get("system") or []
    instructions = [system] if isinstance(system, str) else [block.get("text") for block in system]
    assert [part["content"] for part in found.system] == [words for words in instructions if words]
    assert [part["name"] for part in found.tools] == [*names(body)]
    assert told(outputs) == answered(recording)
    assert list(faults(json.loads(json.dumps(attributes(found, outputs))))) == []


@pytest.mark.parametrize(
    "recording",
    [one for one in samples() if one.streaming and one.api == "converse"],
    ids=lambda one: one.name,
)
def test_a_stream_that_ends_anywhere_tells_what_came(recording: Recording) -> None:
    """After each of its events, the pieces so far."""
    given = events(recording)
    for end in range(len(given)):
        _, outputs = read(CONTENTS[recording.api], recording.asked, given[:end])
        assert told(outputs) == list(streamed(given[:end]))


@pytest.mark.parametrize("recording", samples(), ids=lambda recording: recording.name)
def test_any_field_may_be_anything(recording: Recording) -> None:
    """Null or of a wrong type, at any level of what is asked or answered: nothing raises, and each part is whole."""
    given = events(recording)
    if recording.api == "invoke":  # by fields of what is in a chunk, not of its bytes
        given = [
            {
                "headers": {},
                "body": json.loads(event["chunk"]["bytes"]) if "chunk" in event else event["body"],
            }
            for event in given
        ]
    assert harm(content_of(CONTENTS[recording.api]), recording.asked, given) == []
