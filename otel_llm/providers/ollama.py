"""The ollama SDK. All of its calls go through `_request()`, its module functions too."""

from __future__ import annotations

from typing import Any

from otel_llm.dialects.fields import code, fields
from otel_llm.dialects.ollama import CHAT, EMBED, GENERATE
from otel_llm.hooks.methods import Asked, Method, MethodSdk, answer
from otel_llm.telemetry.engine import Server

_PATHS = {"/api/chat": CHAT, "/api/generate": GENERATE, "/api/embed": EMBED, "/api/embeddings": EMBED}


def _ask(client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Asked | None:
    """`_request(cls, method, path, *, json, stream)`."""
    dialect = _PATHS.get(args[2]) if len(args) > 2 else None
    if dialect is None:
        return None
    url = client._client.base_url
    server = Server("ollama", url.host, url.port or (80 if url.scheme == "http" else 443))
    return Asked(dialect, fields(kwargs.get("json")), server, bool(kwargs.get("stream")))


def _code(error: BaseException) -> str | None:
    status = fields(error).get("status_code")
    return code(status) if isinstance(status, int) and status > 0 else None  # -1: in mid-stream


SDK = MethodSdk(
    name="ollama",
    distribution="ollama",
    versions=">=0.4,<1",
    modules={
        "ollama._client": (
            Method("Client", "_request", _ask, answer, lazy=True),
            Method("AsyncClient", "_request", _ask, answer, lazy=True),
        )
    },
    code=_code,
)
