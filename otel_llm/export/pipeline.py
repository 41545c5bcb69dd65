"""OpenTelemetry for people who have none: providers and exporters from the standard `OTEL_*` variables."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from importlib import metadata
from typing import Any
from uuid import uuid4

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricsData, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor

from otel_llm.export import otlp
from otel_llm.export.conversations import ConversationProcessor
from otel_llm.export.delivery import (
    CountingProcessor,
    Delivery,
    LogDelivery,
    MetricDelivery,
    SpanDelivery,
    counted,
    stop_by,
)
from otel_llm.export.langsmith import LangSmithProcessor
from otel_llm.export.variables import corrected
from otel_llm.guard import logger, warn_once

_DEFAULT_EXIT_SECONDS = 5.0


class Pipeline:
    """The providers of the signals that the program has none for, and how they end."""

    def __init__(
        self,
        service_name: str | None = None,
        endpoint: str | None = None,
        *,
        console: bool = False,
        langsmith: bool = False,
        metrics: bool = True,
        logs: bool = True,
    ) -> None:
        self._endpoint = endpoint
        otlp.silence()
        self._deliveries: list[Delivery] = []
        self._counted: list[tuple[CountingProcessor, Delivery]] = []
        self._metric_exporters: list[MetricDelivery] = []
        self._batches: list[BatchSpanProcessor | BatchLogRecordProcessor] = []
        self._given_up = 0
        self.exit_seconds = _exit_seconds()
        self.resource = _resource({"service.name": service_name} if service_name else {})
        # The SDK's own exit handlers know no deadline: ours call them.
        self.tracer_provider = TracerProvider(resource=self.resource, shutdown_on_exit=False)
        self.tracer_provider.add_span_processor(ConversationProcessor())
        self._add_traces(console=console, langsmith=langsmith)
        self.logger_provider = self._new_logger_provider() if logs else None
        self.meter_provider = self._new_meter_provider(self.resource) if metrics else None

    def given(self) -> tuple[TracerProvider, MeterProvider | None, LoggerProvider | None]:
        """What to instrument with: None for what the program has itself."""
        return self.tracer_provider, self.meter_provider, self.logger_provider

    def providers(self) -> list[Any]:
        """Those that exist."""
        return [provider for provider in self.given() if provider is not None]

    def _add_traces(self, *, console: bool, langsmith: bool) -> None:
        names = _exporter_names("traces")
        if console and "llm_console" not in names:
            names.append("llm_console")
        for name in names:
            if name in otlp.PROTOCOLS:
                delivery = self._delivery("traces", name)
                processor = CountingProcessor(SpanDelivery(delivery))
                self._counted.append((processor, delivery))
            elif (exporter := _load("traces", name)) is None:
                continue
            elif "console" in name:  # shows what happens when it happens
                self.tracer_provider.add_span_processor(SimpleSpanProcessor(exporter))
                continue
            else:
                processor = BatchSpanProcessor(exporter)
            self._batches.append(processor)
            self.tracer_provider.add_span_processor(LangSmithProcessor(processor) if langsmith else processor)

    def _new_logger_provider(self) -> LoggerProvider:
        provider = LoggerProvider(resource=self.resource, shutdown_on_exit=False)
        for name in _exporter_names("logs"):
            if name in otlp.PROTOCOLS:
                exporter: Any = LogDelivery(self._delivery("logs", name))
            elif (exporter := _load("logs", name)) is None:
                continue
            processor = BatchLogRecordProcessor(exporter)
            self._batches.append(processor)
            provider.add_log_record_processor(processor)
        return provider

    def _new_meter_provider(self, resource: Resource) -> MeterProvider:
        readers: list[PeriodicExportingMetricReader] = []
        for name in _exporter_names("metrics"):
            if name in otlp.PROTOCOLS:
                delivery = self._delivery("metrics", name)
                exporter: Any = MetricDelivery(delivery, delivery.exporter)
                self._metric_exporters.append(exporter)
            elif (exporter := _load("metrics", name)) is None:
                continue
            readers.append(PeriodicExportingMetricReader(exporter))
        return MeterProvider(metric_readers=readers, resource=resource, shutdown_on_exit=False)

    def _delivery(self, signal: str, name: str) -> Delivery:
        delivery = otlp.delivery(signal, self._endpoint, otlp.PROTOCOLS[name])
        self._deliveries.append(delivery)
        return delivery

    def after_fork(self) -> MeterProvider | None:
        """In a forked child: fresh connections, and a meter provider of its own, if there was one.

        The SDK restarts its threads by itself. But the child also inherits the parent's counts, and if it
        exported them too, every token before the fork would be counted twice.
        """
        for delivery in self._deliveries:
            delivery.renew()
        for processor, _ in self._counted:
            processor.accepted = 0
        self._given_up = 0
        if self.meter_provider is not None:
            for exporter in self._metric_exporters:
                exporter.inherited = _without_ours
            fresh = Resource({"service.instance.id": str(uuid4())})
            with corrected():
                self.meter_provider = self._new_meter_provider(self.resource.merge(fresh))
        return self.meter_provider

    @property
    def accepted(self) -> int:
        """How many spans were handed over so far."""
        return sum(processor.accepted for processor, _ in self._counted)

    def lost_none(self, accepted: int) -> bool:
        """After a flush: whether the first so many spans, and all else, have arrived as far as the exporters
        know. What is missing is told once: the next flush can do nothing about it."""
        missing = accepted - sum(delivery.delivered for _, delivery in self._counted)
        complete = missing <= self._given_up and all(
            delivery.working for delivery in self._deliveries if delivery.signal != "traces"
        )
        self._given_up = max(0, missing)
        for delivery in self._deliveries:
            delivery.working = True
        return complete

    def close_by(self, deadline: float | None) -> None:
        """No export takes longer than this moment of the monotonic clock; None: as configured."""
        for delivery in self._deliveries:
            delivery.close_by(deadline)

    def shutdown(self, timeout: float | None = None) -> None:
        """Send what is left, within `timeout` seconds in all, and say in one line what could not be sent."""
        deadline = time.monotonic() + (self.exit_seconds if timeout is None else timeout)
        self.close_by(deadline)
        try:
            for processor in self._batches:
                stop_by(processor, deadline)
            self.tracer_provider.shutdown()
            if self.logger_provider is not None:
                self.logger_provider.shutdown()
            if self.meter_provider is not None:
                # A moment is given even if none is left: without it, the SDK raises.
                left = max(0.1, deadline - time.monotonic())
                self.meter_provider.shutdown(timeout_millis=left * 1000)
        finally:
            self._tell_losses()

    def _tell_losses(self) -> None:
        losses: dict[str, list[str]] = {}
        told: set[str] = set()
        for processor, delivery in self._counted:
            lost = processor.accepted - delivery.delivered
            if lost > delivery.told:
                losses.setdefault(delivery.where, []).append(counted("traces", lost, processor.accepted))
            elif lost:
                told.add(delivery.where)
        for delivery in self._deliveries:
            if not (delivery.working or delivery.signal == "traces" or delivery.where in told):
                losses.setdefault(delivery.where, []).append(counted(delivery.signal, 0))
        for where, what in losses.items():
            logger.warning("%s could not be sent to %s", ", ".join(what), where)


def _resource(given: dict[str, str]) -> Resource:
    """What the environment says, and an id for this process: two without one would pass for the same series."""
    resource = Resource.create(given)
    if "service.instance.id" in resource.attributes:
        return resource
    return resource.merge(Resource({"service.instance.id": str(uuid4())}))


def _exporter_names(signal: str) -> list[str]:
    chosen = os.environ.get(f"OTEL_{signal.upper()}_EXPORTER", "").strip() or "otlp"
    names = [name for entry in chosen.split(",") if (name := entry.strip()) and name != "none"]
    return list(dict.fromkeys(names))


def _load(signal: str, name: str) -> Any:
    """An exporter by the name of its entry point; None, with a warning, if it cannot be had."""
    group = f"opentelemetry_{signal}_exporter"
    variable = f"OTEL_{signal.upper()}_EXPORTER"
    found = next(iter(metadata.entry_points(group=group, name=name)), None)
    if found is None:
        known = {entry.name for entry in metadata.entry_points(group=group)} | {"otlp", "none"}
        allowed = ", ".join(sorted(known))
        warn_once((variable, name), "%s=%r is not known (%s); it is left out", variable, name, allowed)
        return None
    try:
        return found.load()()
    except Exception as error:  # noqa: BLE001 - the exporter is somebody else's
        kind = type(error).__name__
        warn_once((variable, name), "%s=%r cannot be used (%s); it is left out", variable, name, kind)
        return None


def _exit_seconds() -> float:
    return float(os.environ.get("OTEL_EXPORTER_OTLP_TIMEOUT") or _DEFAULT_EXIT_SECONDS)


def _without_ours(data: MetricsData) -> MetricsData:
    def others(scopes: Any) -> Iterator[Any]:
        return (scope for scope in scopes if scope.scope.name != "otel_llm")

    return MetricsData(
        resource_metrics=[
            replace(resource, scope_metrics=list(others(resource.scope_metrics)))
            for resource in data.resource_metrics
        ]
    )
