"""Beside other instrumentations: people are told, what they wrap still works, and official ones are not repeated."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest

import otel_llm
from otel_llm.testing import Exchange, ReplayServer, Telemetry
from tests.frameworks.tree import drawn
from tests.lives.scenarios import provider, run
from tests.lives.wires import amazon

OFFICIAL, OFFICIAL_LANGCHAIN, OPENINFERENCE, BOTOCORE = (
    "opentelemetry.instrumentation.genai.openai:OpenAIInstrumentor",
    "opentelemetry.instrumentation.genai.langchain:LangChainInstrumentor",
    "openinference.instrumentation.openai:OpenAIInstrumentor",
    "opentelemetry.instrumentation.botocore:BotocoreInstrumentor",
)
ours_first = pytest.mark.parametrize("ours_first", [True, False], ids=["ours first", "theirs first"])

Both = Callable[[str], Telemetry]


@pytest.fixture
def both(ours_first: bool) -> Iterator[Both]:
    """Switches us and another on, in either order, on the same providers; and off again."""
    telemetry = Telemetry()
    providers: dict[str, Any] = {
        "tracer_provider": telemetry.tracer_provider,
        "meter_provider": telemetry.meter_provider,
        "logger_provider": telemetry.logger_provider,
    }
    others: list[Any] = []

    def switch_on(name: str) -> Telemetry:
        module, _, kind = name.partition(":")
        pytest.importorskip(module)
        others.append(getattr(importlib.import_module(module), kind)())
        for instrument in sorted(
            (otel_llm.instrument, others[0].instrument),
            key=lambda one: (one is otel_llm.instrument) is not ours_first,
        ):
            instrument(**providers)
        return telemetry

    yield switch_on
    if ours_first:
        others[0].uninstrument()
        otel_llm.uninstrument()
    else:
        otel_llm.uninstrument()
        others[0].uninstrument()


def ask(replay: ReplayServer) -> None:
    """Chat, whole and streamed, responses and embeddings."""
    replay.answer(provider)
    sdk = openai.OpenAI(api_key="k", base_url=f"{replay.url}/v1", max_retries=0)
    said: Any = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
    sdk.chat.completions.create(**said)
    for chunk in sdk.chat.completions.create(**said, stream=True, stream_options={"include_usage": True}):
        assert chunk.id
    sdk.responses.create(model="m", input="x")
    sdk.embeddings.create(model="m", input="x")


def counted(telemetry: Telemetry, scope: str = "") -> int:
    """The input tokens on all spans, or on those of one scope."""
    spans = [span for span in telemetry.spans if scope in span.instrumentation_scope.name]
    return sum(span.attributes.get("gen_ai.usage.input_tokens", 0) for span in spans)


def metered(telemetry: Telemetry) -> int:
    points = telemetry.metrics()["gen_ai.client.token.usage"]
    return sum(point.sum for told, point in points if told["gen_ai.token.type"] == "input")


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "otel_llm"]


@ours_first
def test_what_the_official_package_tells_is_told_once(
    both: Both, replay: ReplayServer, caplog: pytest.LogCaptureFixture
) -> None:
    """One span and one count for each call, theirs; and one warning that names both."""
    telemetry = both(OFFICIAL)
    ask(replay)
    from langchain_openai import ChatOpenAI

    assert drawn(telemetry.spans) == "chat m\nchat m\nchat m\nembeddings m"
    ChatOpenAI(model="m", api_key="k", base_url=f"{replay.url}/v1").invoke("hi")
    assert counted(telemetry) == metered(telemetry) == 4005
    (warning,) = warnings(caplog)
    assert "otel_llm" in warning
    assert "opentelemetry.instrumentation.genai.openai" in warning


@ours_first
def test_the_official_package_for_langchain_tells_of_its_runs(both: Both, replay: ReplayServer) -> None:
    """One span in all."""
    telemetry = both(OFFICIAL_LANGCHAIN)
    replay.answer(provider)
    from langchain_openai import ChatOpenAI

    ChatOpenAI(model="m", api_key="k", base_url=f"{replay.url}/v1").invoke("hi")
    assert drawn(telemetry.spans) == "chat m"
    assert counted(telemetry) == metered(telemetry) == 1000


@ours_first
def test_others_go_on_as_before(both: Both, replay: ReplayServer, caplog: pytest.LogCaptureFixture) -> None:
    """Theirs and ours each tell every call, whoever came first; people are warned of that, once."""
    telemetry = both(OPENINFERENCE)
    ask(replay)
    ours = [span for span in telemetry.spans if span.instrumentation_scope.name == "otel_llm"]
    assert len(ours) == len(telemetry.spans) - len(ours) == 4
    assert counted(telemetry, "otel_llm") == metered(telemetry) == 3005
    (warning,) = warnings(caplog)
    assert "openinference.instrumentation.openai" in warning


@ours_first
def test_amazons_calls_are_told_once(both: Both, replay: ReplayServer) -> None:
    """OpenTelemetry's spans of Amazon's calls stay, but tell no tokens: those are on ours."""
    telemetry = both(BOTOCORE)
    usage = {"inputTokens": 5, "outputTokens": 7, "totalTokens": 12}
    message = {"role": "assistant", "content": [{"text": "x"}]}
    replay.answer(Exchange.json({"output": {"message": message}, "stopReason": "end_turn", "usage": usage}))

    async def go() -> None:
        sdk = await amazon("sync", replay.url)
        sdk.converse(modelId="m", messages=[{"role": "user", "content": [{"text": "x"}]}])

    run("sync", go())
    assert len(telemetry.spans) == 2
    assert counted(telemetry) == metered(telemetry) == 5


def test_spans_of_http_are_children_of_the_call(telemetry: Telemetry, replay: ReplayServer) -> None:
    """Through a framework as without one: they are where the time went."""
    http: Any = pytest.importorskip("opentelemetry.instrumentation.httpx").HTTPXClientInstrumentor()
    from langchain_groq import ChatGroq

    http.instrument(tracer_provider=telemetry.tracer_provider)
    try:
        replay.answer(provider)
        ChatGroq(model="m", api_key="k", base_url=replay.url, max_retries=0).invoke("hi")
    finally:
        http.uninstrument()
    assert drawn(telemetry.spans) == "chat m\n  POST"
