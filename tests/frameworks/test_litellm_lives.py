"""How streams of LiteLLM's end, what its Router sends, and what it does beside: each call is told once."""

from __future__ import annotations

import asyncio
import gc
import os
import time
from collections.abc import Iterator
from typing import Any

import openai
import pytest

import otel_llm
from otel_llm.testing import Exchange, Gate, ReplayServer, Request, Telemetry
from tests.frameworks import litellm_wires as wires
from tests.frameworks.tree import drawn, leaves

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
import litellm

from tests.frameworks.test_litellm import KINDS, MESSAGES, VERSION, counted, kinds, only, run

litellm.suppress_debug_info = True
WIRES = pytest.mark.parametrize("wire", [wires.OPENAI, wires.ANTHROPIC], ids=lambda wire: wire.model)


@pytest.fixture(autouse=True)
def one_loop_each() -> Iterator[None]:
    """LiteLLM keeps clients whose loop has ended."""
    yield
    litellm.in_memory_llm_clients_cache.flush_cache()


def begin(replay: ReplayServer, wire: wires.Wire, kind: str, **more: Any) -> Any:
    """A stream, or a coroutine of one."""
    where = {"api_key": wires.KEY, "api_base": replay.url + wire.base, "max_retries": 0}
    name = "acompletion" if kind == "async" else "completion"
    return getattr(litellm, name)(model=wire.model, messages=MESSAGES, stream=True, **where, **more)


def drive(kind: str, scenario: Any) -> Any:
    """Run a coroutine function, which waits for nothing if it is about sync calls."""
    if kind == "async":
        return asyncio.run(scenario())
    try:
        scenario().send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("a sync call waited")


async def step(stream: Any, kind: str) -> Any:
    """The next event."""
    return await stream.__anext__() if kind == "async" else next(stream)


def ended(telemetry: Telemetry) -> Any:
    """The one span, once LiteLLM's own threads have let go of the stream."""
    for _ in range(200):
        gc.collect()
        otel_llm.instrumentation.run_late()
        if telemetry.spans:
            return only(telemetry)
        time.sleep(0.02)
    raise AssertionError("no span has ended")


@kinds
@WIRES
def test_a_stream_that_is_closed_is_no_error(
    telemetry: Telemetry, replay: ReplayServer, wire: wires.Wire, kind: str
) -> None:
    """What had been sent until then counts."""
    replay.answer(wire.stream)
    if not hasattr(litellm.CustomStreamWrapper, "aclose" if kind == "async" else "close"):
        pytest.skip("streams of this version cannot be closed")

    async def go() -> None:
        stream = begin(replay, wire, kind)
        stream = await stream if kind == "async" else stream
        await step(stream, kind)
        await stream.aclose() if kind == "async" else stream.close()

    drive(kind, go)
    attributes = only(telemetry)
    assert "error.type" not in attributes
    assert "otel_llm.stream.outcome" not in attributes
    assert "gen_ai.response.time_to_first_chunk" in attributes
    if wire is wires.ANTHROPIC:
        assert attributes["gen_ai.usage.input_tokens"] == 317


@kinds
@WIRES
def test_a_stream_that_is_dropped_is_abandoned(
    telemetry: Telemetry, replay: ReplayServer, wire: wires.Wire, kind: str
) -> None:
    """And ends all the same."""
    if kind == "sync" and VERSION < (1, 100):
        pytest.skip("this version keeps the stream that it made last")
    replay.answer(wire.stream)

    async def go() -> None:
        stream = begin(replay, wire, kind)
        stream = await stream if kind == "async" else stream
        await step(stream, kind)

    drive(kind, go)
    assert "error.type" not in ended(telemetry)


@kinds
@WIRES
def test_a_stream_that_breaks_off_fails(
    telemetry: Telemetry, replay: ReplayServer, wire: wires.Wire, kind: str
) -> None:
    """With what LiteLLM raises, if it does."""
    replay.answer(wire.stream.cut_after(3))
    raised: list[str] = []

    async def go() -> None:
        stream = begin(replay, wire, kind)
        stream = await stream if kind == "async" else stream
        try:
            while True:
                await step(stream, kind)
        except (StopIteration, StopAsyncIteration):
            pass
        except Exception as error:
            raised.append(f"litellm.exceptions.{type(error).__name__}")

    drive(kind, go)
    attributes = only(telemetry)
    assert [attributes["error.type"]] == raised if raised else "error.type" not in attributes


@WIRES
def test_a_cancelled_task_ends_its_call(telemetry: Telemetry, replay: ReplayServer, wire: wires.Wire) -> None:
    """Before the first event, and between two."""

    async def go(exchange: Exchange) -> None:
        replay.answer(exchange)

        async def read() -> None:
            stream = await begin(replay, wire, "async")
            async for _ in stream:
                pass

        task = asyncio.create_task(read())
        await asyncio.sleep(0.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        litellm.in_memory_llm_clients_cache.flush_cache()

    asyncio.run(go(Exchange.hang(3)))
    assert only(telemetry)["error.type"] == "asyncio.exceptions.CancelledError"
    telemetry.clear()
    slow = Exchange(200, wire.stream.headers, wire.stream.chunks, pauses=(0, 0, 0, 3))
    asyncio.run(go(slow))
    assert only(telemetry)["error.type"] == "asyncio.exceptions.CancelledError"


@kinds
def test_an_error_in_a_stream_fails_it(telemetry: Telemetry, replay: ReplayServer, kind: str) -> None:
    """Anthropic says so in an event."""
    chunk = wires.ANTHROPIC.stream.chunks[0]
    error = (
        b'event: error\ndata: {"type": "error", "error": {"type": "overloaded_error", "message": "no"}}\n\n'
    )
    replay.answer(Exchange(200, wires.ANTHROPIC.stream.headers, (chunk, error)))
    where = {"api_key": "k", "api_base": replay.url}
    with pytest.raises(openai.APIError):
        run(kind, "completion", model="anthropic/claude-x", messages=MESSAGES, stream=True, **where)
    attributes = only(telemetry)
    assert attributes["error.type"].startswith("litellm.exceptions.")
    assert attributes["gen_ai.usage.input_tokens"] == 317


def test_nothing_is_read_ahead(telemetry: Telemetry, replay: ReplayServer) -> None:
    """An event is asked for when the user asks for one."""
    gate = Gate()
    wire = wires.OPENAI
    replay.answer(Exchange(200, wire.stream.headers, wire.stream.chunks, gates=gate))
    gate.release(2)  # the first two words; LiteLLM passes each on before it waits for the next
    stream = begin(replay, wire, "sync")
    assert next(stream).choices[0].delta.content == "Hel"
    gate.open()
    assert len(list(stream)) > 1


# The Router.


class Upstream:
    """Answers with figures that differ from call to call, and adds up what it sends."""

    def __init__(self, replay: ReplayServer, *, broken: int = 0) -> None:
        self.sent = {"input": 0, "output": 0}
        self._broken = broken
        self._calls = 0
        replay.answer(self._answer)

    def _answer(self, request: Request) -> Exchange:
        if self._broken > 0:
            self._broken -= 1
            return wires.BROKEN
        self._calls += 1
        asked, answered = 10 + self._calls, 100 + self._calls
        self.sent["input"] += asked
        self.sent["output"] += answered
        usage = {"prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered}
        if request.path.endswith("/embeddings"):
            self.sent["output"] -= answered
            body = {**wires.EMBEDDING, "usage": {"prompt_tokens": asked, "total_tokens": asked}}
            return Exchange.json(body)
        return wires.counting(usage, stream=bool(request.json.get("stream")))


def router(replay: ReplayServer, **more: Any) -> Any:
    """Two groups, one the other's fallback; the second does not go through an SDK."""
    where = {"api_key": "k", "api_base": f"{replay.url}/v1", "max_retries": 0}
    models = [
        {"model_name": "first", "litellm_params": {"model": "openai/gpt-4o", **where}},
        {"model_name": "second", "litellm_params": {"model": "hosted_vllm/m", **where}},
    ]
    settings = {"num_retries": 0, "retry_after": 0, "disable_cooldowns": True, **more}
    return litellm.Router(model_list=models, fallbacks=[{"first": ["second"]}], **settings)


@kinds
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("broken", "model"), [(0, "gpt-4o"), (1, "m")])
def test_a_routed_call_is_one_call(
    telemetry: Telemetry, replay: ReplayServer, kind: str, stream: bool, broken: int, model: str
) -> None:
    """With all its attempts, and the model that really answered."""
    upstream = Upstream(replay, broken=broken)
    more = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    run(kind, "completion", of=router(replay), model="first", messages=MESSAGES, **more)
    assert only(telemetry)["gen_ai.request.model"] == model
    assert "error.type" not in only(telemetry)
    assert leaves(telemetry.spans) == counted(telemetry) == upstream.sent


@kinds
def test_retries_are_a_part_of_the_call(telemetry: Telemetry, replay: ReplayServer, kind: str) -> None:
    """Those that the Router makes."""
    upstream = Upstream(replay, broken=2)
    run(kind, "completion", of=router(replay, num_retries=2), model="first", messages=MESSAGES)
    assert "error.type" not in only(telemetry)
    assert len(replay.requests) == 3
    assert counted(telemetry) == upstream.sent


@kinds
def test_a_routed_embedding_is_one_call(telemetry: Telemetry, replay: ReplayServer, kind: str) -> None:
    """Of the real model."""
    upstream = Upstream(replay)
    run(kind, "embedding", of=router(replay), model="first", input=["hi"])
    assert only(telemetry)["gen_ai.request.model"] == "gpt-4o"
    assert counted(telemetry) == upstream.sent


@kinds
def test_a_routed_call_that_fails_fails_once(telemetry: Telemetry, replay: ReplayServer, kind: str) -> None:
    """However many attempts were made."""
    Upstream(replay, broken=9)
    with pytest.raises(openai.APIError) as raised:
        run(kind, "completion", of=router(replay), model="first", messages=MESSAGES)
    assert only(telemetry)["error.type"] == f"litellm.exceptions.{raised.type.__name__}"


def test_many_calls_at_once_are_told_apart(telemetry: Telemetry, replay: ReplayServer) -> None:
    """Each with its own attempts, in tasks of one loop."""
    upstream, one = Upstream(replay, broken=10), router(replay)

    async def go() -> None:
        await asyncio.gather(*(one.acompletion(model="first", messages=MESSAGES) for _ in range(30)))

    asyncio.run(go())
    assert len(telemetry.spans) == 30
    assert leaves(telemetry.spans) == counted(telemetry) == upstream.sent


# What LiteLLM does beside.


@pytest.mark.parametrize("kind", KINDS)
def test_remembered_answers_cost_nothing(telemetry: Telemetry, replay: ReplayServer, kind: str) -> None:
    """LiteLLM's cache repeats the figures of the call that was paid for."""
    pytest.importorskip("fastapi")  # which some versions need for this
    upstream = Upstream(replay)
    litellm.cache = litellm.Cache()
    where = {"api_key": "k", "api_base": f"{replay.url}/v1"}
    try:
        for model in ("openai/gpt-4o", "hosted_vllm/m") * 2:
            run(kind, "completion", model=model, messages=MESSAGES, caching=True, **where)
    finally:
        litellm.cache = None
    assert len(telemetry.spans) == 4
    assert counted(telemetry) == upstream.sent


@pytest.mark.skipif(VERSION < (1, 83), reason="this version's telemetry sets the global provider")
@kinds
@pytest.mark.parametrize("stream", [False, True])
def test_its_own_telemetry_writes_nothing_on_ours(
    telemetry: Telemetry, replay: ReplayServer, kind: str, stream: bool
) -> None:
    """It decorates the span that is current with all that was said, long after the call; ours is not."""
    from litellm.integrations.opentelemetry import OpenTelemetry, OpenTelemetryConfig
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    own = OpenTelemetry(config=OpenTelemetryConfig(exporter=InMemorySpanExporter()))
    own.tracer = telemetry.tracer_provider.get_tracer("litellm")
    litellm.callbacks = [own]
    wire = wires.OPENAI
    replay.answer(wire.stream if stream else wire.plain)
    try:
        with telemetry.tracer_provider.get_tracer("user").start_as_current_span("user"):
            where = {"api_key": wires.KEY, "api_base": f"{replay.url}/v1"}
            run(kind, "completion", model=wire.model, messages=MESSAGES, stream=stream, **where)
        time.sleep(1)  # it writes from a thread of its own
    finally:
        litellm.callbacks = []
        for name in vars(litellm):
            if name.endswith("_callback") and isinstance(getattr(litellm, name), list):
                getattr(litellm, name).clear()
    ours = [span for span in telemetry.spans if span.instrumentation_scope.name != "litellm"]
    assert drawn(ours) == "user\n  chat gpt-4o"
    for span in ours:
        assert wires.PROMPT not in str(span.attributes)
        assert wires.ANSWER not in str(span.attributes)


def test_inside_a_framework_there_is_one_call(telemetry: Telemetry, replay: ReplayServer) -> None:
    """LangChain over LiteLLM over the SDK: one span, of LangChain's."""
    models: Any = pytest.importorskip("langchain_core.language_models.chat_models")
    from langchain_core.messages import AIMessage
    from langchain_core.outputs import ChatGeneration, ChatResult

    upstream = Upstream(replay)

    class Lite(models.BaseChatModel):
        name_of_model: str = "openai/gpt-4o"

        @property
        def _llm_type(self) -> str:
            return "lite"

        def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **more: Any) -> Any:
            where = {"api_key": "k", "api_base": f"{replay.url}/v1"}
            answer = litellm.completion(model=self.name_of_model, messages=MESSAGES, **where)
            message = AIMessage(answer.choices[0].message.content)
            return ChatResult(generations=[ChatGeneration(message=message)])

    Lite().invoke("hi")
    assert [span.name for span in telemetry.spans] == ["chat gpt-4o"]
    assert only(telemetry)["gen_ai.provider.name"] == "openai"
    assert counted(telemetry) == upstream.sent
    Lite(name_of_model="hosted_vllm/m").invoke("hi")
    assert [span.name for span in telemetry.spans] == ["chat gpt-4o", "chat m"]
    assert counted(telemetry) == upstream.sent
