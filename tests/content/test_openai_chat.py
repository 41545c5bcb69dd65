"""What chat completions say, found back word for word."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from otel_llm.dialects.content import content_of
from otel_llm.dialects.content.pieces import Budget
from tests.content.parts import faults, stable, taken_apart
from tests.recordings import Recording, openai_shaped

Words = tuple[str, ...]
DIALECTS = {"chat/completions": "openai_chat.CHAT", "completions": "openai_chat.COMPLETIONS"}
MEDIA = {
    "image_url": "image",
    "video_url": "video",
    "document_url": "document",
    "input_audio": "audio",
    "file": "document",
}


def samples() -> list[Recording]:
    return [recording for recording in openai_shaped() if recording.api in DIALECTS]


def asked(body: Any) -> Iterator[Words]:
    """What the request says, by an own reading of its JSON."""
    prompts = body.get("prompt") or []
    for prompt in [prompts] if isinstance(prompts, str) else prompts:
        if isinstance(prompt, str):  # and no number of a token
            yield ("text", prompt)
    for message in body.get("messages", []):
        if message["role"] == "tool":
            yield ("tool_call_response", stable(message.get("content")))
        else:
            yield from said(message)


def said(message: Any) -> Iterator[Words]:
    """What one message says: thoughts, then words, then calls."""
    details = "".join(
        part.get("text") or part.get("summary") or "" for part in message.get("reasoning_details") or []
    )
    if thoughts := message.get("reasoning_content") or message.get("reasoning") or details:
        yield ("reasoning", thoughts)
    yield from content(message.get("content"))
    if message.get("refusal"):
        yield ("text", message["refusal"])
    if transcript := (message.get("audio") or {}).get("transcript"):
        yield from (("text", transcript), ("blob",))
    for call in message.get("tool_calls") or []:
        function = call.get("function") or {
            "name": call["custom"]["name"],
            "arguments": call["custom"]["input"],
        }
        yield ("tool_call", function["name"], stable(function["arguments"]))
    if call := message.get("function_call"):
        yield ("tool_call", call["name"], stable(call["arguments"]))
    for ran in message.get("executed_tools") or []:
        yield ("server_tool_call",)
        if ran.get("output") is not None:
            yield ("server_tool_call_response",)


def content(given: Any) -> Iterator[Words]:
    if isinstance(given, dict):  # Cloudflare's structured answers
        yield ("text", json.dumps(given, separators=(",", ":")))
        return
    for part in [{"type": "text", "text": given}] if isinstance(given, str) else given or []:
        kind = part["type"]
        if kind == "text" and part.get("text"):
            yield ("text", part["text"])
        elif kind in ("thinking", "reasoning"):
            inner = part.get("thinking") or part.get("summary")
            yield ("reasoning", "".join(piece["text"] for piece in inner))
        elif kind in MEDIA:
            yield medium(part, kind)


def medium(part: Any, kind: str) -> Words:
    held = part.get(kind)
    address = held if isinstance(held, str) else held.get("url") if held else None
    if kind == "input_audio":
        return ("blob",)
    if address is None or address.startswith("data:"):
        file_id = (held or {}).get("file_id") if isinstance(held, dict) else None
        return ("file", file_id) if file_id else ("blob",)
    return ("uri", address)


def answered(recording: Recording) -> list[Words]:
    """What the answer says, the pieces of a stream put together by choice."""
    choices: dict[int, dict[str, Any]] = {}
    for event in recording.events():
        for place, choice in enumerate(event.get("choices") or []):
            if recording.streaming:
                add(choices.setdefault(choice.get("index", place), {}), choice)
            else:
                message = choice.get("message") or {"content": choice.get("text")}
                choices[choice.get("index", place)] = message
    return [words for _, message in sorted(choices.items()) for words in said(message)]


def add(message: dict[str, Any], choice: Any) -> None:
    delta = choice.get("delta") or {"content": choice.get("text")}
    for key in ("reasoning_content", "reasoning", "content", "refusal"):
        piece = delta.get(key)
        if isinstance(piece, list):
            for part in piece:
                if part["type"] == "text":
                    message["content"] = (message.get("content") or "") + part["text"]
                else:
                    inner = "".join(each["text"] for each in part.get("thinking") or part.get("summary"))
                    message["reasoning"] = message.get("reasoning", "") + inner
        elif piece:
            message[key] = message.get(key, "") + piece
    if not delta.get("reasoning_content") and not delta.get("reasoning"):
        for part in delta.get("reasoning_details") or []:
            message["reasoning"] = message.get("reasoning", "") + (
                part.get("text") or part.get("summary") or ""
            )
    for place, call in enumerate(delta.get("tool_calls") or []):
        calls = message.setdefault("tool_calls", [])
        index = call.get("index", place if call.get("id") is None else len(calls))
        while len(calls) <= index:
            calls.append({"function": {"name": "", "arguments": ""}})
        function, piece = calls[index]["function"], call["function"].get("arguments") or ""
        function["arguments"] += piece if isinstance(piece, str) else json.dumps(piece)
        function["name"] = function["name"] or call["function"].get("name")  # some repeat it


def told(recording: Recording) -> tuple[list[Any], list[Any]]:
    """What our reading says of both sides."""
    reading = content_of(DIALECTS[recording.api])
    reader = reading.reader(Budget(10**7))
    for event in recording.events() if recording.status < 400 else []:
        reader.add(event)
    return reading.asked(recording.asked).messages, reader.messages()


@pytest.mark.recordings
@pytest.mark.parametrize("recording", samples(), ids=lambda recording: recording.name)
def test_everything_said_is_found_back(recording: Recording) -> None:
    """Each text, thought, refusal, call and result of both sides, word for word, and nothing else."""
    if not isinstance(recording.asked, dict):
        pytest.skip("the request was not recorded as JSON")
    inputs, outputs = told(recording)
    assert taken_apart(inputs) == list(asked(recording.asked))
    assert taken_apart(outputs) == (answered(recording) if recording.status < 400 else [])
    outputs = [{**each, "finish_reason": "stop"} for each in outputs]
    assert list(faults({"gen_ai.input.messages": inputs, "gen_ai.output.messages": outputs})) == []
