"""The same unmodified example, through real collectors into real backends, read back through their own APIs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from demo.provider import answer
from otel_llm.testing import ReplayServer
from tests.e2e import processes, tools

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
PROTOCOLS = ("http/protobuf", "grpc")


def needed(piece: Any) -> Any:
    """A piece, or a skip that says what is lacking."""
    try:
        return piece()
    except tools.Lacking as why:
        pytest.skip(f"lacking {piece.__name__}: {why}")


@pytest.fixture(scope="module")
def provider() -> Iterator[ReplayServer]:
    with ReplayServer(answer) as server:
        yield server


def run_example(provider: ReplayServer, endpoint: str, protocol: str, service: str, **environ: str) -> None:
    """The chat example, whose second call is half from the cache, sends its telemetry to an endpoint."""
    subprocess.run(
        [sys.executable, "-m", "otel_llm", "run", "examples/chat.py"],
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
        env={
            **os.environ,
            "OPENAI_BASE_URL": f"{provider.url}/v1",
            "OPENAI_API_KEY": "not-needed",
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
            "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
            "OTEL_SERVICE_NAME": service,
            "OTEL_LLM_STRICT": "1",
            **environ,
        },
    )


def test_collector_to_jaeger_and_prometheus(provider: ReplayServer, tmp_path: Path) -> None:
    """Over both protocols Jaeger has the spans with all their attributes, and Prometheus can scrape the sums."""
    jaeger_binary, collector_binary = needed(tools.jaeger), needed(tools.collector)
    with processes.jaeger(jaeger_binary, tmp_path) as jaeger:
        with processes.collector(collector_binary, tmp_path, jaeger["grpc"]) as collector:
            for protocol, port in zip(PROTOCOLS, ("OTLP_HTTP", "OTLP_GRPC"), strict=True):
                service = f"example-{port.lower()}"
                run_example(provider, collector[port], protocol, service)
                _check_jaeger(jaeger["query"], service)
            _check_prometheus(collector["PROMETHEUS"])


def _check_jaeger(query: str, service: str) -> None:
    def traces() -> Any:
        found = json.loads(processes.get(f"{query}/api/traces?service={service}"))["data"]
        return found if len(found) == 2 else None

    spans = [
        span for trace in processes.eventually(traces, "two traces in Jaeger") for span in trace["spans"]
    ]
    tags = [{tag["key"]: tag["value"] for tag in span["tags"]} for span in spans]
    assert [span["operationName"] for span in spans] == ["chat gpt-4o-mini"] * 2
    assert sorted(tag["gen_ai.usage.cache_read.input_tokens"] for tag in tags) == [0, 512]
    for tag in tags:
        assert type(tag["gen_ai.usage.input_tokens"]) is int
        assert tag["gen_ai.response.model"] == "gpt-4o-mini-2024-07-18"
        assert json.loads(tag["gen_ai.response.finish_reasons"]) == ["stop"]
        assert tag["span.kind"] == "client"


def _check_prometheus(url: str) -> None:
    wanted = (
        "gen_ai_client_token_usage_sum{",
        "gen_ai_client_operation_duration_seconds_count{",
        "traces_span_metrics_calls_total{",
    )

    def page() -> Any:
        text = processes.get(f"{url}/metrics").decode()
        return text if all(name in text for name in wanted) else None

    lines = processes.eventually(page, "metrics on the collector's page").splitlines()
    inputs = [line for line in lines if line.startswith(wanted[0]) and 'gen_ai_token_type="input"' in line]
    assert {float(line.rpartition(" ")[2]) for line in inputs} == {538.0 + 533.0}


@pytest.mark.parametrize("way", ["rotel http", "rotel grpc", "direct http", "direct grpc"])
def test_phoenix(provider: ReplayServer, phoenix: dict[str, str], tmp_path: Path, way: str) -> None:
    """Directly or through a collector, over both protocols, Phoenix counts the tokens that the provider sent."""
    service = way.replace(" ", "-")
    protocol = PROTOCOLS[way.endswith("grpc")]
    # Phoenix reads written cache tokens by the name of this profile, and its project from this attribute.
    environ = {
        "OTEL_LLM_SEMCONV": "2026-08",
        "OTEL_RESOURCE_ATTRIBUTES": f"openinference.project.name={service}",
    }
    if way.startswith("rotel"):
        with processes.rotel(needed(tools.rotel), tmp_path, phoenix["http"]) as rotel:
            run_example(provider, rotel[way.split()[1]], protocol, service, **environ)
            _check_phoenix(phoenix["http"], service)
    else:
        run_example(provider, phoenix[way.split()[1]], protocol, service, **environ)
        _check_phoenix(phoenix["http"], service)


@pytest.fixture(scope="module")
def phoenix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with processes.phoenix(needed(tools.phoenix), tmp_path_factory.mktemp("phoenix")) as server:
        yield server


def _check_phoenix(url: str, project: str) -> None:
    def spans() -> Any:
        found = json.loads(processes.get(f"{url}/v1/projects/{project}/spans?limit=10"))["data"]
        return found if len(found) == 2 else None

    for span in processes.eventually(spans, "two spans in Phoenix"):
        assert span["name"] == "chat gpt-4o-mini"
    query = """{ projects { edges { node { name tokenCountTotal tokenCountPrompt
        spans(first: 10) { edges { node { tokenPromptDetails { cacheRead } } } } } } } }"""

    def counted() -> Any:
        request = urllib.request.Request(
            f"{url}/graphql", json.dumps({"query": query}).encode(), {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=10) as response:
            edges = json.loads(response.read())["data"]["projects"]["edges"]
        nodes = [edge["node"] for edge in edges if edge["node"]["name"] == project]
        return nodes[0] if nodes and nodes[0]["tokenCountPrompt"] else None

    node = processes.eventually(counted, "Phoenix's token counts")
    assert node["tokenCountPrompt"] == 538 + 533
    assert node["tokenCountTotal"] == 538 + 533 + 12 + 10
    cached = [edge["node"]["tokenPromptDetails"]["cacheRead"] for edge in node["spans"]["edges"]]
    assert sorted(count or 0 for count in cached) == [0, 512]
