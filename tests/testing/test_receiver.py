"""The receiver takes what the real exporters send, and shows it as plain values."""

from __future__ import annotations

import gzip
import http.client
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc import trace_exporter as grpc_traces
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind, Status, StatusCode

from otel_llm.testing import ReceivedSpan, Receiver, Telemetry

RESOURCE = Resource({"service.name": "shop"})


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver(grpc=True) as receiver:
        yield receiver


def http_exporter(
    receiver: Receiver, compression: Compression = Compression.NoCompression
) -> OTLPSpanExporter:
    return OTLPSpanExporter(f"{receiver.endpoint}/v1/traces", compression=compression)


def grpc_exporter(receiver: Receiver, **how: Any) -> grpc_traces.OTLPSpanExporter:
    return grpc_traces.OTLPSpanExporter(receiver.grpc_endpoint, insecure=True, **how)


def one_span(name: str = "chat") -> list[ReadableSpan]:
    telemetry = Telemetry()
    telemetry.tracer_provider.get_tracer("test").start_span(name).end()
    return telemetry.spans


def post(receiver: Receiver, path: str, body: bytes, **headers: str) -> int:
    connection = http.client.HTTPConnection(receiver.endpoint.removeprefix("http://"))
    connection.request("POST", path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.mark.parametrize("transport", ["plain", "gzip", "deflate", "grpc"])
def test_spans(receiver: Receiver, transport: str) -> None:
    """Over each transport and compression a span arrives with everything it carries."""
    exporter: SpanExporter = {
        "plain": lambda: http_exporter(receiver),
        "gzip": lambda: http_exporter(receiver, Compression.Gzip),
        "deflate": lambda: http_exporter(receiver, Compression.Deflate),
        "grpc": lambda: grpc_exporter(receiver),
    }[transport]()
    provider = TracerProvider(resource=RESOURCE, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("my.scope")
    with tracer.start_as_current_span("parent"):
        child = tracer.start_span(
            "chat", kind=SpanKind.CLIENT, start_time=1000, attributes={"n": 3, "b": True}
        )
        child.set_attribute("reasons", ["stop", "length"])
        child.set_attribute("share", 0.5)
        child.add_event("seen", {"text": "secret words"}, timestamp=1500)
        child.set_status(Status(StatusCode.ERROR, "it broke"))
        child.end(end_time=2000)
    provider.shutdown()
    receiver.wait_for(spans=2)

    by_name = {span.name: span for span in receiver.spans}
    parent, received = by_name["parent"], by_name["chat"]
    context = child.get_span_context()
    assert context is not None
    assert (parent.parent_id, parent.kind, parent.status_code) == (None, "internal", "unset")
    assert (received.trace_id, received.span_id) == (f"{context.trace_id:032x}", f"{context.span_id:016x}")
    assert (received.parent_id, received.trace_id) == (parent.span_id, parent.trace_id)
    assert (received.kind, received.start, received.end) == ("client", 1000, 2000)
    assert received.attributes == {"n": 3, "b": True, "reasons": ("stop", "length"), "share": 0.5}
    [event] = received.events
    assert (event.name, event.time, event.attributes) == ("seen", 1500, {"text": "secret words"})
    assert (received.status_code, received.status_message) == ("error", "it broke")
    assert (received.resource, received.scope) == ({"service.name": "shop"}, "my.scope")
    assert b"secret words" in b"".join(receiver.raw)


def test_metrics(receiver: Receiver) -> None:
    """Counters, gauges and histograms arrive as points with their numbers and attributes."""
    exporter = OTLPMetricExporter(f"{receiver.endpoint}/v1/metrics", compression=Compression.Gzip)
    provider = MeterProvider([PeriodicExportingMetricReader(exporter)], RESOURCE, shutdown_on_exit=False)
    meter = provider.get_meter("my.scope")
    meter.create_counter("calls", unit="{call}").add(2, {"model": "m"})
    meter.create_gauge("share").set(0.5)
    sizes = meter.create_histogram("sizes", unit="By", explicit_bucket_boundaries_advisory=[1.0, 10.0])
    sizes.record(0.5, {"model": "m"})
    sizes.record(20.0, {"model": "m"})
    provider.shutdown()
    receiver.wait_for(metrics=3)

    metrics = {metric.name: metric for metric in receiver.metrics}
    calls, share, histogram = metrics["calls"], metrics["share"], metrics["sizes"]
    assert (calls.kind, calls.unit, calls.temporality) == ("sum", "{call}", "cumulative")
    assert [(point.attributes, point.value) for point in calls.points] == [({"model": "m"}, 2)]
    assert (share.kind, share.temporality, share.points[0].value) == ("gauge", None, 0.5)
    assert (histogram.kind, histogram.unit) == ("histogram", "By")
    [point] = histogram.points
    assert (point.sum, point.count, point.value) == (20.5, 2, None)
    assert (point.bounds, point.bucket_counts) == ((1.0, 10.0), (1, 0, 1))
    assert (histogram.resource, histogram.scope) == ({"service.name": "shop"}, "my.scope")


def test_logs(receiver: Receiver) -> None:
    """Log records and events arrive with their name, body and attributes."""
    provider = LoggerProvider(RESOURCE, shutdown_on_exit=False)
    provider.add_log_record_processor(
        BatchLogRecordProcessor(OTLPLogExporter(f"{receiver.endpoint}/v1/logs"))
    )
    logger = provider.get_logger("my.scope")
    logger.emit(
        LogRecord(
            timestamp=1000,
            event_name="happened",
            severity_number=SeverityNumber.WARN,
            body={"parts": ["a", 1], "none": None},
            attributes={"k": "v"},
        )
    )
    provider.shutdown()
    receiver.wait_for(logs=1)
    [log] = receiver.logs
    assert (log.event_name, log.severity, log.time) == ("happened", SeverityNumber.WARN.value, 1000)
    assert log.body == {"parts": ("a", 1), "none": None}
    assert (log.attributes, log.trace_id, log.span_id) == ({"k": "v"}, None, None)
    assert (log.resource, log.scope) == ({"service.name": "shop"}, "my.scope")


def test_on_spans() -> None:
    """The callback gets the spans of each export once they are stored."""
    seen: list[tuple[list[ReceivedSpan], int]] = []
    with Receiver(on_spans=lambda spans: seen.append((spans, len(receiver.spans)))) as receiver:
        http_exporter(receiver).export(one_span())
    assert [([span.name for span in spans], stored) for spans, stored in seen] == [(["chat"], 1)]


@pytest.mark.complaints
def test_fail_with(receiver: Receiver) -> None:
    """A refusing receiver stores nothing but still shows what was sent, and accepts again afterwards."""
    receiver.fail_with = 400
    assert http_exporter(receiver).export(one_span("first")) is SpanExportResult.FAILURE
    assert grpc_exporter(receiver).export(one_span("second")) is SpanExportResult.FAILURE
    receiver.wait_for(requests=2)
    assert receiver.spans == []
    assert b"first" in receiver.raw[0]
    assert b"second" in receiver.raw[1]
    receiver.fail_with = None
    assert http_exporter(receiver).export(one_span("third")) is SpanExportResult.SUCCESS
    assert [span.name for span in receiver.spans] == ["third"]


def test_headers(receiver: Receiver) -> None:
    """The headers of an export are kept, whichever way it came."""
    http_exporter(receiver).export(one_span())
    grpc_exporter(receiver, headers={"x-tenant": "blue"}).export(one_span())
    over_http, over_grpc = receiver.requests
    assert over_http.path == "/v1/traces"
    assert over_http.headers["content-type"] == "application/x-protobuf"
    assert over_grpc.path == "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
    assert over_grpc.headers["x-tenant"] == "blue"


def test_clear_and_timeout(receiver: Receiver) -> None:
    """After `clear()` nothing is left, and waiting for what never comes says what was seen."""
    http_exporter(receiver).export(one_span())
    receiver.wait_for(spans=1, requests=1)
    receiver.clear()
    assert (receiver.spans, receiver.raw) == ([], [])
    http_exporter(receiver).export(one_span())
    with pytest.raises(TimeoutError, match=r"= \(2, 0, 0, 0\), got \(1, 0, 0, 1\)"):
        receiver.wait_for(spans=2, timeout=0.01)


def test_what_is_not_otlp(receiver: Receiver) -> None:
    """Other paths, broken messages and broken compression are answered with an error, and nothing is stored."""
    assert post(receiver, "/", b"") == 404
    assert post(receiver, "/v1/traces", b"\xff\xff") == 400
    assert post(receiver, "/v1/traces", b"\xff\xff", content_encoding="gzip") == 400
    assert post(receiver, "/v1/traces", gzip.compress(b""), content_encoding="gzip") == 200
    assert receiver.spans == []


def test_addresses() -> None:
    """A receiver has its addresses only while it listens there."""
    receiver = Receiver()
    with pytest.raises(RuntimeError, match="not started"):
        _ = receiver.endpoint
    with receiver, pytest.raises(RuntimeError, match="grpc=True"):
        _ = receiver.grpc_endpoint
