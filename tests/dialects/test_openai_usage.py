"""Usage in OpenAI's spelling and its copies."""

from __future__ import annotations

from typing import Any

import pytest

from otel_llm.dialects.openai_usage import merge_usage, read_openai_usage
from otel_llm.usage import TokenUsage


def details(
    cached: int | None = None, write: int | None = None, reasoning: int | None = None
) -> dict[str, Any]:
    return {
        "prompt_tokens_details": {"cached_tokens": cached, "cache_write_tokens": write},
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    }


# input, output, cache read, cache write, reasoning
CASES: dict[str, tuple[dict[str, Any], tuple[int | None, ...]]] = {
    "OpenAI": (
        {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120, **details(64, 10, 12)},
        (100, 20, 64, 10, 12),
    ),
    "OpenAI responses": (
        {
            "input_tokens": 100,
            "input_tokens_details": {"cached_tokens": 64, "cache_write_tokens": 10},
            "output_tokens": 20,
            "output_tokens_details": {"reasoning_tokens": 12},
            "total_tokens": 120,
        },
        (100, 20, 64, 10, 12),
    ),
    "zeros are said": (
        {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0, **details(0, 0, 0)},
        (0, 0, 0, 0, 0),
    ),
    "DeepSeek": (
        {
            "prompt_tokens": 100,
            "completion_tokens": 20,
            "total_tokens": 120,
            "prompt_cache_hit_tokens": 64,
            "prompt_cache_miss_tokens": 36,
            "completion_tokens_details": {"reasoning_tokens": 12},
        },
        (100, 20, 64, None, 12),
    ),
    "DeepSeek without a prompt count": (
        {"completion_tokens": 20, "prompt_cache_hit_tokens": 64, "prompt_cache_miss_tokens": 36},
        (100, 20, 64, None, None),
    ),
    "xAI leaves reasoning out of the output": (
        {
            "prompt_tokens": 10120,
            "completion_tokens": 1499,
            "total_tokens": 14428,
            **details(128, None, 2809),
        },
        (10120, 4308, 128, None, 2809),
    ),
    "Perplexity's deep research": (
        {"prompt_tokens": 108, "completion_tokens": 3256, "total_tokens": 3364, "reasoning_tokens": 73248},
        (108, 76504, None, None, 73248),
    ),
    "Together": (
        {
            "prompt_tokens": 10,
            "completion_tokens": 20,
            "total_tokens": 30,
            "reasoning_tokens": 5,
            "cached_tokens": 3,
        },
        (10, 20, 3, None, 5),
    ),
    "Mistral": (
        {"prompt_tokens": 10, "completion_tokens": 2, "num_cached_tokens": 8},
        (10, 2, 8, None, None),
    ),
    "a gateway that adds the cache up": (
        {"prompt_tokens": 317, "completion_tokens": 29, "total_tokens": 346, **details(200, 100)},
        (317, 29, 200, 100, None),
    ),
    "a gateway that does not": (
        {
            "prompt_tokens": 17,
            "completion_tokens": 29,
            "total_tokens": 346,
            "cache_read_input_tokens": 200,
            "cache_creation_input_tokens": 100,
        },
        (317, 29, 200, 100, None),
    ),
    "a gateway that fills in a zero": (
        {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12, "cache_read_input_tokens": 0},
        (10, 2, None, None, None),
    ),
    "more cached than asked is passed on": (
        {"prompt_tokens": 208, "completion_tokens": 27, "total_tokens": 235, **details(314, None, 0)},
        (208, 27, 314, None, 0),
    ),
    "more reasoning than output is passed on": (
        {"prompt_tokens": 28, "completion_tokens": 9, "total_tokens": 37, **details(0, None, 75)},
        (28, 9, 0, None, 75),
    ),
}


@pytest.mark.parametrize(("usage", "expected"), CASES.values(), ids=CASES.keys())
def test_usage_means_the_same_in_every_spelling(
    usage: dict[str, Any], expected: tuple[int | None, ...]
) -> None:
    """Totals include their subsets, and what is not said is not there."""
    read = read_openai_usage(usage)
    assert read is not None
    told = (
        read.input_tokens,
        read.output_tokens,
        read.cache_read_tokens,
        read.cache_write_tokens,
        read.reasoning_tokens,
    )
    assert told == expected


@pytest.mark.parametrize("nothing", [None, {}, [], "x", 7, {"prompt_tokens": None}, {"total_tokens": 3}])
def test_no_figures_are_no_usage(nothing: Any) -> None:
    """Nothing is guessed from what is no usage."""
    assert read_openai_usage(nothing) is None


def test_modalities_are_subsets() -> None:
    """Text, image and audio are told apart in both directions."""
    read = read_openai_usage(
        {
            "prompt_tokens": 300,
            "prompt_tokens_details": {"text_tokens": 100, "image_tokens": 190, "audio_tokens": 10},
            "completion_tokens": 50,
            "completion_tokens_details": {"text_tokens": 20, "audio_tokens": 30},
        }
    )
    assert read == TokenUsage(
        input_tokens=300,
        output_tokens=50,
        text_input_tokens=100,
        image_input_tokens=190,
        audio_input_tokens=10,
        text_output_tokens=20,
        audio_output_tokens=30,
    )


def test_the_last_word_counts_field_by_field() -> None:
    """Cumulative usage is never added up, and a later event without a figure does not erase it."""
    first = {"prompt_tokens": 10, "completion_tokens": 1, **details(8)}
    merged = merge_usage(merge_usage(None, first), {"completion_tokens": 7, "prompt_tokens_details": None})
    read = read_openai_usage(merged)
    assert read is not None
    assert (read.input_tokens, read.output_tokens, read.cache_read_tokens) == (10, 7, 8)


@pytest.mark.parametrize(
    "later",
    [
        {"prompt_tokens_details": {"cached_tokens": None}},
        {"prompt_tokens_details": {"audio_tokens": 0}},
        {"prompt_tokens_details": {}},
        {"prompt_tokens_details": "none"},
    ],
)
def test_details_are_merged_like_figures(later: dict[str, Any]) -> None:
    """A later event that says less about the cache does not make it unknown."""
    read = read_openai_usage(merge_usage({"prompt_tokens": 10, **details(8)}, later))
    assert read is not None
    assert read.cache_read_tokens == 8


def test_a_later_zero_is_a_figure() -> None:
    """It replaces what was there, unlike a figure that is missing."""
    read = read_openai_usage(
        merge_usage({"prompt_tokens": 10, **details(8)}, {"prompt_tokens": 10, **details(0)})
    )
    assert read is not None
    assert read.cache_read_tokens == 0


@pytest.mark.parametrize(
    ("usage", "field", "tokens"),
    [
        ({"prompt_tokens_details": {"cached_tokens": 1}, "cached_tokens": 2}, "cache_read_tokens", 1),
        ({"cached_tokens": 2, "prompt_tokens_details": {"cached_tokens": 1}}, "cache_read_tokens", 1),
        ({"cached_tokens": 2, "prompt_tokens_details": {"cached_tokens": None}}, "cache_read_tokens", 2),
        ({"prompt_tokens_details": None, "prompt_cache_hit_tokens": 3}, "cache_read_tokens", 3),
        ({"input_token_details": {"cached_tokens": 4}}, "cache_read_tokens", 4),
        ({"cache_read_input_tokens": 5}, "cache_read_tokens", 5),
        (
            {"prompt_tokens_details": {"cached_tokens": 0}, "cache_read_input_tokens": 5},
            "cache_read_tokens",
            0,
        ),
        ({"prompt_tokens_details": {"cache_creation_tokens": 6}}, "cache_write_tokens", 6),
        ({"cache_creation_input_tokens": 7}, "cache_write_tokens", 7),
        (
            {"prompt_tokens_details": {"cache_write_tokens": 0}, "cache_creation_input_tokens": 7},
            "cache_write_tokens",
            0,
        ),
        (
            {"reasoning_tokens": 1, "completion_tokens_details": {"reasoning_tokens": 2}},
            "reasoning_tokens",
            2,
        ),
        ({"output_token_details": {"reasoning_tokens": 2}}, "reasoning_tokens", 2),
    ],
)
def test_details_come_before_what_stands_beside_them(usage: dict[str, Any], field: str, tokens: int) -> None:
    """In whatever order they are sent; a null is no word at all, a zero is one."""
    read = read_openai_usage({"prompt_tokens": 100, "completion_tokens": 20, **usage})
    assert getattr(read, field) == tokens


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": 20, "completion_tokens": 151, "total_tokens": 553},
        {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 99, **details(3, None, 2)},
        {"prompt_tokens": 10, "completion_tokens": 5, **details(12, None, 9)},
    ],
    ids=["a total with more in it", "a total that fits nothing", "no total"],
)
def test_totals_are_not_touched_without_proof(usage: dict[str, Any]) -> None:
    """Where the figures do not say what was left out, they are told as sent."""
    read = read_openai_usage(usage)
    assert read is not None
    assert (read.input_tokens, read.output_tokens) == (usage["prompt_tokens"], usage["completion_tokens"])
