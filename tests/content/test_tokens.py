"""The tokens of an answer with their log-probabilities, in the event of a call's details and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

from otel_llm.testing import Exchange, ReplayServer
from tests.content.test_capture import ask, events, instrumented
from tests.lives.answers import chunk, completion

TOKENS = [{"token": "Hel", "logprob": -0.5}, {"token": "lo", "logprob": -0.25}]
NAME = "otel_llm.logprobs.tokens"


def answer(request: Any) -> Exchange:
    told = {"logprobs": {"content": [{**token, "bytes": None, "top_logprobs": []} for token in TOKENS]}}
    if request.json.get("stream"):
        event = chunk("Hello")
        event["choices"][0] |= told
        return Exchange.sse([event, chunk(finish="stop")])
    whole = completion("Hello")
    whole["choices"][0] |= told
    return Exchange.json(whole)


@pytest.mark.parametrize("stream", [False, True])
def test_tokens_are_told_in_the_event(stream: bool, replay: ReplayServer) -> None:
    """One by one, beside the summary on the span."""
    telemetry = instrumented(capture_content="EVENT_ONLY", logprobs=True)
    list(ask(replay, answer=answer, logprobs=True, stream=stream))
    (event,) = events(telemetry)
    assert event[NAME] == TOKENS
    assert NAME not in telemetry.spans[0].attributes
    assert telemetry.spans[0].attributes["otel_llm.logprobs.token_count"] == 2


@pytest.mark.parametrize(
    "settings", [{"emit_event": True}, {"capture_content": "SPAN_ONLY", "emit_event": True}]
)
def test_tokens_are_content(settings: Any, replay: ReplayServer) -> None:
    """No event has them that has no content."""
    telemetry = instrumented(logprobs=True, **settings)
    ask(replay, answer=answer, logprobs=True)
    (event,) = events(telemetry)
    assert NAME not in event
