"""What Mistral's APIs say: OpenAI's messages, in envelopes where they stream, and conversations.

Conversations have entries for messages, functions and the tools that Mistral runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from otel_llm.dialects.content import openai_chat
from otel_llm.dialects.content import parts as say
from otel_llm.dialects.content.bounded import put_copy
from otel_llm.dialects.content.in_order import InOrder
from otel_llm.dialects.content.openai_messages import read_part, read_tool
from otel_llm.dialects.content.pieces import Budget
from otel_llm.dialects.content.through import through
from otel_llm.dialects.fields import Fields, count, fields, items, text


def _unwrapped(event: Any) -> Any:
    return fields(event).get("data", event)


def _filled_in(body: Fields) -> say.Asked:
    """What stands before and after the gap."""
    around = [*say.worded(body.get("prompt")), *say.worded(body.get("suffix"))]
    return say.Asked([say.message("user", around)] if around else [])


# Conversations.


def _read_entry(seen: Fields) -> Iterator[say.Part]:
    kind = text(seen.get("type")) or "message.input"
    name, call = seen.get("name"), seen.get("tool_call_id")
    if kind.startswith("message."):
        yield from say.texts_of(seen.get("content"), read_part)
    elif kind == "function.call":
        yield say.tool_call(name, seen.get("arguments"), call)
    elif kind == "function.result":
        yield say.tool_result(seen.get("result"), call)
    elif kind == "tool.execution":
        yield from _executed(seen)


def _executed(seen: Fields) -> Iterator[say.Part]:
    """A tool that Mistral has run, and what it tells of that."""
    name = text(seen.get("name")) or "tool"
    yield say.server_call(name, name, {"arguments": say.parsed(seen.get("arguments"))}, seen.get("id"))
    yield from _results(seen)


def _results(seen: Fields) -> Iterator[say.Part]:
    if (info := seen.get("info")) is not None:
        yield say.server_result(text(seen.get("name")) or "tool", {"info": info}, seen.get("id"))


_ROLES = {"function.result": "tool", "message.input": "user"}


def _asked(body: Fields) -> say.Asked:
    given = body.get("inputs")
    if isinstance(given, str):
        given = [{"content": given}]
    messages: list[say.Message] = []
    for entry in map(fields, items(given)):
        if parts := [*_read_entry(entry)]:
            role = _ROLES.get(text(entry.get("type")) or "message.input", "assistant")
            messages.append(say.message(entry.get("role") or role, parts))
    return say.Asked(
        messages,
        [*say.worded(body.get("instructions"))],
        [*map(read_tool, items(body.get("tools")))],
    )


class _Conversation:
    """A conversation's answer, or the events of its stream."""

    __slots__ = ("_budget", "_parts")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._parts = InOrder(budget)

    def add(self, event: Any) -> None:
        seen = fields(event)
        for entry in items(seen.get("outputs")):
            for part in _read_entry(fields(entry)):
                put_copy(self._parts, part, self._budget)
        kind = text(seen.get("type")) or ""
        if kind == "message.output.delta":
            self._say(seen)
        elif kind == "tool.execution.done":
            for part in _results(seen):
                put_copy(self._parts, part, self._budget)
        elif kind in ("function.call.delta", "tool.execution.started", "tool.execution.delta"):
            call = {**seen, "type": kind.rpartition(".")[0]}
            self._parts.add(
                text(seen.get("id")),
                seen.get("arguments"),
                lambda written: next(_read_entry({**call, "arguments": written})),
            )

    def _say(self, seen: Fields) -> None:
        content, place = seen.get("content"), (text(seen.get("id")), count(seen.get("content_index")))
        for part in say.texts_of(content if isinstance(content, str) else [content], read_part):
            make = {"text": say.said, "reasoning": say.thought}.get(part["type"])
            if make is None:
                put_copy(self._parts, part, self._budget)
            else:
                self._parts.add((*place, make), part.get("content"), make)

    def messages(self) -> list[say.Message]:
        parts = self._parts.parts()
        return [say.message("assistant", parts)] if parts else []


CHAT = say.Content(openai_chat.CHAT.asked, through(_unwrapped, openai_chat.CHAT.reader))
FIM = say.Content(_filled_in, CHAT.reader)
CONVERSATIONS = say.Content(_asked, through(_unwrapped, _Conversation))
