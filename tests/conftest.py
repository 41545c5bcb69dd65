"""What every test gets: strict mode, telemetry in memory, a provider that replays, and a look at the logs.

Two things must hold after each test that uses `telemetry`, whatever it does: every span that was started has
ended, and everything emitted is valid by the conventions' registry (where that is at hand).
"""

from __future__ import annotations

import gc
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ["OTEL_LLM_STRICT"] = "1"

import otel_llm
from otel_llm import guard
from otel_llm.testing import ReplayServer, Telemetry
from tests import semconv

RECORDINGS = Path(os.environ.get("OTEL_LLM_RECORDINGS", Path(__file__).parents[2] / "shared" / "recordings"))


def pytest_configure(config: pytest.Config) -> None:
    for variable in [name for name in os.environ if name.startswith("OTEL_") and name != "OTEL_LLM_STRICT"]:
        if variable not in ("OTEL_LLM_RECORDINGS", "OTEL_LLM_SEMCONV_DIR") and not variable.startswith(
            "OTEL_LLM_E2E"
        ):
            del os.environ[variable]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not RECORDINGS.is_dir():
        terminalreporter.write_line(
            "skipped what needs recorded exchanges: they are not here (OTEL_LLM_RECORDINGS)"
        )
    if semconv.find_registry() is None:
        terminalreporter.write_line(
            "emitted names were not validated: the registry is not here (OTEL_LLM_SEMCONV_DIR)"
        )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "e2e" not in config.option.markexpr:
        items[:] = [item for item in items if "e2e" not in item.keywords]
    if not RECORDINGS.is_dir():
        skip = pytest.mark.skip(reason="the recorded exchanges are not here")
        for item in items:
            if "recordings" in item.keywords:
                item.add_marker(skip)


_set_aside = 0


def _set_aside_what_was_imported() -> None:
    """Collecting what a test leaves need not look through all SDKs each time: that took most of the time."""
    global _set_aside  # noqa: PLW0603 - one process, one heap
    if len(sys.modules) > _set_aside + 20:
        gc.collect()
        gc.freeze()
        _set_aside = len(sys.modules)


class _Complaints(logging.Handler):
    """Records of OpenTelemetry's own loggers: none may be caused by us."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(f"{record.name}: {record.getMessage()}")


@pytest.fixture(autouse=True)
def no_complaints(request: pytest.FixtureRequest) -> Iterator[None]:
    """No record on an `opentelemetry.*` logger and no error of our own; `@pytest.mark.complaints` allows both."""
    _set_aside_what_was_imported()
    handler = _Complaints()
    logger = logging.getLogger("opentelemetry")
    logger.addHandler(handler)
    guard._warned.clear()  # pyright: ignore[reportPrivateUsage]
    guard.internal_errors.clear()
    try:
        yield
    finally:
        logger.removeHandler(handler)
        otel_llm.uninstrument()
    if "complaints" not in request.keywords:
        assert not handler.records
        assert not guard.internal_errors


@pytest.fixture
def profile() -> str:
    """The profile of names that `telemetry` is instrumented with; tests override it by parametrizing."""
    return "2026-10"


@pytest.fixture
def telemetry(profile: str, request: pytest.FixtureRequest) -> Iterator[Telemetry]:
    """Telemetry in memory with otel_llm instrumented on it, checked at the end.

    `@pytest.mark.settings(stream_usage=True)` passes settings; `odd=True` allows contradicting figures.
    """
    marker = request.node.get_closest_marker("settings")
    settings = dict(marker.kwargs) if marker else {}
    odd = settings.pop("odd", False)
    content = settings.get("capture_content", "NO_CONTENT") != "NO_CONTENT"
    given = Telemetry()
    otel_llm.instrument(
        tracer_provider=given.tracer_provider,
        meter_provider=given.meter_provider,
        logger_provider=given.logger_provider,
        semconv=profile,
        **settings,
    )
    yield given
    otel_llm.uninstrument()
    gc.collect()
    assert given.started == given.ended == len(given.spans)
    cost = bool(settings.get("cost"))
    assert semconv.check_telemetry(given, profile, allow_odd=odd, content=content, cost=cost) == []


@pytest.fixture
def replay() -> Iterator[ReplayServer]:
    """A provider that answers what the test tells it to."""
    with ReplayServer() as server:
        yield server
