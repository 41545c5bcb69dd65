"""`usage_metadata` of LangChain's messages and LangSmith's runs: totals, and details inside them.

https://docs.langchain.com/oss/python/langchain/messages#token-usage
"""

from __future__ import annotations

from typing import Any

from otel_llm.dialects.fields import Fields, count, fields
from otel_llm.usage import TokenUsage

_TOTALS = {
    "input_tokens": ("input_tokens",),
    "output_tokens": ("output_tokens",),
    "total_tokens": ("total_tokens",),
}
# What is kept for some time is not in `cache_creation`: the three add up to what was written.
_INPUT = {
    "cache_read_tokens": ("cache_read",),
    "cache_write_tokens": ("cache_creation", "ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens"),
    "cache_write_5m_tokens": ("ephemeral_5m_input_tokens",),
    "cache_write_1h_tokens": ("ephemeral_1h_input_tokens",),
    "audio_input_tokens": ("audio",),
    "text_input_tokens": ("text",),
    "image_input_tokens": ("image",),
}
_OUTPUT = {
    "reasoning_tokens": ("reasoning",),
    "audio_output_tokens": ("audio",),
    "text_output_tokens": ("text",),
    "image_output_tokens": ("image",),
}
_TIERS = ("", "priority_", "flex_")
"""OpenAI's service tiers come in front of the names."""


def read_langchain_usage(usage: Any) -> TokenUsage | None:
    """A `UsageMetadata`; None if it has no figures."""
    seen = fields(usage)
    found = {
        **_sums(seen, _TOTALS),
        **_sums(fields(seen.get("input_token_details")), _INPUT),
        **_sums(fields(seen.get("output_token_details")), _OUTPUT),
    }
    asked, answered, total = (found.get(name) for name in _TOTALS)
    if asked is None and answered is None:
        return None
    reasoning = found.get("reasoning_tokens")
    if asked is not None and answered is not None and reasoning and total == asked + answered + reasoning:
        found["output_tokens"] = answered + reasoning  # Vertex AI leaves thoughts out
    return TokenUsage.of(found)


def _sums(seen: Fields, names: dict[str, tuple[str, ...]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for field, parts in names.items():
        told = [seen.get(f"{tier}{part}") for tier in _TIERS for part in parts]
        counts = [number for number in map(count, told) if number is not None]
        if counts:
            found[field] = sum(counts)
    return found
