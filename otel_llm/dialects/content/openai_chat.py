"""What chat completions say, and the older completions."""

from __future__ import annotations

from typing import Any

from otel_llm.dialects.content import parts as say
from otel_llm.dialects.content.openai_messages import (
    read_message,
    read_part,
    read_tool,
    refused,
    spoken,
    thoughts_in,
)
from otel_llm.dialects.content.pieces import Budget, Text
from otel_llm.dialects.fields import Fields, fields, items, text


def _asked(body: Fields) -> say.Asked:
    tools = [*items(body.get("tools"))]
    old = [{"type": "function", "function": fields(one)} for one in items(body.get("functions"))]
    return say.Asked(
        [read_message(one) for one in items(body.get("messages"))], [], [*map(read_tool, tools + old)]
    )


def _prompted(body: Fields) -> say.Asked:
    prompt = body.get("prompt")
    prompts = [prompt] if isinstance(prompt, str) else [one for one in items(prompt) if isinstance(one, str)]
    return say.Asked([say.message("user", [say.said(one)]) for one in prompts])


class _Choice:
    """One choice out of its pieces."""

    __slots__ = ("_budget", "_calls", "_more", "_refusal", "_role", "_said", "_thought")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._role: str | None = None
        self._said, self._thought, self._refusal = Text(budget), Text(budget), Text(budget)
        self._calls: dict[Any, tuple[dict[str, Any], Text]] = {}
        self._more: dict[str, Text] = {}

    def add(self, delta: Fields) -> None:
        content = delta.get("content")
        if type(content) is str:
            self._said.add(content)
        elif content:
            for part in say.texts_of(content, read_part):
                (self._thought if part["type"] == "reasoning" else self._said).add(part.get("content"))
        self._role = self._role or text(delta.get("role"))
        for part in thoughts_in(delta):
            self._thought.add(part["content"])
        if delta.get("refusal"):
            self._refusal.add(delta["refusal"])
        for position, call in enumerate(items(delta.get("tool_calls"))):
            self._call(fields(call), position)
        if (call := delta.get("function_call")) is not None:
            self._call({"function": call, "index": "function_call"}, 0)
        for name, piece in fields(delta.get("audio")).items():
            if name in ("data", "transcript"):
                self._more.setdefault(name, Text(self._budget)).add(piece)

    def _call(self, call: Fields, position: int) -> None:
        told = fields(call.get("function")) or fields(call.get("custom"))
        place, own = call.get("index"), text(call.get("id"))
        if not isinstance(place, (int, float, str)):  # a whole call in one piece, or more of the last one
            place = own or (
                position if own is None and len(self._calls) <= 1 else next(reversed(self._calls))
            )
        known = self._calls.get(place)
        if known is None and self._budget.left <= 0:
            return
        facts, arguments = known or self._calls.setdefault(place, ({}, Text(self._budget)))
        facts["id"] = facts.get("id") or own
        facts["name"] = facts.get("name") or text(told.get("name"))
        written = told.get("arguments", told.get("input"))
        if isinstance(written, str):
            arguments.add(written)
        elif written is not None:
            facts["arguments"] = written

    def message(self) -> say.Message:
        parts = [say.thought(str(self._thought))] if self._thought else []
        parts += [say.said(str(self._said))] if self._said else []
        parts += [refused(str(self._refusal))] if self._refusal else []
        parts += spoken({name: str(piece) for name, piece in self._more.items()})
        for facts, written in self._calls.values():
            arguments = facts.get("arguments", str(written))
            parts.append(say.tool_call(facts["name"], arguments, facts["id"]))
        return say.message(self._role or "assistant", parts)


class _Reader:
    """Choices of an answer, whole or in chunks."""

    __slots__ = ("_budget", "_choices", "_whole")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._choices: dict[int, _Choice] = {}
        self._whole: dict[int, say.Message] = {}

    def add(self, event: Any) -> None:
        for position, one in enumerate(items(fields(event).get("choices"))):
            choice = fields(one)
            index = choice.get("index")
            index = index if type(index) is int else position
            if index not in self._choices and self._budget.left <= 0:
                continue
            if (delta := choice.get("delta")) is not None:
                self._choice(index).add(fields(delta))
            if (whole := choice.get("message")) is not None:  # Perplexity has both
                self._whole[index] = {**read_message(whole), "role": "assistant"}
            elif delta is None and (words := choice.get("text")) is not None:
                self._choice(index).add({"content": words})

    def _choice(self, index: int) -> _Choice:
        known = self._choices.get(index)
        if known is None:
            known = self._choices[index] = _Choice(self._budget)
        return known

    def messages(self) -> list[say.Message]:
        found = dict(self._whole)
        for index, choice in self._choices.items():
            pieced = choice.message()
            if pieced["parts"] or index not in found:
                found[index] = pieced
        return [found[index] for index in sorted(found)]


CHAT = say.Content(_asked, _Reader)
COMPLETIONS = say.Content(_prompted, _Reader)
