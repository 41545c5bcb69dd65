"""Plain calls: every way to make one, every way it can fail, and what the user gets."""

from __future__ import annotations

import asyncio
import gc
import os
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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
    responses_stream,
)


class Train(pydantic.BaseModel):
    number: int


def chat(sdk: Any, **more: Any) -> Any:
    return sdk.chat.completions.create(model="gpt-4o", messages=MESSAGES, **more)


def by_parse(sdk: Any) -> Any:
    return parsing(sdk).parse(model="gpt-4o", messages=MESSAGES)


def by_beta_parse(sdk: Any) -> Any:
    return sdk.beta.chat.completions.parse(model="gpt-4o", messages=MESSAGES)


def by_raw_response(sdk: Any) -> Any:
    return sdk.chat.completions.with_raw_response.create(model="gpt-4o", messages=MESSAGES).parse()


def by_raw_text(sdk: Any) -> Any:
    return sdk.chat.completions.with_raw_response.create(model="gpt-4o", messages=MESSAGES).text


def by_post(sdk: Any) -> Any:
    return sdk.post("/chat/completions", cast_to=object, body={"model": "gpt-4o", "messages": MESSAGES})


def by_copy(sdk: Any) -> Any:
    return chat(sdk.with_options(timeout=30))


def streaming_response(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def go(sdk: Any) -> Any:
        with sdk.chat.completions.with_streaming_response.create(
            model="gpt-4o", messages=MESSAGES
        ) as response:
            return read(response)

    return go


READS = {
    "parse": lambda response: response.parse(),
    "read": lambda response: response.read(),
    "json": lambda response: response.json(),
    "text": lambda response: response.text(),
    "lines": lambda response: list(response.iter_lines()),
    "bytes": lambda response: list(response.iter_bytes(16)),
    "iter_text": lambda response: list(response.iter_text()),
    "parse twice": lambda response: response.parse() is response.parse(),
}
WAYS = (chat, by_parse, by_beta_parse, by_raw_response, by_raw_text, by_post, by_copy)


@pytest.mark.parametrize("way", [*WAYS, *(streaming_response(read) for read in READS.values())])
def test_every_way_to_ask_gives_the_same_span(telemetry: Telemetry, replay: ReplayServer, way: Any) -> None:
    """However a completion is asked for and read, its span tells the same."""
    replay.answer(Exchange.json(completion()))
    way(client(replay))
    (span,) = telemetry.spans
    assert FIGURES.items() <= span.attributes.items()
    assert span.name == "chat gpt-4o"
    assert span.attributes["gen_ai.response.id"] == "chatcmpl-1"
    assert span.attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert trace.get_current_span() is trace.INVALID_SPAN


@pytest.mark.parametrize("helper", ["chat.completions", "responses"])
def test_stream_helpers_tell_all(telemetry: Telemetry, replay: ReplayServer, helper: str) -> None:
    """The SDK's own stream helpers give usage, finish reason and first chunk, however they are read."""
    exchange = Exchange.sse(STREAM) if helper == "chat.completions" else responses_stream()
    replay.answer(exchange)
    asked: dict[str, Any] = {"messages": MESSAGES} if helper == "chat.completions" else {"input": "hi"}

    def resource(sdk: Any) -> Any:
        return parsing(sdk) if helper == "chat.completions" else sdk.responses

    async def run() -> None:
        async with resource(async_client(replay)).stream(model="gpt-4o", **asked) as begun:
            await begun.until_done()

    with resource(client(replay)).stream(model="gpt-4o", **asked) as begun:
        assert [event.type for event in begun]
    with resource(client(replay)).stream(model="gpt-4o", **asked) as begun:
        begun.until_done()
    asyncio.run(run())
    assert len(telemetry.spans) == 3
    for span in telemetry.spans:
        assert FIGURES.items() <= span.attributes.items()
        assert span.attributes["gen_ai.response.finish_reasons"] == ("stop",)
        assert "gen_ai.response.time_to_first_chunk" in span.attributes


@pytest.mark.parametrize("way", ["stream_raw_parse", "stream_lines", "stream_bytes", "stream_parse"])
def test_raw_streams_tell_all(telemetry: Telemetry, replay: ReplayServer, way: str) -> None:
    """A stream behind a raw or streaming response gives its facts, also when only bytes or lines are read."""
    replay.answer(Exchange.sse(STREAM))
    sdk = client(replay)
    asked: dict[str, Any] = {"model": "gpt-4o", "messages": MESSAGES, "stream": True}
    if way == "stream_raw_parse":
        for _ in sdk.chat.completions.with_raw_response.create(**asked).parse():
            pass
    else:
        with sdk.chat.completions.with_streaming_response.create(**asked) as response:
            read = {"stream_lines": response.iter_lines, "stream_bytes": response.iter_bytes}
            for _ in response.parse() if way == "stream_parse" else read[way]():
                pass
    (span,) = telemetry.spans
    assert FIGURES.items() <= span.attributes.items()
    assert span.attributes["gen_ai.response.finish_reasons"] == ("stop",)


def test_a_streaming_response_that_is_left_unread_still_ends(
    telemetry: Telemetry, replay: ReplayServer
) -> None:
    """Leaving it by `with`, dropping it, or never entering it: one span, one span, no span."""
    replay.answer(Exchange.json(completion()))
    create = client(replay).chat.completions.with_streaming_response.create
    with create(model="gpt-4o", messages=MESSAGES):
        pass
    assert len(telemetry.spans) == 1
    never_entered = create(model="gpt-4o", messages=MESSAGES)
    dropped = create(model="gpt-4o", messages=MESSAGES).__enter__()
    del dropped, never_entered
    gc.collect()
    assert len(telemetry.spans) == 2


def test_a_coroutine_that_is_never_awaited_is_no_call(
    telemetry: Telemetry, replay: ReplayServer, recwarn: pytest.WarningsRecorder
) -> None:
    """Nothing was asked, so there is no span."""
    coroutine = chat(async_client(replay))
    coroutine.close()
    assert telemetry.started == 0


def test_responses_completions_and_embeddings(telemetry: Telemetry, replay: ReplayServer) -> None:
    """Each API has its own operation and its own facts."""
    replay.answer(Exchange.json(RESPONSE), path="/responses")
    replay.answer(
        Exchange.json({**completion(), "choices": [{"index": 0, "text": "a", "finish_reason": "length"}]}),
        path="/completions",
    )
    vector = {"object": "embedding", "index": 0, "embedding": "AACAPwAAAEA="}
    replay.answer(
        Exchange.json(
            {
                "object": "list",
                "model": "e",
                "data": [vector],
                "usage": {"prompt_tokens": 5, "total_tokens": 5},
            }
        ),
        path="/embeddings",
    )
    sdk = client(replay)
    sdk.responses.create(
        model="gpt-4o", input="hi", previous_response_id="resp_0", reasoning={"effort": "low"}
    )
    sdk.completions.create(model="gpt-3.5-turbo-instruct", prompt="hi", max_tokens=5, stop="x")
    assert sdk.embeddings.create(model="e", input="hi").data[0].embedding == [1.0, 2.0]
    response, text, embedding = (span.attributes for span in telemetry.spans)
    assert FIGURES.items() <= response.items()
    assert response["openai.api.type"] == "responses"
    assert response["gen_ai.request.previous_response.id"] == "resp_0"
    assert response["gen_ai.request.reasoning.level"] == "low"
    assert text["gen_ai.operation.name"] == "text_completion"
    assert text["gen_ai.response.finish_reasons"] == ("length",)
    assert text["gen_ai.request.stop_sequences"] == ("x",)
    assert embedding["gen_ai.usage.input_tokens"] == 5
    assert embedding["gen_ai.embeddings.dimension.count"] == 2
    assert embedding["gen_ai.request.encoding_formats"] == ("base64",)


def test_azure_is_azure_at_any_host(telemetry: Telemetry, replay: ReplayServer) -> None:
    """The client says so where the host does not, and deployments are no models of ours to guess."""
    replay.answer(Exchange.json(completion()))
    sdk = openai.AzureOpenAI(api_key="k", azure_endpoint=replay.url, api_version="2024-06-01")
    chat(sdk)
    (span,) = telemetry.spans
    assert span.attributes["gen_ai.provider.name"] == "azure.ai.openai"
    assert not [name for name in span.attributes if name.startswith("openai.")]


def test_the_module_itself_is_a_client(telemetry: Telemetry, replay: ReplayServer, monkeypatch: Any) -> None:
    """Calls through `openai.chat` are calls like any other."""
    replay.answer(Exchange.json(completion()))
    monkeypatch.setattr(openai, "api_key", "k")
    monkeypatch.setattr(openai, "base_url", f"{replay.url}/v1/")
    openai.chat.completions.create(model="gpt-4o", messages=MESSAGES)
    assert len(telemetry.spans) == 1


@pytest.mark.parametrize(
    ("content", "finish", "error"),
    [
        ("secret prose", "stop", "pydantic_core._pydantic_core.ValidationError"),
        ("{", "length", "openai.LengthFinishReasonError"),
        (None, "content_filter", "openai.ContentFilterFinishReasonError"),
    ],
)
def test_an_answer_that_parse_refuses_was_billed(
    telemetry: Telemetry, replay: ReplayServer, content: Any, finish: str, error: str
) -> None:
    """The exception is the SDK's, the usage is on the span all the same."""
    replay.answer(Exchange.json(completion(content, finish)))
    with pytest.raises(Exception) as caught:  # noqa: PT011 - which one is what is looked at
        parsing(client(replay)).parse(model="gpt-4o", messages=MESSAGES, response_format=Train)
    assert f"{type(caught.value).__module__}.{type(caught.value).__qualname__}" == error
    (span,) = telemetry.spans
    assert span.attributes["error.type"] == error
    assert FIGURES.items() <= span.attributes.items()
    assert span.attributes["gen_ai.output.type"] == "json"


@pytest.mark.parametrize(
    ("body", "description"),
    [
        (
            {"error": {"message": "m", "type": "requests", "code": "rate_limit_exceeded"}},
            "rate_limit_exceeded",
        ),
        ({"error": {"message": "m", "type": "invalid_request_error", "code": None}}, "invalid_request_error"),
        ({"error": {"message": "m", "code": "sk-1234 is not a key"}}, None),
        ({"error": "just a string"}, None),
        ({"detail": "m"}, None),
        ([], None),
    ],
)
def test_a_refused_request_tells_class_and_code(
    telemetry: Telemetry, replay: ReplayServer, body: Any, description: str | None
) -> None:
    """The status says the exception's class, and the provider's code where that is one."""
    replay.answer(Exchange.json(body, status=429))
    with pytest.raises(openai.RateLimitError):
        chat(client(replay))
    (span,) = telemetry.spans
    expected = "openai.RateLimitError" + (f": {description}" if description else "")
    assert span.status.description == expected
    points = telemetry.metrics()["gen_ai.client.operation.duration"]
    assert [attributes["error.type"] for attributes, _ in points] == ["openai.RateLimitError"]


def test_a_web_page_as_an_error_is_an_error(telemetry: Telemetry, replay: ReplayServer) -> None:
    """Bodies that are no JSON change nothing."""
    replay.answer(Exchange(status=502, headers={"content-type": "text/html"}, chunks=(b"<html>bad</html>",)))
    with pytest.raises(openai.InternalServerError):
        chat(client(replay))


def test_retries_are_one_call(telemetry: Telemetry, replay: ReplayServer) -> None:
    """Two refusals and an answer are one span, without an error."""
    refused = Exchange.json({"error": {"message": "m"}}, status=429, headers={"retry-after-ms": "1"})
    replay.answer([refused, refused, Exchange.json(completion())])
    chat(client(replay, max_retries=2))
    (span,) = telemetry.spans
    assert "error.type" not in span.attributes
    assert len(replay.requests) == 3


def test_no_connection_and_no_time_are_errors(telemetry: Telemetry, replay: ReplayServer) -> None:
    """Their classes tell them apart."""
    with pytest.raises(openai.APIConnectionError):
        chat(openai.OpenAI(api_key="k", base_url="http://127.0.0.1:9/v1", max_retries=0))
    replay.answer(Exchange.hang(5))
    with pytest.raises(openai.APITimeoutError):
        chat(client(replay, timeout=0.2))
    errors = [span.attributes["error.type"] for span in telemetry.spans]
    assert errors == ["openai.APIConnectionError", "openai.APITimeoutError"]


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"code": 502, "message": "secret"}, "id": "x"},
        {
            **completion(),
            "choices": [{"index": 0, "error": {"code": 502}, "finish_reason": None, "message": {}}],
        },
    ],
)
def test_an_error_inside_status_200_is_a_failed_call(
    telemetry: Telemetry, replay: ReplayServer, body: Any
) -> None:
    """There is no exception, but there is an error, with the provider's code."""
    replay.answer(Exchange.json(body))
    chat(client(replay))
    (span,) = telemetry.spans
    assert span.attributes["error.type"] == "502"


def test_cancelling_a_call_fails_it(telemetry: Telemetry, replay: ReplayServer) -> None:
    """The task is cancelled as if we were not there, and the span says so."""
    replay.answer(Exchange.hang(5))

    async def run() -> None:
        task = asyncio.create_task(chat(async_client(replay)))
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert telemetry.spans[0].attributes["error.type"] == "asyncio.exceptions.CancelledError"


def test_fifty_threads(telemetry: Telemetry, replay: ReplayServer) -> None:
    """Each call has its own span under its own parent."""
    replay.answer(Exchange.json(completion()))
    tracer = telemetry.tracer_provider.get_tracer("app")

    def work(number: int) -> None:
        with tracer.start_as_current_span(f"worker {number}"):
            chat(sdk)

    sdk = client(replay)
    with ThreadPoolExecutor(50) as pool:
        list(pool.map(work, range(200)))
    parents = [span.parent.span_id for span in telemetry.spans if span.parent]
    assert len(set(parents)) == len(parents) == 200


def test_a_thousand_async_calls_with_random_cancellations(telemetry: Telemetry, replay: ReplayServer) -> None:
    """Whatever is cancelled when, every span ends and no context is left behind."""
    replay.answer([Exchange.json(completion()), Exchange.json(completion(), delay=0.01)])

    async def run() -> None:
        sdk = async_client(replay)
        limit = asyncio.Semaphore(50)

        async def one() -> None:
            async with limit:
                await chat(sdk)

        tasks = [asyncio.create_task(one()) for _ in range(1000)]
        for number, task in enumerate(tasks):
            if number % 3 == 0:
                asyncio.get_running_loop().call_later(number % 7 / 20, task.cancel)
        await asyncio.gather(*tasks, return_exceptions=True)
        await sdk.close()
        assert trace.get_current_span() is trace.INVALID_SPAN

    asyncio.run(run())


def test_metrics_do_not_depend_on_sampling(replay: ReplayServer) -> None:
    """With every span sampled out the metrics are all there."""
    telemetry = Telemetry(sampler=ALWAYS_OFF)
    otel_llm.instrument(tracer_provider=telemetry.tracer_provider, meter_provider=telemetry.meter_provider)
    replay.answer(Exchange.json(completion()))
    chat(client(replay))
    assert telemetry.spans == []
    sums = {
        attributes["gen_ai.token.type"]: point.sum
        for attributes, point in telemetry.metrics()["gen_ai.client.token.usage"]
    }
    assert sums == {"input": USAGE["prompt_tokens"], "output": USAGE["completion_tokens"]}


@pytest.mark.parametrize("profile", ["2026-10", "latest", "2026-08"])
def test_every_profile_is_valid(telemetry: Telemetry, replay: ReplayServer, profile: str) -> None:
    """Spans and metrics have the names of the profile in force; the fixture compares them with the registry."""
    replay.answer(Exchange.json(completion()))
    chat(client(replay))
    replay.answer(Exchange.sse(STREAM))
    list(chat(client(replay), stream=True))
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
def test_the_time_between_chunks_is_recorded_on_demand(telemetry: Telemetry, replay: ReplayServer) -> None:
    """One point for each chunk after the first."""
    replay.answer(Exchange.sse(STREAM))
    list(chat(client(replay), stream=True))
    ((_, point),) = telemetry.metrics()["gen_ai.client.operation.time_per_output_chunk"]
    assert point.count == len(STREAM) - 1


def test_duration_metric_and_span_agree(telemetry: Telemetry, replay: ReplayServer) -> None:
    """The metric is the span's duration, to the nanosecond."""
    replay.answer(Exchange.json(completion()))
    chat(client(replay))
    (span,) = telemetry.spans
    ((_, point),) = telemetry.metrics()["gen_ai.client.operation.duration"]
    assert point.sum == pytest.approx((span.end_time - span.start_time) / 1e9, abs=1e-9)


def test_answers_can_be_pickled(telemetry: Telemetry, replay: ReplayServer) -> None:
    """Nothing of ours hangs on what the user got."""
    replay.answer(Exchange.json(completion()))
    answer = chat(client(replay))
    assert pickle.loads(pickle.dumps(answer)) == answer


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_does_not_end_the_parents_calls(telemetry: Telemetry, replay: ReplayServer) -> None:
    """A stream that was open at the fork is the parent's to tell about."""
    replay.answer(Exchange.sse(STREAM))
    begun = chat(client(replay), stream=True)
    next(begun)
    pid = os.fork()
    if pid == 0:
        del begun
        gc.collect()
        os._exit(len(telemetry.spans))
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    begun.close()
    assert len(telemetry.spans) == 1
