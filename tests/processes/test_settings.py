"""What the variables say holds, and what they say wrong stops nothing."""

from __future__ import annotations

import sys

import pytest

from tests.processes.conftest import CALL, OWN_SDK, PROGRAM, RUN, World

WRONG = {
    "OTEL_LLM_SEMCONV": "2020",
    "OTEL_LLM_STREAM_USAGE": "maybe",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "smoke",
    "OTEL_EXPORTER_OTLP_TIMEOUT": "soon",
    "OTEL_EXPORTER_OTLP_COMPRESSION": "squeeze",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "localhost-4318",
    "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "lately",
    "OTEL_LOGS_EXPORTER": "pigeon",
    "OTEL_BSP_MAX_QUEUE_SIZE": "-1",
    "OTEL_BLRP_SCHEDULE_DELAY": "5s",
    "OTEL_METRIC_EXPORT_INTERVAL": "0",
    "OTEL_METRICS_EXEMPLAR_FILTER": "few",
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "many",
    "OTEL_TRACES_SAMPLER": "now_and_then",
    "OTEL_TRACES_SAMPLER_ARG": "7",
    "OTEL_SDK_DISABLED": "perhaps",
}


def test_a_wrong_variable_is_warned_about_once(world: World) -> None:
    """One line names variable, value and what is allowed; then the default is used, and the program runs."""
    world.write(PROGRAM)
    done = world.run(*RUN, "app.py", **WRONG)
    assert (done.returncode, done.stdout) == (0, "done\n")
    lines = done.stderr.splitlines()
    assert len(lines) == len(WRONG), done.stderr
    for name, value in WRONG.items():
        (line,) = [line for line in lines if line.startswith(f"{name}=")]
        assert repr(value) in line
        assert "(" in line
    assert len(world.receiver.spans) == 3


def test_a_wrong_variable_is_still_there_for_the_program(world: World) -> None:
    """What is corrected is what we make of it, not what the program and its children see."""
    world.write("import os; print(os.environ['OTEL_BSP_MAX_QUEUE_SIZE'])\n")
    assert world.run(*RUN, "app.py", OTEL_BSP_MAX_QUEUE_SIZE="huge").stdout == "huge\n"


def test_a_small_queue_takes_small_batches(world: World) -> None:
    """A queue below the default size of a batch, which OpenTelemetry refuses, is no mistake of the user's."""
    world.write(PROGRAM)
    done = world.run(*RUN, "app.py", OTEL_BSP_MAX_QUEUE_SIZE="10")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(world.receiver.spans) == 3


def test_headers_arrive_and_those_that_cannot_be_read_are_not_shown(world: World) -> None:
    """A header that is no name=value is warned about without its text, which may be a key."""
    world.write(PROGRAM)
    done = world.run(*RUN, "app.py", OTEL_EXPORTER_OTLP_HEADERS="x-team=red,hush-hush-key")
    assert done.stderr.count("OTEL_EXPORTER_OTLP_HEADERS") == len(done.stderr.splitlines()) == 1
    assert "hush" not in done.stderr
    assert {request.headers.get("x-team") for request in world.receiver.requests} == {"red"}
    assert len(world.receiver.spans) == 3


def test_the_resource_is_what_the_variables_say(world: World) -> None:
    """Name and attributes of the service arrive on spans and metrics, with an id for the process."""
    world.write(PROGRAM)
    attributes = "service.version=7,deployment.environment.name=test"
    world.run(*RUN, "app.py", OTEL_SERVICE_NAME="shop", OTEL_RESOURCE_ATTRIBUTES=attributes)
    assert len(world.receiver.spans) == 3
    for resource in (world.receiver.spans[0].resource, world.receiver.metrics[0].resource):
        assert resource["service.name"] == "shop"
        assert resource["service.version"] == "7"
        assert resource["deployment.environment.name"] == "test"
        assert resource["service.instance.id"]


def test_what_is_switched_off_is_not_sent(world: World) -> None:
    """By our variable, by OpenTelemetry's own, or signal by signal, the program runs as if we were not there."""
    world.write(PROGRAM)
    none = dict.fromkeys(("OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER"), "none")
    for variables in ({"OTEL_LLM_DISABLED": "true"}, {"OTEL_SDK_DISABLED": "true"}, none):
        done = world.run(*RUN, "app.py", **variables)
        assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")
        assert not world.receiver.requests, variables
    world.run(*RUN, "app.py", OTEL_METRICS_EXPORTER="none")
    assert len(world.receiver.spans) == 3
    assert not world.receiver.metrics
    world.run(*RUN, "app.py", OTEL_TRACES_EXPORTER="none")
    assert len(world.receiver.spans) == 3
    assert world.tokens() == 2005


@pytest.mark.parametrize("exporter", ["otlp,otlp", "otlp_proto_http"])
def test_other_names_of_the_exporter_mean_the_same(world: World, exporter: str) -> None:
    """Named twice or by its protocol, each span arrives once."""
    world.write(PROGRAM)
    done = world.run(*RUN, "app.py", OTEL_TRACES_EXPORTER=exporter)
    assert (done.stderr, len(world.receiver.spans)) == ("", 3)


def test_the_console_prints_calls_and_totals(world: World) -> None:
    """`--console`, `setup(console=True)` and the exporter's name print the same lines."""
    world.write(PROGRAM)
    by_option = world.run(*RUN, "--console", "app.py")
    by_name = world.run(*RUN, "app.py", OTEL_TRACES_EXPORTER="otlp,llm_console")
    world.write("import otel_llm; otel_llm.setup(console=True)\n" + PROGRAM)
    by_argument = world.run(sys.executable, "app.py")
    for done in (by_option, by_name, by_argument):
        assert (done.returncode, done.stdout) == (0, "done\n")
        assert done.stderr.count("in 1,000 (cached 900, written 95)   out 7 (reasoning 3)   stop") == 2
        assert "provider  model" in done.stderr
    assert len(world.receiver.spans) == 9


def test_opentelemetrys_own_console_prints_as_well(world: World) -> None:
    """`console` is OpenTelemetry's exporter, which writes JSON."""
    world.write(PROGRAM)
    done = world.run(*RUN, "app.py", OTEL_TRACES_EXPORTER="console", OTEL_METRICS_EXPORTER="none")
    assert done.stdout.count('"name": "chat gpt-4o"') == 2
    assert not world.receiver.spans


@pytest.mark.parametrize("way", ["setup", "run"])
def test_a_program_with_providers_of_its_own_exports_nothing_twice(world: World, way: str) -> None:
    """Its own providers stay the global ones where they were there first; each call is exported once."""
    program = OWN_SDK.replace("otel_llm.instrument()", "otel_llm.setup(); otel_llm.setup()")
    program += PROGRAM + "assert way == 'run' or trace.get_tracer_provider() is provider\n"
    world.write(f"way = {way!r}\n{program}")
    start = RUN if way == "run" else (sys.executable,)
    assert world.run(*start, "app.py").returncode == 0
    assert len({span.span_id for span in world.receiver.spans}) == len(world.receiver.spans) == 3
    assert world.tokens() == 2005


OWN_METER = """
from opentelemetry import metrics
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
reader = PeriodicExportingMetricReader(OTLPMetricExporter())
metrics.set_meter_provider(MeterProvider([reader], resource=Resource.create({"whose": "mine"})))
import otel_llm; otel_llm.setup()
"""


def test_a_meter_provider_of_ones_own_is_kept(world: World) -> None:
    """setup() makes providers for the signals that have none, and only for these."""
    world.write(OWN_METER + CALL + "call(2)\n")
    done = world.run(sys.executable, "app.py")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(world.receiver.spans) == 2
    assert world.tokens() == 2000
    assert {metric.resource.get("whose") for metric in world.receiver.metrics} == {"mine"}
