"""Plain calls: every way to make one gives the same span, and the user what there would be without us."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import openai
import pydantic
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

import otel_llm
from otel_llm.testing import Exchange, ReplayServer, Telemetry
from tests.lives.answers import (
    FIGURES,
    MESSAGES,
    RESPONSE,
    STREAM,
    USAGE,
    async_client,
    client,
    completion,
    parsing,
)
from tests.lives.scenarios import (
    CHAT,
    KINDS,
    MAJOR,
    PLAIN,
    STREAMED,
    comparable,
    each,
    http,
    only,
    outcome,
    provider,
    run,
    sdk,
    settle,
    settled,
    with_and_without,
)

kinds = pytest.mark.parametrize("kind", KINDS)


class Train(pydantic.BaseModel):
    number: int


@kinds
@pytest.mark.parametrize("way", PLAIN)
def test_every_way_to_ask_gives_the_same_span(
    telemetry: Telemetry, replay: ReplayServer, way: str, kind: str
) -> None:
    """However a completion is asked for and read: one span under the user's own, told whole, and no context left."""
    replay.answer(provider)

    async def go() -> Any:
        outer = trace.get_current_span()
        got = await PLAIN[way](sdk(replay, kind))
        assert trace.get_current_span() is outer
        return got

    with telemetry.tracer_provider.get_tracer("app").start_as_current_span("outer") as outer:
        run(kind, go())
    span, last = settled(telemetry)
    assert last.name == "outer"
    assert span.parent.span_id == outer.get_span_context().span_id
    assert span.name == "chat gpt-4o"
    assert FIGURES.items() <= span.attributes.items()
    assert span.attributes["gen_ai.response.id"] == "chatcmpl-1"
    assert span.attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert not {"error.type", "gen_ai.response.time_to_first_chunk"} & span.attributes.keys()
    assert telemetry.logs == []


@kinds
@pytest.mark.parametrize("way", PLAIN)
def test_what_is_asked_and_what_is_got_is_as_without_us(
    telemetry: Telemetry, replay: ReplayServer, way: str, kind: str
) -> None:
    """The provider sees the same bytes, the user gets the same type with the same fields."""
    replay.answer(provider)
    watched, bare = with_and_without(lambda: outcome(kind, PLAIN[way](sdk(replay, kind))))
    assert watched == bare
    first, second = replay.requests
    assert first.body == second.body
    assert first.headers.keys() == second.headers.keys()


OTHERS: dict[str, tuple[str, dict[str, Any], str]] = {
    "responses": ("responses.create", {"model": "gpt-4o", "input": "hi"}, "chat"),
    "responses, parsed": ("responses.parse", {"model": "gpt-4o", "input": "hi"}, "chat"),
    "responses, raw": ("responses.with_raw_response.create", {"model": "gpt-4o", "input": "hi"}, "chat"),
    "completions": ("completions.create", {"model": "gpt-4o", "prompt": "hi"}, "text_completion"),
    "completions, raw": (
        "completions.with_raw_response.create",
        {"model": "gpt-4o", "prompt": "hi"},
        "text_completion",
    ),
    "embeddings": ("embeddings.create", {"model": "gpt-4o", "input": "hi"}, "embeddings"),
    "embeddings, raw": (
        "embeddings.with_raw_response.create",
        {"model": "gpt-4o", "input": "hi"},
        "embeddings",
    ),
}


@kinds
@pytest.mark.parametrize("way", OTHERS)
def test_the_other_apis_are_as_without_us_too(
    telemetry: Telemetry, replay: ReplayServer, way: str, kind: str
) -> None:
    """Each has its operation and its figures, and answers are untouched."""
    replay.answer(provider)
    path, asked, operation = OTHERS[way]

    async def go() -> Any:
        target = sdk(replay, kind)
        for name in path.split("."):
            target = getattr(target, name)
        return await settle(target(**asked))

    watched, bare = with_and_without(lambda: outcome(kind, go()))
    assert watched == bare
    span = only(telemetry)
    assert span.name == f"{operation} gpt-4o"
    figures = {"gen_ai.usage.input_tokens": 5} if operation == "embeddings" else FIGURES
    assert figures.items() <= span.attributes.items()


def test_the_facts_of_each_api_are_told(telemetry: Telemetry, replay: ReplayServer) -> None:
    """What is particular to an API is under its own name."""
    replay.answer(Exchange.json(RESPONSE), path="/responses")
    replay.answer(provider, path="/embeddings")
    text = {**completion(), "choices": [{"index": 0, "text": "a", "finish_reason": "length"}]}
    replay.answer(Exchange.json(text), path="/completions")
    ours = client(replay)
    ours.responses.create(
        model="gpt-4o", input="hi", previous_response_id="resp_0", reasoning={"effort": "low"}
    )
    ours.completions.create(model="gpt-3.5-turbo-instruct", prompt="hi", max_tokens=5, stop="x")
    assert ours.embeddings.create(model="e", input="hi").data[0].embedding == [1.0, 2.0]
    response, text, embedding = (span.attributes for span in telemetry.spans)
    assert response["openai.api.type"] == "responses"
    assert response["gen_ai.request.previous_response.id"] == "resp_0"
    assert response["gen_ai.request.reasoning.level"] == "low"
    assert text["gen_ai.response.finish_reasons"] == ("length",)
    assert text["gen_ai.request.stop_sequences"] == ("x",)
    assert embedding["gen_ai.embeddings.dimension.count"] == 2
    assert embedding["gen_ai.request.encoding_formats"] == ("base64",)


@kinds
@pytest.mark.parametrize(
    ("content", "finish", "error"),
    [
        ("secret prose", "stop", "pydantic_core._pydantic_core.ValidationError"),
        ("{", "length", "openai.LengthFinishReasonError"),
        (None, "content_filter", "openai.ContentFilterFinishReasonError"),
    ],
)
def test_an_answer_that_parse_refuses_was_billed(
    telemetry: Telemetry, replay: ReplayServer, kind: str, content: Any, finish: str, error: str
) -> None:
    """The exception is the SDK's, the usage is on the span all the same, and it fails once."""
    replay.answer(Exchange.json(completion(content, finish)))

    async def go() -> Any:
        return await settle(parsing(sdk(replay, kind)).parse(**CHAT, response_format=Train))

    watched, bare = with_and_without(lambda: outcome(kind, go()))
    assert watched == bare
    assert watched[0] == error
    span = only(telemetry)
    assert span.attributes["error.type"] == error
    assert FIGURES.items() <= span.attributes.items()
    assert span.attributes["gen_ai.output.type"] == "json"
    assert len(telemetry.logs) == 1


@kinds
@pytest.mark.parametrize(
    "answer",
    [completion(model=None), {"data": [], "model": "e", "usage": {"prompt_tokens": 5, "total_tokens": 5}}],
)
def test_an_answer_that_the_sdk_refuses_was_billed(
    telemetry: Telemetry, replay: ReplayServer, kind: str, answer: Any
) -> None:
    """By its schema or for want of vectors: the exception is the SDK's, what the provider counted is told."""
    replay.answer(Exchange.json(answer))

    async def go() -> Any:
        strict = sdk(replay, kind, _strict_response_validation=True)
        if "data" in answer:
            return await settle(sdk(replay, kind).embeddings.create(model="e", input="hi"))
        return await settle(strict.chat.completions.create(**CHAT))

    watched, bare = with_and_without(lambda: outcome(kind, go()))
    assert watched == bare
    attributes = only(telemetry).attributes
    if MAJOR >= 2 or "data" not in answer:  # older versions do not miss the vectors
        assert attributes["error.type"] == watched[0]
    assert attributes["gen_ai.usage.input_tokens"] == answer["usage"]["prompt_tokens"]


@kinds
@pytest.mark.parametrize("way", ["create", "raw, as text", "opened, text", "post, HTTP response"])
def test_a_stream_in_place_of_an_answer_is_read(
    telemetry: Telemetry, replay: ReplayServer, kind: str, way: str
) -> None:
    """Some gateways stream whether they are asked to or not; the SDK then hands on the text as it is."""
    replay.answer(Exchange.sse(STREAM))
    watched, bare = with_and_without(lambda: outcome(kind, PLAIN[way](sdk(replay, kind))))
    assert watched == bare
    attributes = only(telemetry).attributes
    assert FIGURES.items() <= attributes.items()
    assert attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert "gen_ai.response.time_to_first_chunk" not in attributes


def test_a_coroutine_that_is_never_awaited_is_no_call(telemetry: Telemetry, replay: ReplayServer) -> None:
    """Nothing was asked, so there is no span."""
    async_client(replay).chat.completions.create(**CHAT).close()
    async_client(replay).chat.completions.with_raw_response.create(**CHAT).close()
    assert telemetry.started == 0


@kinds
def test_answers_can_be_pickled_and_copied(telemetry: Telemetry, replay: ReplayServer, kind: str) -> None:
    """Nothing of ours hangs on what the user got, chunks included."""
    replay.answer(provider)

    async def go() -> list[Any]:
        ours = sdk(replay, kind)
        begun = await settle(ours.chat.completions.create(**STREAMED))
        answers = [await settle(ours.chat.completions.create(**CHAT)), *[e async for e in each(begun)]]
        return [*answers, await settle(ours.responses.create(model="gpt-4o", input="hi"))]

    for answer in run(kind, go()):
        assert pickle.loads(pickle.dumps(answer)) == copy.deepcopy(answer) == answer
        assert "otel_llm" not in repr(vars(answer))


def test_a_call_made_while_another_is_prepared_is_its_child(
    telemetry: Telemetry, replay: ReplayServer
) -> None:
    """Around the SDK's own work, and only there, the span of the call is current."""
    replay.answer(provider)

    def asking(request: Any) -> None:
        if not telemetry.started > 1:
            client(replay).chat.completions.create(**CHAT)

    ours = client(replay, http_client=http.Client(event_hooks={"request": [asking]}))
    ours.chat.completions.create(**CHAT)
    inner, outer = settled(telemetry)
    assert inner.parent.span_id == outer.context.span_id
    assert outer.parent is None


@pytest.mark.parametrize("tracing", ["sampled out", "absent"])
def test_metrics_do_not_depend_on_spans(replay: ReplayServer, tracing: str) -> None:
    """With every span sampled out, or no tracer provider at all, the metrics are all there, errors included."""
    telemetry = Telemetry(sampler=ALWAYS_OFF)
    tracer_provider = telemetry.tracer_provider if tracing == "sampled out" else None
    otel_llm.instrument(tracer_provider=tracer_provider, meter_provider=telemetry.meter_provider)
    replay.answer(provider)
    client(replay).chat.completions.create(**CHAT)
    for _ in client(replay).chat.completions.create(**STREAMED):
        pass
    replay.answer(Exchange.json({"error": {"message": "m"}}, status=400))
    with pytest.raises(openai.BadRequestError):
        client(replay).chat.completions.create(model="gpt-4o", messages=MESSAGES)
    assert telemetry.spans == []
    metrics = telemetry.metrics()
    used = {
        attributes["gen_ai.token.type"]: point for attributes, point in metrics["gen_ai.client.token.usage"]
    }
    assert {name: point.sum for name, point in used.items()} == {
        "input": 2 * USAGE["prompt_tokens"],
        "output": 2 * USAGE["completion_tokens"],
    }
    errors = [told.get("error.type") for told, _ in metrics["gen_ai.client.operation.duration"]]
    assert errors == [None, "openai.BadRequestError"]
    assert metrics["gen_ai.client.operation.time_to_first_chunk"][0][1].count == 1


@pytest.mark.parametrize("profile", ["2026-10", "latest", "2026-08"])
def test_every_profile_is_valid(telemetry: Telemetry, replay: ReplayServer, profile: str) -> None:
    """Spans and metrics have the names of the profile in force; the fixture compares them with the registry."""
    replay.answer(provider)
    client(replay).chat.completions.create(**CHAT)
    list(client(replay).chat.completions.create(**STREAMED))
    written = "cache_creation" if profile == "2026-08" else "cache_write"
    assert telemetry.spans[0].attributes[f"gen_ai.usage.{written}.input_tokens"] == 95
    metrics = telemetry.metrics()
    if profile == "latest":
        counted = {
            name: sum(point.value for _, point in metrics[name]) for name in metrics if ".usage." in name
        }
        assert counted["gen_ai.client.inference.usage.input_tokens"] == 2000
        assert counted["gen_ai.client.inference.usage.cache_read.input_tokens"] == 1800
        assert "gen_ai.client.operation.duration" not in metrics
    else:
        assert "gen_ai.client.operation.time_to_first_chunk" in metrics


@pytest.mark.settings(chunk_metric=True)
@kinds
def test_the_time_between_chunks_is_recorded_on_demand(
    telemetry: Telemetry, replay: ReplayServer, kind: str
) -> None:
    """One point for each chunk after the first."""
    replay.answer(provider)

    async def go() -> Any:
        begun = await settle(sdk(replay, kind).chat.completions.create(**STREAMED))
        return [comparable(event) async for event in each(begun)]

    assert json.dumps(run(kind, go()))
    ((_, point),) = telemetry.metrics()["gen_ai.client.operation.time_per_output_chunk"]
    assert point.count == len(STREAM) - 1


def test_duration_metric_and_span_agree(telemetry: Telemetry, replay: ReplayServer) -> None:
    """The metric is the span's duration, to the nanosecond."""
    replay.answer(provider)
    client(replay).chat.completions.create(**CHAT)
    (span,) = telemetry.spans
    ((_, point),) = telemetry.metrics()["gen_ai.client.operation.duration"]
    assert point.sum == pytest.approx((span.end_time - span.start_time) / 1e9, abs=1e-9)
