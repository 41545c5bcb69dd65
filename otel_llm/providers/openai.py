"""The openai SDK, and everybody who is reached through it by another base URL."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from otel_llm.dialects.openai_chat import ASK_FOR_USAGE, CHAT, COMPLETIONS
from otel_llm.dialects.openai_embeddings import EMBEDDINGS
from otel_llm.dialects.openai_responses import RESPONSES
from otel_llm.hooks.generated import GeneratedSdk, Hosts
from otel_llm.providers.hosts import provider_of

# Clients of other clouds that the SDK ships: by base class, and by the name of their runtime.
_CLIENTS = {"BaseAzureClient": "azure.ai.openai", "BedrockOpenAI": "aws.bedrock"}
_RUNTIMES = {"bedrock": "aws.bedrock", "vertex": "gcp.vertex_ai"}


def _provider(client: Any, host: str, port: int, own: Hosts) -> str:
    """By host; where the host is nobody we know, by the kind of client; else `openai`.

    A server of one's own, or a gateway, speaks OpenAI's language: the conventions then allow `openai`, and
    `OTEL_LLM_PROVIDER_HOSTS` names it.
    """
    found = provider_of(host, port, own)
    if found is None and (runtime := getattr(client, "_provider_runtime", None)) is not None:
        found = _RUNTIMES.get(getattr(runtime, "name", ""))
    return found or _by_class(type(client)) or "openai"


@lru_cache(maxsize=64)
def _by_class(kind: type) -> str | None:
    return next((_CLIENTS[base.__name__] for base in kind.__mro__ if base.__name__ in _CLIENTS), None)


SDK = GeneratedSdk(
    name="openai",
    distribution="openai",
    versions=">=1.26,<4",
    module="openai._base_client",
    routes={
        "chat/completions": CHAT,
        "responses": RESPONSES,
        "responses/compact": RESPONSES,
        "completions": COMPLETIONS,
        "embeddings": EMBEDDINGS,
    },
    provider=_provider,
    usage_option={"chat_completions": ASK_FOR_USAGE, "completions": ASK_FOR_USAGE},
)
