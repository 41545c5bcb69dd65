"""A provider that answers as it is told: behind the real SDK, prepared or recorded bytes.

    with ReplayServer(Exchange.json({...})) as replay:
        client = openai.OpenAI(base_url=replay.url + "/v1", api_key="-")

Knows HTTP answers; knows nothing of any provider's API.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TypeAlias

from otel_llm.testing.exchange import Exchange, Gate, SseEvent
from otel_llm.testing.server import Connection, LocalServer, Request, head

__all__ = ["Answer", "Exchange", "Gate", "ReplayServer", "Request", "SseEvent"]

Answer: TypeAlias = "Exchange | Sequence[Exchange] | Callable[[Request], Exchange]"
"""Always the same, one after the other (the last one stays), or worked out from the request."""

_GATE_POLL = 0.05
"""Seconds between two looks at whether the server is being stopped, while a gate is shut."""


class _Turns:
    """Whose turn it is, in a list of answers."""

    __slots__ = ("_answer", "_lock", "_served")

    def __init__(self, answer: Answer) -> None:
        if not answer:
            raise ValueError("an empty list answers nothing")
        self._answer = answer
        self._lock = threading.Lock()
        self._served = 0

    def take(self, request: Request) -> Exchange:
        answer = self._answer
        if isinstance(answer, Exchange):
            return answer
        if callable(answer):
            return answer(request)
        with self._lock:
            exchange = answer[min(self._served, len(answer) - 1)]
            self._served += 1
        return exchange


class ReplayServer(LocalServer):
    """A local HTTP server that answers each request with an `Exchange`.

    Used with `with`, or with `start()` and `stop()`. Requests are kept in `requests`, oldest first, unless
    `record` is False (for long runs). A request that nothing was prepared for gets a 404 that says so.
    """

    def __init__(self, answers: Answer | None = None, *, record: bool = True) -> None:
        super().__init__()
        self.requests: list[Request] = []
        self._record = record
        self._arrival = threading.Condition()
        self._rules: dict[tuple[str, str], _Turns] = {}
        if answers is not None:
            self.answer(answers)

    def answer(self, answer: Answer, path: str | None = None, method: str | None = None) -> None:
        """Set what is answered: to everything, or to paths (without query) ending in `path`, or to a method.

        A list is served one a request, and its last one repeats. A function gets the `Request`; if it raises,
        the client sees a 500 that names the error. The longest matching path wins, and the newest setting of
        the same path and method. ValueError for an empty list.
        """
        self._rules[path or "", (method or "").upper()] = _Turns(answer)

    def reset(self) -> None:
        """Forget all answers and requests. The server goes on listening on the same port."""
        self._rules = {}
        self.requests.clear()

    def wait_for(self, requests: int, timeout: float = 10.0) -> None:
        """Wait until so many requests have arrived, answered or not; TimeoutError after `timeout` seconds."""
        with self._arrival:
            if not self._arrival.wait_for(lambda: len(self.requests) >= requests, timeout):
                raise TimeoutError(f"waited {timeout} s for {requests} requests, got {len(self.requests)}")

    def handle(self, request: Request, connection: Connection) -> None:
        """Answer one request with what was set for it."""
        if self._record:
            with self._arrival:
                self.requests.append(request)
                self._arrival.notify_all()
        exchange = self._choose(request)
        if exchange.delay:
            connection.pause(exchange.delay)
        if exchange.status == 0:
            connection.closing = True
        elif exchange.streams:
            _write_stream(exchange, request, connection)
        else:
            if exchange.pauses and exchange.chunks:
                connection.pause(_pause_before(exchange, 0))
            connection.reply(
                exchange.status,
                exchange.headers,
                b"".join(exchange.chunks),
                head_only=request.method == "HEAD",
            )

    def _choose(self, request: Request) -> Exchange:
        path = request.path.partition("?")[0]
        matching = [
            (len(suffix), method, turns)
            for (suffix, method), turns in self._rules.items()
            if path.endswith(suffix) and method in ("", request.method)
        ]
        if not matching:
            return _problem(404, f"no answer was set for {request.method} {path}")
        try:
            return max(matching, key=lambda rule: rule[:2])[2].take(request)
        except Exception as error:  # noqa: BLE001 - the test's own function: it shows in the answer
            return _problem(500, f"the answer to {request.method} {path} raised {error!r}")


def _problem(status: int, message: str) -> Exchange:
    body = {"error": {"type": "replay_server", "message": f"replay server: {message}"}}
    return Exchange.json(body, status, {"x-should-retry": "false"})


def _pause_before(exchange: Exchange, index: int) -> float:
    pauses = exchange.pauses
    if isinstance(pauses, tuple):
        return pauses[index] if index < len(pauses) else 0.0
    return pauses


def _wait_at_gate(exchange: Exchange, index: int, connection: Connection) -> None:
    gates = exchange.gates
    if gates is None or (isinstance(gates, Gate) and index == len(exchange.chunks)):
        return
    gate = gates if isinstance(gates, Gate) else gates[index] if index < len(gates) else None
    while gate is not None and not gate.wait(_GATE_POLL):
        if connection.stopping:
            raise ConnectionAbortedError


def _write_stream(exchange: Exchange, request: Request, connection: Connection) -> None:
    connection.send(head(exchange.status, {**exchange.headers, "transfer-encoding": "chunked"}))
    if request.method == "HEAD":
        return
    for index, chunk in enumerate(exchange.chunks):
        if exchange.pauses and (seconds := _pause_before(exchange, index)):
            connection.pause(seconds)
        if exchange.gates is not None:
            _wait_at_gate(exchange, index, connection)
        if chunk:  # an empty chunk would mean the end of the body
            connection.send(b"%x\r\n%b\r\n" % (len(chunk), chunk))
    _wait_at_gate(exchange, len(exchange.chunks), connection)
    if exchange.cut:
        connection.closing = True
    else:
        connection.send(b"0\r\n\r\n")
