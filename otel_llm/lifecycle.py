"""`setup()`, `flush()` and `shutdown()`: a whole pipeline of ours, from the first import to the last span."""

from __future__ import annotations

import threading
import time
from typing import Any

from opentelemetry import _logs, metrics, trace

from otel_llm import instrumentation, processes
from otel_llm.export.variables import corrected
from otel_llm.guard import internal_error, logger, warn_once

_pipeline: Any = None
_last: Any = None
"""The tracer provider of the last pipeline that has been shut down: nobody's choice any more."""


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
    in_force = instrumentation.settings(config)
    if in_force.disabled:
        logger.debug("switched off by OTEL_LLM_DISABLED")
        return
    tracing = trace.get_tracer_provider()
    if tracing is not _last and not isinstance(tracing, trace.ProxyTracerProvider):
        logger.info("a tracer provider is set already: setup() uses it and exports nothing itself")
        instrumentation.instrument(**config)
        return
    pipeline = _new_pipeline(service_name, endpoint, console=console, langsmith=in_force.langsmith)
    if pipeline is None:
        return
    _set_global(pipeline)
    instrumentation.instrument(*pipeline.given(), **config)
    if _last is None:
        processes.watch(shutdown, _tell_everything, _after_fork)
    _pipeline = pipeline


def _new_pipeline(service_name: str | None, endpoint: str | None, *, console: bool, langsmith: bool) -> Any:
    """A pipeline for the signals that the program has no providers for; None, with a warning, if that fails."""
    try:
        with corrected():
            from otel_llm.export.pipeline import Pipeline

            return Pipeline(
                service_name,
                endpoint,
                console=console,
                langsmith=langsmith,
                metrics=_last is not None or not hasattr(metrics.get_meter_provider(), "force_flush"),
                logs=_last is not None or not hasattr(_logs.get_logger_provider(), "force_flush"),
            )
    except Exception as error:  # noqa: BLE001 - a wrong setting must not stop the program
        warn_once("setup", "OpenTelemetry could not be set up: %s: %s", type(error).__name__, error)
        return None


def _set_global(pipeline: Any) -> None:
    """Those can be set only once in a process."""
    if _last is not None:
        return
    trace.set_tracer_provider(pipeline.tracer_provider)
    if pipeline.meter_provider is not None:
        metrics.set_meter_provider(pipeline.meter_provider)
    if pipeline.logger_provider is not None:
        _logs.set_logger_provider(pipeline.logger_provider)


def flush(timeout: float = 5.0) -> bool:
    """Send everything that has ended, now. For workers that are about to be frozen or killed.

    `timeout` in seconds for all signals together; True if all of it was sent in time. Works on the providers
    in force, whoever made them; what becomes of the telemetry is known only of a pipeline that `setup()` made.
    """
    deadline = time.monotonic() + timeout
    instrumentation.run_late()
    engine, pipeline = instrumentation.engine(), _pipeline
    providers = list(engine.providers()) if engine is not None else []
    if pipeline is not None:
        providers += [own for own in pipeline.providers() if own not in providers]
    accepted = pipeline.accepted if pipeline is not None else 0
    results: list[bool] = []
    thread = threading.Thread(
        target=_force_flush, args=(providers, results), name="otel_llm.flush", daemon=True
    )
    try:
        thread.start()
    except RuntimeError:  # newer Pythons start no threads while they exit
        if pipeline is not None:
            pipeline.close_by(deadline)
        _force_flush(providers, results)
        if pipeline is not None:
            pipeline.close_by(None)
    else:
        thread.join(max(0.0, deadline - time.monotonic()))
        if thread.is_alive():
            return False
    return all(results) and (pipeline is None or pipeline.lost_none(accepted))


def _force_flush(providers: list[Any], results: list[bool]) -> None:
    for provider in providers:
        force_flush = getattr(provider, "force_flush", None)
        if force_flush is not None:
            try:
                results.append(force_flush() is not False)
            except Exception:  # noqa: BLE001 - an exporter's failure is not the application's
                results.append(False)


def shutdown() -> None:
    """End open streams, send what is left, stop the pipeline that `setup()` made, and uninstrument."""
    global _pipeline, _last  # noqa: PLW0603 - as in setup()
    engine = instrumentation.engine()
    if engine is not None:
        engine.end_open_streams()
    instrumentation.uninstrument()
    pipeline, _pipeline = _pipeline, None
    if pipeline is None:
        return
    _last = trace.get_tracer_provider()
    with processes.termination_postponed():
        try:
            pipeline.shutdown()
        except Exception:  # noqa: BLE001 - the process ends all the same
            internal_error("shutting down")


def _after_fork() -> None:
    if _pipeline is None:
        return
    try:
        meter_provider = _pipeline.after_fork()
        engine = instrumentation.engine()
        if engine is not None and meter_provider is not None:
            engine.use_meter_provider(meter_provider)
    except Exception:  # noqa: BLE001 - the child must live
        internal_error("starting anew after a fork")


def _tell_everything() -> None:
    """Before a process is gone without its exit handlers."""
    engine, pipeline = instrumentation.engine(), _pipeline
    if engine is not None:
        engine.end_open_streams()
    if pipeline is not None:
        flush(pipeline.exit_seconds)
