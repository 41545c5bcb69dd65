"""Real servers on loopback: started for a test, waited for, and always stopped."""

from __future__ import annotations

import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

JAEGER_CONFIG = """
service:
  extensions: [jaeger_storage, jaeger_query, healthcheckv2]
  pipelines:
    traces: {{receivers: [otlp], processors: [batch], exporters: [jaeger_storage_exporter]}}
  telemetry: {{metrics: {{level: none}}, logs: {{level: warn}}}}
extensions:
  healthcheckv2: {{use_v2: true, http: {{endpoint: "127.0.0.1:{health}"}}}}
  jaeger_query:
    storage: {{traces: memory}}
    {ui}
    http: {{endpoint: "127.0.0.1:{query}"}}
    grpc: {{endpoint: "127.0.0.1:{query_grpc}"}}
  jaeger_storage: {{backends: {{memory: {{memory: {{max_traces: 1000}}}}}}}}
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:{otlp}"}}}}}}
processors: {{batch: {{timeout: 100ms}}}}
exporters: {{jaeger_storage_exporter: {{trace_storage: memory}}}}
"""


def free_port() -> int:
    """A port that nobody listens on right now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def get(url: str, **headers: str) -> bytes:
    """The body behind a URL."""
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as response:
        return response.read()


def eventually(check: Callable[[], Any], what: str, seconds: float = 30) -> Any:
    """The first result of `check` that is neither empty nor an error; AssertionError after so many seconds."""
    deadline = time.monotonic() + seconds
    last: Any = None
    while time.monotonic() < deadline:
        try:
            last = check()
            if last:
                return last
        except (OSError, ValueError, KeyError, IndexError) as error:
            last = error
        time.sleep(0.2)
    raise AssertionError(f"{what}: not within {seconds} s; last seen: {last!r}")


@contextmanager
def running(
    command: list[Any], log: Path, ready: str, *, seconds: float = 60, **environ: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A server that answers at the URL `ready`."""
    with log.open("w") as out:
        server = subprocess.Popen(
            [str(part) for part in command], stdout=out, stderr=out, env={**os.environ, **environ}
        )
        try:
            eventually(lambda: server.poll() is None and (get(ready) or True), f"{command[0]} ready", seconds)
            yield server
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


@contextmanager
def jaeger(binary: Path, folder: Path) -> Iterator[dict[str, Any]]:
    """Jaeger with its query API; `ui` in the environment variable OTEL_LLM_E2E_JAEGER_UI is its page."""
    ports = {name: free_port() for name in ("health", "query", "query_grpc", "otlp")}
    page = os.environ.get("OTEL_LLM_E2E_JAEGER_UI")
    config = folder / "jaeger.yaml"
    config.write_text(JAEGER_CONFIG.format(**ports, ui=f"ui: {{assets_path: {page}}}" if page else ""))
    query = f"http://127.0.0.1:{ports['query']}"
    # Jaeger traces itself, and would send that to the collector's port.
    with running(
        [binary, "--config", config],
        folder / "jaeger.log",
        f"{query}/api/services",
        OTEL_TRACES_SAMPLER="always_off",
    ):
        yield {"query": query, "grpc": f"127.0.0.1:{ports['otlp']}"}


@contextmanager
def collector(binary: Path, folder: Path, jaeger_grpc: str) -> Iterator[dict[str, str]]:
    """The collector with the configuration that users are given."""
    ports = {name: f"127.0.0.1:{free_port()}" for name in ("OTLP_GRPC", "OTLP_HTTP", "PROMETHEUS", "HEALTH")}
    environ = {**ports, "JAEGER_GRPC": jaeger_grpc, "METRICS_INTERVAL": "1s"}
    config = ROOT / "collector-config.yaml"
    subprocess.run([binary, "validate", "--config", config], env={**os.environ, **environ}, check=True)
    with running(
        [binary, "--config", config], folder / "collector.log", f"http://{ports['HEALTH']}", **environ
    ):
        yield {name: f"http://{address}" for name, address in ports.items()}


@contextmanager
def phoenix(binary: Path, folder: Path) -> Iterator[dict[str, str]]:
    """Arize Phoenix with a store of its own."""
    http, grpc = free_port(), free_port()
    environ = {
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_PORT": str(http),
        "PHOENIX_GRPC_PORT": str(grpc),
        "PHOENIX_WORKING_DIR": str(folder),
        "PHOENIX_TELEMETRY_ENABLED": "false",
    }
    url = f"http://127.0.0.1:{http}"
    with running([binary, "serve"], folder / "phoenix.log", f"{url}/healthz", seconds=180, **environ):
        yield {"http": url, "grpc": f"http://127.0.0.1:{grpc}"}


@contextmanager
def rotel(binary: Path, folder: Path, to: str) -> Iterator[dict[str, str]]:
    """Rotel, passing on to another OTLP/HTTP endpoint."""
    grpc, http = free_port(), free_port()
    addresses = ("--otlp-grpc-endpoint", f"127.0.0.1:{grpc}", "--otlp-http-endpoint", f"127.0.0.1:{http}")
    target = ("--exporter", "otlp", "--otlp-exporter-endpoint", to, "--otlp-exporter-protocol", "http")
    log = folder / "rotel.log"
    with log.open("w") as out:
        server = subprocess.Popen([str(binary), "start", *addresses, *target], stdout=out, stderr=out)
        try:
            eventually(lambda: _listens(http) and _listens(grpc), "rotel ready")
            yield {"grpc": f"http://127.0.0.1:{grpc}", "http": f"http://127.0.0.1:{http}"}
        finally:
            server.terminate()
            server.wait(10)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
