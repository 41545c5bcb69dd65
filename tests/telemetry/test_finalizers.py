"""Ending spans from finalizers."""

from __future__ import annotations

import gc
from time import time_ns
from typing import Any

import otel_llm
from otel_llm.telemetry import finalizers
from otel_llm.testing import Exchange, ReplayServer, Telemetry
from tests.lives.answers import STREAM, stream


def test_a_stream_collected_inside_the_tracing_sdk_waits_for_a_better_moment(
    telemetry: Telemetry, replay: ReplayServer
) -> None:
    """A collection in a span processor's own code ends nothing there, and nothing is lost or told late."""
    replay.answer(Exchange.sse(STREAM))

    class Collecting:
        def on_start(self, span: Any, parent_context: Any = None) -> None: ...
        def on_end(self, span: Any) -> None:
            if span.name == "mine":
                dropped.clear()
                gc.collect()
                seen.append((finalizers.waiting(), time_ns()))

        _on_ending = on_start

        def shutdown(self) -> None: ...
        def force_flush(self, timeout_millis: int = 0) -> bool:
            return True

    seen: list[tuple[bool, int]] = []
    dropped = [stream(replay)]
    telemetry.tracer_provider.add_span_processor(Collecting())  # type: ignore[arg-type]
    telemetry.tracer_provider.get_tracer("app").start_span("mine").end()
    ((waited, collected),) = seen
    assert waited
    assert otel_llm.flush()
    assert not finalizers.waiting()
    (abandoned,) = (span for span in telemetry.spans if span.name != "mine")
    assert abandoned.end_time <= collected


def test_what_waits_ends_with_the_next_call(replay: ReplayServer) -> None:
    """Nobody has to flush for it."""
    told: list[int] = []
    finalizers._late.append(lambda: told.append(1))  # pyright: ignore[reportPrivateUsage]
    telemetry = Telemetry()
    otel_llm.instrument(tracer_provider=telemetry.tracer_provider)
    replay.answer(Exchange.sse(STREAM))
    list(stream(replay))
    assert told == [1]
