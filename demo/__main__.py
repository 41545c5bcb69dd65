"""`make demo`: runs every example under `otel-llm run` and prints the telemetry that arrives.

By default the provider is replayed and the telemetry goes to a receiver of our own, both on loopback. With
`OTEL_EXPORTER_OTLP_ENDPOINT` set it goes there instead; with `REAL=1` and `OPENAI_API_KEY` set the provider is the real one.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from demo.provider import answer
from otel_llm.export.console import ConsoleExporter
from otel_llm.testing import ReceivedSpan, Receiver, ReplayServer

EXAMPLES = Path(__file__).parents[1] / "examples"


def main() -> int:
    elsewhere = os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    environ = {**os.environ, "OTEL_SERVICE_NAME": os.environ.get("OTEL_SERVICE_NAME", "railway")}
    with ExitStack() as stack:
        if os.environ.get("REAL") == "1":
            if not os.environ.get("OPENAI_API_KEY"):
                sys.stderr.write("REAL=1 needs OPENAI_API_KEY\n")
                return 2
        else:
            provider = stack.enter_context(ReplayServer(answer))
            environ |= {"OPENAI_BASE_URL": f"{provider.url}/v1", "OPENAI_API_KEY": "not-needed"}
        receiver = None
        if elsewhere is None:
            receiver = stack.enter_context(Receiver())
            environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = receiver.endpoint
        failed = [name for name in sorted(EXAMPLES.glob("*.py")) if not _run(name, environ)]
        if receiver is not None:
            _print(receiver)
        else:
            print(f"\nThe telemetry went to {elsewhere}.")
    for name in failed:
        print(f"{name.name} failed", file=sys.stderr)
    return 1 if failed else 0


def _run(program: Path, environ: dict[str, str]) -> bool:
    print(
        f"\n$ otel-llm run {program.relative_to(Path.cwd()) if program.is_relative_to(Path.cwd()) else program}",
        flush=True,
    )
    return (
        subprocess.run(
            [sys.executable, "-m", "otel_llm", "run", str(program)], env=environ, check=False
        ).returncode
        == 0
    )


def _print(receiver: Receiver) -> None:
    points = sum(len(metric.points) for metric in receiver.metrics)
    print(
        f"\nReceived over OTLP/HTTP: {len(receiver.spans)} spans, {points} metric points, {len(receiver.logs)} events\n",
        flush=True,
    )
    console = ConsoleExporter(out=sys.stdout)
    console.export([_readable(span) for span in sorted(receiver.spans, key=lambda span: span.end)])
    console.shutdown()


def _readable(span: ReceivedSpan) -> ReadableSpan:
    """A received span as the SDK has it, so that the demo prints with what everybody else prints with."""

    def context(span_id: str) -> SpanContext:
        return SpanContext(
            int(span.trace_id, 16), int(span_id, 16), is_remote=False, trace_flags=TraceFlags(1)
        )

    return ReadableSpan(
        name=span.name,
        context=context(span.span_id),
        parent=context(span.parent_id) if span.parent_id else None,
        resource=Resource(span.resource),
        attributes=span.attributes,
        kind=SpanKind[span.kind.upper()],
        instrumentation_scope=InstrumentationScope(span.scope),
        status=Status(StatusCode[span.status_code.upper()], span.status_message or None),
        start_time=span.start,
        end_time=span.end,
    )


if __name__ == "__main__":
    sys.exit(main())
