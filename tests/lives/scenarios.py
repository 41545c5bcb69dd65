"""Ways to ask and to read, each written once: for sync and async clients, with us and without.

A scenario is a coroutine function of a client. With a sync client it never waits, so it is driven by hand.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import inspect
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any

import openai

import otel_llm
from otel_llm import instrumentation
from otel_llm.testing import Exchange, ReplayServer, Request, Telemetry
from tests.lives.answers import (
    MESSAGES,
    RESPONSE,
    STREAM,
    async_client,
    client,
    completion,
    parsing,
    responses_stream,
)

KINDS = ("sync", "async")
MAJOR = int(openai.__version__.partition(".")[0])
http: Any = importlib.import_module("httpx2" if MAJOR >= 3 else "httpx")
"""The HTTP library that this version of the SDK is made of."""

CHAT: dict[str, Any] = {"model": "gpt-4o", "messages": MESSAGES}
STREAMED: dict[str, Any] = {**CHAT, "stream": True, "stream_options": {"include_usage": True}}

Scenario = Callable[[Any], Awaitable[Any]]


def sdk(replay: ReplayServer, kind: str, **more: Any) -> Any:
    """A client of the replayed provider, of either kind."""
    return async_client(replay, **more) if kind == "async" else client(replay, **more)


def run(kind: str, scenario: Coroutine[Any, Any, Any]) -> Any:
    """Run a scenario to its end, on a loop only if it needs one."""
    if kind == "async":
        return asyncio.run(scenario)
    try:
        scenario.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("a sync client made a scenario wait")


async def settle(value: Any) -> Any:
    """What an SDK method gives, awaited if it has to be."""
    return await value if inspect.isawaitable(value) else value


async def each(stream: Any) -> AsyncIterator[Any]:
    """The events of a stream of either kind."""
    if hasattr(stream, "__aiter__"):
        async for event in stream:
            yield event
    else:
        for event in stream:
            yield event


async def advance(stream: Any) -> Any:
    """The next event of a stream of either kind."""
    return await stream.__anext__() if hasattr(stream, "__anext__") else next(stream)


def begun(stream: Any) -> Any:
    """What gives a stream's events one by one: itself, if it can."""
    if hasattr(stream, "__next__"):
        return stream
    advances = getattr(type(stream), "__anext__", None)
    return stream if advances is not None and not inspect.isasyncgenfunction(advances) else each(stream)


@contextlib.asynccontextmanager
async def entered(manager: Any) -> AsyncIterator[Any]:
    """A `with` block of either kind."""
    if hasattr(manager, "__aenter__"):
        async with manager as inside:
            yield inside
    else:
        with manager as inside:
            yield inside


def provider(request: Request) -> Exchange:
    """Answers all APIs as they ask to be answered, streamed or not."""
    body: Any = request.json or {}
    if request.path.partition("?")[0].endswith("/responses"):
        return responses_stream() if body.get("stream") else Exchange.json(RESPONSE)
    if request.path.partition("?")[0].endswith("/embeddings"):
        vector = {"object": "embedding", "index": 0, "embedding": "AACAPwAAAEA="}
        usage = {"prompt_tokens": 5, "total_tokens": 5}
        return Exchange.json({"object": "list", "model": "e", "data": [vector], "usage": usage})
    return Exchange.sse(STREAM) if body.get("stream") else Exchange.json(completion())


# Plain chat completions: however they are asked for, the span tells the same.


def _create(accessor: str = "chat.completions", method: str = "create") -> Scenario:
    async def go(sdk: Any) -> Any:
        for name in accessor.split("."):
            sdk = getattr(sdk, name)
        return await settle(getattr(sdk, method)(**CHAT))

    return go


def _raw(read: Callable[[Any], Any]) -> Scenario:
    async def go(sdk: Any) -> Any:
        return read(await settle(sdk.chat.completions.with_raw_response.create(**CHAT)))

    return go


def _opened(read: Callable[[Any], Any], **more: Any) -> Scenario:
    async def go(sdk: Any) -> Any:
        manager = sdk.chat.completions.with_streaming_response.create(**CHAT, **more)
        async with entered(manager) as response:
            found = read(response)
            if hasattr(found, "__aiter__") or hasattr(found, "__next__"):
                return [piece async for piece in each(found)]
            return await settle(found)

    return go


def _post(cast_to: Any) -> Scenario:
    async def go(sdk: Any) -> Any:
        return await settle(sdk.post("/chat/completions", cast_to=cast_to, body=CHAT))

    return go


async def _parse(sdk: Any) -> Any:
    return await settle(parsing(sdk).parse(**CHAT))


async def _copied(sdk: Any) -> Any:
    return await _create()(sdk.with_options(timeout=30).copy(max_retries=1))


READS: dict[str, Callable[[Any], Any]] = {
    "parse": lambda response: response.parse(),
    "read": lambda response: response.read(),
    "iter_lines": lambda response: response.iter_lines(),
    "iter_bytes": lambda response: response.iter_bytes(16),
    "iter_text": lambda response: response.iter_text(),
}
PLAIN: dict[str, Scenario] = {
    "create": _create(),
    "parse": _parse,
    "beta parse": _create("beta.chat.completions", "parse"),
    "a copy": _copied,
    "raw, parsed": _raw(lambda response: response.parse()),
    "raw, parsed twice": _raw(lambda response: response.parse() and response.parse()),
    "raw, as text": _raw(lambda response: response.text),
    "raw, headers only": _raw(lambda response: response.headers["content-type"]),
    "raw of the client": _create("with_raw_response.chat.completions"),
    "post, object": _post(object),
    # On 3.10, where a generic passes for a class, the SDK itself fails on one.
    **({"post, dict": _post(dict[str, Any])} if sys.version_info >= (3, 11) else {}),
    "post, model": _post(openai.types.chat.ChatCompletion),
    "post, HTTP response": _post(http.Response),
    "opened, json": _opened(lambda response: response.json()),
    "opened, text": _opened(lambda response: response.text()),
    **{f"opened, {name}": _opened(read) for name, read in READS.items()},
}


def comparable(value: Any) -> Any:
    """What the user got, in a form that can be compared with what they get without us."""
    if isinstance(value, (list, tuple)):
        return [comparable(entry) for entry in value]
    name = f"{type(value).__module__}.{type(value).__qualname__}"
    if hasattr(value, "model_dump"):
        return name, value.model_dump(warnings=False), value.model_extra
    if hasattr(value, "http_response"):
        return name, value.http_response.content
    return (name, value.content) if hasattr(value, "iter_bytes") else (name, value)


def shape(error: BaseException) -> Any:
    """An exception as its catcher may look at it: class, words, causes, and the way it came, without our own frames."""
    frames: list[str] = []
    trace = error.__traceback__
    while trace is not None:
        module = trace.tb_frame.f_globals.get("__name__", "")
        if not module.startswith(("otel_llm.hooks", "tests.")):
            frames.append(f"{module}.{trace.tb_frame.f_code.co_name}")
        trace = trace.tb_next
    behind = [None if other is None else shape(other) for other in (error.__cause__, error.__context__)]
    more = {name: getattr(error, name, None) for name in ("status_code", "code", "type", "param", "body")}
    said = re.sub(r"\b[0-9a-f]{8,}\b", "<address>", str(error))  # anyio names its scopes by their addresses
    # By name: Amazon's SDK makes the classes of its exceptions anew for each client.
    name = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    return name, said, len(error.args), more, behind, frames


def outcome(kind: str, scenario: Coroutine[Any, Any, Any]) -> Any:
    """How a scenario ends: with something to compare, or with an exception."""
    try:
        return comparable(run(kind, scenario))
    except BaseException as error:
        return shape(error)


def with_and_without(go: Callable[[], Any]) -> tuple[Any, Any]:
    """The same done twice: watched, as the `telemetry` fixture has it, and then without us."""
    watched = go()
    otel_llm.uninstrument()
    return watched, go()


def settled(telemetry: Telemetry) -> Any:
    """All spans, once everything that was dropped has been collected and what had to wait has ended."""
    gc.collect()
    instrumentation.run_late()
    assert telemetry.started == telemetry.ended
    return telemetry.spans


def only(telemetry: Telemetry) -> Any:
    """The one span there must be."""
    (span,) = settled(telemetry)
    return span
