"""The groq SDK."""

from __future__ import annotations

from otel_llm.dialects.openai_chat import ASK_FOR_USAGE, CHAT
from otel_llm.dialects.openai_embeddings import EMBEDDINGS
from otel_llm.hooks.generated import GeneratedSdk
from otel_llm.providers.servers import or_else

SDK = GeneratedSdk(
    name="groq",
    distribution="groq",
    versions=">=0.13,<2",
    module="groq._base_client",
    routes={"chat/completions": CHAT, "embeddings": EMBEDDINGS},
    provider=or_else("groq"),
    usage_option={"chat_completions": ASK_FOR_USAGE},
)
