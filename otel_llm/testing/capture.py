"""Telemetry kept in memory: the three providers of the OpenTelemetry SDK with nothing leaving the process.

Knows the SDK's in-memory exporters; knows neither networks nor what is being instrumented. Nothing becomes
a global provider.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs import export as logs_export
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricsData
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace.sampling import Sampler
    from typing_extensions import Self

__all__ = ["Telemetry"]

# Renamed in SDK 1.38; the older name still works there, with a warning.
_LogExporter: Any = getattr(logs_export, "InMemoryLogRecordExporter", None) or getattr(
    logs_export, "InMemoryLogExporter"  # noqa: B009 - not in newer type stubs
)


class _Counter(SpanProcessor):
    """How many spans began and how many ended: the two must be equal once nothing runs any more."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        self.started = 0
        self.ended = 0

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        with self._lock:
            self.started += 1

    def on_end(self, span: ReadableSpan) -> None:
        with self._lock:
            self.ended += 1


class Telemetry:
    """Tracer, meter and logger providers that keep what they are given, to be handed to `instrument()`.

    Spans and logs appear in the moment they end. `sampler` is the tracer provider's (default: the SDK's own,
    which listens to `OTEL_TRACES_SAMPLER`); only sampled spans are seen and counted.
    """

    def __init__(self, sampler: Sampler | None = None) -> None:
        resource = Resource({"service.name": "test"})
        self._counter = _Counter()
        self._span_exporter = InMemorySpanExporter()
        self._log_exporter = _LogExporter()
        self._reader = InMemoryMetricReader()
        self.tracer_provider = TracerProvider(sampler=sampler, resource=resource, shutdown_on_exit=False)
        self.tracer_provider.add_span_processor(self._counter)
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self._span_exporter))
        self.meter_provider = MeterProvider([self._reader], resource=resource, shutdown_on_exit=False)
        self.logger_provider = LoggerProvider(resource=resource, shutdown_on_exit=False)
        self.logger_provider.add_log_record_processor(SimpleLogRecordProcessor(self._log_exporter))
