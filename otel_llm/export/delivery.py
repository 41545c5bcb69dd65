"""Exporters that know what they could not deliver, survive a fork, and never hold up the end of a process.

They stand around the OTLP exporters of a pipeline that is ours, one for each signal.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, MetricsData
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from otel_llm.guard import warn_once


class MakeExporter(Protocol):
    """Makes the exporter to send with; `timeout` in seconds, None for what the environment says."""

    def __call__(self, timeout: float | None = None) -> Any: ...


class Delivery:
    """One signal's way out: which exporter is used now, until when, and what it delivered."""

    def __init__(self, make: MakeExporter, what: str, where: str) -> None:
        self._make = make
        self._what = what
        self.where = where
        self.exporter = make()
        self._deadline: float | None = None
        self.delivered = 0
        self.working = True
        """Whether the last export succeeded."""

    def send(self, batch: Any, size: int) -> Any:
        """Export; once the end is near, with no more time than is left, and not at all after that."""
        exporter = self.exporter
        if self._deadline is not None:
            left = self._deadline - time.monotonic()
            if left <= 0:
                return None
            exporter = self.exporter = self._make(timeout=left)
        try:
            result = exporter.export(batch)
        except Exception:  # noqa: BLE001 - older exporters raise what newer ones report
            result = None
        # Each signal has a result type of its own.
        self.working = result is not None and result.name == "SUCCESS"
        if self.working:
            self.delivered += size
        elif self._deadline is None:
            warn_once(("delivery", self.where), "%s cannot be delivered to %s", self._what, self.where)
        return result

    def close_by(self, deadline: float) -> None:
        """Nothing takes longer than this moment of the monotonic clock from now on."""
        self._deadline = deadline

    def renew(self) -> None:
        """In a forked child: the parent's connections are not ours to write to."""
        self.exporter = self._make()
        self.delivered = 0

    def shutdown(self) -> None:
        self.exporter.shutdown()


class SpanDelivery(SpanExporter):
    def __init__(self, delivery: Delivery) -> None:
        self.delivery = delivery

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self.delivery.send(spans, len(spans)) or SpanExportResult.FAILURE

    def shutdown(self) -> None:
        self.delivery.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return True


class LogDelivery:
    """Logs. The SDK's base class has had two names, and whoever has its methods is an exporter."""

    def __init__(self, delivery: Delivery) -> None:
        self.delivery = delivery

    def export(self, batch: Sequence[Any]) -> Any:
        return self.delivery.send(batch, len(batch))

    def shutdown(self) -> None:
        self.delivery.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return True


class MetricDelivery(MetricExporter):
    """Metrics; in a forked child without ours, which are the parent's counts and exported by the parent."""

    def __init__(self, delivery: Delivery, exporter: MetricExporter) -> None:
        super().__init__(
            preferred_temporality=exporter._preferred_temporality,
            preferred_aggregation=exporter._preferred_aggregation,
        )
        self.delivery = delivery
        self.inherited: Callable[[MetricsData], MetricsData] | None = None

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        if self.inherited is not None:
            metrics_data = self.inherited(metrics_data)
        return self.delivery.send(metrics_data, 1) or MetricExportResult.FAILURE

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        return True

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        self.delivery.shutdown()


class CountingProcessor(BatchSpanProcessor):
    """A batch processor that knows how many spans it was given, so that what got lost can be told."""

    accepted = 0

    def on_end(self, span: ReadableSpan) -> None:
        if span.context is not None and span.context.trace_flags.sampled:
            self.accepted += 1
        super().on_end(span)
