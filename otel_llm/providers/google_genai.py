"""The google-genai SDK, for the Gemini API and for Vertex AI.

Heard below its loops, where each method sends one request: automatic function calling, chats and continuations
make several of one call of the user's.
"""

from __future__ import annotations

from typing import Any

from otel_llm.dialects.dialect import Dialect
from otel_llm.dialects.fields import code, fields
from otel_llm.dialects.gemini import EMBED, GENERATE
from otel_llm.dialects.gemini_interactions import INTERACTIONS
from otel_llm.hooks.generated import GeneratedSdk
from otel_llm.hooks.methods import Ask, Asked, Method, MethodSdk, answer, held_stream
from otel_llm.hooks.results import take_result
from otel_llm.providers.servers import or_else, server_of
from otel_llm.telemetry.call import Call


def model_name(name: Any) -> Any:
    """The model alone, out of the path that it may be given as; endpoints of one's own stay whole."""
    if not isinstance(name, str):
        return name
    return name.rpartition("models/")[2].removeprefix("google/")


def _asks(dialect: Dialect, *, stream: bool) -> Ask:
    def ask(models: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Asked:
        config, client = fields(kwargs.get("config")), models._api_client
        own = fields(config.get("http_options") or config.get("httpOptions"))
        url = own.get("base_url") or own.get("baseUrl") or client._http_options.base_url
        server = server_of(url, "gcp.vertex_ai" if client.vertexai else "gcp.gemini")
        body = {**config, **kwargs, "model": model_name(kwargs.get("model"))}
        return Asked(dialect, body, server, stream)

    return ask


def _interact(interactions: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Asked:
    inner = fields(kwargs.get("request"))
    body = {**kwargs, **fields(inner.get("body", inner))}
    body["model"] = model_name(body.get("model"))
    server = server_of(interactions.sdk_configuration.get_server_details()[0], "gcp.gemini")
    return Asked(INTERACTIONS, body, server, bool(body.get("stream")))


_streamed = held_stream("generator")


def _take(sdk: MethodSdk, call: Call, result: Any) -> Any:
    """An interaction, its stream, or the raw response of either, whose body is still to be read."""
    if "http_response" in (seen := fields(result)):
        return take_result(call, result, None, stream=seen.get("_mode") == "event_stream")
    return _streamed(sdk, call, result)


_PLAIN, _STREAM = (_asks(GENERATE, stream=stream) for stream in (False, True))


def _code(error: BaseException) -> str | None:
    seen = fields(error)
    return code(seen.get("status"), seen.get("code"), seen.get("status_code"))


_METHODS = MethodSdk(
    name="google-genai",
    distribution="google-genai",
    versions=">=1.0,<4",
    modules={
        "google.genai.models": tuple(
            method
            for owner in ("Models", "AsyncModels")
            for method in (
                Method(owner, "_generate_content", _PLAIN, answer),
                # A generator for one, a coroutine that sends and returns a generator for the other.
                Method(owner, "_generate_content_stream", _STREAM, answer, lazy=owner == "Models"),
                Method(owner, "_embed_content", _asks(EMBED, stream=False), answer),
            )
        ),
        "google.genai._gaos.interactions": (
            Method("Interactions", "create", _interact, _take),
            Method("AsyncInteractions", "create", _interact, _take),
        ),
    },
    code=_code,
)

# Its interactions of version 1 have a generated client below.
SDK = GeneratedSdk(
    name="google-genai",
    distribution="google-genai",
    versions=">=1.0,<4",
    module="google.genai._interactions._base_client",
    routes={"interactions": INTERACTIONS},
    provider=or_else("gcp.gemini"),
    usage_option={},
    older=_METHODS,
)
