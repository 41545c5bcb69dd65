"""Listening to libraries whose calls are functions of modules, and which call themselves and SDKs to answer one.

Only the outermost call has a span: whatever is asked inside finds its frame and becomes a part of it. Such a library
may write telemetry of its own on whatever span is current. So ours is not current inside; a stand-in is, which is
the same parent to every span that is begun there and drops what is written on it.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from contextvars import Token
from dataclasses import dataclass
from types import ModuleType
from typing import Any, NamedTuple

from opentelemetry import context as context_api
from opentelemetry import trace
from opentelemetry.context import Context

from otel_llm.dialects.fields import Fields
from otel_llm.guard import internal_error
from otel_llm.hooks.methods import Asked, watched, watched_async
from otel_llm.hooks.patching import Patches, Switch
from otel_llm.hooks.streams import watch
from otel_llm.hooks.streamtypes import StreamTypes
from otel_llm.telemetry import frames
from otel_llm.telemetry.call import Call

Read = Callable[[Any, Any], Iterable[Any]]
"""From a stream (None: a whole answer) and what it gave (None: its end) what there is to learn, in the dialect's words."""


class Function(NamedTuple):
    """One function, or method, that answers."""

    name: str
    names: tuple[str, ...]
    """Its first parameters, which may be given by position."""
    kind: str
    """What the provider's `ask` knows it by."""


@dataclass(frozen=True, slots=True)
class FunctionSdk:
    """One library: where its functions are, what they are asked and what they give back."""

    name: str
    distribution: str
    versions: str
    module: str
    """The package; nothing is patched before all of it has been imported."""
    places: Mapping[str, tuple[Function, ...]]
    """By module, or `module:Class`; a function is patched in each place that holds a reference of its own."""
    ask: Callable[[str, Fields], Asked | None]
    """From the kind of a function and its arguments."""
    read: Callable[[str, Fields], Read]
    """From the same, how to learn from what comes back; one for each call, for it may remember what it has seen."""
    code: Callable[[BaseException], str | None]
    """The provider's short code for an exception, clean of anything that might quote a prompt or a key."""

    def install(self, patches: Patches) -> None:
        """Patch each place once the application has imported the package, and then the place."""
        patches.on_import(self.module, functools.partial(self._imported, _Listener(self, patches)))

    def _imported(self, listener: _Listener, package: ModuleType) -> None:
        for place, functions in self.places.items():
            patch = functools.partial(listener.patch, place, functions)
            if place == self.module:
                patch(package)
            else:
                listener.patches.on_import(place.partition(":")[0], patch)


class _Listener:
    """Stands around the functions. Sync and async differ in nothing but the `await`."""

    def __init__(self, sdk: FunctionSdk, patches: Patches) -> None:
        self._sdk = sdk
        self.patches = patches
        self._switch: Switch = patches.switch
        self._types = StreamTypes(patches)
        self._wrapped: dict[int, tuple[Any, Any]] = {}
        """By what they stand for: a function that is in two places stays the same in both."""

    def patch(self, place: str, functions: tuple[Function, ...], module: ModuleType) -> None:
        """Patch what this version has of them."""
        owner: Any = module
        if (name := place.partition(":")[2]) and (owner := getattr(module, name, None)) is None:
            return
        for function in functions:
            if function.name in vars(owner):
                self.patches.replace(owner, function.name, functools.partial(self._wrap, function))

    def _wrap(self, function: Function, original: Callable[..., Any]) -> Callable[..., Any]:
        known = self._wrapped.get(id(original))
        if known is None:
            wrap = self._async if inspect.iscoroutinefunction(original) else self._sync
            known = self._wrapped[id(original)] = (original, wrap(function, original))
        return known[1]

    def _sync(self, function: Function, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def call(*args: Any, **kwargs: Any) -> Any:
            made = self._begin(function, args, kwargs)
            if made is None:
                return original(*args, **kwargs)
            tokens = made.attach()
            try:
                result = original(*args, **kwargs)
            except BaseException as error:
                made.fail(error)
                raise
            finally:
                made.detach(tokens)
            return self._awaited(made, result) if inspect.iscoroutine(result) else self._take(made, result)

        return call

    def _async(self, function: Function, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        async def call(*args: Any, **kwargs: Any) -> Any:
            made = self._begin(function, args, kwargs)
            if made is None:
                return await original(*args, **kwargs)
            return await self._awaited(made, original(*args, **kwargs))

        return call

    async def _awaited(self, made: _Made, coroutine: Any) -> Any:
        tokens = made.attach()
        try:
            result = await coroutine
        except BaseException as error:
            made.fail(error)
            raise
        finally:
            made.detach(tokens)
        return self._take(made, result)

    def _begin(self, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Made | None:
        engine = self._switch.engine
        if engine is None or not engine.live:
            return None
        try:
            arguments = {**dict(zip(function.names, args, strict=False)), **kwargs}
            if function.names and function.names[0] == "self":
                del arguments["self"]
            asked = self._sdk.ask(function.kind, arguments)
            asked = None if asked is None else asked.wanted(engine.config, self._sdk.name)
            if asked is None:
                return None
            call = engine.begin(asked.dialect, asked.body, asked.server, stream=asked.stream)
            return None if call is None else _Made(self._sdk, call, self._sdk.read(function.kind, arguments))
        except Exception:  # noqa: BLE001 - ours, not the user's
            internal_error("beginning a call")
            return None

    def _take(self, made: _Made, result: Any) -> Any:
        try:
            if inspect.isgenerator(result) or inspect.isasyncgen(result):
                made.call.stays_open()
                begun = made, watch(result, made, _tell)[0]
                return (watched_async if inspect.isasyncgen(result) else watched)(result, lambda: begun)
            if hasattr(type(result), "__anext__") or hasattr(type(result), "__next__"):
                made.call.stays_open()
                if not self._types.follow(result, made, _tell):
                    made.close()
            else:
                made.answer(result)
        except Exception:  # noqa: BLE001 - ours, not the user's
            internal_error("reading an answer")
            made.call.close()  # a span that tells little is better than one that never ends
        return result


Tokens = tuple[Token[Context], Token["frames.Slot | None"]]


class _Made:
    """One call, with how to learn from what comes back. A listener of its stream, if there is one."""

    __slots__ = ("_read", "_sdk", "call")

    def __init__(self, sdk: FunctionSdk, call: Call, read: Read) -> None:
        self._sdk = sdk
        self.call = call
        self._read = read

    # Around the library's code, in one frame.

    def attach(self) -> Tokens | None:
        """Let what is done now be done for this call, and what begins a span have ours as the parent."""
        try:
            span = trace.get_current_span(self.call.context).get_span_context()
            context = trace.set_span_in_context(trace.NonRecordingSpan(span))
            return context_api.attach(context), frames.enter_until(self.call, context)
        except Exception:  # noqa: BLE001 - ours, not the user's
            internal_error("making a call current")
            return None

    def detach(self, token: Tokens | None) -> None:
        """Make current again what was."""
        if token is not None:
            frames.leave(token[1])
            self.call.detach(token[0])

    # What may happen.

    @property
    def ended(self) -> bool:
        return self.call.ended

    def answer(self, result: Any) -> None:
        """The whole answer."""
        for found in self._read(None, result):
            self.call.note(found)
        self.call.complete()

    def seen(self, stream: Any, event: Any) -> None:
        """What a stream gave; None at its end."""
        for found in self._read(stream, event):
            self.call.chunk(found)

    def chunk(self, event: Any) -> Callable[[Any], Any]:
        """What a generator gave."""
        self.seen(None, event)
        return self.chunk

    def complete(self) -> None:
        self.call.complete()

    def close(self, at: int | None = None) -> None:
        self.call.close(at)

    def abandon(self, at: int | None = None) -> None:
        self.call.abandon(at)

    def fail(self, error: BaseException, code: str | None = None) -> None:
        """With the library's short code."""
        try:
            self.call.fail(error, code or self._sdk.code(error))
        except Exception:  # noqa: BLE001 - ours, not the user's
            internal_error("recording a failure")


def _tell(listener: Any, error: BaseException) -> None:
    listener.fail(error)
