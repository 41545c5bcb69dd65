"""The fireworks-ai SDK: generated since 1.0, written by hand before."""

from __future__ import annotations

import sys
from typing import Any

from otel_llm.dialects.anthropic_messages import MESSAGES
from otel_llm.dialects.fields import fields
from otel_llm.dialects.openai_chat import ASK_FOR_USAGE, CHAT, COMPLETIONS
from otel_llm.dialects.openai_embeddings import EMBEDDINGS
from otel_llm.hooks.generated import GeneratedSdk
from otel_llm.hooks.methods import Ask, Asked, Method, MethodSdk, answer
from otel_llm.providers.servers import or_else, server_of

_DIALECTS = {"chat/completions": CHAT, "completions": COMPLETIONS, "embeddings": EMBEDDINGS}


def _asks(*, stream: bool) -> Ask:
    def ask(kind: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Asked | None:
        """`(cls, model, request_timeout, client, extra_headers, **body)`."""
        dialect = _DIALECTS.get(kind.endpoint)
        if dialect is None:
            return None
        client = kwargs.get("client") or sys.modules["fireworks.client"]
        body = {**kwargs, "model": args[0] if args else kwargs.get("model")}
        return Asked(dialect, body, server_of(fields(client).get("base_url"), "fireworks_ai"), stream)

    return ask


_PLAIN, _STREAM = _asks(stream=False), _asks(stream=True)

OLDER = MethodSdk(
    name="fireworks",
    distribution="fireworks-ai",
    versions=">=0.19,<1",
    modules={
        "fireworks.client.base_completion": (
            Method("BaseCompletion", "_create_non_streaming", _PLAIN, answer),
            Method("BaseCompletion", "_acreate_non_streaming", _PLAIN, answer),
            Method("BaseCompletion", "_create_streaming", _STREAM, answer, lazy=True),
            Method("BaseCompletion", "_acreate_streaming", _STREAM, answer, lazy=True),
        ),
        "fireworks.client.embedding": (
            Method("Embedding", "_create_non_streaming", _PLAIN, answer),
            Method("Embedding", "_acreate_non_streaming", _PLAIN, answer),
        ),
    },
    code=lambda error: None,  # they carry none
    optional=True,
)

SDK = GeneratedSdk(
    name="fireworks",
    distribution="fireworks-ai",
    versions=">=0.19,<2",
    module="fireworks._base_client",
    routes={
        "chat/completions": CHAT,
        "completions": COMPLETIONS,
        "embeddings": EMBEDDINGS,
        "messages": MESSAGES,  # https://docs.fireworks.ai/api-reference/anthropic-messages
    },
    provider=or_else("fireworks_ai"),
    usage_option={"chat_completions": ASK_FOR_USAGE, "completions": ASK_FOR_USAGE},
    older=OLDER,
)
