"""Watching streams that are objects of a library's own classes, and iterators themselves: by the methods of the class.

Python looks `__next__` up on the class, so there is no place in the object to stand in. The class of a stream is
patched when the first one of it turns up; a stream that nobody follows passes straight through.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from otel_llm.guard import internal_error
from otel_llm.hooks.patching import Patches
from otel_llm.hooks.streams import Describe, Listener, Watch

_METHODS = ("__next__", "__anext__", "close", "aclose")
_HEAP = 1 << 9  # of a class's flags: it was made by a class statement, and its methods can be replaced


class Follower(Listener, Protocol):
    """Who is told of a stream, and stands around each step of it."""

    def attach(self) -> Any: ...
    def detach(self, token: Any) -> None: ...
    def seen(self, stream: Any, event: Any) -> None: ...


class _Followed:
    """One stream that is followed; lives as long as the stream. `busy`: the library is reading right now."""

    __slots__ = ("__weakref__", "_followers", "_watches", "busy")

    def __init__(self) -> None:
        self.busy = False
        self._followers: list[Follower] = []
        """The innermost first: the one whose call made the stream. The others handed it on."""
        self._watches: list[Watch] = []

    def add(self, stream: Any, follower: Follower, describe: Describe) -> None:
        """One more who wants to know how it ends."""
        state = Watch(stream, follower, describe, owns=True)
        state.belongs_to(self)
        self._followers.append(follower)
        self._watches.append(state)

    def begin(self) -> Any:
        """The library is about to read."""
        self.busy = True
        return self._followers[0].attach()

    def end(self, tokens: Any) -> None:
        """It has read, or failed to."""
        self._followers[0].detach(tokens)
        self.busy = False

    def saw(self, stream: Any, event: Any) -> None:
        """What it gave; None at the end, when there may be more to learn from the stream."""
        try:
            if not self._followers[0].ended:
                self._followers[0].seen(stream, event)
        except Exception:  # noqa: BLE001 - ours, not the user's
            internal_error("reading a chunk")

    def tell(self, stream: Any, how: Callable[[Watch], None]) -> None:
        """It is over."""
        self.saw(stream, None)
        for state in self._watches:
            how(state)


class StreamTypes:
    """The classes that were patched, and the streams of theirs that are followed."""

    def __init__(self, patches: Patches) -> None:
        self._patches = patches
        self._patched: dict[tuple[type, str], tuple[Any, Any]] = {}
        self._retired = False
        self.followed: WeakKeyDictionary[Any, _Followed] = WeakKeyDictionary()

    def follow(self, stream: Any, follower: Follower, describe: Describe) -> bool:
        """See what a stream gives from now on, and how it ends. False if it is of a class that cannot be patched."""
        for name in _METHODS:
            owner = next((base for base in type(stream).__mro__ if name in vars(base)), None)
            if owner is not None and (owner, name) not in self._patched:
                if not owner.__flags__ & _HEAP:
                    return False
                self._patch(owner, name)
        state = self.followed.get(stream)
        if state is None:
            state = self.followed[stream] = _Followed()
        state.add(stream, follower, describe)
        return True

    def over(self, stream: Any, state: _Followed, how: Callable[[Watch], None]) -> None:
        """A stream has ended."""
        state.tell(stream, how)
        self.followed.pop(stream, None)
        if self._retired:
            self._restore()

    def _patch(self, owner: type, name: str) -> None:
        if not self._patched:
            self._patches.undo_with(self._restore)
        original = vars(owner)[name]
        replacement = _WRAPPERS[name](original, self)
        setattr(owner, name, replacement)
        self._patched[owner, name] = (original, replacement)

    def _restore(self) -> None:
        """Put the methods back, as soon as no stream needs them any more."""
        self._retired = bool(self.followed)
        if not self._retired:
            for (owner, name), (original, replacement) in self._patched.items():
                if vars(owner).get(name) is replacement:
                    setattr(owner, name, original)
            self._patched.clear()


def _next(original: Callable[..., Any], types: StreamTypes) -> Callable[..., Any]:
    @functools.wraps(original)
    def step(stream: Any) -> Any:
        state = types.followed.get(stream)
        if state is None or state.busy:
            return original(stream)
        tokens = state.begin()
        try:
            event = original(stream)
        except StopIteration:
            types.over(stream, state, Watch.completed)
            raise
        except BaseException as error:
            types.over(stream, state, functools.partial(Watch.failed, error=error))
            raise
        finally:
            state.end(tokens)
        state.saw(stream, event)
        return event

    return step


def _anext(original: Callable[..., Any], types: StreamTypes) -> Callable[..., Any]:
    @functools.wraps(original)
    async def step(stream: Any) -> Any:
        state = types.followed.get(stream)
        if state is None or state.busy:
            return await original(stream)
        tokens = state.begin()
        try:
            event = await original(stream)
        except StopAsyncIteration:
            types.over(stream, state, Watch.completed)
            raise
        except BaseException as error:
            types.over(stream, state, functools.partial(Watch.failed, error=error))
            raise
        finally:
            state.end(tokens)
        state.saw(stream, event)
        return event

    return step


def _close(original: Callable[..., Any], types: StreamTypes) -> Callable[..., Any]:
    @functools.wraps(original)
    def close(stream: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return original(stream, *args, **kwargs)
        finally:
            _closed(stream, types)

    return close


def _aclose(original: Callable[..., Any], types: StreamTypes) -> Callable[..., Any]:
    @functools.wraps(original)
    async def aclose(stream: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return await original(stream, *args, **kwargs)
        finally:
            _closed(stream, types)

    return aclose


def _closed(stream: Any, types: StreamTypes) -> None:
    state = types.followed.get(stream)
    if state is not None and not state.busy:
        types.over(stream, state, Watch.closed)


_WRAPPERS: dict[str, Callable[[Any, StreamTypes], Any]] = {
    "__next__": _next,
    "__anext__": _anext,
    "close": _close,
    "aclose": _aclose,
}
