"""What the models say that Amazon Bedrock's InvokeModel reaches, each family in its own language."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from otel_llm.dialects.bedrock_invoke import family
from otel_llm.dialects.content import anthropic_messages, bedrock_converse, content_of, openai_chat
from otel_llm.dialects.content.in_order import InOrder
from otel_llm.dialects.content.parts import (
    Asked,
    Content,
    ContentReader,
    Message,
    Part,
    blob,
    message,
    said,
    tool,
    tool_call,
    tool_result,
    worded,
)
from otel_llm.dialects.content.pieces import Budget
from otel_llm.dialects.fields import Fields, count, fields, items
from otel_llm.dialects.sse import decode

# What is asked.

_OF_NOVA = ("schemaVersion", "inferenceConfig", "toolConfig")


def _asked(body: Fields) -> Asked:
    if "messages" not in body:
        return _asked_plainly(body)
    if "anthropic_version" in body:
        return anthropic_messages.MESSAGES.asked(body)
    if any(name in body for name in _OF_NOVA) or _untyped(body["messages"]):
        return bedrock_converse.CONVERSE.asked(body)
    return openai_chat.CHAT.asked(body)


def _untyped(messages: Any) -> bool:
    """Whether there are contents that have no type, which is Nova's way."""
    contents = (content for one in items(messages) for content in items(fields(one).get("content")))
    first = next(contents, None)
    return first is not None and "type" not in fields(first)


def _asked_plainly(body: Fields) -> Asked:
    """A prompt by one of its names, or a message with the history before it: Cohere's way."""
    messages = [_read_turn(fields(turn)) for turn in items(body.get("chat_history"))]
    parts = [part for name in ("prompt", "inputText", "message") for part in worded(body.get(name))]
    parts += [blob("image", picture) for picture in items(body.get("images"))]
    if results := [*_results(body)]:
        messages.append(message("tool", results))
    if parts:
        messages.append(message("user", parts))
    tools = (fields(one) for one in items(body.get("tools")))
    return Asked(
        messages,
        [*worded(body.get("preamble"))],
        [tool(one.get("name"), one.get("description"), one.get("parameter_definitions")) for one in tools],
    )


def _read_turn(seen: Fields) -> Message:
    return message(seen.get("role"), [*worded(seen.get("message")), *_calls(seen), *_results(seen)])


def _calls(seen: Fields) -> Iterator[Part]:
    for call in map(fields, items(seen.get("tool_calls"))):
        yield tool_call(call.get("name"), call.get("parameters"))


def _results(seen: Fields) -> Iterator[Part]:
    for result in map(fields, items(seen.get("tool_results"))):
        yield tool_result(result.get("outputs"), None, fields(result.get("call")).get("name"))


# What is answered.

_WORDS = ("generation", "outputText", "completion", "text")
_LISTS = ("results", "generations", "outputs", "completions")


class _Plain:
    """Texts, whole or in pieces, of one answer or of several."""

    __slots__ = ("_answers", "_budget")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._answers: dict[int, InOrder] = {}

    def add(self, event: Any) -> None:
        seen = fields(event)
        self._add(count(seen.get("index")) or 0, seen)
        for name in _LISTS:
            for place, one in enumerate(items(seen.get(name))):
                self._add(place, fields(one))

    def _add(self, place: int, seen: Fields) -> None:
        inner = fields(seen.get("data"))  # AI21
        words = next((seen[name] for name in _WORDS if name in seen), inner.get("text"))
        calls = [*_calls(seen)]
        if (not words and not calls) or (place not in self._answers and self._budget.left <= 0):
            return
        answer = self._answers.setdefault(place, InOrder(self._budget))
        answer.add("text", words, said)
        for call in calls:
            answer.put(call)

    def messages(self) -> list[Message]:
        return [message("assistant", self._answers[place].parts()) for place in sorted(self._answers)]


class _Reader:
    """A body with its headers, or the chunks of a stream, of which the first tells the family."""

    __slots__ = ("_budget", "_inner")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._inner: ContentReader | None = None

    def add(self, event: Any) -> None:
        seen = fields(event)
        body = seen.get("body")
        if isinstance(data := fields(seen.get("chunk")).get("bytes"), bytes):
            body = decode(data)
        if told := fields(body):
            self._inner = self._inner or content_of(family(told).content).reader(self._budget)
            self._inner.add(told)

    def messages(self) -> list[Message]:
        return [] if self._inner is None else self._inner.messages()


INVOKE = Content(_asked, _Reader)
PLAIN = Content(_asked_plainly, _Plain)
