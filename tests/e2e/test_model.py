"""A real model on loopback: what it reports is what the spans say, cached tokens told apart."""

from __future__ import annotations

from typing import Any

import openai
import pytest

from otel_llm.testing import Receiver, Telemetry
from tests.e2e.servers import HTTP, run_example

pytestmark = [pytest.mark.e2e, pytest.mark.needs("model")]

PROMPT = "Tell me in one sentence what a railway timetable is good for, and why people like to read it. " * 4
CHAT: Any = {"model": "gemma", "messages": [{"role": "user", "content": PROMPT}], "max_tokens": 8}


def test_the_same_prompt_twice_shows_cached_tokens(model: str, telemetry: Telemetry) -> None:
    """Chat and responses, plain and streamed: the same total input on every span, and from the second call on
    a share of it cached, as the server itself reports."""
    sdk = openai.OpenAI(api_key="none", base_url=model, max_retries=0, timeout=120)
    completions = sdk.chat.completions
    reported: list[tuple[int, int]] = []
    for _ in range(2):
        usage: Any = completions.create(**CHAT).usage
        reported.append((usage.prompt_tokens, usage.prompt_tokens_details.cached_tokens))
    usage = list(completions.create(**CHAT, stream=True, stream_options={"include_usage": True}))[-1].usage
    reported.append((usage.prompt_tokens, usage.prompt_tokens_details.cached_tokens))
    for _ in range(2):
        usage = sdk.responses.create(model="gemma", input=PROMPT, max_output_tokens=16).usage
        reported.append((usage.input_tokens, usage.input_tokens_details.cached_tokens))
    names = ("gen_ai.usage.input_tokens", "gen_ai.usage.cache_read.input_tokens")
    told: Any = [tuple((span.attributes or {})[name] for name in names) for span in telemetry.spans]
    assert told == reported
    assert len({total for total, _ in told}) == 1
    assert all(cached > 0 for _, cached in told[1:])


def test_two_sdks_and_three_apis_tell_the_same_input(model: str, telemetry: Telemetry) -> None:
    """One prompt through chat completions, responses and Anthropic's messages: what went in is the same on every
    span, although the last reports it without its cached share."""
    anthropic: Any = pytest.importorskip("anthropic")
    sdk = openai.OpenAI(api_key="none", base_url=model, max_retries=0, timeout=120)
    sdk.chat.completions.create(**CHAT)
    sdk.responses.create(model="gemma", input=PROMPT, max_output_tokens=16)
    other = anthropic.Anthropic(
        api_key="none", base_url=model.removesuffix("/v1"), max_retries=0, timeout=120
    )
    usage = other.messages.create(**CHAT).usage
    told: list[Any] = [dict(span.attributes or {}) for span in telemetry.spans]
    assert len({attributes["gen_ai.usage.input_tokens"] for attributes in told}) == 1
    assert told[-1]["gen_ai.usage.input_tokens"] > usage.input_tokens
    assert told[-1]["gen_ai.usage.cache_read.input_tokens"] == usage.cache_read_input_tokens


def test_an_example_runs_unmodified_against_a_real_model(model: str) -> None:
    """Under `otel-llm run` the program's calls arrive with figures that a real model reported."""
    with Receiver() as receiver:
        run_example("chat.py", model, receiver.endpoint, HTTP, "model")
        spans = receiver.spans
    assert len(spans) == 2
    for span in spans:
        assert span.attributes["gen_ai.usage.input_tokens"] > 0
        assert span.attributes["gen_ai.usage.output_tokens"] > 0
        assert span.attributes["gen_ai.response.finish_reasons"]
