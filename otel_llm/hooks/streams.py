"""Watching a stream from inside: the SDK's own object stays in the user's hands, only its iterator is ours.

Each event is looked at as it passes. Nothing is read ahead, changed or kept. How the stream ends is told
apart: read to its end, failed, closed by the user, or dropped.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from otel_llm.guard import internal_error
from otel_llm.telemetry.finalizers import finalize


class Listener(Protocol):
    """Who is told what happens to a stream. A `Call` is one."""

    @property
    def ended(self) -> bool: ...
    def chunk(self, event: Any) -> Callable[[Any], None]: ...
    def complete(self) -> None: ...
    def close(self) -> None: ...
    def abandon(self, at: int | None = None) -> None: ...
    def fail(self, error: BaseException, code: str | None = None) -> None: ...


Hide = Callable[[Any], bool]
Describe = Callable[[Listener, BaseException], None]


def _nothing() -> None:
    pass


class Watch:
    """One stream being watched, and how it ends; lives exactly as long as the iterator it belongs to."""

    __slots__ = ("__weakref__", "_describe", "_iterator", "_listener", "_owns", "_source", "release")

    def __init__(self, source: Any, listener: Listener, describe: Describe, *, owns: bool) -> None:
        self._listener = listener
        self._describe = describe
        self._owns = owns
        """Whether the stream is over when its iterator is dropped."""
        self._source = _reference(source)
        self._iterator = _gone
        self.release: Callable[[], None] = _nothing
        """Undoes what was hung on the response."""

    def belongs_to(self, iterator: Any) -> None:
        """Learn which iterator the user's reading goes through."""
        self._iterator = _reference(iterator)

    @property
    def reading(self) -> bool:
        """Whether the SDK is reading right now: what it closes meanwhile is not closed by the user."""
        return _running(self._iterator())

    def completed(self) -> None:
        """The stream was read to its end."""
        self._tell(self._listener.complete)

    def failed(self, error: BaseException) -> None:
        """Reading raised."""
        if isinstance(error, GeneratorExit):  # thrown in because nobody waits for the next event any more
            self._tell(self._listener.abandon)
        else:
            self._tell(lambda: self._describe(self._listener, error))

    def closed(self) -> None:
        """The response under the stream was closed, by the user or by the SDK."""
        if self._listener.ended or self.reading:
            return
        if _running(self._source()):  # only the collector wakes a generator that nobody reads
            self.release()
            finalize(self._listener.abandon)
        else:
            self._tell(self._listener.close)

    def _tell(self, what: Callable[[], None]) -> None:
        try:
            self.release()
            what()
        except Exception:  # noqa: BLE001 - ours, not the user's
            internal_error("ending a stream")

    def __del__(self) -> None:
        if self._owns and not self._listener.ended:
            finalize(self._listener.abandon)


def watch(
    source: Any, listener: Listener, describe: Describe, *, hide: Hide | None = None, owns: bool = True
) -> tuple[Any, Watch]:
    """An iterator to put in the place of `source`, and its watch. What is async stays async.

    `describe` is called with the listener and an exception; `hide` tells events that are there only because
    we asked for them.
    """
    state = Watch(source, listener, describe, owns=owns)
    iterator: Any
    if hasattr(source, "__anext__"):
        iterator = WatchedAsyncIterator(source, listener, hide, state)
    else:
        iterator = _watched(source, listener, hide, state)
    state.belongs_to(iterator)
    return iterator, state


def _watched(source: Any, listener: Listener, hide: Hide | None, state: Watch) -> Iterator[Any]:
    # A generator, because this is the fastest that Python can put between two iterators.
    see: Callable[[Any], Any] = listener.chunk
    first = True
    try:
        for event in source:
            try:
                if first:
                    see, first = see(event), False
                else:
                    see(event)
                shown = hide is None or not hide(event)
            except Exception:  # noqa: BLE001 - ours, not the user's
                shown = True
                internal_error("reading a chunk")
            if shown:
                yield event
    except GeneratorExit:  # closed or collected: the response or the watch's own end will tell which
        raise
    except BaseException as error:
        state.failed(error)
        raise
    state.completed()


class WatchedAsyncIterator:
    """In the place of an async stream's iterator. Not a generator: those run late, or never on a closed loop."""

    __slots__ = ("__weakref__", "_first", "_hide", "_see", "_source", "_state", "busy")

    def __init__(self, source: Any, listener: Listener, hide: Hide | None, state: Watch) -> None:
        self._source = source
        self._see: Callable[[Any], Any] = listener.chunk
        self._first = True
        self._hide = hide
        self._state = state
        self.busy = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def __aiter__(self) -> WatchedAsyncIterator:
        return self

    async def __anext__(self) -> Any:
        while True:
            if self.busy:  # a second reader at the same time: the SDK refuses it, and the first one reads on
                return await self._source.__anext__()
            self.busy = True
            try:
                event = await self._source.__anext__()
            except StopAsyncIteration:
                self._state.completed()
                raise
            except BaseException as error:
                self._state.failed(error)
                raise
            finally:
                self.busy = False
            try:
                if self._first:
                    self._see, self._first = self._see(event), False
                else:
                    self._see(event)
                if self._hide is None or not self._hide(event):
                    return event
            except Exception:  # noqa: BLE001 - ours, not the user's
                internal_error("reading a chunk")
                return event


def _gone() -> Any:
    return None


def _reference(thing: Any) -> Callable[[], Any]:
    try:
        return weakref.ref(thing)
    except TypeError:
        return _gone


def _running(iterator: Any) -> bool:
    return bool(
        iterator is not None
        and (
            getattr(iterator, "gi_running", False)
            or getattr(iterator, "busy", False)
            or (not isinstance(iterator, WatchedAsyncIterator) and getattr(iterator, "ag_running", False))
        )
    )


def weakly(watched: Watch) -> Callable[[], None]:
    """`watched.closed`, without keeping it alive: what a response calls must not hold the stream it is part of."""
    reference = weakref.ref(watched)

    def closed() -> None:
        alive = reference()
        if alive is not None:
            alive.closed()

    return closed


def replace_methods(thing: Any, wrappers: dict[str, Callable[[Any], Any]]) -> Callable[[], None]:
    """Wrap methods of one object, those that it has; returns what takes the wrappers off again, and puts back
    what others had hung there before.

    What is returned keeps neither the object nor its methods alive, so that a finalizer may hold it.
    """
    replaced: dict[str, weakref.ref[Any]] = {}
    for name, wrapper in wrappers.items():
        original = getattr(thing, name, None)
        if original is not None:
            ours = wrapper(original)
            before = vars(thing).get(name)
            ours.before = getattr(before, "before", before)
            replaced[name] = weakref.ref(ours)
            setattr(thing, name, ours)
    reference = weakref.ref(thing)

    def release() -> None:
        alive = reference()
        for name, reference_to_ours in replaced.items():
            ours = reference_to_ours()
            if alive is None or ours is None or vars(alive).get(name) is not ours:
                continue
            if ours.before is None:
                delattr(alive, name)
            else:
                setattr(alive, name, ours.before)
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
