"""Listening to SDKs that were written by hand: around the methods of theirs that send one request each.

What such a method is asked comes as arguments of its own, so each provider says how to read them. What it
gives back is an answer, a generator that sends only when it is iterated, or an object of the SDK's that it
streams through; each is handed on as it is.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType, coroutine
from typing import Any, NamedTuple, Protocol

from otel_llm.config import Config, provider_among
from otel_llm.dialects.dialect import Dialect
from otel_llm.dialects.fields import Fields
from otel_llm.guard import internal_error
from otel_llm.hooks.managed import managed
from otel_llm.hooks.patching import Patches, Switch
from otel_llm.hooks.streams import replace_methods, telling, watch, weakly
from otel_llm.telemetry.call import Call
from otel_llm.telemetry.engine import Engine, Server
from otel_llm.telemetry.finalizers import finalize


class Asked(NamedTuple):
    """What a method is about to ask, in the words of the wire."""

    dialect: Dialect
    body: Fields
    server: Server
    stream: bool = False

    def wanted(self, config: Config, sdk: str) -> Asked | None:
        """This, with the provider's name that the settings have for its host; None if nobody wants to hear of it."""
        host, port = self.server.host, self.server.port
        own = provider_among(config.provider_hosts, host, port) if config.provider_hosts else None
        asked = self if own is None else self._replace(server=self.server._replace(provider=own))
        return asked if config.listens_to(sdk, asked.server.provider) else None


Ask = Callable[[Any, tuple[Any, ...], dict[str, Any]], "Asked | None"]
"""From the object that the method belongs to and its arguments; None for what no model answers. What it returns
may hold what the user gave, but must neither change nor iterate it."""

Take = Callable[["MethodSdk", Call, Any], Any]
"""Looks at what the method returned and returns what the user is to get."""


@dataclass(frozen=True, slots=True)
class Method:
    """One method that sends one request."""

    owner: str
    name: str
    ask: Ask
    take: Take
    """How to learn from what it returns: `answer`, `held_stream(...)`, or one of the provider's own."""
    lazy: bool = False
    """Whether a stream is a generator that sends nothing before its first `next`."""
    opens: str | None = None
    """Of a context manager that sends when it is entered: the attribute that the events come out of then."""


@dataclass(frozen=True, slots=True)
class NativeSpans:
    """Spans that an SDK emits by itself, which would tell each call a second time."""

    modules: tuple[str, ...]
    owner: str
    name: str
    """The method that begins such a span."""
    silenced: Callable[..., Any]
    """What is done in its place, as long as our spans are in the place of the SDK's."""
    speaks: Callable[[Any], bool]
    """Whether the owner of a method that we listen to emits spans of its own."""

    def install(self, patches: Patches) -> None:
        """Patch what begins them."""

        def imported(module: ModuleType) -> None:
            patches.replace(getattr(module, self.owner, None), self.name, wrap)

        def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
            @functools.wraps(original)
            def begin(*args: Any, **kwargs: Any) -> Any:
                engine = patches.switch.engine
                if engine is not None and engine.config.native_tracing == "replace" and engine.live:
                    return self.silenced(*args, **kwargs)
                return original(*args, **kwargs)

            return begin

        for module in self.modules:
            patches.on_import(module, imported)


@dataclass(frozen=True, slots=True)
class MethodSdk:
    """One SDK: the modules to wait for, and what to listen to in each."""

    name: str
    distribution: str
    versions: str
    """Supported versions of the distribution, as a requirement spells them."""
    modules: Mapping[str, tuple[Method, ...]]
    code: Callable[[BaseException], str | None]
    """The provider's short code for an exception, clean of anything that might quote a prompt or a key."""
    optional: bool = False
    """Whether a class that is not there belongs to another version, and is no reason to complain."""
    native: NativeSpans | None = None

    @property
    def module(self) -> str:
        """What to import to see whether the hooks find their places."""
        return next(iter(self.modules))

    def install(self, patches: Patches) -> None:
        """Patch each module as soon as the application has imported it."""
        if self.native is not None:
            self.native.install(patches)
        for name, methods in self.modules.items():
            patches.on_import(name, functools.partial(self._patch, patches, methods))

    def _patch(self, patches: Patches, methods: tuple[Method, ...], module: ModuleType) -> None:
        for method in methods:
            owner = getattr(module, method.owner, None)
            if owner is not None or not self.optional:
                wrap = functools.partial(_wrap, self, method, patches.switch)
                patches.replace(owner, method.name, wrap)

    def fail(self, listener: Any, error: BaseException) -> None:
        """Record a failure with the provider's short code."""
        try:
            listener.fail(error, self.code(error))
        except Exception:  # noqa: BLE001 - ours, not the user's
            internal_error("recording a failure")


def _wrap(sdk: MethodSdk, method: Method, switch: Switch, original: Any) -> Any:
    if isinstance(original, classmethod):
        return classmethod(_wrap(sdk, method, switch, original.__func__))
    if method.opens is not None:
        begin = functools.partial(_begin_managed, sdk, method, switch)
        return managed(original.__wrapped__, begin, method.opens, sdk.fail)
    if inspect.iscoroutinefunction(original):
        return _async(sdk, method, switch, original)

    @functools.wraps(original)
    def send(owner: Any, *args: Any, **kwargs: Any) -> Any:
        engine = switch.engine
        asked = None if engine is None else _asked(sdk, method, engine, owner, args, kwargs)
        if asked is None or engine is None:
            return original(owner, *args, **kwargs)
        if method.lazy and asked.stream:
            source = original(owner, *args, **kwargs)
            hand_on = watched_async if inspect.isasyncgen(source) else watched
            return hand_on(source, lambda: _watch(sdk, _begin(engine, asked), source))
        call = _begin(engine, asked)
        if call is None:
            return original(owner, *args, **kwargs)
        token = call.attach()
        try:
            result = original(owner, *args, **kwargs)
        except BaseException as error:
            sdk.fail(call, error)
            raise
        finally:
            call.detach(token)
        return _take(sdk, method, call, result)

    return send


def _async(
    sdk: MethodSdk, method: Method, switch: Switch, original: Callable[..., Any]
) -> Callable[..., Any]:
    @functools.wraps(original)
    async def send(owner: Any, *args: Any, **kwargs: Any) -> Any:
        engine = switch.engine
        asked = None if engine is None else _asked(sdk, method, engine, owner, args, kwargs)
        if asked is None or engine is None:
            return await original(owner, *args, **kwargs)
        if method.lazy and asked.stream:
            source = await original(owner, *args, **kwargs)
            return watched_async(source, lambda: _watch(sdk, _begin(engine, asked), source))
        call = _begin(engine, asked)
        if call is None:
            return await original(owner, *args, **kwargs)
        token = call.attach()
        try:
            result = await original(owner, *args, **kwargs)
        except BaseException as error:
            sdk.fail(call, error)
            raise
        finally:
            call.detach(token)
        return _take(sdk, method, call, result)

    return send


def _begin_managed(
    sdk: MethodSdk, method: Method, switch: Switch, owner: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Call | None:
    engine = switch.engine
    asked = None if engine is None else _asked(sdk, method, engine, owner, args, kwargs)
    return None if asked is None or engine is None else _begin(engine, asked)


def _asked(
    sdk: MethodSdk, method: Method, engine: Engine, owner: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Asked | None:
    try:
        kept = sdk.native if engine.config.native_tracing == "keep" else None
        if not engine.live or (kept is not None and kept.speaks(owner)):
            return None
        asked = method.ask(owner, args, kwargs)
        return None if asked is None else asked.wanted(engine.config, sdk.name)
    except Exception:  # noqa: BLE001 - ours, not the user's
        internal_error("beginning a call")
        return None


def _begin(engine: Engine, asked: Asked) -> Call | None:
    try:
        return engine.begin(asked.dialect, asked.body, asked.server, stream=asked.stream)
    except Exception:  # noqa: BLE001 - ours, not the user's
        internal_error("beginning a call")
        return None


def _take(sdk: MethodSdk, method: Method, call: Call, result: Any) -> Any:
    try:
        return method.take(sdk, call, result)
    except Exception:  # noqa: BLE001 - ours, not the user's
        internal_error("reading an answer")
        call.close()  # a span that tells little is better than one that never ends
        return result


def answer(sdk: MethodSdk, call: Call, result: Any) -> Any:
    """The whole answer, there already; or a generator through which an answer that was asked for passes."""
    if inspect.isgenerator(result) or inspect.isasyncgen(result):
        begun = _watch(sdk, call, result)  # now, for it may be dropped before its first step
        return (watched_async if inspect.isasyncgen(result) else watched)(result, lambda: begun)
    call.answer(result)
    return result


def held_stream(iterator: str, response: str = "response") -> Take:
    """A stream object that stays the user's: `iterator` names the attribute that its events come out of,
    `response` the one whose closing closes it."""

    def take(sdk: MethodSdk, call: Call, result: Any) -> Any:
        source = getattr(result, iterator, None)
        if source is None:
            call.answer(result)
            return result
        ours, state = watch(source, call, sdk.fail)
        call.stays_open()
        setattr(result, iterator, ours)
        state.release = replace_methods(getattr(result, response), telling(weakly(state)))
        return result

    return take


# Generators stay generators. One that is dropped is closed by the collector, so that nobody can tell the two
# apart, and its connection is closed with it: that is no stream left open.


class Standing(Protocol):
    """Who stands around the first step of a generator. A `Call` is one."""

    def attach(self) -> Any: ...
    def detach(self, token: Any) -> None: ...
    def close(self, at: int | None = None) -> None: ...


Begun = tuple[Standing, Any]
"""A call, and the iterator that it sees its events through."""


def _watch(sdk: MethodSdk, call: Call | None, source: Any) -> Begun | None:
    if call is None:
        return None
    call.stays_open()
    return call, watch(source, call, sdk.fail)[0]


def watched(source: Any, begin: Callable[[], Begun | None]) -> Iterator[Any]:
    begun = begin()
    if begun is None:
        return (yield from source)
    call, iterator = begun
    try:
        token = call.attach()  # around the first step alone, which may send the request
        try:
            event = next(iterator, begin)
        finally:
            call.detach(token)
        while event is not begin:
            yield event
            event = next(iterator, begin)
    except BaseException as error:
        if getattr(source, "gi_frame", None) is not None:  # thrown into ours by whoever wants no more
            finalize(call.close)
            source.close() if isinstance(error, GeneratorExit) else source.throw(error)
        raise
    return None


async def watched_async(source: Any, begin: Callable[[], Begun | None]) -> AsyncIterator[Any]:
    call, iterator = begin() or (None, source)
    try:
        token = None if call is None else call.attach()
        try:
            event = await anext(iterator, begin)
        finally:
            if call is not None:
                call.detach(token)
        while event is not begin:
            yield event
            event = await anext(iterator, begin)
    except BaseException as error:
        if getattr(source, "ag_frame", None) is not None:
            if call is not None:
                finalize(call.close)
            await _thrown_into(source, error)
        raise


@coroutine
def _thrown_into(source: Any, error: BaseException) -> Generator[Any, Any, None]:
    """Throw into a generator what was thrown into ours, step by step as a loop does that closes it. A loop that ends
    cancels the closing before its first step, and Pythons before 3.13 then throw twice: `await` would not pass the
    second on to the coroutines below, and half of them would never end."""
    closing = source.aclose()
    step, given = closing.throw, error
    if isinstance(error, GeneratorExit):
        step, given = closing.send, None
    while True:
        try:
            awaited = step(given)
        except (StopIteration, type(error)):
            return
        try:
            step, given = closing.send, (yield awaited)
        except GeneratorExit:
            step, given = closing.send, None
        except BaseException as other:  # noqa: BLE001 - it is the generator's to raise again
            step, given = closing.throw, other
