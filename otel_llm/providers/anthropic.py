"""The anthropic SDK, with its clients for other clouds."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from otel_llm.config import provider_among
from otel_llm.dialects.anthropic_messages import COMPLETE, MESSAGES
from otel_llm.hooks.generated import GeneratedSdk, Hosts
from otel_llm.providers.hosts import provider_of

# Behind the marketplaces of Microsoft, Google and Amazon it is Anthropic that answers.
_CLIENTS = {
    "BaseBedrockClient": "aws.bedrock",
    "BaseMantleClient": "aws.bedrock",
    "BaseVertexClient": "gcp.vertex_ai",
    "BaseFoundryClient": "anthropic",
    "BaseGoogleCloudClient": "anthropic",
    "AnthropicAWS": "anthropic",
    "AsyncAnthropicAWS": "anthropic",
}


def _provider(client: Any, host: str, port: int, own: Hosts) -> str:
    chosen = provider_among(own, host, port)
    return chosen or _by_class(type(client)) or provider_of(host, port) or "anthropic"


@lru_cache(maxsize=64)
def _by_class(kind: type) -> str | None:
    return next((_CLIENTS[base.__name__] for base in kind.__mro__ if base.__name__ in _CLIENTS), None)


SDK = GeneratedSdk(
    name="anthropic",
    distribution="anthropic",
    versions=">=0.49,<3",
    module="anthropic._base_client",
    routes={"messages": MESSAGES, "complete": COMPLETE},
    provider=_provider,
    usage_option={},
    native_tracer="_tracer",
)
