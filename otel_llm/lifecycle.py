"""`setup()`, `flush()` and `shutdown()`: a whole pipeline of ours, from the first import to the last span."""

from __future__ import annotations

import atexit
import os
import sys
import threading
from typing import Any

from opentelemetry import _logs, metrics, trace

from otel_llm import instrumentation
from otel_llm.guard import internal_error, logger
from otel_llm.hooks.importing import ImportWatcher

_pipeline: Any = None
_watcher = ImportWatcher()
_FORKING = ("multiprocessing.util", "billiard.util")
"""Modules of process pools whose workers end without running exit handlers, and who offer their own."""


def setup(
    service_name: str | None = None, endpoint: str | None = None, *, console: bool = False, **config: Any
) -> None:
    """OpenTelemetry and `instrument()` in one line, for a program that has neither.

    Exporters, endpoint, headers, sampler and resource come from the standard `OTEL_*` variables; `service_name`
    and `endpoint` (the OTLP base URL, `http://localhost:4318`) win over them. `console` prints each call as a
    line. The providers become the global ones, unless the program has set its own: those are used then, and
    nothing is exported twice. Everything is flushed at exit. Settings as for `instrument()`. Calling it again
    changes nothing.
    """
    global _pipeline  # noqa: PLW0603 - one per process, as the global providers are
    if _pipeline is not None or instrumentation.engine() is not None:
        logger.debug("setup() or instrument() was called already; this call changes nothing")
        return
    if hasattr(trace.get_tracer_provider(), "add_span_processor"):
        logger.info("a tracer provider is set already: setup() uses it and exports nothing itself")
        instrumentation.instrument(**config)
        return
    if instrumentation.settings(config).disabled:
        logger.debug("switched off by OTEL_LLM_DISABLED")
        return
    from otel_llm.export.pipeline import Pipeline

    _pipeline = Pipeline(service_name, endpoint, console=console)
    trace.set_tracer_provider(_pipeline.tracer_provider)
    metrics.set_meter_provider(_pipeline.meter_provider)
    _logs.set_logger_provider(_pipeline.logger_provider)
    instrumentation.instrument(**config)
    atexit.register(shutdown)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_after_fork)
    for module in _FORKING:
        _watcher.wait(module, _end_with_workers)


def flush(timeout: float = 5.0) -> bool:
    """Send everything that has ended, now. For workers that are about to be frozen or killed.

    `timeout` in seconds for all signals together; True if all of it was sent in time. Works on the providers
    in force, whoever made them.
    """
    instrumentation.run_late()
    engine = instrumentation.engine()
    if engine is None:
        return True
    flushing = [getattr(provider, "force_flush", None) for provider in engine.providers()]
    results: list[bool] = []

    def run() -> None:
        for force_flush in flushing:
            if force_flush is not None:
                try:
                    results.append(force_flush() is not False)
                except Exception:  # noqa: BLE001 - an exporter's failure is not the application's
                    results.append(False)

    thread = threading.Thread(target=run, name="otel_llm.flush", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # some Pythons start no threads while they exit
        run()
    else:
        thread.join(timeout)
    return not thread.is_alive() and all(results) and (_pipeline is None or _pipeline.delivered)


def shutdown() -> None:
    """End open streams, send what is left, stop the pipeline that `setup()` made, and uninstrument."""
    global _pipeline
    engine = instrumentation.engine()
    if engine is not None:
        engine.end_open_streams()
    instrumentation.uninstrument()
    pipeline, _pipeline = _pipeline, None
    if pipeline is not None:
        try:
            pipeline.shutdown()
        except Exception:  # noqa: BLE001 - the process ends all the same
            internal_error("shutting down")


def _after_fork() -> None:
    engine = instrumentation.engine()
    if _pipeline is None or engine is None:
        return
    try:
        engine.use_meter_provider(_pipeline.after_fork())
    except Exception:  # noqa: BLE001 - the child must live
        internal_error("starting anew after a fork")


def _end_with_workers(util: Any) -> None:
    """Workers of process pools leave by `os._exit()`, past all exit handlers but their own module's."""
    util.register_after_fork(sys.modules[__name__], _finish_worker(util))


def _finish_worker(util: Any) -> Any:
    def forked(_: Any) -> None:
        util.Finalize(None, shutdown, exitpriority=100)

    return forked
