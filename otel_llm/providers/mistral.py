"""The mistralai SDK, and its clients for Azure and Google Cloud."""

from __future__ import annotations

import os
from typing import Any

from otel_llm.dialects.dialect import Dialect
from otel_llm.dialects.fields import code, fields
from otel_llm.dialects.mistral import CHAT, CONVERSATIONS, FIM, RESPONSES
from otel_llm.dialects.openai_embeddings import EMBEDDINGS
from otel_llm.hooks.methods import Ask, Asked, Method, MethodSdk, NativeSpans, answer, held_stream
from otel_llm.providers.servers import server_of

_streamed = held_stream("generator")


def _asks(dialect: Dialect, provider: str, *, stream: bool | None) -> Ask:
    def ask(resource: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Asked:
        url = kwargs.get("server_url") or resource.sdk_configuration.get_server_details()[0]
        streams = kwargs.get("stream") is True if stream is None else stream
        return Asked(dialect, kwargs, server_of(url, provider), streams)

    return ask


def _methods(owner: str, dialect: Dialect, provider: str, **names: bool | None) -> tuple[Method, ...]:
    """Methods and their async twins; for each name whether it streams, None where an argument says so."""
    return tuple(
        Method(owner, f"{name}{twin}", _asks(dialect, provider, stream=stream), _take(stream))
        for name, stream in names.items()
        for twin in ("", "_async")
    )


def _take(stream: bool | None) -> Any:
    return answer if stream is False else _streamed


def _modules(prefix: str, provider: str) -> dict[str, tuple[Method, ...]]:
    return {
        f"{prefix}.chat": _methods("Chat", CHAT, provider, complete=False, stream=True),
    }


def _all_modules(prefix: str) -> dict[str, tuple[Method, ...]]:
    name = "mistral_ai"
    talk = {f"{verb}{way}": bool(way) for verb in ("start", "append", "restart") for way in ("", "_stream")}
    return {
        **_modules(prefix, name),
        f"{prefix}.agents": _methods("Agents", CHAT, name, complete=False, stream=True),
        f"{prefix}.fim": _methods("Fim", FIM, name, complete=False, stream=True),
        f"{prefix}.embeddings": _methods("Embeddings", EMBEDDINGS, name, create=False),
        f"{prefix}.responses": _methods("Responses", RESPONSES, name, create=None),
        f"{prefix}.conversations": _methods("Conversations", CONVERSATIONS, name, **talk),
    }


def _code(error: BaseException) -> str | None:
    return code(fields(error).get("status_code"))


def _speaks(resource: Any) -> bool:
    """Version 1 traces by itself where there is a tracer provider, later ones where they are told to."""
    hooks = fields(resource.sdk_configuration.__dict__.get("_hooks")).get("before_request_hooks") or ()
    own = [fields(hook) for hook in hooks if type(hook).__name__ == "TracingHook"]
    return any(
        bool(hook["tracer_provider"] or hook["_telemetry_use_global_provider"])
        or os.environ.get("MISTRAL_SDK_TELEMETRY", "").lower() not in ("", "off", "false", "0")
        if "_telemetry_use_global_provider" in hook
        else bool(hook.get("tracing_enabled"))
        for hook in own
    )


SDK = MethodSdk(
    name="mistralai",
    distribution="mistralai",
    versions=">=1.5,<4",
    modules={
        **_all_modules("mistralai.client"),
        **_all_modules("mistralai"),
        **_modules("mistralai.azure.client", "azure.ai.inference"),
        **_modules("mistralai.gcp.client", "gcp.vertex_ai"),
        **_modules("mistralai_azure", "azure.ai.inference"),
        **_modules("mistralai_gcp", "gcp.vertex_ai"),
    },
    code=_code,
    optional=True,
    native=NativeSpans(
        modules=("mistralai._hooks.tracing", "mistralai.client._hooks.tracing"),
        owner="TracingHook",
        name="before_request",
        silenced=lambda hook, context, request: request,
        speaks=_speaks,
    ),
)
