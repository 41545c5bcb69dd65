"""Real programs in real processes, talking to a replayed provider and a real OTLP receiver."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from otel_llm.testing import Exchange, Receiver, ReplayServer
from tests.lives.answers import STREAM, completion

ROOT = Path(__file__).parents[2]
RUN = (sys.executable, "-m", "otel_llm", "run")

VECTOR = {"object": "embedding", "index": 0, "embedding": "AACAPwAAAEA="}
EMBEDDINGS = {
    "object": "list",
    "model": "e",
    "data": [VECTOR],
    "usage": {"prompt_tokens": 5, "total_tokens": 5},
}

PROGRAM = """
from openai import OpenAI
client = OpenAI()
client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "hi"}])
for chunk in client.chat.completions.create(model="gpt-4o", messages=[], stream=True):
    pass
client.embeddings.create(model="e", input="hi")
print("done")
"""
CALL = """
def call(times=1):
    from openai import OpenAI
    client = OpenAI()
    for _ in range(times):
        client.chat.completions.create(model="gpt-4o", messages=[])
"""
OWN_SDK = """
from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
metrics.set_meter_provider(MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())]))
import otel_llm; otel_llm.instrument()
"""


@dataclass
class World:
    """A provider, a receiver, a folder for programs, and the environment that leads there."""

    provider: ReplayServer
    receiver: Receiver
    folder: Path
    environ: dict[str, str] = field(default_factory=dict)

    def write(self, program: str, name: str = "app.py") -> Path:
        """Put a program into the folder."""
        file = self.folder / name
        file.write_text(program)
        return file

    def run(
        self, *command: Any, timeout: float = 60, **environ: str | None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the folder; a variable that is None is not set."""
        merged = {name: value for name, value in {**self.environ, **environ}.items() if value is not None}
        return subprocess.run(
            [str(part) for part in command],
            cwd=self.folder,
            env=merged,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def start(self, *command: Any, **environ: str) -> subprocess.Popen[str]:
        """Start a command in the folder, with pipes to all that it says and hears."""
        return subprocess.Popen(
            [str(part) for part in command],
            cwd=self.folder,
            env={**self.environ, **environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def tokens(self, direction: str = "input") -> float:
        """The newest sum of tokens of each process that reported any, added up."""
        latest: dict[Any, float] = {}
        for metric in self.receiver.metrics:
            if metric.name == "gen_ai.client.token.usage":
                for point in metric.points:
                    if point.attributes["gen_ai.token.type"] == direction:
                        series = (
                            metric.resource.get("service.instance.id"),
                            tuple(sorted(point.attributes.items())),
                        )
                        latest[series] = point.sum or 0
        return sum(latest.values())


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}

    def answer(request: Any) -> Exchange:
        if request.path.endswith("/embeddings"):
            return Exchange.json(EMBEDDINGS)
        return Exchange.sse(STREAM) if request.json.get("stream") else Exchange.json(completion())

    with ReplayServer(answer) as provider, Receiver() as receiver:
        environ |= {
            "OPENAI_BASE_URL": f"{provider.url}/v1",
            "OPENAI_API_KEY": "k",
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
            "OTEL_SERVICE_NAME": "app",
            "OTEL_LLM_STRICT": "1",
            "PYTHONPATH": str(ROOT),
            # From 3.12 on Python warns of any fork while there are threads, as those that export are.
            "PYTHONWARNINGS": "ignore:This process:DeprecationWarning",
        }
        yield World(provider, receiver, tmp_path, environ)
