"""Prices of the user's own, out of a JSON file or an argument."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from otel_llm.guard import warn_once
from otel_llm.prices.rates import NAMES, Price, Rates

_MOST = 1_000_000.0
"""USD for a million tokens; what is above it is a mistake."""


@dataclass(frozen=True, slots=True)
class PriceTable:
    """Prices by `provider/model` or `model`, in lower case; `*` in either stands for anything."""

    exact: dict[str, Rates]
    patterns: tuple[tuple[re.Pattern[str], Rates], ...] = ()

    def rates(self, provider: str, *models: str | None) -> Rates | None:
        """The prices of the first of these models that has any: exact names before patterns, with the provider before
        without, and of patterns the first in the file."""
        known = [model.lower() for model in models if model is not None]
        names = [name for model in known for name in (f"{provider}/{model}".lower(), model)]
        found = next((self.exact[name] for name in names if name in self.exact), None)
        if found is not None:
            return found
        return next(
            (rates for pattern, rates in self.patterns if any(map(pattern.fullmatch, names))),
            None,
        )


def read_table(source: str) -> PriceTable | None:
    """The table in a file, or in a text that is JSON itself; None if there is none. What is wrong with it is said in
    one warning, and left out."""
    if not source:
        return None
    try:
        text = source if source.startswith("{") else Path(source).expanduser().read_text(encoding="utf-8")
        return _table(source, dict(json.loads(text)))
    except (OSError, ValueError, TypeError, RuntimeError) as error:
        shown = "the JSON given" if source.startswith("{") else repr(source)
        warn_once(("prices", source), "OTEL_LLM_PRICES: %s is no table of prices: %s", shown, _why(error))
        return None


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or type(error).__name__


def _table(source: str, rows: dict[str, Any]) -> PriceTable:
    exact: dict[str, Rates] = {}
    patterns: list[tuple[re.Pattern[str], Rates]] = []
    wrong: list[str] = []
    for name, row in rows.items():
        prices = dict(_prices(row)) if isinstance(row, dict) else {}
        if not prices or len(prices) < len(row):
            wrong.append(name)
        elif "*" in name:
            patterns.append(
                (re.compile(re.escape(name.lower()).replace(r"\*", ".*"), re.DOTALL), Rates(prices))
            )
        else:
            exact[name.lower()] = Rates(prices)
    if wrong:
        warn_once(
            ("prices", source),
            "OTEL_LLM_PRICES: the rows of %s are left out: each price is a number of USD for a million tokens, by one of %s",
            ", ".join(map(repr, wrong[:3])) + (" and more" if len(wrong) > 3 else ""),
            ", ".join(NAMES),
        )
    return PriceTable(exact, tuple(patterns))


def _prices(row: dict[str, Any]) -> Iterator[tuple[str, Price]]:
    for name, price in row.items():
        number = isinstance(price, (int, float)) and not isinstance(price, bool)
        if name in NAMES and number and 0 <= price <= _MOST:
            yield name, float(price)
