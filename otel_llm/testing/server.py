"""A small, fast HTTP/1.1 server on a free local port: sockets, threads and keep-alive.

It knows requests and connections; what is answered is the business of its subclasses. A thread serves a
connection, all threads are daemons, nothing is logged, and a client that hangs up is no event at all.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self

_REASONS = {status.value: status.phrase for status in HTTPStatus}
_BODILESS = frozenset({204, 304})


@dataclass(frozen=True, slots=True)
class Request:
    """What a client sent: `path` with its query, `headers` with lower-case names, `body` as plain bytes."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""

    @property
    def json(self) -> Any:
        """The body read as JSON, None for an empty body; ValueError if it is not JSON."""
        return json.loads(self.body) if self.body else None


class Connection:
    """One client, while it stays: the way to read its requests and to write to it."""

    __slots__ = ("_stopping", "_stream", "closing", "socket")

    def __init__(self, client: socket.socket, stopping: threading.Event) -> None:
        self.socket = client
        self.closing = False
        """Set to True, the connection ends after the present answer."""
        self._stopping = stopping
        self._stream: IO[bytes] = client.makefile("rb")

    def read(self) -> Request | None:
        """The next request, None when the client has left; ValueError for what is not HTTP."""
        start = self._stream.readline()
        if not start:
            return None
        method, path, version = start.decode("latin-1").split()
        headers: dict[str, str] = {}
        while (line := self._stream.readline()) not in (b"\r\n", b"\n", b""):
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        connection = headers.get("connection", "").lower()
        self.closing = connection == "close" or (version == "HTTP/1.0" and connection != "keep-alive")
        if headers.get("expect", "").lower() == "100-continue":
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        if "chunked" in headers.get("transfer-encoding", "").lower():
            return Request(method, path, headers, self._read_chunked())
        length = int(headers.get("content-length", 0))
        body = self._stream.read(length) if length else b""
        return Request(method, path, headers, body) if len(body) == length else None

    def _read_chunked(self) -> bytes:
        pieces: list[bytes] = []
        while size := int(self._stream.readline().partition(b";")[0], 16):
            pieces.append(self._stream.read(size))
            self._stream.readline()
        while self._stream.readline() not in (b"\r\n", b"\n", b""):
            pass
        return b"".join(pieces)

    def send(self, data: bytes) -> None:
        """Write the bytes now; OSError when the client has left."""
        self.socket.sendall(data)

    def reply(self, status: int, headers: Mapping[str, str], body: bytes, *, head_only: bool = False) -> None:
        """A whole answer with its length, in one write."""
        framing = {} if status in _BODILESS else {"content-length": str(len(body))}
        self.send(head(status, {**headers, **framing}) + (b"" if head_only else body))

    def pause(self, seconds: float) -> None:
        """Wait; ConnectionAbortedError as soon as the server is stopped."""
        if self._stopping.wait(seconds):
            raise ConnectionAbortedError

    @property
    def stopping(self) -> bool:
        """Whether the server is being stopped, so that nobody should go on waiting."""
        return self._stopping.is_set()

    def close(self) -> None:
        """Say goodbye at once, whatever is still unsaid."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            self._stream.close()
        self.socket.close()


def head(status: int, headers: Mapping[str, str]) -> bytes:
    """The bytes of a status line and headers, the empty line included."""
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Unknown')}"]
    lines.extend(f"{name}: {value}" for name, value in headers.items())
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


class LocalServer:
    """Listens on 127.0.0.1 from `start()` to `stop()`, or inside `with`; subclasses say what is answered."""

    def __init__(self) -> None:
        self._listener: socket.socket | None = None
        self._acceptor: threading.Thread | None = None
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._connections: set[Connection] = set()

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`, without a slash at the end; RuntimeError before `start()`."""
        if self._listener is None:
            raise RuntimeError(f"{type(self).__name__} is not started: use `with` or call start()")
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def handle(self, request: Request, connection: Connection) -> None:
        """Answer one request. An OSError raised here ends the connection quietly."""
        raise NotImplementedError

    def start(self) -> Self:
        """Listen on a free port. Does nothing on a server that listens already."""
        if self._listener is None:
            self._stopping = threading.Event()
            self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
            self._acceptor = threading.Thread(
                target=self._accept,
                args=(self._listener, self._stopping),
                name="otel-llm-testing",
                daemon=True,
            )
            self._acceptor.start()
        return self

    def stop(self) -> None:
        """Close the port and every connection at once, also those in the middle of an answer."""
        listener, acceptor = self._listener, self._acceptor
        if listener is None or acceptor is None:
            return
        self._listener = self._acceptor = None
        self._stopping.set()
        # Closing a socket does not wake a thread that waits in accept() for it: one last visitor does.
        with contextlib.suppress(OSError):
            socket.create_connection(listener.getsockname(), timeout=0.2).close()
        acceptor.join(timeout=1.0)
        listener.close()
        with self._lock:
            connections, self._connections = self._connections, set()
        for connection in connections:
            # Only a shutdown here: the thread that serves the connection wakes up and closes it.
            with contextlib.suppress(OSError):
                connection.socket.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _accept(self, listener: socket.socket, stopping: threading.Event) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:  # a client gone before it was greeted, or no file descriptor left
                if stopping.wait(0.01):
                    return
                continue
            if stopping.is_set():
                client.close()
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(client, stopping)
            with self._lock:
                self._connections.add(connection)
            threading.Thread(
                target=self._serve, args=(connection,), name="otel-llm-testing-client", daemon=True
            ).start()

    def _serve(self, connection: Connection) -> None:
        try:
            while not connection.closing and (request := connection.read()) is not None:
                self.handle(request, connection)
        except OSError:
            pass  # the client hung up, or the server is being stopped
        except ValueError:
            with contextlib.suppress(OSError):
                connection.reply(400, {"connection": "close"}, b"this is not an HTTP request")
        finally:
            with self._lock:
                self._connections.discard(connection)
            connection.close()
