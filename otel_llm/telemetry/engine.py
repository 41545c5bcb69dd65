"""Where calls begin: one engine holds the settings, names, tracer, instruments and events in force."""

from __future__ import annotations

import atexit
import os
from dataclasses import replace
from time import perf_counter_ns, time_ns
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakMethod, WeakSet

from opentelemetry import context as context_api
from opentelemetry import metrics, trace
from opentelemetry._logs import LoggerProvider, get_logger_provider
from opentelemetry.context import Context
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import SpanKind, TracerProvider

from otel_llm.config import CAPTURE_MODES, Config
from otel_llm.dialects.dialect import Dialect
from otel_llm.dialects.fields import Fields
from otel_llm.guard import internal_error
from otel_llm.telemetry import finalizers, frames, names, others
from otel_llm.telemetry.attributes import Attributes
from otel_llm.telemetry.call import Call
from otel_llm.telemetry.conversation import said_inside
from otel_llm.telemetry.cost import Costs
from otel_llm.telemetry.events import Events
from otel_llm.telemetry.inner import InnerCall
from otel_llm.telemetry.metrics import Instruments
from otel_llm.telemetry.steps import Step, StepKind
from otel_llm.version import VERSION

if TYPE_CHECKING:
    from otel_llm.telemetry.content import Contents
    from otel_llm.telemetry.logprobs import Logprobs

_NO_TRACING = ("ProxyTracerProvider", "NoOpTracerProvider")


class Server(NamedTuple):
    """Who answers, and where: the host name alone, for the rest of a URL may hold a user, a password or a key."""

    provider: str
    host: str
    port: int
    sure: bool = False
    """Whether the provider was named, and not concluded from the host or the SDK."""


def _contents(config: Config) -> Contents | None:
    if not config.content and config.completion_hook is None:
        return None
    from otel_llm.telemetry.content import Contents

    return Contents(config)


def _logprobs(config: Config) -> Logprobs | None:
    if not config.logprobs:
        return None
    from otel_llm.telemetry.logprobs import Logprobs

    return Logprobs(config)


class Engine:
    """Starts calls. Providers that are None mean the global ones, also when they are set later."""

    def __init__(
        self,
        config: Config,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        logger_provider: LoggerProvider | None = None,
    ) -> None:
        self.config = config
        self.profile = names.PROFILES[config.semconv]
        self.contents = _contents(config)
        """Captures what is said; None: nobody wants it."""
        self.details = (
            config.capture_content in CAPTURE_MODES[2:] if config.emit_event is None else config.emit_event
        )
        """Whether each call of a model gets an event with its details."""
        self.chunk_metric = config.chunk_metric
        self.costs = Costs(config.prices, lambda: self.instruments) if config.cost else None
        self.logprobs = _logprobs(config)
        self._given_tracing = tracer_provider
        self._given_metrics = meter_provider
        self._given_logs = logger_provider
        self.tracer = trace.get_tracer("otel_llm", VERSION, tracer_provider)
        self.instruments = Instruments(meter_provider, self.profile, VERSION)
        self.tell_text = self.contents.text if self.contents is not None and config.content else None
        """What is told of a text that may quote anything; None: nothing."""
        self.events = Events(logger_provider, VERSION, self.tell_text)
        self._streams: WeakSet[Call | Step] = WeakSet()
        self._at_exit = False
        self._looked_around = False
        self._told_by_others: dict[str, bool] = {}
        self.forks = 0
        """How many forks lie between this process and the one that made the engine."""
        if hasattr(os, "register_at_fork"):
            forked = WeakMethod(self._forked)
            os.register_at_fork(after_in_child=lambda: (alive := forked()) and alive())

    @property
    def live(self) -> bool:
        """Whether anybody receives spans or metrics. If not, a call costs next to nothing."""
        provider = self._given_tracing or trace.get_tracer_provider()
        return type(provider).__name__ not in _NO_TRACING or self.instruments.live

    def providers(self) -> tuple[object, ...]:
        """Those of traces, metrics and logs in force: given ones, else the global ones; and what stores content."""
        return (
            self._given_tracing or trace.get_tracer_provider(),
            self._given_metrics or metrics.get_meter_provider(),
            self._given_logs or get_logger_provider(),
            None if self.contents is None else self.contents.storage,
        )

    def use_meter_provider(self, provider: MeterProvider) -> None:
        """Record elsewhere from now on, as after a fork."""
        self._given_metrics = provider
        self.instruments = Instruments(provider, self.profile, VERSION)

    def begin(
        self, dialect: Dialect, body: Fields, server: Server, *, stream: bool, parent: Context | None = None
    ) -> Call | None:
        """Start the span of one call, as a child of what is current. It is not made current here.

        Inside of a framework's call it has no span of its own, but is a part of that one. `parent`, from a
        framework that knows better, goes before what is current; such a call has a span in any case. None if the
        call, made here and now, is not ours to count.
        """
        current = context_api.get_current()
        if current and not others.counts(current, dialect.operation):
            if parent is None and (frame := frames.current()) is not None:
                frame.work.counted_inside()
            return None
        if not self._looked_around:
            self._looked_around = True
            others.warn_of_others()
        request = dialect.read_request(body)
        if request.stream != stream:  # what the SDK does counts, whatever the body says
            request = replace(request, stream=stream)
        if finalizers.waiting():
            finalizers.run_late()
        base: Attributes = {names.OPERATION_NAME: dialect.operation, names.PROVIDER_NAME: server.provider}
        if server.host:
            base[names.SERVER_ADDRESS] = server.host
            base[names.SERVER_PORT] = server.port
        if parent is not None:
            current = parent
        elif (frame := frames.current()) is not None:
            if isinstance(frame.work, Call) and frame.work.covers(dialect.operation):
                del base[names.OPERATION_NAME]
                if frame.work.sure and not server.sure:
                    base[names.PROVIDER_NAME] = frame.work.provider
                inner = InnerCall(frame.work, frame, dialect, request, base, sure=server.sure)
                return self._listening(inner, body)
            current = frame.parent(current)
        name = dialect.operation
        if request.model is not None:
            base[names.REQUEST_MODEL] = request.model
            name = f"{name} {request.model}"
        aside = said_inside(current)
        at_start = {**aside, **base} if aside else base
        started, began = time_ns(), perf_counter_ns()
        span = self.tracer.start_span(name, current, SpanKind.CLIENT, at_start, start_time=started)
        context = trace.set_span_in_context(span, current)
        sure = server.sure
        call = Call(self, dialect, request, server.provider, base, span, context, started, began, sure=sure)
        return self._listening(call, body)

    def _listening(self, call: Call, body: Fields) -> Call:
        """The call, with what else is to be read of it."""
        if self.contents is not None:
            call.listen(self.contents, body, recording=call.recording)
        return call

    def told_by_others(self, framework: str) -> bool:
        """Whether an official package tells of a framework's runs: then we are silent about them. Looked up once."""
        if framework not in self._told_by_others:
            self._told_by_others[framework] = others.officially_told(framework)
            others.warn_of_others()
        return self._told_by_others[framework]

    def begin_step(
        self,
        kind: StepKind,
        name: str,
        attributes: Attributes,
        parent: Context,
        content: str = "",
        given: tuple[Any, ...] = (),
    ) -> Step | None:
        """Start the span of a framework's step that is no model call; None if tracing is suppressed here.

        `given` is what the framework says of what goes into it; `content` names what reads that, if anything does.
        """
        current = context_api.get_current()
        if others.suppressed(current):
            return None
        step = Step(self, kind, name, attributes, said_inside(parent), parent)
        if content and self.contents is not None:
            step.listen(self.contents, content, given)
        return step

    def _forked(self) -> None:
        """Calls in flight belong to the parent, which ends their spans."""
        self.forks += 1
        self._streams = WeakSet()

    def watch_exit(self, call: Call | Step) -> None:
        """Streams that are still open when the interpreter exits must end before the SDK's own exit handler, which
        was registered when its provider was made: ours has to be registered later, hence only now."""
        self._streams.add(call)
        if not self._at_exit:
            self._at_exit = True
            atexit.register(self.end_open_streams)

    def end_open_streams(self) -> None:
        """End what is still open, as abandoned."""
        finalizers.run_late()
        for call in list(self._streams):
            try:
                call.abandon()
            except Exception:  # noqa: BLE001 - ours, not the user's
                internal_error("ending open streams")
