"""`setup()`, `flush()` and `shutdown()`: a whole pipeline of ours, from the first import to the last span."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import time
from typing import Any

from opentelemetry import _logs, metrics, trace

from otel_llm import instrumentation
from otel_llm.export.variables import corrected
from otel_llm.guard import internal_error, logger, warn_once
from otel_llm.hooks.importing import ImportWatcher

_pipeline: Any = None
_watcher = ImportWatcher()
_last: Any = None
"""The tracer provider of the last pipeline that has been shut down: nobody's choice any more."""
_leaving: list[Any] = []
"""The pipeline that is being shut down."""
_postponed: list[int] = []
"""The signal that came meanwhile."""
_POOLS = ("multiprocessing.util", "billiard.util")
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
    if instrumentation.settings(config).disabled:
        logger.debug("switched off by OTEL_LLM_DISABLED")
        return
    tracing = trace.get_tracer_provider()
    if tracing is not _last and not isinstance(tracing, trace.ProxyTracerProvider):
        logger.info("a tracer provider is set already: setup() uses it and exports nothing itself")
        instrumentation.instrument(**config)
        return
    pipeline = _new_pipeline(service_name, endpoint, console=console)
    if pipeline is None:
        return
    _set_global(pipeline)
    instrumentation.instrument(*pipeline.given(), **config)
    if _last is None:
        _watch_process()
    _pipeline = pipeline


def _new_pipeline(service_name: str | None, endpoint: str | None, *, console: bool) -> Any:
    """A pipeline for the signals that the program has no providers for; None, with a warning, if that fails."""
    try:
        with corrected():
            from otel_llm.export.pipeline import Pipeline

            return Pipeline(
                service_name,
                endpoint,
                console=console,
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


def _watch_process() -> None:
    """Be told of its end, and of children; once, for this cannot be taken back."""
    atexit.register(shutdown)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_after_fork)
    for module in _POOLS:
        _watcher.wait(module, _end_with_workers)
    _watcher.wait("celery.signals", _end_with_celery)
    main = threading.current_thread() is threading.main_thread()  # elsewhere Python accepts no handlers
    if os.name == "posix" and main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _terminated)


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
    _leaving.append(pipeline)
    try:
        pipeline.shutdown()
    except Exception:  # noqa: BLE001 - the process ends all the same
        internal_error("shutting down")
    finally:
        _leaving.clear()
        if _postponed:
            os.kill(os.getpid(), _postponed.pop())


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


def _end_with_workers(util: Any) -> None:
    """Workers of process pools leave by `os._exit()`, past all exit handlers but their own module's."""
    util.register_after_fork(sys.modules[__name__], _finish_worker(util))


def _finish_worker(util: Any) -> Any:
    def forked(_: Any) -> None:
        # The lowest priority runs last: after the finalizers that may still make calls.
        util.Finalize(None, shutdown, exitpriority=-1000)

    return forked


def _end_with_celery(signals: Any) -> None:
    """Celery's workers leave even past those, and send a signal of Celery's own before."""

    def leaving(**_: Any) -> None:
        flush(_exit_seconds())

    signals.worker_process_shutdown.connect(leaving, weak=False)


def _terminated(number: int, frame: Any) -> None:
    """Die of SIGTERM as if we were not there, but with everything told.

    Exit handlers do not run then, and it is how pools, servers and containers end their processes. Another
    signal meanwhile is obeyed at once. The work is done by a thread, for this one may hold any lock.
    """
    del frame
    signal.signal(number, signal.SIG_DFL)
    if _leaving:
        _postponed.append(number)
        return
    try:
        engine = instrumentation.engine()
        if engine is not None:
            ending = threading.Thread(target=engine.end_open_streams, name="otel_llm.end", daemon=True)
            ending.start()
            ending.join(1.0)
        if _pipeline is not None:
            flush(_exit_seconds())
    finally:
        os.kill(os.getpid(), number)
    # Still alive: the first process of a container is spared by the system.
    signal.signal(number, _terminated)


def _exit_seconds() -> float:
    return _pipeline.exit_seconds if _pipeline is not None else 0.0
