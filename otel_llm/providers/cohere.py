"""The cohere SDK. Its clients keep their methods from when they were made, so the raw clients below are heard."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

from otel_llm.dialects.cohere import CHAT, EMBED, GENERATE, RERANK
from otel_llm.dialects.dialect import Dialect
from otel_llm.dialects.fields import code, fields
from otel_llm.hooks.methods import Asked, Method, MethodSdk
from otel_llm.providers.servers import server_of
from otel_llm.telemetry.call import Call


def _take(sdk: MethodSdk, call: Call, result: Any) -> Any:
    """Raw clients wrap their answers."""
    call.answer(fields(result).get("_data", result))
    return result


def _embed(client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Asked | None:
    """What goes past `Client.embed()`: raw responses, and the batches of `embed_stream()`. Those of `Client.embed()`
    come from threads or tasks of its own, and only their frames tell them apart."""
    frame: FrameType | None = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
    while frame is not None and frame.f_globals.get("__name__", "").startswith("otel_llm."):
        frame = frame.f_back
    if frame is not None and frame.f_globals.get("__name__") == "cohere.base_client":
        above = frame.f_back
        if above is None or above.f_code.co_name != "embed_stream":
            return None
    return Asked(EMBED, kwargs, server_of(client._client_wrapper.get_base_url(), "cohere"))


def _method(owner: str, name: str, dialect: Dialect) -> Method:
    stream = name.endswith("_stream")

    def ask(client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Asked:
        server = server_of(client._client_wrapper.get_base_url(), "cohere")
        return Asked(dialect, kwargs, server, stream)

    return Method(owner, name, ask, _take, opens="_data" if stream else None)


def _methods(owner: str, **names: Dialect) -> tuple[Method, ...]:
    return tuple(_method(f"{twin}{owner}", name, names[name]) for twin in ("", "Async") for name in names)


SDK = MethodSdk(
    name="cohere",
    distribution="cohere",
    versions=">=5.21,<8",
    modules={
        "cohere.v2.raw_client": _methods(
            "RawV2Client", chat=CHAT, chat_stream=CHAT, embed=EMBED, rerank=RERANK
        ),
        "cohere.raw_base_client": (
            *_methods(
                "RawBaseCohere",
                chat=CHAT,
                chat_stream=CHAT,
                generate=GENERATE,
                generate_stream=GENERATE,
                rerank=RERANK,
            ),
            Method("RawBaseCohere", "embed", _embed, _take),
            Method("AsyncRawBaseCohere", "embed", _embed, _take),
        ),
        # One call of the user's, which the SDK sends in batches from threads of its own.
        "cohere.client": _methods("Client", embed=EMBED),
    },
    code=lambda error: code(fields(error).get("status_code")),
)
