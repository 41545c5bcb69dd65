"""LangChain's chat models over their real SDKs: one call, one span, with what the SDK saw."""

from __future__ import annotations

import contextlib
from importlib import metadata
from typing import Any

import pytest

from otel_llm.testing import ReplayServer, Telemetry
from tests.frameworks.models import MODELS, Model
from tests.lives.scenarios import KINDS, each, only, run, settled, with_and_without
from tests.lives.wires import KEY, SECRET

kinds = pytest.mark.parametrize("kind", KINDS)
streams = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


@pytest.fixture(params=MODELS, ids=lambda model: f"{model.name.partition(':')[2]}, {model.wire.name}")
def model(request: pytest.FixtureRequest) -> Model:
    pytest.importorskip(request.param.name.partition(":")[0])
    return request.param


async def ask(model: Model, kind: str, url: str, *, stream: bool) -> list[Any]:
    """What the user gets, whole or in pieces."""
    made, prompt = model.make(url), f"{SECRET} prompt"
    if stream:
        return [
            piece async for piece in each(made.astream(prompt) if kind == "async" else made.stream(prompt))
        ]
    return [await made.ainvoke(prompt) if kind == "async" else made.invoke(prompt)]


def said(pieces: list[Any]) -> list[Any]:
    """What can be compared of messages: LangChain gives each an id of its own."""
    told = [piece.model_dump(exclude={"id"}) for piece in pieces]
    for piece in told:
        headers = piece["response_metadata"].get("ResponseMetadata", {})
        headers.get("HTTPHeaders", {}).pop("date", None)
        piece["response_metadata"].pop("metrics", None)
    return told


@kinds
@streams
def test_one_call_is_one_span_with_the_providers_figures(
    telemetry: Telemetry, replay: ReplayServer, model: Model, kind: str, stream: bool
) -> None:
    """Whatever LangChain makes of them, they are those of the wire; and the metric sums up to the same."""
    replay.answer(model.wire.answer() if stream else model.wire.whole)
    run(kind, ask(model, kind, replay.url, stream=stream))
    span = only(telemetry)
    attributes = span.attributes
    usage = {name: value for name, value in attributes.items() if name.startswith("gen_ai.usage.")}
    if model.hooked:
        assert usage == model.wire.figures
        assert attributes["server.address"] == "127.0.0.1"
    else:  # only what the framework keeps
        assert usage.items() <= model.wire.figures.items()
        assert usage["gen_ai.usage.input_tokens"] == 1000
    assert span.name == f"chat {model.model}"
    assert attributes["gen_ai.provider.name"] == model.provider
    assert attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert attributes.get("gen_ai.request.stream", False) is stream
    assert ("gen_ai.response.time_to_first_chunk" in attributes) is stream
    points = telemetry.metrics()["gen_ai.client.token.usage"]
    assert {told["gen_ai.token.type"]: point.sum for told, point in points} == {"input": 1000, "output": 7}


@kinds
@streams
def test_the_user_sees_no_difference(
    telemetry: Telemetry, replay: ReplayServer, model: Model, kind: str, stream: bool
) -> None:
    """The same messages, and the provider is asked the same."""
    replay.answer(model.wire.answer() if stream else model.wire.whole)

    def go() -> Any:
        replay.requests.clear()
        got = said(run(kind, ask(model, kind, replay.url, stream=stream)))
        return got, [request.json for request in replay.requests]

    watched, bare = with_and_without(go)
    assert watched == bare


@kinds
@streams
def test_a_refused_call_fails(
    telemetry: Telemetry, replay: ReplayServer, model: Model, kind: str, stream: bool
) -> None:
    """By the class of what the user got; nothing is said of an answer."""
    replay.answer(model.wire.refused)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - each integration has its own
        run(kind, ask(model, kind, replay.url, stream=stream))
    attributes = only(telemetry).attributes
    assert attributes["error.type"].rpartition(".")[2] == caught.type.__name__
    assert "gen_ai.response.finish_reasons" not in attributes
    assert "gen_ai.client.token.usage" not in telemetry.metrics()


@streams
@pytest.mark.parametrize("end", ["well", "refused", "failing", "cut"])
def test_nothing_that_was_said_is_told(
    telemetry: Telemetry, replay: ReplayServer, model: Model, end: str, stream: bool
) -> None:
    """However the call ends, what was said in it stays in it."""
    if (
        metadata.version("langchain-core") < "1"
        and "Anthropic" in model.name
        and (end, stream) == ("failing", True)
    ):
        pytest.skip("this version trips over the error that it is about to tell of, and tells nobody")
    answer = model.wire.whole
    if end == "refused":
        answer = model.wire.refused
    elif stream:
        upto = None if end == "well" else 2
        answer = model.wire.answer(upto=upto, failing=end == "failing", cut=end == "cut")
    replay.answer(answer)
    with contextlib.suppress(Exception):
        run("sync", ask(model, "sync", replay.url, stream=stream))
    assert len(settled(telemetry)) == 1
    for secret in (SECRET, KEY):
        assert secret.encode() not in telemetry.export_bytes()
