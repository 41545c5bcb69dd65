"""How sure the model was, on the span of its call: where it is asked for, and only there."""

from __future__ import annotations

from typing import Any

import pytest

from otel_llm.config import Config
from otel_llm.dialects.openai_chat import CHAT
from otel_llm.logprobs import LogprobSummary
from otel_llm.record import ModelResponse, merged
from otel_llm.telemetry.logprobs import Logprobs
from otel_llm.testing import Exchange, ReplayServer, Telemetry
from tests.lives.answers import completion
from tests.lives.scenarios import KINDS, each, only, outcome, run, with_and_without
from tests.lives.sure import PREFIX, SURE, VALUES, WORDS, chat, figures, said
from tests.lives.wires import SECRET, WIRES, Wire

kinds = pytest.mark.parametrize("kind", KINDS)
streams = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
asked_for = pytest.mark.settings(logprobs=True)


@pytest.fixture(params=SURE, ids=lambda wire: wire.name)
def wire(request: pytest.FixtureRequest) -> Wire:
    request.param.needs(request.node.callspec.params.get("kind", "sync"))
    return request.param


async def read(wire: Wire, kind: str, url: str, *, stream: bool = True, most: int | None = None) -> list[Any]:
    """What the user gets: the answer, or the events of a stream, all of them or so many."""
    result = await wire.ask(kind, url, stream=stream)
    if not stream:
        return [result]
    seen: list[Any] = []
    async for event in each(result):
        seen.append(event)
        if len(seen) == most:
            break
    return seen


def told(wire: Wire, telemetry: Telemetry, got: Any) -> dict[str, Any]:
    """What the one span says. The test is skipped if what the user got says nothing either."""
    found = said(only(telemetry))
    if not found and wire.module != "boto3" and str(VALUES[0]) not in repr(got):
        pytest.skip("this version of the SDK drops log-probabilities")
    return found


@asked_for
@kinds
@streams
def test_every_sdk_tells_it(
    wire: Wire, telemetry: Telemetry, replay: ReplayServer, kind: str, stream: bool
) -> None:
    """The same figures, whoever answers, whole or in pieces; and not one of the tokens."""
    replay.answer(wire.answer() if stream else wire.whole)
    got = run(kind, read(wire, kind, replay.url, stream=stream))
    assert told(wire, telemetry, got) == pytest.approx(figures(*VALUES), abs=1e-9)
    assert SECRET.encode() not in telemetry.export_bytes()


@asked_for
@kinds
def test_the_user_sees_no_difference(
    wire: Wire, telemetry: Telemetry, replay: ReplayServer, kind: str
) -> None:
    """Events are what they would be without us."""
    replay.answer(wire.answer())
    watched, bare = with_and_without(lambda: outcome(kind, read(wire, kind, replay.url)))
    assert watched == bare
    only(telemetry)


@asked_for
@kinds
def test_a_stream_broken_off_tells_of_what_was_seen(
    wire: Wire, telemetry: Telemetry, replay: ReplayServer, kind: str
) -> None:
    """Two tokens came, so it is those of two."""
    replay.answer(wire.answer(pauses=(0, 0, 0.2)))
    got = run(kind, read(wire, kind, replay.url, most=2))
    assert told(wire, telemetry, got) == pytest.approx(figures(*VALUES[:2]), abs=1e-6)


@asked_for
@kinds
def test_so_does_a_stream_that_fails(
    wire: Wire, telemetry: Telemetry, replay: ReplayServer, kind: str
) -> None:
    """What came before the failure stays true."""
    seen: list[Any] = []

    async def go() -> None:
        async for event in each(await wire.ask(kind, replay.url, stream=True)):
            seen.append(event)

    replay.answer(wire.answer(upto=2, failing=True))
    outcome(kind, go())
    if "error.type" not in only(telemetry).attributes:
        pytest.skip("this version of the SDK says nothing of such a failure")
    assert told(wire, telemetry, seen) == pytest.approx(figures(*VALUES[:2]), abs=1e-6)


@streams
def test_nobody_is_told_who_did_not_ask(
    wire: Wire, telemetry: Telemetry, replay: ReplayServer, stream: bool
) -> None:
    """It is off until it is switched on."""
    replay.answer(wire.answer() if stream else wire.whole)
    run("sync", read(wire, "sync", replay.url, stream=stream))
    assert said(only(telemetry)) == {}


@asked_for
@streams
@pytest.mark.parametrize("silent", WIRES, ids=lambda wire: wire.name)
def test_nothing_is_told_where_nothing_was_said(
    silent: Wire, telemetry: Telemetry, replay: ReplayServer, stream: bool
) -> None:
    """Not even that there were no tokens."""
    silent.needs("sync")
    replay.answer(silent.answer() if stream else silent.whole)
    run("sync", silent.call("sync", replay.url, stream=stream))
    span = only(telemetry)
    assert silent.figures.items() <= span.attributes.items()
    assert said(span) == {}


@asked_for
def test_an_empty_list_is_a_count_of_none(telemetry: Telemetry, replay: ReplayServer) -> None:
    """It was asked for, and no token came: there is no mean of nothing."""
    answer = completion()
    answer["choices"][0]["logprobs"] = {"content": []}
    replay.answer(Exchange.json(answer))
    openai = next(wire for wire in WIRES if wire.name == "openai, chat completions")
    run("sync", openai.call("sync", replay.url, stream=False))
    assert said(only(telemetry)) == {f"{PREFIX}token_count": 0}


@pytest.mark.settings(logprobs=True, capture_content="SPAN_AND_EVENT")
@streams
def test_texts_of_tokens_are_on_no_span(
    wire: Wire, telemetry: Telemetry, replay: ReplayServer, stream: bool
) -> None:
    """They are for the event alone."""
    replay.answer(wire.answer() if stream else wire.whole)
    got = run("sync", read(wire, "sync", replay.url, stream=stream))
    assert told(wire, telemetry, got) == pytest.approx(figures(*VALUES), abs=1e-9)


@pytest.mark.parametrize(
    ("content", "more", "kept"),
    [
        ("NO_CONTENT", {}, ()),
        ("NO_CONTENT", {"emit_event": True}, ()),
        ("SPAN_ONLY", {"emit_event": True}, ()),
        ("EVENT_ONLY", {}, WORDS),
        ("SPAN_AND_EVENT", {}, WORDS),
        ("EVENT_ONLY", {"emit_event": False}, ()),
        ("EVENT_ONLY", {"content_filter_pattern": "x"}, ()),
        ("EVENT_ONLY", {"content_filter": [str]}, ()),
    ],
)
def test_texts_are_kept_for_the_event_alone(
    content: str, more: dict[str, Any], kept: tuple[str, ...]
) -> None:
    """Without it they are not even remembered, nor where a filter looks for what may not be told."""
    logprobs = Logprobs(Config.build({"capture_content": content, **more}, {}))
    reader = logprobs.reader(logprobs.readers(CHAT))
    assert reader is not None
    reader.add(chat()[0])
    assert tuple(token["token"] for token in reader.tokens()) == kept


def test_of_several_tries_the_last_one_counts() -> None:
    """What a framework says of an answer that an SDK has seen is the same answer; one that was given up is another."""
    of_framework, given_up, of_last = (LogprobSummary(token_count=count) for count in (1, 2, 3))
    own, first, last = (ModelResponse(logprobs=told) for told in (of_framework, given_up, of_last))
    assert merged(own, [first, last], counted=True).logprobs == of_last
    assert merged(own, [first, ModelResponse()], counted=True).logprobs is None
    assert merged(own, [ModelResponse()], counted=False).logprobs == of_framework
    assert merged(ModelResponse(), [last], counted=False).logprobs == of_last
