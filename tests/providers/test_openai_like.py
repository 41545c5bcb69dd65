"""SDKs of providers that speak OpenAI's language: groq, together and fireworks, served what all of them send."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest

import otel_llm
from otel_llm.testing import Exchange, ReplayServer, Telemetry
from tests import semconv
from tests.lives.answers import USAGE, chunk
from tests.lives.wires import WIRES
from tests.recordings import Recording, openai_shaped
from tests.test_recordings import Failure, differences, seen

SDKS = {"groq": "Groq", "together": "Together", "fireworks": "Fireworks"}
"""By module, the name of the client."""

ARGUMENTS: dict[str, dict[str, Any]] = {
    "chat/completions": {"model": "m", "messages": [{"role": "user", "content": "hi"}]},
    "completions": {"model": "m", "prompt": "hi"},
    "embeddings": {"model": "m", "input": "hi"},
}


@dataclass(frozen=True, slots=True)
class User:
    """A program with one of these SDKs and a provider that replays."""

    name: str
    client: Any
    async_client: Any
    loop: asyncio.AbstractEventLoop
    provider: ReplayServer
    generated: bool
    """Whether the SDK is of the generated family; those before it refuse or drop what their provider never sends."""

    def knows(self, api: str) -> bool:
        client = self.client
        for part in api.split("/"):
            client = getattr(client, part, None)
        return client is not None

    def run(self, recording: Recording, *, asynchronous: bool) -> tuple[Any, Any]:
        """What the user got and what the provider was asked."""
        self.provider.reset()
        self.provider.answer(recording.exchange)
        arguments = dict(ARGUMENTS[recording.api])
        if recording.streaming or (not self.generated and recording.api != "embeddings"):
            arguments["stream"] = recording.streaming  # one of them streams unless told otherwise
        api = self.async_client if asynchronous else self.client
        for part in recording.api.split("/"):
            api = getattr(api, part)
        got: list[Any] = []
        try:
            if asynchronous:
                self.loop.run_until_complete(self._read_async(api, arguments, got))
            else:
                result = api.create(**arguments)
                got.append(type(result))
                got += map(seen, result if recording.streaming else [result])
        except Exception as error:
            got.append(Failure.of(error))
        return got, [(asked.path, asked.body) for asked in self.provider.requests]

    async def _read_async(self, api: Any, arguments: dict[str, Any], got: list[Any]) -> None:
        create = getattr(api, "acreate", api.create)
        result = create(**arguments)
        result = await result if hasattr(result, "__await__") else result
        got.append(type(result))
        if arguments.get("stream"):
            async for event in result:
                got.append(seen(event))
        else:
            got.append(seen(result))


@pytest.fixture(scope="module", params=SDKS)
def user(request: pytest.FixtureRequest) -> Iterator[User]:
    name = request.param
    if find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # Before 1.0, fireworks had its clients one floor down.
        module = import_module("fireworks.client") if name == "fireworks" else import_module(name)
        if name == "fireworks" and not hasattr(module, SDKS[name]):
            module = import_module(name)
    loop = asyncio.new_event_loop()
    with ReplayServer() as provider:
        settings: dict[str, Any] = {"api_key": "k", "base_url": provider.url}
        generated = find_spec(f"{name}._base_client") is not None
        if generated or name == "together":
            settings["max_retries"] = 0

        async def make() -> Any:
            return getattr(module, f"Async{SDKS[name]}")(**settings)

        made = User(
            name,
            getattr(module, SDKS[name])(**settings),
            loop.run_until_complete(make()),
            loop,
            provider,
            generated,
        )
        yield made
    loop.close()


@pytest.mark.recordings
@pytest.mark.parametrize("api", ARGUMENTS)
def test_exchanges_give_their_figures_and_nothing_else_changes(user: User, api: str) -> None:
    """Whatever any provider sent in OpenAI's language, these SDKs' spans carry exactly what it says, sync and
    async, plain and streamed; what the user gets and what is asked are the same with us and without."""
    if not user.knows(api):
        pytest.skip(f"{user.name} has no {api}")
    telemetry, problems = Telemetry(), list[str]()
    for recording in (recording for recording in openai_shaped() if recording.api == api):
        for asynchronous in (False, True):
            bare = user.run(recording, asynchronous=asynchronous)
            telemetry.clear()
            otel_llm.instrument(
                tracer_provider=telemetry.tracer_provider,
                meter_provider=telemetry.meter_provider,
                logger_provider=telemetry.logger_provider,
            )
            watched = user.run(recording, asynchronous=asynchronous)
            otel_llm.uninstrument()
            wrong = [] if watched == bare else ["the user or the provider sees a difference"]
            spans = telemetry.spans
            if len(spans) != 1 or telemetry.started != 1:
                wrong.append(f"{len(spans)} of {telemetry.started} spans")
            else:
                refused = not user.generated and (
                    isinstance(watched[0][-1], Failure)
                    or recording.provider == "xai"  # without its details, its output is not whole
                )
                wrong += [
                    one
                    for one in differences(recording, watched[0], spans[0])
                    # What was dropped cannot be told, an error neither; what is told must be right.
                    if user.generated or not (refused or " is None, not " in one or "the status is" in one)
                ]
                if semconv.find_registry() is not None:
                    wrong += semconv.check_spans(spans, "2026-10", allow_odd=recording.odd)
            problems += [f"{recording.name}, {asynchronous=}: {problem}" for problem in wrong]
    assert problems == []


def test_the_provider_is_the_sdks_own(user: User, telemetry: Telemetry) -> None:
    """A server that nobody knows, asked through a provider's own SDK, is taken for that provider."""
    user.provider.answer(Exchange.json({"error": {"message": "no", "code": "model_not_found"}}, status=404))
    with pytest.raises(Exception):  # noqa: B017, PT011 - each SDK has its own
        user.client.chat.completions.create(**ARGUMENTS["chat/completions"])
    (span,) = telemetry.spans
    own = {"groq": "groq", "together": "together_ai", "fireworks": "fireworks_ai"}
    assert span.attributes is not None
    assert span.attributes["gen_ai.provider.name"] == own[user.name]
    assert span.attributes["server.port"] == int(user.provider.url.rpartition(":")[2])


@pytest.mark.parametrize("stream", [False, True])
def test_fireworks_speaks_anthropics_language_too(
    telemetry: Telemetry, replay: ReplayServer, stream: bool
) -> None:
    """Its SDK has no stream for it, but gives the text of one."""
    fireworks: Any = pytest.importorskip("fireworks")
    if not hasattr(fireworks, "Fireworks") or not hasattr(fireworks.Fireworks, "messages"):
        pytest.skip("this version has no messages")
    (wire,) = (wire for wire in WIRES if wire.name == "anthropic, Anthropic")
    replay.answer(wire.answer() if stream else wire.whole)
    client = fireworks.Fireworks(api_key="k", base_url=replay.url, max_retries=0)
    client.messages.create(
        model="m", max_tokens=9, messages=[{"role": "user", "content": "hi"}], stream=stream
    )
    (span,) = telemetry.spans
    attributes = dict(span.attributes or {})
    assert attributes["gen_ai.provider.name"] == "fireworks_ai"
    assert attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert wire.figures.items() <= attributes.items()


@pytest.mark.parametrize(
    ("aside", "told"),
    [
        ({"error": "given up"}, ("error.type", "_OTHER")),
        ({"usage": USAGE}, ("gen_ai.usage.input_tokens", 1000)),
    ],
)
def test_what_groq_says_beside_a_piece_of_text_is_not_overlooked(
    telemetry: Telemetry, replay: ReplayServer, aside: dict[str, Any], told: tuple[str, Any]
) -> None:
    """Its SDK knows the field, so that it is among no extra ones; an error there raises nothing."""
    groq: Any = pytest.importorskip("groq")
    replay.answer(Exchange.sse([chunk("a"), chunk("b", x_groq={"id": "r", **aside})]))
    client = groq.Groq(api_key="k", base_url=replay.url, max_retries=0)
    assert len(list(client.chat.completions.create(**ARGUMENTS["chat/completions"], stream=True))) == 2
    (span,) = telemetry.spans
    assert told in dict(span.attributes or {}).items()
