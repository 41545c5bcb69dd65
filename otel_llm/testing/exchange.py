"""One answer of a provider, byte for byte: what is sent, in which pieces, when, and how it may break off.

Knows how event streams are written and where their events end; knows neither sockets nor SDKs.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

SseEvent: TypeAlias = "Mapping[str, Any] | str | tuple[str, Mapping[str, Any] | str]"
"""The data of an event, as text or as an object for JSON; in a tuple, the event's name comes first."""

_FRAMING = frozenset({"content-length", "content-encoding", "transfer-encoding", "connection", "keep-alive"})
"""Headers about how the recorded bytes travelled; the replay server frames them in its own way."""
_RETRY = frozenset({"retry-after", "retry-after-ms", "x-should-retry"})
"""Headers of errors that make SDKs wait and ask again."""

_SSE_END = re.compile(rb"(?:\r\n|\n|\r(?!\n)){2,}")


class Gate:
    """Holds back the chunks of an answer until a test lets them through.

    Each `release()` lets one more chunk pass; what is released early is kept. A client that got chunk n
    while chunk n + 1 is held has provably not read ahead.
    """

    __slots__ = ("_condition", "_open", "_tickets")

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._tickets = 0
        self._open = False

    def release(self, chunks: int = 1) -> None:
        """Let so many more chunks pass."""
        with self._condition:
            self._tickets += chunks
            self._condition.notify_all()

    def open(self) -> None:
        """Let everything pass from now on."""
        with self._condition:
            self._open = True
            self._condition.notify_all()

    def wait(self, timeout: float | None = None) -> bool:
        """Pass one chunk, waiting for its release for `timeout` seconds; False if it was not released."""
        with self._condition:
            if not self._condition.wait_for(lambda: self._open or self._tickets > 0, timeout):
                return False
            if not self._open:
                self._tickets -= 1
            return True


@dataclass(frozen=True, slots=True)
class Exchange:
    """One answer: a status, headers and the body in the pieces it is written in.

    Several chunks, or a content type of streams, travel with chunked transfer encoding; a single chunk of
    anything else with its length. `dataclasses.replace` makes variants.
    """

    status: int = 200
    """The HTTP status; 0 means no answer at all: the connection is closed after `delay`."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    chunks: tuple[bytes, ...] = ()
    pauses: tuple[float, ...] | float = 0.0
    """Seconds to wait before each chunk: one number for all, or one for each (the rest do not wait)."""
    cut: bool = False
    """Close the connection after the last chunk without ending the body: clients see an incomplete read."""
    delay: float = 0.0
    """Seconds to wait before the headers."""
    gates: Gate | Sequence[Gate | threading.Event] | None = None
    """What holds back the chunks: one `Gate` for all, or one gate or event for each; one more than there
    are chunks holds back the end of the body."""

    @classmethod
    def json(
        cls,
        obj: Any,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        *,
        delay: float = 0.0,
        cut: bool = False,
    ) -> Exchange:
        """A plain answer with `obj` as its JSON body."""
        all_headers = {"content-type": "application/json", **(headers or {})}
        return cls(status, all_headers, (_compact(obj).encode(),), cut=cut, delay=delay)

    @classmethod
    def sse(
        cls,
        events: Iterable[SseEvent],
        done: bool = True,
        cut: bool = False,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        pauses: tuple[float, ...] | float = 0.0,
        delay: float = 0.0,
        gates: Gate | Sequence[Gate | threading.Event] | None = None,
    ) -> Exchange:
        """A stream of server-sent events, each its own chunk.

        `done` adds OpenAI's closing `data: [DONE]`, unless the stream is `cut`, which comes before any end.
        """
        chunks = [_sse_event(event) for event in events]
        if done and not cut:
            chunks.append(b"data: [DONE]\n\n")
        all_headers = {"content-type": "text/event-stream; charset=utf-8", **(headers or {})}
        return cls(status, all_headers, tuple(chunks), pauses, cut, delay, gates)

    @classmethod
    def recorded(cls, record: Mapping[str, Any]) -> Exchange:
        """The answer in a recorded exchange: `response` with `status`, `headers`, and `body` (text) or
        `body_base64`, and `streaming`, which says whether to split the body into its events.

        Headers about framing are left out, and those of errors that would make a client retry.
        """
        response: Mapping[str, Any] = record["response"]
        status = int(response["status"])
        unwanted = _FRAMING | _RETRY if status >= 400 else _FRAMING
        headers = {k: v for k, v in response.get("headers", {}).items() if k.lower() not in unwanted}
        encoded = response.get("body_base64")
        body = base64.b64decode(encoded) if encoded is not None else str(response.get("body") or "").encode()
        chunks = split_events(body) if record.get("streaming") else [body]
        return cls(status, headers, tuple(chunks))

    @classmethod
    def hang(cls, seconds: float) -> Exchange:
        """Accept the request and say nothing; after so many seconds the connection is closed."""
        return cls(status=0, delay=seconds)

    def cut_after(self, chunks: int) -> Exchange:
        """The same answer, broken off after so many chunks."""
        return replace(self, chunks=self.chunks[:chunks], cut=True)

    @property
    def streams(self) -> bool:
        """Whether the body travels with chunked transfer encoding."""
        return len(self.chunks) > 1 or self.cut or self.gates is not None or self._streaming_type()

    def _streaming_type(self) -> bool:
        for name, value in self.headers.items():
            if name.lower() == "content-type":
                return any(word in value.lower() for word in ("event-stream", "eventstream", "ndjson"))
        return False


def split_events(body: bytes) -> list[bytes]:
    """The body of a stream in its events: server-sent events, JSON lines or AWS event stream frames.

    What has no such parts stays whole. The pieces put together are always the body.
    """
    for split in (_split_aws_frames, _split_json_lines, _split_sse):
        if (pieces := split(body)) is not None:
            return pieces
    return [body] if body else []


def _split_aws_frames(body: bytes) -> list[bytes] | None:
    # A frame begins with its whole length as four bytes, big-endian, and is at least 16 bytes long:
    # https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html
    pieces: list[bytes] = []
    start = 0
    while start < len(body):
        end = start + int.from_bytes(body[start : start + 4], "big")
        if end < start + 16 or end > len(body):
            return None
        pieces.append(body[start:end])
        start = end
    return pieces or None


def _split_json_lines(body: bytes) -> list[bytes] | None:
    lines = body.splitlines(keepends=True)
    if len(lines) < 2 or not all(line.startswith(b"{") for line in lines if line.strip()):
        return None
    try:
        for line in lines:
            if line.strip():
                json.loads(line)
    except ValueError:
        return None
    return lines


def _split_sse(body: bytes) -> list[bytes] | None:
    if not body.lstrip().startswith((b"data:", b"event:", b"id:", b"retry:", b":")):
        return None
    pieces: list[bytes] = []
    start = 0
    for end in _SSE_END.finditer(body):
        if body[start : end.start()].strip():
            pieces.append(body[start : end.end()])
            start = end.end()
    if start < len(body):
        pieces.append(body[start:])
    return pieces


def _sse_event(event: SseEvent) -> bytes:
    name, data = event if isinstance(event, tuple) else (None, event)
    text = data if isinstance(data, str) else _compact(data)
    lines = [f"event: {name}\n"] if name else []
    lines.extend(f"data: {line}\n" for line in text.split("\n"))
    return ("".join(lines) + "\n").encode()


def _compact(obj: Any) -> str:
    return json.dumps(obj, ensure_ascii=False, separators=(",", ":"))
