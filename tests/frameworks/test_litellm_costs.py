"""What calls of LiteLLM's cost: it has prices and a bill of its own, which are not ours."""

from __future__ import annotations

from typing import Any

import pytest

from otel_llm.testing import Exchange, ReplayServer, Telemetry
from tests.frameworks import litellm_wires as wires
from tests.frameworks.test_litellm import MESSAGES, VERSION, asked, kinds, one_loop_each, only, run
from tests.lives.answers import WORDS, completion

__all__ = ["asked", "one_loop_each"]

COST = "gen_ai.usage.cost"
PRICES = {"*": {"input": 1, "output": 3, "cache_read": 1, "cache_write": 1}}


@pytest.mark.settings(cost=True, prices=PRICES)
@kinds
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("wire", wires.CHATS, ids=lambda wire: wire.model)
def test_a_completion_costs_what_was_sent(
    telemetry: Telemetry, replay: ReplayServer, asked: Any, wire: wires.Wire, stream: bool, kind: str
) -> None:
    """At the user's prices, whatever LiteLLM writes onto the last chunk, and whichever of the two is seen to ask."""
    if stream and wire is wires.DEEPSEEK and VERSION < (1, 83):
        pytest.skip("this version drops what DeepSeek says of a stream's usage, and counts by itself")
    replay.answer(wire.stream if stream else wire.plain)
    more = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    run(kind, "completion", **asked(wire, **more))
    assert only(telemetry)[COST] == (wire.sent["input"] + 3 * wire.sent["output"]) / 1e6
    ((_, point),) = telemetry.metrics()["otel_llm.cost"]
    assert point.value == only(telemetry)[COST]


@pytest.mark.settings(cost=True, prices=PRICES)
@kinds
@pytest.mark.parametrize("stream", [False, True])
def test_what_openrouter_says_is_what_it_cost(
    telemetry: Telemetry, replay: ReplayServer, kind: str, stream: bool
) -> None:
    """LiteLLM passes it on."""
    usage = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7, "cost": 0.25}
    plain = Exchange.json(completion(usage=usage))
    replay.answer(Exchange.sse([*WORDS, {**WORDS[0], "choices": [], "usage": usage}]) if stream else plain)
    where = {"api_key": "k", "api_base": f"{replay.url}/v1"}
    more = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    run(kind, "completion", model="openrouter/openai/gpt-4o", messages=MESSAGES, **where, **more)
    assert only(telemetry)["gen_ai.provider.name"] == "openrouter"
    assert only(telemetry)[COST] == 0.25


@pytest.mark.settings(cost=True, prices=PRICES)
@kinds
def test_made_up_answers_cost_nothing(telemetry: Telemetry, kind: str) -> None:
    """Nobody sends a bill for them."""
    run(kind, "completion", model="openai/gpt-4o", messages=MESSAGES, mock_response="hi")
    assert COST not in only(telemetry)


@pytest.mark.settings(cost=True)
def test_a_fallback_has_the_price_of_who_answered(
    telemetry: Telemetry, replay: ReplayServer, asked: Any
) -> None:
    """And not of who failed."""
    usage = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
    replay.answer([wires.BROKEN, Exchange.json(completion(model="gpt-4o-mini", usage=usage))])
    run("sync", "completion", **asked(wires.OPENAI, max_retries=0, fallbacks=["openai/gpt-4o-mini"]))
    assert only(telemetry)[COST] == 0.00021
