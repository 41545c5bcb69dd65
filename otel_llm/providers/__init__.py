"""One small file per SDK, and the list of them."""

from __future__ import annotations

from otel_llm.hooks.patching import Sdk
from otel_llm.providers import (
    anthropic,
    cohere,
    fireworks,
    google_genai,
    groq,
    mistral,
    ollama,
    openai,
    together,
)

SDKS: tuple[Sdk, ...] = (
    openai.SDK,
    anthropic.SDK,
    groq.SDK,
    together.SDK,
    fireworks.SDK,
    mistral.SDK,
    google_genai.SDK,
    cohere.SDK,
    ollama.SDK,
)
