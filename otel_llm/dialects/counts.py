"""Token counts by themselves: whose they are, their fields say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from otel_llm.dialects import anthropic_messages, bedrock_converse, cohere, gemini, ollama
from otel_llm.dialects.fields import Fields, fields
from otel_llm.dialects.langchain_usage import read_langchain_usage
from otel_llm.dialects.openai_usage import read_openai_usage
from otel_llm.usage import TokenUsage

# Usage objects, by fields any of which is enough.
_USAGES: tuple[tuple[frozenset[str], Callable[[Any], TokenUsage | None]], ...] = tuple(
    (frozenset(names.split()), read)
    for names, read in (
        ("prompt_token_count total_token_count promptTokenCount totalTokenCount", gemini.read_gemini_usage),
        ("inputTokens outputTokens", bedrock_converse.read_converse_usage),
        ("tokens billed_units", cohere.read_cohere_usage),
        ("prompt_tokens completion_tokens prompt_cache_hit_tokens", read_openai_usage),
        ("input_tokens_details", read_openai_usage),
        ("input_token_details output_token_details total_tokens total_cost", read_langchain_usage),
        ("prompt_eval_count eval_count", ollama.read_ollama_usage),
        ("input_tokens output_tokens", anthropic_messages.read_anthropic_usage),
    )
)


def known_fields(thing: Any) -> Fields:
    """With what LiteLLM hides in private attributes. Their default is 0, so that a 0 there says nothing."""
    seen = fields(thing)
    hidden = getattr(thing, "__pydantic_private__", None)
    return {**{name: value for name, value in hidden.items() if value}, **seen} if hidden else seen


def read_counts(usage: Any) -> TokenUsage | None:
    """A usage object of anybody's; None if it is none."""
    seen = known_fields(usage)
    for names, read in _USAGES:
        if names & seen.keys():
            # OpenAI's realtime API and LangChain have one name for details, in which they differ.
            cached = fields(seen.get("input_token_details"))
            return read_openai_usage(seen) if "cached_tokens" in cached else read(seen)
    return None
