"""What is captured of each SDK, found by calling each: the table in docs/providers.md.

`python -m tests.capabilities` writes it; a test holds the page to it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import otel_llm
from otel_llm.providers import sdks
from otel_llm.testing import ReplayServer, Telemetry
from tests.lives.scenarios import run
from tests.lives.wires import WIRES, Wire

PAGE = Path(__file__).parents[1] / "docs" / "providers.md"
BEGIN, END = "<!-- begin of what tests wrote -->\n", "<!-- end of what tests wrote -->\n"
COLUMNS = {
    "tokens": "gen_ai.usage.input_tokens",
    "cached": "gen_ai.usage.cache_read.input_tokens",
    "written": "gen_ai.usage.cache_write.input_tokens",
    "reasoning": "gen_ai.usage.reasoning.output_tokens",
    "finish reason": "gen_ai.response.finish_reasons",
    "first chunk": "gen_ai.response.time_to_first_chunk",
}


def told(wire: Wire, replay: ReplayServer, telemetry: Telemetry) -> dict[str, Any]:
    """The attributes of a streamed call, and `error.type` of one that was refused."""
    replay.answer(wire.answer())
    run("sync", wire.call("sync", replay.url, stream=True))
    found = dict(telemetry.spans[-1].attributes or {})
    replay.answer(wire.refused)
    try:
        run("sync", wire.call("sync", replay.url, stream=True))
    except Exception:
        found |= {"error.type": (telemetry.spans[-1].attributes or {}).get("error.type")}
    return found


def table() -> list[str]:
    """Its lines, in Markdown; only SDKs that are installed can be called."""
    versions = {sdk.distribution: sdk.versions for sdk in sdks()}
    lines = [
        f"| SDK and API | versions | {' | '.join(COLUMNS)} | errors |",
        "|---" * (len(COLUMNS) + 3) + "|",
    ]
    telemetry = Telemetry()
    otel_llm.instrument(tracer_provider=telemetry.tracer_provider, meter_provider=telemetry.meter_provider)
    try:
        with ReplayServer() as replay:
            for wire in sorted(WIRES, key=lambda wire: wire.name):
                attributes = told(wire, replay, telemetry)
                marks = ["yes" if name in attributes else "not sent" for name in COLUMNS.values()]
                error = "yes" if attributes.get("error.type") else "no"
                cells = (wire.name, f"`{versions[wire.distribution]}`", *marks, error)
                lines.append(f"| {' | '.join(cells)} |")
    finally:
        otel_llm.uninstrument()
    return [f"{line}\n" for line in lines]


def written() -> str:
    """The page with the table as it is now."""
    text = PAGE.read_text()
    return re.sub(f"(?s){BEGIN}.*{END}", lambda _: BEGIN + "".join(table()) + END, text)


if __name__ == "__main__":
    PAGE.write_text(written())
