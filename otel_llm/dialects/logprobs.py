"""Log-probabilities as wires list them, and what adds them up while the events of an answer pass.

A token counts if its log-probability is a finite number and at most 0, give or take what rounding does. The first
token of an echoed prompt has null, and has none to count; strings, booleans, NaN and probabilities from 0 to 1 are
no log-probabilities. Where that leaves nothing of a list with entries, nothing is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain, repeat
from typing import Any

from otel_llm.dialects.fields import fields, items, number, text
from otel_llm.logprobs import LogprobSummary, Tally, summarize

Find = Callable[[Any], Iterable[tuple[int, Any]]]
"""From an event to the choices in it, each with what is told of its tokens, which may be None."""

MOST_KEPT = 10_000
"""Tokens of an answer whose texts are kept, where they are wanted at all."""

_ROUNDING = 1e-3  # OpenAI was seen to send 0.00002
_MOST_CHOICES = 1024

_Token = tuple[Any, Any, Any]  # text, log-probability and alternatives, as sent


class LogprobReader:
    """Adds up the tokens of each choice. Keeps texts of `most` of them, and none unless told to: texts are content."""

    __slots__ = ("_find", "_kept", "_most", "_tallies", "_unread", "left_out")

    def __init__(self, find: Find, most: int = 0) -> None:
        self._find = find
        self._most = most
        self.forget()

    def forget(self) -> None:
        """Start anew."""
        self._tallies: dict[int, Tally] = {}
        self._unread = False
        self._kept: list[tuple[int, dict[str, Any]]] = []
        self.left_out = 0
        """Tokens that are counted, and that `tokens` has no room for."""

    def add(self, event: Any) -> None:
        """Take one event, or a whole answer."""
        for choice, told in self._find(event):
            if told is not None:
                self._take(choice, told)

    def _take(self, choice: int, told: Any) -> None:
        tokens = _listed(told)
        if tokens is None:
            return
        choice = min(choice, _MOST_CHOICES)
        tally = self._tallies.setdefault(choice, Tally())
        for said, value, alternatives in tokens:
            logprob = number(value)
            if logprob is None or logprob > _ROUNDING:
                self._unread = True
                continue
            tally.add(logprob, len(alternatives) if isinstance(alternatives, (list, tuple, dict)) else 0)  # pyright: ignore[reportUnknownArgumentType]
            if len(self._kept) < self._most:
                self._kept.append((choice, {"token": text(said) or "", "logprob": logprob}))
            elif self._most:
                self.left_out += 1

    def summary(self) -> LogprobSummary | None:
        """What was added up so far; None if nothing was told."""
        if not self._tallies:
            return None
        found = summarize(self._tallies.values())
        return None if self._unread and found.token_count == 0 else found

    def tokens(self) -> list[dict[str, Any]]:
        """The tokens that were kept, `{"token": "Hi", "logprob": -0.1}`, choice by choice; of several choices each
        token says which it is of: `"choice": 1`."""
        kept = sorted(self._kept, key=lambda entry: entry[0])
        several = len(self._tallies) > 1
        return [{**token, "choice": choice} if several else token for choice, token in kept]


def _listed(told: Any) -> Iterable[_Token] | None:
    """The tokens of one choice in any of the forms that are in use; None if there is no list of them.

    `[{token, logprob, top_logprobs}]`, or such a list as `content` or `refusal` of an object, or one of them alone;
    `{tokens, token_logprobs, top_logprobs}`, three lists side by side; `[{text, logprobs}]`, pieces of text of
    several tokens each, or one of them alone.
    """
    if (entries := _list(told)) is not None:
        return chain.from_iterable(map(_entry, entries))
    seen = fields(told)
    lists = [entries for name in ("content", "refusal") if (entries := _list(seen.get(name))) is not None]
    if lists:
        return chain.from_iterable(map(_entry, chain(*lists)))
    if (values := _list(seen.get("token_logprobs"))) is not None:
        texts, others = (chain(items(seen.get(name)), repeat(None)) for name in ("tokens", "top_logprobs"))
        return zip(texts, values, others)  # noqa: B905 - two of them never end
    return _entry(told) if "logprob" in seen or _list(seen.get("logprobs")) is not None else None


def _entry(thing: Any) -> Iterable[_Token]:
    seen = fields(thing)
    if (values := _list(seen.get("logprobs"))) is not None:
        return zip(chain((seen.get("text"),), repeat("")), values, repeat(None))
    return ((seen.get("token"), seen.get("logprob"), seen.get("top_logprobs")),)


def _list(thing: Any) -> list[Any] | tuple[Any, ...] | None:
    """A list, be it empty; None for anything else."""
    return thing if isinstance(thing, (list, tuple)) else None  # pyright: ignore[reportUnknownVariableType]
