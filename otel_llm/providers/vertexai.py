"""Vertex AI's own SDK, part of google-cloud-aiplatform. Its successor is google-genai."""

from __future__ import annotations

from typing import Any

from otel_llm.dialects.dialect import Dialect
from otel_llm.dialects.fields import Fields, code, fields
from otel_llm.dialects.gemini import EMBED
from otel_llm.dialects.vertexai import GENERATE
from otel_llm.hooks.methods import Ask, Asked, Method, MethodSdk, answer
from otel_llm.providers.servers import server_of
from otel_llm.telemetry.call import Call
from otel_llm.telemetry.engine import Server


def _asks(dialect: Dialect, *, stream: bool = False) -> Ask:
    def ask(model: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Asked:
        seen = fields(model)
        config = {
            **_plain(seen.get("_generation_config")),
            **_plain(kwargs.get("generation_config")),
            **kwargs,
            "tools": kwargs.get("tools") or seen.get("_tools"),
            "system_instruction": seen.get("_system_instruction"),
        }
        name = str(seen.get("_model_name") or seen.get("_model_id") or "").rpartition("/")[2]
        return Asked(dialect, {**config, "model": name}, _server(seen), stream)

    return ask


def _plain(config: Any) -> Fields:
    return config.to_dict() if hasattr(config, "to_dict") else fields(config)


def _server(model: Fields) -> Server:
    """Of the client, if there is one already: to ask for it would make it, and look for credentials."""
    client = model.get("_prediction_client") or model.get("_prediction_async_client")
    host = (
        getattr(getattr(client, "transport", None), "host", "")
        or f"{_location(model)}aiplatform.googleapis.com"
    )
    return server_of(host if "://" in host else f"https://{host}", "gcp.vertex_ai")


def _location(model: Fields) -> str:
    location = model.get("_location")
    return f"{location}-" if isinstance(location, str) and location != "global" else ""


def _embedded(sdk: MethodSdk, call: Call, result: Any) -> Any:
    call.answer({"embeddings": result})
    return result


def _code(error: BaseException) -> str | None:
    status = getattr(error, "code", None)
    return code(int(status)) if isinstance(status, int) else None


_EMBED = _asks(EMBED)

SDK = MethodSdk(
    name="vertexai",
    distribution="google-cloud-aiplatform",
    versions=">=1.60,<3",
    modules={
        "vertexai.generative_models._generative_models": tuple(
            Method(
                "_GenerativeModel",
                f"_generate_content{name}",
                _asks(GENERATE, stream=stream),
                answer,
                lazy=lazy,
            )
            for name, stream, lazy in (
                ("", False, False),
                ("_async", False, False),
                ("_streaming", True, True),
                ("_streaming_async", True, False),
            )
        ),
        "vertexai.language_models._language_models": (
            Method("TextEmbeddingModel", "get_embeddings", _EMBED, _embedded),
            Method("TextEmbeddingModel", "get_embeddings_async", _EMBED, _embedded),
        ),
    },
    code=_code,
)
