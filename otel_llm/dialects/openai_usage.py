"""Token usage in OpenAI's spelling and in those of the many servers that copy it.

OpenAI counts cached and written tokens inside the input and reasoning inside the output. Copies differ in
where they put a figure, and some in what the total covers; a difference is acted on only where the
provider's own figures prove it.
"""

from __future__ import annotations

from typing import Any

from otel_llm.dialects.fields import Fields, count, fields
from otel_llm.usage import TokenUsage

# Names on the wire and the counts they mean. Details come first: what stands beside them may be a copy.
_INPUT_DETAILS = {
    "cached_tokens": "cache_read_tokens",
    "cache_write_tokens": "cache_write_tokens",
    "cache_creation_tokens": "cache_write_tokens",
    "text_tokens": "text_input_tokens",
    "image_tokens": "image_input_tokens",
    "audio_tokens": "audio_input_tokens",
}
_OUTPUT_DETAILS = {
    "reasoning_tokens": "reasoning_tokens",
    "text_tokens": "text_output_tokens",
    "image_tokens": "image_output_tokens",
    "audio_tokens": "audio_output_tokens",
}
_WHERE: dict[str, str | dict[str, str]] = {
    "prompt_tokens": "input_tokens",
    "input_tokens": "input_tokens",
    "completion_tokens": "output_tokens",
    "output_tokens": "output_tokens",
    "total_tokens": "total_tokens",
    "prompt_tokens_details": _INPUT_DETAILS,
    "input_tokens_details": _INPUT_DETAILS,
    "input_token_details": _INPUT_DETAILS,
    "completion_tokens_details": _OUTPUT_DETAILS,
    "output_tokens_details": _OUTPUT_DETAILS,
    "output_token_details": _OUTPUT_DETAILS,
    "prompt_cache_hit_tokens": "cache_read_tokens",  # DeepSeek, https://api-docs.deepseek.com/guides/kv_cache
    "cached_tokens": "cache_read_tokens",  # Together, Moonshot
    "num_cached_tokens": "cache_read_tokens",  # Mistral
    "cache_creation_input_tokens": "cache_write_tokens",  # gateways in front of Anthropic
    "cache_write_input_tokens": "cache_write_tokens",  # Bedrock, by way of LangChain
    "_cache_read_input_tokens": "cache_read_tokens",  # LiteLLM in 2024, outside of the prompt's tokens
    "_cache_creation_input_tokens": "cache_write_tokens",
}
_ASIDE = ("_cache_read_input_tokens", "_cache_creation_input_tokens")
_GATEWAY = ("cache_read_input_tokens", "cache_creation_input_tokens")


def read_openai_usage(usage: Any) -> TokenUsage | None:
    """The usage object of chat completions, responses, completions or embeddings; None if it has no figures."""
    seen = fields(usage)
    found = _collect(seen)
    # Gateways in front of Anthropic fill in a zero here where nobody said so.
    if "cache_read_tokens" not in found and (read := count(seen.get("cache_read_input_tokens"))):
        found["cache_read_tokens"] = read
    aside = None if "reasoning_tokens" in found else count(seen.get("reasoning_tokens"))
    if aside is not None:
        found["reasoning_tokens"] = aside
    if "input_tokens" not in found and "cache_read_tokens" in found:
        miss = count(seen.get("prompt_cache_miss_tokens"))
        if miss is not None:
            found["input_tokens"] = found["cache_read_tokens"] + miss
    if "input_tokens" not in found and "output_tokens" not in found:
        return None
    if len(found) > 3 or "total_tokens" not in found:
        _include_subsets(found, reasoning_aside=aside is not None)
        _include_cached(found, seen)
    return TokenUsage.of(found)


def _collect(seen: Fields) -> dict[str, int]:
    found: dict[str, int] = {}
    for name, value in seen.items():
        if value is None or (where := _WHERE.get(name)) is None:
            continue
        if isinstance(where, str):
            if where not in found and (number := count(value)) is not None:
                found[where] = number
            continue
        for inner, part in fields(value).items():
            if (
                part is not None
                and (field := where.get(inner)) is not None
                and (number := count(part)) is not None
            ):
                found[field] = number
    return found


def _include_subsets(found: dict[str, int], *, reasoning_aside: bool) -> None:
    """Make totals of an input without its cached tokens, or an output without its reasoning, where it is proven."""
    asked, answered, total = (found.get(name) for name in ("input_tokens", "output_tokens", "total_tokens"))
    if asked is None or answered is None or total is None:
        return
    cached = found.get("cache_read_tokens", 0) + found.get("cache_write_tokens", 0)
    reasoning = found.get("reasoning_tokens", 0)
    if cached and total == asked + answered + cached:
        found["input_tokens"] += cached  # Anthropic's habit in OpenAI's spelling
    elif reasoning and total == asked + answered + reasoning:
        found["output_tokens"] += reasoning  # xAI chat
    elif reasoning_aside and reasoning > answered:
        found["output_tokens"] += reasoning  # Perplexity's deep research, whose total leaves it out as well
        found["total_tokens"] += reasoning


def _include_cached(found: dict[str, int], seen: Fields) -> None:
    """The same for the cached tokens of gateways, whose total leaves them out as well. LiteLLM has had four
    habits in its life; which of them it is, its figures prove where anything does."""
    asked, read, written = (found.get(f"{name}_tokens", 0) for name in ("input", "cache_read", "cache_write"))
    if not read and not written:
        return
    missing = 0
    gateway, aside = (any(name in seen for name in names) for names in (_GATEWAY, _ASIDE))
    detailed = count(fields(seen.get("prompt_tokens_details")).get("cached_tokens")) is not None
    uncached, miss = found.get("text_input_tokens"), count(seen.get("prompt_cache_miss_tokens"))
    if miss is not None:
        missing = read if miss == asked else 0
    elif ((gateway or aside) and uncached == asked) or (aside and not gateway and not detailed):
        missing = read + written
    elif (gateway or aside) and asked < read + written:
        missing = written if asked >= read and detailed else read + written
    if missing and uncached != asked - read - written:
        found["input_tokens"] = asked + missing
        if "total_tokens" in found:
            found["total_tokens"] = asked + missing + found.get("output_tokens", 0)


def merge_usage(earlier: Any, later: Any) -> Any:
    """Two usage objects of one stream as one: later figures replace earlier ones, missing ones replace nothing."""
    if earlier is None:
        return later
    merged = dict(fields(earlier))
    for key, value in fields(later).items():
        if value is not None:
            details = isinstance(_WHERE.get(key), dict)
            merged[key] = merge_usage(merged.get(key), value) if details else value
    return merged
