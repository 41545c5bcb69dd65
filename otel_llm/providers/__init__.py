"""One small file per SDK, and the list of them."""

from __future__ import annotations

from otel_llm.hooks.patching import Sdk
from otel_llm.providers import (
    anthropic,
    bedrock,
    cohere,
    fireworks,
    google_genai,
    groq,
    langchain,
    litellm,
    mistral,
    ollama,
    openai,
    together,
    vertexai,
)

SDKS: tuple[Sdk, ...] = (
    openai.SDK,
    anthropic.SDK,
    bedrock.SDK,
    cohere.SDK,
    fireworks.SDK,
    google_genai.SDK,
    groq.SDK,
    mistral.SDK,
    ollama.SDK,
    together.SDK,
    vertexai.SDK,
    langchain.SDK,
    litellm.SDK,
)
