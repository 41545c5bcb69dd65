"""A real OTLP receiver on a local port, for tests that want to see what left the process.

    with Receiver() as receiver:
        ...  # export to receiver.endpoint
        receiver.wait_for(spans=1)

Knows the OTLP transports (HTTP with protobuf, and gRPC on demand); what the messages mean is in `received`.
"""

from __future__ import annotations

import importlib
import threading
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeAlias

from google.protobuf.message import DecodeError

from otel_llm.testing.received import (
    ReceivedLog,
    ReceivedMetric,
    ReceivedSpan,
    decode_logs,
    decode_metrics,
    decode_spans,
)
from otel_llm.testing.server import Connection, LocalServer, Request

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Receiver"]

OnSpans: TypeAlias = "Callable[[list[ReceivedSpan]], object]"

_SERVICES = {
    "traces": "opentelemetry.proto.collector.trace.v1.TraceService",
    "metrics": "opentelemetry.proto.collector.metrics.v1.MetricsService",
    "logs": "opentelemetry.proto.collector.logs.v1.LogsService",
}
_GRPC_CODES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "UNIMPLEMENTED",
    429: "UNAVAILABLE",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "UNAVAILABLE",
}
"""What gRPC says instead: https://opentelemetry.io/docs/specs/otlp/#failures; anything else is INTERNAL."""
_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32


class Receiver(LocalServer):
    """Takes what OTLP exporters send, over HTTP (`/v1/traces`, `/v1/metrics`, `/v1/logs`, protobuf, plain or
    gzip) and with `grpc=True` over gRPC too (needs grpcio).

    Used with `with`, or with `start()` and `stop()`. `on_spans` is called with the spans of each export, in a
    thread of the receiver, after they were stored.
    """

    def __init__(self, *, grpc: bool = False, on_spans: OnSpans | None = None) -> None:
        super().__init__()
        self.spans: list[ReceivedSpan] = []
        self.metrics: list[ReceivedMetric] = []
        self.logs: list[ReceivedLog] = []
        self.requests: list[Request] = []
        """Every export as it came, refused ones too: the path, headers (metadata for gRPC) and plain body."""
        self.fail_with: int | None = None
        """An HTTP status to refuse every export with, as long as it is set; gRPC gets its counterpart."""
        self.on_spans = on_spans
        self._news = threading.Condition()
        self._grpc_wanted = grpc
        self._grpc: _GrpcPort | None = None

    @property
    def endpoint(self) -> str:
        """The base for OTLP over HTTP, as in `OTEL_EXPORTER_OTLP_ENDPOINT`: without `/v1/...`."""
        return self.url

    @property
    def grpc_endpoint(self) -> str:
        """`http://127.0.0.1:PORT` for OTLP over gRPC, unencrypted; RuntimeError if it does not listen."""
        if self._grpc is None:
            raise RuntimeError("no gRPC here: use Receiver(grpc=True), started")
        return f"http://127.0.0.1:{self._grpc.port}"

    @property
    def raw(self) -> list[bytes]:
        """The body of every export, uncompressed, to be searched for what must not leave the process."""
        return [request.body for request in list(self.requests)]

    def start(self) -> Self:
        """Listen on free ports. ImportError if gRPC is wanted and grpcio is missing."""
        if self._grpc_wanted and self._grpc is None:
            self._grpc = _GrpcPort(self._accept_export)
        return super().start()

    def stop(self) -> None:
        """Close all ports and connections; what was received stays."""
        if self._grpc is not None:
            self._grpc.stop()
            self._grpc = None
        super().stop()

    def clear(self) -> None:
        """Forget everything received so far."""
        with self._news:
            for received in (self.spans, self.metrics, self.logs, self.requests):
                received.clear()

    def wait_for(
        self, *, spans: int = 0, metrics: int = 0, logs: int = 0, requests: int = 0, timeout: float = 10.0
    ) -> None:
        """Wait until at least so many have arrived since the start or `clear()`.

        TimeoutError with the numbers seen if they have not after `timeout` seconds. Each export of a metric
        counts; `requests` counts refused exports too.
        """

        def seen() -> tuple[int, ...]:
            return len(self.spans), len(self.metrics), len(self.logs), len(self.requests)

        wanted = (spans, metrics, logs, requests)
        with self._news:
            if not self._news.wait_for(
                lambda: all(s >= w for s, w in zip(seen(), wanted, strict=True)), timeout
            ):
                raise TimeoutError(
                    f"waited {timeout} s for (spans, metrics, logs, requests) = {wanted}, got {seen()}"
                )

    def handle(self, request: Request, connection: Connection) -> None:
        """Answer one export over HTTP."""
        signal = request.path.partition("?")[0].rpartition("/v1/")[2]
        if signal not in _SERVICES or request.method != "POST":
            connection.reply(404, {"content-type": "text/plain"}, b"not an OTLP path")
            return
        body = request.body
        if request.headers.get("content-encoding", "identity") != "identity":
            try:
                body = zlib.decompress(body, _GZIP_OR_ZLIB)
            except zlib.error:
                connection.reply(400, {"content-type": "text/plain"}, b"not compressed as it says")
                return
        status = self._accept_export(signal, Request(request.method, request.path, request.headers, body))
        connection.reply(status, {"content-type": "application/x-protobuf"}, b"")

    def _accept_export(self, signal: str, request: Request) -> int:
        """Store an export; the HTTP status to answer with."""
        status = self.fail_with or 200
        spans: list[ReceivedSpan] = []
        with self._news:
            self.requests.append(request)
            if status == 200:
                try:
                    spans = self._store(signal, request.body)
                except DecodeError:
                    status = 400
            self._news.notify_all()
        if spans and self.on_spans is not None:
            self.on_spans(spans)
        return status

    def _store(self, signal: str, body: bytes) -> list[ReceivedSpan]:
        if signal == "metrics":
            self.metrics.extend(decode_metrics(body))
        elif signal == "logs":
            self.logs.extend(decode_logs(body))
        else:
            spans = decode_spans(body)
            self.spans.extend(spans)
            return spans
        return []


class _GrpcPort:
    """The three OTLP services on a free gRPC port. Messages pass as bytes, so one decoder serves all."""

    def __init__(self, accept: Callable[[str, Request], int]) -> None:
        self._grpc: Any = importlib.import_module("grpc")  # untyped, and needed by few
        self._accept = accept
        self._server = self._grpc.server(
            ThreadPoolExecutor(8, thread_name_prefix="otel-llm-testing-grpc"),
            options=[("grpc.max_receive_message_length", -1)],
        )
        for signal, service in _SERVICES.items():
            method = self._grpc.unary_unary_rpc_method_handler(self._exporter(signal, f"/{service}/Export"))
            handler = self._grpc.method_handlers_generic_handler(service, {"Export": method})
            self._server.add_generic_rpc_handlers((handler,))
        self.port: int = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def stop(self) -> None:
        self._server.stop(grace=None).wait()

    def _exporter(self, signal: str, path: str) -> Callable[[bytes, Any], bytes]:
        def export(body: bytes, context: Any) -> bytes:
            headers = {key: str(value) for key, value in context.invocation_metadata()}
            status = self._accept(signal, Request("POST", path, headers, body))
            if status != 200:
                code = _GRPC_CODES.get(status, "INTERNAL")
                context.abort(getattr(self._grpc.StatusCode, code), f"refused with {status}")
            return b""

        return export
