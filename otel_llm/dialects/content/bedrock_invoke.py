"""What the models say that Amazon Bedrock's InvokeModel reaches, each family in its own language."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from otel_llm.dialects.bedrock_invoke import family
from otel_llm.dialects.content import anthropic_messages, bedrock_converse, cohere, content_of, openai_chat
from otel_llm.dialects.content import parts as say
from otel_llm.dialects.content.pieces import Budget, Text
from otel_llm.dialects.fields import Fields, count, fields, items
from otel_llm.dialects.sse import decode

# What is asked.

_OF_NOVA = ("schemaVersion", "inferenceConfig", "toolConfig")


def _asked(body: Fields) -> say.Asked:
    if "messages" not in body:
        return cohere.CHAT.asked(body) if "message" in body else _prompted(body)
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


def _prompted(body: Fields) -> say.Asked:
    """A prompt by one of its names, to which there may be images."""
    parts = [part for name in ("prompt", "inputText") for part in say.worded(body.get(name))]
    parts += [say.blob("image", picture) for picture in items(body.get("images"))]
    return say.Asked([say.message("user", parts)] if parts else [])


# What is answered.

_WORDS = ("generation", "outputText", "completion", "text")
_OF_COHERE = {"event_type", "generation_id", "chat_history"}
"""Fields of its chats; its older models answer with texts alone."""
_LISTS = ("results", "generations", "outputs", "completions")


class _Plain:
    """Texts, whole or in pieces, of one answer or of several."""

    __slots__ = ("_answers", "_budget")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._answers: dict[int, Text] = {}

    def add(self, event: Any) -> None:
        seen = fields(event)
        self._add(count(seen.get("index")) or 0, seen)
        for name in _LISTS:
            for place, one in enumerate(items(seen.get(name))):
                self._add(place, fields(one))

    def _add(self, place: int, seen: Fields) -> None:
        inner = fields(seen.get("data"))  # AI21
        words = next((seen[name] for name in _WORDS if name in seen), inner.get("text"))
        if words and place not in self._answers and self._budget.left > 0:
            self._answers[place] = Text(self._budget)
        if place in self._answers:
            self._answers[place].add(words)

    def messages(self) -> list[say.Message]:
        texts = (str(self._answers[place]) for place in sorted(self._answers))
        return [say.message("assistant", say.worded(words)) for words in texts]


def _reader_of(told: Fields) -> Callable[[Budget], say.ContentReader]:
    """What reads an answer of this kind, or a stream that begins so."""
    return cohere.CHAT.reader if _OF_COHERE & told.keys() else content_of(family(told).content).reader


class _Reader:
    """A body with its headers, or the chunks of a stream, of which the first tells the family."""

    __slots__ = ("_budget", "_inner")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._inner: say.ContentReader | None = None

    def add(self, event: Any) -> None:
        seen = fields(event)
        body = seen.get("body")
        if isinstance(data := fields(seen.get("chunk")).get("bytes"), bytes):
            body = decode(data)
        if told := fields(body):
            self._inner = self._inner or _reader_of(told)(self._budget)
            self._inner.add(told)

    def messages(self) -> list[say.Message]:
        return [] if self._inner is None else self._inner.messages()


INVOKE = say.Content(_asked, _Reader)
PLAIN = say.Content(_prompted, _Plain)
