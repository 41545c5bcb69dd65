"""What Ollama's chat and generate say. Templates, and tokens of an earlier context, are no words of anybody."""

from __future__ import annotations

from typing import Any

from otel_llm.dialects.content.in_order import InOrder
from otel_llm.dialects.content.openai_messages import read_call, read_message, read_tool
from otel_llm.dialects.content.parts import (
    Asked,
    Budget,
    Content,
    Message,
    Part,
    blob,
    message,
    said,
    thought,
)
from otel_llm.dialects.fields import Fields, fields, items, text


def _texts(*texts: Any) -> list[Part]:
    return [said(words) for words in texts if isinstance(words, str) and words]


def _pictures(seen: Fields) -> list[Part]:
    """Bytes, or base64 of some."""
    pictures = items(seen.get("images"))
    return [blob("image", picture) for picture in pictures if isinstance(picture, (str, bytes))]


def _read(said_by: Any) -> Message:
    seen = fields(said_by)
    found = read_message({**seen, "reasoning": seen.get("thinking"), "images": None})
    return {**found, "parts": [*found["parts"], *_pictures(seen)]}


def _asked(body: Fields) -> Asked:
    tools = [*map(read_tool, items(body.get("tools")))]
    return Asked([*map(_read, items(body.get("messages")))], [], tools)


def _prompted(body: Fields) -> Asked:
    parts = [*_texts(body.get("prompt"), body.get("suffix")), *_pictures(body)]
    return Asked([message("user", parts)] if parts else [], _texts(body.get("system")))


class _Reader:
    """An answer, whole or in parts that each have a piece of it."""

    __slots__ = ("_parts", "_role")

    def __init__(self, budget: Budget) -> None:
        self._parts = InOrder(budget)
        self._role: str | None = None

    def add(self, event: Any) -> None:
        whole = fields(event)
        seen = fields(whole.get("message")) or {**whole, "content": whole.get("response")}
        self._role = self._role or text(seen.get("role"))
        for name, make in (("thinking", thought), ("content", said)):
            if seen.get(name):
                self._parts.add(name, seen[name], make)
        for call in items(seen.get("tool_calls")):
            self._parts.put(read_call(call))
        for picture in (*_pictures(seen), *_pictures({"images": [seen.get("image")]})):
            self._parts.put(picture)

    def messages(self) -> list[Message]:
        parts = self._parts.parts()
        return [message(self._role or "assistant", parts)] if parts else []


CHAT = Content(_asked, _Reader)
GENERATE = Content(_prompted, _Reader)
