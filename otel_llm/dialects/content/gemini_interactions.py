"""What Google's interactions say: in steps (`steps`), or, as first released, in contents alone (`outputs`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from otel_llm.dialects.content import parts as say
from otel_llm.dialects.content.bounded import kept, put_copy
from otel_llm.dialects.content.in_order import InOrder
from otel_llm.dialects.content.openai_messages import read_tool
from otel_llm.dialects.content.pieces import Budget, Text
from otel_llm.dialects.fields import Fields, count, fields, items, text

_MEDIA = ("image", "audio", "video", "document")
_ROLES = {"user_input": "user", "function_result": "tool", **dict.fromkeys(("text", *_MEDIA), "user")}
_ASKED = ("user_input", "function_result")
_WORDS = ("text", "thought", "model_output")
_TOLD_APART = ("type", "id", "call_id", "signature")


def _media(seen: Fields) -> Iterator[say.Part]:
    kind, form, address = text(seen.get("type")), seen.get("mime_type"), seen.get("uri")
    if kind in _MEDIA and seen.get("data") is not None:
        yield say.blob(kind, seen["data"], form)
    elif kind in _MEDIA and isinstance(address, str):
        yield say.uri(kind, address, form)


def _words(contents: Any, make: Any) -> Iterator[say.Part]:
    """What is in a step: a text, or contents."""
    if isinstance(contents, str):
        yield make(contents)
    for content in map(fields, items(contents)):
        if isinstance(words := content.get("text"), str):
            yield make(words)
        else:
            yield from _media(content)


def _read_step(seen: Fields) -> Iterator[say.Part]:
    """The parts of a step, or of a content that stands for one."""
    kind = text(seen.get("type")) or ""
    name, own, answers = seen.get("name"), seen.get("id"), seen.get("call_id")
    if kind == "text":
        yield from _words(seen.get("text"), say.said)
    elif kind == "thought":
        yield from _words(seen.get("summary"), say.thought)
    elif kind in ("user_input", "model_output"):
        yield from _words(seen.get("content"), say.said)
    elif kind == "function_call":
        yield say.tool_call(name, seen.get("arguments"), own)
    elif kind == "function_result":
        yield say.tool_result(seen.get("result"), answers, name)
    elif kind in _MEDIA:
        yield from _media(seen)
    elif kind.endswith("_call"):
        yield say.server_call(kind.removesuffix("_call"), name, _told(seen), own)
    elif kind.endswith("_result"):
        yield say.server_result(kind.removesuffix("_result"), _told(seen), answers)


def _told(seen: Fields) -> Fields:
    return {name: value for name, value in seen.items() if name not in _TOLD_APART and value is not None}


def _messages(steps: Iterable[Any]) -> list[say.Message]:
    """Steps of the same speaker that follow one another are one message."""
    found: list[say.Message] = []
    for step in map(fields, steps):
        kind = text(step.get("type"))
        if kind is None:  # a turn, as first released
            role, parts = step.get("role"), [*_words(step.get("content"), say.said)]
        else:
            role, parts = _ROLES.get(kind, "assistant"), [*_read_step(step)]
        if parts and found and found[-1]["role"] == role:
            found[-1]["parts"] += parts
        elif parts:
            found.append(say.message(role, parts))
    return found


def _asked(body: Fields) -> say.Asked:
    given = body.get("input")
    if isinstance(given, str):
        given = [{"type": "text", "text": given}]
    return say.Asked(
        _messages(items(given) or [given]),
        [*say.worded(body.get("system_instruction"))],
        [*map(read_tool, items(body.get("tools")))],
    )


class _Step:
    """A step out of its events."""

    __slots__ = ("_arguments", "_budget", "_told", "_words")

    def __init__(self, budget: Budget, begun: Fields) -> None:
        self._budget = budget
        self._words = InOrder(budget)
        self._arguments = Text(budget)
        self._told: dict[str, Any] = {}
        if text(begun.get("type")) in _WORDS:
            self._say(_read_step(begun))
        else:
            self._tell(begun)

    def _say(self, parts: Iterator[say.Part]) -> None:
        for part in parts:
            make = {"text": say.said, "reasoning": say.thought}.get(part["type"])
            if make is None:
                put_copy(self._words, part, self._budget)
            else:
                self._words.more(part["content"], make)

    def add(self, delta: Fields) -> None:
        """More of it."""
        kind = text(delta.get("type")) or ""
        if kind == "thought_summary":
            self._say(_words([delta.get("content")], say.thought))
        elif kind == "text" or kind in _MEDIA:
            self._say(_read_step(delta))
        elif kind == "arguments_delta":
            self._arguments.add(delta.get("arguments"))
        elif kind.endswith(("_call", "_result")):
            self._tell(delta)

    def _tell(self, told: Fields) -> None:
        known = {name: value for name, value in told.items() if value is not None and name != "signature"}
        self._told.update(kept(known, self._budget))

    def parts(self) -> list[say.Part]:
        """What it says so far."""
        written = {"arguments": str(self._arguments)} if self._arguments else {}
        return [*self._words.parts(), *_read_step({**self._told, **written})]


class _Reader:
    """An interaction, or the events of its stream, of which the last may have all of it."""

    __slots__ = ("_budget", "_steps", "_whole")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._steps: dict[Any, _Step] = {}
        self._whole: Fields = {}

    def add(self, event: Any) -> None:
        seen = fields(event)
        kind, place = text(seen.get("event_type")) or "", count(seen.get("index"))
        if kind in ("step.delta", "content.delta"):
            known = self._steps.get(place) or self._begin(place, {})
            known.add(fields(seen.get("delta")))
        elif kind in ("step.start", "content.start"):
            self._begin(place, fields(seen.get("step") or seen.get("content")))
        elif kind in ("interaction.created", "interaction.start"):
            self._steps.clear()
        elif not kind or "interaction" in seen:
            self._whole = fields(seen.get("interaction")) if kind else seen

    def _begin(self, place: Any, begun: Fields) -> _Step:
        step = _Step(self._budget, begun)
        if self._budget.left > 0:
            self._steps[place] = step
        return step

    def messages(self) -> list[say.Message]:
        parts = [part for step in self._steps.values() for part in step.parts()]
        whole = items(self._whole.get("steps")) or items(self._whole.get("outputs"))
        if not parts:
            answers = (step for step in map(fields, whole) if text(step.get("type")) not in _ASKED)
            parts = [part for step in answers for part in _read_step(step)]
        return [say.message(self._whole.get("role") or "assistant", parts)] if parts else []


INTERACTIONS = say.Content(_asked, _Reader)
