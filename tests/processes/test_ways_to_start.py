"""All ways to start give the same telemetry, and leave the program what it is."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.processes.conftest import CALL, PROGRAM, RUN, World

BIN = Path(sys.executable).parent
SETUP = "import otel_llm; otel_llm.setup()\n"
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
WAYS = {
    "run a script": ("", (*RUN, "app.py")),
    "run a module": ("", (*RUN, "-m", "app")),
    "run a command": ("", (*RUN, sys.executable, "app.py")),
    "the command itself": ("", (BIN / "otel-llm", "run", "app.py")),
    "opentelemetry-instrument": ("", (BIN / "opentelemetry-instrument", sys.executable, "app.py")),
    "setup()": (SETUP, (sys.executable, "app.py")),
    "instrument() on one's own SDK": (OWN_SDK, (sys.executable, "app.py")),
}


def told(world: World) -> Any:
    """What arrived, without what differs from one run to the next."""
    passing = ("server.port", "gen_ai.response.time_to_first_chunk")
    spans = [
        (
            span.name,
            span.parent_id,
            tuple(sorted((k, v) for k, v in span.attributes.items() if k not in passing)),
        )
        for span in world.receiver.spans
    ]
    return (
        sorted(spans),
        sorted({metric.name for metric in world.receiver.metrics if metric.scope == "otel_llm"}),
        world.tokens(),
    )


def test_all_ways_to_start_give_the_same_telemetry(world: World) -> None:
    """Spans, metrics and sums are those of the three calls, however the program was started."""
    results: dict[str, Any] = {}
    for way, (before, command) in WAYS.items():
        world.receiver.clear()
        world.write(before + PROGRAM)
        done = world.run(*command, OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf")
        assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", ""), way
        results[way] = told(world)
    first = results["run a script"]
    assert [name for name, _, _ in first[0]] == ["chat gpt-4o", "chat gpt-4o", "embeddings e"]
    assert first[2] == 2005
    for way, result in results.items():
        assert result == first, way


def test_grpc_carries_the_same(world: World) -> None:
    """The protocol is a matter of configuration."""
    from otel_llm.testing import Receiver

    world.write(PROGRAM)
    with Receiver(grpc=True) as receiver:
        done = world.run(
            *RUN,
            "app.py",
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.grpc_endpoint,
            OTEL_EXPORTER_OTLP_PROTOCOL="grpc",
        )
        assert (done.returncode, done.stderr) == (0, "")
        receiver.wait_for(spans=3)
        assert receiver.metrics


def test_the_program_sees_what_it_would_see(world: World) -> None:
    """Arguments, name, path, folder and input are what plain Python gives."""
    world.write(
        "import json, os, sys\n"
        "print(json.dumps([__name__, sys.argv, sys.path[0], os.getcwd(), sys.stdin.read(), sys.flags.interactive]))\n"
    )
    bare, ours = (
        subprocess.run(
            [*start, "app.py", "-m", "x"],
            cwd=world.folder,
            env=world.environ,
            input="in",
            capture_output=True,
            text=True,
            check=True,
        )
        for start in ((sys.executable,), RUN)
    )
    assert ours.stdout == bare.stdout


@pytest.mark.parametrize(
    ("program", "code"),
    [("raise SystemExit(7)", 7), ("1 / 0", 1), ("import sys; sys.exit('bye')", 1), ("", 0)],
)
def test_the_exit_code_is_the_programs_own(world: World, program: str, code: int) -> None:
    """Also that of an exception, whose traceback is shown."""
    world.write(program)
    done = world.run(*RUN, "app.py")
    assert done.returncode == code
    assert ("ZeroDivisionError" in done.stderr) == (program == "1 / 0")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_signals_reach_the_program(world: World, number: signal.Signals) -> None:
    """The program takes the process over, so it is the one that is signalled, and dies of it."""
    world.write(
        f"import os, signal\nsignal.signal({signal.SIGINT:d}, signal.SIG_DFL)\nos.kill(os.getpid(), {number:d})\n"
    )
    assert world.run(*RUN, "app.py").returncode == -number


def test_a_sitecustomize_of_the_applications_own_still_runs(world: World) -> None:
    """Ours stands in its way, and steps aside."""
    world.write("print('site')\n", "sitecustomize.py")
    world.write("import sitecustomize; print(sitecustomize.__file__)\n")
    done = world.run(*RUN, "app.py", PYTHONPATH=f"{world.environ['PYTHONPATH']}:{world.folder}")
    assert done.stdout.startswith("site\n")
    assert done.stderr == ""


def test_python_processes_started_by_the_program_are_seen_too(world: World) -> None:
    """Children inherit what `run` set up."""
    world.write(CALL + "call()\n", "child.py")
    world.write("import subprocess, sys\nsubprocess.run([sys.executable, 'child.py'], check=True)\n")
    assert world.run(*RUN, "app.py").returncode == 0
    assert [span.name for span in world.receiver.spans] == ["chat gpt-4o"]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["run"],
        ["run", "missing.py"],
        ["run", "-m"],
        ["run", "-m", "missing_module"],
        ["run", "--wrong"],
        ["wrong"],
    ],
)
def test_a_wrong_command_line_is_explained(world: World, arguments: list[str]) -> None:
    """A usage line on standard error, and exit code 2."""
    done = world.run(sys.executable, "-m", "otel_llm", *arguments)
    assert done.returncode == 2
    assert "usage: otel-llm" in done.stderr
    assert done.stdout == ""


def test_help_and_version_are_no_errors(world: World) -> None:
    """They go to standard output."""
    assert "usage: otel-llm" in world.run(sys.executable, "-m", "otel_llm", "--help").stdout
    assert world.run(sys.executable, "-m", "otel_llm", "--version").stdout.startswith("otel-llm 0")


def test_the_doctor_tells_what_is_there_and_no_secret(world: World) -> None:
    """Versions, SDKs and settings are shown, values of headers are not."""
    world.write("__version__ = '0.28'\n", "openai.py")
    done = world.run(
        sys.executable,
        "-m",
        "otel_llm",
        "doctor",
        OTEL_EXPORTER_OTLP_HEADERS="authorization=hush",
        OTEL_LLM_SEMCONV="latest",
    )
    assert done.returncode == 0
    assert "OTEL_LLM_SEMCONV = 'latest'" in done.stdout
    assert "openai" in done.stdout
    assert "hush" not in done.stdout


def test_an_sdk_that_is_too_old_is_skipped_with_a_debug_line(world: World) -> None:
    """The program runs, and whoever looks is told."""
    (world.folder / "openai").mkdir()
    world.write("__version__ = '0.28'\n", "openai/__init__.py")
    world.write(
        "import logging; logging.basicConfig(level=10)\nimport otel_llm; otel_llm.instrument()\nimport openai\n"
    )
    done = world.run(sys.executable, "app.py")
    assert done.returncode == 0
    assert done.stderr.count("DEBUG:otel_llm:openai is older than") == 1


def test_the_console_prints_calls_and_totals(world: World) -> None:
    """`--console`, `setup(console=True)` and the exporter's name print the same lines."""
    world.write(PROGRAM)
    by_option = world.run(*RUN, "--console", "app.py")
    by_name = world.run(*RUN, "app.py", OTEL_TRACES_EXPORTER="otlp,llm_console")
    world.write("import otel_llm; otel_llm.setup(console=True)\n" + PROGRAM)
    by_argument = world.run(sys.executable, "app.py")
    for done in (by_option, by_name, by_argument):
        assert done.returncode == 0
        assert done.stderr.count("in 1,000 (cached 900, written 95)   out 7 (reasoning 3)   stop") == 2
        assert "provider  model" in done.stderr
    assert len(world.receiver.spans) == 9


def test_nothing_is_sent_where_nothing_is_wanted(world: World) -> None:
    """Switched off by our variable or by OpenTelemetry's own, the program runs as if we were not there."""
    world.write(PROGRAM)
    for variable in ("OTEL_LLM_DISABLED", "OTEL_SDK_DISABLED"):
        assert world.run(*RUN, "app.py", **{variable: "true"}).stderr == ""
    world.run(
        *RUN, "app.py", OTEL_TRACES_EXPORTER="none", OTEL_METRICS_EXPORTER="none", OTEL_LOGS_EXPORTER="none"
    )
    assert not world.receiver.requests


def test_a_wrong_variable_is_warned_about_once(world: World) -> None:
    """Name, value and what is allowed; then the default, and the program runs."""
    world.write(PROGRAM)
    done = world.run(
        *RUN,
        "app.py",
        OTEL_LLM_SEMCONV="2020",
        OTEL_LLM_STREAM_USAGE="maybe",
        OTEL_EXPORTER_OTLP_PROTOCOL="smoke",
        OTEL_LOGS_EXPORTER="pigeon",
    )
    assert done.returncode == 0
    lines = done.stderr.splitlines()
    assert len(lines) == 4
    for name, value in (
        ("SEMCONV", "2020"),
        ("STREAM_USAGE", "maybe"),
        ("PROTOCOL", "smoke"),
        ("LOGS_EXPORTER", "pigeon"),
    ):
        assert [line for line in lines if name in line and value in line]
    assert len(world.receiver.spans) == 3


def test_a_provider_that_the_program_sets_itself_is_used(world: World) -> None:
    """setup() after one's own provider exports nothing twice."""
    world.write(OWN_SDK.replace("otel_llm.instrument()", "otel_llm.setup()") + PROGRAM)
    assert world.run(sys.executable, "app.py").returncode == 0
    assert len(world.receiver.spans) == 3
