"""Amazon Bedrock's Converse API, which Nova models also speak when they are invoked.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

from __future__ import annotations

from typing import Any

from otel_llm.dialects.dialect import Dialect
from otel_llm.dialects.fields import Fields, Table, count, fields, items, number, read, text, texts
from otel_llm.dialects.finish_reasons import told
from otel_llm.record import NOTHING, ModelRequest, ModelResponse
from otel_llm.usage import TokenUsage

_CONFIG: Table = {
    "maxTokens": ("max_tokens", count),
    "max_new_tokens": ("max_tokens", count),
    "temperature": ("temperature", number),
    "topP": ("top_p", number),
    "topK": ("top_k", count),
    "stopSequences": ("stop_sequences", texts),
}
_MORE: Table = {"top_k": ("top_k", count), "topK": ("top_k", count)}


def _read_request(body: Fields) -> ModelRequest:
    found = {
        **read(_MORE, fields(body.get("additionalModelRequestFields"))),
        **read(_CONFIG, fields(body.get("inferenceConfig"))),
    }
    output, tier = fields(body.get("outputConfig")), fields(body.get("serviceTier"))
    more = {
        "model": text(body.get("model")),
        "reasoning_level": text(output.get("effort")),
        "output_type": "json" if output.get("textFormat") else None,
        "service_tier": text(tier.get("type")),
    }
    return ModelRequest.of({**found, **{name: value for name, value in more.items() if value is not None}})


_USAGE: Table = {
    "inputTokens": ("input_tokens", count),
    "outputTokens": ("output_tokens", count),
    "totalTokens": ("total_tokens", count),
    "cacheReadInputTokens": ("cache_read_tokens", count),
    "cacheWriteInputTokens": ("cache_write_tokens", count),
    # Models that are invoked fill in a zero here, whether they cache or not.
    "cacheReadInputTokenCount": ("cache_read_tokens", lambda value: count(value) or None),
    "cacheWriteInputTokenCount": ("cache_write_tokens", lambda value: count(value) or None),
}
_KEPT = {"5m": "cache_write_5m_tokens", "1h": "cache_write_1h_tokens"}


def read_converse_usage(usage: Any) -> TokenUsage | None:
    """A usage object; None if it has no figures. Its input is what was neither read from a cache nor written to
    one, ours is all of it."""
    seen = fields(usage)
    found: dict[str, Any] = read(_USAGE, seen)
    if not found:
        return None
    for detail in items(seen.get("cacheDetails")):
        kept = fields(detail)
        if (name := _KEPT.get(text(kept.get("ttl")) or "")) and (
            written := count(kept.get("inputTokens"))
        ) is not None:
            found[name] = written
    if (asked := found.get("input_tokens")) is not None:
        found["input_tokens"] = asked + found.get("cache_read_tokens", 0) + found.get("cache_write_tokens", 0)
    return TokenUsage.of(found)


class _Fold:
    """An answer, or the events of its stream: why it stopped comes in one, the figures in the last.

    Each is read when it comes: they are dicts, and those who get them next may take out of them what they want.
    """

    __slots__ = ("_begun", "_facts", "_reason")

    def __init__(self) -> None:
        self._facts: dict[str, Any] = {}
        self._reason: str | None = None
        self._begun = False

    def add(self, event: Any) -> None:
        seen = fields(event)
        self._begun = True
        if "contentBlockDelta" in seen:
            return
        if "metadata" in seen:
            self._facts = _read_metadata(fields(seen["metadata"]))
        elif "messageStop" in seen:
            self._reason = text(fields(seen["messageStop"]).get("stopReason"))
        elif "stopReason" in seen or "usage" in seen:
            self._reason, self._facts = text(seen.get("stopReason")), _read_metadata(seen)

    def response(self, *, complete: bool) -> ModelResponse:
        if not self._begun:
            return NOTHING
        return ModelResponse.of({**self._facts, **told({0: self._reason}, complete=complete)})


def _read_metadata(seen: Fields) -> dict[str, Any]:
    found: dict[str, Any] = {}
    router = fields(fields(seen.get("trace")).get("promptRouter"))
    if (routed := text(router.get("invokedModelId"))) is not None:
        found["model"] = routed.rpartition("/")[2]
    if (usage := read_converse_usage(seen.get("usage"))) is not None:
        found["usage"] = usage
    found["service_tier"] = text(fields(seen.get("serviceTier")).get("type"))
    latency = text(fields(seen.get("performanceConfig")).get("latency"))
    found["surcharge"] = latency if latency != "standard" else None
    return found


CONVERSE = Dialect("converse", "chat", _read_request, _Fold, "bedrock_converse.CONVERSE")
