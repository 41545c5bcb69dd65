"""A chat model or LLM of LangChain's: what its callbacks say of a request, and the results that they end with.

Its integrations differ in what they keep of an answer. Where the SDK below one is listened to, what that one saw
counts; this is for all others, and for what only the framework knows.
"""

from __future__ import annotations

from typing import Any

from otel_llm.dialects.dialect import Dialect
from otel_llm.dialects.fields import Fields, Table, count, fields, items, number, read, text, texts
from otel_llm.dialects.finish_reasons import told
from otel_llm.dialects.openai_chat import CHAT as OPENAI_CHAT
from otel_llm.dialects.shapes import read_response
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
    "top_k": ("top_k", count),
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
        prompts = items(self._result.get("generations"))
        choices = [fields(choice) for of_prompt in prompts for choice in items(of_prompt)]
        if not choices:
            return NOTHING
        answers = [_read_choice(choice) for choice in choices]
        aside = self._result.get("llm_output")
        found: dict[str, Any] = {}
        for answer in (read_response(aside), *reversed(answers)):
            found |= _known(answer)
        raw = [answer.raw_finish_reasons[0] if answer.raw_finish_reasons else None for answer in answers]
        found |= told(dict(enumerate(raw)), complete=complete)
        if not aside and _from_cache(choices[0]):
            found.pop("usage", None)
        return ModelResponse.of(found)


def _read_choice(choice: Fields) -> ModelResponse:
    """What a message says, over what stands beside it."""
    message, aside = choice.get("message"), read_response(choice.get("generation_info"))
    return ModelResponse.of(
        {**_known(aside), **_known(read_response(message) if message is not None else None)}
    )


def _known(answer: ModelResponse | None) -> dict[str, Any]:
    said = {} if answer is None else vars(answer)
    return {name: value for name, value in said.items() if value is not None}


def _from_cache(choice: Fields) -> bool:
    """Answers out of LangChain's own cache repeat the usage they once had; they cost nothing, and say so."""
    usage = fields(fields(choice.get("message")).get("usage_metadata"))
    return usage.get("total_cost") == 0


CHAT = Dialect("langchain", "chat", _read_request, _Fold)
LLM = Dialect("langchain", "text_completion", _read_request, _Fold)
