"""Server-sent events out of the bytes of a body, for streams that are read below the SDK's own decoder.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

_MOST = 8 * 1024 * 1024  # bytes of one event that are kept; what is longer is passed over


class EventDecoder:
    """Feed it the chunks of a body as they come; it gives the JSON of each whole event."""

    __slots__ = ("_data", "_rest", "_size", "done")

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []
        self._size = 0
        self.done = False
        """Whether the provider said that this was all."""

    def feed(self, chunk: bytes) -> Iterator[Any]:
        """The events that this chunk completes. What is not JSON, like `[DONE]`, is left out."""
        lines = (self._rest + chunk).splitlines(keepends=True)
        # A lone "\\r" at the end may be half of "\\r\\n".
        self._rest = lines.pop() if lines and not lines[-1].endswith(b"\n") else b""
        for line in lines:
            yield from self._line(line.rstrip(b"\r\n"))
        if len(self._rest) > _MOST:
            self._rest = b""

    def _line(self, line: bytes) -> Iterator[Any]:
        if line.startswith(b"data:"):
            self._size += len(line)
            if self._size <= _MOST:
                self._data.append(line[5:].strip())
        elif not line and self._data:
            data, self._data, self._size = b"\n".join(self._data), [], 0
            self.done = self.done or data == b"[DONE]"
            event = decode(data)
            if event is not None:
                yield event


def decode(data: bytes) -> Any:
    """JSON, or None for what is none."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None
