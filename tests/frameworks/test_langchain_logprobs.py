"""How sure a model was that LangChain asks: one answer, once, as the SDK below saw it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage

from otel_llm.testing import ReplayServer, Telemetry
from tests.frameworks.models import MODELS, Model
from tests.frameworks.test_langchain_models import ask
from tests.lives.scenarios import KINDS, only, run
from tests.lives.sure import SURE, TOKENS, VALUES, figures, said

kinds = pytest.mark.parametrize("kind", KINDS)
streams = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
asked_for = pytest.mark.settings(logprobs=True)

_SURE = {wire.name: wire for wire in SURE}
TOLD = [
    replace(model, wire=_SURE[model.wire.name])
    for model in MODELS
    if model.wire.name in _SURE
    and "Bedrock" not in model.name  # its models there are Claude's, which tell nothing
]


@pytest.fixture(params=TOLD, ids=lambda model: f"{model.name.partition(':')[2]}, {model.wire.name}")
def model(request: pytest.FixtureRequest) -> Model:
    pytest.importorskip(request.param.name.partition(":")[0])
    return request.param


@asked_for
@kinds
@streams
def test_the_one_span_tells_it_once(
    telemetry: Telemetry, replay: ReplayServer, model: Model, kind: str, stream: bool
) -> None:
    """Three tokens are three, although SDK and framework both have them. Mistral's integration keeps none."""
    replay.answer(model.wire.answer() if stream else model.wire.whole)
    run(kind, ask(model, kind, replay.url, stream=stream))
    wanted = figures(*VALUES) if model.hooked else {}
    assert said(only(telemetry)) == pytest.approx(wanted, abs=1e-9)


@streams
def test_nobody_is_told_who_did_not_ask(
    telemetry: Telemetry, replay: ReplayServer, model: Model, stream: bool
) -> None:
    """It is off until it is switched on."""
    replay.answer(model.wire.answer() if stream else model.wire.whole)
    run("sync", ask(model, "sync", replay.url, stream=stream))
    assert said(only(telemetry)) == {}


@asked_for
@pytest.mark.parametrize("name", ["logprobs", "logprobs_result"])
def test_without_an_sdk_below_what_the_framework_keeps_is_told(telemetry: Telemetry, name: str) -> None:
    """As OpenAI's integration keeps it, and as those of Google do."""
    kept = {"logprobs": {"content": TOKENS}, "logprobs_result": TOKENS}
    message = AIMessage("hi", response_metadata={name: kept[name]})
    GenericFakeChatModel(messages=iter([message])).invoke("hi")
    assert said(only(telemetry)) == pytest.approx(figures(*VALUES), abs=1e-9)
