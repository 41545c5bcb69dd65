"""What Anthropic's messages say, and the text completions before them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from otel_llm.dialects.content import parts as say
from otel_llm.dialects.content.anthropic_blocks import (
    compaction,
    read_block,
    read_blocks,
    read_message,
    read_tool,
)
from otel_llm.dialects.content.bounded import kept, put_copy
from otel_llm.dialects.content.in_order import InOrder
from otel_llm.dialects.content.pieces import Budget, Text
from otel_llm.dialects.fields import Fields, count, fields, items, text


def _asked(body: Fields) -> say.Asked:
    return say.Asked(
        [*map(read_message, items(body.get("messages")))],
        [*read_blocks(body.get("system"))],
        [*map(read_tool, items(body.get("tools")))],
    )


def _prompted(body: Fields) -> say.Asked:
    prompt = [*say.worded(body.get("prompt"))]
    return say.Asked([say.message("user", prompt)] if prompt else [])


# By the type of a delta: where its words are, and what they are if nobody has said so before.
_DELTAS: dict[str, tuple[str, Callable[[str], say.Part]]] = {
    "text_delta": ("text", say.said),
    "thinking_delta": ("thinking", say.thought),
    "input_json_delta": ("partial_json", lambda written: say.tool_call(None, written)),
    "compaction_delta": ("content", compaction),
}
_TEXTS: dict[str, tuple[str, Callable[[str], say.Part]]] = {
    "text": ("text", say.said),
    "thinking": ("thinking", say.thought),
    "compaction": ("content", compaction),
}
_OF_CALLS = ("type", "id", "name", "server_name")


class _Reader:
    """A message, or the events of its stream; a fallback in mid-stream starts over."""

    __slots__ = ("_budget", "_most", "_parts", "_role", "_whole")

    def __init__(self, budget: Budget) -> None:
        self._budget, self._most = budget, budget.left
        self._parts = InOrder(budget)
        self._role: Any = None
        self._whole: list[say.Part] = []

    def add(self, event: Any) -> None:
        seen = fields(event)
        kind = text(seen.get("type"))
        if kind == "content_block_delta":
            delta = fields(seen.get("delta"))
            if (known := _DELTAS.get(text(delta.get("type")) or "")) is not None:
                self._parts.add(count(seen.get("index")), delta.get(known[0]), known[1])
        elif kind == "content_block_start":
            self._begin(count(seen.get("index")), fields(seen.get("content_block")))
        elif kind == "message_start":
            begun = fields(seen.get("message"))
            self._budget.left, self._parts, self._role = self._most, InOrder(self._budget), begun.get("role")
            self._whole = [*read_blocks(begun.get("content"))]
        elif kind in (None, "message") and "content" in seen:
            self._role, self._whole = seen.get("role"), [*read_blocks(seen["content"])]

    def _begin(self, place: int | None, block: Fields) -> None:
        kind = text(block.get("type")) or ""
        if (known := _TEXTS.get(kind)) is not None:
            self._parts.add(place, block.get(known[0]) or "", known[1])
        elif kind.endswith("tool_use") and self._budget.left > 0:
            facts: dict[str, Any] = {name: text(block.get(name)) for name in _OF_CALLS}
            given = kept(block.get("input"), self._budget)
            self._parts.add(place, "", lambda written: next(read_block({**facts, "input": written or given})))
        else:
            for part in read_block(block):
                put_copy(self._parts, part, self._budget)

    def messages(self) -> list[say.Message]:
        parts = [*self._whole, *self._parts.parts()]
        return [say.message(self._role or "assistant", parts)] if parts else []


class _Completion:
    """A text, whole or in pieces."""

    __slots__ = ("_words",)

    def __init__(self, budget: Budget) -> None:
        self._words = Text(budget)

    def add(self, event: Any) -> None:
        self._words.add(fields(event).get("completion"))

    def messages(self) -> list[say.Message]:
        return [say.message("assistant", [say.said(str(self._words))])] if self._words else []


MESSAGES = say.Content(_asked, _Reader)
COMPLETE = say.Content(_prompted, _Completion)
