"""The ways a stream can end: each ends one span, once, and tells what happened and no more."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import gc
from collections.abc import Callable
from typing import Any

import openai
import pytest

from otel_llm.testing import Exchange, ReplayServer, Telemetry
from tests.lives.answers import FIGURES, LAST, MESSAGES, STREAM, WORDS, async_stream, chunk, stream
from tests.lives.scenarios import (
    KINDS,
    advance,
    comparable,
    each,
    entered,
    only,
    outcome,
    run,
    sdk,
    settle,
    with_and_without,
)

OUTCOME = "otel_llm.stream.outcome"
kinds = pytest.mark.parametrize("kind", KINDS)


async def to_the_end(stream: Any) -> Any:
    return [comparable(event) async for event in each(stream)]


async def closed(stream: Any) -> Any:
    await advance(stream)
    await settle(stream.close())


async def closed_twice(stream: Any) -> Any:
    await closed(stream)
    await settle(stream.close())


async def read_after_closing(stream: Any) -> Any:
    await closed(stream)
    return await to_the_end(stream)


async def broken_off(stream: Any) -> Any:
    if hasattr(stream, "__aiter__"):
        async for _ in stream:
            break
    else:
        for _ in stream:
            break
    await settle(stream.close())


async def left_by_with(stream: Any) -> Any:
    async with entered(stream):
        await advance(stream)


async def failed_in_the_body(stream: Any) -> Any:
    with contextlib.suppress(ZeroDivisionError):
        async with entered(stream):
            async for _ in each(stream):
                raise ZeroDivisionError


async def closed_by_a_stack(stream: Any) -> Any:
    with contextlib.ExitStack() as stack:
        response = stream.response
        if not hasattr(stream, "__anext__"):
            stack.callback(response.close)
        await advance(stream)
    if hasattr(stream, "__anext__"):
        await response.aclose()


async def a_copy_closed(stream: Any) -> Any:
    other = copy.copy(stream)
    await advance(stream)
    await advance(other)
    await settle(other.close())


LEAVE = (
    closed,
    closed_twice,
    broken_off,
    left_by_with,
    failed_in_the_body,
    closed_by_a_stack,
    a_copy_closed,
)


def go(replay: ReplayServer, kind: str, way: Callable[[Any], Any], **more: Any) -> Any:
    """Begin a stream and go one way with it; tells how that ended."""

    async def scenario() -> Any:
        asked: dict[str, Any] = {"model": "gpt-4o", "messages": MESSAGES, "stream": True}
        timeout = more.pop("timeout", 60)
        return await way(
            await settle(sdk(replay, kind, timeout=timeout).chat.completions.create(**asked, **more))
        )

    return outcome(kind, scenario())


@kinds
def test_a_stream_read_to_its_end_tells_all(telemetry: Telemetry, replay: ReplayServer, kind: str) -> None:
    """Usage, finish reason and time to first chunk are on the span, it is no error, and the chunks are the same."""
    replay.answer(Exchange.sse(STREAM))
    watched, bare = with_and_without(
        lambda: go(replay, kind, to_the_end, stream_options={"include_usage": True})
    )
    assert watched == bare
    attributes = only(telemetry).attributes
    assert FIGURES.items() <= attributes.items()
    assert attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert attributes["gen_ai.request.stream"] is True
    assert attributes["gen_ai.response.time_to_first_chunk"] > 0
    assert OUTCOME not in attributes


@kinds
def test_a_stream_without_usage_invents_none(telemetry: Telemetry, replay: ReplayServer, kind: str) -> None:
    """No usage on the wire means no usage attribute and no point of the token metric."""
    replay.answer(Exchange.sse(WORDS))
    go(replay, kind, to_the_end)
    assert not [name for name in only(telemetry).attributes if name.startswith("gen_ai.usage.")]
    assert "gen_ai.client.token.usage" not in telemetry.metrics()


@kinds
@pytest.mark.parametrize("way", LEAVE)
def test_leaving_a_stream_early_is_no_error(
    telemetry: Telemetry, replay: ReplayServer, way: Any, kind: str
) -> None:
    """Whoever stops reading gets a span without error, with what was seen, and its choice unfinished."""
    replay.answer(Exchange.sse([chunk("a", usage=LAST["usage"]), *STREAM]))
    assert go(replay, kind, way) == ("builtins.NoneType", None)
    span = only(telemetry)
    assert span.status.is_unset
    assert not {"error.type", OUTCOME} & span.attributes.keys()
    assert span.attributes["gen_ai.response.finish_reasons"] == ("error",)
    assert FIGURES.items() <= span.attributes.items()
    assert telemetry.logs == []


@kinds
def test_reading_on_after_closing_is_as_without_us(
    telemetry: Telemetry, replay: ReplayServer, kind: str
) -> None:
    """What the SDK gives or raises then is what the user gets; the span has ended already."""
    replay.answer(Exchange.sse(STREAM, pauses=(0, 0.2)))  # or the rest may have been received already
    watched, bare = with_and_without(lambda: go(replay, kind, read_after_closing))
    assert watched == bare
    assert "error.type" not in only(telemetry).attributes


@kinds
def test_a_stream_closed_before_reading_has_no_first_chunk(
    telemetry: Telemetry, replay: ReplayServer, kind: str
) -> None:
    """Nothing was received, so nothing is said about an answer."""

    async def closed_unread(stream: Any) -> None:
        await settle(stream.close())

    replay.answer(Exchange.sse(STREAM))
    go(replay, kind, closed_unread)
    attributes = only(telemetry).attributes
    assert "gen_ai.response.time_to_first_chunk" not in attributes
    assert "gen_ai.response.finish_reasons" not in attributes


@pytest.mark.parametrize("read", [0, 1, 2])
@pytest.mark.parametrize("cycle", [False, True])
def test_a_dropped_stream_ends_when_it_is_collected(
    telemetry: Telemetry, replay: ReplayServer, read: int, cycle: bool
) -> None:
    """A stream that nobody closes is told apart, without being an error, in a cycle of references or not."""
    replay.answer(Exchange.sse(STREAM))
    dropped = stream(replay)
    for _ in range(read):
        next(dropped)
    assert telemetry.spans == []
    if cycle:
        dropped.itself = dropped
    del dropped
    span = only(telemetry)
    assert span.attributes[OUTCOME] == "abandoned"
    assert "error.type" not in span.attributes
    assert ("gen_ai.response.time_to_first_chunk" in span.attributes) is bool(read)


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

    kept = run("async", begin())
    del kept
    assert "error.type" not in only(telemetry).attributes


FAILING: dict[str, tuple[Exchange, dict[str, Any], str]] = {
    "cut": (Exchange.sse([chunk("a", usage=LAST["usage"]), chunk("b")], cut=True), {}, ""),
    "nonsense": (
        Exchange.sse([chunk("a", usage=LAST["usage"]), "{nonsense"]),
        {},
        "json.decoder.JSONDecodeError",
    ),
    "late": (
        Exchange.sse([chunk("a", usage=LAST["usage"]), chunk("b")], pauses=(0, 5)),
        {"timeout": 0.3},
        "",
    ),
    "error event": (
        Exchange.sse([chunk("a", usage=LAST["usage"]), {"error": {"message": "m", "code": "overloaded"}}]),
        {},
        "openai.APIError",
    ),
    "error with usage": (
        Exchange.sse([chunk("a"), {"error": {"message": "m", "code": "x"}, "usage": LAST["usage"]}]),
        {},
        "openai.APIError",
    ),
}


@kinds
@pytest.mark.parametrize("case", FAILING)
def test_a_failure_in_mid_stream_fails_the_call(
    telemetry: Telemetry, replay: ReplayServer, case: str, kind: str
) -> None:
    """The exception is the SDK's to the last frame, its class is on the span, and what was seen is kept."""
    exchange, more, error = FAILING[case]
    replay.answer(exchange)
    watched, bare = with_and_without(lambda: go(replay, kind, to_the_end, **more))
    assert watched == bare
    span = only(telemetry)
    assert span.attributes["error.type"] == (error or watched[0])
    assert FIGURES.items() <= span.attributes.items()
    assert span.attributes["gen_ai.response.finish_reasons"] == ("error",)
    assert [log.log_record.event_name for log in telemetry.logs] == ["gen_ai.client.operation.exception"]
    ((told, _),) = telemetry.metrics()["gen_ai.client.operation.duration"]
    assert told["error.type"] == span.attributes["error.type"]


def test_a_stream_that_begins_with_an_error_has_no_first_chunk(
    telemetry: Telemetry, replay: ReplayServer
) -> None:
    """The figures beside the error count, but an error is no chunk."""
    replay.answer(Exchange.sse([{"error": {"message": "m", "code": "overloaded"}, "usage": LAST["usage"]}]))
    with pytest.raises(openai.APIError):
        list(stream(replay))
    span = only(telemetry)
    assert span.status.description == "openai.APIError: overloaded"
    assert FIGURES.items() <= span.attributes.items()
    assert "gen_ai.response.time_to_first_chunk" not in span.attributes


@kinds
def test_an_empty_stream_is_a_call_without_facts(
    telemetry: Telemetry, replay: ReplayServer, kind: str
) -> None:
    """Status 200 and no event is no error, and nothing is said about an answer."""
    replay.answer(Exchange.sse([], done=False))
    assert go(replay, kind, to_the_end) == []
    assert not {"gen_ai.response.finish_reasons", "gen_ai.response.time_to_first_chunk"} & (
        only(telemetry).attributes.keys()
    )


def test_cancelling_in_mid_stream_fails_the_call(telemetry: Telemetry, replay: ReplayServer) -> None:
    """A cancelled task is a cancelled call."""
    replay.answer(Exchange.sse(STREAM, pauses=(0, 10)))

    async def main() -> None:
        task = asyncio.create_task(read())
        await started.wait()
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    async def read() -> None:
        async for _ in await async_stream(replay):
            started.set()

    started = asyncio.Event()
    asyncio.run(main())
    gc.collect()
    assert only(telemetry).attributes["error.type"] == "asyncio.exceptions.CancelledError"


def test_choices_are_finished_one_by_one(telemetry: Telemetry, replay: ReplayServer) -> None:
    """With several choices the reasons stand in their order, and one that was cut is told apart."""
    events = [chunk("a", index=1), chunk("b", index=0), chunk(finish="length", index=1), chunk("c")]
    replay.answer(Exchange.sse(events))
    begun = stream(replay, n=2)
    for _ in range(3):
        next(begun)
    begun.close()
    assert only(telemetry).attributes["gen_ai.response.finish_reasons"] == ("error", "length")
