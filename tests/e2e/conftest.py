"""Gets the pieces that the selected checks need, skips what lacks one, and says at the end what ran."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from otel_llm.testing import ReplayServer
from tests.e2e import servers, tools
from tests.e2e.building import Lacking, log_file
from tests.e2e.tally import Tally

PIECES = "pieces"
tally = Tally()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(*pieces): real collectors and backends that a check needs")


def _needs(item: pytest.Item) -> list[str]:
    return list(dict.fromkeys(piece for marker in item.iter_markers("needs") for piece in marker.args))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Get every piece once, before the first check, and say so: it may take minutes."""
    if session.config.option.collectonly:
        return
    wanted = list(dict.fromkeys(piece for item in session.items for piece in _needs(item)))
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    for key in wanted:
        piece = tools.PIECES[key]
        if terminal is not None:
            first = f"if it is not there yet: {piece.first_time}, see {log_file(key)}"
            terminal.write_line(f"getting {piece.name} {piece.version} ({first})")
        began = time.monotonic()
        try:
            tools.bring(key)
        except Lacking as why:
            message = str(why)
        else:
            message = f"there, after {time.monotonic() - began:.0f} s"
        if terminal is not None:
            terminal.write_line(f"  {message}")


def pytest_runtest_setup(item: pytest.Item) -> None:
    needs = _needs(item)
    item.user_properties.append((PIECES, ",".join(needs)))
    for key in needs:
        try:
            tools.bring(key)
        except Lacking as why:
            pytest.skip(f"{key}: {why}")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    pieces = dict(report.user_properties).get(PIECES)
    if not isinstance(pieces, str) or not (report.when == "call" or report.outcome != "passed"):
        return
    why = ""
    if report.skipped and isinstance(report.longrepr, tuple):
        why = str(report.longrepr[2]).removeprefix("Skipped: ")
    tally.add(filter(None, pieces.split(",")), report.outcome, why)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if tally:
        terminalreporter.section("what these end-to-end checks ran with, and what they lacked")
        for line in tally.lines():
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def provider() -> Iterator[ReplayServer]:
    """A provider that answers what a test tells it to."""
    with ReplayServer() as server:
        yield server


@pytest.fixture(scope="module")
def jaeger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    with servers.jaeger(tmp_path_factory.mktemp("jaeger")) as server:
        yield server


@pytest.fixture(scope="module")
def collector(jaeger: servers.Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    """The collector, which sends to Jaeger and shows its metrics to Prometheus."""
    with servers.collector(tmp_path_factory.mktemp("collector"), jaeger) as server:
        yield server


@pytest.fixture(scope="module")
def phoenix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    with servers.phoenix(tmp_path_factory.mktemp("phoenix")) as server:
        yield server


@pytest.fixture(scope="module")
def rotel(phoenix: servers.Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    """Rotel, which sends to Phoenix."""
    with servers.rotel(tmp_path_factory.mktemp("rotel"), phoenix) as server:
        yield server


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of a real model."""
    with servers.model(tmp_path_factory.mktemp("model")) as url:
        yield url


@pytest.fixture(scope="module")
def litellm(provider: ReplayServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The base URL and the key of LiteLLM's proxy, behind which the provider answers."""
    with servers.litellm(tmp_path_factory.mktemp("litellm"), f"{provider.url}/v1") as served:
        yield served
