"""Watching the bodies of Amazon's SDKs as the user reads them, in whichever of many ways.

Their classes are patched, and what is watched carries a mark: a method put on the object itself would either keep
it alive for ever or, taken off it to be called when it is gone, have nothing left to read.
Seen in botocore 1.37 to 1.43 and aiobotocore 3.0 to 3.10.
"""

from __future__ import annotations

import functools
import inspect
import weakref
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from otel_llm.dialects.sse import decode
from otel_llm.guard import internal_error
from otel_llm.hooks.patching import Patches
from otel_llm.hooks.streams import Describe, replace_methods
from otel_llm.telemetry.call import Call
from otel_llm.telemetry.finalizers import finalize

_MOST = 64 * 1024 * 1024  # bytes of a body that are kept to be read at its end
_MARK = "_self_otel_llm"  # so named it stays on the body where that is a proxy of wrapt's


class Body:
    """The body of an invoked model, as the user reads it; at its end it is the answer."""

    def __init__(self, call: Call, body: Any, headers: Any, describe: Describe) -> None:
        self._call, self._headers, self._describe, self._bytes = call, headers, describe, bytearray()
        length = headers.get("content-length")
        self._left = int(length) if str(length).isdecimal() else None
        self._reading = False
        self._release: Callable[[], None] = lambda: None
        setattr(body, _MARK, self)
        weakref.finalize(body, self._drop).atexit = False
        call.stays_open()

    def begins(self) -> None:
        """The user has called a method that reads: what that does below is no reading of its own."""
        self._reading = True

    def saw(self, data: bytes, *, last: bool) -> None:
        """What was read, and whether that was all there is."""
        self._reading = False
        if len(self._bytes) + len(data) <= _MOST:
            self._bytes += data
        if self._left is not None:
            self._left -= len(data)
        if last or self._left == 0:
            self.ended()

    def failed(self, error: BaseException) -> None:
        """Reading raised."""
        self._reading = False
        self._describe(self._call, error)

    def ended(self, at: int | None = None) -> None:
        """With what was read; the headers have figures of their own."""
        del at
        self._release()
        if not self._call.ended:
            body, self._bytes = decode(bytes(self._bytes)), bytearray()
            self._call.answer({"headers": self._headers, "body": body})

    def opened(self, raw: Any) -> None:
        """`with` hands out what is below the body, to be read instead of it until the end of the block."""

        def tapped(original: Callable[..., Any]) -> Callable[..., Any]:
            seen = _seen_in_pieces if original.__name__ == "read_chunked" else _seen
            return seen(original, self)

        self._release = replace_methods(raw, dict.fromkeys(("read", "read1", "read_chunked"), tapped))

    @property
    def reading(self) -> bool:
        """Whether what is read below is read for the body."""
        return self._reading

    def _drop(self) -> None:
        if not self._call.ended:
            finalize(self.ended)


def _seen(original: Callable[..., Any], watched: Body) -> Callable[..., Any]:
    def read(*args: Any, **kwargs: Any) -> Any:
        if watched.reading:
            return original(*args, **kwargs)
        return _look(watched, _read, args, kwargs, lambda: original(*args, **kwargs))

    return read


def _seen_in_pieces(original: Callable[..., Any], watched: Body) -> Callable[..., Iterator[bytes]]:
    def read_chunked(*args: Any, **kwargs: Any) -> Iterator[bytes]:
        pieces = original(*args, **kwargs)
        if watched.reading:
            return (yield from pieces)
        while (piece := _look(watched, _piece, args, kwargs, lambda: next(pieces, None))) is not None:
            yield piece
        return None

    return read_chunked


# What each method says about the body, from its result and its arguments.

Note = Callable[[Body, Any, tuple[Any, ...], dict[str, Any]], None]


def _read(watched: Body, data: bytes, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    most = args[0] if args else kwargs.get("amt")
    watched.saw(data, last=most is None or most < 0 or (not data and most != 0))


def _piece(watched: Body, data: bytes | None, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    watched.saw(data or b"", last=data is None)


def _readinto(watched: Body, size: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    buffer = memoryview(args[0] if args else kwargs["b"])
    watched.saw(bytes(buffer[:size]), last=not size and len(buffer) > 0)


def _readlines(watched: Body, lines: list[bytes], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    watched.saw(b"".join(lines), last=True)


def _enter(watched: Body, raw: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    watched.saw(b"", last=False)
    watched.opened(raw)


def _close(watched: Body, result: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    watched.ended()


_NOTES: dict[str, Note] = {
    "read": _read,
    "readinto": _readinto,
    "readlines": _readlines,
    "__enter__": _enter,
    "__exit__": _close,
    "close": _close,
    "aclose": _close,
}


def install(patches: Patches, module: ModuleType) -> None:
    """Patch the classes of bodies that a module has."""
    for kind in {id(kind): kind for kind in vars(module).values() if inspect.isclass(kind)}.values():
        if kind.__module__ == module.__name__ and "read" in vars(kind):
            for name, note in _NOTES.items():
                own = vars(kind).get(name)
                if own is not None and not (name == "readlines" and inspect.iscoroutinefunction(own)):
                    patches.replace(kind, name, functools.partial(_wrap, note))


def _wrap(note: Note, original: Callable[..., Any]) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(original):

        @functools.wraps(original)
        async def later(body: Any, *args: Any, **kwargs: Any) -> Any:
            watched: Body | None = getattr(body, _MARK, None)
            if watched is None:
                return await original(body, *args, **kwargs)
            try:
                result = await original(body, *args, **kwargs)
            except BaseException as error:
                watched.failed(error)
                raise
            _tell(watched, note, result, args, kwargs)
            return result

        return later

    @functools.wraps(original)
    def now(body: Any, *args: Any, **kwargs: Any) -> Any:
        watched: Body | None = getattr(body, _MARK, None)
        if watched is None:
            return original(body, *args, **kwargs)
        watched.begins()
        return _look(watched, note, args, kwargs, lambda: original(body, *args, **kwargs))

    return now


def _look(
    watched: Body, note: Note, args: tuple[Any, ...], kwargs: dict[str, Any], step: Callable[[], Any]
) -> Any:
    try:
        result = step()
    except BaseException as error:
        watched.failed(error)
        raise
    _tell(watched, note, result, args, kwargs)
    return result


def _tell(watched: Body, note: Note, result: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    try:
        note(watched, result, args, kwargs)
    except Exception:  # noqa: BLE001 - ours, not the user's
        internal_error("reading a body")
