"""Log-probabilities as providers were recorded to send them, through their SDKs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest

import otel_llm
from otel_llm.testing import ReplayServer, Telemetry
from tests import semconv
from tests.lives.scenarios import KINDS
from tests.native import NATIVES, Native
from tests.recordings import Recording, openai_shaped, recordings
from tests.test_native_recordings import outcome
from tests.test_recordings import User, served
from tests.test_recordings import user as user  # noqa: PLC0414 - a fixture

pytestmark = pytest.mark.recordings
PREFIX = "otel_llm.logprobs."


def mentions(recording: Recording) -> bool:
    """Whether there is anything about log-probabilities in it, be it that there are none."""
    return "logprobs" in recording.body.lower() or '"logprob"' in recording.body


OPENAI = [recording for recording in openai_shaped() if mentions(recording)]
NATIVE = [
    (native, recording)
    for native in NATIVES
    for recording in recordings(native.folder, native.apis)
    if mentions(recording)
]


def figures(recording: Recording) -> dict[str, Any]:
    """What the span must say, worked out anew from what was sent."""
    if recording.status >= 400:
        return {}
    events = recording.events()
    told = [list(listed(event)) for event in events]
    # The response that ends a stream has all that its events had.
    ended = [found for event, found in zip(events, told, strict=True) if found and "response" in event]
    each = [logprob for found in (ended or told) for logprob in found]
    if not each:
        averages = [
            one["avgLogprobs"] for event in events for one in candidates(event) if "avgLogprobs" in one
        ]
        mean = averages[-1] if averages and averages[-1] <= 0 else None
        return {} if mean is None else {"mean": mean, "perplexity": math.exp(-mean)}
    mean = math.fsum(each) / len(each)
    return {
        "token_count": len(each),
        "mean": mean,
        "min": min(each),
        "min_position": each.index(min(each)),
        "perplexity": math.exp(-mean),
    }


def candidates(event: Any) -> list[Any]:
    return event.get("candidates") or [] if isinstance(event, dict) else []


def listed(event: Any) -> Iterator[float]:
    """The log-probabilities of tokens in an event, in each wire's own words."""
    for choice in event.get("choices") or []:
        yield from (token["logprob"] for token in (choice.get("logprobs") or {}).get("content") or [])
    if event.get("type") == "response.output_text.delta":
        yield from (token["logprob"] for token in event.get("logprobs") or [])
    for output in (event.get("response") or event).get("output") or []:
        for part in output.get("content") or []:
            yield from (token["logprob"] for token in part.get("logprobs") or [])
    for candidate in candidates(event):
        result = candidate.get("logprobsResult") or {}
        yield from (token["logProbability"] for token in result.get("chosenCandidates") or [])
    if event.get("type") == "content-delta":
        yield from (event.get("logprobs") or {}).get("logprobs") or []
    for completion in event.get("completions") or []:
        yield from (token["generatedToken"]["logprob"] for token in completion["data"]["tokens"])


def instrument(telemetry: Telemetry) -> None:
    otel_llm.instrument(
        tracer_provider=telemetry.tracer_provider,
        meter_provider=telemetry.meter_provider,
        logger_provider=telemetry.logger_provider,
        logprobs=True,
    )


def problems(recording: Recording, telemetry: Telemetry) -> list[str]:
    """Where the one span says something else."""
    (span,) = telemetry.spans
    wanted = figures(recording)
    told = {
        name.removeprefix(PREFIX): value
        for name, value in (span.attributes or {}).items()
        if name.startswith(PREFIX)
    }
    wrong = [] if same(told, wanted) else [f"{told}, not {wanted}"]
    if semconv.find_registry() is not None:
        wrong += semconv.check_spans([span], "2026-10", allow_odd=True)
    return wrong


def same(told: dict[str, Any], wanted: dict[str, Any]) -> bool:
    return told.keys() == wanted.keys() and all(
        math.isclose(value, wanted[name], rel_tol=1e-9, abs_tol=1e-9) for name, value in told.items()
    )


@pytest.mark.parametrize("recording", OPENAI, ids=lambda recording: recording.name)
def test_the_span_says_how_sure_the_model_was(user: User, recording: Recording) -> None:
    """Whichever way an answer is read, sync and async, to 1e-9; and nothing where nothing was said."""
    if not served(user, recording):
        pytest.skip("this version of the SDK does not know the API")
    wrong: list[str] = []
    for way in user.ways(recording):
        user.telemetry.clear()
        instrument(user.telemetry)
        user.run(way, recording)
        otel_llm.uninstrument()
        wrong += [f"{way.__name__}: {problem}" for problem in problems(recording, user.telemetry)]
    assert wrong == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("native", "recording"), NATIVE, ids=lambda value: value.name if isinstance(value, Recording) else ""
)
def test_so_it_does_with_sdks_of_their_own(
    replay: ReplayServer, native: Native, recording: Recording, kind: str
) -> None:
    """The same for whoever does not speak OpenAI's language."""
    if not native.installed:
        pytest.skip(f"{native.module} is not installed")
    if recording.unreadable:
        pytest.skip("the SDK never asks for this form")
    telemetry = Telemetry()
    instrument(telemetry)
    outcome(replay, native, recording, kind)
    otel_llm.uninstrument()
    assert problems(recording, telemetry) == []


def test_they_are_there() -> None:
    """Streams and whole answers, lists and averages: nothing would be shown by what says nothing."""
    told = {
        (recording.provider, recording.api, recording.streaming, "token_count" in found)
        for recording in (*OPENAI, *(one for _, one in NATIVE))
        if (found := figures(recording))
    }
    assert told >= {
        ("openai", "chat/completions", True, True),
        ("deepseek", "chat/completions", True, True),
        ("openai", "responses", True, True),
        ("cohere", "v2 chat", True, True),
        ("bedrock", "invoke", False, True),
        ("vertex", "generate", False, True),
        ("vertex", "generate", False, False),
        ("gemini", "generate", False, False),
    }
