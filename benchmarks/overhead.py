"""What a call costs: without us, with a bare hand-written span (the floor), with us, with other instrumentations.

Each round runs every variant once, in turning order, in one process and on one in-process transport, so that
a noisy machine disturbs all alike; what is printed are medians over rounds of costs above the bare SDK call.
"""

from __future__ import annotations

import gc
import importlib
import json
import statistics
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from time import perf_counter, process_time
from typing import Any

import openai
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, Sampler
from opentelemetry.trace import SpanKind

import otel_llm

http = importlib.import_module("httpx2" if int(openai.__version__.split(".")[0]) >= 3 else "httpx")

ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o-2024-08-06",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello."}}],
    "usage": {
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "total_tokens": 120,
        "prompt_tokens_details": {"cached_tokens": 64, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 12, "audio_tokens": 0},
    },
    "system_fingerprint": "fp_1",
    "service_tier": "default",
}
LENGTHS = (100, 1000)  # chunks of a short and of a long stream


def _stream_body(chunks: int) -> bytes:
    chunk: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-4o-1",
    }
    events = [
        {**chunk, "choices": [{"index": 0, "delta": {"content": "word "}, "finish_reason": None}]}
        for _ in range(chunks)
    ]
    events.append({**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    events.append({**chunk, "choices": [], "usage": ANSWER["usage"]})
    return (
        b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events) + b"data: [DONE]\n\n"
    )


STREAMS = {length: _stream_body(length) for length in LENGTHS}


def _handle(request: Any) -> Any:
    if b'"stream":true' in request.content.replace(b" ", b""):
        return http.Response(
            200,
            headers={"content-type": "text/event-stream"},
            content=STREAMS[int(request.headers["x-chunks"])],
        )
    return http.Response(200, json=ANSWER)


CLIENT = openai.OpenAI(
    api_key="none",
    base_url="http://127.0.0.1:1/v1",
    http_client=http.Client(transport=http.MockTransport(_handle)),
)
MESSAGES: Any = [{"role": "user", "content": "Say hello."}]


def plain() -> Any:
    return CLIENT.chat.completions.create(model="gpt-4o", messages=MESSAGES, temperature=0.5, max_tokens=100)


def streamed(chunks: int) -> int:
    stream = CLIENT.chat.completions.create(
        model="gpt-4o",
        messages=MESSAGES,
        stream=True,
        stream_options={"include_usage": True},
        extra_headers={"x-chunks": str(chunks)},
    )
    return sum(1 for _ in stream)


class Discard(SpanExporter):
    """Takes spans as a real exporter would, and sends them nowhere."""

    def export(self, spans: Any) -> SpanExportResult:
        return SpanExportResult.SUCCESS


class Providers:
    def __init__(self, sampler: Sampler = ALWAYS_ON) -> None:
        self.tracer_provider = TracerProvider(sampler=sampler, shutdown_on_exit=False)
        self.tracer_provider.add_span_processor(BatchSpanProcessor(Discard()))
        self.meter_provider = MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False)


Read = Callable[[Any], tuple[str, str, int, int]]
"""Model, id, input and output tokens of an answer."""


def _read(answer: Any) -> tuple[str, str, int, int]:
    return answer.model, answer.id, answer.usage.prompt_tokens, answer.usage.completion_tokens


class Floor:
    """What anybody would write by hand around one call: 12 attributes, three histograms, nothing else."""

    def __init__(self, providers: Providers, call: Callable[[], Any] = plain, read: Read = _read) -> None:
        self._call = call
        self._read = read
        self._tracer = providers.tracer_provider.get_tracer("floor")
        meter = providers.meter_provider.get_meter("floor")
        self._duration = meter.create_histogram("floor.duration", "s")
        self._tokens = meter.create_histogram("floor.tokens", "{token}")

    def __call__(self) -> Any:
        began = perf_counter()
        base = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o",
            "server.address": "127.0.0.1",
            "server.port": 1,
        }
        with self._tracer.start_as_current_span("chat gpt-4o", kind=SpanKind.CLIENT, attributes=base) as span:
            answer = self._call()
            model, id_, asked, answered = self._read(answer)
            span.set_attribute("gen_ai.request.temperature", 0.5)
            span.set_attribute("gen_ai.request.max_tokens", 100)
            span.set_attribute("gen_ai.response.model", model)
            span.set_attribute("gen_ai.response.id", id_)
            span.set_attribute("gen_ai.response.finish_reasons", ("stop",))
            span.set_attribute("gen_ai.usage.input_tokens", asked)
            span.set_attribute("gen_ai.usage.output_tokens", answered)
            self._duration.record(perf_counter() - began, base)
            self._tokens.record(asked, {**base, "gen_ai.token.type": "input"})
            self._tokens.record(answered, {**base, "gen_ai.token.type": "output"})
        return answer


@dataclass
class Variant:
    """One way to make the call, and how to switch what it needs on and off."""

    name: str
    call: Callable[[], Any]
    on: Callable[[], None] = lambda: None
    off: Callable[[], None] = lambda: None


def ours(call: Callable[[], Any], providers: Providers | None, name: str = "otel_llm") -> Variant:
    given: Any = vars(providers) if providers else {}
    return Variant(name, call, lambda: otel_llm.instrument(**given), otel_llm.uninstrument)


def peers(call: Callable[[], Any], providers: Providers) -> Iterator[Variant]:
    """Other instrumentations of the openai SDK, those that are installed."""
    for name, module, kind in (
        ("official", "opentelemetry.instrumentation.openai_v2", "OpenAIInstrumentor"),
        ("official (genai)", "opentelemetry.instrumentation.genai.openai", "OpenAIInstrumentor"),
        ("OpenInference", "openinference.instrumentation.openai", "OpenAIInstrumentor"),
        ("OpenLLMetry", "opentelemetry.instrumentation.openai", "OpenAIInstrumentor"),
    ):
        try:
            instrumentor = getattr(importlib.import_module(module), kind)()
        except Exception:  # noqa: BLE001, S112 - not installed, or not fit for this SDK
            continue
        on = partial(instrumentor.instrument, **vars(providers))
        yield Variant(name, call, on, instrumentor.uninstrument)


def measure(variants: list[Variant], calls: int, rounds: int) -> dict[str, list[float]]:
    """Seconds a call for each variant and round. The first round warms up and does not count."""
    taken: dict[str, list[float]] = {variant.name: [] for variant in variants}
    for round_number in range(rounds + 1):
        turn = round_number % len(variants)
        for variant in variants[turn:] + variants[:turn]:
            variant.on()
            gc.collect()
            gc.disable()
            began = perf_counter()
            for _ in range(calls):
                variant.call()
            seconds = (perf_counter() - began) / calls
            gc.enable()
            variant.off()
            if round_number:
                taken[variant.name].append(seconds)
    return taken


def above(taken: dict[str, list[float]], name: str) -> float:
    """Median over rounds of what a variant costs above the bare call of the same round, in microseconds."""
    return statistics.median((a - b) * 1e6 for a, b in zip(taken[name], taken["bare SDK"], strict=True))


def ratio(taken: dict[str, list[float]], name: str, floor: str = "floor") -> float:
    """Of the two medians: a ratio of each round would divide noise by noise."""
    return above(taken, name) / above(taken, floor)


def show(title: str, taken: dict[str, list[float]], budget: str, per: int = 1) -> None:
    out = sys.stdout.write
    out(f"\n{title}   (budget: {budget})\n")
    out(f"  {'bare SDK':<18}{statistics.median(taken['bare SDK']) * 1e6:9.1f} us a call\n")
    for name in taken:
        if name == "bare SDK":
            continue
        line = f"  {name:<18}{above(taken, name):+9.1f} us"
        if "floor" in taken:
            line += f"   {ratio(taken, name):5.2f} x floor"
        if per > 1:
            line += f"   {above(taken, name) / per:6.2f} us a chunk"
        out(line + "\n")


def main() -> None:
    quick = "--quick" in sys.argv
    calls, rounds = (50, 5) if quick else (200, 25)
    on, off = Providers(), Providers(ALWAYS_OFF)
    bare = Variant("bare SDK", plain)
    show(
        "plain call, content off",
        measure([bare, Variant("floor", Floor(on)), ours(plain, on), *peers(plain, on)], calls, rounds),
        "at most 1.4 x floor",
    )
    for length in LENGTHS:
        call = partial(streamed, length)
        show(
            f"streamed call of {length} chunks, the call's own cost included",
            measure([Variant("bare SDK", call), ours(call, on), *peers(call, on)], 2000 // length, rounds),
            "at most 2 us a chunk",
            per=length,
        )
    show(
        "sampled out",
        measure([bare, Variant("floor", Floor(off)), ours(plain, off), *peers(plain, off)], calls, rounds),
        "at most 1.6 x the floor sampled out",
    )
    show("no SDK configured", measure([bare, ours(plain, None)], calls, rounds), "at most 15 us")
    sys.stdout.write(f"\nCPU in all: {process_time():.0f} s\n")


if __name__ == "__main__":
    main()
