"""What Amazon's SDKs have of their own: bodies that can be read in many ways."""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from otel_llm.testing import Exchange, ReplayServer, Telemetry
from tests.lives.scenarios import KINDS, only, outcome, run, settle, with_and_without
from tests.lives.wires import amazon

pytest.importorskip("botocore")

ANSWER = (
    b'{"generation": "one",\n"prompt_token_count": 5,\n"generation_token_count": 7, "stop_reason": "stop"}\n'
)
PLAIN = Exchange(200, {"content-type": "application/json"}, (ANSWER,))
CHUNKED = Exchange(200, PLAIN.headers, (ANSWER[:20], ANSWER[20:40], ANSWER[40:]))
ASKED = {"modelId": "meta.llama", "body": b'{"prompt": "hi"}'}


async def _kept(body: Any, name: str) -> Any:
    """A method that outlives the body it was taken from."""
    method = getattr(body.pop(), name)
    gc.collect()
    return await settle(method())


async def _into(body: Any) -> bytes:
    buffer = bytearray(200)
    size = await settle(body.pop().readinto(buffer))
    return bytes(buffer[:size])


async def _at_most(body: Any) -> list[bytes]:
    return [await settle(body[0].read(most)) for most in (0, 10, 200, 200)]


def _opened(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    async def go(body: Any) -> Any:
        with body[0] as raw:
            return read(raw)

    return go


async def _closed_later(body: Any) -> Any:
    with contextlib.ExitStack() as stack:
        own = body.pop()
        stack.callback(own.close)
        return own.read()


async def _in_turns(body: Any) -> Any:
    with body[0] as raw:
        return body[0].read(10), raw.read()


BOTH: dict[str, Callable[[list[Any]], Any]] = {
    "read": lambda body: _kept(body, "read"),
    "read, all of it": lambda body: settle(body.pop().read(-1)),
    "read, piece by piece": _at_most,
    "readinto": _into,
    "readlines": lambda body: _kept(body, "readlines"),
}
SYNC: dict[str, Callable[[list[Any]], Any]] = {
    "iterated": lambda body: settle(list(body.pop())),
    "as text": lambda body: settle(io.TextIOWrapper(body.pop()).read()),
    "json": lambda body: settle(json.load(body.pop())),
    "closed later": _closed_later,
    "opened, in turns": _in_turns,
    "opened, read": _opened(lambda raw: raw.read()),
    "opened, by pieces": _opened(lambda raw: list(raw.stream(10))),
    "opened, readlines": _opened(lambda raw: raw.readlines()),
    "opened, readinto": _opened(lambda raw: raw.readinto(bytearray(200))),
}
WAYS = [(kind, name) for kind in KINDS for name in BOTH] + [("sync", name) for name in SYNC]


@pytest.mark.parametrize("exchange", [PLAIN, CHUNKED], ids=["plain", "chunked"])
@pytest.mark.parametrize(("kind", "way"), WAYS)
def test_a_body_is_the_answer_however_it_is_read(
    telemetry: Telemetry, replay: ReplayServer, kind: str, way: str, exchange: Exchange
) -> None:
    """Each way of reading gives what it gives without us, also when nobody has the body any more."""

    async def go() -> Any:
        sdk = await amazon(kind, replay.url)
        return await {**BOTH, **SYNC}[way]([(await settle(sdk.invoke_model(**ASKED)))["body"]])

    replay.answer(exchange)
    watched, bare = with_and_without(lambda: outcome(kind, go()))
    # How much of a body has come when some of it is asked for is chance, where it comes in pieces.
    chance = kind == "async" and exchange is CHUNKED and way in ("readinto", "read, piece by piece")
    assert chance or watched == bare
    attributes = only(telemetry).attributes
    if chance and "gen_ai.usage.input_tokens" not in attributes:
        return  # dropped before its last piece
    assert attributes["gen_ai.usage.input_tokens"] == 5
    assert attributes["gen_ai.usage.output_tokens"] == 7
    assert attributes["gen_ai.response.finish_reasons"] == ("stop",)


@pytest.mark.parametrize("kind", KINDS)
def test_closing_outlives_the_stream(telemetry: Telemetry, replay: ReplayServer, kind: str) -> None:
    """Whoever kept only the method that closes a stream can still call it."""

    async def go() -> Any:
        sdk = await amazon(kind, replay.url)
        asked = [{"role": "user", "content": [{"text": "hi"}]}]
        close = (await settle(sdk.converse_stream(modelId="m", messages=asked)))["stream"].close
        gc.collect()
        await settle(close())

    replay.answer(Exchange(200, {"content-type": "application/vnd.amazon.eventstream"}, (b"", b"")))
    run(kind, go())
    assert "error.type" not in only(telemetry).attributes


@pytest.mark.parametrize("given", [None, [], "text"])
def test_what_a_hook_of_the_users_gives_is_handed_on(
    telemetry: Telemetry, replay: ReplayServer, given: Any
) -> None:
    """Whatever it puts in the place of an answer, the call ends and the user gets it."""

    def answer(**asked: Any) -> Any:
        return importlib.import_module("botocore.awsrequest").AWSResponse("", 200, {}, None), given

    async def go() -> Any:
        sdk = await amazon("sync", replay.url)
        sdk.meta.events.register("before-call.bedrock-runtime.Converse", answer)
        return sdk.converse(modelId="m")

    watched, bare = with_and_without(lambda: outcome("sync", go()))
    assert watched == bare
    assert "error.type" not in only(telemetry).attributes


def test_a_body_that_cannot_be_encoded_is_the_sdks_to_refuse(
    telemetry: Telemetry, replay: ReplayServer
) -> None:
    """Half a character in a prompt is an error of the user's, not one of ours."""

    async def go() -> Any:
        return (await amazon("sync", replay.url)).invoke_model(modelId="m", body='{"prompt": "\udc00"}')

    watched, bare = with_and_without(lambda: outcome("sync", go()))
    assert watched == bare
    assert only(telemetry).attributes["error.type"] == "UnicodeEncodeError"
