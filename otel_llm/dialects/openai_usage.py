"""Token usage in OpenAI's spelling and in those of the many servers that copy it.

OpenAI counts cached and written tokens inside the input and reasoning inside the output. Copies differ in
where they put a figure, and some in what the total covers; a difference is acted on only where the
provider's own total proves it.
"""

from __future__ import annotations

from typing import Any

from otel_llm.dialects.fields import Fields, count, fields
from otel_llm.usage import TokenUsage

# Where each figure may stand, first found first taken.
_INPUT = ("prompt_tokens", "input_tokens")
_OUTPUT = ("completion_tokens", "output_tokens")
_IN_DETAILS = ("prompt_tokens_details", "input_tokens_details", "input_token_details")
_OUT_DETAILS = ("completion_tokens_details", "output_tokens_details", "output_token_details")

_CACHE_READ_ASIDE = (
    "prompt_cache_hit_tokens",  # DeepSeek, https://api-docs.deepseek.com/guides/kv_cache
    "cached_tokens",  # Together, Moonshot
    "num_cached_tokens",  # Mistral
)
_CACHE_WRITE = ("cache_write_tokens", "cache_creation_tokens")
_CACHE_WRITE_ASIDE = ("cache_creation_input_tokens",)  # gateways in front of Anthropic


def read_openai_usage(usage: Any) -> TokenUsage | None:
    """The usage object of chat completions, responses, completions or embeddings; None if it has no figures."""
    seen = fields(usage)
    inside, outside = _details(seen, _IN_DETAILS), _details(seen, _OUT_DETAILS)
    input_tokens = _first(seen, _INPUT)
    output_tokens = _first(seen, _OUTPUT)
    total = count(seen.get("total_tokens"))
    read = count(inside.get("cached_tokens"))
    if read is None:
        read = _first(seen, _CACHE_READ_ASIDE)
    if read is None:  # gateways in front of Anthropic; they fill in a zero where nobody said so
        read = count(seen.get("cache_read_input_tokens")) or None
    write = _first(inside, _CACHE_WRITE)
    if write is None:
        write = _first(seen, _CACHE_WRITE_ASIDE)
    reasoning = count(outside.get("reasoning_tokens"))
    reasoning_aside = reasoning is None
    if reasoning is None:
        reasoning = count(seen.get("reasoning_tokens"))

    if input_tokens is None and read is not None:
        miss = count(seen.get("prompt_cache_miss_tokens"))
        input_tokens = None if miss is None else read + miss
    if input_tokens is None and output_tokens is None:
        return None
    if input_tokens is not None and output_tokens is not None and total is not None:
        cached = (read or 0) + (write or 0)
        if cached and total == input_tokens + output_tokens + cached:
            input_tokens += cached  # Anthropic's habit in OpenAI's spelling
        elif reasoning and total == input_tokens + output_tokens + reasoning:
            output_tokens += reasoning  # xAI chat
        elif reasoning and reasoning_aside and reasoning > output_tokens:
            output_tokens += reasoning  # Perplexity's deep research
            total = input_tokens + output_tokens
    return TokenUsage(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        total_tokens=total,
        cache_read_tokens=read,
        cache_write_tokens=write,
        reasoning_tokens=reasoning,
        text_input_tokens=count(inside.get("text_tokens")),
        image_input_tokens=count(inside.get("image_tokens")),
        audio_input_tokens=count(inside.get("audio_tokens")),
        text_output_tokens=count(outside.get("text_tokens")),
        image_output_tokens=count(outside.get("image_tokens")),
        audio_output_tokens=count(outside.get("audio_tokens")),
    )


def merge_usage(earlier: Any, later: Any) -> Any:
    """Two usage objects of one stream as one: later figures replace earlier ones, missing ones replace nothing."""
    if earlier is None:
        return later
    return {**fields(earlier), **{key: value for key, value in fields(later).items() if value is not None}}


def _first(seen: Fields, names: tuple[str, ...]) -> int | None:
    for name in names:
        found = count(seen.get(name))
        if found is not None:
            return found
    return None


def _details(seen: Fields, names: tuple[str, ...]) -> Fields:
    for name in names:
        details = seen.get(name)
        if details is not None:
            return fields(details)
    return {}
