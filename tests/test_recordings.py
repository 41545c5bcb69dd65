"""Every OpenAI-shaped exchange that was recorded, through the real SDK, in every way it can be read."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest

import otel_llm
from otel_llm.testing import ReplayServer, Telemetry
from tests import semconv
from tests.recordings import Recording, openai_shaped

pytestmark = pytest.mark.recordings

FIGURES = {
    "input_tokens_total": "gen_ai.usage.input_tokens",
    "output_tokens_total": "gen_ai.usage.output_tokens",
    "cache_read_tokens": "gen_ai.usage.cache_read.input_tokens",
    "cache_creation_tokens": "gen_ai.usage.cache_write.input_tokens",
    "reasoning_tokens": "gen_ai.usage.reasoning.output_tokens",
}
# With an embeddings span the conventions allow no more than this.
OF_EMBEDDINGS = ("gen_ai.usage.input_tokens", "gen_ai.response.model")

ARGUMENTS: dict[str, dict[str, Any]] = {
    "chat/completions": {"model": "m", "messages": [{"role": "user", "content": "hi"}]},
    "completions": {"model": "m", "prompt": "hi"},
    "responses": {"model": "m", "input": "hi"},
    "embeddings": {"model": "m", "input": "hi"},
}


def resource(client: Any, api: str) -> Any:
    """The part of a client that asks this API."""
    for part in api.split("/"):
        client = getattr(client, part)
    return client


def served(client: Any) -> tuple[Recording, ...]:
    """The exchanges of the APIs that this version of the SDK knows."""
    return tuple(
        recording for recording in openai_shaped() if hasattr(client, recording.api.partition("/")[0])
    )


def seen(thing: Any) -> Any:
    """Something the user got, in a form that can be compared."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # As text, for a vector may hold numbers that do not equal themselves.
        return (type(thing), repr(thing.model_dump())) if hasattr(thing, "model_dump") else thing


def failure(error: Exception) -> Any:
    """An exception the user got, in a form that can be compared."""
    return type(error), str(error), getattr(error, "body", None), type(error.__cause__)


def read_plain(client: Any, recording: Recording) -> Any:
    return seen(resource(client, recording.api).create(**ARGUMENTS[recording.api]))


def read_raw(client: Any, recording: Recording) -> Any:
    raw = resource(client, recording.api).with_raw_response.create(**ARGUMENTS[recording.api])
    return type(raw), raw.text, seen(raw.parse())


def read_parsed_late(client: Any, recording: Recording) -> Any:
    with resource(client, recording.api).with_streaming_response.create(
        **ARGUMENTS[recording.api]
    ) as response:
        return type(response), seen(response.parse())


def read_lines(client: Any, recording: Recording) -> Any:
    with resource(client, recording.api).with_streaming_response.create(
        **ARGUMENTS[recording.api]
    ) as response:
        return list(response.iter_lines())


def read_stream(client: Any, recording: Recording) -> Any:
    stream = resource(client, recording.api).create(**ARGUMENTS[recording.api], stream=True)
    return type(stream), _until_it_fails(stream)


def read_raw_stream(client: Any, recording: Recording) -> Any:
    raw = resource(client, recording.api).with_raw_response.create(**ARGUMENTS[recording.api], stream=True)
    return type(raw), _until_it_fails(raw.parse())


def read_stream_bytes(client: Any, recording: Recording) -> Any:
    create = resource(client, recording.api).with_streaming_response.create
    with create(**ARGUMENTS[recording.api], stream=True) as response:
        return b"".join(response.iter_bytes())


def _until_it_fails(stream: Any) -> list[Any]:
    events: list[Any] = []
    try:
        for event in stream:
            events.append(seen(event))
    except openai.APIError as error:
        events.append(failure(error))
    return events


async def read_plain_async(client: Any, recording: Recording) -> Any:
    return seen(await resource(client, recording.api).create(**ARGUMENTS[recording.api]))


async def read_lines_async(client: Any, recording: Recording) -> Any:
    create = resource(client, recording.api).with_streaming_response.create
    async with create(**ARGUMENTS[recording.api]) as response:
        return [line async for line in response.iter_lines()]


async def read_stream_async(client: Any, recording: Recording) -> Any:
    stream = await resource(client, recording.api).create(**ARGUMENTS[recording.api], stream=True)
    events: list[Any] = []
    try:
        async for event in stream:
            events.append(seen(event))
    except openai.APIError as error:
        events.append(failure(error))
    return type(stream), events


async def read_stream_lines_async(client: Any, recording: Recording) -> Any:
    create = resource(client, recording.api).with_streaming_response.create
    async with create(**ARGUMENTS[recording.api], stream=True) as response:
        return [line async for line in response.iter_lines()]


Way = Callable[[Any, Recording], Any]
PLAIN: tuple[Way, ...] = (read_plain, read_raw, read_parsed_late, read_lines)
STREAMED: tuple[Way, ...] = (read_stream, read_raw_stream, read_stream_bytes)
PLAIN_ASYNC: tuple[Way, ...] = (read_plain_async, read_lines_async)
STREAMED_ASYNC: tuple[Way, ...] = (read_stream_async, read_stream_lines_async)
# Below the SDK's parser an error inside a 200 answer is no exception.
BELOW_PARSER = (read_stream_bytes, read_stream_lines_async)


@pytest.fixture(scope="module")
def provider() -> Iterator[ReplayServer]:
    with ReplayServer() as server:
        yield server


def run(way: Way, client: Any, recording: Recording, provider: ReplayServer) -> tuple[Any, Any]:
    """What the user got and what the provider was asked, one way through one exchange."""
    provider.reset()
    provider.answer(recording.exchange)
    try:
        got: Any = way(client, recording)
    except openai.APIError as error:
        got = failure(error)
    return got, [(request.method, request.path, request.body) for request in provider.requests]


def ways(
    recording: Recording, client: Any, async_client: Any, loop: asyncio.AbstractEventLoop
) -> Iterator[tuple[Way, Way]]:
    """Each way to read an exchange, and a function that goes it: the async ones on a loop."""
    for way in STREAMED if recording.streaming else PLAIN:
        yield way, lambda _, recording, way=way: way(client, recording)
    for way in STREAMED_ASYNC if recording.streaming else PLAIN_ASYNC:
        yield way, lambda _, recording, way=way: loop.run_until_complete(way(async_client, recording))


def instrumented(telemetry: Telemetry) -> None:
    otel_llm.instrument(
        tracer_provider=telemetry.tracer_provider,
        meter_provider=telemetry.meter_provider,
        logger_provider=telemetry.logger_provider,
    )


@pytest.mark.parametrize("part", range(8))
def test_every_exchange_gives_its_figures_and_nothing_else_changes(provider: ReplayServer, part: int) -> None:
    """The span carries exactly what the provider reported, whichever way it is read, sync and async; what
    the user gets and what the provider is asked are the same with us and without."""
    telemetry, loop = Telemetry(), asyncio.new_event_loop()
    client = openai.OpenAI(api_key="k", base_url=f"{provider.url}/v1", max_retries=0)
    async_client = openai.AsyncOpenAI(api_key="k", base_url=f"{provider.url}/v1", max_retries=0)
    problems: list[str] = []
    for recording in served(client)[part::8]:
        for way, go in ways(recording, client, async_client, loop):
            bare = run(go, client, recording, provider)
            instrumented(telemetry)
            watched = run(go, client, recording, provider)
            otel_llm.uninstrument()
            spans = telemetry.spans
            wrong = [] if watched == bare else ["the user or the provider sees a difference"]
            if len(spans) != 1 or telemetry.started != 1:
                wrong.append(f"{len(spans)} spans")
            else:
                wrong += differences(recording, way, spans[0])
                wrong += (
                    semconv.check_spans(spans, "2026-10", allow_odd=recording.odd)
                    if semconv.find_registry()
                    else []
                )
            problems += [f"{recording.name}, {way.__name__}: {problem}" for problem in wrong]
            telemetry.clear()
    loop.run_until_complete(async_client.close())
    loop.close()
    assert problems == []


def differences(recording: Recording, way: Way, span: Any) -> Iterator[str]:
    """Where a span does not say what was recorded."""
    attributes, expected = span.attributes, recording.expected
    wanted: dict[str, Any] = {name: expected[figure] for figure, name in FIGURES.items()}
    wanted["gen_ai.response.model"] = expected["response_model"]
    wanted["gen_ai.response.id"] = expected["response_id"]
    wanted["gen_ai.response.finish_reasons"] = recording.finish_reasons
    broken_stream = recording.streaming and recording.status < 400 and expected["error_type"] is not None
    for name, value in wanted.items():
        if recording.api == "embeddings" and name not in OF_EMBEDDINGS:
            value = None  # noqa: PLW2901
        if broken_stream and value is None:
            continue  # the SDK's exception, or the event that is the error, may tell more
        if attributes.get(name) != value:
            yield f"{name} is {attributes.get(name)!r}, not {value!r}"
    failed = "error.type" in attributes
    if failed != (recording.status >= 400 or expected["error_type"] is not None):
        yield f"error.type is {attributes.get('error.type')!r}"
    if failed and recording.status >= 400 and not attributes["error.type"].startswith("openai."):
        yield f"error.type is {attributes['error.type']!r}"
    if (
        failed
        and recording.status < 400
        and not recording.streaming
        and attributes["error.type"] != expected["error_type"]
    ):
        yield f"error.type is {attributes['error.type']!r}, not {expected['error_type']!r}"
    if (
        way in BELOW_PARSER
        and failed
        and recording.status < 400
        and attributes["error.type"] != expected["error_type"]
    ):
        yield f"error.type is {attributes['error.type']!r}, not {expected['error_type']!r}"


def test_metrics_sum_up_to_what_the_providers_sent(provider: ReplayServer, telemetry: Telemetry) -> None:
    """Over all exchanges the token metric holds the sum of the recorded totals, to the token."""
    client = openai.OpenAI(api_key="k", base_url=f"{provider.url}/v1", max_retries=0)
    sums = {"input": 0, "output": 0}
    for recording in served(client):
        if not recording.odd:
            run(read_stream if recording.streaming else read_plain, client, recording, provider)
            sums["input"] += recording.expected["input_tokens_total"] or 0
            sums["output"] += (
                (recording.expected["output_tokens_total"] or 0) if recording.api != "embeddings" else 0
            )
    points = telemetry.metrics()["gen_ai.client.token.usage"]
    for direction, total in sums.items():
        told = sum(point.sum for attributes, point in points if attributes["gen_ai.token.type"] == direction)
        assert told == total
