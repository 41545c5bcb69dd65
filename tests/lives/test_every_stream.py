"""The life of a stream, the same for every SDK that streams: one span, ended once, telling what was seen."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

from otel_llm.testing import Exchange, ReplayServer, Telemetry
from tests.lives.scenarios import (
    KINDS,
    advance,
    begun,
    each,
    entered,
    only,
    outcome,
    run,
    settle,
    settled,
    with_and_without,
)
from tests.lives.wires import WIRES, Wire

kinds = pytest.mark.parametrize("kind", KINDS)
FIRST_CHUNK, FINISH = "gen_ai.response.time_to_first_chunk", "gen_ai.response.finish_reasons"


@pytest.fixture(params=WIRES, ids=lambda wire: wire.name)
def wire(request: pytest.FixtureRequest) -> Wire:
    request.param.needs(request.node.callspec.params.get("kind", "sync"))
    return request.param


async def read(wire: Wire, kind: str, url: str, most: int | None = None) -> list[Any]:
    """The events of a stream, all of them or so many."""
    stream = await wire.ask(kind, url, stream=True)
    seen: list[Any] = []
    async for event in each(stream):
        seen.append(event)
        if len(seen) == most:
            break
    return seen


@kinds
def test_a_stream_read_to_its_end_tells_all(
    wire: Wire, telemetry: Telemetry, replay: ReplayServer, kind: str
) -> None:
    """Every figure, why it ended, when it began; the user sees no difference."""
    replay.answer(wire.answer())
    watched, bare = with_and_without(lambda: outcome(kind, read(wire, kind, replay.url)))
    assert watched == bare
    attributes = only(telemetry).attributes
    assert wire.figures.items() <= attributes.items()
    assert attributes[FINISH] == ("stop",)
    assert FIRST_CHUNK in attributes
    assert "error.type" not in attributes


@kinds
def test_breaking_off_is_no_error(wire: Wire, telemetry: Telemetry, replay: ReplayServer, kind: str) -> None:
    """The span ends with what was seen: a choice that never finished."""
    replay.answer(wire.answer(pauses=(0, 0, 0.2)))
    run(kind, read(wire, kind, replay.url, most=1))
    attributes = only(telemetry).attributes
    assert "error.type" not in attributes
    assert attributes[FINISH] == ("error",)


def test_breaking_off_as_the_loop_ends_is_no_error(
    wire: Wire, telemetry: Telemetry, replay: ReplayServer, caplog: pytest.LogCaptureFixture
) -> None:
    """A loop that ends closes in haste what was dropped: the span ends, and no task of the closing fails."""
    wire.needs("async")

    async def go() -> None:
        async for _ in await wire.ask("async", replay.url, stream=True):
            break

    replay.answer(wire.answer(pauses=(0, 0, 0.2)))
    asyncio.run(go())
    attributes = only(telemetry).attributes
    assert "error.type" not in attributes
    assert attributes[FINISH] == ("error",)
    assert not [said for said in caplog.messages if "never retrieved" in said]


@kinds
def test_closing_is_no_error(wire: Wire, telemetry: Telemetry, replay: ReplayServer, kind: str) -> None:
    """Whoever closes a stream has had enough of it."""

    async def go() -> None:
        stream = await wire.ask(kind, replay.url, stream=True)
        await advance(begun(stream))
        close = getattr(stream, "aclose", None) or getattr(stream, "close", None)
        if close is None:  # only by leaving `with`
            async with entered(stream):
                pass
        else:
            await settle(close())
        if kind == "async":
            await asyncio.sleep(0.05)  # generators below the user's are closed by the loop
        assert telemetry.ended == 1

    replay.answer(wire.answer(pauses=(0, 0, 0.2)))
    run(kind, go())
    attributes = only(telemetry).attributes
    assert "error.type" not in attributes
    assert attributes[FINISH] == ("error",)
    assert "otel_llm.stream.outcome" not in attributes


@kinds
@pytest.mark.parametrize("taken", [0, 1])
def test_a_dropped_stream_ends(
    wire: Wire, telemetry: Telemetry, replay: ReplayServer, kind: str, taken: int
) -> None:
    """Nobody closed it, and nobody has it any more; one that never sent a request leaves no span at all."""

    async def go() -> None:
        stream = await wire.ask(kind, replay.url, stream=True)
        if taken:
            iterator = begun(stream)
            await advance(iterator)
            del iterator
        del stream
        gc.collect()
        if kind == "async":
            await asyncio.sleep(0.05)

    replay.answer(wire.answer(pauses=(0, 0, 0.2)))
    run(kind, go())
    spans = settled(telemetry)
    assert len(spans) == (0 if wire.lazy and not taken else 1)
    assert all("error.type" not in span.attributes for span in spans)


@kinds
def test_a_cut_connection_fails_the_call(
    wire: Wire, telemetry: Telemetry, replay: ReplayServer, kind: str
) -> None:
    """The exception is the SDK's to its last frame, its class is on the span, and what was seen is kept."""
    replay.answer(wire.answer(upto=2, cut=True))
    watched, bare = with_and_without(lambda: outcome(kind, read(wire, kind, replay.url)))
    assert watched == bare
    attributes = only(telemetry).attributes
    assert attributes["error.type"] == watched[0]
    assert attributes[FINISH] == ("error",)
    assert FIRST_CHUNK in attributes


@kinds
def test_a_failure_in_mid_stream_fails_the_call(
    wire: Wire, telemetry: Telemetry, replay: ReplayServer, kind: str
) -> None:
    """Whether the SDK raises it or passes it on like any event."""
    replay.answer(wire.answer(upto=2, failing=True))
    watched, bare = with_and_without(lambda: outcome(kind, read(wire, kind, replay.url)))
    assert watched == bare
    span = only(telemetry)
    assert span.attributes["error.type"]
    assert span.attributes[FINISH] == ("error",)
    assert not span.status.is_ok
    assert [log.log_record.event_name for log in telemetry.logs] == (
        ["gen_ai.client.operation.exception"]
        if isinstance(watched, tuple) and isinstance(watched[0], str)
        else []
    )


def test_cancelling_in_mid_stream_fails_the_call(
    wire: Wire, telemetry: Telemetry, replay: ReplayServer
) -> None:
    """A cancelled task is a cancelled call."""
    wire.needs("async")

    async def main() -> None:
        started = asyncio.Event()

        async def go() -> None:
            async for _ in each(await wire.ask("async", replay.url, stream=True)):
                started.set()

        task = asyncio.create_task(go())
        await started.wait()
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    replay.answer(wire.answer(pauses=(0, 5)))
    asyncio.run(main())
    assert only(telemetry).attributes["error.type"] == "asyncio.exceptions.CancelledError"


@kinds
def test_a_refused_request_has_no_stream(
    wire: Wire, telemetry: Telemetry, replay: ReplayServer, kind: str
) -> None:
    """An error in place of an answer: its class, and nothing said about an answer."""
    replay.answer(wire.refused)
    watched, bare = with_and_without(lambda: outcome(kind, read(wire, kind, replay.url)))
    assert watched == bare
    attributes = only(telemetry).attributes
    assert attributes["error.type"] == watched[0]
    assert FIRST_CHUNK not in attributes
    assert FINISH not in attributes


def test_an_empty_stream_is_no_error_of_ours(wire: Wire, telemetry: Telemetry, replay: ReplayServer) -> None:
    """Status 200 and no event: whatever the SDK makes of it, the user gets, and the span ends."""
    replay.answer(Exchange(200, wire.headers, ()))
    watched, bare = with_and_without(lambda: outcome("sync", read(wire, "sync", replay.url)))
    assert watched == bare
    assert FIRST_CHUNK not in only(telemetry).attributes
