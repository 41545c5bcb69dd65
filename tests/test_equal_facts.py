"""Equal facts give equal numbers, whichever way they came."""

from __future__ import annotations

from typing import Any

import pytest

from otel_llm.testing import ReplayServer, Telemetry
from tests.lives.answers import FIGURES
from tests.lives.scenarios import KINDS, only, run
from tests.lives.wires import WIRES, Wire


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wire", WIRES, ids=lambda wire: wire.name)
def test_one_calls_facts_are_the_same_on_every_wire(
    telemetry: Telemetry, replay: ReplayServer, wire: Wire, kind: str, stream: bool
) -> None:
    """The usage on the span, and the sums of the token metric, are those of the one call that all wires state."""
    wire.needs(kind)

    replay.answer(wire.answer() if stream else wire.whole)
    run(kind, wire.call(kind, replay.url, stream=stream))
    attributes: dict[str, Any] = only(telemetry).attributes
    usage = {name: value for name, value in attributes.items() if name.startswith("gen_ai.usage.")}
    assert usage == wire.figures
    assert usage.items() <= FIGURES.items()
    assert attributes["gen_ai.provider.name"] == wire.provider
    assert attributes["gen_ai.operation.name"] == wire.operation
    assert attributes["gen_ai.response.finish_reasons"] == ("stop",)
    points = telemetry.metrics()["gen_ai.client.token.usage"]
    assert {told["gen_ai.token.type"]: point.sum for told, point in points} == {"input": 1000, "output": 7}
