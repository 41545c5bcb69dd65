"""One small file per SDK, and the list of them."""

from __future__ import annotations

from otel_llm.hooks.generated import GeneratedSdk
from otel_llm.providers import openai

SDKS: tuple[GeneratedSdk, ...] = (openai.SDK,)
