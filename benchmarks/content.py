"""What it costs to capture what was said, against writing the same messages as JSON.

The whole way is measured: reading the request, reading the answer, telling both on a span. Rounds of ours and of
`json.dumps` alternate, and what is printed is the median of their ratios.
"""

from __future__ import annotations

import json
import statistics
import sys
from time import perf_counter
from typing import Any

from openai.types.chat import ChatCompletion
from opentelemetry.sdk.trace import TracerProvider

from otel_llm.config import Config
from otel_llm.dialects.openai_chat import CHAT
from otel_llm.telemetry.content import Contents

SENTENCE = "All human beings are born free and equal in dignity and rights. "
CONVERSATIONS = ((2, 100), (10, 500), (20, 2000), (200, 200), (200, 2000), (2, 1_000_000), (10_000, 200))
CAPS = (16384, 100_000_000)
"""The default, and one that nothing reaches."""


def conversation(messages: int, length: int) -> list[dict[str, str]]:
    words = (SENTENCE * (length // len(SENTENCE) + 1))[:length]
    return [{"role": ("user", "assistant")[n % 2], "content": words} for n in range(messages)]


def answer(words: str) -> ChatCompletion:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": words}}
    facts = {"id": "c", "object": "chat.completion", "created": 1, "model": "gpt-4o", "choices": [choice]}
    return ChatCompletion.model_validate(facts)


def measure(messages: int, length: int, cap: int, rounds: int) -> tuple[float, float, float]:
    """Microseconds of ours and of the JSON, and the median ratio."""
    asked = conversation(messages, length)
    answered = answer(asked[0]["content"])
    body: dict[str, Any] = {"model": "gpt-4o", "messages": asked}
    both = [*asked, {"role": "assistant", "content": asked[0]["content"]}]
    contents = Contents(Config.build({"capture_content": "SPAN_ONLY", "content_max_bytes": cap}, {}))
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("benchmark")
    calls = max(1, 200_000 // (messages * length))

    def ours() -> None:
        said = contents.begin(CHAT, body)
        assert said is not None
        said.reader.add(answered)
        span.set_attributes(contents.tell(said, ("stop",), span).attributes)

    taken: list[tuple[float, float]] = []
    for _ in range(rounds + 1):
        span = tracer.start_span("chat")
        began = perf_counter()
        for _ in range(calls):
            ours()
        between = perf_counter()
        for _ in range(calls):
            json.dumps(both)
        taken.append(((between - began) / calls * 1e6, (perf_counter() - between) / calls * 1e6))
    medians = [statistics.median(column) for column in zip(*taken[1:], strict=True)]
    return medians[0], medians[1], statistics.median(one / other for one, other in taken[1:])


def main() -> None:
    rounds = 7 if "--quick" in sys.argv else 41
    sys.stdout.write("\ncapturing content   (budget: at most 2 x writing the messages as JSON)\n")
    for cap in CAPS:
        for messages, length in CONVERSATIONS:
            own, bare, ratio = measure(messages, length, cap, rounds)
            sys.stdout.write(
                f"  {messages:>6} messages of {length:>9,} characters, cap {cap:>11,}: "
                f"{own:10.1f} us   {bare:10.1f} us   {ratio:5.2f} x\n"
            )


if __name__ == "__main__":
    main()
