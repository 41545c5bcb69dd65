"""Fixtures for tests of telemetry.

Switched on in a `conftest.py` by `pytest_plugins = ["otel_llm.testing.pytest_plugin"]`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from otel_llm.testing import Receiver, ReplayServer, Telemetry

__all__ = ["receiver", "replay", "telemetry"]


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    """Telemetry in memory with otel_llm instrumenting into it, for the length of one test."""
    import otel_llm

    captured = Telemetry()
    otel_llm.instrument(
        tracer_provider=captured.tracer_provider,
        meter_provider=captured.meter_provider,
        logger_provider=captured.logger_provider,
    )
    try:
        yield captured
    finally:
        otel_llm.uninstrument()


@pytest.fixture
def replay() -> Iterator[ReplayServer]:
    """A provider on a local port; say what it answers with `replay.answer(...)`."""
    with ReplayServer() as server:
        yield server


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """An OTLP receiver on a local port, over HTTP."""
    with Receiver() as server:
        yield server
