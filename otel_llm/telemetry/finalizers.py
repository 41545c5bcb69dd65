"""Ending a span from a finalizer without ever blocking the thread that happens to run it.

A dropped stream is noticed by the garbage collector, which may run inside any line of this thread - also
inside the tracing SDK, while it holds a lock that ending a span needs. So the span is ended on the spot only
if this thread is nowhere inside such code; otherwise it waits for the next call, flush or exit.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable
from functools import partial
from time import perf_counter_ns
from types import FrameType

from otel_llm.guard import internal_error

# Modules whose code may hold a lock that exporting needs, or be called back while one is held.
_LOCKING = (
    "opentelemetry.sdk.",
    "opentelemetry.exporter.",
    "opentelemetry.util.",
    "otel_llm.telemetry.",
    "otel_llm.export.",
    "logging",
    "queue",
    "grpc",
)
_THREAD_MAIN = frozenset(("_bootstrap", "_bootstrap_inner", "run"))

_late: deque[Callable[[], None]] = deque()


def finalize(abandon: Callable[[int], None]) -> None:
    """Call `abandon` with the present moment, now if that is safe here, else soon."""
    end = partial(abandon, perf_counter_ns())
    try:
        if _inside_locking_code(sys._getframe(1)):  # pyright: ignore[reportPrivateUsage]
            _late.append(end)
        else:
            end()
    except Exception:  # noqa: BLE001 - nobody is there to catch it
        internal_error("ending an abandoned stream")


def run_late() -> None:
    """End what had to wait. Called at the next call of ours, by flush and at exit."""
    while _late:
        try:
            end = _late.popleft()
        except IndexError:
            return
        try:
            end()
        except Exception:  # noqa: BLE001 - of a span processor, say: neither the next call's nor the others' fault
            internal_error("ending an abandoned stream late")


def waiting() -> bool:
    """Whether anything had to wait."""
    return bool(_late)


def _inside_locking_code(frame: FrameType | None) -> bool:
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if module.startswith(_LOCKING):
            return True
        # Every thread starts in `threading`; only its locks, conditions and events matter.
        if module == "threading" and frame.f_code.co_name not in _THREAD_MAIN:
            return True
        frame = frame.f_back
    return False
