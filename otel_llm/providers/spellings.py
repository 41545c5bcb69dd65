"""Providers as frameworks spell them, where that is not the conventions' word. Data only."""

from __future__ import annotations

_SPELLINGS = {
    "amazon_bedrock": "aws.bedrock",
    "anthropic_bedrock": "aws.bedrock",
    "azure": "azure.ai.openai",
    "azure_ai": "azure.ai.inference",
    "azure_text": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "bedrock_converse": "aws.bedrock",
    "bedrock_mantle": "aws.bedrock",
    "codestral": "mistral_ai",
    "cohere_chat": "cohere",
    "dashscope": "alibaba_cloud",
    "fireworks": "fireworks_ai",
    "gemini": "gcp.gemini",
    "github_models": "github",
    "google_anthropic_vertex": "gcp.vertex_ai",
    "google_genai": "gcp.gemini",
    "google_vertexai": "gcp.vertex_ai",
    "huggingface": "hugging_face",
    "mistral": "mistral_ai",
    "mistralai": "mistral_ai",
    "moonshot": "moonshot_ai",
    "nvidia_nim": "nvidia",
    "ollama_chat": "ollama",
    "text-completion-codestral": "mistral_ai",
    "text-completion-openai": "openai",
    "together": "together_ai",
    "vercel_ai_gateway": "vercel",
    "vertex_ai": "gcp.vertex_ai",
    "vertexai": "gcp.vertex_ai",
    "voyage": "voyage_ai",
    "watsonx": "ibm.watsonx.ai",
    "watsonx_text": "ibm.watsonx.ai",
    "xai": "x_ai",
    "zai": "z_ai",
}


def spelled(provider: str) -> str:
    """The conventions' word for a provider, or the one given. Vertex AI has many: `vertex_ai-anthropic_models`."""
    return _SPELLINGS.get(provider) or ("gcp.vertex_ai" if provider.startswith("vertex_ai") else provider)
