"""The ollama SDK: its module functions, what is left alone, and what is told of a request."""

from __future__ import annotations

import importlib
import json
from typing import Any

import pytest

from otel_llm.testing import Exchange, ReplayServer, Telemetry
from tests.native import OLLAMA as ARGUMENTS

ollama: Any = pytest.importorskip("ollama")


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


@pytest.mark.settings(provider_hosts="127.0.0.1=my_gpu")
def test_the_settings_name_the_provider_of_a_host(telemetry: Telemetry, replay: ReplayServer) -> None:
    """Also where the SDK is a provider's own."""
    replay.answer(Exchange.json({"model": "m", "done": True, "message": {"role": "assistant"}}))
    ollama.Client(host=replay.url).chat(**ARGUMENTS["chat"])
    assert (telemetry.spans[0].attributes or {})["gen_ai.provider.name"] == "my_gpu"
