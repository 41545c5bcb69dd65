"""Receivers that are away, silent, unwilling or suddenly gone: the program does not notice."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.processes.conftest import CALL, PROGRAM, RUN, World


@contextmanager
def silent_receiver() -> Iterator[str]:
    """Accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        kept: list[socket.socket] = []

        def accept() -> None:
            while True:
                try:
                    kept.append(server.accept()[0])
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        for connection in kept:
            connection.close()


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
@pytest.mark.parametrize("how", ["not there", "silent", "refusing"])
def test_a_receiver_that_is_down_costs_one_line(world: World, how: str, protocol: str) -> None:
    """The program's output and exit code are its own, exit waits no longer than is configured, and one line
    on standard error says how many spans were lost."""
    world.write(PROGRAM)
    with silent_receiver() as silent:
        world.receiver.fail_with = 503
        endpoint = {"not there": "http://127.0.0.1:9", "silent": silent, "refusing": world.receiver.endpoint}[
            how
        ]
        done = world.run(
            *RUN,
            "app.py",
            timeout=40,
            OTEL_EXPORTER_OTLP_ENDPOINT=endpoint,
            OTEL_EXPORTER_OTLP_PROTOCOL=protocol,
            OTEL_EXPORTER_OTLP_TIMEOUT="2",
        )
    assert (done.returncode, done.stdout) == (0, "done\n")
    (line,) = done.stderr.splitlines()
    assert "3 of 3 spans" in line
    assert endpoint in line


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_an_export_that_hangs_does_not_hold_up_the_end(world: World, protocol: str) -> None:
    """An export that began in the background, with more time than the end of the process has, is left behind."""
    world.write(PROGRAM + "import time; time.sleep(0.5)\n")
    with silent_receiver() as silent:
        done = world.run(
            *RUN,
            "app.py",
            timeout=40,
            OTEL_EXPORTER_OTLP_ENDPOINT=silent,
            OTEL_EXPORTER_OTLP_PROTOCOL=protocol,
            OTEL_EXPORTER_OTLP_TRACES_TIMEOUT="120",
            OTEL_EXPORTER_OTLP_TIMEOUT="1",
            OTEL_BSP_SCHEDULE_DELAY="100",
        )
    assert (done.returncode, done.stdout) == (0, "done\n")
    (line,) = done.stderr.splitlines()
    assert "3 of 3 spans" in line


def test_a_receiver_that_goes_away_costs_one_line(world: World) -> None:
    """What was delivered before is not counted as lost, and what was told once is not told again."""
    world.write(
        "import otel_llm; otel_llm.setup()\n"
        + CALL
        + "call(2)\nprint(otel_llm.flush(), flush=True)\ninput()\n"
        + "call(3)\nprint(otel_llm.flush(timeout=30))\n"
    )
    with world.start(sys.executable, "app.py", OTEL_EXPORTER_OTLP_TIMEOUT="1") as program:
        assert program.stdout.readline() == "True\n"
        world.receiver.stop()
        out, err = program.communicate("\n", timeout=60)
    assert (program.returncode, out) == (0, "False\n")
    (line,) = err.splitlines()
    assert line.startswith("3 spans could not be sent to http://127.0.0.1:")


def test_a_receiver_that_comes_back_is_told_what_is_new(world: World) -> None:
    """flush() says False for what was lost, and True again for what comes after."""
    world.write(
        "import otel_llm; otel_llm.setup()\n"
        + CALL
        + "for _ in range(3):\n    call(2); print(otel_llm.flush(timeout=30), flush=True); input()\n"
    )
    with world.start(sys.executable, "app.py", OTEL_EXPORTER_OTLP_TIMEOUT="1") as program:
        for status, told in ((503, "False\n"), (None, "True\n"), (None, "True\n")):
            world.receiver.fail_with = status
            program.stdin.write("\n" if told == "True\n" else "")
            program.stdin.flush()
            assert program.stdout.readline() == told
        _, err = program.communicate("\n", timeout=60)
    assert program.returncode == 0
    assert len(err.splitlines()) == 1
    assert len(world.receiver.spans) == 4
    assert world.tokens() == 6000


def test_more_than_there_is_room_for_costs_no_more_lines(world: World) -> None:
    """A full queue is told with the rest: while the process runs, and at its end if more was lost by then."""
    world.write(CALL + "call(30)\n")
    done = world.run(
        *RUN,
        "app.py",
        OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9",
        OTEL_EXPORTER_OTLP_TIMEOUT="1",
        OTEL_BSP_MAX_QUEUE_SIZE="5",
    )
    assert done.returncode == 0
    assert len(done.stderr.splitlines()) <= 2
    assert "30 of 30 spans" in done.stderr.splitlines()[-1]


def test_metrics_that_are_lost_are_told_too(world: World) -> None:
    """Where no spans are sent at all, the line speaks of the metrics."""
    world.write(PROGRAM)
    world.receiver.fail_with = 400
    done = world.run(*RUN, "app.py", OTEL_TRACES_EXPORTER="none", OTEL_EXPORTER_OTLP_TIMEOUT="1")
    assert done.stderr == f"metrics could not be sent to {world.receiver.endpoint}\n"


def test_where_there_was_nothing_to_send_nothing_is_lost(world: World) -> None:
    """A program without any call says nothing of a receiver that is not there."""
    world.write("print('done')\n")
    done = world.run(*RUN, "app.py", OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


def test_loggers_that_the_program_has_set_up_are_left_alone(world: World) -> None:
    """Who asks to hear what OpenTelemetry's exporters say does hear it."""
    world.write(
        "import logging\nlogging.getLogger('opentelemetry.exporter.otlp').setLevel(logging.WARNING)\n"
        "import otel_llm; otel_llm.setup()\n" + PROGRAM
    )
    world.receiver.fail_with = 400
    done = world.run(sys.executable, "app.py")
    assert "3 of 3 spans" in done.stderr
    assert len(done.stderr.splitlines()) > 1
