"""LiteLLM, the library: its functions, its Router, and who really answers behind them."""

from __future__ import annotations

import sys

from otel_llm.dialects.anthropic_messages import MESSAGES
from otel_llm.dialects.fields import Fields, code, fields, items, text
from otel_llm.dialects.litellm import Reading
from otel_llm.dialects.openai_chat import CHAT, COMPLETIONS
from otel_llm.dialects.openai_embeddings import EMBEDDINGS
from otel_llm.dialects.openai_responses import RESPONSES
from otel_llm.hooks.functions import Function, FunctionSdk
from otel_llm.hooks.methods import Asked
from otel_llm.providers.servers import server_of
from otel_llm.providers.spellings import spelled

_ROUTER = "router "
_DIALECTS = {
    "completion": (CHAT, ("model", "messages")),
    "text_completion": (COMPLETIONS, ("prompt", "model")),
    "embedding": (EMBEDDINGS, ("model", "input")),
    "responses": (RESPONSES, ("input", "model")),
    "anthropic_messages": (MESSAGES, ("max_tokens", "messages", "model")),
}
_FUNCTIONS = tuple(
    Function(name, names, kind) for kind, (_, names) in _DIALECTS.items() for name in (kind, f"a{kind}")
)
_MESSAGES = _DIALECTS["anthropic_messages"][1]
_CREATE = tuple(Function(name, _MESSAGES, "anthropic_messages") for name in ("create", "acreate"))
_METHODS = tuple(  # the Router's, which has another order for one of them
    each._replace(
        kind=_ROUTER + each.kind,
        names=("self", *(reversed(each.names) if "text" in each.name else each.names)),
    )
    for each in _FUNCTIONS
)
_MODULES = (  # in each, what it has: they hold references of their own
    *("litellm", "litellm.main", "litellm.chat_completions", "litellm.messages", "litellm.responses.main"),
    *(f"litellm.{route}.dispatch" for route in ("chat_completions", "embeddings", "messages", "responses")),
)
_UNKNOWN = "unknown"
_VAGUE = ("openai", _UNKNOWN)
"""What may be anybody's API: the SDK below knows the host."""
_INVENTED = ("mock_response", "mock_tool_calls", "mock_timeout")
"""Arguments that make up an answer, and its figures with it."""


def _ask(kind: str, arguments: Fields) -> Asked:
    model, provider = _real(arguments)
    body = {**arguments, "model": model}
    server = server_of(arguments.get("api_base") or arguments.get("base_url"), provider)
    server = server._replace(sure=provider not in _VAGUE)
    return Asked(_DIALECTS[kind.removeprefix(_ROUTER)][0], body, server, bool(arguments.get("stream")))


def _real(arguments: Fields) -> tuple[str | None, str]:
    """The model without its prefix, and the provider. LiteLLM's own function for this prints, and reads secrets."""
    package, model = fields(sys.modules.get("litellm")), text(arguments.get("model"))
    prefix, slash, rest = (model or "").partition("/")
    if (told := text(arguments.get("custom_llm_provider"))) is not None:
        return (rest if slash and prefix == told else model), spelled(told)
    if slash and prefix in items(package.get("provider_list")):
        return rest, spelled(prefix)
    priced = text(fields(fields(package.get("model_cost")).get(model or "")).get("litellm_provider"))
    return model, spelled(priced) if priced else (prefix if slash else _UNKNOWN)


def _read(kind: str, arguments: Fields) -> Reading:
    """What the Router hands on has been counted where it was sent."""
    made_up = any(arguments.get(name) is not None for name in _INVENTED)
    return Reading(counts=not made_up and not kind.startswith(_ROUTER))


def _code(error: BaseException) -> str | None:
    seen = fields(error)
    return code(seen.get("code"), seen.get("type"), seen.get("status_code"))


SDK = FunctionSdk(
    name="litellm",
    distribution="litellm",
    versions=">=1.61,<2",
    module="litellm",
    places={
        **dict.fromkeys(_MODULES, _FUNCTIONS),
        "litellm.anthropic_interface.messages": _CREATE,
        "litellm.router:Router": _METHODS,
        "litellm.router_rust.core:RustCore": _METHODS,
    },
    ask=_ask,
    read=_read,
    code=_code,
)
