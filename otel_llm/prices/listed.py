"""Prices out of the list of genai-prices: whose list a provider's is, what a model is called in it, what it says.

The list is a package of its own, loaded when the first price is wanted. Nothing of it goes to the network.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from otel_llm.guard import warn_once
from otel_llm.prices.rates import NoPriceError, Price, Rates


class Served(NamedTuple):
    """Who answered, and how: what prices depend on."""

    provider: str
    asked: str | None
    """The model that was asked for."""
    answered: str | None
    """The model that the answer names."""
    asked_tier: str | None = None
    tier: str | None = None
    surcharge: str | None = None


def rates(served: Served, at: datetime) -> Rates:
    """The prices of a call at this time. Raises NoPriceError."""
    whose = _LISTS.get(served.provider)
    if whose is None:
        raise NoPriceError("there is no list of its provider's prices")
    name = _NAMES.get(whose, _answered)(served)
    if name is None:
        raise NoPriceError("which model it is cannot be told")
    provider, model = _find(whose, name)
    condition = _condition(served)
    if condition is None:
        return _rates(model.get_prices(at), whose)
    # A variant may be by any of these names, and means the same by each.
    context: dict[str, str] = dict.fromkeys(("service_tier", "speed", "processing"), condition)
    # The prices of one provider for what it is not are no prices of another's.
    if not (any(model is one for one in provider.models) and _priced(model, context, at)):
        raise NoPriceError(f"no price of it is known for {condition!r}")
    return _rates(model.get_prices(at, context), whose)


def _find(whose: str, name: str) -> tuple[Any, Any]:
    """The provider and the model in the list."""
    try:
        from genai_prices.data_snapshot import get_snapshot
    except Exception as error:  # noqa: BLE001 - it is not there, or does not work
        message = (
            "genai-prices cannot be loaded (%s), so that costs are not known: pip install otel-llm[cost]"
        )
        warn_once("genai-prices", message, type(error).__name__)
        raise NoPriceError("there is no list of prices") from None
    try:
        provider, model = get_snapshot().find_provider_model(name, None, whose, None)
    except LookupError:
        raise NoPriceError("it is not in the list of prices") from None
    if model.id.startswith(_NOT_SOLD.get(whose, ())):
        raise NoPriceError("it is not in the list of prices")
    return provider, model


# The conventions' providers whose prices are listed, and by which name.
_LISTS = {
    "anthropic": "anthropic",
    "aws.bedrock": "aws",
    "azure.ai.inference": "azure",
    "azure.ai.openai": "azure",
    "baseten": "baseten",
    "cerebras": "cerebras",
    "cloudflare": "cloudflare",
    "cohere": "cohere",
    "databricks": "databricks",
    "deepseek": "deepseek",
    "fireworks_ai": "fireworks",
    "gcp.gemini": "google",
    "gcp.gen_ai": "google",
    "gcp.vertex_ai": "google",
    "groq": "groq",
    "minimax": "minimax",
    "mistral_ai": "mistral",
    "moonshot_ai": "moonshotai",
    "novita": "novita",
    "openai": "openai",
    "openrouter": "openrouter",
    "perplexity": "perplexity",
    "together_ai": "together",
    "voyage_ai": "voyageai",
    "x_ai": "x-ai",
    "z_ai": "zai",
}

# What a list has beside what the provider sells: these run on machines of whoever named the provider so.
_NOT_SOLD = {"openai": ("gpt-oss",), "azure": ("gpt-oss",)}


def _answered(served: Served) -> str | None:
    return served.answered or served.asked


def _on_azure(served: Served) -> str | None:
    """What is asked for there is a deployment, which may have any name."""
    return served.answered


def _on_bedrock(served: Served) -> str | None:
    """The answers of some models say the maker's name of it, without the region that its price depends on."""
    known = (_bedrock_model(name) for name in (served.asked, served.answered))
    return next((name for name in known if name is not None), None)


_ARN = re.compile("arn:aws:bedrock:[^:]*:[^:]*:(?:foundation-model|inference-profile)/(.+)")
"""Resources that are named after a model; others may be any, or be paid for by the hour."""


def _bedrock_model(name: str | None) -> str | None:
    if name is not None and name.startswith("arn:"):
        arn = _ARN.fullmatch(name)
        name = None if arn is None else arn[1]
    maker, dot, _ = (name or "").partition(".")
    return name if dot and maker != "us-gov" else None


def _on_google(served: Served) -> str | None:
    """The model out of the path that it may be given as."""
    name = _answered(served)
    return None if name is None else re.sub(r"^(.*/)?models/|^google/", "", name)


_NAMES: dict[str, Callable[[Served], str | None]] = {
    "aws": _on_bedrock,
    "azure": _on_azure,
    "google": _on_google,
}

_ORDINARY = frozenset((None, "auto", "default", "standard", "standard_only", "on_demand"))
_SPELLINGS = {"on_demand_flex": "flex", "on_demand_priority": "priority"}


def _condition(served: Served) -> str | None:
    """How it was served, in a word, where that is not how everybody is; in more than one where no list knows it."""
    tier = (served.tier or "").lower() or None
    if tier is None and (served.asked_tier or "").lower() not in {*_ORDINARY, ""}:
        return f"{served.asked_tier} as asked"  # which is not always what one gets
    words = [word for word in (_SPELLINGS.get(tier or "", tier), served.surcharge) if word not in _ORDINARY]
    return " ".join(word for word in words if word) or None


def _priced(model: Any, context: dict[str, str], at: datetime) -> bool:
    """Whether the list has prices for this condition. Where it has not, it would give the standard ones."""
    return any(
        variant.when.items() <= context.items()
        and (variant.constraint is None or variant.constraint.active(at))
        and any(price is not None for price in vars(variant.prices).values())
        for variant in model.price_variants or ()
    )


_PRICES = {
    "input_mtok": "input",
    "output_mtok": "output",
    "cache_read_mtok": "cache_read",
    "cache_write_mtok": "cache_write",
    "cache_write_1h_mtok": "cache_write_1h",
    "input_audio_mtok": "input_audio",
    "output_audio_mtok": "output_audio",
    "input_image_mtok": "input_image",
    "output_image_mtok": "output_image",
    "output_reasoning_mtok": "output_reasoning",
}
_BESIDE = frozenset(
    (
        "cache_audio_read_mtok",  # of tokens that nobody tells apart
        "cache_image_read_mtok",
        "code_executions_kcount",  # bought beside tokens, by those who want to
        "social_searches_kcount",
        "storage_searches_kcount",
        "web_searches_kcount",
    )
)
# Kinds of tokens that are never as cheap as text. Google says what they cost where it is not the same.
_DEARER = frozenset(("input_audio", "output_audio", "output_image"))
_SAID = {"google": frozenset(("input_audio", "output_audio"))}


def _rates(listed: Any, whose: str) -> Rates:
    prices: dict[str, Price] = {}
    for key, price in vars(listed).items():
        if price is None or key in _BESIDE:
            continue
        if key not in _PRICES:
            raise NoPriceError(f"its price depends on what is not told ({key})")
        prices[_PRICES[key]] = _price(price)
    dearer = {
        *(_DEARER - _SAID.get(whose, frozenset())),
        *(("cache_write_1h",) if "cache_write" in prices else ()),
    }
    return Rates(prices, frozenset(dearer - prices.keys()))


def _price(listed: Any) -> Price:
    tiers = getattr(listed, "tiers", None)
    if tiers is None:
        return float(listed)
    steps = [(tier.start, float(tier.price)) for tier in tiers]
    return (*sorted(steps, reverse=True), (-1, float(listed.base)))
