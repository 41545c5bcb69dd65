"""What providers with SDKs of their own were recorded to send, through those SDKs."""

from __future__ import annotations

from typing import Any

import pytest

import otel_llm
from otel_llm.testing import ReplayServer, Telemetry
from tests import semconv
from tests.conftest import RECORDINGS
from tests.lives.scenarios import KINDS, each, run
from tests.native import NATIVES, Native
from tests.recordings import Recording, recordings
from tests.test_recordings import Failure, differences, seen

CASES = [
    pytest.param(native, recording, id=f"{native.module}-{recording.name}")
    for native in NATIVES
    for recording in recordings(native.folder, native.apis)
]


def outcome(replay: ReplayServer, native: Native, recording: Recording, kind: str) -> tuple[Any, Any]:
    """What the user got and what the provider was asked."""
    replay.reset()
    replay.answer(recording.exchange)
    got: list[Any] = []

    async def read() -> None:
        result = await native.ask(kind, replay.url, recording.api, recording.streaming)
        got.append(type(result))
        if recording.streaming:
            async for event in each(result):
                got.append(seen(event))
        else:
            got.append(seen(result))

    try:
        run(kind, read())
    except Exception as error:
        got.append(Failure.of(error))
    return got, [(asked.path, asked.headers.keys(), asked.body) for asked in replay.requests]


@pytest.mark.recordings
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("native", "recording"), CASES)
def test_an_exchange_gives_its_figures_and_nothing_else_changes(
    replay: ReplayServer, native: Native, recording: Recording, kind: str
) -> None:
    """The span carries exactly what the provider reported; what the user gets and what the provider is asked
    are the same with us and without."""
    if not native.installed:
        pytest.skip(f"{native.module} is not installed")
    if recording.unreadable or recording.name in native.unserved:
        pytest.skip(native.unserved.get(recording.name, "the SDK never asks for this form"))
    bare = outcome(replay, native, recording, kind)
    if isinstance(bare[0][-1], Failure) and bare[0][-1].kind in ("AttributeError", "TypeError"):
        pytest.skip("this version of the SDK does not know the API")
    telemetry = Telemetry()
    otel_llm.instrument(
        tracer_provider=telemetry.tracer_provider,
        meter_provider=telemetry.meter_provider,
        logger_provider=telemetry.logger_provider,
    )
    watched = outcome(replay, native, recording, kind)
    otel_llm.uninstrument()
    assert watched == bare
    (span,) = telemetry.spans
    assert list(differences(recording, watched[0], span)) == []
    if semconv.find_registry() is not None:
        assert list(semconv.check_spans([span], "2026-10", allow_odd=recording.odd)) == []


@pytest.mark.recordings
@pytest.mark.parametrize("native", NATIVES, ids=lambda native: f"{native.module}-{native.folder}")
def test_the_recordings_are_there(native: Native) -> None:
    """A folder read wrongly would prove nothing, and neither would a list of what was left out for no reason."""
    found = recordings(native.folder, native.apis)
    assert found
    assert RECORDINGS.is_dir()
    assert not native.unserved.keys() - {recording.name for recording in found}
