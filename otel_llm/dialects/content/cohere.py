"""What Cohere's chat and generate say, in both versions of the API.

Version 1 has a message, the history before it and a preamble; version 2 has messages, whose plan for the tools is
a thought. What is cited from, and where, is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from otel_llm.dialects.content import parts as say
from otel_llm.dialects.content.in_order import InOrder
from otel_llm.dialects.content.openai_messages import read_message
from otel_llm.dialects.content.pieces import Budget
from otel_llm.dialects.fields import Fields, count, fields, items, text

# What is asked.


def _read_v2(said_by: Any) -> say.Message:
    found = read_message(said_by)
    return {**found, "parts": [*say.worded(fields(said_by).get("tool_plan"), say.thought), *found["parts"]]}


def _calls(seen: Fields) -> Iterator[say.Part]:
    for call in map(fields, items(seen.get("tool_calls"))):
        yield say.tool_call(call.get("name"), call.get("parameters"))


def _results(seen: Fields) -> Iterator[say.Part]:
    for result in map(fields, items(seen.get("tool_results"))):
        yield say.tool_result(result.get("outputs"), None, fields(result.get("call")).get("name"))


def _read_v1(seen: Fields) -> say.Message:
    return say.message(seen.get("role"), [*say.worded(seen.get("message")), *_calls(seen), *_results(seen)])


def _read_tool(definition: Any) -> say.Part:
    seen = fields(definition)
    told = fields(seen.get("function")) or seen
    schema = told.get("parameters") or told.get("parameter_definitions")
    return say.tool(told.get("name"), told.get("description"), schema)


def _asked(body: Fields) -> say.Asked:
    messages = [_read_v2(one) for one in items(body.get("messages"))]
    messages += [_read_v1(fields(one)) for one in items(body.get("chat_history"))]
    for role, parts in (("tool", _results(body)), ("user", say.worded(body.get("message")))):
        if told := [*parts]:
            messages.append(say.message(role, told))
    return say.Asked(
        messages, [*say.worded(body.get("preamble"))], [*map(_read_tool, items(body.get("tools")))]
    )


def _prompted(body: Fields) -> say.Asked:
    prompt = [*say.worded(body.get("prompt"))]
    return say.Asked([say.message("user", prompt)] if prompt else [])


# What is answered.


def _whole(seen: Fields) -> list[say.Message]:
    """An answer that came at once, or at the end of a stream."""
    if generations := items(seen.get("generations")):
        return [say.message("assistant", say.worded(fields(one).get("text"))) for one in generations]
    if told := fields(seen.get("message")):
        return [{**_read_v2(told), "role": "assistant"}]
    return [say.message("assistant", [*say.worded(seen.get("text")), *_calls(seen)])]


class _Reader:
    """An answer, or the events of its stream. What version 1 says again at the end goes for what came before."""

    __slots__ = ("_budget", "_choices", "_last")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._choices: dict[int, InOrder] = {}
        self._last: list[say.Message] = []

    def add(self, event: Any) -> None:
        seen = fields(event)
        kind = text(seen.get("type")) or text(seen.get("event_type")) or ""
        if (read := _EVENTS.get(kind)) is not None:
            index = count(seen.get("index")) if kind == "text-generation" else 0
            read(self.choice(index or 0), seen)
        elif kind == "message-start":
            self._choices.clear()
        elif kind == "tool-calls-generation":  # all of the calls that came in pieces, if they did
            before = (part for part in self.choice(0).parts() if part["type"] == "text")
            self._last = [
                say.message("assistant", [*([*say.worded(seen.get("text"))] or before), *_calls(seen)])
            ]
        else:
            found = _whole(fields(seen.get("response")) if kind == "stream-end" else seen)
            self._last = found if any(each["parts"] for each in found) else self._last

    def choice(self, index: int) -> InOrder:
        """One of the answers, begun or not."""
        found = self._choices.get(index) or InOrder(self._budget)
        if self._budget.left > 0:
            self._choices[index] = found
        return found

    def messages(self) -> list[say.Message]:
        choices = (self._choices[index] for index in sorted(self._choices))
        return self._last or [say.message("assistant", choice.parts()) for choice in choices]


def _told(seen: Fields) -> Fields:
    """What an event of version 2 says, by the names of a message."""
    return fields(fields(seen.get("delta")).get("message"))


def _content(parts: InOrder, seen: Fields) -> None:
    content, place = fields(_told(seen).get("content")), seen.get("index")
    for name, make in (("thinking", say.thought), ("text", say.said)):
        if content.get(name):
            parts.add((name, count(place)), content[name], make)


def _call(parts: InOrder, seen: Fields) -> None:
    call = fields(_told(seen).get("tool_calls"))
    function = fields(call.get("function"))
    own, name = call.get("id"), function.get("name")
    parts.add(
        ("call", count(seen.get("index"))),
        function.get("arguments"),
        lambda arguments: say.tool_call(name, arguments, own),
    )


def _call_v1(parts: InOrder, seen: Fields) -> None:
    parts.add("text", seen.get("text"), say.said)
    delta = fields(seen.get("tool_call_delta"))
    name = delta.get("name")
    if delta:
        place = ("call", count(delta.get("index")))
        parts.add(place, delta.get("parameters"), lambda written: say.tool_call(name, written))


_EVENTS: dict[str, Callable[[InOrder, Fields], None]] = {
    "content-start": _content,
    "content-delta": _content,
    "tool-plan-delta": lambda parts, seen: parts.add("plan", _told(seen).get("tool_plan"), say.thought),
    "tool-call-start": _call,
    "tool-call-delta": _call,
    "text-generation": lambda parts, seen: parts.add("text", seen.get("text"), say.said),
    "tool-calls-chunk": _call_v1,
}

CHAT = say.Content(_asked, _Reader)
GENERATE = say.Content(_prompted, _Reader)
