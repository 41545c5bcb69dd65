"""What OpenAI's Responses API says, found back word for word."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from otel_llm.dialects.content import content_of
from tests.content.anything import harm
from tests.content.parts import faults, stable, taken_apart
from tests.content.reading import attributes, read
from tests.recordings import Recording, openai_shaped

pytestmark = pytest.mark.recordings
Words = tuple[str, ...]
RESPONSES = "openai_responses.RESPONSES"
CALLED = {"function_call": "arguments", "custom_tool_call": "input"}


def samples() -> list[Recording]:
    return [recording for recording in openai_shaped() if recording.api == "responses"]


def asked(body: Any) -> Iterator[Words]:
    """What the request says, by an own reading of its JSON."""
    if (body.get("prompt") or {}).get("variables"):
        yield ("prompt",)
    given = body.get("input") or []
    for item in [{"content": given}] if isinstance(given, str) else given:
        yield from said(item)


def said(item: Any) -> Iterator[Words]:
    """What one item says."""
    kind = item.get("type", "message")
    if kind == "message":
        content = item["content"]
        for part in [{"type": "text", "text": content}] if isinstance(content, str) else content:
            if words := part.get("text") or part.get("refusal"):
                yield ("text", words)
            elif "text" not in part:
                yield medium(part)
    elif kind == "reasoning":
        for piece in (item.get("summary") or []) + (item.get("content") or []):
            yield ("reasoning", piece["text"])
    elif kind in CALLED:
        yield ("tool_call", item["name"], stable(item[CALLED[kind]]))
    elif kind == "function_call_output":
        yield ("tool_call_response", stable(item["output"]) if isinstance(item["output"], str) else "media")
    elif kind == "tool_search_output" or item.get("execution") == "client":
        yield searched(item, kind)
    elif kind.endswith("_call"):
        keys = {"web_search_call": "action", "file_search_call": "queries", "tool_search_call": "arguments"}
        yield ("server_tool_call", kind.removesuffix("_call"), stable(item[keys[kind]]))
        if item.get("results") is not None:
            yield ("server_tool_call_response", "file_search", stable(item["results"]))
    else:
        raise AssertionError(kind)


def searched(item: Any, kind: str) -> Words:
    """A search for tools, by the program or by the provider."""
    if kind == "tool_search_call":
        return ("tool_call", "tool_search", stable(item["arguments"]))
    found = "tools: " + " ".join(names(item["tools"]))
    if item["execution"] == "client":
        return ("tool_call_response", found)
    return ("server_tool_call_response", "tool_search", found)


def names(tools: Any) -> Iterator[str]:
    for tool in tools:
        yield tool.get("name") or tool.get("server_label") or tool["type"]
        yield from names(tool.get("tools") or [])


def medium(part: Any) -> Words:
    address = part.get("image_url") or part.get("file_url") or part.get("file_data")
    if address is None:
        return ("file", part["file_id"])
    return ("blob",) if address.startswith("data:") else ("uri", address)


def told(messages: Any) -> list[Words]:
    """Our messages in the same words."""
    return [words(part) for message in messages for part in message["parts"]]


def words(part: Any) -> Words:
    response = part.get("response")
    if part["type"] == "tool_call_response" and not isinstance(response, str):
        return (part["type"], listed(response) if isinstance(response, dict) else "media")
    if not part["type"].startswith("server_tool_call"):
        (found,) = taken_apart([{"parts": [part]}])
        return found
    inner = {key: value for key, value in part[part["type"]].items() if key != "type" and value is not None}
    (value,) = inner.values()
    kind = part[part["type"]]["type"]
    return (part["type"], kind, listed(inner) if "tools" in inner else stable(value))


def listed(found: Any) -> str:
    return "tools: " + " ".join(tool["name"] for tool in found["tools"])


def pieces(recording: Recording) -> list[Words]:
    """What the pieces of a stream say, put together without its last event."""
    texts: dict[Any, Words] = {}
    for event in recording.events():
        kind, place = event["type"].removeprefix("response."), event.get("output_index")
        index = event.get("content_index", event.get("summary_index"))
        if kind in ("output_text.delta", "reasoning_text.delta", "reasoning_summary_text.delta"):
            start = texts.get((place, kind, index), ("text" if "output" in kind else "reasoning", ""))
            texts[place, kind, index] = (start[0], start[1] + event["delta"])
        elif kind == "output_item.done" and event["item"]["type"] not in ("message", "reasoning"):
            for number, found in enumerate(said(event["item"])):
                texts[place, "item", number] = found
        elif kind == "output_item.done" and not any(known[0] == place for known in texts):
            for number, found in enumerate(said(event["item"])):  # never sent in pieces
                texts[place, "item", number] = found
    return [texts[key] for key in sorted(texts, key=lambda key: key[0])]


@pytest.mark.parametrize("recording", samples(), ids=lambda recording: recording.name)
def test_everything_said_is_found_back(recording: Recording) -> None:
    """Each text, thought, call, result and instruction of both sides, word for word, and nothing else."""
    events = recording.events() if recording.status < 400 else []
    found, outputs = read(RESPONSES, recording.asked, events)
    assert told(found.messages) == list(asked(recording.asked))
    instructions = recording.asked.get("instructions")
    assert [part["content"] for part in found.system] == ([instructions] if instructions else [])
    assert [part["name"] for part in found.tools] == [*names(recording.asked.get("tools") or [])]
    last = events[-1] if events else {}
    last = last.get("response", last)
    assert told(outputs) == [words for item in last.get("output") or [] for words in said(item)]
    assert len(outputs) <= 1
    assert list(faults(json.loads(json.dumps(attributes(found, outputs))))) == []


@pytest.mark.parametrize(
    "recording", [one for one in samples() if one.streaming and one.status < 400], ids=lambda one: one.name
)
def test_a_stream_that_ends_early_tells_what_came(recording: Recording) -> None:
    """Its pieces put together, without the last event, are what the last event says."""
    events = recording.events()
    _, outputs = read(RESPONSES, recording.asked, events[:-1])
    assert told(outputs) == pieces(recording)
    _, whole = read(RESPONSES, recording.asked, events)
    assert told(outputs) == told(whole)


@pytest.mark.parametrize("recording", samples(), ids=lambda recording: recording.name)
def test_any_field_may_be_anything(recording: Recording) -> None:
    """Null or of a wrong type, at any level of what is asked or answered: nothing raises, and each part is whole."""
    events = recording.events() if recording.status < 400 else []
    assert harm(content_of(RESPONSES), recording.asked, events) == []
