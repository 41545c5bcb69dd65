"""LangChain's messages, and what it takes for one: pairs, dicts, plain texts."""

from __future__ import annotations

from typing import Any

from otel_llm.dialects.content import openai_messages
from otel_llm.dialects.content.langchain_blocks import CALLS, read_block, read_call
from otel_llm.dialects.content.parts import Message, Part, message, said, texts_of, tool_result
from otel_llm.dialects.fields import Fields, fields, items, text

_ROLES = {"human": "user", "ai": "assistant"}
_TYPES = {
    **_ROLES,
    **dict.fromkeys(("system", "tool", "function")),
    "HumanMessageChunk": "user",
    "AIMessageChunk": "assistant",
    "SystemMessageChunk": "system",
    "ToolMessageChunk": "tool",
    "FunctionMessageChunk": "function",
}
"""By the type of a message its role, where that has another name."""
_ANSWERED = frozenset(("content", "tool_calls", "role", "type", "name", "id"))
"""What of a message as a dict is not beside its content."""
_EMPTY = said("")


def read_message(thing: Any) -> Message | None:
    """A message, whatever form it has; None if it is none."""
    if isinstance(thing, str):
        return message("user", [said(thing)] if thing else [])
    if isinstance(thing, tuple) and len(thing) == 2:  # pyright: ignore[reportUnknownArgumentType]
        thing = {"role": thing[0], "content": thing[1]}  # pyright: ignore[reportUnknownVariableType]
    seen = fields(thing)
    role = _role(seen)
    if role is None or "content" not in seen:
        return None
    if role in ("tool", "function"):
        return message(role, [tool_result(seen["content"], seen.get("tool_call_id"), seen.get("name"))])
    return message(role, _parts(seen), seen.get("name"))


def read_messages(things: Any) -> list[Message]:
    """All messages of a list, what is none left out; one message alone is as good."""
    found = (read_message(thing) for thing in (things if isinstance(things, list) else (things,)))  # pyright: ignore[reportUnknownVariableType]
    return [one for one in found if one is not None]


def _role(seen: Fields) -> str | None:
    if (role := text(seen.get("role"))) is not None:  # of a dict, or of a message with any role
        return _ROLES.get(role, role)
    kind = text(seen.get("type")) or ""
    if kind not in _TYPES:
        return None
    return text(fields(seen.get("additional_kwargs")).get("__openai_role__")) or _TYPES[kind] or kind


def _parts(seen: Fields) -> list[Part]:
    aside = fields(seen["additional_kwargs"]) if "additional_kwargs" in seen else seen
    calls = [read_call(fields(call)) for call in _calls(seen)]
    # What integrations keep beside the content is in OpenAI's words.
    rest = {name: value for name, value in aside.items() if name not in _ANSWERED}
    if calls:
        rest.pop("function_call", None)
    elif "additional_kwargs" in seen:
        rest["tool_calls"] = aside.get("tool_calls")
    beside = openai_messages.read_message(rest)["parts"]
    thoughts = [part for part in beside if part["type"] == "reasoning"]
    found = texts_of(seen["content"], lambda block: _block(block, calls))
    found = [part for part in found if part != _EMPTY]
    if any(part["type"] == "reasoning" for part in found):
        thoughts = []  # told twice
    return [*thoughts, *found, *(part for part in beside if part["type"] != "reasoning"), *calls]


def _calls(seen: Fields) -> list[Any]:
    """Of a stream, what was written: what LangChain has parsed of it may be made up."""
    pieces = items(seen.get("tool_call_chunks"))
    return [*pieces] if pieces else [*items(seen.get("tool_calls")), *items(seen.get("invalid_tool_calls"))]


def _block(seen: Fields, calls: list[Part]) -> Part | None:
    """One block; a call of a tool is told here, where it stands, and not again."""
    if text(seen.get("type")) not in CALLS:
        return read_block(seen)
    call = read_call(seen)
    if not call["name"]:  # a piece of one
        return None
    place = next((at for at, one in enumerate(calls) if call.get("id") in (None, one.get("id"))), None)
    return call if place is None else calls.pop(place)
