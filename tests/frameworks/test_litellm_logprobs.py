"""How sure a model was that LiteLLM asks: one answer, once, whoever gave it."""

from __future__ import annotations

from typing import Any

import pytest

from otel_llm.testing import Exchange, ReplayServer, Telemetry
from tests.frameworks import litellm_wires as wires
from tests.frameworks.test_litellm import asked as asked  # noqa: PLC0414 - a fixture
from tests.frameworks.test_litellm import kinds, run
from tests.frameworks.test_litellm import one_loop_each as one_loop_each  # noqa: PLC0414 - another
from tests.lives.scenarios import only
from tests.lives.sure import VALUES, chat, figures, said

streams = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
of_chats = pytest.mark.parametrize("wire", wires.CHATS[:-1], ids=lambda wire: wire.model)


def answer(*, stream: bool) -> Exchange:
    whole, pieces = chat()
    return Exchange.sse(pieces) if stream else Exchange.json(whole)


@pytest.mark.settings(logprobs=True)
@kinds
@streams
@of_chats
def test_the_one_span_tells_it_once(
    telemetry: Telemetry, replay: ReplayServer, asked: Any, wire: wires.Wire, kind: str, stream: bool
) -> None:
    """Over an SDK that is listened to, and over LiteLLM's own clients."""
    replay.answer(answer(stream=stream))
    run(kind, "completion", **asked(wire, logprobs=True, stream=stream))
    assert said(only(telemetry)) == pytest.approx(figures(*VALUES), abs=1e-9)


@streams
@of_chats
def test_nobody_is_told_who_did_not_ask(
    telemetry: Telemetry, replay: ReplayServer, asked: Any, wire: wires.Wire, stream: bool
) -> None:
    """It is off until it is switched on."""
    replay.answer(answer(stream=stream))
    run("sync", "completion", **asked(wire, logprobs=True, stream=stream))
    assert said(only(telemetry)) == {}
