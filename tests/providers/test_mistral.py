"""The mistralai SDK: agents, fill-in-the-middle, responses, conversations, and spans of its own."""

from __future__ import annotations

from importlib import import_module, metadata
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import otel_llm
from otel_llm.testing import Exchange, ReplayServer, Telemetry
from tests.lives.answers import FIGURES, MESSAGES, RESPONSE, completion
from tests.lives.scenarios import KINDS, each, only, run, settle
from tests.lives.wires import sse

pytest.importorskip("mistralai")
MAJOR = int(metadata.version("mistralai").partition(".")[0])
kinds = pytest.mark.parametrize("kind", KINDS)


def client(replay: ReplayServer) -> Any:
    module: Any = import_module("mistralai.client" if MAJOR > 1 else "mistralai")
    return module.Mistral(api_key="k", server_url=replay.url)


def call(sdk: Any, kind: str, name: str, **arguments: Any) -> Any:
    """A method, or its twin with the `_async` at its end."""
    *path, method = name.split(".")
    for part in path:
        sdk = getattr(sdk, part)
    return settle(getattr(sdk, f"{method}_async" if kind == "async" else method)(**arguments))


@kinds
@pytest.mark.parametrize(
    ("name", "arguments", "operation"),
    [
        ("agents.complete", {"agent_id": "a", "messages": MESSAGES}, "chat"),
        ("fim.complete", {"model": "m", "prompt": "hi"}, "text_completion"),
    ],
)
def test_agents_and_fill_in_the_middle_are_calls(
    telemetry: Telemetry, replay: ReplayServer, kind: str, name: str, arguments: Any, operation: str
) -> None:
    """They answer like chat completions."""
    replay.answer(Exchange.json(completion()))
    run(kind, call(client(replay), kind, name, **arguments))
    attributes = only(telemetry).attributes
    assert attributes["gen_ai.operation.name"] == operation
    assert FIGURES.items() <= attributes.items()


@kinds
@pytest.mark.skipif(MAJOR < 3, reason="this version has no responses")
def test_responses_are_calls(telemetry: Telemetry, replay: ReplayServer, kind: str) -> None:
    """In the words of OpenAI's API of that name."""
    replay.answer(Exchange.json(RESPONSE))
    run(kind, call(client(replay), kind, "responses.create", model="m", input="hi"))
    assert FIGURES.items() <= only(telemetry).attributes.items()


USED = {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14, "connector_tokens": 0}


@kinds
@pytest.mark.parametrize("stream", [False, True])
def test_conversations_are_calls(telemetry: Telemetry, replay: ReplayServer, kind: str, stream: bool) -> None:
    """Whole, or with the figures in the last event."""
    done = {"type": "conversation.response.done", "usage": USED}
    whole = {"object": "conversation.response", "conversation_id": "c", "outputs": [], "usage": USED}
    replay.answer(Exchange(200, {"content-type": "text/event-stream"}, sse(done, named=True)))
    if not stream:
        replay.answer(Exchange.json(whole))

    async def go() -> None:
        name = f"beta.conversations.start{'_stream' if stream else ''}"
        result = await call(client(replay), kind, name, model="m", inputs="hi")
        if stream:
            assert [event async for event in each(result)]

    run(kind, go())
    attributes = only(telemetry).attributes
    assert attributes["gen_ai.usage.input_tokens"] == 10
    assert attributes["gen_ai.usage.output_tokens"] == 4


def test_what_is_not_set_is_not_told(telemetry: Telemetry, replay: ReplayServer) -> None:
    """The SDK has an object of its own for that."""
    replay.answer(Exchange.json(completion()))
    ask = {"model": "m", "messages": MESSAGES, "random_seed": 3, "stop": ["a"], "temperature": 0.5}
    wanted = {"type": "json_object"}
    client(replay).chat.complete(**ask, response_format=wanted)
    attributes = only(telemetry).attributes
    assert attributes["gen_ai.request.seed"] == 3
    assert attributes["gen_ai.request.stop_sequences"] == ("a",)
    assert attributes["gen_ai.output.type"] == "json"
    assert "gen_ai.request.max_tokens" not in attributes
    assert not any("unset" in str(value).lower() for value in attributes.values())


@kinds
@pytest.mark.parametrize("mode", ["replace", "keep"])
def test_one_call_is_one_span(
    replay: ReplayServer, monkeypatch: pytest.MonkeyPatch, mode: str, kind: str
) -> None:
    """Ours in the place of the SDK's own, or the SDK's own and none of ours; afterwards all is as it was."""
    everything, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(everything))
    monkeypatch.setattr("opentelemetry.trace._TRACER_PROVIDER", provider)
    monkeypatch.setenv("MISTRAL_SDK_TELEMETRY", "global")
    replay.answer(Exchange.json(completion()))

    def go() -> str | None:
        everything.clear()
        run(kind, call(client(replay), kind, "chat.complete", model="m", messages=MESSAGES))
        scopes = [span.instrumentation_scope for span in everything.get_finished_spans()]
        assert len(scopes) <= 1
        return scopes[0].name if scopes and scopes[0] else None

    own = go()
    otel_llm.instrument(native_tracing=mode)
    assert go() == ("otel_llm" if mode == "replace" or own is None else own)
    otel_llm.uninstrument()
    assert go() == own
