"""Every OpenAI-shaped exchange that was recorded, through the real SDK, in every way it can be read."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, NamedTuple

import openai
import pytest
from openai._models import construct_type
from openai.types import Completion, CreateEmbeddingResponse
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from opentelemetry.trace import StatusCode

import otel_llm
from otel_llm.dialects.dialect import Dialect
from otel_llm.dialects.openai_chat import CHAT, COMPLETIONS
from otel_llm.dialects.openai_embeddings import EMBEDDINGS
from otel_llm.dialects.openai_responses import RESPONSES
from otel_llm.record import ModelResponse
from otel_llm.testing import ReplayServer, Telemetry
from tests import semconv
from tests.recordings import Recording, openai_shaped

pytestmark = pytest.mark.recordings

UNSERVED: dict[str, str] = {}
"""Exchanges that the SDK cannot be served, by name, and why. There are none."""

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

DIALECTS: dict[str, Dialect] = {
    "chat/completions": CHAT,
    "completions": COMPLETIONS,
    "responses": RESPONSES,
    "embeddings": EMBEDDINGS,
}
SDK_TYPES: dict[str, tuple[Any, Any]] = {  # of an answer, and of an event
    "chat/completions": (ChatCompletion, ChatCompletionChunk),
    "completions": (Completion, Completion),
    "embeddings": (CreateEmbeddingResponse, None),
}
if find_spec("openai.types.responses"):
    from openai.types.responses import Response, ResponseStreamEvent

    SDK_TYPES["responses"] = (Response, ResponseStreamEvent)
WORDS = ("model", "id", "error", "service_tier", "system_fingerprint")
WRONG: tuple[Any, ...] = (None, "x", "\ud800", 7, -7, 1.5, -0.5, True, [], {}, [None], {"a": None}, 10**30)


class Failure(NamedTuple):
    """An exception that the user got, in a form that can be compared."""

    kind: str
    """The name of its class: Amazon's SDK makes new classes for each client."""
    text: str
    args: tuple[Any, ...]
    body: Any
    cause: type

    @classmethod
    def of(cls, error: Exception) -> Failure:
        args = tuple(arg if isinstance(arg, (str, int)) else type(arg) for arg in error.args)
        kind = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
        return cls(kind, str(error), args, getattr(error, "body", None), type(error.__cause__))


def seen(thing: Any) -> Any:
    """Something the user got, in a form that can be compared."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # As text, for a vector may hold numbers that do not equal themselves.
        return (type(thing), repr(thing.model_dump())) if hasattr(thing, "model_dump") else thing


# The ways to read an answer. `ask` is `create` of one API, its arguments already given.

Ask = Callable[..., Any]
Way = Callable[[Any, Ask], Any]


def read_plain(api: Any, ask: Ask) -> Any:
    return seen(ask(api.create))


def read_raw(api: Any, ask: Ask) -> Any:
    raw = ask(api.with_raw_response.create)
    return type(raw), raw.text, seen(raw.parse()), raw.parse() is raw.parse()


def read_parsed_late(api: Any, ask: Ask) -> Any:
    with ask(api.with_streaming_response.create) as response:
        return type(response), seen(response.parse())


def read_lines(api: Any, ask: Ask) -> Any:
    with ask(api.with_streaming_response.create) as response:
        return list(response.iter_lines())


def read_stream(api: Any, ask: Ask) -> Any:
    stream = ask(api.create)
    return type(stream), _until_it_fails(stream)


def read_raw_stream(api: Any, ask: Ask) -> Any:
    raw = ask(api.with_raw_response.create)
    return type(raw), _until_it_fails(raw.parse())


def read_stream_bytes(api: Any, ask: Ask) -> Any:
    with ask(api.with_streaming_response.create) as response:
        return b"".join(response.iter_bytes())


def _until_it_fails(stream: Any) -> list[Any]:
    events: list[Any] = []
    try:
        for event in stream:
            events.append(seen(event))
    except openai.APIError as error:
        events.append(Failure.of(error))
    return events


async def read_plain_async(api: Any, ask: Ask) -> Any:
    return seen(await ask(api.create))


async def read_raw_async(api: Any, ask: Ask) -> Any:
    raw = await ask(api.with_raw_response.create)
    return type(raw), raw.text, seen(raw.parse())


async def read_parsed_late_async(api: Any, ask: Ask) -> Any:
    async with ask(api.with_streaming_response.create) as response:
        return type(response), seen(await response.parse())


async def read_lines_async(api: Any, ask: Ask) -> Any:
    async with ask(api.with_streaming_response.create) as response:
        return [line async for line in response.iter_lines()]


async def read_stream_async(api: Any, ask: Ask) -> Any:
    stream = await ask(api.create)
    return type(stream), await _until_it_fails_async(stream)


async def read_raw_stream_async(api: Any, ask: Ask) -> Any:
    raw = await ask(api.with_raw_response.create)
    return type(raw), await _until_it_fails_async(raw.parse())


async def read_stream_bytes_async(api: Any, ask: Ask) -> Any:
    async with ask(api.with_streaming_response.create) as response:
        return b"".join([piece async for piece in response.iter_bytes()])


async def _until_it_fails_async(stream: Any) -> list[Any]:
    events: list[Any] = []
    try:
        async for event in stream:
            events.append(seen(event))
    except openai.APIError as error:
        events.append(Failure.of(error))
    return events


PLAIN: tuple[Way, ...] = (read_plain, read_raw, read_parsed_late, read_lines)
STREAMED: tuple[Way, ...] = (read_stream, read_raw_stream, read_stream_bytes)
PLAIN_ASYNC: tuple[Way, ...] = (read_plain_async, read_raw_async, read_parsed_late_async, read_lines_async)
STREAMED_ASYNC: tuple[Way, ...] = (read_stream_async, read_raw_stream_async, read_stream_bytes_async)


@dataclass(frozen=True, slots=True)
class User:
    """A program with the real SDK and a provider that replays; one of each serves all exchanges."""

    provider: ReplayServer
    client: openai.OpenAI
    async_client: openai.AsyncOpenAI
    loop: asyncio.AbstractEventLoop
    telemetry: Telemetry

    def ways(self, recording: Recording) -> tuple[Way, ...]:
        """All ways to read an exchange in its own mode."""
        return (*STREAMED, *STREAMED_ASYNC) if recording.streaming else (*PLAIN, *PLAIN_ASYNC)

    def run(self, way: Way, recording: Recording) -> tuple[Any, Any]:
        """What the user got and what the provider was asked, one way through one exchange."""
        self.provider.reset()
        self.provider.answer(recording.exchange)
        arguments = {**ARGUMENTS[recording.api], **({"stream": True} if recording.streaming else {})}

        def ask(create: Any) -> Any:
            return create(**arguments)

        asynchronous = asyncio.iscoroutinefunction(way)
        api: Any = self.async_client if asynchronous else self.client
        for part in recording.api.split("/"):
            api = getattr(api, part)
        try:
            got: Any = self.loop.run_until_complete(way(api, ask)) if asynchronous else way(api, ask)
        except openai.APIError as error:
            got = Failure.of(error)
        requests = self.provider.requests
        return got, [(asked.method, asked.path, asked.headers, asked.body) for asked in requests]


@pytest.fixture(scope="module")
def user() -> Iterator[User]:
    with ReplayServer() as provider:
        settings: dict[str, Any] = {"api_key": "k", "base_url": f"{provider.url}/v1", "max_retries": 0}
        client, async_client = openai.OpenAI(**settings), openai.AsyncOpenAI(**settings)
        loop = asyncio.new_event_loop()
        yield User(provider, client, async_client, loop, Telemetry())
        client.close()
        loop.run_until_complete(async_client.close())
        loop.close()


def served(user: User, recording: Recording) -> bool:
    """Whether this version of the SDK knows the API at all: the oldest have no responses."""
    return recording.name not in UNSERVED and hasattr(user.client, recording.api.partition("/")[0])


@pytest.mark.parametrize("recording", openai_shaped(), ids=lambda recording: recording.name)
def test_an_exchange_gives_its_figures_and_nothing_else_changes(user: User, recording: Recording) -> None:
    """The span carries exactly what the provider reported, whichever way it is read, sync and async; what
    the user gets and what the provider is asked are the same with us and without."""
    if not served(user, recording):
        pytest.skip(UNSERVED.get(recording.name, "this version of the SDK does not know the API"))
    telemetry, problems = user.telemetry, list[str]()
    for way in user.ways(recording):
        bare = user.run(way, recording)
        telemetry.clear()
        otel_llm.instrument(
            tracer_provider=telemetry.tracer_provider,
            meter_provider=telemetry.meter_provider,
            logger_provider=telemetry.logger_provider,
        )
        watched = user.run(way, recording)
        otel_llm.uninstrument()
        spans = telemetry.spans
        wrong = [] if watched == bare else ["the user or the provider sees a difference"]
        if len(spans) != 1 or telemetry.started != 1:
            wrong.append(f"{len(spans)} of {telemetry.started} spans")
        else:
            wrong += differences(recording, watched[0], spans[0])
            if semconv.find_registry() is not None:
                wrong += semconv.check_spans(spans, "2026-10", allow_odd=recording.odd)
        problems += [f"{way.__name__}: {problem}" for problem in wrong]
    assert problems == []


def differences(recording: Recording, got: Any, span: Any) -> Iterator[str]:
    """Where a span does not say what was recorded."""
    attributes, expected = span.attributes, recording.expected
    wanted: dict[str, Any] = {name: expected[figure] for figure, name in FIGURES.items()}
    wanted["gen_ai.response.model"] = expected["response_model"]
    wanted["gen_ai.response.id"] = expected["response_id"]
    wanted["gen_ai.response.finish_reasons"] = recording.finish_reasons
    if recording.blocked:  # no candidate, but a reason that there is none
        wanted["gen_ai.response.finish_reasons"] = ("content_filter",)
    if "embed" in recording.api:
        wanted = {name: value if name in OF_EMBEDDINGS else None for name, value in wanted.items()}
    failed = recording.status >= 400 or expected["error_type"] is not None or recording.told_in_words
    raised = failure_in(got)
    kind = None if raised is None else raised.kind
    wanted["error.type"] = (kind or expected["error_type"] or "_OTHER") if failed else None
    for name, value in wanted.items():
        # A stream that breaks off may have told, beside its error, more than was written down.
        unsure = recording.streaming and recording.status < 400 and failed and value is None
        if not unsure and attributes.get(name) != value:
            yield f"{name} is {attributes.get(name)!r}, not {value!r}"
    if raised is not None and not failed:
        yield f"the user got {raised!r}"
    if (span.status.status_code is StatusCode.ERROR) != failed:
        yield f"the status is {span.status.status_code}"


def failure_in(got: Any) -> Failure | None:
    """The exception among what the user got, which may be the last event of a stream."""
    if isinstance(got, Failure):
        return got
    last = got[-1] if isinstance(got, (tuple, list)) and got else None
    return failure_in(last) if isinstance(last, (Failure, list)) else None


@pytest.mark.settings(odd=True)
def test_metrics_sum_up_to_what_the_providers_sent(user: User, telemetry: Telemetry) -> None:
    """Over all exchanges the token metric holds the sum of the recorded totals, to the token."""
    sums = {"input": 0, "output": 0}
    for recording in (recording for recording in openai_shaped() if served(user, recording)):
        user.run(read_stream if recording.streaming else read_plain, recording)
        sums["input"] += recording.expected["input_tokens_total"] or 0
        if recording.api != "embeddings":
            sums["output"] += recording.expected["output_tokens_total"] or 0
    points = telemetry.metrics()["gen_ai.client.token.usage"]
    for direction, total in sums.items():
        told = sum(point.sum for attributes, point in points if attributes["gen_ai.token.type"] == direction)
        assert told == total


def samples() -> list[Recording]:
    """For each provider and API the smallest plain and the smallest streamed answer, with figures if there are any."""
    found: dict[Any, Recording] = {}
    for recording in sorted(openai_shaped(), key=lambda one: len(one.body)):
        if recording.status < 400:
            told = recording.expected["input_tokens_total"] is not None
            found.setdefault((recording.provider, recording.api, recording.streaming, told), recording)
    return [one for (*kind, told), one in found.items() if told or (*kind, True) not in found]


def places(thing: Any) -> Iterator[tuple[Any, Any]]:
    """Every container and key in nested JSON; of long lists, such as vectors, the first and last few."""
    if isinstance(thing, dict):
        for key in thing:
            yield thing, key
            yield from places(thing[key])
    elif isinstance(thing, list):
        for index in range(len(thing)):
            if isinstance(thing[index], (dict, list)) or index < 2 or index == len(thing) - 1:
                yield thing, index
                yield from places(thing[index])


def folded(recording: Recording, events: list[Any]) -> tuple[ModelResponse, ModelResponse]:
    """What is read from an answer that came to its end, and from one that did not."""
    fold = DIALECTS[recording.api].fold()
    for event in events:
        fold.add(event)
    return fold.response(complete=True), fold.response(complete=False)


def faults(response: ModelResponse) -> Iterator[str]:
    """What nothing that was sent may lead to."""
    for name, value in vars(response.usage).items() if response.usage else ():
        if value is not None and (type(value) is not int or not 0 <= value < 2**63):
            yield f"{name} is {value!r}"
    for amount in (response.cost, response.input_cost, response.output_cost):
        if amount is not None and not (type(amount) is float and 0 <= amount <= 10_000):
            yield f"it cost {amount!r}"
    facts = {name: getattr(response, name) for name in WORDS}
    for name, value in (
        *facts.items(),
        *(("finish reason", reason) for reason in response.finish_reasons or ()),
    ):
        if value is not None and not (
            isinstance(value, str) and value.encode("utf-8", "ignore").decode() == value
        ):
            yield f"{name} is {value!r}"


@pytest.mark.parametrize("recording", samples(), ids=lambda recording: recording.name)
def test_any_field_of_an_answer_may_be_anything(recording: Recording) -> None:
    """Null or of a wrong type, at any level, in any event: nothing raises, and no figure is anything but a count."""
    events, problems = recording.events(), list[str]()
    for container, key in list(places(events)):
        original = container[key]
        for wrong in WRONG:
            container[key] = wrong
            for response in folded(recording, events):
                problems += [f"{key} as {wrong!r}: {fault}" for fault in faults(response)]
        container[key] = original
    assert problems == []


@pytest.mark.parametrize(
    "recording",
    [recording for recording in samples() if recording.api in SDK_TYPES],
    ids=lambda recording: recording.name,
)
def test_objects_and_dicts_tell_the_same(recording: Recording) -> None:
    """What the SDK makes of an event is read like the event itself, with any field of it null."""
    events = recording.events()

    def problem(what: str) -> Iterator[str]:
        as_objects, as_dicts = (
            folded(recording, [made(recording, event) for event in events]),
            folded(recording, events),
        )
        if as_objects != as_dicts:
            yield f"{what}: {as_objects[0]} is not {as_dicts[0]}"

    problems = list(problem("as sent"))
    for event in events:
        for container, key in list(places(event)):
            original, container[key] = container[key], None
            problems += problem(f"{key} as null")
            container[key] = original
    assert problems == []


def made(recording: Recording, event: Any) -> Any:
    """An event as the SDK gives it to the user: an object, made without looking at the types of its fields."""
    kind = SDK_TYPES[recording.api][recording.streaming]
    return construct_type(type_=kind, value=event)


def test_the_recordings_are_all_there() -> None:
    """Every API is among them, plain and streamed where it streams: a folder read wrongly would prove nothing."""
    kinds = {(recording.api, recording.streaming) for recording in openai_shaped()}
    assert kinds == {(api, streaming) for api in ARGUMENTS for streaming in (False, True)} - {
        ("embeddings", True)
    }
    assert not UNSERVED.keys() - {recording.name for recording in openai_shaped()}
