"""What providers that speak OpenAI's language say a call cost, in its usage object."""

from __future__ import annotations

from math import isclose
from typing import Any

from otel_llm.dialects.fields import Fields, fields, number

_MOST = 10_000.0
"""USD. No call costs more; what says so is a mistake."""
_TICKS = 1e10
"""Of xAI's in a dollar."""


def usd(value: Any) -> float | None:
    """An amount of money; None for what cannot be one."""
    amount = number(value)
    return amount if amount is not None and 0 <= amount <= _MOST else None


def read_cost(usage: Fields) -> dict[str, Any]:
    """The fields of a `ModelResponse` that say what it cost."""
    told = usage.get("cost")
    if told is None:
        ticks = number(usage.get("cost_in_usd_ticks"))
        # Others who serve xAI's models repeat the field, and fill in a zero.
        return _known(cost=usd(ticks / _TICKS)) if ticks else {}
    return _perplexity(fields(told)) if fields(told) else _openrouter(told, usage)


def _known(**amounts: float | None) -> dict[str, Any]:
    return {name: amount for name, amount in amounts.items() if amount is not None}


def _first(seen: Fields, *names: str) -> float | None:
    return next((amount for name in names if (amount := usd(seen.get(name))) is not None), None)


def _perplexity(told: Fields) -> dict[str, Any]:
    """https://docs.perplexity.ai/api-reference/chat-completions-post"""
    total = usd(told.get("total_cost"))
    if total is None or told.get("currency", "USD") != "USD":
        return {}
    return _known(
        cost=total,
        input_cost=_first(told, "input_tokens_cost", "input_cost"),
        output_cost=_first(told, "output_tokens_cost", "output_cost"),
    )


def _openrouter(told: Any, usage: Fields) -> dict[str, Any]:
    """https://openrouter.ai/docs/use-cases/usage-accounting

    With the user's own key at the provider, what is told is OpenRouter's fee, and the provider's bill is beside it.
    """
    details = fields(usage.get("cost_details"))
    total, upstream = usd(told), usd(details.get("upstream_inference_cost"))
    if usage.get("is_byok") is True:
        total = None if total is None or upstream is None else usd(total + upstream)
    if total is None:
        return {}
    spent = _first(details, "upstream_inference_prompt_cost", "upstream_inference_input_cost")
    more = _first(details, "upstream_inference_completions_cost", "upstream_inference_output_cost")
    whole = total if upstream is None else upstream
    if spent is None or more is None or not isclose(spent + more, whole, rel_tol=1e-6):
        return {"cost": total}  # Vercel fills in zeros
    return {"cost": total, "input_cost": spent, "output_cost": more}
