"""Exported telemetry as plain Python values, decoded from OTLP protobuf.

Knows the OTLP messages; knows neither transports nor the SDK that sent them. Attribute values are str, bool,
int, float, bytes, tuples of these and dicts; identifiers are lower-case hex; times are Unix nanoseconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

Attributes: TypeAlias = "dict[str, Any]"

_KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
_STATUSES = ("unset", "ok", "error")
_TEMPORALITIES = ("unspecified", "delta", "cumulative")


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """An event on a span, such as an exception."""

    name: str
    time: int
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class ReceivedSpan:
    """One span. `parent_id` is None for a root, `kind` a word such as `client`, `status_code` one of `unset`,
    `ok` and `error`; `resource` and `scope` are what it was sent under."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str | None
    kind: str
    start: int
    end: int
    attributes: Attributes
    events: tuple[ReceivedEvent, ...]
    status_code: str
    status_message: str
    resource: Attributes
    scope: str


@dataclass(frozen=True, slots=True)
class ReceivedPoint:
    """One data point: `value` for sums and gauges; `sum`, `count`, `bounds` and `bucket_counts` (one more
    than bounds) for histograms. What does not apply is None or empty."""

    attributes: Attributes
    start: int
    time: int
    value: float | None = None
    sum: float | None = None
    count: int | None = None
    bounds: tuple[float, ...] = ()
    bucket_counts: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ReceivedMetric:
    """One export of a metric. `kind` is `sum`, `gauge`, `histogram`, `exponential_histogram` or `summary`;
    `temporality` is `delta` or `cumulative`, None where a kind has none."""

    name: str
    unit: str
    kind: str
    temporality: str | None
    points: tuple[ReceivedPoint, ...]
    resource: Attributes
    scope: str


@dataclass(frozen=True, slots=True)
class ReceivedLog:
    """One log record or event. `severity` is its number (9 is info, 0 unset); identifiers are None outside
    of spans; `body` is a plain value, None if there is none."""

    event_name: str
    severity: int
    body: Any
    attributes: Attributes
    trace_id: str | None
    span_id: str | None
    time: int
    resource: Attributes
    scope: str


def decode_spans(body: bytes) -> list[ReceivedSpan]:
    """The spans of an export request; `google.protobuf.message.DecodeError` if it is none."""
    return [
        _span(span, _attributes(of_resource.resource.attributes), of_scope.scope.name)
        for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for of_scope in of_resource.scope_spans
        for span in of_scope.spans
    ]


def decode_metrics(body: bytes) -> list[ReceivedMetric]:
    """The metrics of an export request; errors as for `decode_spans`."""
    return [
        _metric(metric, _attributes(of_resource.resource.attributes), of_scope.scope.name)
        for of_resource in ExportMetricsServiceRequest.FromString(body).resource_metrics
        for of_scope in of_resource.scope_metrics
        for metric in of_scope.metrics
    ]


def decode_logs(body: bytes) -> list[ReceivedLog]:
    """The log records of an export request; errors as for `decode_spans`."""
    return [
        _log(record, _attributes(of_resource.resource.attributes), of_scope.scope.name)
        for of_resource in ExportLogsServiceRequest.FromString(body).resource_logs
        for of_scope in of_resource.scope_logs
        for record in of_scope.log_records
    ]


def _span(span: Span, resource: Attributes, scope: str) -> ReceivedSpan:
    return ReceivedSpan(
        name=span.name,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex() or None,
        kind=_word(_KINDS, span.kind),
        start=span.start_time_unix_nano,
        end=span.end_time_unix_nano,
        attributes=_attributes(span.attributes),
        events=tuple(
            ReceivedEvent(event.name, event.time_unix_nano, _attributes(event.attributes))
            for event in span.events
        ),
        status_code=_word(_STATUSES, span.status.code),
        status_message=span.status.message,
        resource=resource,
        scope=scope,
    )


def _metric(metric: Metric, resource: Attributes, scope: str) -> ReceivedMetric:
    kind = metric.WhichOneof("data") or "unspecified"
    data: Any = getattr(metric, kind, None)  # one of five messages that share their field names
    temporality: int | None = getattr(data, "aggregation_temporality", None)
    return ReceivedMetric(
        name=metric.name,
        unit=metric.unit,
        kind=kind,
        temporality=None if temporality is None else _word(_TEMPORALITIES, temporality),
        points=tuple(_point(point) for point in data.data_points) if data is not None else (),
        resource=resource,
        scope=scope,
    )


def _point(point: Any) -> ReceivedPoint:
    common = (_attributes(point.attributes), point.start_time_unix_nano, point.time_unix_nano)
    if hasattr(point, "as_int"):
        number = point.WhichOneof("value")
        return ReceivedPoint(*common, value=getattr(point, number) if number else None)
    return ReceivedPoint(
        *common,
        sum=point.sum,
        count=point.count,
        bounds=tuple(getattr(point, "explicit_bounds", ())),
        bucket_counts=tuple(getattr(point, "bucket_counts", ())),
    )


def _log(record: LogRecord, resource: Attributes, scope: str) -> ReceivedLog:
    return ReceivedLog(
        event_name=record.event_name,
        severity=record.severity_number,
        body=_value(record.body),
        attributes=_attributes(record.attributes),
        trace_id=record.trace_id.hex() or None,
        span_id=record.span_id.hex() or None,
        time=record.time_unix_nano,
        resource=resource,
        scope=scope,
    )


def _attributes(pairs: Iterable[KeyValue]) -> Attributes:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return tuple(_value(item) for item in value.array_value.values)
    if kind == "kvlist_value":
        return _attributes(value.kvlist_value.values)
    return getattr(value, kind) if kind else None


def _word(words: Sequence[str], number: int) -> str:
    return words[number] if 0 <= number < len(words) else "unspecified"
