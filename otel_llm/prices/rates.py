"""What tokens cost at given prices. Arithmetic alone: knows no list of prices and no provider."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from otel_llm.usage import TokenUsage

_MILLION = 1_000_000


class NoPriceError(Exception):
    """Why it cannot be said what something costs."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a call cost, in USD."""

    total: float
    input: float | None = None
    output: float | None = None
    """None where only the total is known. The total may be more than both, by a fee for each request, say."""


Price = float | tuple[tuple[int, float], ...]
"""USD for a million tokens. Where it depends on the length of the prompt: pairs of the number of input tokens
above which a price holds for all tokens of a call and that price, the highest number first, the last of them -1."""

# What is inside of a total and may have a price of its own: the price's name, and the count that it is for.
_INPUT = (
    ("cache_read", "cache_read_tokens"),
    ("cache_write", "cache_write_tokens"),
    ("cache_write_1h", "cache_write_1h_tokens"),
    ("input_audio", "audio_input_tokens"),
    ("input_image", "image_input_tokens"),
)
_OUTPUT = (
    ("output_reasoning", "reasoning_tokens"),
    ("output_audio", "audio_output_tokens"),
    ("output_image", "image_output_tokens"),
)
_KINDS = ("text_input_tokens", "audio_input_tokens", "image_input_tokens")
NAMES = ("input", "output", *(name for name, _ in (*_INPUT, *_OUTPUT)))
"""Of all prices that there can be."""


@dataclass(frozen=True, slots=True)
class Rates:
    """The prices of one model. Tokens whose kind has no price of its own cost what all input or output costs."""

    prices: Mapping[str, Price]
    unknown: frozenset[str] = frozenset()
    """Kinds of which it is known that they have another price, and not which."""

    def cost(self, usage: TokenUsage) -> Cost:
        """What this usage costs. Raises NoPriceError."""
        asked = usage.input_tokens or 0
        parts = {name: tokens for name, field in _INPUT if (tokens := getattr(usage, field))}
        if kept := parts.get("cache_write_1h"):  # is inside of what was written
            if "cache_write_1h" in self.prices or "cache_write_1h" in self.unknown:
                parts["cache_write"] = parts.get("cache_write", 0) - kept
            else:
                del parts["cache_write_1h"]
        if "input_image" in self.prices and all(getattr(usage, field) is None for field in _KINDS):
            raise NoPriceError("how much of its input is images is not told")
        if len({name.partition("_")[0] for name in parts if name in self.prices}) > 1:
            raise NoPriceError("how many of its cached tokens are audio or images is not told")
        spent = self._side("input", asked, parts.items(), asked)
        inside = ((name, tokens) for name, field in _OUTPUT if (tokens := getattr(usage, field)))
        more = self._side("output", usage.output_tokens or 0, inside, asked)
        return Cost((spent + more) / _MILLION, spent / _MILLION, more / _MILLION)

    def _side(self, side: str, total: int, parts: Iterable[tuple[str, int]], asked: int) -> float:
        """What the tokens of one side cost, in millionths of a dollar."""
        spent, rest = 0.0, total
        for name, tokens in parts:
            if name in self.unknown and tokens:
                raise NoPriceError(f"no price of {name.replace('_', ' ')} is known")
            if (price := self.prices.get(name)) is not None:
                spent += tokens * _at(price, asked)
                rest -= tokens
                if tokens < 0 or rest < 0:
                    raise NoPriceError("its figures contradict each other")
        if not rest:
            return spent
        if (price := self.prices.get(side)) is None:
            raise NoPriceError(f"no price of {side} is known")
        return spent + rest * _at(price, asked)


def _at(price: Price, asked: int) -> float:
    if not isinstance(price, tuple):
        return price
    return next(one for above, one in price if asked > above)
