"""OpenTelemetry for people who have none: providers and exporters from the standard `OTEL_*` variables."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module, metadata
from typing import Any
from uuid import uuid4

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricsData, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor

from otel_llm.export.delivery import (
    CountingProcessor,
    Delivery,
    LogDelivery,
    MakeExporter,
    MetricDelivery,
    SpanDelivery,
)
from otel_llm.guard import logger, warn_once

_PROTOCOLS = ("http/protobuf", "grpc")
_HTTP = "opentelemetry.exporter.otlp.proto.http"
_GRPC = "opentelemetry.exporter.otlp.proto.grpc"
# By signal: the exporter class, its module under the HTTP package, its module under the gRPC package.
_OTLP = {
    "traces": ("OTLPSpanExporter", "trace_exporter", "trace_exporter"),
    "metrics": ("OTLPMetricExporter", "metric_exporter", "metric_exporter"),
    "logs": ("OTLPLogExporter", "_log_exporter", "_log_exporter"),
}
_DEFAULT_EXIT_SECONDS = 5.0


class Pipeline:
    """The three providers, and how they end."""

    def __init__(
        self, service_name: str | None = None, endpoint: str | None = None, *, console: bool = False
    ) -> None:
        self._endpoint = endpoint
        _silence_exporters()
        self._deliveries: list[Delivery] = []
        self._counted: list[tuple[CountingProcessor, Delivery]] = []
        self._metric_exporters: list[MetricDelivery] = []
        self.resource = _resource({"service.name": service_name} if service_name else {})
        # The SDK's own exit handlers know no deadline: ours call them.
        self.tracer_provider = TracerProvider(resource=self.resource, shutdown_on_exit=False)
        self.logger_provider = LoggerProvider(resource=self.resource, shutdown_on_exit=False)
        self._add_traces(console=console)
        self._add_logs()
        self.meter_provider = self._new_meter_provider(self.resource)

    def _add_traces(self, *, console: bool) -> None:
        names = _exporter_names("traces")
        if console and "llm_console" not in names:
            names.append("llm_console")
        for name in names:
            if name == "otlp":
                delivery = self._delivery("traces")
                processor = CountingProcessor(SpanDelivery(delivery))
                self._counted.append((processor, delivery))
            else:
                exporter = _load("traces", name)
                if exporter is None:
                    continue
                # A console shows what happens when it happens.
                simple = "console" in name
                processor = SimpleSpanProcessor(exporter()) if simple else BatchSpanProcessor(exporter())
            self.tracer_provider.add_span_processor(processor)

    def _add_logs(self) -> None:
        for name in _exporter_names("logs"):
            if name == "otlp":
                exporter: Any = LogDelivery(self._delivery("logs"))
            elif (kind := _load("logs", name)) is not None:
                exporter = kind()
            else:
                continue
            self.logger_provider.add_log_record_processor(BatchLogRecordProcessor(exporter))

    def _new_meter_provider(self, resource: Resource) -> MeterProvider:
        readers: list[PeriodicExportingMetricReader] = []
        for name in _exporter_names("metrics"):
            if name == "otlp":
                delivery = self._delivery("metrics")
                exporter: Any = MetricDelivery(delivery, delivery.exporter)
                self._metric_exporters.append(exporter)
            elif (kind := _load("metrics", name)) is not None:
                exporter = kind()
            else:
                continue
            readers.append(PeriodicExportingMetricReader(exporter))
        return MeterProvider(metric_readers=readers, resource=resource, shutdown_on_exit=False)

    def _delivery(self, signal: str) -> Delivery:
        make, where = _otlp_maker(signal, self._endpoint)
        delivery = Delivery(make, signal, where)
        self._deliveries.append(delivery)
        return delivery

    def after_fork(self) -> MeterProvider:
        """In a forked child: fresh connections, and a meter provider of its own.

        The SDK restarts its threads by itself. But the child also inherits the parent's counts, and if it
        exported them too, every token before the fork would be counted twice.
        """
        for delivery in self._deliveries:
            delivery.renew()
        for processor, _ in self._counted:
            processor.accepted = 0
        for exporter in self._metric_exporters:
            exporter.inherited = _without_ours
        fresh = Resource({"service.instance.id": str(uuid4())})
        self.meter_provider = self._new_meter_provider(self.resource.merge(fresh))
        return self.meter_provider

    @property
    def delivered(self) -> bool:
        """Whether everything that was handed over has arrived, as far as the exporters know."""
        return all(delivery.working for delivery in self._deliveries) and not any(
            processor.accepted > delivery.delivered for processor, delivery in self._counted
        )

    def shutdown(self, timeout: float | None = None) -> None:
        """Send what is left, within `timeout` seconds in all, and say in one line what could not be sent."""
        deadline = time.monotonic() + (_exit_seconds() if timeout is None else timeout)
        for delivery in self._deliveries:
            delivery.close_by(deadline)
        self.tracer_provider.shutdown()
        self.meter_provider.shutdown()
        self.logger_provider.shutdown()
        for processor, delivery in self._counted:
            lost = processor.accepted - delivery.delivered
            if lost > 0:
                logger.warning(
                    "%d of %d spans could not be sent to %s", lost, processor.accepted, delivery.where
                )


def _resource(given: dict[str, str]) -> Resource:
    """What the environment says, and an id for this process: two without one would pass for the same series."""
    resource = Resource.create(given)
    if "service.instance.id" in resource.attributes:
        return resource
    return resource.merge(Resource({"service.instance.id": str(uuid4())}))


def _exporter_names(signal: str) -> list[str]:
    chosen = os.environ.get(f"OTEL_{signal.upper()}_EXPORTER", "").strip() or "otlp"
    return [name for entry in chosen.split(",") if (name := entry.strip()) and name != "none"]


def _load(signal: str, name: str) -> Any:
    """An exporter class by its entry point; None, with a warning, if there is none of that name."""
    group = f"opentelemetry_{signal}_exporter"
    found = next(iter(metadata.entry_points(group=group, name=name)), None)
    if found is None:
        variable = f"OTEL_{signal.upper()}_EXPORTER"
        known = sorted({entry.name for entry in metadata.entry_points(group=group)} | {"otlp", "none"})
        warn_once(
            (variable, name), "%s=%r is not known (%s); it is left out", variable, name, ", ".join(known)
        )
        return None
    return found.load()


def _otlp_maker(signal: str, endpoint: str | None) -> tuple[MakeExporter, str]:
    """What makes the OTLP exporter of a signal, and where it sends to, without user, password or query."""
    upper = signal.upper()
    variable = f"OTEL_EXPORTER_OTLP_{upper}_PROTOCOL"
    protocol = os.environ.get(variable) or os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL") or _PROTOCOLS[0]
    if protocol not in _PROTOCOLS:
        warn_once(
            ("OTLP protocol", protocol),
            "OTEL_EXPORTER_OTLP_PROTOCOL=%r is not allowed (%s); using %r",
            protocol,
            " | ".join(_PROTOCOLS),
            _PROTOCOLS[0],
        )
        protocol = _PROTOCOLS[0]
    grpc = protocol == "grpc"
    name, http_module, grpc_module = _OTLP[signal]
    if grpc:
        kind = getattr(import_module(f"{_GRPC}.{'_log_exporter' if signal == 'logs' else grpc_module}"), name)
    else:
        kind = getattr(import_module(f"{_HTTP}.{http_module}"), name)
    arguments: dict[str, Any] = {}
    if endpoint is not None:
        arguments["endpoint"] = endpoint if grpc else f"{endpoint.rstrip('/')}/v1/{signal}"

    def make(timeout: float | None = None) -> Any:
        return kind(**arguments) if timeout is None else kind(**arguments, timeout=timeout)

    shown = (
        endpoint
        or os.environ.get(f"OTEL_EXPORTER_OTLP_{upper}_ENDPOINT")
        or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
        or ("http://localhost:4317" if grpc else "http://localhost:4318")
    )
    return make, shown.rpartition("@")[2].partition("?")[0]


def _silence_exporters() -> None:
    """The exporters report each retry. In a pipeline that is ours, one line of ours says all there is to say."""
    exporters = logging.getLogger("opentelemetry.exporter.otlp")
    if exporters.level == logging.NOTSET:
        exporters.setLevel(logging.CRITICAL + 1)


def _exit_seconds() -> float:
    try:
        return float(os.environ.get("OTEL_EXPORTER_OTLP_TIMEOUT", _DEFAULT_EXIT_SECONDS))
    except ValueError:
        return _DEFAULT_EXIT_SECONDS


def _without_ours(data: MetricsData) -> MetricsData:
    def others(scopes: Any) -> Iterator[Any]:
        return (scope for scope in scopes if scope.scope.name != "otel_llm")

    return MetricsData(
        resource_metrics=[
            replace(resource, scope_metrics=list(others(resource.scope_metrics)))
            for resource in data.resource_metrics
        ]
    )
