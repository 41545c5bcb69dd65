"""Telemetry in memory shows everything the providers were given, and sends nothing."""

from __future__ import annotations

from opentelemetry import trace
from opentelemetry._logs import LogRecord
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from otel_llm.testing import Telemetry


def test_spans() -> None:
    """Finished spans are listed in the order they ended, and open ones show in the counts."""
    telemetry = Telemetry()
    tracer = telemetry.tracer_provider.get_tracer("test")
    first, second = tracer.start_span("first"), tracer.start_span("second")
    second.end()
    assert (telemetry.started, telemetry.ended) == (2, 1)
    first.end()
    assert [span.name for span in telemetry.spans] == ["second", "first"]
    assert (telemetry.started, telemetry.ended) == (2, 2)
    telemetry.clear()
    assert (telemetry.spans, telemetry.started, telemetry.ended) == ([], 0, 0)


def test_sampler() -> None:
    """With a sampler that drops everything, metrics still come and spans do not."""
    telemetry = Telemetry(sampler=ALWAYS_OFF)
    telemetry.tracer_provider.get_tracer("test").start_span("dropped").end()
    telemetry.meter_provider.get_meter("test").create_counter("calls").add(1)
    assert (telemetry.spans, telemetry.started) == ([], 0)
    assert telemetry.metrics()["calls"][0][1].value == 1


def test_metrics() -> None:
    """Metrics come by name as pairs of attributes and point, from all scopes, as often as one asks."""
    telemetry = Telemetry()
    assert telemetry.metrics() == {}
    histogram = telemetry.meter_provider.get_meter("one").create_histogram("sizes")
    histogram.record(2, {"model": "a"})
    histogram.record(3, {"model": "a"})
    histogram.record(5, {"model": "b"})
    telemetry.meter_provider.get_meter("two").create_counter("calls").add(1)
    for _ in range(2):
        metrics = telemetry.metrics()
        assert set(metrics) == {"sizes", "calls"}
        assert [(attributes, point.sum, point.count) for attributes, point in metrics["sizes"]] == [
            ({"model": "a"}, 5, 2),
            ({"model": "b"}, 5, 1),
        ]


def test_logs() -> None:
    """Log records are listed, and forgotten by `clear()`."""
    telemetry = Telemetry()
    telemetry.logger_provider.get_logger("test").emit(LogRecord(event_name="happened", body="words"))
    [log] = telemetry.logs
    assert (log.log_record.event_name, log.log_record.body) == ("happened", "words")
    telemetry.clear()
    assert telemetry.logs == []


def test_export_bytes() -> None:
    """Whatever was put into a span, a metric or a log can be found in the exported bytes."""
    telemetry = Telemetry()
    assert telemetry.export_bytes() == b""
    telemetry.tracer_provider.get_tracer("test").start_span("s", attributes={"k": "in a span"}).end()
    telemetry.meter_provider.get_meter("test").create_counter("c").add(1, {"k": "in a metric"})
    telemetry.logger_provider.get_logger("test").emit(LogRecord(body="in a log"))
    exported = telemetry.export_bytes()
    for words in (b"in a span", b"in a metric", b"in a log"):
        assert words in exported
    assert b"in nothing" not in exported


def test_nothing_global() -> None:
    """Making telemetry changes no global provider."""
    before = trace.get_tracer_provider()
    assert Telemetry().tracer_provider is not before
    assert trace.get_tracer_provider() is before
