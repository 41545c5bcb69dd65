"""What a chat model's run costs that asks more than once."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from otel_llm.testing import Exchange, ReplayServer, Telemetry
from tests.lives.answers import completion

COSTS = ("gen_ai.usage.cost", "otel_llm.cost.input", "otel_llm.cost.output")
USAGE = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
WRONG = {"input_tokens": 9, "output_tokens": 9, "total_tokens": 18}


class Twice(BaseChatModel):
    """Asks a draft of one model and the answer of another."""

    url: str

    def _generate(self, messages: Any, *args: Any, **kwargs: Any) -> ChatResult:
        client = openai.OpenAI(api_key="k", base_url=f"{self.url}/v1", max_retries=0)
        for model in ("first", "second"):
            client.chat.completions.create(model=model, messages=[{"role": "user", "content": "hi"}])
        message = AIMessage("hi", usage_metadata=WRONG, response_metadata={"model_name": "first"})
        return ChatResult(generations=[ChatGeneration(message=message)])

    @property
    def _llm_type(self) -> str:
        return "twice"


@pytest.mark.settings(cost=True)
@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        # By the list: each at its own price, whatever the framework says.
        ([{"model": "gpt-4o"}, {"model": "gpt-4o-mini"}], (0.00371, 0.00265, 0.00106)),
        # A long prompt is one that is long, and not two that are short.
        (
            [{"model": "gpt-5.5", "usage": {**USAGE, "prompt_tokens": 200_000}}] * 2,
            (2.006, 2.0, 0.006),
        ),
        ([{"usage": {**USAGE, "cost": 0.25}}, {"usage": {**USAGE, "cost": 0.5}}], (0.75, None, None)),
        ([{"usage": {**USAGE, "cost": 0.25}}, {"model": "gpt-4o"}], (0.2535, None, None)),
        ([{"usage": {**USAGE, "cost": 0.25}}, {"model": "nobody-knows"}], (None, None, None)),
        ([{"model": "gpt-4o"}, {"model": "nobody-knows"}], (None, None, None)),
    ],
)
def test_a_run_costs_what_its_requests_cost(
    telemetry: Telemetry, replay: ReplayServer, answers: Any, expected: Any
) -> None:
    """Or nothing is told, if one of them has no known price."""
    replay.answer([Exchange.json(completion(**{"usage": USAGE, **answer})) for answer in answers])
    Twice(url=replay.url).invoke("hi")
    (span,) = (one for one in telemetry.spans if one.name.startswith("chat"))
    assert tuple((span.attributes or {}).get(name) for name in COSTS) == pytest.approx(expected)
    points = telemetry.metrics().get("otel_llm.cost", [])
    assert [point.value for _, point in points] == pytest.approx([cost for cost in expected[:1] if cost])


@pytest.mark.settings(cost=True, prices={"*": {"input": 1, "output": 1}})
def test_a_run_without_an_sdk_costs_what_it_says_was_used(telemetry: Telemetry) -> None:
    """Where the SDK below is none that is listened to."""

    class Alone(Twice):
        def _generate(self, messages: Any, *args: Any, **kwargs: Any) -> ChatResult:
            message = AIMessage("hi", usage_metadata=WRONG, response_metadata={"model_name": "first"})
            return ChatResult(generations=[ChatGeneration(message=message)])

    Alone(url="").invoke("hi")
    (span,) = telemetry.spans
    assert (span.attributes or {})[COSTS[0]] == 18 / 1e6
