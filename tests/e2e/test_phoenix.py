"""Examples to Arize Phoenix, directly and through rotel, which is a collector too."""

from __future__ import annotations

import pytest

from otel_llm.testing import ReplayServer
from tests.e2e import answers
from tests.e2e.readers import phoenix_project
from tests.e2e.servers import PROTOCOLS, Server, run_example

pytestmark = pytest.mark.e2e

# As docs/backends.md says for Phoenix: it takes only traces, and knows written tokens by their older name.
SETTINGS = {"OTEL_LLM_SEMCONV": "2026-08", "OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none"}


def _check(provider: ReplayServer, phoenix: Server, otlp: str, protocol: str, project: str) -> None:
    provider.answer(answers.CHAT)
    environ = {**SETTINGS, "OTEL_RESOURCE_ATTRIBUTES": f"openinference.project.name={project}"}
    run_example("chat.py", f"{provider.url}/v1", otlp, protocol, project, **environ)
    _check_page(phoenix, project)


def _check_page(phoenix: Server, name: str) -> None:
    project = phoenix_project(phoenix.page, name, 2)
    assert project["tokenCountPrompt"] == answers.INPUT
    assert project["tokenCountCompletion"] == answers.OUTPUT
    assert project["tokenCountTotal"] == answers.INPUT + answers.OUTPUT
    spans = sorted(project["spans"], key=lambda span: span["tokenCountPrompt"], reverse=True)
    for span, figures in zip(spans, (answers.FIRST, answers.SECOND), strict=True):
        assert span["name"] == f"chat {answers.ASKED}"
        assert span["tokenCountPrompt"] == figures["input"]
        assert span["tokenCountCompletion"] == figures["output"]
        details = span["tokenPromptDetails"]
        assert (details["cacheRead"] or 0, details["cacheWrite"] or 0) == (
            figures["cached"],
            figures["written"],
        )


@pytest.mark.needs("phoenix")
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_phoenix_counts_what_the_provider_sent(
    provider: ReplayServer, phoenix: Server, protocol: str
) -> None:
    """Sent directly, over both protocols: the totals, and the cached and the written share of each call."""
    project = f"direct-{protocol.partition('/')[0]}"
    _check(provider, phoenix, phoenix.otlp[protocol], protocol, project)


@pytest.mark.needs("rotel", "phoenix")
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_phoenix_counts_the_same_behind_another_collector(
    provider: ReplayServer, phoenix: Server, rotel: Server, protocol: str
) -> None:
    """Sent through rotel, over both protocols: the same."""
    project = f"rotel-{protocol.partition('/')[0]}"
    _check(provider, phoenix, rotel.otlp[protocol], protocol, project)
