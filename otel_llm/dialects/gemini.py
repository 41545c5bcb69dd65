"""Google's generateContent and embedContent, as the Gemini API and Vertex AI serve them.

https://ai.google.dev/api/generate-content

Names come as SDKs write them (`prompt_token_count`) and as the wire does (`promptTokenCount`).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from otel_llm.dialects.dialect import Dialect, Whole, reading
from otel_llm.dialects.fields import (
    SAMPLING,
    Fields,
    Table,
    count,
    fields,
    items,
    number,
    read,
    text,
)
from otel_llm.dialects.finish_reasons import FILTER, told
from otel_llm.dialects.logprobs_places import candidates
from otel_llm.dialects.openai_chat import error_code
from otel_llm.dialects.sse import decode
from otel_llm.record import ModelResponse
from otel_llm.usage import TokenUsage


def both(table: Table) -> Table:
    """The same table, by the names of the wire as well."""
    return {spelled: row for name, row in table.items() for spelled in (name, camel(name))}


@lru_cache(maxsize=256)
def camel(name: str) -> str:
    """The name of a field as the wire has it."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def either(seen: Fields, name: str) -> Any:
    """A field by either name."""
    found = seen.get(name)
    return found if found is not None else seen.get(camel(name))


_MODALITIES = {"IMAGE": "image", "AUDIO": "speech", "TEXT": "text"}


def _modality(wanted: Any) -> str | None:
    kinds = [kind for entry in items(wanted) if (kind := _MODALITIES.get(text(entry) or "")) is not None]
    return next((kind for kind in kinds if kind != "text"), None)


def _mime(wanted: Any) -> str | None:
    return {"application/json": "json", "text/plain": "text", "text/x.enum": "text"}.get(text(wanted) or "")


def _level(thinking: Any) -> str | None:
    level = text(either(fields(thinking), "thinking_level"))
    return None if level is None else level.lower()


def _schema(wanted: Any) -> str | None:
    return None if wanted is None else "json"


_REQUEST: Table = both(
    {
        **SAMPLING,
        "model": ("model", text),
        "top_p": ("top_p", number),
        "top_k": ("top_k", count),
        "max_output_tokens": ("max_tokens", count),
        "candidate_count": ("choice_count", count),
        "response_mime_type": ("output_type", _mime),
        "response_schema": ("output_type", _schema),
        "response_json_schema": ("output_type", _schema),
        "response_modalities": ("output_type", _modality),
        "thinking_config": ("reasoning_level", _level),
        "output_dimensionality": ("dimensions", count),
    }
)


_read_request = reading(_REQUEST)


_USAGE: Table = both(
    {
        "prompt_token_count": ("prompt", count),
        "tool_use_prompt_token_count": ("tool_use", count),
        "cached_content_token_count": ("cached", count),
        "candidates_token_count": ("candidates", count),
        "response_token_count": ("candidates", count),
        "thoughts_token_count": ("thoughts", count),
        "total_token_count": ("total", count),
    }
)


def read_gemini_usage(usage: Any) -> TokenUsage | None:
    """A usage metadata object; None if it has no figures. What tools put into the prompt is counted beside it,
    and so are thoughts beside the answer: ours are the sums."""
    seen = fields(usage)
    get = read(_USAGE, seen).get
    parts = {
        "input_tokens": [get("prompt"), get("tool_use")],
        "output_tokens": [get("candidates"), get("thoughts")],
        "total_tokens": [get("total")],
        "cache_read_tokens": [get("cached")],
        "reasoning_tokens": [get("thoughts")],
        **by_modality(either(seen, "prompt_tokens_details") or either(seen, "prompt_token_details"), "input"),
        **by_modality(either(seen, "candidates_tokens_details"), "output"),
    }
    found = {
        name: sum(known) for name, values in parts.items() if (known := [v for v in values if v is not None])
    }
    return TokenUsage.of(found) if "input_tokens" in found or "output_tokens" in found else None


def by_modality(details: Any, side: str, amount: str = "token_count") -> dict[str, list[int | None]]:
    """The counts of each kind of input or output, by the field that they are; `amount` is where a number is."""
    found: dict[str, list[int | None]] = {}
    for detail in items(details):
        seen = fields(detail)
        kind = (text(seen.get("modality")) or "").lower()
        if kind in ("text", "image", "audio"):
            found.setdefault(f"{kind}_{side}_tokens", []).append(count(either(seen, amount)))
    return found


_FACTS: Table = both(
    {
        "error": ("error", error_code),
        "model_version": ("model", text),
        "response_id": ("id", text),
    }
)


# Protocol buffers made into dicts have numbers; those that Vertex AI and the Gemini API have in common.
_NUMBERED = {1: "STOP", 2: "MAX_TOKENS", 3: "SAFETY", 4: "RECITATION", 5: "OTHER"}


def _reason(told: Any) -> str | None:
    return _NUMBERED.get(told) if type(told) is int else text(told)


class _Answer:
    """An answer, or the chunks of its stream: the figures of each chunk are those so far."""

    __slots__ = ("_blocked", "_facts", "_reasons", "_usage")

    def __init__(self) -> None:
        self._usage: dict[str, Any] = {}
        self._blocked: str | None = None
        self._reasons: dict[int, str | None] = {}
        self._facts: dict[str, Any] = {}

    def add(self, event: Any) -> None:
        seen = answered(fields(event))
        self._facts |= read(_FACTS, seen)
        for name, value in fields(either(seen, "usage_metadata")).items():
            if value is not None:
                self._usage[name] = value
        for position, candidate in enumerate(items(seen.get("candidates"))):
            one = fields(candidate)
            told_place = count(one.get("index"))
            place = position if told_place is None else told_place
            self._reasons[place] = _reason(either(one, "finish_reason")) or self._reasons.get(place)
        if (feedback := either(seen, "prompt_feedback")) is not None:
            self._blocked = text(either(fields(feedback), "block_reason"))

    def response(self, *, complete: bool) -> ModelResponse:
        found = {**self._facts, **told(self._reasons, complete=complete)}
        if "finish_reasons" not in found and self._blocked is not None:
            found["finish_reasons"], found["raw_finish_reasons"] = (FILTER,), (self._blocked,)
        if (usage := read_gemini_usage(self._usage)) is not None:
            found["usage"] = usage
            found["service_tier"] = text(either(self._usage, "service_tier")) or _traffic(self._usage)
        return ModelResponse.of(found)


def _traffic(usage: Fields) -> str | None:
    """Vertex AI's word for the service tier: ON_DEMAND, PROVISIONED_THROUGHPUT."""
    traffic = text(either(usage, "traffic_type"))
    return None if traffic is None else traffic.lower()


def answered(seen: Fields) -> Fields:
    """What was answered; where the SDK was asked for the HTTP response alone, out of its body."""
    raw = fields(seen.get("sdk_http_response")).get("body")
    if isinstance(raw, str) and seen.get("candidates") is None:
        return fields(decode(raw.encode("utf-8", "replace")))
    return seen


class _Embedded(Whole):
    """Vectors; on Vertex AI each has a count of its own."""

    __slots__ = ()

    def add(self, event: Any) -> None:
        seen = fields(event)
        vectors = [fields(vector) for vector in items(seen.get("embeddings"))]
        usage = read_gemini_usage(either(seen, "usage_metadata"))
        counts = [count(either(fields(vector.get("statistics")), "token_count")) for vector in vectors]
        known = [number for number in counts if number is not None]
        told = {} if usage is None else {name: told for name, told in vars(usage).items() if "input" in name}
        if usage is None and known:
            told = {"input_tokens": sum(known)}
        self._answer = ModelResponse(
            usage=TokenUsage.of(told) if "input_tokens" in told else None,
            dimensions=len(items(vectors[0].get("values"))) or None if vectors else None,
        )


_LOGPROBS = candidates(lambda event: answered(fields(event)))
GENERATE = Dialect(
    "generate_content",
    "generate_content",
    _read_request,
    _Answer,
    "gemini.GENERATE",
    logprobs=_LOGPROBS,
)
EMBED = Dialect("embed_content", "embeddings", _read_request, _Embedded)
