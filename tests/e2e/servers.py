"""The collectors, backends and the model server of these tests, each on ports of its own on loopback."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e import tools
from tests.e2e.processes import ENVIRON, answers, free_ports, listens, running

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
COLLECTOR_CONFIG = ROOT / "collector-config.yaml"
HTTP, GRPC = "http/protobuf", "grpc"
PROTOCOLS = (HTTP, GRPC)


@dataclass(frozen=True, slots=True)
class Server:
    """Where a running server takes OTLP, by protocol, and where it is read."""

    otlp: dict[str, str]
    page: str
    log: Path


@contextmanager
def jaeger(folder: Path) -> Iterator[Server]:
    """Jaeger; OTEL_LLM_E2E_JAEGER_UI may name the folder of a built page for it."""
    query, query_grpc, otlp = (f"127.0.0.1:{port}" for port in free_ports(3))
    environ = {
        "JAEGER_QUERY": query,
        "JAEGER_QUERY_GRPC": query_grpc,
        "JAEGER_GRPC": otlp,
        "JAEGER_PAGE": os.environ.get("OTEL_LLM_E2E_JAEGER_UI", ""),
        "OTEL_TRACES_SAMPLER": "always_off",  # it traces itself, to the port where a collector may be
    }
    server = Server({GRPC: f"http://{otlp}"}, f"http://{query}", folder / "jaeger.log")
    command = (tools.bring("jaeger"), "--config", HERE / "jaeger.yaml")
    with running(command, server.log, answers(f"{server.page}/api/services"), **environ):
        yield server


@contextmanager
def collector(folder: Path, to: Server, config: Path = COLLECTOR_CONFIG) -> Iterator[Server]:
    """The collector with the configuration that users are given, or a variant of it; its page is Prometheus's."""
    binary = tools.bring("collector")
    grpc, http, prometheus, health = (f"127.0.0.1:{port}" for port in free_ports(4))
    environ = {
        "OTLP_GRPC": grpc,
        "OTLP_HTTP": http,
        "PROMETHEUS": prometheus,
        "HEALTH": health,
        "JAEGER_GRPC": to.otlp[GRPC].removeprefix("http://"),
        "METRICS_INTERVAL": "1s",
    }
    check = subprocess.run(
        [binary, "validate", "--config", config],
        env={**ENVIRON, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert check.returncode == 0, check.stderr
    server = Server(
        {GRPC: f"http://{grpc}", HTTP: f"http://{http}"},
        f"http://{prometheus}/metrics",
        folder / "collector.log",
    )
    command = (binary, "--config", config)
    with running(command, server.log, answers(f"http://{health}"), **environ):
        yield server


@contextmanager
def phoenix(folder: Path) -> Iterator[Server]:
    """Arize Phoenix with a store of its own."""
    http, grpc = free_ports(2)
    environ = {
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_PORT": str(http),
        "PHOENIX_GRPC_PORT": str(grpc),
        "PHOENIX_WORKING_DIR": str(folder),
        "PHOENIX_TELEMETRY_ENABLED": "false",
    }
    url = f"http://127.0.0.1:{http}"
    server = Server({HTTP: url, GRPC: f"http://127.0.0.1:{grpc}"}, url, folder / "phoenix.log")
    command = (tools.bring("phoenix"), HERE / "phoenix_on_loopback.py", "serve")
    with running(command, server.log, answers(f"{url}/healthz"), seconds=180, **environ):
        yield server


@contextmanager
def rotel(folder: Path, to: Server) -> Iterator[Server]:
    """Rotel, which passes everything on over OTLP/HTTP."""
    http, grpc = free_ports(2)
    server = Server(
        {HTTP: f"http://127.0.0.1:{http}", GRPC: f"http://127.0.0.1:{grpc}"}, to.page, folder / "rotel.log"
    )
    command = (
        *(tools.bring("rotel"), "start"),
        *("--otlp-http-endpoint", f"127.0.0.1:{http}", "--otlp-grpc-endpoint", f"127.0.0.1:{grpc}"),
        *(
            "--exporter",
            "otlp",
            "--otlp-exporter-endpoint",
            to.otlp[HTTP],
            "--otlp-exporter-protocol",
            "http",
        ),
    )
    with running(command, server.log, listens(http, grpc)):
        yield server


@contextmanager
def model(folder: Path) -> Iterator[str]:
    """llama.cpp's server with a small model; yields the base URL of its OpenAI API."""
    binary = tools.bring("model")
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    command = (
        *(binary, "--model", tools.MODEL_FILE, "--host", "127.0.0.1", "--port", port),
        *("--ctx-size", 2048, "--n-gpu-layers", 0),
    )
    with running(command, folder / "model.log", answers(f"{url}/health"), seconds=120):
        yield f"{url}/v1"


@contextmanager
def litellm(folder: Path, provider: str) -> Iterator[tuple[str, str]]:
    """LiteLLM's proxy in front of a provider; yields the base URL of its OpenAI API, and the key that it asks for."""
    binary = tools.bring("litellm")
    (port,) = free_ports(1)
    served = {"model": "openai/gpt-4o", "api_base": provider, "api_key": "not-needed", "max_retries": 0}
    config = folder / "litellm.yaml"
    config.write_text(json.dumps({"model_list": [{"model_name": "house-model", "litellm_params": served}]}))
    url = f"http://127.0.0.1:{port}"
    command = (binary, "--config", config, "--host", "127.0.0.1", "--port", port)
    key = f"sk-{secrets.token_hex(32)}"
    environ = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MASTER_KEY": key}
    ready = answers(f"{url}/health/liveliness")
    with running(command, folder / "litellm.log", ready, seconds=120, **environ):
        yield f"{url}/v1", key


def run_example(name: str, base_url: str, otlp: str, protocol: str, service: str, **environ: str) -> str:
    """Run an unmodified example under `otel-llm run`; what it printed. It must succeed and not complain."""
    done = subprocess.run(
        [sys.executable, "-m", "otel_llm", "run", f"examples/{name}"],
        cwd=ROOT,
        env={
            **ENVIRON,
            "OPENAI_BASE_URL": base_url,
            "OPENAI_API_KEY": "not-needed",
            "OTEL_EXPORTER_OTLP_ENDPOINT": otlp,
            "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
            "OTEL_SERVICE_NAME": service,
            "OTEL_LLM_STRICT": "1",
            **environ,
        },
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return done.stdout
