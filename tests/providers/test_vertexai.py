"""Vertex AI's own SDK. It cannot share an environment with the newest google-genai, so `make matrix` runs this."""

from __future__ import annotations

import asyncio
import importlib
import json
import warnings
from typing import Any

import pytest

from otel_llm.testing import Exchange, ReplayServer, Telemetry
from tests.lives.scenarios import only, settled
from tests.lives.sure import PREFIX, figures, google, said

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    vertexai: Any = pytest.importorskip("vertexai")
    models: Any = pytest.importorskip("vertexai.generative_models")
pytestmark = pytest.mark.filterwarnings("ignore")

ANSWER: dict[str, Any] = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": "hi"}]}, "finishReason": "STOP"}],
    "usageMetadata": {
        "promptTokenCount": 100,
        "candidatesTokenCount": 10,
        "thoughtsTokenCount": 30,
        "cachedContentTokenCount": 40,
        "totalTokenCount": 140,
    },
    "modelVersion": "gemini-x-001",
    "responseId": "r",
}
_SENT: Any = importlib.import_module("google.cloud.aiplatform_v1.types").GenerateContentResponse
_KNOWN = {*_SENT.meta.fields, *_SENT.UsageMetadata.meta.fields}
"""What this version's messages have room for: older ones lose what the provider says beyond that."""
_THOUGHTS = "thoughts_token_count" in _KNOWN
_LATER = {
    "response_id": ("gen_ai.response.id", "r"),
    "cached_content_token_count": ("gen_ai.usage.cache_read.input_tokens", 40),
    "thoughts_token_count": ("gen_ai.usage.reasoning.output_tokens", 30),
}
FIGURES = {
    "gen_ai.provider.name": "gcp.vertex_ai",
    "gen_ai.request.model": "gemini-x",
    "gen_ai.response.model": "gemini-x-001",
    "gen_ai.response.finish_reasons": ("stop",),
    "gen_ai.usage.input_tokens": 100,
    "gen_ai.usage.output_tokens": 40 if _THOUGHTS else 10,
    **dict(row for field, row in _LATER.items() if field in _KNOWN),
}


@pytest.fixture
def model(replay: ReplayServer) -> Any:
    from google.auth.credentials import AnonymousCredentials

    vertexai.init(
        project="p",
        location="us-central1",
        api_endpoint=replay.url,
        api_transport="rest",
        credentials=AnonymousCredentials(),
    )
    return models.GenerativeModel("gemini-x", generation_config={"temperature": 0.5})


def stream(*answers: Any) -> Exchange:
    """REST streams are one JSON array."""
    return Exchange(200, {"content-type": "application/json"}, (json.dumps(answers).encode(),))


def test_a_call_is_told_with_all_its_figures(telemetry: Telemetry, replay: ReplayServer, model: Any) -> None:
    """What was not sent is zero in a protocol buffer, and is not told."""
    replay.answer(Exchange.json(ANSWER))
    model.generate_content("hi", generation_config=models.GenerationConfig(max_output_tokens=9))
    attributes = only(telemetry).attributes
    assert FIGURES.items() <= attributes.items()
    assert attributes["gen_ai.request.max_tokens"] == 9
    assert attributes["gen_ai.request.temperature"] == 0.5


def test_chats_are_seen(telemetry: Telemetry, replay: ReplayServer, model: Any) -> None:
    """They go past the model's public methods."""
    replay.answer(Exchange.json(ANSWER))
    model.start_chat().send_message("hi")
    assert FIGURES.items() <= only(telemetry).attributes.items()


def test_streams_are_told(telemetry: Telemetry, replay: ReplayServer, model: Any) -> None:
    """The last figures count; a stream that is never read leaves no span."""
    replay.answer(stream({"candidates": ANSWER["candidates"]}, ANSWER))
    model.generate_content("hi", stream=True)
    assert settled(telemetry) == []
    assert len(list(model.generate_content("hi", stream=True))) == 2
    assert FIGURES.items() <= only(telemetry).attributes.items()


@pytest.mark.settings(logprobs=True)
def test_log_probabilities_are_told(telemetry: Telemetry, replay: ReplayServer, model: Any) -> None:
    """Of tokens, whole and in pieces; single precision is what the SDK makes of them."""
    whole, pieces = google()
    replay.answer(Exchange.json(whole))
    model.generate_content("hi")
    replay.answer(stream(*pieces))
    list(model.generate_content("hi", stream=True))
    for span in settled(telemetry):
        assert said(span) == pytest.approx(figures(-0.25, -1.5, -0.0625), abs=1e-9)


@pytest.mark.settings(logprobs=True)
@pytest.mark.parametrize(("average", "told"), [({"avgLogprobs": -0.5}, ["mean", "perplexity"]), ({}, [])])
def test_an_average_that_was_not_sent_is_not_zero(
    telemetry: Telemetry, replay: ReplayServer, model: Any, average: dict[str, Any], told: list[str]
) -> None:
    """In a protocol buffer it is."""
    (candidate,) = ANSWER["candidates"]
    replay.answer(Exchange.json({**ANSWER, "candidates": [{**candidate, **average}]}))
    model.generate_content("hi")
    assert sorted(said(only(telemetry))) == [PREFIX + name for name in told]


def test_a_broken_off_stream_is_no_error(telemetry: Telemetry, replay: ReplayServer, model: Any) -> None:
    """The span ends all the same."""
    replay.answer(stream({"candidates": []}, ANSWER))
    for _ in model.generate_content("hi", stream=True):
        break
    assert "error.type" not in only(telemetry).attributes


def test_failures_are_told_without_their_words(
    telemetry: Telemetry, replay: ReplayServer, model: Any
) -> None:
    """The class, and the status; never the message, which names the project."""
    replay.answer(Exchange.json({"error": {"code": 429, "message": "hush", "status": "X"}}, status=429))
    with pytest.raises(Exception, match="hush"):
        model.generate_content("hi")
    span = only(telemetry)
    assert span.attributes["error.type"] == "google.api_core.exceptions.TooManyRequests"
    assert b"hush" not in telemetry.export_bytes()


def test_a_blocked_prompt_is_told(telemetry: Telemetry, replay: ReplayServer, model: Any) -> None:
    """No candidate, but a reason."""
    usage = {"promptTokenCount": 7, "totalTokenCount": 7}
    replay.answer(Exchange.json({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": usage}))
    model.generate_content("hi")
    attributes = only(telemetry).attributes
    assert attributes["gen_ai.response.finish_reasons"] == ("content_filter",)
    assert attributes["gen_ai.usage.input_tokens"] == 7


def test_async_clients_only_speak_grpc(telemetry: Telemetry, replay: ReplayServer, model: Any) -> None:
    """Whatever it comes to, the span ends with it."""

    async def go() -> None:
        await asyncio.wait_for(model.generate_content_async("hi"), 2)

    with pytest.raises(Exception):  # noqa: B017, PT011 - nobody here speaks gRPC
        asyncio.run(go())
    assert "error.type" in only(telemetry).attributes
