"""The OTLP exporters of a signal, as the standard `OTEL_*` variables want them."""

from __future__ import annotations

import logging
import os
from importlib import import_module
from typing import Any

from otel_llm.export.delivery import Delivery
from otel_llm.export.variables import corrected, protocol_of, without_secrets

PROTOCOLS = {"otlp": None, "otlp_proto_http": "http/protobuf", "otlp_proto_grpc": "grpc"}
"""Names of OTLP exporters in `OTEL_TRACES_EXPORTER` and its like, and the protocol that goes with each."""

_HTTP = "opentelemetry.exporter.otlp.proto.http"
_GRPC = "opentelemetry.exporter.otlp.proto.grpc"
# By signal: the exporter class, and the module of both packages that has it.
_EXPORTERS = {
    "traces": ("OTLPSpanExporter", "trace_exporter"),
    "metrics": ("OTLPMetricExporter", "metric_exporter"),
    "logs": ("OTLPLogExporter", "_log_exporter"),
}
_LOUD = ("opentelemetry.exporter.otlp", "opentelemetry.sdk._shared_internal")


def delivery(signal: str, endpoint: str | None, protocol: str | None = None) -> Delivery:
    """The way out for a signal; `endpoint` and `protocol` win over the environment, which must be corrected."""
    variable = f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT"
    protocol = protocol or protocol_of(variable, os.environ)
    grpc = protocol == "grpc"
    name, module = _EXPORTERS[signal]
    kind = getattr(import_module(f"{_GRPC if grpc else _HTTP}.{module}"), name)
    arguments: dict[str, Any] = {}
    if endpoint is not None:
        arguments["endpoint"] = endpoint if grpc else f"{endpoint.rstrip('/')}/v1/{signal}"

    def make(timeout: float | None = None) -> Any:
        with corrected():
            return kind(**arguments) if timeout is None else kind(**arguments, timeout=timeout)

    where = (
        endpoint
        or os.environ.get(variable)
        or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
        or ("http://localhost:4317" if grpc else "http://localhost:4318")
    )
    return Delivery(make, signal, without_secrets(where))


def silence() -> None:
    """The SDK reports each retry and each span for which there is no room. In a pipeline that is ours, one
    line of ours says all there is to say; loggers that the program has set up itself are left alone."""
    for name in _LOUD:
        loud = logging.getLogger(name)
        if loud.level == logging.NOTSET:
            loud.setLevel(logging.CRITICAL + 1)
