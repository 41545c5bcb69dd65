"""Whose price a call has in the list of genai-prices."""

from __future__ import annotations

import random
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pytest

from otel_llm.prices.listed import Served, rates
from otel_llm.prices.rates import NoPriceError
from otel_llm.usage import TokenUsage

genai_prices: Any = pytest.importorskip("genai_prices", minversion="0.2.3")
from genai_prices.data_snapshot import get_snapshot  # noqa: E402 - it may not be there

THEN = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)
BEDROCK = "arn:aws:bedrock:us-east-1:1:"


def price(served: Served, name: str = "input", at: datetime = THEN) -> Any:
    return rates(served, at).prices[name]


@pytest.mark.parametrize(
    ("provider", "asked", "answered", "like"),
    [
        ("openai", "gpt-4o", None, ("openai", "gpt-4o")),
        ("openai", "gpt-4o", "gpt-4o-mini-2024-07-18", ("openai", "gpt-4o-mini")),
        ("openai", "m", "ft:gpt-4o-mini-2024-07-18:org::id", ("openai", "ft:gpt-4o-mini-2024-07-18:x")),
        ("azure.ai.openai", "my-deployment", "gpt-4o-2024-11-20", ("openai", "gpt-4o")),
        ("azure.ai.inference", "m", "gpt-4.1", ("openai", "gpt-4.1")),
        ("anthropic", "m", "claude-sonnet-4-20250514", ("anthropic", "claude-sonnet-4-0")),
        ("aws.bedrock", "amazon.nova-lite-v1:0", None, ("aws", "amazon.nova-lite-v1:0")),
        ("aws.bedrock", "us.amazon.nova-lite-v1:0", None, ("aws", "amazon.nova-lite-v1:0")),
        (
            "aws.bedrock",
            f"{BEDROCK}inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0",
            None,
            ("aws", "us.anthropic.claude-haiku-4-5-20251001-v1:0"),
        ),
        (
            "aws.bedrock",
            f"{BEDROCK}default-prompt-router/anthropic.claude:1",
            "us.anthropic.claude-3-haiku-20240307-v1:0",
            ("aws", "anthropic.claude-3-haiku-20240307-v1:0"),
        ),
        ("gcp.gemini", "models/gemini-2.5-flash", None, ("google", "gemini-2.5-flash")),
        ("gcp.vertex_ai", "google/gemini-2.5-pro", None, ("google", "gemini-2.5-pro")),
        (
            "gcp.vertex_ai",
            "projects/p/locations/l/publishers/google/models/gemini-2.5-flash",
            None,
            ("google", "gemini-2.5-flash"),
        ),
        ("gcp.vertex_ai", "claude-haiku-4-5@20251001", None, ("google", "claude-haiku-4-5")),
        ("openrouter", "m", "anthropic/claude-4.5-haiku-20251001", ("openrouter", "anthropic/claude-haiku-4.5")),
        ("groq", "m", "openai/gpt-oss-120b", ("groq", "openai/gpt-oss-120b")),
        ("together_ai", "meta-llama/Llama-3.3-70B-Instruct-Turbo", None, ("together", "meta-llama/Llama-3.3-70B-Instruct-Turbo")),
        ("fireworks_ai", "accounts/fireworks/models/llama-v3p1-8b-instruct", None, ("fireworks", "accounts/fireworks/models/llama-v3p1-8b-instruct")),
        ("mistral_ai", "mistral-small-latest", None, ("mistral", "mistral-small-latest")),
        ("cohere", "command-a-03-2025", None, ("cohere", "command-a")),
        ("x_ai", "grok-4", None, ("x-ai", "grok-4")),
        ("z_ai", "glm-4.7", None, ("zai", "glm-4.7")),
    ],
)  # fmt: skip
def test_a_model_has_the_price_that_the_list_gives_it(
    provider: str, asked: str, answered: str | None, like: tuple[str, str]
) -> None:
    """By the conventions' name of its provider, and however its own name is written."""
    _, model = get_snapshot().find_provider_model(like[1], None, like[0], None)
    listed = model.get_prices(THEN).input_mtok
    found = price(Served(provider, asked, answered))
    assert (found[-1][1] if isinstance(found, tuple) else found) == float(getattr(listed, "base", listed))


@pytest.mark.parametrize(
    ("provider", "asked", "answered"),
    [
        ("openai", "gpt-4o", "what-nobody-knows"),
        ("openai", None, None),
        ("openai", "anthropic/claude-sonnet-4-5", None),
        ("openai", "gpt-oss-20b", "gpt-oss-20b"),
        ("azure.ai.openai", "gpt-4o", None),
        ("azure.ai.openai", "m", "gpt-oss-120b"),
        ("aws.bedrock", f"{BEDROCK}application-inference-profile/abc", "claude-sonnet-4-5-20250929"),
        ("aws.bedrock", f"{BEDROCK}custom-model/amazon.nova-lite-v1:0/abc", None),
        ("aws.bedrock", f"{BEDROCK}provisioned-model/abc", None),
        ("aws.bedrock", "arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/amazon.nova-lite-v1:0", None),
        ("aws.bedrock", "us-gov.anthropic.claude-3-haiku-20240307-v1:0", None),
        ("gcp.gemini", "tunedModels/gemini-2.5-flash", None),
        ("gcp.vertex_ai", "projects/p/locations/l/endpoints/1", None),
        ("fireworks_ai", "accounts/me/models/mine", None),
        ("openrouter", "openai/gpt-4o:free", None),
        ("mistral_ai", "voxtral-small-latest", None),
        ("perplexity", "sonar", None),
        ("ollama", "llama3", None),
        ("vllm", "gpt-4o", "gpt-4o"),
        ("", "gpt-4o", None),
    ],
)
def test_what_the_list_does_not_know_has_no_price(
    provider: str, asked: str | None, answered: str | None
) -> None:
    """Nor has what somebody runs themselves, pays for by the hour, or pays for by what nobody counts."""
    with pytest.raises(NoPriceError):
        rates(Served(provider, asked, answered), THEN)


def test_bedrock_is_dearer_within_a_region() -> None:
    """Although the answer names the model without it."""
    models = (f"{where}.anthropic.claude-sonnet-4-5-20250929-v1:0" for where in ("global", "us"))
    everywhere, within = (price(Served("aws.bedrock", name, "claude-sonnet-4-5-20250929")) for name in models)
    assert (everywhere, within) == (3.0, 3.3)


ORDINARY = (None, "auto", "default", "standard", "on_demand", "Standard", "ON_DEMAND", "")


@pytest.mark.parametrize("tier", ORDINARY)
@pytest.mark.parametrize("asked", [*ORDINARY, "standard_only"])
def test_the_ordinary_tier_goes_by_many_names(tier: str | None, asked: str | None) -> None:
    """And costs the same by each."""
    assert price(Served("openai", "gpt-5", None, asked, tier)) == 1.25


@pytest.mark.parametrize(
    ("served", "expected"),
    [
        (Served("openai", "gpt-5", None, "flex", "flex"), 0.625),
        (Served("openai", "gpt-5", None, None, "priority"), 2.5),
        (
            Served("openai", "gpt-5", None, "priority", "default"),
            1.25,
        ),  # there was no room in the tier asked for
        (Served("gcp.vertex_ai", "gemini-3.8-flash-tts", None, None, "on_demand_flex"), 0.25),
        (Served("anthropic", "claude-opus-5", None, None, "standard", "fast"), 10.0),
        (Served("anthropic", "claude-opus-5", None, None, "batch"), 2.5),
    ],
)
def test_another_tier_has_its_own_price(served: Served, expected: float) -> None:
    """Where the list has it."""
    assert price(served) == expected


@pytest.mark.parametrize(
    "served",
    [
        Served("openai", "gpt-5", None, None, "scale"),
        Served("openai", "gpt-4o", None, None, "flex"),  # which it is not sold as
        Served("openai", "gpt-5", None, "flex", None),  # nobody says whether it was
        Served("azure.ai.openai", "m", "gpt-5", None, "flex"),  # another provider's price
        Served("gcp.vertex_ai", "gemini-2.5-flash", None, None, "provisioned_throughput"),
        Served("anthropic", "claude-opus-5", None, None, "priority"),
        Served("anthropic", "claude-opus-5", None, None, "standard", "us"),
        Served("anthropic", "claude-opus-5", None, None, "batch", "fast"),
        Served("aws.bedrock", "amazon.nova-lite-v1:0", None, "priority", None),
        Served("aws.bedrock", "amazon.nova-lite-v1:0", None, None, "default", "optimized"),
        Served("groq", "m", "openai/gpt-oss-120b", None, "flex"),
    ],
)
def test_a_tier_without_a_price_has_none(served: Served) -> None:
    """Rather than the standard one, which the list would give."""
    with pytest.raises(NoPriceError):
        rates(served, THEN)


@pytest.mark.parametrize(
    ("day", "expected"), [(datetime(2026, 10, 11), None), (datetime(2026, 10, 12), 0.625)]
)
def test_a_tier_has_no_price_before_the_list_knows_one(day: datetime, expected: float | None) -> None:
    """What it was is not known."""
    served, at = Served("openai", "gpt-5", None, None, "flex"), day.replace(tzinfo=timezone.utc)
    if expected is None:
        with pytest.raises(NoPriceError):
            rates(served, at)
    else:
        assert price(served, at=at) == expected


@pytest.mark.parametrize(
    ("provider", "model", "at", "expected"),
    [
        ("mistral_ai", "mistral-large-4", datetime(2026, 10, 19, 23, 59), 0.68),
        ("mistral_ai", "mistral-large-4", datetime(2026, 10, 20), 1.36),
        ("deepseek", "deepseek-chat", datetime(2026, 11, 20, 12), 0.27),
        ("deepseek", "deepseek-chat", datetime(2026, 11, 20, 20), 0.135),
    ],
)
def test_a_price_is_that_of_its_time(provider: str, model: str, at: datetime, expected: float) -> None:
    """By the day, and by the hour where that matters."""
    assert price(Served(provider, model, None), at=at.replace(tzinfo=timezone.utc)) == expected


def test_long_prompts_have_their_steps() -> None:
    """The highest first, and the base for all else."""
    assert price(Served("anthropic", "claude-sonnet-4-5", None)) == ((200_000, 6.0), (-1, 3.0))


@pytest.mark.parametrize(
    ("provider", "model", "unknown"),
    [
        ("openai", "gpt-4o-audio-preview", {"input_audio", "output_audio", "output_image"}),
        ("openai", "gpt-audio", {"output_image"}),
        ("gcp.gemini", "gemini-2.5-flash", {"output_image"}),
        ("gcp.gemini", "gemini-3.5-flash", {"output_image"}),
        ("aws.bedrock", "us.anthropic.claude-3-7-sonnet-20250219-v1:0", {"input_audio", "output_audio", "output_image", "cache_write_1h"}),
        ("anthropic", "claude-opus-5", {"input_audio", "output_audio", "output_image"}),
    ],
)  # fmt: skip
def test_what_is_never_as_cheap_as_text_is_not_priced_like_it(
    provider: str, model: str, unknown: set[str]
) -> None:
    """Unless the list of the provider says what differs, and this does not."""
    assert rates(Served(provider, model, None), THEN).unknown == unknown


LISTS = {
    "openai": "openai",
    "anthropic": "anthropic",
    "gcp.gemini": "google",
    "aws.bedrock": "aws",
    "groq": "groq",
}


def test_the_arithmetic_is_the_lists_own() -> None:
    """For random usage of every model that is priced by tokens alone, to a billionth."""
    chance, compared = random.Random(7), 0
    for provider, whose in LISTS.items():
        (listed,) = (one for one in get_snapshot().providers if one.id == whose)
        for model in listed.models:
            try:
                found = rates(Served(provider, model.id, model.id), THEN)
            except NoPriceError:
                continue
            _, same = get_snapshot().find_provider_model(model.id, None, whose, None)
            asked, answered = chance.randrange(1, 400_000), chance.randrange(100_000)
            read, written = chance.randrange(asked), 0
            figures = {"input_tokens": asked, "output_tokens": answered, "cache_read_tokens": read}
            if "cache_write_1h" not in found.unknown:
                written = chance.randrange(asked - read)
                figures["cache_write_tokens"] = written
                figures["cache_write_1h_tokens"] = chance.randrange(written + 1)
            if not {"input", "output"} <= found.prices.keys() or "input_image" in found.prices:
                continue
            theirs = same.calc_price(genai_prices.Usage(**figures), listed, genai_request_timestamp=THEN)
            ours = found.cost(TokenUsage(**figures))
            assert Decimal(ours.total) == pytest.approx(theirs.total_price, rel=Decimal("1e-9")), model.id
            compared += 1
    assert compared > 200
