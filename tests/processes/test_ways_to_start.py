"""All ways to start give the same telemetry, and leave the program what it is."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.processes.conftest import CALL, OWN_SDK, PROGRAM, RUN, World

BIN = Path(sys.executable).parent
SETUP = "import otel_llm; otel_llm.setup()\n"
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


def test_launchers_may_be_stacked(world: World) -> None:
    """Ours under OpenTelemetry's, and the other way round: each call is one span all the same."""
    world.write(PROGRAM)
    theirs = BIN / "opentelemetry-instrument"
    for command in (
        (*RUN, theirs, sys.executable, "app.py"),
        (theirs, *RUN, "app.py"),
        (*RUN, *RUN, "app.py"),
    ):
        world.receiver.clear()
        done = world.run(*command, OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf")
        assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", ""), command
        assert len({span.span_id for span in world.receiver.spans}) == len(world.receiver.spans) == 3, command
        assert world.tokens() == 2005


def test_a_sitecustomize_of_the_applications_own_still_runs(world: World) -> None:
    """Ours stands in its way, and steps aside before it does anything; a failure in it looks as it always does."""
    path = f"{world.environ['PYTHONPATH']}:{world.folder}"
    customization = "import os; os.environ['OTEL_SERVICE_NAME'] = 'renamed'\n"
    world.write(customization, "sitecustomize.py")
    world.write("import sitecustomize; print(sitecustomize.__file__)\n" + PROGRAM)
    done = world.run(*RUN, "app.py", PYTHONPATH=path)
    assert (done.stdout, done.stderr) == (f"{world.folder}/sitecustomize.py\ndone\n", "")
    assert {span.resource["service.name"] for span in world.receiver.spans} == {"renamed"}
    world.write("1 / 0\n", "sitecustomize.py")
    world.write(PROGRAM)
    bare, ours = (world.run(*start, "app.py", PYTHONPATH=path) for start in ((sys.executable,), RUN))
    assert (ours.returncode, ours.stdout) == (bare.returncode, bare.stdout)
    # The command is a Python program itself, so it says it first.
    assert ours.stderr == bare.stderr * 2
    assert len(world.receiver.spans) == 6


def test_python_processes_started_by_the_program_are_seen_too(world: World) -> None:
    """Children inherit what `run` set up."""
    world.write(CALL + "call()\n", "child.py")
    world.write("import subprocess, sys\nsubprocess.run([sys.executable, 'child.py'], check=True)\n")
    assert world.run(*RUN, "app.py").returncode == 0
    assert [span.name for span in world.receiver.spans] == ["chat gpt-4o"]
