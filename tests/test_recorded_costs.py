"""What every recorded exchange cost, worked out a second time: from the figures that were written down with it, and
from the prices as they stand in the list, without the arithmetic of either package."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pytest

import otel_llm
from otel_llm.testing import ReplayServer, Telemetry
from tests import native
from tests.conftest import RECORDINGS
from tests.native import NATIVES
from tests.recordings import Recording, openai_shaped, recordings
from tests.test_native_recordings import outcome
from tests.test_recordings import User, read_plain, read_stream, served, user

__all__ = ["user"]

pytestmark = pytest.mark.recordings
pytest.importorskip("genai_prices", minversion="0.2.3")

from genai_prices.data_snapshot import get_snapshot  # noqa: E402 - it may not be there

# By the folder of the recordings: the provider in the conventions' words, and in the list's.
PROVIDERS = {
    "anthropic": ("anthropic", "anthropic"),
    "azure": ("azure.ai.openai", "azure"),
    "baseten": ("baseten", "baseten"),
    "bedrock": ("aws.bedrock", "aws"),
    "cerebras": ("cerebras", "cerebras"),
    "cloudflare": ("cloudflare", "cloudflare"),
    "cohere": ("cohere", "cohere"),
    "databricks": ("databricks", "databricks"),
    "deepseek": ("deepseek", "deepseek"),
    "gemini": ("gcp.gemini", "google"),
    "groq": ("groq", "groq"),
    "mistral": ("mistral_ai", "mistral"),
    "openai": ("openai", "openai"),
    "openrouter": ("openrouter", "openrouter"),
    "perplexity": ("perplexity", "perplexity"),
    "together": ("together_ai", "together"),
    "vertex": ("gcp.vertex_ai", "google"),
    "voyage": ("voyage_ai", "voyageai"),
    "xai": ("x_ai", "x-ai"),
    "zai": ("z_ai", "zai"),
}
COST = "gen_ai.usage.cost"
NOW = datetime.now(timezone.utc)


def asked(recording: Recording) -> str | None:
    """The model that was asked for, which is in the body or in the path."""
    request = json.loads((RECORDINGS / recording.name).read_text())["request"]
    body, path = request["body"], request["path"].replace("%3A", ":").replace("%2F", "/")
    if isinstance(body, dict) and body.get("model"):
        return body["model"]
    for before, after in (("/model/", ("/converse", "/invoke")), ("/models/", (":",))):
        if before in path:
            name = path.partition(before)[2]
            return next((name.partition(end)[0] for end in after if end in name), name)
    return None


@pytest.fixture(scope="module")
def told(user: User) -> dict[str, tuple[Recording, dict[str, Any]]]:
    """By the names of the recordings, what their spans say."""
    found: dict[str, tuple[Recording, dict[str, Any]]] = {}
    for recording, attributes in (*_through_openai(user), *_through_their_own()):
        if COST in attributes or recording.name not in found:
            found[recording.name] = recording, attributes
    return found


def _through_openai(user: User) -> Iterator[tuple[Recording, dict[str, Any]]]:
    for recording in openai_shaped():
        if recording.status < 400 and served(user, recording):
            way = read_stream if recording.streaming else read_plain
            provider = PROVIDERS.get(recording.provider, (recording.provider, None))[0]
            with _listening(provider) as telemetry:
                user.run(way, recording)
            yield recording, {**(telemetry.spans[0].attributes or {})}


def _through_their_own() -> Iterator[tuple[Recording, dict[str, Any]]]:
    for sdk in (sdk for sdk in NATIVES if sdk.installed):
        for recording in recordings(sdk.folder, sdk.apis):
            if recording.status >= 400 or recording.unreadable or recording.name in sdk.unserved:
                continue
            with ReplayServer() as replay, pytest.MonkeyPatch.context() as patched, _listening() as telemetry:
                for arguments in (
                    native.CHAT,
                    native.EMBED,
                    *native.COHERE.values(),
                    *native.OLLAMA.values(),
                ):
                    patched.setitem(arguments, "model", asked(recording) or "m")
                outcome(replay, sdk, recording, "sync")
            for span in telemetry.spans:
                yield recording, {**(span.attributes or {})}


class _listening:  # noqa: N801 - it reads like a function
    def __init__(self, provider: str | None = None) -> None:
        self._hosts = {} if provider is None else {"provider_hosts": {"127.0.0.1": provider}}
        self._telemetry = Telemetry()

    def __enter__(self) -> Telemetry:
        providers = {"tracer_provider": self._telemetry.tracer_provider}
        otel_llm.instrument(
            **providers, meter_provider=self._telemetry.meter_provider, cost=True, **self._hosts
        )
        return self._telemetry

    def __exit__(self, *error: object) -> None:
        otel_llm.uninstrument()


def reported(recording: Recording) -> Decimal | None:
    """What the provider says that it cost: the last word in what it sent, apart from zeros of those who only repeat
    the field."""
    amounts = [amount for event in _events(recording) for amount in _amounts(event)]
    return amounts[-1] if amounts else None


def _events(recording: Recording) -> list[Any]:
    try:
        return recording.events()
    except ValueError:  # Amazon's streams are binary
        return []


def _amounts(thing: Any) -> Iterator[Decimal]:
    if isinstance(thing, dict):
        usage = thing.get("usage")
        cost = usage.get("cost") if isinstance(usage, dict) else None
        if cost is not None:
            yield Decimal(str(cost["total_cost"] if isinstance(cost, dict) else cost))
        if isinstance(usage, dict) and usage.get("cost_in_usd_ticks"):
            yield Decimal(usage["cost_in_usd_ticks"]) / 10**10
        for part in thing.values():
            yield from _amounts(part)


def audio(recording: Recording, *names: str) -> int:
    """The audio tokens of one side, wherever a provider counts them."""
    found = 0
    for event in _events(recording):
        usage = event.get("usage") or event.get("usageMetadata") or {}
        for name in names:
            details = usage.get(name) or {}
            if isinstance(details, dict):
                found = details.get("audio_tokens") or found
            else:
                found = sum(row["tokenCount"] for row in details if row["modality"] == "AUDIO") or found
    return found


def listed(recording: Recording) -> Any:
    """The prices of the model as they stand in the list; None if it has none that are for tokens alone."""
    whose = PROVIDERS.get(recording.provider, (None, None))[1]
    name = recording.expected["response_model"] or (asked(recording) if whose != "azure" else None)
    if whose == "aws":
        name = (asked(recording) or "").removeprefix(
            "arn:aws:bedrock:us-east-1:000000000000:inference-profile/"
        )
    every = get_snapshot().providers
    provider = next((provider for provider in every if provider.id == whose), None)
    model = provider and name and provider.find_model(name, all_providers=every)
    if not model:
        return None
    flex = recording.provider == "openai" and '"flex"' in recording.body
    prices = model.get_prices(NOW, {"service_tier": "flex"} if flex else None)
    # What these depend on is not told; and no SDK passes on how much of what it embeds is images.
    return None if prices.requests_kcount or prices.audio_hours or prices.input_image_mtok else prices


def bill(recording: Recording) -> Decimal | None:
    """What it cost by the list; None if that cannot be told."""
    expected, prices = recording.expected, listed(recording)
    billed = recording.provider == "cohere"
    asked_for = expected.get("billed_input_tokens", expected["input_tokens_total"])
    answered = expected.get("billed_output_tokens", expected["output_tokens_total"])
    if prices is None or asked_for is None or (answered is None and "embed" not in recording.name):
        return None
    read, written = (0 if billed else expected[f"cache_{how}_tokens"] or 0 for how in ("read", "creation"))
    heard = audio(recording, "prompt_tokens_details", "promptTokensDetails")
    spoken = audio(recording, "completion_tokens_details", "candidatesTokensDetails")
    if read + written > asked_for or ((heard or spoken) and not prices.input_audio_mtok):
        return None
    rest = prices.input_mtok
    rows = (
        (asked_for - read - written - heard, rest),
        (read, prices.cache_read_mtok or rest),
        (written, prices.cache_write_mtok or rest),
        (heard, prices.input_audio_mtok),
        ((answered or 0) - spoken, prices.output_mtok),
        (spoken, prices.output_audio_mtok),
    )
    return sum((tokens * _at(price, asked_for) for tokens, price in rows if tokens), Decimal(0)) / 10**6


def _at(price: Any, asked_for: int) -> Decimal:
    for tier in getattr(price, "tiers", ()):
        if asked_for > tier.start:
            raise AssertionError("no recorded prompt is that long")
    return getattr(price, "base", price)


def test_every_cost_is_what_the_list_and_the_figures_say(told: Any) -> None:
    """To a billionth; and there is none where they do not say it."""
    wrong: list[str] = []
    for name, (recording, attributes) in told.items():
        said = reported(recording)
        right = bill(recording) if said is None else said
        cost = attributes.get(COST)
        if (cost is None) != (right is None) or (
            right is not None and abs(cost - float(right)) > 1e-9 * cost
        ):
            wrong.append(f"{name}: {cost}, not {right}")
    assert wrong == [], "\n".join(wrong)


def test_most_recordings_are_priced(told: Any) -> None:
    """Else the test above would prove little."""
    priced = [recording for recording, attributes in told.values() if COST in attributes]
    by_provider = [recording for recording in priced if reported(recording) is not None]
    assert len(priced) >= 300
    assert len(by_provider) >= 50


def test_the_parts_make_up_the_cost(told: Any) -> None:
    """Of what is priced by the list; a provider may charge for more than tokens."""
    for recording, attributes in told.values():
        if COST in attributes and reported(recording) is None:
            parts = attributes["otel_llm.cost.input"] + attributes["otel_llm.cost.output"]
            assert parts == pytest.approx(attributes[COST], rel=1e-9)
