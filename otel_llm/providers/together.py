"""The together SDK: generated since 2.0, written by hand before."""

from __future__ import annotations

from typing import Any

from otel_llm.dialects.dialect import Dialect
from otel_llm.dialects.fields import code, fields
from otel_llm.dialects.openai_chat import ASK_FOR_USAGE, CHAT, COMPLETIONS
from otel_llm.dialects.openai_embeddings import EMBEDDINGS
from otel_llm.hooks.generated import GeneratedSdk
from otel_llm.hooks.methods import Ask, Asked, Method, MethodSdk, answer
from otel_llm.providers.servers import or_else, server_of


def _asks(dialect: Dialect) -> Ask:
    def ask(resource: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Asked:
        server = server_of(resource._client.base_url, "together_ai")
        return Asked(dialect, kwargs, server, bool(kwargs.get("stream")))

    return ask


def _code(error: BaseException) -> str | None:
    return code(fields(error).get("http_status"))


def _create(dialect: Dialect, name: str) -> tuple[Method, ...]:
    ask = _asks(dialect)
    return tuple(Method(owner, "create", ask, answer) for owner in (name, f"Async{name}"))


OLDER = MethodSdk(
    name="together",
    distribution="together",
    versions=">=1.5,<2",
    modules={
        "together.resources.chat.completions": _create(CHAT, "ChatCompletions"),
        "together.resources.completions": _create(COMPLETIONS, "Completions"),
        "together.resources.embeddings": _create(EMBEDDINGS, "Embeddings"),
    },
    code=_code,
    optional=True,
)

SDK = GeneratedSdk(
    name="together",
    distribution="together",
    versions=">=1.5,<4",
    module="together._base_client",
    routes={"chat/completions": CHAT, "completions": COMPLETIONS, "embeddings": EMBEDDINGS},
    provider=or_else("together_ai"),
    usage_option={"chat_completions": ASK_FOR_USAGE, "completions": ASK_FOR_USAGE},
    older=OLDER,
)
