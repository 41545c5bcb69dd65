"""The one vocabulary of why a model stopped."""

from __future__ import annotations

import pytest

from otel_llm.dialects.finish_reasons import normalize

COMMON = ("stop", "length", "content_filter", "tool_call", "error")


@pytest.mark.parametrize("word", COMMON)
def test_the_common_words_stand_for_themselves(word: str) -> None:
    """In any case, so that normalizing twice is normalizing once."""
    assert normalize(word) == normalize(word.upper()) == normalize(normalize(word)) == word


@pytest.mark.parametrize(
    ("common", "spellings"),
    [
        ("stop", ("complete", "completed", "end_turn", "eos", "stop_sequence")),
        ("length", ("max_tokens", "max_output_tokens", "model_length", "MAX_TOKENS")),
        ("tool_call", ("tool_calls", "tool_use", "function_call")),
        ("content_filter", ("refusal", "SAFETY", "guardrail_intervened")),
        ("error", ("failed", "cancelled")),
    ],
)
def test_spellings_of_providers_mean_the_common_word(common: str, spellings: tuple[str, ...]) -> None:
    """OpenAI's own, and those that Together, Mistral, Anthropic, Cohere and gateways use in its place."""
    assert {normalize(spelling) for spelling in spellings} == {common}


@pytest.mark.parametrize("word", ["insufficient_system_resource", "abort", "Pause_Turn", "42", "ÄNDE", ""])
def test_other_words_are_told_as_sent(word: str) -> None:
    """In lower case, and never taken for a common one."""
    assert normalize(word) == word.lower()
    assert normalize(word) not in COMMON
