"""What starting costs: CPU seconds and imported modules of `instrument()`, in fresh processes, medians."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys

ROUNDS = 9
SDKS = ("openai", "anthropic", "groq", "together", "boto3", "google.genai", "mistralai", "cohere", "ollama")

_MEASURE = """
import json, sys, time
import opentelemetry.trace, opentelemetry.metrics, opentelemetry._logs, opentelemetry.context
{before}
modules, began = set(sys.modules), time.process_time()
{work}
print(json.dumps([time.process_time() - began, len(set(sys.modules) - modules),
                  [name for name in {sdks} if name in sys.modules]]))
"""

CASES = {
    "instrument(), OpenTelemetry imported": ("", "import otel_llm; otel_llm.instrument()"),
    "the same with the OpenTelemetry SDK set up": (
        "from opentelemetry import trace, metrics\n"
        "from opentelemetry.sdk.trace import TracerProvider\n"
        "from opentelemetry.sdk.metrics import MeterProvider\n"
        "trace.set_tracer_provider(TracerProvider()); metrics.set_meter_provider(MeterProvider())",
        "import otel_llm; otel_llm.instrument()",
    ),
    "setup(), the SDK and its exporters included": ("", "import otel_llm; otel_llm.setup()"),
    "for comparison: import openai": ("", "import openai"),
}


def main() -> None:
    print(f"\nstart-up   (budget: instrument() under 60 ms of CPU, no LLM SDK imported; medians of {ROUNDS})")
    for name, (before, work) in CASES.items():
        program = _MEASURE.format(before=before, work=work, sdks=SDKS)
        runs = [
            json.loads(
                subprocess.run(
                    [sys.executable, "-c", program], capture_output=True, text=True, check=True
                ).stdout
            )
            for _ in range(ROUNDS)
        ]
        seconds = statistics.median(run[0] for run in runs)
        imported = ", ".join(runs[0][2]) or "no SDK"
        print(f"  {name:<46}{seconds * 1e3:7.0f} ms   {runs[0][1]:4} modules, {imported}")


if __name__ == "__main__":
    main()
