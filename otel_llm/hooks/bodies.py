"""Watching HTTP bodies that the user reads below the SDK's parser: as bytes, text, lines or by `read()`.

All of these draw from the response's `iter_bytes` (or `aiter_bytes`), so that is where the bytes are seen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import finalize as when_collected
from weakref import ref

from otel_llm.dialects.sse import EventDecoder, decode
from otel_llm.guard import internal_error
from otel_llm.hooks.streams import Describe, Watch, replace_methods, telling, watch
from otel_llm.telemetry.call import Call
from otel_llm.telemetry.finalizers import finalize

_MOST = 64 * 1024 * 1024  # bytes of a plain body that are kept to be read at its end


def tell_body(call: Call, body: bytes) -> None:
    """Tell a call its whole body: an answer, or a stream that the SDK took for one."""
    answer = decode(body)
    call.answer(*((answer,) if answer is not None else EventDecoder().feed(body + b"\n\n")))


class BodyReader:
    """Turns the bytes of a body into what a call understands: its answer, or the chunks of its stream."""

    def __init__(
        self, call: Call, *, events: bool, read_elsewhere: Callable[[], bool] = lambda: False
    ) -> None:
        self._call = call
        self._decoder = EventDecoder() if events else None
        self._body = bytearray()
        self._read_elsewhere = read_elsewhere
        """Whether these bytes are being read by somebody who is watched already."""
        self._watch: ref[Watch] | None = None
        self.release: Callable[[], None] = lambda: None

    @property
    def ended(self) -> bool:
        return self._call.ended

    def chunk(self, event: bytes) -> Callable[[bytes], Any]:
        if self._read_elsewhere():
            return self.chunk
        if self._decoder is None:
            if len(self._body) + len(event) <= _MOST:
                self._body += event
            return self.chunk
        for decoded in self._decoder.feed(event):
            self._call.chunk(decoded)
        return self.chunk

    def complete(self) -> None:
        if self._read_elsewhere():
            return
        self.release()
        if self._decoder is None:
            tell_body(self._call, bytes(self._body))
            self._body.clear()
        else:
            for decoded in self._decoder.feed(b"\n\n"):
                self._call.chunk(decoded)
            self._call.complete()

    def close(self) -> None:
        if not self._read_elsewhere():
            self._call.close()

    def abandon(self, at: int | None = None) -> None:
        self.release()
        self._call.abandon(at)

    def fail(self, error: BaseException, code: str | None = None) -> None:
        if not self._read_elsewhere():
            self._call.fail(error, code)

    def watch(self, response: Any, fail: Describe) -> None:
        """See the bytes of an unread response as they are read, and how that ends."""

        def tapped(original: Callable[..., Any]) -> Callable[..., Any]:
            def iter_bytes(*args: Any, **kwargs: Any) -> Any:
                iterator, state = watch(original(*args, **kwargs), self, fail, owns=False)
                self._watch = ref(state)
                return iterator

            return iter_bytes

        self.release = replace_methods(
            response, {"iter_bytes": tapped, "aiter_bytes": tapped, **telling(self._closed)}
        )
        when_collected(response, _drop, self).atexit = False

    def _closed(self) -> None:
        state = self._watch and self._watch()
        if (state is not None and state.reading) or self._read_elsewhere() or self.ended:
            return
        self.release()
        try:
            if self._decoder is not None and self._decoder.done:
                self._call.complete()  # whoever reads stops at the provider's last word, before the last byte
            else:
                self._call.close()
        except Exception:  # noqa: BLE001 - ours, not the user's
            internal_error("closing a body")


def _drop(reader: BodyReader) -> None:
    if not reader.ended:
        finalize(reader.abandon)
