"""Processes that multiply: each call is one span and counted once, in whichever process it was made."""

from __future__ import annotations

import os
import signal
import sys
import urllib.request
from importlib.util import find_spec
from pathlib import Path

import pytest

from otel_llm.testing import Receiver
from tests.processes.conftest import CALL, RUN, World

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
    "pool of a fork server": "import multiprocessing as m\npool = m.get_context('forkserver').Pool(2, maxtasksperchild=1)",
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


def test_workers_that_are_terminated_lose_and_repeat_nothing(world: World) -> None:
    """Leaving the `with` of a pool terminates its workers by a signal, wherever they are."""
    world.write(
        CALL
        + """
import multiprocessing
if __name__ == "__main__":
    for how in ("fork", "spawn"):
        with multiprocessing.get_context(how).Pool(2) as pool:
            pool.map(call, [1] * 5)
"""
    )
    done = world.run(*RUN, "app.py")
    assert (done.returncode, done.stderr) == (0, "")
    assert len({span.span_id for span in world.receiver.spans}) == len(world.receiver.spans) == 10
    assert world.tokens() == 10_000


def test_forked_workers_export_over_grpc_too(world: World) -> None:
    """Although gRPC's connections do not survive a fork."""
    world.write(FORKED.format(leave="sys.exit(0)"))
    with Receiver(grpc=True) as receiver:
        done = world.run(
            *RUN,
            "app.py",
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.grpc_endpoint,
            OTEL_EXPORTER_OTLP_PROTOCOL="grpc",
        )
        assert done.returncode == 0
        assert len({span.span_id for span in receiver.spans}) == len(receiver.spans) == 9


def test_a_fork_after_uninstrument_leaves_the_rest_alone(world: World) -> None:
    """What the program traces itself in the child still arrives through the pipeline of setup()."""
    world.write(
        "import os\nimport otel_llm; otel_llm.setup(); otel_llm.uninstrument()\n"
        "from opentelemetry import trace\n"
        "tracer = trace.get_tracer('own')\n"
        "with tracer.start_as_current_span('parent'): pass\n"
        "assert otel_llm.flush()\n"
        "if os.fork() == 0:\n"
        "    with tracer.start_as_current_span('child'): pass\n"
        "else:\n    os.wait()\n"
    )
    done = world.run(sys.executable, "app.py")
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(span.name for span in world.receiver.spans) == ["child", "parent"]


SERVER = (
    CALL
    + """
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        call()
        self.send_response(200); self.send_header("content-length", "0"); self.end_headers()
    def log_message(self, *_): pass
call()
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
workers = []
for _ in range(2):
    pid = os.fork()
    if pid == 0:
        for _ in range(5):
            server.handle_request()
        sys.exit(3)
    workers.append(pid)
print(server.server_port, flush=True)
codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in workers]
call()
sys.exit(sum(codes))
"""
)


def get(port: int | str) -> None:
    """One request of a browser."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as response:
        assert response.status == 200


def test_a_server_with_forked_workers_loses_and_repeats_nothing(world: World) -> None:
    """Ten requests to two workers, and a call of their parent before and after: twelve spans, all tokens."""
    world.write(SERVER)
    with world.start(*RUN, "app.py") as server:
        port = server.stdout.readline().strip()
        for _ in range(10):
            get(port)
        _, err = server.communicate(timeout=60)
    assert (server.returncode, err) == (6, "")
    assert len({span.span_id for span in world.receiver.spans}) == len(world.receiver.spans) == 12
    assert (world.tokens(), world.tokens("output")) == (12_000, 84)


@pytest.mark.skipif(find_spec("gunicorn") is None, reason="gunicorn is not installed")
def test_gunicorn_loses_and_repeats_nothing(world: World) -> None:
    """Its workers are forked, and end when it is told to."""
    world.write(
        CALL
        + "call()\ndef app(environ, start):\n    call()\n    start('200 OK', [('content-length', '0')])\n    return []\n"
    )
    command = (*RUN, Path(sys.executable).parent / "gunicorn", "-w", "2", "-b", "127.0.0.1:0", "--preload")
    with world.start(*command, "app:app") as server:
        heard = next(line for line in server.stderr if "Listening at: http://127.0.0.1:" in line)
        port = heard.partition("127.0.0.1:")[2].split()[0]
        for _ in range(10):
            get(port)
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=60)
    assert server.returncode == 0
    assert len({span.span_id for span in world.receiver.spans}) == len(world.receiver.spans) == 11
    assert world.tokens() == 11_000
