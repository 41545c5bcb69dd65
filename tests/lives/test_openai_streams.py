"""The ways a stream can go: each ends one span, once, and tells what happened and no more."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import gc
import threading
from collections.abc import AsyncGenerator, Callable
from typing import Any

import openai
import pytest
from opentelemetry import trace

import otel_llm
from otel_llm.testing import Exchange, Gate, ReplayServer, Telemetry
from tests.lives.answers import FIGURES, LAST, STREAM, WORDS, async_stream, chunk, stream

OUTCOME = "otel_llm.stream.outcome"


def to_the_end(stream: Any) -> None:
    for _ in stream:
        pass


def broken_off(stream: Any) -> None:
    for _ in stream:
        break
    stream.close()


def closed(stream: Any) -> None:
    next(stream)
    stream.close()
    stream.close()


def left_by_with(stream: Any) -> None:
    with stream:
        next(stream)


def closed_by_helper(stream: Any) -> None:
    with contextlib.closing(stream):
        next(stream)


def failed_in_the_body(stream: Any) -> None:
    with contextlib.suppress(ZeroDivisionError), stream:
        for _ in stream:
            raise ZeroDivisionError


def response_closed(stream: Any) -> None:
    next(stream)
    stream.response.close()


async def to_the_end_async(stream: Any) -> None:
    async for _ in stream:
        pass


async def broken_off_async(stream: Any) -> None:
    async for _ in stream:
        break
    await stream.close()


async def left_by_with_async(stream: Any) -> None:
    async with stream:
        await stream.__anext__()


async def failed_in_the_body_async(stream: Any) -> None:
    with contextlib.suppress(ZeroDivisionError):
        async with stream:
            async for _ in stream:
                raise ZeroDivisionError


LEAVE = (broken_off, closed, left_by_with, closed_by_helper, failed_in_the_body, response_closed)
LEAVE_ASYNC = (broken_off_async, left_by_with_async, failed_in_the_body_async)


def go(replay: ReplayServer, way: Callable[[Any], Any], **more: Any) -> None:
    """Go one way with a stream, sync or async as the way is."""
    if asyncio.iscoroutinefunction(way):

        async def run() -> None:
            await way(await async_stream(replay, **more))

        asyncio.run(run())
    else:
        way(stream(replay, **more))


def only(telemetry: Telemetry) -> Any:
    """The one span there must be."""
    gc.collect()
    (span,) = telemetry.spans
    return span


@pytest.mark.parametrize("way", [to_the_end, to_the_end_async])
def test_a_stream_read_to_its_end_tells_all(telemetry: Telemetry, replay: ReplayServer, way: Any) -> None:
    """Usage, finish reason and time to first chunk are on the span, and it is no error."""
    replay.answer(Exchange.sse(STREAM))
    go(replay, way, stream_options={"include_usage": True})
    attributes = only(telemetry).attributes
    assert FIGURES.items() <= attributes.items()
    assert attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert attributes["gen_ai.request.stream"] is True
    assert attributes["gen_ai.response.time_to_first_chunk"] > 0
    assert OUTCOME not in attributes


@pytest.mark.parametrize("way", [to_the_end, to_the_end_async])
def test_a_stream_without_usage_invents_none(telemetry: Telemetry, replay: ReplayServer, way: Any) -> None:
    """No usage on the wire means no usage attribute and no point of the token metric."""
    replay.answer(Exchange.sse(WORDS))
    go(replay, way)
    assert not [name for name in only(telemetry).attributes if name.startswith("gen_ai.usage.")]
    assert "gen_ai.client.token.usage" not in telemetry.metrics()


@pytest.mark.parametrize("way", [*LEAVE, *LEAVE_ASYNC])
def test_leaving_a_stream_early_is_no_error(telemetry: Telemetry, replay: ReplayServer, way: Any) -> None:
    """Whoever stops reading gets a span without error, with what was seen, and its choice unfinished."""
    replay.answer(Exchange.sse([chunk("a", usage=LAST["usage"]), *STREAM]))
    go(replay, way)
    span = only(telemetry)
    assert "error.type" not in span.attributes
    assert OUTCOME not in span.attributes
    assert span.attributes["gen_ai.response.finish_reasons"] == ("error",)
    assert FIGURES.items() <= span.attributes.items()


def test_a_stream_closed_before_reading_has_no_first_chunk(
    telemetry: Telemetry, replay: ReplayServer
) -> None:
    """Nothing was received, so nothing is said about an answer."""
    replay.answer(Exchange.sse(STREAM))
    stream(replay).close()
    attributes = only(telemetry).attributes
    assert "gen_ai.response.time_to_first_chunk" not in attributes
    assert "gen_ai.response.finish_reasons" not in attributes


@pytest.mark.parametrize("read", [0, 1, 2])
def test_a_dropped_stream_ends_when_it_is_collected(
    telemetry: Telemetry, replay: ReplayServer, read: int
) -> None:
    """A stream that nobody closes is told apart, without being an error."""
    replay.answer(Exchange.sse(STREAM))
    dropped = stream(replay)
    for _ in range(read):
        next(dropped)
    assert telemetry.spans == []
    del dropped
    span = only(telemetry)
    assert span.attributes[OUTCOME] == "abandoned"
    assert "error.type" not in span.attributes


@pytest.mark.parametrize("read", [0, 1])
def test_a_dropped_async_stream_ends_even_on_a_closed_loop(
    telemetry: Telemetry, replay: ReplayServer, read: int
) -> None:
    """What asyncio's own finalizers never get to do is done all the same."""
    replay.answer(Exchange.sse(STREAM))

    async def begin() -> Any:
        begun = await async_stream(replay)
        for _ in range(read):
            await begun.__anext__()
        return begun

    kept = asyncio.run(begin())
    del kept
    assert "error.type" not in only(telemetry).attributes


@pytest.mark.parametrize("way", [to_the_end, to_the_end_async])
def test_a_cut_connection_fails_the_call(telemetry: Telemetry, replay: ReplayServer, way: Any) -> None:
    """The exception of the SDK is the user's, its class is on the span, and what was seen is kept."""
    replay.answer(Exchange.sse([chunk("a", usage=LAST["usage"]), chunk("b")], cut=True))
    with pytest.raises(Exception) as caught:  # noqa: PT011 - which one is what is looked at
        go(replay, way)
    span = only(telemetry)
    kind = type(caught.value)
    assert span.attributes["error.type"] == f"{kind.__module__}.{kind.__qualname__}"
    assert FIGURES.items() <= span.attributes.items()
    assert span.attributes["gen_ai.response.finish_reasons"] == ("error",)
    assert [log.log_record.event_name for log in telemetry.logs] == ["gen_ai.client.operation.exception"]


@pytest.mark.parametrize("way", [to_the_end, to_the_end_async])
def test_an_error_event_fails_the_call(telemetry: Telemetry, replay: ReplayServer, way: Any) -> None:
    """The provider's code is in the status, the usage beside the error on the span."""
    error = {
        "error": {"message": "secret words", "type": "server_error", "code": "overloaded"},
        "usage": LAST["usage"],
    }
    replay.answer(Exchange.sse([chunk("a"), error]))
    with pytest.raises(openai.APIError):
        go(replay, way)
    span = only(telemetry)
    assert span.status.description == "openai.APIError: overloaded"
    assert FIGURES.items() <= span.attributes.items()


@pytest.mark.parametrize("way", [to_the_end, to_the_end_async])
def test_a_chunk_that_is_no_json_fails_the_call(telemetry: Telemetry, replay: ReplayServer, way: Any) -> None:
    """Whatever the SDK raises on nonsense is what the user sees and what the span says."""
    replay.answer(Exchange.sse([chunk("a"), "{nonsense"]))
    with pytest.raises(ValueError, match="property name"):
        go(replay, way)
    assert only(telemetry).attributes["error.type"] == "json.decoder.JSONDecodeError"


@pytest.mark.parametrize("way", [to_the_end, to_the_end_async])
def test_an_empty_stream_is_a_call_without_facts(
    telemetry: Telemetry, replay: ReplayServer, way: Any
) -> None:
    """Status 200 and no event is no error, and nothing is said about an answer."""
    replay.answer(Exchange.sse([], done=False))
    go(replay, way)
    assert "gen_ai.response.finish_reasons" not in only(telemetry).attributes


def test_a_timeout_in_mid_stream_fails_the_call(telemetry: Telemetry, replay: ReplayServer) -> None:
    """The class of the SDK's exception says that it was a timeout."""
    replay.answer(Exchange.sse([chunk("a"), chunk("b")], pauses=(0, 5)))
    with pytest.raises(Exception):  # noqa: B017, PT011 - its class differs by major version of the SDK
        to_the_end(stream(replay, timeout=0.2))
    assert "imeout" in only(telemetry).attributes["error.type"]


def test_cancelling_in_mid_stream_fails_the_call(telemetry: Telemetry, replay: ReplayServer) -> None:
    """A cancelled task is a cancelled call."""
    replay.answer(Exchange.sse(STREAM, pauses=(0, 10)))

    async def run() -> None:
        task = asyncio.create_task(read())
        await started.wait()
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    async def read() -> None:
        begun = await async_stream(replay)
        async for _ in begun:
            started.set()

    started = asyncio.Event()
    asyncio.run(run())
    assert only(telemetry).attributes["error.type"] == "asyncio.exceptions.CancelledError"


def test_nothing_is_read_ahead(telemetry: Telemetry, replay: ReplayServer) -> None:
    """The user has a chunk in hand before the provider has sent the next."""
    gate = Gate()
    replay.answer(Exchange.sse(WORDS, gates=gate))
    gate.release()
    begun = stream(replay)
    for word in ("Hel", "lo", "."):
        assert next(begun).choices[0].delta.content == word
        gate.release()
    gate.open()
    to_the_end(begun)


def test_the_span_is_never_current_between_chunks(telemetry: Telemetry, replay: ReplayServer) -> None:
    """Two streams read in turns, and a span of the user's between chunks, are siblings under the outer span."""
    replay.answer(Exchange.sse(STREAM))
    tracer = telemetry.tracer_provider.get_tracer("app")
    with tracer.start_as_current_span("outer") as outer:
        first, second = stream(replay), stream(replay)
        for _ in range(2):
            next(first)
            assert trace.get_current_span() is outer
            next(second)
            with tracer.start_as_current_span("inner"):
                pass
        to_the_end(first)
        to_the_end(second)
        assert trace.get_current_span() is outer
    parents = {span.parent.span_id for span in telemetry.spans if span.name != "outer"}
    assert parents == {outer.get_span_context().span_id}


def test_a_stream_may_be_read_in_another_thread(telemetry: Telemetry, replay: ReplayServer) -> None:
    """Where it was begun and where it is read are two things."""
    replay.answer(Exchange.sse(STREAM))
    thread = threading.Thread(target=to_the_end, args=(stream(replay),))
    thread.start()
    thread.join()
    assert FIGURES.items() <= only(telemetry).attributes.items()


def test_a_stream_looks_like_one(telemetry: Telemetry, replay: ReplayServer) -> None:
    """Type, public attributes and copies are the SDK's own, and what came through is clean afterwards."""
    replay.answer(Exchange.sse(STREAM))
    watched = stream(replay)
    assert type(watched) is openai.Stream
    assert isinstance(watched, openai.Stream)
    first, *_ = copy.copy(watched)
    assert first.choices[0].delta.content == "Hel"
    assert {"close", "aclose", "iter_bytes"}.isdisjoint(vars(watched.response))
    otel_llm.uninstrument()
    bare = stream(replay)
    assert set(dir(watched)) == set(dir(bare))
    bare.close()


def test_choices_are_finished_one_by_one(telemetry: Telemetry, replay: ReplayServer) -> None:
    """With several choices the reasons stand in their order, and one that was cut is told apart."""
    replay.answer(
        Exchange.sse([chunk("a", index=1), chunk("b", index=0), chunk(finish="length", index=1), chunk("c")])
    )
    begun = stream(replay, n=2)
    for _ in range(3):
        next(begun)
    begun.close()
    assert only(telemetry).attributes["gen_ai.response.finish_reasons"] == ("error", "length")


def test_breaking_out_of_async_generators_leaves_no_context_behind(
    telemetry: Telemetry, replay: ReplayServer
) -> None:
    """Generators around a stream that are broken off, dropped or closed elsewhere cause no complaint."""
    replay.answer(Exchange.sse(STREAM))

    async def words() -> AsyncGenerator[Any, None]:
        begun = await async_stream(replay)
        async for event in begun:
            yield event

    async def run() -> None:
        async for _ in words():
            break
        generator = words()
        await generator.__anext__()
        await asyncio.create_task(generator.aclose())
        dropped = words()
        await dropped.__anext__()
        del dropped
        gc.collect()
        kept.append(words())
        await kept[0].__anext__()

    kept: list[Any] = []
    asyncio.run(run())
    kept.clear()
    gc.collect()
    assert len(telemetry.spans) == 4
    assert trace.get_current_span() is trace.INVALID_SPAN
