"""How processes end: what is open is told, and what was told has arrived."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from tests.processes.conftest import CALL, RUN, World

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")

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


def test_set_up_again_after_the_end_works_again(world: World) -> None:
    """As in a notebook: what is called between two ends is sent, and nothing twice."""
    world.write(
        "import otel_llm\n" + CALL + "for _ in range(3):\n    otel_llm.setup(); call(); otel_llm.shutdown()\n"
    )
    done = world.run(sys.executable, "app.py")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(world.receiver.spans) == 3
    sums = {
        point.start: point.sum
        for metric in world.receiver.metrics
        for point in metric.points
        if point.attributes.get("gen_ai.token.type") == "input"
    }
    assert list(sums.values()) == [1000, 1000, 1000]


def test_what_ended_before_uninstrument_is_flushed_after_it(world: World) -> None:
    """flush() looks after the pipeline, whether or not anything is instrumented."""
    world.write(
        "import otel_llm, os; otel_llm.setup()\n"
        + CALL
        + "call(); otel_llm.uninstrument(); print(otel_llm.flush(), flush=True); os._exit(0)\n"
    )
    assert world.run(sys.executable, "app.py").stdout == "True\n"
    assert len(world.receiver.spans) == 1


def test_exit_handlers_may_call_and_flush(world: World) -> None:
    """What a handler of the program's own does while the interpreter exits is told, with or without threads."""
    world.write(
        CALL
        + "import atexit, otel_llm\natexit.register(lambda: print(otel_llm.flush()))\natexit.register(call)\n"
    )
    done = world.run(*RUN, "app.py")
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")
    assert len(world.receiver.spans) == 1


@pytest.mark.parametrize("program", ["import os, signal; os.kill(os.getpid(), signal.SIGINT)", "1 / 0"])
def test_a_program_that_dies_of_an_exception_has_told_its_calls(world: World, program: str) -> None:
    """Also of Ctrl-C, which still ends the process by its signal, and leaves no traceback of ours."""
    world.write(CALL + f"call()\n{program}\n")
    bare = world.run(sys.executable, "app.py")
    world.receiver.clear()
    done = world.run(*RUN, "app.py")
    assert (done.returncode, done.stderr) == (bare.returncode, bare.stderr)
    assert len(world.receiver.spans) == 1


def test_flush_in_a_short_time_says_false(world: World) -> None:
    """A provider of the program's own that takes its time is not waited for, and nothing is claimed of it."""
    world.write(
        "import time\nfrom opentelemetry import trace\nfrom opentelemetry.sdk.trace import TracerProvider\n"
        "class Slow(TracerProvider):\n    def force_flush(self, timeout_millis=0): time.sleep(600)\n"
        "trace.set_tracer_provider(Slow())\n"
        "import otel_llm; otel_llm.instrument()\nprint(otel_llm.flush(timeout=0.1))\n"
    )
    assert world.run(sys.executable, "app.py").stdout == "False\n"


WAITING = "import time\nprint('ready', flush=True)\ntime.sleep(600)\n"


@pytest.mark.parametrize("program", [CALL + "call()\n", OPEN_STREAM], ids=["a call", "an open stream"])
def test_what_was_called_before_sigterm_is_told(world: World, program: str) -> None:
    """The process dies of the signal as it would without us; with its last calls told, open streams included."""
    world.write(program + WAITING)
    with world.start(*RUN, "app.py") as waiting:
        assert waiting.stdout.readline() == "ready\n"
        waiting.terminate()
        _, err = waiting.communicate(timeout=60)
    assert (waiting.returncode, err) == (-signal.SIGTERM, "")
    assert len(world.receiver.spans) == 1
    assert world.receiver.metrics


def test_a_receiver_that_is_down_does_not_hold_up_sigterm(world: World) -> None:
    """One line, and the process dies all the same."""
    world.write(CALL + "call()\n" + WAITING)
    world.receiver.fail_with = 503
    with world.start(*RUN, "app.py", OTEL_EXPORTER_OTLP_TIMEOUT="1") as waiting:
        assert waiting.stdout.readline() == "ready\n"
        waiting.terminate()
        _, err = waiting.communicate(timeout=60)
    assert waiting.returncode == -signal.SIGTERM
    assert len(err.splitlines()) <= 1


def test_handlers_of_the_programs_own_are_not_touched(world: World) -> None:
    """Who handles SIGTERM, before or after set-up, goes on doing so."""
    handler = "import os, signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(5))\n"
    terminate = "os.kill(os.getpid(), signal.SIGTERM)\n"
    setup = "import otel_llm; otel_llm.setup()\n"
    for program in (handler + setup + terminate, setup + handler + terminate):
        world.write(program)
        assert world.run(sys.executable, "app.py").returncode == 5
