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

    def __init__(self, make: MakeExporter, signal: str, where: str) -> None:
        self._make = make
        self.signal = signal
        self.where = where
        self.exporter = make()
        self._deadline: float | None = None
        self.delivered = 0
        self.working = True
        """Whether nothing is missing: for metrics, which repeat themselves, since the last export."""
        self.told = 0
        """How many losses have been spoken of already."""

    def send(self, batch: Any, size: int) -> Any:
        """Export; once the end is near, with no more time than is left, and not at all after that."""
        deadline, exporter = self._deadline, self.exporter
        if deadline is not None:
            left = deadline - time.monotonic()
            if left <= 0:
                self.working = False
                return None
            exporter = self.exporter = self._make(timeout=left)
        try:
            result = exporter.export(batch)
        except Exception:  # noqa: BLE001 - older exporters raise what newer ones report
            result = None
        # Each signal has a result type of its own.
        arrived = result is not None and result.name == "SUCCESS"
        self.working = arrived and (self.working or self.signal == "metrics")
        if arrived:
            self.delivered += size
        elif self._deadline is None:
            self._complain(size)
        return result

    def _complain(self, size: int) -> None:
        """Once while the process runs; what is lost after that is counted, and told at its end."""
        if warn_once(
            ("delivery", self.where), "%s could not be sent to %s", counted(self.signal, size), self.where
        ):
            self.told = size

    def close_by(self, deadline: float | None) -> None:
        """Nothing takes longer than this moment of the monotonic clock from now on; None: as before."""
        self._deadline = deadline

    def renew(self) -> None:
        """In a forked child: the parent's connections are not ours to write to."""
        self.exporter = self._make()
        self._deadline = None
        self.delivered = self.told = 0
        self.working = True

    def shutdown(self) -> None:
        """No more exports."""
        self.exporter.shutdown()


def counted(signal: str, lost: int, of: int = 0) -> str:
    """What was lost, in words: spans are counted, of the other signals only the newest state matters."""
    if signal != "traces":
        return signal
    return f"{lost} of {of} spans" if of else f"{lost} span{'s' if lost != 1 else ''}"


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
        if not any(scope.metrics for of in metrics_data.resource_metrics for scope in of.scope_metrics):
            return MetricExportResult.SUCCESS
        return self.delivery.send(metrics_data, 1) or MetricExportResult.FAILURE

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        return True

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        self.delivery.shutdown()


class CountingProcessor(BatchSpanProcessor):
    """A batch processor that knows how many spans it was given, so that what got lost can be told."""

    accepted = 0

    def on_end(self, span: ReadableSpan) -> None:
        """Count, and pass on."""
        if span.context is not None and span.context.trace_flags.sampled:
            self.accepted += 1
        super().on_end(span)


def stop_by(processor: Any, deadline: float) -> None:
    """Shut down a batch processor of the SDK, without waiting any longer for an export that hangs.

    By itself it would wait for half a minute; it is the part inside of it that can be told not to.
    """
    batches = getattr(processor, "_batch_processor", None)
    if batches is None:
        processor.shutdown()
    else:
        batches.shutdown(timeout_millis=max(0.0, deadline - time.monotonic()) * 1000)
