"""No SDK leaks: keys, prompts, answers and the words of errors are in no exported byte and no line of our log."""

from __future__ import annotations

import contextlib
import logging

import pytest

from otel_llm.testing import Exchange, ReplayServer, Telemetry
from tests.lives.scenarios import KINDS, run, settled
from tests.lives.wires import KEY, SECRET, WIRES, Wire

ENDS = ("well", "refused", "failing", "cut", "nonsense")


def _answer(wire: Wire, end: str, *, stream: bool) -> Exchange:
    if end == "refused":
        return wire.refused
    if end == "nonsense":
        return Exchange(200, dict(wire.whole.headers), (f'{{"{SECRET}": nonsense'.encode(),))
    if not stream:
        return wire.whole
    return wire.answer(upto=None if end == "well" else 2, failing=end == "failing", cut=end == "cut")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("wire", WIRES, ids=lambda wire: wire.name)
def test_nothing_that_was_said_is_told(
    telemetry: Telemetry,
    replay: ReplayServer,
    caplog: pytest.LogCaptureFixture,
    wire: Wire,
    end: str,
    kind: str,
    stream: bool,
) -> None:
    """However the call ends, what was said in it stays in it."""
    wire.needs(kind)
    caplog.set_level(logging.DEBUG, "otel_llm")
    replay.answer(_answer(wire, end, stream=stream))
    with contextlib.suppress(Exception):
        run(kind, wire.call(kind, replay.url, stream=stream))
    assert settled(telemetry)
    asked = b"".join(request.body for request in replay.requests)
    assert SECRET.encode() in asked
    exported = telemetry.export_bytes()
    logged = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("otel_llm"))
    for secret in (SECRET, KEY):
        assert secret.encode() not in exported
        assert secret not in logged
