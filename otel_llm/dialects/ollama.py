"""Ollama's own API: chat, generate and embed. https://docs.ollama.com/api"""

from __future__ import annotations

from typing import Any

from otel_llm.dialects.dialect import Dialect
from otel_llm.dialects.fields import Fields, Table, count, fields, items, number, read, text, texts, whole
from otel_llm.dialects.finish_reasons import told
from otel_llm.dialects.logprobs_places import ON_TOP
from otel_llm.dialects.openai_chat import error_code
from otel_llm.record import NOTHING, ModelRequest, ModelResponse
from otel_llm.usage import TokenUsage


def _format(wanted: Any) -> str | None:
    return "json" if wanted == "json" or isinstance(wanted, dict) else None


_REQUEST: Table = {
    "model": ("model", text),
    "stream": ("stream", bool),
    "format": ("output_type", _format),
    "think": ("reasoning_level", text),  # or a switch, which is no level
    "dimensions": ("dimensions", count),
}
_OPTIONS: Table = {
    "temperature": ("temperature", number),
    "top_p": ("top_p", number),
    "top_k": ("top_k", count),
    "seed": ("seed", whole),
    "stop": ("stop_sequences", texts),
    "num_predict": ("max_tokens", count),
    "presence_penalty": ("presence_penalty", number),
    "frequency_penalty": ("frequency_penalty", number),
}


def _read_request(body: Fields) -> ModelRequest:
    return ModelRequest.of({**read(_REQUEST, body), **read(_OPTIONS, fields(body.get("options")))})


def read_ollama_usage(counts: Any) -> TokenUsage | None:
    """The counts in a last part; None if it has none."""
    found = read(_USAGE, fields(counts))
    return TokenUsage.of(found) if found else None


_FACTS: Table = {"model": ("model", text), "error": ("error", error_code)}
_USAGE: Table = {"prompt_eval_count": ("input_tokens", count), "eval_count": ("output_tokens", count)}


class _Fold:
    """An answer, whole or in parts: the last part has the counts and says why it is the last."""

    __slots__ = ("_begun", "_last")

    def __init__(self) -> None:
        self._last: Fields = {}
        self._begun = False

    def add(self, event: Any) -> None:
        self._begun = True
        seen = fields(event)
        if seen.get("done") or not self._last or "error" in seen:
            self._last = seen

    def response(self, *, complete: bool) -> ModelResponse:
        if not self._begun:
            return NOTHING
        seen = self._last
        found = read(_FACTS, seen)
        if (usage := read_ollama_usage(seen)) is not None:
            found["usage"] = usage
        found |= told({0: text(seen.get("done_reason"))}, complete=complete)
        return ModelResponse.of(found)


class _Embedded(_Fold):
    """Vectors: no output and no reason to finish."""

    __slots__ = ()

    def response(self, *, complete: bool) -> ModelResponse:
        found = read(_FACTS, self._last)
        asked = count(self._last.get("prompt_eval_count"))
        if asked is not None:
            found["usage"] = TokenUsage(input_tokens=asked)
        vectors = items(self._last.get("embeddings"))
        one = vectors[0] if vectors else self._last.get("embedding")
        if items(one):
            found["dimensions"] = len(items(one))
        return ModelResponse.of(found)


CHAT = Dialect("chat", "chat", _read_request, _Fold, "ollama.CHAT", logprobs=ON_TOP)
GENERATE = Dialect("generate", "text_completion", _read_request, _Fold, "ollama.GENERATE", logprobs=ON_TOP)
EMBED = Dialect("embed", "embeddings", _read_request, _Embedded)
