"""Who answers behind a host, and behind the clients that the SDK makes for other clouds."""

from __future__ import annotations

from typing import Any

import openai
import pytest

from otel_llm.providers.hosts import HOSTS, provider_of
from otel_llm.providers.openai import SDK
from otel_llm.testing import Exchange, ReplayServer, Telemetry
from tests.lives.answers import MESSAGES, completion


@pytest.mark.parametrize(
    ("host", "provider"),
    [
        ("api.openai.com", "openai"),
        ("eu.api.openai.com", "openai"),
        ("res.openai.azure.com", "azure.ai.openai"),
        ("res.cognitiveservices.azure.com", "azure.ai.openai"),
        ("res.services.ai.azure.com", "azure.ai.inference"),
        ("models.inference.ai.azure.com", "azure.ai.inference"),
        ("bedrock-mantle.us-east-1.api.aws", "aws.bedrock"),
        ("bedrock-runtime.eu-west-1.amazonaws.com", "aws.bedrock"),
        ("us-central1-aiplatform.googleapis.com", "gcp.vertex_ai"),
        ("aiplatform.googleapis.com", "gcp.vertex_ai"),
        ("generativelanguage.googleapis.com", "gcp.gemini"),
        ("api.deepseek.com", "deepseek"),
        ("API.X.AI", "x_ai"),
        ("api.perplexity.ai", "perplexity"),
        ("api.groq.com.", "groq"),
        ("api.mistral.ai", "mistral_ai"),
        ("api.moonshot.ai", "moonshot_ai"),
        ("api.moonshot.cn", "moonshot_ai"),
        ("api.cohere.ai", "cohere"),
        ("api.cohere.com", "cohere"),
        ("api.anthropic.com", "anthropic"),
        ("eu-de.ml.cloud.ibm.com", "ibm.watsonx.ai"),
        ("openrouter.ai", "openrouter"),
        ("api.openrouter.ai", "openrouter"),
        ("api.together.xyz", "together_ai"),
        ("api.together.ai", "together_ai"),
        ("api-inference.together.ai", "together_ai"),
        ("api.fireworks.ai", "fireworks_ai"),
        ("api.cerebras.ai", "cerebras"),
        ("api.z.ai", "z_ai"),
        ("api.minimax.io", "minimax"),
        ("api.minimaxi.com", "minimax"),
        ("router.huggingface.co", "hugging_face"),
        ("api.novita.ai", "novita"),
        ("evil-api.openai.com.example.org", None),
        ("notapi.openai.com", None),
        ("llm.internal", None),
        ("localhost", None),
    ],
)
def test_hosts_name_their_providers(host: str, provider: str | None) -> None:
    """By whole labels, in any case; a host that only looks alike is nobody."""
    assert provider_of(host, 443) == provider


def test_ports_tell_local_servers_apart() -> None:
    """Ollama and LM Studio own theirs."""
    assert provider_of("localhost", 11434) == "ollama"
    assert provider_of("127.0.0.1", 1234) == "lm_studio"


def test_ones_own_rows_come_first() -> None:
    """With and without ports and wildcards."""
    own = (("*.gpu.corp", "vllm"), ("localhost:8000", "vllm"), ("api.openai.com", "gateway"))
    assert provider_of("a.b.gpu.corp", 443, own) == "vllm"
    assert provider_of("localhost", 8000, own) == "vllm"
    assert provider_of("localhost", 8001, own) is None
    assert provider_of("api.openai.com", 443, own) == "gateway"


def test_no_row_stands_twice() -> None:
    """A row that another hides would never be read."""
    rows = [row for row, _ in HOSTS]
    assert len(rows) == len(set(rows))


def azure(**more: Any) -> Any:
    return openai.AzureOpenAI(
        azure_endpoint="https://gateway.corp", api_key="k", api_version="2024-10-21", **more
    )


def test_an_azure_client_talks_to_azure_at_any_host() -> None:
    """Behind a gateway of one's own, and in a class of one's own; the user's rows still come first."""

    class Ours(openai.AzureOpenAI):
        pass

    ours = Ours(azure_endpoint="https://gateway.corp", api_key="k", api_version="2024-10-21")
    for client in (azure(), azure(azure_deployment="d"), azure().with_options(timeout=1), ours):
        assert SDK.provider(client, client.base_url.host, 443, ()) == "azure.ai.openai"
    assert SDK.provider(azure(), "gateway.corp", 443, (("gateway.corp", "ours"),)) == "ours"


def test_a_bedrock_client_talks_to_bedrock_at_any_host() -> None:
    """In versions of the SDK that have one."""
    if not hasattr(openai, "BedrockOpenAI"):
        pytest.skip("this version of the SDK has no such client")
    client = openai.BedrockOpenAI(aws_region="us-east-1", api_key="k", base_url="https://gateway.corp/v1")
    assert SDK.provider(client, client.base_url.host, 443, ()) == "aws.bedrock"


def test_a_plain_client_at_an_unknown_host_speaks_openais_language() -> None:
    """The conventions allow that name for whoever copies the API."""
    client = openai.OpenAI(api_key="k", base_url="https://llm.internal:8443/v1")
    assert SDK.provider(client, "llm.internal", 8443, ()) == "openai"
    assert SDK.provider(client, "llm.internal", 8443, (("llm.internal:8443", "vllm"),)) == "vllm"


@pytest.mark.settings(provider_hosts={"127.0.0.1": "vllm"})
def test_of_a_url_the_host_and_port_alone_are_told(telemetry: Telemetry, replay: ReplayServer) -> None:
    """No user, password, path or query, on spans and on metrics alike."""
    replay.answer(Exchange.json(completion()))
    host, _, port = replay.url.removeprefix("http://").partition(":")
    base_url = f"http://user:password@{host}:{port}/secret/v1?key=secret"
    client = openai.OpenAI(api_key="k", base_url=base_url, max_retries=0)
    client.chat.completions.create(model="gpt-4o", messages=MESSAGES)
    (span,) = telemetry.spans
    points = [attributes for points in telemetry.metrics().values() for attributes, _ in points]
    assert points
    for told in (dict(span.attributes), *points):
        assert (told["server.address"], told["server.port"]) == (host, int(port))
        assert told["gen_ai.provider.name"] == "vllm"
        assert not [
            value for value in told.values() if isinstance(value, str) and ("secret" in value or "@" in value)
        ]
