"""Every exchange through the real openai SDK with everything switched on: nothing changes but what is told."""

from __future__ import annotations

import json

import pytest

import otel_llm
from tests import semconv, test_recordings
from tests.content import test_openai_chat
from tests.content.parts import faults, taken_apart
from tests.recordings import Recording, openai_shaped
from tests.test_recordings import PLAIN, PLAIN_ASYNC, STREAMED, STREAMED_ASYNC, UNSERVED, User, served
from tests.test_recordings import differences as figures_off

user = test_recordings.user
SETTINGS = {
    "capture_content": "SPAN_AND_EVENT",
    "cost": True,
    "logprobs": True,
    "content_filter": "keys,cards",
}


@pytest.mark.recordings
@pytest.mark.parametrize("recording", openai_shaped(), ids=lambda recording: recording.name)
def test_what_is_told_is_what_was_sent(user: User, recording: Recording) -> None:
    """The user and the provider see no difference, the figures are the same, and the answer is told word for word."""
    if not served(user, recording):
        pytest.skip(UNSERVED.get(recording.name, "this version of the SDK does not know the API"))
    telemetry = user.telemetry
    ways = (STREAMED[0], STREAMED_ASYNC[-1]) if recording.streaming else (PLAIN[0], PLAIN_ASYNC[-1])
    for way in ways:
        bare = user.run(way, recording)
        telemetry.clear()
        otel_llm.instrument(
            telemetry.tracer_provider, telemetry.meter_provider, telemetry.logger_provider, **SETTINGS
        )
        watched = user.run(way, recording)
        otel_llm.uninstrument()
        assert watched == bare
        (span,) = telemetry.spans
        assert list(figures_off(recording, watched[0], span)) == []
        assert list(faults(span.attributes)) == []
        assert (
            semconv.check_telemetry(telemetry, "2026-10", allow_odd=recording.odd, content=True, cost=True)
            == []
        )
        assert all(
            len(str(value).encode()) <= 16384 for name, value in span.attributes.items() if "messages" in name
        )
        if recording.api in test_openai_chat.DIALECTS and recording.status < 400:
            told = json.loads(span.attributes.get("gen_ai.output.messages", "[]"))
            assert taken_apart(told) == test_openai_chat.answered(recording)
