"""One small file per SDK, and the list of them."""

from __future__ import annotations

from otel_llm.hooks.patching import Sdk
from otel_llm.providers import ollama, openai

SDKS: tuple[Sdk, ...] = (openai.SDK, ollama.SDK)
