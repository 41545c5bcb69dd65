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
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk._logs import ReadableLogRecord
    from opentelemetry.sdk.metrics.export import MetricsData
    from opentelemetry.sdk.trace.sampling import Sampler

__all__ = ["Telemetry"]

# Older SDKs know only InMemoryLogExporter, newer ones warn about that name.
_LogExporter: Any = getattr(logs_export, "InMemoryLogRecordExporter", None) or getattr(
    logs_export, "InMemoryLogExporter", None
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

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return True


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

    @property
    def spans(self) -> list[ReadableSpan]:
        """The finished spans, in the order they ended."""
        return list(self._span_exporter.get_finished_spans())

    @property
    def started(self) -> int:
        """How many spans were started; sampled ones only, as nobody tells of the others."""
        return self._counter.started

    @property
    def ended(self) -> int:
        """How many spans have ended; below `started` as long as one is open."""
        return self._counter.ended

    @property
    def logs(self) -> list[ReadableLogRecord]:
        """The log records and events, oldest first; the record proper is `.log_record`."""
        return list(self._log_exporter.get_finished_logs())

    def metrics_data(self) -> MetricsData | None:
        """Every metric recorded so far, as the SDK hands it to exporters."""
        return self._reader.get_metrics_data()

    def metrics(self) -> dict[str, list[tuple[dict[str, Any], Any]]]:
        """Every metric recorded so far, by name: pairs of a point's attributes and the SDK's data point
        (with `sum`, `count`, `bucket_counts` for histograms, else `value`), in units of the instrument."""
        found: dict[str, list[tuple[dict[str, Any], Any]]] = {}
        data = self.metrics_data()
        for of_resource in data.resource_metrics if data else ():
            for of_scope in of_resource.scope_metrics:
                for metric in of_scope.metrics:
                    points = found.setdefault(metric.name, [])
                    points.extend((dict(point.attributes or {}), point) for point in metric.data.data_points)
        return found

    def clear(self) -> None:
        """Forget spans, logs and the counts of spans. Metrics add up for as long as the object lives."""
        self._counter.clear()
        self._span_exporter.clear()
        self._log_exporter.clear()

    def export_bytes(self) -> bytes:
        """All of it as the OTLP bytes an exporter would send, to be searched for what must not leave."""
        parts: list[Any] = [encode_spans(self.spans), encode_logs(self.logs)]
        if (data := self.metrics_data()) is not None:
            parts.append(encode_metrics(data))
        return b"".join(part.SerializeToString() for part in parts)
