"""Who answers behind a host."""

from __future__ import annotations

import pytest

from otel_llm.providers.hosts import HOSTS, provider_of


@pytest.mark.parametrize(
    ("host", "provider"),
    [
        ("api.openai.com", "openai"),
        ("eu.api.openai.com", "openai"),
        ("res.openai.azure.com", "azure.ai.openai"),
        ("res.services.ai.azure.com", "azure.ai.inference"),
        ("bedrock-mantle.us-east-1.api.aws", "aws.bedrock"),
        ("us-central1-aiplatform.googleapis.com", "gcp.vertex_ai"),
        ("aiplatform.googleapis.com", "gcp.vertex_ai"),
        ("generativelanguage.googleapis.com", "gcp.gemini"),
        ("api.deepseek.com", "deepseek"),
        ("API.X.AI", "x_ai"),
        ("api.perplexity.ai", "perplexity"),
        ("api.groq.com.", "groq"),
        ("api.mistral.ai", "mistral_ai"),
        ("api.moonshot.cn", "moonshot_ai"),
        ("openrouter.ai", "openrouter"),
        ("api.together.xyz", "together_ai"),
        ("api.fireworks.ai", "fireworks_ai"),
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
