"""The ollama SDK: its clients and module functions, and what Ollama was recorded to send."""

from __future__ import annotations

import asyncio
import importlib
import json
from typing import Any

import pytest

import otel_llm
from otel_llm.testing import Exchange, ReplayServer, Telemetry
from tests import semconv
from tests.conftest import RECORDINGS
from tests.lives.answers import MESSAGES
from tests.recordings import Recording, recordings
from tests.test_recordings import Failure, differences, seen

ollama: Any = pytest.importorskip("ollama")

PATHS = {"/api/chat": "chat", "/api/generate": "generate", "/api/embed": "embed"}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "chat": {"model": "m", "messages": MESSAGES},
    "generate": {"model": "m", "prompt": "hi"},
    "embed": {"model": "m", "input": "hi"},
}


def run(replay: ReplayServer, recording: Recording, *, asynchronous: bool) -> tuple[Any, Any]:
    """What the user got and what the provider was asked."""
    replay.reset()
    replay.answer(recording.exchange)
    arguments = dict(ARGUMENTS[recording.api], **({"stream": True} if recording.streaming else {}))
    got: list[Any] = []

    async def read() -> None:
        result = await getattr(ollama.AsyncClient(host=replay.url), recording.api)(**arguments)
        if recording.streaming:
            async for part in result:
                got.append(seen(part))
        else:
            got.append(seen(result))

    try:
        if asynchronous:
            asyncio.run(read())
        else:
            result = getattr(ollama.Client(host=replay.url), recording.api)(**arguments)
            for part in result if recording.streaming else [result]:
                got.append(seen(part))
    except Exception as error:
        got.append(Failure.of(error))
    return got, [(asked.path, asked.body) for asked in replay.requests]


@pytest.mark.recordings
@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("recording", recordings("ollama", PATHS), ids=lambda recording: recording.name)
def test_an_exchange_gives_its_figures_and_nothing_else_changes(
    replay: ReplayServer, recording: Recording, asynchronous: bool
) -> None:
    """The span carries what Ollama reported; what the user gets and what is asked are the same without us."""
    bare = run(replay, recording, asynchronous=asynchronous)
    telemetry = Telemetry()
    otel_llm.instrument(tracer_provider=telemetry.tracer_provider, meter_provider=telemetry.meter_provider)
    watched = run(replay, recording, asynchronous=asynchronous)
    otel_llm.uninstrument()
    assert watched == bare
    (span,) = telemetry.spans
    assert list(differences(recording, watched[0], span)) == []
    assert semconv.find_registry() is None or list(semconv.check_spans([span], "2026-10")) == []


def test_the_recordings_are_there() -> None:
    """A folder read wrongly would prove nothing."""
    assert not RECORDINGS.is_dir() or len(recordings("ollama", PATHS)) >= 11


@pytest.mark.parametrize("name", ["chat", "generate", "embed"])
def test_module_functions_are_seen(
    telemetry: Telemetry, replay: ReplayServer, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """They are bound to a client when the SDK is imported, long before us."""
    monkeypatch.setenv("OLLAMA_HOST", replay.url)
    fresh: Any = importlib.reload(ollama)
    body = {"model": "m", "done": True, "done_reason": "stop", "prompt_eval_count": 5, "eval_count": 7}
    answers = {"chat": {"message": {"role": "assistant"}}, "generate": {"response": ""}}
    replay.answer(Exchange.json({**body, **answers.get(name, {"embeddings": [[0.1, 0.2]]})}))
    getattr(fresh, name)(**ARGUMENTS[name])
    (span,) = telemetry.spans
    assert span.attributes is not None
    assert span.attributes["gen_ai.usage.input_tokens"] == 5
    assert (name == "embed") == ("gen_ai.embeddings.dimension.count" in span.attributes)


def test_what_no_model_answers_is_left_alone(telemetry: Telemetry, replay: ReplayServer) -> None:
    """Listing and pulling models are no calls of one."""
    replay.answer(Exchange.json({"models": []}))
    ollama.Client(host=replay.url).list()
    replay.answer(Exchange(200, {}, (json.dumps({"status": "success"}).encode() + b"\n",)))
    list(ollama.Client(host=replay.url).pull("m", stream=True))
    assert not telemetry.spans


def test_options_are_told(telemetry: Telemetry, replay: ReplayServer) -> None:
    """Under the names that the conventions have for them."""
    replay.answer(Exchange.json({"model": "m", "done": True, "message": {"role": "assistant"}}))
    options = {"temperature": 0.5, "num_predict": 9, "seed": 3, "stop": ["a"], "top_k": 4, "num_ctx": 8}
    ollama.Client(host=replay.url).chat(**ARGUMENTS["chat"], options=options, format="json")
    (span,) = telemetry.spans
    wanted = {
        "temperature": 0.5,
        "max_tokens": 9,
        "seed": 3,
        "stop_sequences": ("a",),
        "top_k": 4,
    }
    assert {f"gen_ai.request.{name}": value for name, value in wanted.items()}.items() <= dict(
        span.attributes or {}
    ).items()
    assert (span.attributes or {})["gen_ai.output.type"] == "json"
