"""Examples through an OpenTelemetry Collector, with the configuration in this repository, to Jaeger and Prometheus."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from otel_llm.testing import ReplayServer
from tests.e2e import answers, servers
from tests.e2e.readers import jaeger_spans, samples
from tests.e2e.servers import GRPC, PROTOCOLS, Server, run_example

pytestmark = [pytest.mark.e2e, pytest.mark.needs("collector", "jaeger")]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_jaeger_has_each_call_with_its_figures(
    provider: ReplayServer, jaeger: Server, collector: Server, protocol: str
) -> None:
    """Over both protocols the spans of an unmodified program arrive with every figure, each of the right type."""
    service = f"chat-{protocol.partition('/')[0]}"
    provider.answer(answers.CHAT)
    run_example("chat.py", f"{provider.url}/v1", collector.otlp[protocol], protocol, service)
    spans = jaeger_spans(jaeger.page, service, 2)
    for span, figures, finish in zip(spans, (answers.FIRST, answers.SECOND), ("stop", "length"), strict=True):
        expected = {
            "span.kind": ("string", "client"),
            "gen_ai.operation.name": ("string", "chat"),
            "gen_ai.provider.name": ("string", "openai"),
            "gen_ai.request.model": ("string", answers.ASKED),
            "gen_ai.request.max_tokens": ("int64", 100),
            "gen_ai.request.temperature": ("float64", 0.2),
            "gen_ai.response.model": ("string", answers.ANSWERED),
            "gen_ai.response.finish_reasons": ("string", json.dumps([finish])),
            "gen_ai.usage.input_tokens": ("int64", figures["input"]),
            "gen_ai.usage.output_tokens": ("int64", figures["output"]),
            "gen_ai.usage.cache_read.input_tokens": ("int64", figures["cached"]),
            "gen_ai.usage.cache_write.input_tokens": ("int64", figures["written"]),
            "gen_ai.usage.reasoning.output_tokens": ("int64", figures["reasoning"]),
        }
        assert span.name == f"chat {answers.ASKED}"
        assert {name: span.tags.get(name) for name in expected} == expected
        assert "gen_ai.input.messages" not in span.tags


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_prometheus_can_scrape_what_was_used(
    provider: ReplayServer, collector: Server, protocol: str
) -> None:
    """Over both protocols our own metrics and the collector's, made from our spans, count the same calls."""
    job = f"metrics-{protocol.partition('/')[0]}"
    provider.answer(answers.CHAT)
    run_example("chat.py", f"{provider.url}/v1", collector.otlp[protocol], protocol, job)
    used, took, calls = (
        "gen_ai_client_token_usage_sum",
        "gen_ai_client_operation_duration_seconds_count",
        "traces_span_metrics_calls_total",
    )
    found = samples(collector.page, job, {used, took, calls, "traces_span_metrics_duration_seconds_count"})
    tokens = {sample.labels["gen_ai_token_type"]: sample.value for sample in found if sample.name == used}
    assert tokens == {"input": answers.INPUT, "output": answers.OUTPUT}
    labels = {
        "gen_ai_operation_name": "chat",
        "gen_ai_provider_name": "openai",
        "gen_ai_request_model": answers.ASKED,
    }
    for name in (took, calls):
        (sample,) = (sample for sample in found if sample.name == name)
        assert sample.value == 2
        assert labels.items() <= sample.labels.items()


def test_failures_are_failures_everywhere(provider: ReplayServer, jaeger: Server, collector: Server) -> None:
    """What went wrong is an error in Jaeger, and has its own series with the error's type in both metrics."""
    provider.answer(answers.failures)
    run_example("failures.py", f"{provider.url}/v1", collector.otlp[GRPC], GRPC, "failures")
    good, missing, overloaded, broken = jaeger_spans(jaeger.page, "failures", 4)
    assert "error" not in good.tags
    expected = {"openai.NotFoundError", "openai.RateLimitError", broken.tags["error.type"][1]}
    for span in (missing, overloaded, broken):
        assert span.tags["error"] == ("bool", True)
        assert span.tags["otel.status_code"] == ("string", "ERROR")
        assert span.tags["error.type"][1] in expected
    names = {"gen_ai_client_operation_duration_seconds_count", "traces_span_metrics_calls_total"}
    found = samples(collector.page, "failures", names)
    for name in names:
        types = {sample.labels.get("error_type", "") for sample in found if sample.name == name}
        assert types == expected | {""}


def test_a_program_of_many_spans_stays_a_tree(
    provider: ReplayServer, jaeger: Server, collector: Server
) -> None:
    """Two calls and a tool between them, under the program's own span, are siblings in the order they happened."""
    provider.answer(answers.TOOLS)
    run_example("tools.py", f"{provider.url}/v1", collector.otlp[GRPC], GRPC, "tools")
    root, first, tool, second = jaeger_spans(jaeger.page, "tools", 4)
    assert (root.name, root.parent_id) == ("answer a passenger", None)
    assert [span.name for span in (first, tool, second)] == [
        "chat o4-mini",
        "timetable lookup",
        "chat o4-mini",
    ]
    assert {span.parent_id for span in (first, tool, second)} == {root.span_id}
    assert first.tags["gen_ai.response.finish_reasons"] == ("string", '["tool_call"]')


def _send(endpoint: str, service: str, count: int, attributes: dict[str, Any]) -> None:
    provider = TracerProvider(resource=Resource({"service.name": service}))
    exporter = OTLPSpanExporter(endpoint=endpoint, insecure=True)
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=60_000))
    for _ in range(count):
        provider.get_tracer("by hand").start_span("chat", attributes=attributes).end()
    provider.shutdown()


def test_large_batches_arrive_whole(jaeger: Server, collector: Server) -> None:
    """Spans with content, in a batch that is larger than a receiver takes by default, are all passed on."""
    messages = json.dumps([{"role": "user", "parts": [{"type": "text", "content": "platform " * 1_500}]}])
    assert len(messages) * 500 > 4 * 2**20
    _send(collector.otlp[GRPC], "large", 500, {"gen_ai.input.messages": messages})
    assert all(
        span.tags["gen_ai.input.messages"][1] == messages for span in jaeger_spans(jaeger.page, "large", 500)
    )


def test_the_commented_parts_of_the_configuration_work(jaeger: Server, tmp_path: Path) -> None:
    """With its comment signs taken away, redaction masks content but no figure, and the renaming is done."""
    text = servers.COLLECTOR_CONFIG.read_text()
    text, parts = re.subn(r"^  # (  .*|redaction:|transform/jaeger:)$", r"  \1", text, flags=re.MULTILINE)
    text, pipelines = re.subn(
        r"processors: \[memory_limiter\] # (.*)", r"processors: [memory_limiter, \1]", text
    )
    assert (parts > 8, pipelines) == (True, 1)
    config = tmp_path / "collector.yaml"
    config.write_text(text)
    key, mail = "sk-" + "a1B2" * 8, "passenger@example.org"
    said = json.dumps([{"role": "user", "parts": [{"type": "text", "content": f"{key} of {mail}: when?"}]}])
    attributes = {
        "gen_ai.input.messages": said,
        "gen_ai.usage.input_tokens": 538,
        "gen_ai.usage.cache_write.input_tokens": 512,
    }
    with servers.collector(tmp_path, jaeger, config) as collector:
        _send(collector.otlp[GRPC], "masked", 1, attributes)
        (span,) = jaeger_spans(jaeger.page, "masked", 1)
    assert span.tags["gen_ai.usage.input_tokens"] == ("int64", 538)
    assert span.tags["gen_ai.usage.cache_creation.input_tokens"] == ("int64", 512)
    assert "gen_ai.usage.cache_write.input_tokens" not in span.tags
    (message,) = json.loads(span.tags["gen_ai.input.messages"][1])
    assert message["parts"][0]["content"] == "**** of ****: when?"
