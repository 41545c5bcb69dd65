"""How runs of LangChain's end, and fail to: each span ends once, nothing stays current, nothing is counted twice."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import random
from collections.abc import Callable
from itertools import count
from typing import Any
from uuid import uuid4

import openai
import pydantic
import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackHandler
from langchain_core.callbacks.manager import CallbackManager
from langchain_core.language_models.fake_chat_models import FakeListChatModel, GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import RunnableGenerator, RunnableLambda
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAI
from opentelemetry import trace

import otel_llm
from otel_llm import doctor, guard
from otel_llm.hooks import runs
from otel_llm.telemetry import frames
from otel_llm.testing import Exchange, ReplayServer, Telemetry
from tests.frameworks.tree import drawn
from tests.lives.answers import FIGURES, completion
from tests.lives.scenarios import only, provider, settled

INPUT, OUTPUT = "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"
FINISH = "gen_ai.response.finish_reasons"
_places = count()


def chat(replay: ReplayServer, **more: Any) -> ChatOpenAI:
    """A model at a place of its own, for LangChain shares async connections."""
    url = f"{replay.url}/at{next(_places)}/v1"
    return ChatOpenAI(model="m", api_key="k", base_url=url, max_retries=0, stream_usage=True, **more)


def raw(replay: ReplayServer) -> Any:
    """A call of the program's own, through the SDK."""
    sdk = openai.OpenAI(api_key="k", base_url=f"{replay.url}/v1", max_retries=0)
    return sdk.chat.completions.create(model="raw", messages=[{"role": "user", "content": "x"}])


def fake(usage: bool = True) -> GenericFakeChatModel:
    """A model without any SDK."""
    used: Any = {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7} if usage else None
    return GenericFakeChatModel(messages=iter([AIMessage("a b c", usage_metadata=used)] * 9))


def sums(telemetry: Telemetry) -> dict[str, int]:
    """What the token metric adds up to."""
    told = {"input": 0, "output": 0}
    for attributes, point in telemetry.metrics().get("gen_ai.client.token.usage", ()):
        told[attributes["gen_ai.token.type"]] += point.sum
    return told


def test_breaking_off_is_no_error(telemetry: Telemetry, replay: ReplayServer) -> None:
    """What had come is told, and that the answer was not finished."""
    replay.answer(provider)
    for _ in chat(replay).stream("hi"):
        break
    gc.collect()
    attributes = only(telemetry).attributes
    assert attributes[FINISH] == ("error",)
    assert "error.type" not in attributes


def test_breaking_off_an_async_stream_is_no_error(telemetry: Telemetry, replay: ReplayServer) -> None:
    """Whether it is closed at once or by the loop."""
    replay.answer(provider)

    async def go() -> None:
        stream = chat(replay).astream("hi")
        async for _ in stream:
            break
        await stream.aclose()
        async for _ in chat(replay).astream("hi"):
            break

    asyncio.run(go())
    gc.collect()
    spans = settled(telemetry)
    assert [span.attributes[FINISH] for span in spans] == [("error",)] * 2
    assert not any("error.type" in span.attributes for span in spans)


@pytest.mark.parametrize("make", [chat, lambda replay: fake()], ids=["with an SDK", "without"])
def test_calls_between_two_chunks_are_calls_of_their_own(
    telemetry: Telemetry, replay: ReplayServer, make: Callable[[ReplayServer], Any]
) -> None:
    """And siblings of the stream: nobody's stream is current while the program runs."""
    replay.answer(provider)
    for number, _ in enumerate(make(replay).stream("hi")):
        if number == 1:
            raw(replay)
            assert not trace.get_current_span().get_span_context().is_valid
    stream, own = sorted(settled(telemetry), key=lambda span: span.name == "chat raw")
    assert own.name == "chat raw"
    assert own.parent is None
    assert own.attributes[INPUT] == 1000
    assert stream.attributes.get(INPUT) in (1000, None)


def test_a_model_without_an_sdk_tells_what_langchain_keeps(telemetry: Telemetry) -> None:
    """Its usage, and the time to the first piece of a stream."""
    fake().invoke("hi")
    assert only(telemetry).attributes[INPUT] == 3
    assert sums(telemetry) == {"input": 3, "output": 4}
    telemetry.clear()
    list(fake(usage=False).stream("hi"))
    attributes = only(telemetry).attributes
    assert "gen_ai.response.time_to_first_chunk" in attributes
    assert INPUT not in attributes


def test_batches_that_begin_together_are_told_apart(telemetry: Telemetry, replay: ReplayServer) -> None:
    """Each run has its own request, one after the other or at the same time; nothing is counted twice."""
    replay.answer(provider)
    prompts: Any = [[HumanMessage("a")], [HumanMessage("b")], [HumanMessage("c")]]
    chat(replay).generate(prompts)
    asyncio.run(chat(replay).agenerate(prompts))
    spans = settled(telemetry)
    assert [span.attributes[INPUT] for span in spans] == [1000] * 6
    assert sums(telemetry) == {"input": 6000, "output": 42}


def test_one_request_for_two_prompts_counts_once(telemetry: Telemetry, replay: ReplayServer) -> None:
    """LLMs send several prompts at once: two runs, and the usage on one of them."""
    answer = completion()
    answer |= {
        "object": "text_completion",
        "choices": [{"index": 0, "text": "x", "finish_reason": "stop"}] * 2,
    }
    replay.answer(Exchange.json(answer))
    OpenAI(model="m", api_key="k", base_url=f"{replay.url}/v1", max_retries=0).generate(["a", "b"])
    spans = settled(telemetry)
    assert [span.attributes["gen_ai.operation.name"] for span in spans] == ["text_completion"] * 2
    assert sums(telemetry) == {"input": 1000, "output": 7}
    assert sum(span.attributes.get(INPUT, 0) for span in spans) == 1000


def test_an_answer_out_of_the_cache_counts_nothing(telemetry: Telemetry, replay: ReplayServer) -> None:
    """It repeats the usage of the call that it is a copy of."""
    replay.answer(provider)
    model = chat(replay, cache=InMemoryCache())
    model.invoke("hi")
    model.invoke("hi")
    assert len(replay.requests) == 1
    assert sums(telemetry) == {"input": 1000, "output": 7}
    assert [INPUT in (span.attributes or {}) for span in telemetry.spans] == [True, False]


def test_several_choices_count_once(telemetry: Telemetry, replay: ReplayServer) -> None:
    """Each repeats the usage of the whole request."""
    choices = [
        {"index": at, "finish_reason": "stop", "message": {"role": "assistant", "content": "x"}}
        for at in (0, 1)
    ]
    replay.answer(Exchange.json(completion(choices=choices)))
    chat(replay, n=2).invoke("hi")
    attributes = only(telemetry).attributes
    assert attributes[FINISH] == ("stop", "stop")
    assert attributes["gen_ai.request.choice.count"] == 2
    assert sums(telemetry) == {"input": 1000, "output": 7}


def test_retries_below_are_one_call(telemetry: Telemetry, replay: ReplayServer) -> None:
    """Those of a runnable are runs of their own; the failed ones say so."""
    replay.answer([Exchange.json({"error": {"message": "no"}}, status=500), Exchange.json(completion())])
    chat(replay).with_retry(stop_after_attempt=2, wait_exponential_jitter=False).invoke("hi")
    chats = [span for span in settled(telemetry) if span.name == "chat m"]
    assert ["error.type" in span.attributes for span in chats] == [True, False]
    assert sums(telemetry) == {"input": 1000, "output": 7}


def test_an_answer_that_cannot_be_parsed_was_billed(telemetry: Telemetry, replay: ReplayServer) -> None:
    """The error is told, and the usage with it."""
    replay.answer(Exchange.json(completion("{", finish="length")))
    with pytest.raises(Exception, match=r"length|JSON|limit"):
        chat(replay).with_structured_output(Answer, method="json_schema").invoke("hi")
    (call,) = [span for span in settled(telemetry) if span.name == "chat m"]
    assert call.attributes["error.type"]
    assert call.attributes.items() >= FIGURES.items()


class Answer(pydantic.BaseModel):
    """What is asked for."""

    city: str


async def cancelled(run: Any, after: float) -> None:
    task = asyncio.ensure_future(run)
    await asyncio.sleep(after)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


class Sleeping(FakeListChatModel):
    """A model without an SDK that never answers."""

    async def _agenerate(self, *args: Any, **kwargs: Any) -> Any:
        await asyncio.sleep(30)


@pytest.mark.parametrize("hooked", [True, False], ids=["with an SDK", "without"])
def test_a_cancelled_run_ends(telemetry: Telemetry, replay: ReplayServer, hooked: bool) -> None:
    """LangChain tells nobody; what the program does next is not taken for a part of it."""
    replay.answer(
        lambda request: Exchange.hang(5) if b'"raw"' not in request.body else Exchange.json(completion())
    )

    async def go() -> None:
        model = chat(replay) if hooked else Sleeping(responses=["x"])
        await cancelled(model.ainvoke("hi"), 0.2)
        sdk = openai.AsyncOpenAI(api_key="k", base_url=f"{replay.url}/v1", max_retries=0)
        await sdk.chat.completions.create(model="raw", messages=[{"role": "user", "content": "x"}])

    asyncio.run(go())
    gone, own = settled(telemetry)
    assert gone.attributes["error.type"] == "asyncio.exceptions.CancelledError"
    assert own.name == "chat raw"
    assert sums(telemetry) == {"input": 1000, "output": 7}


def test_a_thousand_runs_at_once_with_some_cancelled(telemetry: Telemetry, replay: ReplayServer) -> None:
    """No span is left open, no context is left changed, and what was answered is counted once."""
    replay.answer(Exchange.json(completion()))
    chance = random.Random(42)
    answered = 0

    async def one(model: ChatOpenAI, chain: Any) -> int:
        run = chain.ainvoke("x") if chance.random() < 0.5 else model.ainvoke("x")
        task = asyncio.ensure_future(run)
        if chance.random() < 0.4:
            await asyncio.sleep(chance.random() * 0.5)
            task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            return 0
        assert not trace.get_current_span().get_span_context().is_valid
        assert frames.current() is None
        return 1

    async def go() -> int:
        model = chat(replay)
        chain = RunnableLambda(lambda x: x) | model
        done = 0
        for _ in range(10):
            done += sum(await asyncio.gather(*(one(model, chain) for _ in range(100))))
        return done

    answered = asyncio.run(go())
    gc.collect()
    assert telemetry.started == telemetry.ended
    chats = [span for span in telemetry.spans if span.name == "chat m"]
    counted = [span for span in chats if INPUT in (span.attributes or {})]
    # What was cancelled after its answer had come was answered and billed all the same.
    assert answered <= len(counted) <= len(chats)
    assert sums(telemetry) == {"input": 1000 * len(counted), "output": 7 * len(counted)}
    assert 0 < answered < 1000


class Raising(BaseCallbackHandler):
    """A callback of the program's that stops the run that it hears of."""

    raise_error = True

    def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:
        raise ValueError("no")


def test_callbacks_that_raise_leave_nothing_open(telemetry: Telemetry, replay: ReplayServer) -> None:
    """Whether they come before ours or after; the run around them ends theirs."""
    replay.answer(provider)
    inside = RunnableLambda(lambda x: chat(replay, callbacks=[Raising()]).invoke(x))
    for run in (inside, chat(replay, callbacks=[Raising()])):
        with pytest.raises(ValueError, match="no"):
            run.invoke("x")
    raw(replay)
    spans = settled(telemetry)
    assert spans[-1].name == "chat raw"
    assert spans[-1].parent is None


def handler(telemetry: Telemetry) -> Any:
    """Ours, as LangChain finds it."""
    return next(one for one in CallbackManager.configure().handlers if type(one).__name__ == "OtelLlmHandler")


def test_what_nobody_started_and_what_starts_twice(
    telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    """One line at debug each, and no exception."""
    caplog.set_level(logging.DEBUG, "otel_llm")
    ours, run = handler(telemetry), uuid4()
    ours.on_llm_end(None, run_id=uuid4())
    for _ in range(2):
        ours.on_chat_model_start({}, [], run_id=run, parent_run_id=uuid4())
    ours.on_llm_end(None, run_id=run)
    ours.on_llm_end(None, run_id=run)
    assert [record.levelno for record in caplog.records] == [logging.DEBUG] * 4
    assert only(telemetry).name == "chat"


def test_open_runs_are_bounded(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest is given up, which the doctor tells."""
    monkeypatch.setattr(runs, "_MOST", 10)
    guard.swept.clear()
    ours = handler(telemetry)
    started = [uuid4() for _ in range(15)]
    for run in started:
        ours.on_chain_start(None, {}, run_id=run, name="x")
    assert telemetry.ended == 5
    assert "5 of langchain" in doctor.report()
    for run in started[5:]:
        ours.on_chain_end({}, run_id=run)


def test_what_is_still_open_at_the_end_ends_then(telemetry: Telemetry) -> None:
    """By shutdown(), as open streams do."""
    ours = handler(telemetry)
    ours.on_chain_start(None, {}, run_id=uuid4(), name="x")
    otel_llm.shutdown()
    assert telemetry.started == telemetry.ended == 1


def test_a_failing_tool_fails_its_span_and_what_is_around(telemetry: Telemetry) -> None:
    """By the class; its words stay inside."""

    @tool
    def broken(q: str) -> str:
        """Break."""
        raise RuntimeError("hush-0042")

    with pytest.raises(RuntimeError):
        (RunnableLambda(lambda x: {"q": x}) | broken).invoke("x")
    spans = {span.name: span for span in settled(telemetry)}
    assert spans["execute_tool broken"].attributes["error.type"] == "RuntimeError"
    assert spans["invoke_workflow"].attributes["error.type"] == "RuntimeError"
    assert b"hush-0042" not in telemetry.export_bytes()


def test_steering_is_no_error(telemetry: Telemetry) -> None:
    """A graph that stops to ask a person has not failed."""
    checkpoint: Any = pytest.importorskip("langgraph.checkpoint.memory")
    interrupt = pytest.importorskip("langgraph.types").interrupt
    from langgraph.graph import START, StateGraph

    graph = StateGraph(dict)
    graph.add_node("ask", lambda state: interrupt("sure?"))
    graph.add_edge(START, "ask")
    graph.compile(checkpointer=checkpoint.MemorySaver()).invoke(
        {"a": 1}, {"configurable": {"thread_id": "t"}}
    )
    assert not any("error.type" in span.attributes for span in settled(telemetry))


def test_switched_off_it_leaves_no_trace() -> None:
    """The hook is taken back, and a handler that somebody still holds does nothing."""
    from langchain_core.runnables import config
    from langchain_core.tracers import context

    before, set_context = list(context._configure_hooks), config._set_config_context
    telemetry = Telemetry()
    otel_llm.instrument(tracer_provider=telemetry.tracer_provider)
    ours = handler(telemetry)
    assert len(context._configure_hooks) == len(before) + 1
    otel_llm.uninstrument()
    assert context._configure_hooks == before
    assert config._set_config_context is set_context
    ours.on_chain_start(None, {}, run_id=uuid4(), name="x")
    fake().invoke("hi")
    assert telemetry.started == 0


@pytest.mark.settings(exclude="langchain")
def test_without_the_framework_the_sdk_counts(telemetry: Telemetry, replay: ReplayServer) -> None:
    """What is excluded is silent, and what is below it is heard."""
    replay.answer(provider)
    (RunnableLambda(lambda x: x) | chat(replay)).invoke("hi")
    assert only(telemetry).attributes[INPUT] == 1000


class Asking(FakeListChatModel):
    """A model that asks another one."""

    inner: Any

    def _call(self, messages: Any, *args: Any, **kwargs: Any) -> str:
        return str((RunnableLambda(lambda x: x) | self.inner).invoke(messages).content)


def test_a_model_inside_a_model_is_inside_its_span(telemetry: Telemetry, replay: ReplayServer) -> None:
    """LangChain gives it no parent; it is counted once, and where it was made."""
    replay.answer(provider)
    model = Asking(responses=["x"], inner=chat(replay))
    model.invoke("hi")
    model.generate([[HumanMessage("a")], [HumanMessage("b")]])
    inside = "chat\n  invoke_workflow\n    RunnableLambda\n    chat m"
    assert drawn(settled(telemetry)) == "\n".join([inside] * 3)
    assert sums(telemetry) == {"input": 3000, "output": 21}


@pytest.mark.parametrize("stopped", ["cancelled", "timeout"])
def test_a_run_that_is_stopped_while_it_begins_ends(telemetry: Telemetry, stopped: str) -> None:
    """LangChain waits for other handlers then, and tells nobody that it never went on."""

    class Waiting(AsyncCallbackHandler):
        async def on_chain_start(self, *args: Any, **kwargs: Any) -> None:
            await asyncio.sleep(30)

    async def go() -> None:
        run = RunnableLambda(lambda x: x).ainvoke("x", {"callbacks": [Waiting()]})
        if stopped == "cancelled":
            await cancelled(run, 0.1)
            return

        async def caught() -> None:
            task: Any = asyncio.current_task()
            asyncio.get_running_loop().call_later(0.1, task.cancel)
            with contextlib.suppress(asyncio.CancelledError):
                await run

        await asyncio.create_task(caught())

    asyncio.run(go())
    assert telemetry.started == telemetry.ended == 1


def test_a_chain_whose_stream_is_read_by_several_tasks_goes_on(telemetry: Telemetry) -> None:
    """It ends with the stream, and not with the task that asked for its first piece."""

    async def pieces(given: Any) -> Any:
        async for piece in given:
            yield piece
        yield "more"
        RunnableLambda(lambda x: x, name="late").invoke("x")

    async def go() -> None:
        stream = RunnableGenerator(pieces).with_config(run_name="stream").astream("x")
        while await asyncio.create_task(anext(stream, None)) is not None:  # type: ignore[arg-type]
            pass

    asyncio.run(go())
    names = [span.name for span in settled(telemetry)]
    assert names[-1] == "invoke_workflow stream"


def test_what_links_and_tools_do_is_inside_them(telemetry: Telemetry, replay: ReplayServer) -> None:
    """In every version, also where LangChain was imported before us."""
    replay.answer(provider)

    @tool
    def asking(q: str) -> str:
        """Ask."""
        return str(raw(replay).id)

    broken = RunnableLambda(lambda x: 1 / 0, name="broken")
    link = RunnableLambda(lambda x: {"q": raw(replay).id}, name="link")
    (broken.with_fallbacks([link]) | asking).invoke("x")
    tree = drawn(settled(telemetry))
    assert "link\n    chat raw" in tree
    assert "execute_tool asking\n    chat raw" in tree
