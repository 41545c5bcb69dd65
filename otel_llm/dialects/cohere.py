"""Cohere's API in both of its versions: chat, generate, embed and rerank. https://docs.cohere.com/reference

Two sets of figures come back: `tokens`, what the model read and wrote, and `billed_units`, what is charged, which
leaves out what Cohere adds to a prompt. Ours are the first, or the second where the first is missing; what a call
cost is told by the second.
"""

from __future__ import annotations

from typing import Any

from otel_llm.dialects.dialect import Dialect, Whole, reading
from otel_llm.dialects.fields import SAMPLING, Fields, Table, count, fields, items, number, read, text, texts
from otel_llm.dialects.finish_reasons import told
from otel_llm.dialects.logprobs_places import ON_TOP
from otel_llm.dialects.openai_chat import OTHER, output_type
from otel_llm.record import NOTHING, ModelResponse
from otel_llm.usage import TokenUsage

_REQUEST: Table = {
    **SAMPLING,
    "model": ("model", text),
    "max_tokens": ("max_tokens", count),
    "p": ("top_p", number),
    "k": ("top_k", count),
    "num_generations": ("choice_count", count),
    "response_format": ("output_type", output_type),
    "embedding_types": ("encoding_formats", texts),
    "output_dimension": ("dimensions", count),
}


_read_request = reading(_REQUEST)


_COUNTS: Table = {name: (name, count) for name in ("input_tokens", "output_tokens", "reasoning_tokens")}


def read_cohere_usage(usage: Any) -> TokenUsage | None:
    """A `usage` (version 2) or `meta` (version 1) object; None if it has no figures."""
    seen = fields(usage)
    found = read(_COUNTS, fields(seen.get("tokens")))
    if not found:
        found = read(_COUNTS, fields(seen.get("billed_units")))
    elif (cached := count(seen.get("cached_tokens"))) is not None:
        found["cache_read_tokens"] = cached  # a share of `tokens`, and may be more than what is billed
    return TokenUsage.of(found) if found else None


def _billed(usage: Any) -> TokenUsage | None:
    found = read(_COUNTS, fields(fields(usage).get("billed_units")))
    return TokenUsage.of(found) if found else None


_IDS = ("id", "response_id", "generation_id")


class _Fold:
    """An answer, or the events of its stream: the last one has all that matters."""

    __slots__ = ("_answer", "_begun", "_error", "_ids")

    def __init__(self) -> None:
        self._answer: Fields = {}
        self._ids: dict[str, Any] = {}
        self._error: str | None = None
        self._begun = False

    def add(self, event: Any) -> None:
        seen = fields(event)
        kind = text(seen.get("type")) or text(seen.get("event_type"))
        self._begun = True
        if kind in ("message-start", "stream-start") or kind not in _EVENTS:
            self._ids |= {name: seen[name] for name in _IDS if seen.get(name) is not None}
        if kind == "message-end":
            self._answer = fields(seen.get("delta"))
        elif kind == "stream-end":
            self._answer = {**fields(seen.get("response")), "finish_reason": seen.get("finish_reason")}
        elif kind not in _EVENTS:
            self._answer = seen
        if self._answer.get("error") or kind == "stream-error":
            self._error = OTHER  # told in words

    def response(self, *, complete: bool) -> ModelResponse:
        if not self._begun:
            return NOTHING
        seen = {**self._ids, **self._answer}
        found: dict[str, Any] = {"error": self._error}
        found["id"] = next((known for name in _IDS if (known := text(seen.get(name))) is not None), None)
        each = [fields(one).get("finish_reason") for one in items(seen.get("generations"))]
        # The end of a stream of generations says it once more for all of them.
        raw = [reason for one in each if (reason := text(one)) is not None] or [
            text(seen.get("finish_reason"))
        ]
        found |= told(dict(enumerate(raw)), complete=complete)
        usage = seen.get("usage") or seen.get("meta")
        found["usage"], found["billed"] = read_cohere_usage(usage), _billed(usage)
        return ModelResponse.of(found)


_EVENTS = frozenset(
    f"{of}-{part}"
    for of, parts in (
        ("message", ("start", "end")),
        ("content", ("start", "delta", "end")),
        ("citation", ("start", "end", "generation")),
        ("tool-call", ("start", "delta", "end")),
        ("tool-calls", ("chunk", "generation")),
        ("tool-plan", ("delta",)),
        ("stream", ("start", "end")),
        ("text", ("generation",)),
        ("search", ("results", "queries-generation")),
    )
    for part in parts
) | {"debug"}


class _Embedded(Whole):
    """Vectors of one or several kinds. What is not text has no tokens."""

    __slots__ = ()

    def add(self, event: Any) -> None:
        seen = fields(event)
        usage = read_cohere_usage(seen.get("meta"))
        asked = None if usage is None else usage.input_tokens
        self._answer = ModelResponse(
            id=text(seen.get("id")),
            usage=None if asked is None else TokenUsage(input_tokens=asked),
            billed=_billed(seen.get("meta")),
            dimensions=_length(seen.get("embeddings")),
        )


def _length(vectors: Any) -> int | None:
    kinds = [vectors] if items(vectors) else list(fields(vectors).values())
    first = next((items(rows)[0] for rows in kinds if items(rows)), None)
    return len(items(first)) or None


CHAT = Dialect("chat", "chat", _read_request, _Fold, "cohere.CHAT", logprobs=ON_TOP)
GENERATE = Dialect("generate", "text_completion", _read_request, _Fold, "cohere.GENERATE")
EMBED = Dialect("embed", "embeddings", _read_request, _Embedded)
RERANK = Dialect("rerank", "rerank", _read_request, _Fold)
