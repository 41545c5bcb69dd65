"""What OpenAI's Responses API says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from otel_llm.dialects.content.bounded import put_copy
from otel_llm.dialects.content.in_order import InOrder
from otel_llm.dialects.content.openai_items import read_item, read_items, read_tools
from otel_llm.dialects.content.openai_messages import refused
from otel_llm.dialects.content.parts import Asked, Content, Message, Part, message, said, thought, worded
from otel_llm.dialects.content.pieces import Budget
from otel_llm.dialects.fields import Fields, count, fields, items, text

# What is asked.


def _asked(body: Fields) -> Asked:
    given, system = body.get("input"), body.get("instructions")
    messages = [*_filled_in(fields(body.get("prompt")))]
    if spoken := [*worded(given)]:
        messages.append(message("user", spoken))
    added = (one for one in map(fields, items(given)) if one.get("type") == "additional_tools")
    tools = [*read_tools(body.get("tools"))]
    for one in added:
        tools += read_tools(one.get("tools"))
    instructions = [*worded(system), *(part for one in read_items(system) for part in one["parts"])]
    return Asked(messages + read_items(given), instructions, tools)


def _filled_in(prompt: Fields) -> Iterator[Message]:
    """What is put into a prompt that the provider keeps."""
    if variables := fields(prompt.get("variables")):
        part: Part = {"type": "prompt", "id": text(prompt.get("id")), "variables": variables}
        yield message("user", [part])


# What is answered.

# By the type of an event: what counts the texts of an item, and what they are.
_TEXTS: dict[str, tuple[str, Callable[[str], Part]]] = {
    "response.output_text.delta": ("content_index", said),
    "response.refusal.delta": ("content_index", refused),
    "response.reasoning_text.delta": ("content_index", thought),
    "response.reasoning_summary_text.delta": ("summary_index", thought),
}
# By the type of an item: the field that is written piece by piece.
_WRITTEN = {
    "function_call": "arguments",
    "custom_tool_call": "input",
    "mcp_call": "arguments",
    "code_interpreter_call": "code",
}
_PIECES = {
    "response.function_call_arguments.delta": "function_call",
    "response.custom_tool_call_input.delta": "custom_tool_call",
    "response.mcp_call_arguments.delta": "mcp_call",
    "response.code_interpreter_call_code.delta": "code_interpreter_call",
}
_OF_CALLS = ("type", "id", "call_id", "name", "server_label", "container_id")
_BEGINNINGS = ("response.created", "response.queued", "response.in_progress")


class _Reader:
    """A response, or the events of its stream, of which the last has all of it."""

    __slots__ = ("_budget", "_most", "_parts", "_pieced", "_whole")

    def __init__(self, budget: Budget) -> None:
        self._budget, self._most = budget, budget.left
        self._begin()

    def _begin(self) -> None:
        self._budget.left = self._most
        self._parts = InOrder(self._budget)
        self._pieced: set[int | None] = set()
        """Places of items that have come in pieces: what has all of one says nothing new."""
        self._whole: list[Message] = []

    def add(self, event: Any) -> None:
        seen = fields(event)
        if "type" not in seen and "data" in seen:  # in an envelope, as Mistral's SDK has it
            seen = fields(seen["data"])
        kind, place = text(seen.get("type")), count(seen.get("output_index"))
        if kind is None:
            self._finish(seen)
        elif (known := _TEXTS.get(kind)) is not None:
            counter, make = known
            self._piece(place, (place, counter, count(seen.get(counter))), seen.get("delta"), make)
        elif (called := _PIECES.get(kind)) is not None:
            self._piece(place, (place, called), seen.get("delta"), _call({"type": called}))
        elif kind in ("response.output_item.added", "response.output_item.done"):
            self._item(place, fields(seen.get("item")), done=kind.endswith("done"))
        elif kind == _BEGINNINGS[0]:
            self._begin()
        elif kind not in _BEGINNINGS and "response" in seen:
            self._finish(fields(seen["response"]))

    def _finish(self, response: Fields) -> None:
        self._whole = read_items(response.get("output"), answer=True) or self._whole

    def _piece(self, place: int | None, where: Any, piece: Any, make: Callable[[str], Part]) -> None:
        self._parts.add(where, piece, make)
        if piece and self._budget.left > 0:
            self._pieced.add(place)

    def _item(self, place: int | None, item: Fields, *, done: bool) -> None:
        kind = text(item.get("type")) or ""
        known = place in self._pieced
        if (name := _WRITTEN.get(kind)) is not None and not known:
            facts = {name: text(item.get(name)) for name in _OF_CALLS}
            self._piece(place, (place, kind), item.get(name) or "", _call(facts))
        if not done:
            return
        for part in read_item(item):
            # What a tool gave back never comes in pieces.
            if part["type"] == "server_tool_call_response" or not (known or name):
                put_copy(self._parts, part, self._budget)

    def messages(self) -> list[Message]:
        parts = self._parts.parts()
        return self._whole or ([message("assistant", parts)] if parts else [])


def _call(facts: Fields) -> Callable[[str], Part]:
    """What makes a call of what was written."""
    name = _WRITTEN[facts["type"]]
    return lambda written: next(read_item({**facts, name: written}))


RESPONSES = Content(_asked, _Reader)
