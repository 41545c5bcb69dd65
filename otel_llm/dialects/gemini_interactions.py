"""Google's Interactions API. https://ai.google.dev/api/interactions"""

from __future__ import annotations

from typing import Any

from otel_llm.dialects.dialect import Dialect
from otel_llm.dialects.fields import Fields, Table, count, fields, number, read, text, texts, whole
from otel_llm.dialects.finish_reasons import ERROR, normalize
from otel_llm.dialects.gemini import by_modality
from otel_llm.dialects.openai_chat import OTHER, error_code
from otel_llm.record import NOTHING, ModelRequest, ModelResponse
from otel_llm.usage import TokenUsage

_REQUEST: Table = {
    "model": ("model", text),
    "stream": ("stream", bool),
    "previous_interaction_id": ("previous_response_id", text),
}
_GENERATION: Table = {
    "temperature": ("temperature", number),
    "top_p": ("top_p", number),
    "max_output_tokens": ("max_tokens", count),
    "seed": ("seed", whole),
    "stop_sequences": ("stop_sequences", texts),
    "thinking_level": ("reasoning_level", text),
}


def _read_request(body: Fields) -> ModelRequest:
    return ModelRequest.of(
        {**read(_REQUEST, body), **read(_GENERATION, fields(body.get("generation_config")))}
    )


_SUMS = {
    "input_tokens": ("total_input_tokens", "total_tool_use_tokens"),
    "output_tokens": ("total_output_tokens", "total_thought_tokens"),
    "total_tokens": ("total_tokens",),
    "cache_read_tokens": ("total_cached_tokens",),
    "reasoning_tokens": ("total_thought_tokens",),
}


def _read_usage(usage: Any) -> TokenUsage | None:
    seen, found = fields(usage), dict[str, int]()
    parts: dict[str, list[int | None]] = {
        **{field: [count(seen.get(name)) for name in names] for field, names in _SUMS.items()},
        **by_modality(seen.get("input_tokens_by_modality"), "input", "tokens"),
        **by_modality(seen.get("output_tokens_by_modality"), "output", "tokens"),
    }
    for field, counts in parts.items():
        known = [told for told in counts if told is not None]
        if known:
            found[field] = sum(known)
    return TokenUsage.of(found) if found else None


_FACTS: Table = {
    "id": ("id", text),
    "model": ("model", text),
    "service_tier": ("service_tier", text),
    "usage": ("usage", _read_usage),
}
_WAITING = ("queued", "in_progress")


class _Fold:
    """An interaction, or the events of its stream, of which the last has all of it."""

    __slots__ = ("_error", "_last")

    def __init__(self) -> None:
        self._last: Fields | None = None
        self._error: str | None = None

    def add(self, event: Any) -> None:
        seen = fields(event)
        kind = text(seen.get("event_type"))
        if kind is None:
            self._last = seen
        elif kind == "error":
            self._error = error_code(seen.get("error")) or OTHER
        elif (whole := seen.get("interaction")) is not None:
            told = {name: value for name, value in fields(whole).items() if value is not None}
            self._last = {**(self._last or {}), **told}

    def response(self, *, complete: bool) -> ModelResponse:
        if self._last is None:
            return NOTHING if self._error is None else ModelResponse(error=self._error)
        found = read(_FACTS, self._last)
        status = text(self._last.get("status"))
        if status is not None and status not in _WAITING:
            found["finish_reasons"], found["raw_finish_reasons"] = (normalize(status),), (status,)
        elif not complete:
            found["finish_reasons"] = (ERROR,)
        if self._error is not None or status == "failed":
            found["error"] = self._error or OTHER
        return ModelResponse.of(found)


INTERACTIONS = Dialect(
    "interactions", "generate_content", _read_request, _Fold, "gemini_interactions.INTERACTIONS"
)
