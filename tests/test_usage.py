"""The record of usage."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from otel_llm import TokenUsage


def test_usage_adds_up() -> None:
    """Field by field; a count is unknown only if no side knows it."""
    first = TokenUsage(input_tokens=10, output_tokens=2, cache_read_tokens=8)
    second = TokenUsage(input_tokens=5, output_tokens=1, reasoning_tokens=0)
    total = sum([first, second])
    assert total == TokenUsage(input_tokens=15, output_tokens=3, cache_read_tokens=8, reasoning_tokens=0)


def test_usage_is_a_fact_and_does_not_change() -> None:
    """It is frozen, compares by value, and can be a key."""
    usage = TokenUsage.of({"input_tokens": 1})
    assert usage == TokenUsage(input_tokens=1)
    assert hash(usage) == hash(TokenUsage(input_tokens=1))
    with pytest.raises(FrozenInstanceError):
        usage.input_tokens = 2  # type: ignore[misc]


def test_zero_is_known() -> None:
    """It adds up to zero, not to nothing."""
    assert TokenUsage(input_tokens=0) + TokenUsage() == TokenUsage(input_tokens=0)
    assert TokenUsage() + TokenUsage() == TokenUsage()


def test_what_was_not_found_is_not_stored() -> None:
    """A record of two figures holds two, and reads like one with all the others unknown."""
    usage = TokenUsage.of({"input_tokens": 1, "output_tokens": 2})
    assert vars(usage) == {"input_tokens": 1, "output_tokens": 2}
    assert usage.cache_read_tokens is None
    assert usage == TokenUsage(input_tokens=1, output_tokens=2)
    assert usage + usage == TokenUsage(input_tokens=2, output_tokens=4)


def test_figures_that_fit_contradict_nothing() -> None:
    """Nor does anything that is unknown."""
    assert not list(TokenUsage().contradictions())
    assert not list(TokenUsage(cache_read_tokens=9, reasoning_tokens=9, total_tokens=1).contradictions())
    whole = TokenUsage(10, 5, 15, cache_read_tokens=6, cache_write_tokens=4, reasoning_tokens=5)
    assert not list(whole.contradictions())


def test_contradictions_come_with_both_numbers() -> None:
    """Cached over input, reasoning over output, and a total that is not the sum."""
    odd = TokenUsage(
        input_tokens=10,
        output_tokens=5,
        total_tokens=99,
        cache_read_tokens=8,
        cache_write_tokens=4,
        reasoning_tokens=6,
    )
    assert [(part, whole) for _, part, whole in odd.contradictions()] == [(12, 10), (6, 5), (15, 99)]
    assert not list(TokenUsage(input_tokens=10, cache_read_tokens=10, total_tokens=10).contradictions())
    more = TokenUsage(input_tokens=10, audio_input_tokens=11, text_input_tokens=10, image_output_tokens=3)
    assert list(more.contradictions()) == [("audio input tokens > input tokens", 11, 10)]
