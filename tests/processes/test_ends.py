"""How processes end and multiply: nothing is lost that could be sent, nothing told twice, nobody kept waiting."""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.processes.conftest import CALL, PROGRAM, RUN, World

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")

FORKED = (
    CALL
    + """
import os, sys
call(2)
import otel_llm
workers = []
for _ in range(3):
    pid = os.fork()
    if pid == 0:
        call(2)
        {leave}
    workers.append(pid)
for pid in workers:
    os.waitpid(pid, 0)
call(1)
"""
)
LEAVING = {"sys.exit": "sys.exit(0)", "flush and os._exit": "otel_llm.flush(); os._exit(0)"}


@pytest.mark.parametrize("leave", LEAVING.values(), ids=LEAVING.keys())
def test_forked_workers_lose_and_repeat_nothing(world: World, leave: str) -> None:
    """Calls before the fork, in three workers and after it: each is one span and counted once."""
    world.write(FORKED.format(leave=leave))
    # Newer Pythons warn of forks in programs with threads, and the SDK's exporters are threads.
    done = world.run(*RUN, "app.py", PYTHONWARNINGS="ignore::DeprecationWarning")
    assert (done.returncode, done.stderr) == (0, "")
    assert len({span.span_id for span in world.receiver.spans}) == len(world.receiver.spans) == 9
    assert world.tokens() == 9000
    assert world.tokens("output") == 63


POOLS = {
    "pool of forks": "import multiprocessing as m\npool = m.get_context('fork').Pool(2, maxtasksperchild=1)",
    "pool of fresh processes": "import multiprocessing as m\npool = m.get_context('spawn').Pool(2, maxtasksperchild=1)",
    "executor": "import concurrent.futures as f\npool = f.ProcessPoolExecutor(2)",
}


@pytest.mark.parametrize("pool", POOLS.values(), ids=POOLS.keys())
def test_workers_of_pools_lose_and_repeat_nothing(world: World, pool: str) -> None:
    """Workers that leave by `os._exit` after each task lose 0 of 10 calls."""
    program = (
        CALL
        + f"""
if __name__ == "__main__":
    call(1)
    {pool.replace(chr(10), chr(10) + "    ")}
    list(pool.map(call, [1] * 10))
    (pool.shutdown if hasattr(pool, "shutdown") else lambda: (pool.close(), pool.join()))()
"""
    )
    world.write(program)
    done = world.run(*RUN, "app.py", timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert len({span.span_id for span in world.receiver.spans}) == len(world.receiver.spans) == 11
    assert world.tokens() == 11_000


OPEN_STREAM = """
from openai import OpenAI
stream = OpenAI().chat.completions.create(model="gpt-4o", messages=[], stream=True)
next(stream)
"""
OPEN_ASYNC_STREAM = """
import asyncio
from openai import AsyncOpenAI
async def main():
    global stream
    stream = await AsyncOpenAI().chat.completions.create(model="gpt-4o", messages=[], stream=True)
    await stream.__anext__()
asyncio.run(main())
"""
UNREAD = """
from openai import OpenAI
manager = OpenAI().chat.completions.with_streaming_response.create(model="gpt-4o", messages=[])
response = manager.__enter__()
"""
OWN = """
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
import otel_llm
{first}
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
{second}
"""


@pytest.mark.parametrize("program", [OPEN_STREAM, OPEN_ASYNC_STREAM, UNREAD])
@pytest.mark.parametrize("way", ["run", "own provider first", "own provider later"])
def test_what_is_open_at_exit_is_told(world: World, program: str, way: str) -> None:
    """A stream in mid-air when the interpreter exits gives its span, whoever owns the pipeline."""
    world.write(program)
    bare = world.run(sys.executable, "app.py")  # CPython 3.13.0 crashes here, with us or without
    if way == "run":
        done = world.run(*RUN, "app.py")
    else:
        first, second = (
            ("", "otel_llm.instrument()") if way == "own provider first" else ("otel_llm.instrument()", "")
        )
        world.write(OWN.format(first=first, second=second) + program)
        done = world.run(sys.executable, "app.py")
    assert done.returncode == bare.returncode
    # asyncio itself may complain of generators it closes in an unlucky order, with us or without.
    assert program == OPEN_ASYNC_STREAM or done.stderr == ""
    (span,) = world.receiver.spans
    # asyncio closes what is open when its loop ends, which is a way to close it.
    outcome = span.attributes.get("otel_llm.stream.outcome")
    assert outcome == "abandoned" or program == OPEN_ASYNC_STREAM
    assert "error.type" not in span.attributes


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


def test_a_receiver_that_goes_away_costs_one_line(world: World) -> None:
    """What was delivered before is not counted as lost."""
    world.write(
        "import otel_llm; otel_llm.setup()\n"
        + CALL
        + "call(2)\nprint(otel_llm.flush(), flush=True)\ninput()\ncall(3)\nprint(otel_llm.flush(timeout=0.5))\n"
    )
    import subprocess

    with subprocess.Popen(
        [sys.executable, "app.py"],
        cwd=world.folder,
        env={**world.environ, "OTEL_EXPORTER_OTLP_TIMEOUT": "2"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "True\n"
        world.receiver.stop()
        out, err = program.communicate("\n", timeout=40)
    assert out == "False\n"
    assert program.returncode == 0
    assert len(err.splitlines()) <= 2
    assert "3 of 5 spans" in err.splitlines()[-1]


def test_shutdown_and_flush_may_be_called_at_any_time(world: World) -> None:
    """Before set-up, twice, and after the end: nothing happens, and True is only said if it is true."""
    world.write(
        "import otel_llm\nprint(otel_llm.flush()); otel_llm.shutdown()\notel_llm.setup('mine')\n"
        + CALL
        + "call()\nprint(otel_llm.flush()); otel_llm.shutdown(); otel_llm.shutdown(); print(otel_llm.flush())\ncall()\n"
    )
    done = world.run(sys.executable, "app.py")
    assert (done.stdout, done.stderr) == ("True\nTrue\nTrue\n", "")
    (span,) = world.receiver.spans
    assert span.resource["service.name"] == "mine"
