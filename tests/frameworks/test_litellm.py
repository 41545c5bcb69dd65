"""LiteLLM, the library: each function once, whoever answers, in each version to the token."""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import Callable, Iterator
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import pytest

import otel_llm
from otel_llm.testing import Exchange, ReplayServer, Telemetry
from tests.frameworks import litellm_wires as wires
from tests.frameworks.tree import drawn, leaves

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else it fetches the prices when it is imported
import litellm

litellm.suppress_debug_info = True
VERSION = tuple(int(part) for part in version("litellm").split(".")[:2])
KINDS = ("sync", "async")
kinds = pytest.mark.parametrize("kind", KINDS)
MESSAGES = [{"role": "user", "content": wires.PROMPT}]


def run(kind: str, name: str, *, of: Any = litellm, **arguments: Any) -> Any:
    """Call a function or its async twin, and read its stream to the end."""

    async def go() -> Any:
        result = await getattr(of, f"a{name}")(**arguments)
        return [event async for event in result] if arguments.get("stream") else result

    if kind == "async":
        return asyncio.run(go())
    result = getattr(of, name)(**arguments)
    return list(result) if arguments.get("stream") else result


@pytest.fixture
def asked(replay: ReplayServer) -> Callable[..., dict[str, Any]]:
    """The arguments of a chat completion of one of the providers."""

    def arguments(wire: wires.Wire, **more: Any) -> dict[str, Any]:
        return {
            "model": wire.model,
            "messages": MESSAGES,
            "api_key": wires.KEY,
            "api_base": replay.url + wire.base,
            **more,
        }

    return arguments


@pytest.fixture(autouse=True)
def one_loop_each() -> Iterator[None]:
    """LiteLLM keeps clients whose loop has ended."""
    yield
    litellm.in_memory_llm_clients_cache.flush_cache()


def only(telemetry: Telemetry) -> Any:
    """The one span that there must be."""
    (span,) = telemetry.spans
    return span.attributes


def counted(telemetry: Telemetry) -> dict[str, int]:
    """What the metrics add up to, by direction."""
    sums = {"input": 0, "output": 0}
    for attributes, point in telemetry.metrics().get("gen_ai.client.token.usage", ()):
        if "gen_ai.token.modality" not in attributes:
            sums[attributes["gen_ai.token.type"]] += point.sum
    return sums


@kinds
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("wire", wires.CHATS, ids=lambda wire: wire.model)
def test_a_completion_is_one_call_of_its_provider(
    telemetry: Telemetry, replay: ReplayServer, asked: Any, wire: wires.Wire, stream: bool, kind: str
) -> None:
    """Named as the conventions do, with the figures that were sent."""
    if stream and wire is wires.DEEPSEEK and VERSION < (1, 83):
        pytest.skip("this version drops what DeepSeek says of a stream's usage, and counts by itself")
    replay.answer(wire.stream if stream else wire.plain)
    more = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    run(kind, "completion", **asked(wire, temperature=0.5, **more))
    attributes = only(telemetry)
    assert attributes["gen_ai.provider.name"] == wire.provider
    assert attributes["gen_ai.request.model"] == wire.model.partition("/")[2]
    assert attributes["gen_ai.request.temperature"] == 0.5
    assert attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert attributes["server.address"] == "127.0.0.1"
    assert ("gen_ai.response.time_to_first_chunk" in attributes) == stream
    assert wire.figures.items() <= attributes.items()
    assert leaves(telemetry.spans) == counted(telemetry) == wire.sent
    for secret in (wires.PROMPT, wires.KEY, wires.ANSWER):
        assert secret.encode() not in telemetry.export_bytes()


@kinds
@pytest.mark.parametrize("wire", wires.CHATS[:-1], ids=lambda wire: wire.model)
def test_a_figure_that_was_not_sent_is_not_counted(
    telemetry: Telemetry, replay: ReplayServer, asked: Any, wire: wires.Wire, kind: str
) -> None:
    """Nobody sends usage, although it was asked for: LiteLLM then counts by itself, and we do not."""
    replay.answer(wire.uncounted)
    run(kind, "completion", **asked(wire, stream=True, stream_options={"include_usage": True}))
    assert only(telemetry)["gen_ai.response.finish_reasons"] == ("stop",)
    assert counted(telemetry) == {"input": 0, "output": 0}


@kinds
def test_what_was_sent_unasked_counts(
    telemetry: Telemetry, replay: ReplayServer, asked: Any, kind: str
) -> None:
    """Anthropic always says what a stream consumed; LiteLLM passes it on only if asked."""
    wire = wires.ANTHROPIC
    replay.answer(wire.stream)
    events = run(kind, "completion", **asked(wire, stream=True))
    assert all(getattr(event, "usage", None) is None for event in events)
    assert leaves(telemetry.spans) == counted(telemetry) == wire.sent


@kinds
@pytest.mark.parametrize("provider", ["openai", "mistral"])
def test_an_embedding_is_one_call(
    telemetry: Telemetry, replay: ReplayServer, kind: str, provider: str
) -> None:
    """Of the provider that was named, although both go through the same SDK."""
    replay.answer(wires.EMBEDDINGS)
    run(kind, "embedding", model=f"{provider}/e", input=["hi"], api_key="k", api_base=f"{replay.url}/v1")
    attributes = only(telemetry)
    assert attributes["gen_ai.operation.name"] == "embeddings"
    assert attributes["gen_ai.provider.name"] == {"mistral": "mistral_ai"}.get(provider, provider)
    assert counted(telemetry) == {"input": 5, "output": 0}


@kinds
@pytest.mark.parametrize("stream", [False, True])
def test_a_text_completion_is_one_call(
    telemetry: Telemetry, replay: ReplayServer, kind: str, stream: bool
) -> None:
    """Although LiteLLM makes a chat completion of it."""
    replay.answer(wires.OPENAI.stream if stream else wires.OPENAI.plain)
    arguments = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    where = {"api_key": "k", "api_base": f"{replay.url}/v1"}
    run(kind, "text_completion", model="openai/gpt-4o", prompt="hi", **where, **arguments)
    assert only(telemetry)["gen_ai.operation.name"] == "text_completion"
    assert counted(telemetry) == wires.OPENAI.sent


@pytest.mark.skipif(
    not hasattr(litellm, "responses") or ((1, 84) <= VERSION < (1, 110) and find_spec("mcp") is None),
    reason="this version has no responses, or needs mcp for them",
)
@kinds
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["openai/gpt-4o", "deepseek/chat"])
def test_responses_are_one_call(
    telemetry: Telemetry, replay: ReplayServer, kind: str, stream: bool, model: str
) -> None:
    """Also where LiteLLM makes a chat completion of it."""
    native = model.startswith("openai")
    wire = wires.RESPONSES if native else wires.DEEPSEEK
    replay.answer(wire.stream if stream else wire.plain)
    run(kind, "responses", model=model, input="hi", api_key="k", api_base=f"{replay.url}/v1", stream=stream)
    assert only(telemetry)["gen_ai.provider.name"] == model.partition("/")[0]
    assert leaves(telemetry.spans) == counted(telemetry) == wire.sent


@pytest.mark.skipif(not hasattr(litellm, "anthropic"), reason="this version has no Anthropic interface")
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("wire", [wires.ANTHROPIC, wires.VLLM], ids=lambda wire: wire.model)
def test_messages_are_one_call(
    telemetry: Telemetry, replay: ReplayServer, asked: Any, wire: wires.Wire, stream: bool
) -> None:
    """Whoever answers: their usage leaves the cached tokens out, and ours does not. Streams are bytes."""
    if stream:
        pytest.importorskip("fastapi")  # LiteLLM asks its proxy's code
    replay.answer(wire.stream if stream else wire.plain)

    async def go() -> None:
        result = await litellm.anthropic.messages.acreate(max_tokens=5, **asked(wire, stream=stream))
        if stream:
            assert [event async for event in result]

    asyncio.run(go())
    assert only(telemetry)["gen_ai.provider.name"] == wire.provider
    assert leaves(telemetry.spans) == counted(telemetry) == wire.sent


@kinds
def test_made_up_answers_cost_nothing(telemetry: Telemetry, kind: str) -> None:
    """`mock_response` has figures that nobody sent."""
    run(kind, "completion", model="openai/gpt-4o", messages=MESSAGES, mock_response="hi")
    assert only(telemetry)["gen_ai.response.finish_reasons"] == ("stop",)
    assert counted(telemetry) == {"input": 0, "output": 0}


@kinds
@pytest.mark.parametrize("wire", [wires.OPENAI, wires.ANTHROPIC], ids=lambda wire: wire.model)
def test_failures_are_told_without_their_words(
    telemetry: Telemetry, replay: ReplayServer, asked: Any, wire: wires.Wire, kind: str
) -> None:
    """The class that LiteLLM raises, and a short code."""
    replay.answer(Exchange.json({"error": {"type": "x", "message": wires.ANSWER}}, 429, wires.FINAL))
    with pytest.raises(litellm.RateLimitError):
        run(kind, "completion", **asked(wire, max_retries=0, num_retries=0))
    assert only(telemetry)["error.type"] == "litellm.exceptions.RateLimitError"
    assert wires.ANSWER.encode() not in telemetry.export_bytes()


def test_a_fallback_is_a_part_of_the_call(telemetry: Telemetry, replay: ReplayServer, asked: Any) -> None:
    """One span, of the model that answered in the end."""
    replay.answer([wires.BROKEN, wires.OPENAI.plain])
    litellm.completion(**asked(wires.OPENAI, max_retries=0, fallbacks=["openai/gpt-4o-mini"]))
    assert only(telemetry)["gen_ai.request.model"] == "gpt-4o-mini"
    assert counted(telemetry) == wires.OPENAI.sent


@kinds
@pytest.mark.parametrize("wire", wires.CHATS, ids=lambda wire: wire.model)
@pytest.mark.parametrize("stream", [False, True])
def test_nothing_changes_for_the_user(
    telemetry: Telemetry, replay: ReplayServer, asked: Any, wire: wires.Wire, stream: bool, kind: str
) -> None:
    """Neither what is sent nor what comes back, its classes included."""

    def once() -> Any:
        replay.reset()
        replay.answer(wire.stream if stream else wire.plain)
        result = run(kind, "completion", **asked(wire, stream=stream))
        litellm.in_memory_llm_clients_cache.flush_cache()
        (request,) = replay.requests
        events = result if stream else [result]
        return request.json, [(type(event), _plain(event.model_dump())) for event in events]

    ours = once()
    otel_llm.uninstrument()
    assert once() == ours


def _plain(dumped: dict[str, Any]) -> dict[str, Any]:
    """Without what differs each time."""
    return {name: value for name, value in dumped.items() if name not in ("id", "created")}


def test_everything_is_put_back(replay: ReplayServer, asked: Any) -> None:
    """The identical functions, methods and classes of streams."""
    from litellm.main import CustomStreamWrapper

    def held() -> list[Any]:
        places = (litellm, litellm.main, CustomStreamWrapper)
        return [value for place in places for value in vars(place).values() if inspect.isfunction(value)]

    before, telemetry = held(), Telemetry()
    otel_llm.instrument(tracer_provider=telemetry.tracer_provider)
    replay.answer(wires.OPENAI.stream)
    stream = litellm.completion(**asked(wires.OPENAI, stream=True))
    assert type(stream) is CustomStreamWrapper
    next(stream)
    otel_llm.uninstrument()
    list(stream)  # which is followed to its end
    assert [each.name for each in telemetry.spans] == ["chat gpt-4o"]
    assert "otel_llm.stream.outcome" not in only(telemetry)
    assert all(now is then for now, then in zip(held(), before, strict=True))


def test_a_users_span_is_the_parent(telemetry: Telemetry, replay: ReplayServer, asked: Any) -> None:
    """And what is traced inside LiteLLM has ours as its parent."""
    tracer = telemetry.tracer_provider.get_tracer("test")

    class Inside(litellm.integrations.custom_logger.CustomLogger):
        def log_pre_api_call(self, model: Any, messages: Any, kwargs: Any) -> None:
            tracer.start_span("inside").end()

    replay.answer(wires.ANTHROPIC.plain)
    litellm.callbacks = [Inside()]
    try:
        with tracer.start_as_current_span("outside"):
            litellm.completion(**asked(wires.ANTHROPIC))
    finally:
        litellm.callbacks = []
        litellm.input_callback.clear()
    assert drawn(telemetry.spans) == "outside\n  chat claude-x\n    inside"
