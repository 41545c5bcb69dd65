"""The arithmetic of prices."""

from __future__ import annotations

import pytest

from otel_llm.prices.rates import Cost, NoPriceError, Rates
from otel_llm.usage import TokenUsage

FULL = Rates(
    {
        "input": 4.0,
        "output": 16.0,
        "cache_read": 1.0,
        "cache_write": 5.0,
        "cache_write_1h": 8.0,
        "input_audio": 40.0,
        "output_audio": 80.0,
        "output_reasoning": 32.0,
    }
)
PLAIN = Rates({"input": 4.0, "output": 16.0})


def used(asked: int = 1000, answered: int = 100, **more: int) -> TokenUsage:
    return TokenUsage(input_tokens=asked, output_tokens=answered, **more)


@pytest.mark.parametrize(
    ("rates", "usage", "asked", "answered"),
    [
        (FULL, used(), 4000, 1600),
        (FULL, used(cache_read_tokens=600), 4 * 400 + 600, 1600),
        (FULL, used(cache_read_tokens=600, cache_write_tokens=300), 4 * 100 + 600 + 5 * 300, 1600),
        (
            FULL,
            used(cache_write_tokens=300, cache_write_1h_tokens=200, cache_write_5m_tokens=100),
            4 * 700 + 5 * 100 + 8 * 200,
            1600,
        ),
        (FULL, used(cache_write_tokens=300, cache_write_1h_tokens=300), 4 * 700 + 8 * 300, 1600),
        (FULL, used(audio_input_tokens=50, audio_output_tokens=20), 4 * 950 + 40 * 50, 16 * 80 + 80 * 20),
        (FULL, used(reasoning_tokens=60), 4000, 16 * 40 + 32 * 60),
        (FULL, used(image_input_tokens=50, text_input_tokens=950), 4000, 1600),
        (FULL, used(cache_read_tokens=0, audio_input_tokens=0, reasoning_tokens=0), 4000, 1600),
        (PLAIN, used(cache_read_tokens=600, cache_write_tokens=300, cache_write_1h_tokens=200), 4000, 1600),
        (PLAIN, used(audio_input_tokens=50, audio_output_tokens=20, reasoning_tokens=60), 4000, 1600),
        (PLAIN, used(0, 0), 0, 0),
        (Rates({"input": 4.0}), TokenUsage(input_tokens=1000), 4000, 0),
        (Rates({"input": 0.0, "output": 0.0}), used(), 0, 0),
    ],
)
def test_each_token_is_paid_for_once(rates: Rates, usage: TokenUsage, asked: float, answered: float) -> None:
    """At the price of its kind where there is one, else at that of all input or output."""
    assert rates.cost(usage) == Cost((asked + answered) / 1e6, asked / 1e6, answered / 1e6)


@pytest.mark.parametrize(("asked", "price"), [(0, 1), (200_000, 1), (200_001, 2), (500_000, 2), (500_001, 3)])
def test_a_long_prompt_makes_every_token_dearer(asked: int, price: int) -> None:
    """From the step on that all its tokens pass, cached ones among them, and those of the answer as well."""
    steps = ((500_000, 3.0), (200_000, 2.0), (-1, 1.0))
    rates = Rates({"input": steps, "output": steps, "cache_read": steps})
    found = rates.cost(used(asked, 10, cache_read_tokens=asked // 2))
    assert (found.input, found.output) == (asked * price / 1e6, 10 * price / 1e6)


@pytest.mark.parametrize(
    "usage",
    [
        used(cache_read_tokens=1001),
        used(cache_read_tokens=600, cache_write_tokens=600),
        used(cache_write_tokens=100, cache_write_1h_tokens=200),
        used(audio_input_tokens=2000),
        used(reasoning_tokens=101),
        used(audio_output_tokens=101),
    ],
)
def test_figures_that_contradict_each_other_have_no_cost(usage: TokenUsage) -> None:
    """Neither a negative one, nor one that is half of the truth."""
    with pytest.raises(NoPriceError):
        FULL.cost(usage)


@pytest.mark.parametrize(
    ("rates", "usage"),
    [
        (Rates({"input": 1.0}), used()),
        (Rates({"output": 1.0}), used()),
        (Rates(PLAIN.prices, frozenset(("input_audio",))), used(audio_input_tokens=1)),
        (Rates(PLAIN.prices, frozenset(("output_image",))), used(image_output_tokens=1)),
        (
            Rates(PLAIN.prices, frozenset(("cache_write_1h",))),
            used(cache_write_tokens=1, cache_write_1h_tokens=1),
        ),
        (FULL, used(cache_read_tokens=10, audio_input_tokens=10)),
        (Rates({**PLAIN.prices, "input_image": 2.0}), used()),
    ],
)
def test_what_has_no_known_price_makes_the_whole_unknown(rates: Rates, usage: TokenUsage) -> None:
    """And what might have one of two."""
    with pytest.raises(NoPriceError):
        rates.cost(usage)


def test_an_unknown_price_of_what_was_not_used_does_not_matter() -> None:
    """Most calls have no audio."""
    unknown = frozenset(("input_audio", "output_audio", "output_image", "cache_write_1h"))
    assert Rates(PLAIN.prices, unknown).cost(used(audio_input_tokens=0)) == PLAIN.cost(used())
