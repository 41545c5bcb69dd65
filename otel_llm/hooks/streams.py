"""Watching a stream from inside: the SDK's own object stays in the user's hands, only its iterator is ours.

Each event is looked at as it passes. Nothing is read ahead, changed or kept. How the stream ends is told
apart: read to its end, failed, closed by the user, or dropped.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, Protocol

from otel_llm.guard import internal_error
from otel_llm.telemetry.finalizers import finalize


class Listener(Protocol):
    """Who is told what happens to a stream. A `Call` is one."""

    @property
    def ended(self) -> bool: ...
    def chunk(self, event: Any) -> None: ...
    def complete(self) -> None: ...
    def close(self) -> None: ...
    def abandon(self) -> None: ...
    def fail(self, error: BaseException, code: str | None = None) -> None: ...


Hide = Callable[[Any], bool]
Describe = Callable[[Listener, BaseException], None]


def _nothing() -> None:
    pass


class _Watched:
    """What both kinds of iterator share: everything but the `await`."""

    __slots__ = ("__weakref__", "_describe", "_hide", "_listener", "_owns", "_source", "busy", "release")

    def __init__(
        self,
        source: Any,
        listener: Listener,
        fail: Describe,
        *,
        hide: Hide | None = None,
        owns: bool = True,
    ) -> None:
        self._source = source
        self._listener = listener
        self._describe = fail
        self._hide = hide
        self._owns = owns
        """Whether the stream is over when this iterator is dropped."""
        self.busy = False
        """Whether the SDK is reading: what it closes meanwhile is not closed by the user."""
        self.release: Callable[[], None] = _nothing
        """Undoes what was hung on the response."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def _passed(self, event: Any) -> bool:
        """Look at an event. False: it is there only because we asked for it, and not for the user."""
        try:
            self._listener.chunk(event)
            return self._hide is None or not self._hide(event)
        except Exception:  # noqa: BLE001 - ours, not the user's
            internal_error("reading a chunk")
            return True

    def _ended(self) -> None:
        try:
            self.release()
            self._listener.complete()
        except Exception:  # noqa: BLE001 - ours, not the user's
            internal_error("ending a stream")

    def _failed(self, error: BaseException) -> None:
        try:
            self.release()
            if isinstance(error, GeneratorExit):  # thrown in because nobody waits for the next event any more
                self._listener.abandon()
            else:
                self._describe(self._listener, error)
        except Exception:  # noqa: BLE001 - ours, not the user's
            internal_error("recording the failure of a stream")

    def closed(self) -> None:
        """The response under the stream was closed, by the user or by the SDK."""
        if self.busy or self._listener.ended:
            return
        self.release()
        source = self._source
        if getattr(source, "gi_running", False) or getattr(source, "ag_running", False):
            finalize(self._listener.abandon)  # only the collector wakes a generator that nobody reads
            return
        try:
            self._listener.close()
        except Exception:  # noqa: BLE001 - ours, not the user's
            internal_error("closing a stream")

    def __del__(self) -> None:
        if self._owns and not self._listener.ended:
            finalize(self._listener.abandon)


class WatchedIterator(_Watched):
    """In the place of a stream's iterator."""

    __slots__ = ()

    def __iter__(self) -> WatchedIterator:
        return self

    def __next__(self) -> Any:
        while True:
            self.busy = True
            try:
                event = self._source.__next__()
            except StopIteration:
                self._ended()
                raise
            except BaseException as error:
                self._failed(error)
                raise
            finally:
                self.busy = False
            if self._passed(event):
                return event


class WatchedAsyncIterator(_Watched):
    """In the place of an async stream's iterator. Not a generator: those run late, or never on a closed loop."""

    __slots__ = ()

    def __aiter__(self) -> WatchedAsyncIterator:
        return self

    async def __anext__(self) -> Any:
        while True:
            self.busy = True
            try:
                event = await self._source.__anext__()
            except StopAsyncIteration:
                self._ended()
                raise
            except BaseException as error:
                self._failed(error)
                raise
            finally:
                self.busy = False
            if self._passed(event):
                return event


def watch(source: Any, listener: Listener, fail: Describe, *, hide: Hide | None = None, owns: bool = True) -> _Watched:
    """The right iterator for a source: what has `__anext__` stays async, what has not stays sync."""
    kind = WatchedAsyncIterator if hasattr(source, "__anext__") else WatchedIterator
    return kind(source, listener, fail, hide=hide, owns=owns)


def weakly(watched: _Watched) -> Callable[[], None]:
    """`watched.closed`, without keeping it alive: what a response calls must not hold the stream it is part of."""
    reference = weakref.ref(watched)

    def closed() -> None:
        alive = reference()
        if alive is not None:
            alive.closed()

    return closed


def replace_methods(thing: Any, wrappers: dict[str, Callable[[Any], Any]]) -> Callable[[], None]:
    """Wrap methods of one object, those that it has; returns what takes the wrappers off again.

    What is returned keeps neither the object nor its methods alive, so that a finalizer may hold it.
    """
    replaced: dict[str, weakref.ref[Any]] = {}
    for name, wrapper in wrappers.items():
        original = getattr(thing, name, None)
        if original is not None:
            ours = wrapper(original)
            replaced[name] = weakref.ref(ours)
            setattr(thing, name, ours)
    reference = weakref.ref(thing)

    def release() -> None:
        alive = reference()
        for name, ours in replaced.items():
            if alive is not None and vars(alive).get(name, replaced) is ours():
                delattr(alive, name)
        replaced.clear()

    return release


def telling(closed: Callable[[], None]) -> dict[str, Callable[[Any], Any]]:
    """Wrappers for the closing methods of an HTTP response, which call `closed` afterwards."""
    return {
        "close": lambda original: _telling(original, closed),
        "aclose": lambda original: _telling_async(original, closed),
    }


def _telling(original: Callable[..., Any], closed: Callable[[], None]) -> Callable[..., Any]:
    def close(*args: Any, **kwargs: Any) -> Any:
        try:
            return original(*args, **kwargs)
        finally:
            closed()

    return close


def _telling_async(original: Callable[..., Any], closed: Callable[[], None]) -> Callable[..., Any]:
    async def aclose(*args: Any, **kwargs: Any) -> Any:
        try:
            return await original(*args, **kwargs)
        finally:
            closed()

    return aclose
