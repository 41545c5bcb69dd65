"""What providers say that a call cost."""

from __future__ import annotations

from typing import Any

import pytest

from otel_llm import read_response
from otel_llm.dialects import cohere
from otel_llm.dialects.openai_chat import CHAT
from otel_llm.dialects.openai_embeddings import EMBEDDINGS
from otel_llm.dialects.openai_responses import RESPONSES
from otel_llm.dialects.reported_cost import read_cost
from otel_llm.record import ModelResponse, merged
from otel_llm.usage import TokenUsage

TOKENS = {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}


def openrouter(
    cost: Any, upstream: Any = None, parts: tuple[Any, Any] = (None, None), **more: Any
) -> dict[str, Any]:
    names = ("upstream_inference_prompt_cost", "upstream_inference_completions_cost")
    return {
        "cost": cost,
        "cost_details": {"upstream_inference_cost": upstream, **dict(zip(names, parts, strict=True))},
        **more,
    }


def perplexity(**amounts: Any) -> dict[str, Any]:
    return {"cost": amounts}


# What is reported, and what it says: the total, the input's and the output's share.
CASES: dict[str, tuple[dict[str, Any], tuple[Any, Any, Any]]] = {
    "OpenRouter": (openrouter(0.003, 0.003, (0.001, 0.002)), (0.003, 0.001, 0.002)),
    "OpenRouter, without what it pays itself": (
        openrouter(0.003, None, (0.001, 0.002)),
        (0.003, 0.001, 0.002),
    ),
    "OpenRouter, responses": (
        {
            "cost": 3,
            "cost_details": {"upstream_inference_input_cost": 1, "upstream_inference_output_cost": 2},
        },
        (3.0, 1.0, 2.0),
    ),
    "OpenRouter, with a search": (openrouter(0.01, 0.003, (0.001, 0.002)), (0.01, 0.001, 0.002)),
    "OpenRouter, with one's own key": (openrouter(0.05, 1.0, (0.4, 0.6), is_byok=True), (1.05, 0.4, 0.6)),
    "one's own key, and nothing of its bill": (openrouter(0.05, is_byok=True), (None, None, None)),
    "a free model": (openrouter(0, None, (0, 0)), (0.0, 0.0, 0.0)),
    "Vercel's zeros": (openrouter(0.003, None, (0, 0), is_byok=False), (0.003, None, None)),
    "no details": ({"cost": 0.003}, (0.003, None, None)),
    "Perplexity": (
        perplexity(input_tokens_cost=0.001, output_tokens_cost=0.002, request_cost=0.005, total_cost=0.008),
        (0.008, 0.001, 0.002),
    ),
    "Perplexity, embeddings": (
        perplexity(currency="USD", input_cost=2.8e-8, total_cost=2.8e-8),
        (2.8e-8, 2.8e-8, None),
    ),
    "another currency": (perplexity(currency="EUR", total_cost=1), (None, None, None)),
    "parts without a total": (perplexity(input_tokens_cost=1, output_tokens_cost=1), (None, None, None)),
    "xAI": ({"cost_in_usd_ticks": 5884000}, (0.0005884, None, None)),
    "xAI's model by others": ({"cost_in_usd_ticks": 0}, (None, None, None)),
    "nothing": ({}, (None, None, None)),
}


@pytest.mark.parametrize(("usage", "expected"), CASES.values(), ids=CASES.keys())
def test_each_way_to_say_it(usage: dict[str, Any], expected: tuple[Any, Any, Any]) -> None:
    """In a chat completion, in a response, with embeddings, and in a usage object by itself."""
    usage = {**TOKENS, **usage}
    answers = [
        CHAT.read_answer({"choices": [], "usage": usage}),
        RESPONSES.read_answer({"object": "response", "status": "completed", "output": [], "usage": usage}),
        EMBEDDINGS.read_answer({"data": [], "usage": usage}),
        read_response({"choices": [], "usage": usage}),
        read_response(usage),
    ]
    for answer in answers:
        assert answer is not None
        assert (answer.cost, answer.input_cost, answer.output_cost) == expected
        assert all(
            type(amount) is float
            for amount in (answer.cost, answer.input_cost, answer.output_cost)
            if amount is not None
        )


@pytest.mark.parametrize(
    "wrong",
    [-1, -0.5, float("nan"), float("inf"), 10**400, 10_001, "0.003", True, [], [1], {}, {"a": 1}, object()],
)
def test_what_is_no_amount_is_not_told(wrong: Any) -> None:
    """Of any field, whatever stands in its place; and the tokens are."""
    for usage in (
        {"cost": wrong},
        {"cost": {"total_cost": wrong, "input_tokens_cost": 1}},
        {"cost_in_usd_ticks": wrong if wrong != 10_001 else 10**15},
        openrouter(wrong, 1, (1, 1)),
        openrouter(1, wrong, is_byok=True),
    ):
        answer = CHAT.read_answer({"choices": [], "usage": {**TOKENS, **usage}})
        assert answer.cost is None
        assert answer.usage is not None
    for usage in (
        openrouter(1, 1, (wrong, 1)),
        openrouter(1, 1, (1, wrong)),
        openrouter(1, 1, (wrong, wrong)),
    ):
        assert read_cost(usage) == {"cost": 1.0}
    for usage in ({"cost": 1, "cost_details": wrong}, {"cost": 1, "is_byok": wrong}):
        assert read_cost(usage) == {"cost": 1.0} or wrong is True


def test_the_last_word_of_a_stream_counts() -> None:
    """Providers tell it with the last chunk, or again with each."""
    fold = CHAT.fold()
    for cost in (0.001, None, 0.002, None):
        fold.add({"choices": [], "usage": {**TOKENS, "cost": cost}})
    assert fold.response(complete=True).cost == 0.002


USED = TokenUsage(input_tokens=1, output_tokens=1)
WITH, WITHOUT, FAILED = (
    ModelResponse(usage=USED, cost=0.5, input_cost=0.25),
    ModelResponse(usage=USED),
    ModelResponse(error="x"),
)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([WITH], 0.5),
        ([WITH, WITH], 1.0),
        ([FAILED, WITH], 0.5),
        ([WITH, FAILED], 0.5),
        ([WITH, WITHOUT], None),
        ([WITHOUT, WITH], None),
        ([FAILED], None),
    ],
)
def test_several_requests_cost_what_they_cost_together(
    parts: list[ModelResponse], expected: float | None
) -> None:
    """If that is known of each that cost anything; what the framework says of it does not count."""
    found = merged(ModelResponse(cost=9.0, input_cost=9.0), parts, counted=True)
    assert found.cost == expected
    assert found.input_cost == (None if expected is None else expected / 2)
    assert found.output_cost is None


def test_a_framework_alone_is_believed() -> None:
    """Where no SDK below it was seen to answer."""
    assert merged(ModelResponse(cost=9.0), [FAILED], counted=False).cost == 9.0


GEMINI = {"promptTokenCount": 3, "candidatesTokenCount": 1}
CONVERSE = {"output": {}, "stopReason": "end_turn", "usage": {"inputTokens": 3, "outputTokens": 1}}
CLAUDE = {"content": [], "stop_reason": "end_turn"}


@pytest.mark.parametrize(
    ("answer", "tier", "surcharge"),
    [
        ({"candidates": [], "usageMetadata": {**GEMINI, "serviceTier": "flex"}}, "flex", None),
        ({"candidates": [], "usageMetadata": {**GEMINI, "trafficType": "ON_DEMAND"}}, "on_demand", None),
        ({"candidates": [], "usageMetadata": {**GEMINI, "trafficType": 1}}, None, None),
        ({"candidates": [], "usage_metadata": {"prompt_token_count": 3, "traffic_type": "PROVISIONED_THROUGHPUT"}}, "provisioned_throughput", None),
        ({"id": "i", "status": "completed", "steps": [], "service_tier": "priority"}, "priority", None),
        (CONVERSE, None, None),
        ({**CONVERSE, "serviceTier": {"type": "flex"}, "performanceConfig": {"latency": "standard"}}, "flex", None),
        ({**CONVERSE, "serviceTier": 7, "performanceConfig": {"latency": "optimized"}}, None, "optimized"),
        ({**CLAUDE, "usage": {"input_tokens": 3, "speed": "standard", "inference_geo": "not_available"}}, None, None),
        ({**CLAUDE, "usage": {"input_tokens": 3, "service_tier": "batch", "speed": "fast"}}, "batch", "fast"),
        ({**CLAUDE, "usage": {"input_tokens": 3, "speed": "fast", "inference_geo": "us"}}, None, "fast us"),
        ({**CLAUDE, "usage": {"input_tokens": 3, "speed": 7, "inference_geo": None}}, None, None),
    ],
)  # fmt: skip
def test_how_it_was_served_is_read(answer: Any, tier: str | None, surcharge: str | None) -> None:
    """Where it has a price of its own."""
    found = read_response(answer)
    assert found is not None
    assert (found.service_tier, found.surcharge) == (tier, surcharge)


@pytest.mark.parametrize("place", ["usage", "meta"])
def test_what_cohere_charges_for_is_less_than_what_it_counts(place: str) -> None:
    """Both are kept apart."""
    counted = {
        "tokens": {"input_tokens": 500, "output_tokens": 9},
        "billed_units": {"input_tokens": 5, "output_tokens": 8},
    }
    found = cohere.CHAT.read_answer({"message": {}, "finish_reason": "COMPLETE", place: counted})
    assert found.usage == TokenUsage(input_tokens=500, output_tokens=9)
    assert found.billed == TokenUsage(input_tokens=5, output_tokens=8)
