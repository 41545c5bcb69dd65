"""A chat model or LLM of LangChain's: what its callbacks say of a request, and the results that they end with.

Its integrations differ in what they keep of an answer. Where the SDK below one is listened to, what that one saw
counts; this is for all others, and for what only the framework knows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from otel_llm.dialects.dialect import Dialect
from otel_llm.dialects.fields import Fields, Table, count, fields, items, number, read, text, texts
from otel_llm.dialects.finish_reasons import ERROR
from otel_llm.dialects.langchain import LOGPROBS, read_langchain
from otel_llm.dialects.openai_chat import CHAT as OPENAI_CHAT
from otel_llm.record import NOTHING, ModelRequest, ModelResponse

# https://docs.langchain.com/langsmith/trace-with-api: what each model says of itself, in one spelling.
_METADATA: Table = {
    "ls_model_name": ("model", text),
    "ls_temperature": ("temperature", number),
    "ls_max_tokens": ("max_tokens", count),
    "ls_stop": ("stop_sequences", texts),
}
_PARAMS: Table = {
    "model_name": ("model", text),
    "model_id": ("model", text),
    "max_output_tokens": ("max_tokens", count),
}


def _read_request(body: Fields) -> ModelRequest:
    """`metadata` and `params`, the invocation's parameters, which most integrations spell like OpenAI."""
    params = fields(body.get("params"))
    asked = vars(OPENAI_CHAT.read_request(params))
    found = {**read(_PARAMS, params), **asked, **read(_METADATA, fields(body.get("metadata")))}
    found.pop("stream", None)  # a setting of the class, whatever this call does
    return ModelRequest.of(found)


class _Fold:
    """A result, of which each of several choices repeats the usage of the whole request."""

    __slots__ = ("_result",)

    def __init__(self) -> None:
        self._result: Fields = {}

    def add(self, event: Any) -> None:
        self._result = fields(event)

    def response(self, *, complete: bool) -> ModelResponse:
        found = read_langchain(self._result)
        if found is None:
            return NOTHING
        if _from_cache(self._result):
            found = replace(found, usage=None, cost=None)
        if found.finish_reasons is None and not complete:
            found = replace(found, finish_reasons=(ERROR,))
        return found


def _from_cache(result: Fields) -> bool:
    """Answers out of LangChain's own cache repeat the usage they once had; they cost nothing, and say so."""
    choices = [choice for prompt in items(result.get("generations")) for choice in items(prompt)]
    usage = fields(fields(fields(choices[0]).get("message")).get("usage_metadata")) if choices else {}
    return usage.get("total_cost") == 0 and not result.get("llm_output")


CHAT = Dialect("langchain", "chat", _read_request, _Fold, "langchain.CHAT", LOGPROBS)
LLM = Dialect("langchain", "text_completion", _read_request, _Fold, "langchain.LLM", LOGPROBS)
