"""Anthropic's Messages API, and the text completions before it, whoever serves them.

https://docs.claude.com/en/api/messages
"""

from __future__ import annotations

from typing import Any

from otel_llm.dialects.dialect import Dialect
from otel_llm.dialects.fields import Fields, Table, count, fields, number, read, text, texts
from otel_llm.dialects.finish_reasons import told
from otel_llm.dialects.openai_chat import OTHER, effort, error_code
from otel_llm.record import NOTHING, ModelRequest, ModelResponse
from otel_llm.usage import TokenUsage


def _format(wanted: Any) -> str | None:
    return "json" if wanted else None


_REQUEST: Table = {
    "model": ("model", text),
    "stream": ("stream", bool),
    "max_tokens": ("max_tokens", count),
    "max_tokens_to_sample": ("max_tokens", count),
    "temperature": ("temperature", number),
    "top_p": ("top_p", number),
    "top_k": ("top_k", count),
    "stop_sequences": ("stop_sequences", texts),
    "service_tier": ("service_tier", text),
    "output_config": ("reasoning_level", effort),
    "output_format": ("output_type", _format),
}


def _read_request(body: Fields) -> ModelRequest:
    found = read(_REQUEST, body)
    if fields(body.get("output_config")).get("format"):
        found["output_type"] = "json"
    return ModelRequest.of(found)


_USAGE: Table = {
    "input_tokens": ("input_tokens", count),
    "output_tokens": ("output_tokens", count),
    "cache_read_input_tokens": ("cache_read_tokens", count),
    "cache_creation_input_tokens": ("cache_write_tokens", count),
}
_KEPT: Table = {
    "ephemeral_5m_input_tokens": ("cache_write_5m_tokens", count),
    "ephemeral_1h_input_tokens": ("cache_write_1h_tokens", count),
}


def read_anthropic_usage(usage: Any) -> TokenUsage | None:
    """A usage object; None if it has no figures. Its input is what was neither read from a cache nor written to
    one, ours is all of it; thoughts are inside its output."""
    seen = fields(usage)
    found: dict[str, Any] = read(_USAGE, seen)
    if not found:
        return None
    kept = read(_KEPT, fields(seen.get("cache_creation")))
    if kept and "cache_write_tokens" not in found:
        found["cache_write_tokens"] = sum(kept.values())
    found |= kept
    if (asked := found.get("input_tokens")) is not None:
        found["input_tokens"] = asked + found.get("cache_read_tokens", 0) + found.get("cache_write_tokens", 0)
    thought = count(fields(seen.get("output_tokens_details")).get("thinking_tokens"))
    if thought is not None:
        found["reasoning_tokens"] = thought
    return TokenUsage.of(found)


def _surcharge(usage: Fields) -> str | None:
    """Fast mode, or a country that must not be left."""
    speed, place = text(usage.get("speed")), text(usage.get("inference_geo"))
    words = (
        speed if speed != "standard" else None,
        place if place not in ("global", "not_available") else None,
    )
    return " ".join(word for word in words if word) or None


_FACTS: Table = {
    "id": ("id", text),
    "model": ("model", text),
    "error": ("error", error_code),
}


class _Fold:
    """A message, or the events of its stream: it begins with all but the end, and the end replaces what it has."""

    __slots__ = ("_begun", "_error", "_message", "_usage")

    def __init__(self) -> None:
        self._message: Fields = {}
        self._usage: dict[str, Any] = {}
        self._error: str | None = None
        self._begun = False

    def add(self, event: Any) -> None:
        try:  # nearly all events are pieces of content; these have to be cheap
            if event.__dict__["type"] == "content_block_delta":
                return
        except Exception:  # noqa: BLE001, S110 - whatever is not of this shape is read with care below
            pass
        seen = fields(event)
        kind = text(seen.get("type"))
        if kind == "message_start":  # a fallback in mid-stream starts over
            self._message = dict(fields(seen.get("message")))
            # What it says of the output is where the count starts, not where it ends.
            begun = dict(fields(self._message.pop("usage", None)))
            begun.pop("output_tokens", None)
            self._usage, self._begun = begun, True
        elif kind == "message_delta":
            self._message = {**self._message, **_given(seen.get("delta"))}
            self._usage |= _given(seen.get("usage"))
            self._begun = True
        elif kind == "error":
            self._error = error_code(seen.get("error")) or OTHER
        elif kind in _WHOLE:
            self._message, self._usage, self._begun = seen, dict(fields(seen.get("usage"))), True

    def response(self, *, complete: bool) -> ModelResponse:
        if not self._begun:
            return NOTHING if self._error is None else ModelResponse(error=self._error)
        found = read(_FACTS, self._message)
        found |= told({0: text(self._message.get("stop_reason"))}, complete=complete)
        if self._error is not None:
            found["error"] = self._error
        if (usage := read_anthropic_usage(self._usage)) is not None:
            found["usage"] = usage
            found["service_tier"] = text(self._usage.get("service_tier"))
            found["surcharge"] = _surcharge(self._usage)
        return ModelResponse.of(found)


# What is no event. New events may come at any time, and must not be taken for it:
# https://docs.claude.com/en/docs/build-with-claude/streaming
_WHOLE = (None, "message", "completion")


def _given(part: Any) -> dict[str, Any]:
    return {key: value for key, value in fields(part).items() if value is not None}


MESSAGES = Dialect("messages", "chat", _read_request, _Fold, "anthropic_messages.MESSAGES")
COMPLETE = Dialect("complete", "text_completion", _read_request, _Fold, "anthropic_messages.COMPLETE")
