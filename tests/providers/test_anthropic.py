"""The anthropic SDK: helpers, clients for other clouds, and spans of its own."""

from __future__ import annotations

import importlib
import json
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import otel_llm
from otel_llm.testing import Exchange, ReplayServer, Telemetry
from tests.lives.answers import FIGURES, MESSAGES
from tests.lives.scenarios import KINDS, each, entered, only, run, settle
from tests.lives.wires import WIRES, sse

anthropic: Any = pytest.importorskip("anthropic")

(WIRE,) = (wire for wire in WIRES if wire.name == "anthropic, Anthropic")
ASK: dict[str, Any] = {"model": "claude", "max_tokens": 9, "messages": MESSAGES}
BASE: Any = importlib.import_module("anthropic._base_client").BaseClient
traces_itself = pytest.mark.skipif("_tracer" not in vars(BASE), reason="this version has no spans of its own")
kinds = pytest.mark.parametrize("kind", KINDS)


def client(replay: ReplayServer, kind: str = "sync") -> Any:
    made = anthropic.Anthropic if kind == "sync" else anthropic.AsyncAnthropic
    return made(api_key="k", base_url=replay.url, max_retries=0)


async def _text_stream(stream: Any) -> None:
    assert "".join([text async for text in each(stream.text_stream)])


async def _events(stream: Any) -> None:
    assert [event async for event in each(stream)]


async def _final_message(stream: Any) -> None:
    assert (await settle(stream.get_final_message())).usage.output_tokens == 7


@kinds
@pytest.mark.parametrize("read", [_text_stream, _events, _final_message])
@pytest.mark.parametrize("accessor", ["messages", "beta.messages"])
def test_the_stream_helper_is_one_call(
    telemetry: Telemetry, replay: ReplayServer, kind: str, read: Any, accessor: str
) -> None:
    """However it is read, with all its figures."""

    async def go() -> None:
        sdk = client(replay, kind)
        for name in accessor.split("."):
            sdk = getattr(sdk, name)
        async with entered(sdk.stream(**ASK)) as stream:
            await read(stream)

    replay.answer(WIRE.answer())
    run(kind, go())
    assert FIGURES.items() <= only(telemetry).attributes.items()


def test_a_helper_that_is_never_entered_asks_nothing(telemetry: Telemetry, replay: ReplayServer) -> None:
    """No request, no span."""
    client(replay).messages.stream(**ASK)
    assert not replay.requests
    assert not telemetry.spans


@kinds
@pytest.mark.parametrize("accessor", ["with_raw_response", "with_streaming_response"])
@pytest.mark.parametrize("stream", [False, True])
def test_raw_responses_are_read(
    telemetry: Telemetry, replay: ReplayServer, kind: str, accessor: str, stream: bool
) -> None:
    """Parsed or as bytes, the figures are those of the body."""

    async def go() -> None:
        create = getattr(client(replay, kind).messages, accessor).create
        asked = create(**ASK, **({"stream": True} if stream else {}))
        if accessor == "with_streaming_response":
            async with entered(asked) as response:
                assert [line async for line in each(response.iter_lines())]
            return
        parsed = await settle((await settle(asked)).parse())
        if stream:
            assert [event async for event in each(parsed)]

    replay.answer(WIRE.answer() if stream else WIRE.whole)
    run(kind, go())
    assert FIGURES.items() <= only(telemetry).attributes.items()


def test_the_tool_runner_makes_one_call_a_turn(telemetry: Telemetry, replay: ReplayServer) -> None:
    """Each request is counted, and none twice."""
    if not hasattr(anthropic, "beta_tool"):
        pytest.skip("this version has no tool runner")
    use = {"type": "tool_use", "id": "t", "name": "add", "input": {"a": 1}}
    body = json.loads(b"".join(WIRE.whole.chunks))
    first = {**body, "content": [use], "stop_reason": "tool_use"}
    replay.answer([Exchange.json(first), WIRE.whole])

    def add(a: int) -> str:
        """Add one."""
        return str(a + 1)

    runner = client(replay).beta.messages.tool_runner(**ASK, tools=[anthropic.beta_tool(add)])
    runner.until_done()
    told = [(span.attributes or {})["gen_ai.response.finish_reasons"] for span in telemetry.spans]
    assert told == [("tool_call",), ("stop",)]


def test_counting_tokens_is_no_call_of_a_model(telemetry: Telemetry, replay: ReplayServer) -> None:
    """Nothing is generated, so nothing is told."""
    replay.answer(Exchange.json({"input_tokens": 5}))
    client(replay).messages.count_tokens(model="claude", messages=MESSAGES)
    assert not telemetry.spans


def test_a_request_is_told_in_the_conventions_words(telemetry: Telemetry, replay: ReplayServer) -> None:
    """What the SDK takes by name, and what it takes only as part of `extra_body`."""
    replay.answer(WIRE.whole)
    client(replay).messages.create(
        **ASK,
        stop_sequences=["a"],
        extra_body={"temperature": 0.5, "top_k": 3, "output_config": {"effort": "low"}},
    )
    attributes = only(telemetry).attributes
    assert attributes["gen_ai.request.max_tokens"] == 9
    assert attributes["gen_ai.request.stop_sequences"] == ("a",)
    assert attributes["gen_ai.request.temperature"] == 0.5
    assert attributes["gen_ai.request.top_k"] == 3


def test_an_early_end_does_not_take_the_beginning_of_a_count_for_it(
    telemetry: Telemetry, replay: ReplayServer
) -> None:
    """The input is known when a stream begins; the output only when it ends."""
    replay.answer(WIRE.answer(upto=2, pauses=(0, 0, 0.2)))
    for _ in client(replay).messages.create(**ASK, stream=True):
        break
    attributes = only(telemetry).attributes
    assert attributes["gen_ai.usage.input_tokens"] == 1000
    assert "gen_ai.usage.output_tokens" not in attributes


@kinds
@pytest.mark.parametrize("at", [0, 1, 6, 7])
def test_an_event_that_nobody_knows_yet_changes_nothing(
    telemetry: Telemetry, replay: ReplayServer, kind: str, at: int
) -> None:
    """The provider adds kinds of events as it likes: the figures are those of the ones that are known."""
    new = sse({"type": "brand_new", "message": {"usage": {"input_tokens": 4}}}, named=True)
    pieces = (*WIRE.pieces[:at], *new, *WIRE.pieces[at:])
    replay.answer(Exchange(200, WIRE.headers, pieces))

    async def go() -> list[Any]:
        stream = await settle(client(replay, kind).messages.create(**ASK, stream=True))
        return [event async for event in each(stream)]

    run(kind, go())
    attributes = only(telemetry).attributes
    assert FIGURES.items() <= attributes.items()
    assert attributes["gen_ai.response.finish_reasons"] == ("stop",)


@pytest.mark.parametrize(
    ("name", "provider", "settings"),
    [
        ("AnthropicVertex", "gcp.vertex_ai", {"region": "eu", "project_id": "p", "access_token": "k"}),
        (
            "AnthropicBedrock",
            "aws.bedrock",
            {"aws_region": "eu-west-1", "aws_access_key": "a", "aws_secret_key": "s"},
        ),
        ("AnthropicFoundry", "anthropic", {"api_key": "k"}),
    ],
)
@pytest.mark.parametrize("beta", [False, True])
def test_clients_for_other_clouds_are_heard(
    telemetry: Telemetry, replay: ReplayServer, name: str, provider: str, settings: Any, beta: bool
) -> None:
    """Also where their resources have copies of other classes' methods, and where the URL holds the model."""
    if not hasattr(anthropic, name):
        pytest.skip(f"this version has no {name}")
    if name == "AnthropicBedrock":
        pytest.importorskip("botocore")
    replay.answer(WIRE.whole)
    sdk = getattr(anthropic, name)(base_url=replay.url, max_retries=0, **settings)
    (sdk.beta if beta else sdk).messages.create(**ASK)
    attributes = only(telemetry).attributes
    assert attributes["gen_ai.provider.name"] == provider
    assert attributes["gen_ai.request.model"] == "claude"
    assert FIGURES.items() <= attributes.items()


@pytest.mark.settings(provider_hosts={"127.0.0.1": "ours"})
def test_the_settings_name_the_provider_behind_any_client(telemetry: Telemetry, replay: ReplayServer) -> None:
    """Whose cloud a client was made for says less than who set it up."""
    replay.answer(WIRE.whole)
    sdk = anthropic.AnthropicVertex(base_url=replay.url, region="eu", project_id="p", access_token="k")
    sdk.messages.create(**ASK)
    assert only(telemetry).attributes["gen_ai.provider.name"] == "ours"


# Spans of its own.


@pytest.fixture
def everything() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def provider(everything: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch) -> TracerProvider:
    """A tracer provider that is everybody's."""
    made = TracerProvider()
    made.add_span_processor(SimpleSpanProcessor(everything))
    monkeypatch.setattr("opentelemetry.trace._TRACER_PROVIDER", made)
    return made


@traces_itself
@kinds
@pytest.mark.parametrize("before", [False, True], ids=["made after", "made before"])
@pytest.mark.parametrize("mode", ["replace", "keep"])
def test_one_call_is_one_span(
    provider: TracerProvider,
    everything: InMemorySpanExporter,
    replay: ReplayServer,
    kind: str,
    mode: str,
    before: bool,
) -> None:
    """Ours in the place of the SDK's own, or the SDK's own and none of ours; afterwards all is as it was."""
    original = vars(BASE)["_tracer"]
    replay.answer(WIRE.whole)

    async def go(sdk: Any = None) -> str:
        sdk = sdk or client(replay, kind)
        everything.clear()
        await settle(sdk.messages.create(**ASK))
        (span,) = everything.get_finished_spans()
        assert span.instrumentation_scope is not None
        return span.instrumentation_scope.name

    async def main() -> None:
        sdk = client(replay, kind)
        if before:
            assert await go(sdk) == "com.anthropic.sdk.python"
        otel_llm.instrument(native_tracing=mode)
        ours = "otel_llm" if mode == "replace" else "com.anthropic.sdk.python"
        assert await go(sdk if before else None) == ours
        otel_llm.uninstrument()
        assert vars(BASE)["_tracer"] is original
        assert await go(sdk) == "com.anthropic.sdk.python"

    run(kind, main())
