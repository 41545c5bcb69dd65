"""What frameworks' messages say, by an own reading of them, to be found back in what is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from otel_llm.testing import Telemetry
from tests.content.parts import faults, stable, taken_apart

INPUT, OUTPUT = "gen_ai.input.messages", "gen_ai.output.messages"
SYSTEM, TOOLS = "gen_ai.system_instructions", "gen_ai.tool.definitions"
Words = tuple[str, ...]


def told(span: Any, name: str) -> Any:
    """One attribute out of its JSON; what is not there is empty."""
    assert list(faults(span.attributes)) == []
    return json.loads(span.attributes.get(name, "[]"))


def words(span: Any, name: str = OUTPUT) -> list[Words]:
    """The parts of all messages of an attribute."""
    return taken_apart(told(span, name))


def named(telemetry: Telemetry, name: str) -> Any:
    """The one span of this name."""
    (span,) = [span for span in telemetry.spans if span.name == name]
    return span


def said(message: Any) -> list[Words]:
    """What a message of LangChain's says, as LangChain itself reads the blocks of every provider."""
    if message.type == "tool":
        return [("tool_call_response", stable(message.content))]
    blocks = [*message.content_blocks]
    kinds = {block["type"] for block in blocks}
    if "invalid_tool_call" not in kinds:
        blocks += [
            {**call, "type": "invalid_tool_call"} for call in getattr(message, "invalid_tool_calls", ())
        ]
    aside = message.additional_kwargs
    if (audio := aside.get("audio") or {}).get("transcript"):
        blocks += [{"type": "text", "text": audio["transcript"]}, {"type": "audio", "base64": audio["data"]}]
    if (call := aside.get("function_call")) and not kinds & {*_CALLS}:
        blocks.append({"type": "tool_call", "name": call["name"], "args": call["arguments"]})
    # What a stream wrote of a call is in its pieces; the call that LangChain makes of them may be a guess.
    pieces = {piece["id"]: piece["args"] for piece in getattr(message, "tool_call_chunks", ())}
    blocks = [{**block, "args": pieces.get(block.get("id"), block.get("args"))} for block in blocks]
    return [words for block in blocks for words in _block(block)]


def _block(block: Any) -> Iterator[Words]:
    kind = block["type"]
    if kind in _MEDIA:
        yield _medium(block)
    elif kind == "non_standard":
        yield _foreign(block["value"])
    elif kind in _CALLS:
        yield ("tool_call", block["name"], stable(block["args"]))
    elif kind in _SERVER:
        yield (_SERVER[kind],)
    elif words := block.get(_WORDS[kind]):
        yield ("reasoning" if kind == "reasoning" else "text", words)


_WORDS = {"text": "text", "text-plain": "text", "reasoning": "reasoning", "refusal": "refusal"}
_CALLS = ("tool_call", "invalid_tool_call", "tool_call_chunk")
_MEDIA = ("image", "audio", "video", "file")
_SERVER = {"server_tool_call": "server_tool_call", "server_tool_result": "server_tool_call_response"}


def _medium(block: Any) -> Words:
    if "url" in block:
        return ("uri", block["url"])
    return ("file", block["file_id"]) if "file_id" in block else ("blob",)


def _foreign(value: Any) -> Words:
    """What LangChain keeps as the provider has it."""
    kind = value["type"]
    if kind == "thinking":
        return ("reasoning", "".join(piece["text"] for piece in value["thinking"]))
    if kind == "video_url":
        return ("uri", value[kind]["url"])
    return ("blob",) if kind == "input_audio" else (kind,)
