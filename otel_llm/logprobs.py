"""How sure a model was of what it said, in a few figures. Knows no wire shape and no attribute name."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from otel_llm.usage import Facts


@dataclass(frozen=True)
class LogprobSummary(Facts):
    """The log-probabilities of the tokens of an answer: natural logarithms, at most 0.

    Of an answer with several choices they are those of all choices, as its output tokens are. Where a provider
    gives an average and no tokens, there are `mean`, `perplexity` and perhaps `token_count`. None: not said.
    """

    token_count: int | None = None
    """Tokens with a log-probability. 0: the list was there, and empty."""
    sum: float | None = None
    mean: float | None = None
    min: float | None = None
    perplexity: float | None = None
    """exp(-mean); None also where that is more than a float can hold."""
    max_top_logprobs: int | None = None
    """The most alternatives that came with one token."""
    min_position: int | None = None
    """Where the least sure token is among those that count, from 0, in its own choice."""

    @classmethod
    def of_average(cls, mean: float, token_count: int | None = None) -> LogprobSummary:
        """What an average alone tells."""
        return cls(token_count=token_count, mean=mean, perplexity=_perplexity(mean))


class Tally:
    """The tokens of one sequence, added up as they come. None of them is kept."""

    __slots__ = ("alternatives", "count", "least", "least_position", "total")

    def __init__(self) -> None:
        self.count = 0
        self.total = 0.0
        self.least = math.inf
        self.least_position: int | None = None
        self.alternatives = 0

    def add(self, logprob: float, alternatives: int) -> None:
        """One more token, and how many others it was chosen from."""
        if logprob < self.least:
            self.least, self.least_position = logprob, self.count
        self.count += 1
        self.total += logprob
        self.alternatives = max(self.alternatives, alternatives)


def summarize(tallies: Iterable[Tally]) -> LogprobSummary:
    """All sequences of an answer together; without a token there is a sum and a count, and no mean.

    Providers calculate with few digits, so that certain tokens come out slightly above 0; no figure does.
    """
    tallies = tuple(tallies)
    tokens = sum(tally.count for tally in tallies)
    alternatives = max((tally.alternatives for tally in tallies), default=0)
    if tokens == 0:
        return LogprobSummary(token_count=0, sum=0.0, max_top_logprobs=alternatives)
    total = min(sum(tally.total for tally in tallies), 0.0)
    least = min(tallies, key=lambda tally: tally.least)
    mean = max(total / tokens, least.least) if total else 0.0
    return LogprobSummary(
        token_count=tokens,
        sum=total,
        mean=mean,
        min=min(least.least, 0.0),
        perplexity=_perplexity(mean),
        max_top_logprobs=alternatives,
        min_position=least.least_position,
    )


def _perplexity(mean: float) -> float | None:
    try:
        return math.exp(-mean)
    except OverflowError:  # some servers send -9999 where they mean "impossible"
        return None
