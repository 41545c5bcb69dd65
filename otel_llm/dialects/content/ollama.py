"""What Ollama's chat and generate say. Templates, and tokens of an earlier context, are no words of anybody."""

from __future__ import annotations

from typing import Any

from otel_llm.dialects.content import parts as say
from otel_llm.dialects.content.bounded import put_copy
from otel_llm.dialects.content.in_order import InOrder
from otel_llm.dialects.content.openai_messages import read_call, read_message, read_tool
from otel_llm.dialects.content.pieces import Budget
from otel_llm.dialects.fields import Fields, fields, items, text


def _pictures(seen: Fields) -> list[say.Part]:
    """Bytes, or base64 of some."""
    pictures = items(seen.get("images"))
    return [say.blob("image", picture) for picture in pictures if isinstance(picture, (str, bytes))]


def _read(said_by: Any) -> say.Message:
    seen = fields(said_by)
    if not seen.get("thinking") and not seen.get("images"):
        return read_message(said_by)
    found = read_message({**seen, "reasoning": seen.get("thinking"), "images": None})
    return {**found, "parts": [*found["parts"], *_pictures(seen)]}


def _asked(body: Fields) -> say.Asked:
    tools = [*map(read_tool, items(body.get("tools")))]
    return say.Asked([*map(_read, items(body.get("messages")))], [], tools)


def _prompted(body: Fields) -> say.Asked:
    parts = [*say.worded(body.get("prompt")), *say.worded(body.get("suffix")), *_pictures(body)]
    return say.Asked([say.message("user", parts)] if parts else [], [*say.worded(body.get("system"))])


class _Reader:
    """An answer, whole or in parts that each have a piece of it."""

    __slots__ = ("_budget", "_parts", "_role")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._parts = InOrder(budget)
        self._role: str | None = None

    def add(self, event: Any) -> None:
        whole = fields(event)
        seen = fields(whole.get("message")) or {**whole, "content": whole.get("response")}
        self._role = self._role or text(seen.get("role"))
        for name, make in (("thinking", say.thought), ("content", say.said)):
            if seen.get(name):
                self._parts.add(name, seen[name], make)
        calls = map(read_call, items(seen.get("tool_calls")))
        for part in (*calls, *_pictures(seen), *_pictures({"images": [seen.get("image")]})):
            put_copy(self._parts, part, self._budget)

    def messages(self) -> list[say.Message]:
        parts = self._parts.parts()
        return [say.message(self._role or "assistant", parts)] if parts else []


CHAT = say.Content(_asked, _Reader)
GENERATE = say.Content(_prompted, _Reader)
