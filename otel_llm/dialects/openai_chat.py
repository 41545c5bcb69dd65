"""Chat completions, and the older completions, which differ from them in the operation alone.

https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from otel_llm.dialects.dialect import Dialect
from otel_llm.dialects.fields import (
    Fields,
    Table,
    code,
    count,
    fields,
    items,
    number,
    read,
    text,
    texts,
    whole,
)
from otel_llm.dialects.finish_reasons import told
from otel_llm.dialects.logprobs_places import CHOICES
from otel_llm.dialects.openai_usage import merge_usage, read_openai_usage
from otel_llm.dialects.reported_cost import read_cost
from otel_llm.record import ModelRequest, ModelResponse

OTHER = "_OTHER"
"""An error without a code that may be told."""

_OUTPUT_TYPES = {"text": "text", "json_object": "json", "json_schema": "json"}


def output_type(wanted: Any) -> str | None:
    """The modality that a response format asks for: both kinds of JSON are `json`."""
    return _OUTPUT_TYPES.get(text(fields(wanted).get("type")) or "")


def effort(reasoning: Any) -> str | None:
    """How hard the model is to think, out of the object that says so."""
    return text(fields(reasoning).get("effort"))


_REQUEST: Table = {
    "model": ("model", text),
    "stream": ("stream", bool),
    "max_tokens": ("max_tokens", count),
    "temperature": ("temperature", number),
    "top_p": ("top_p", number),
    "top_k": ("top_k", count),  # of many servers, not of OpenAI
    "frequency_penalty": ("frequency_penalty", number),
    "presence_penalty": ("presence_penalty", number),
    "stop": ("stop_sequences", texts),
    "seed": ("seed", whole),
    "n": ("choice_count", count),
    "response_format": ("output_type", output_type),
    "reasoning": ("reasoning_level", effort),  # OpenRouter
    "reasoning_effort": ("reasoning_level", text),
    "service_tier": ("service_tier", text),
}


def _read_request(body: Fields) -> ModelRequest:
    found = read(_REQUEST, body)
    if (most := count(body.get("max_completion_tokens"))) is not None:
        found["max_tokens"] = most
    if "output_type" not in found and "audio" in items(body.get("modalities")):
        found["output_type"] = "speech"
    return ModelRequest.of(found)


def error_code(error: Any) -> str | None:
    """The short code of an error object, `_OTHER` if it has none that may be told; None for an empty one."""
    if not error:
        return None
    seen = fields(error)
    told = seen.get("code")
    # Google's code is the HTTP status, and its status the code.
    return code(seen.get("type"), text(told), text(seen.get("status")), told) or OTHER


_FACTS: Table = {
    "id": ("id", text),
    "model": ("model", text),
    "service_tier": ("service_tier", text),
    "system_fingerprint": ("system_fingerprint", text),
    "error": ("error", error_code),
}


class _Fold:
    """An answer, whole or in chunks: both have the same facts in the same places."""

    __slots__ = ("_facts", "_reasons", "_settled", "_usage")

    def __init__(self) -> None:
        self._facts: dict[str, Any] = {}
        self._usage: Any = None
        self._reasons: dict[int, str | None] = {}
        self._settled: dict[int, str | None] = {}
        """The same choices, once id and model are known: from then on a piece of text tells nothing new."""

    def add(self, event: Any) -> None:
        # Nearly all chunks carry a piece of text for one choice and no fact. These have to be cheap.
        try:
            seen = event.__dict__
            (choice,) = seen["choices"]
            seen_in = choice.__dict__
            if (
                seen_in["finish_reason"] is None
                and seen["usage"] is None
                and seen_in["index"] in self._settled
                and seen.get("finish_reason") is None
                and seen.get("x_groq") is None
                and not event.__pydantic_extra__
            ):
                return
        except Exception:  # noqa: BLE001, S110 - whatever is not of this shape is read with care below
            pass
        seen = fields(event)
        self._facts = {
            **read(_FACTS, seen),
            **self._facts,
        }  # the first counts: Groq's last chunk has the id "stub"
        usage = seen.get("usage")
        if usage is not None:
            self._usage = merge_usage(self._usage, usage)
        for position, choice in enumerate(items(seen.get("choices"))):
            self._add_choice(position, fields(choice))
        if (reason := text(seen.get("finish_reason"))) is not None:  # Together's completions
            self._reasons[max(self._reasons, default=0)] = reason
        if (groq := seen.get("x_groq")) is not None:
            self._add_groq(fields(groq))
        if "id" in self._facts and "model" in self._facts:
            self._settled = self._reasons

    def _add_choice(self, position: int, choice: Fields) -> None:
        index = choice.get("index")
        if type(index) is not int:
            index = position
        reason = text(choice.get("finish_reason"))
        if reason is not None or index not in self._reasons:
            self._reasons[index] = reason
        if (usage := choice.get("usage")) is not None:  # Moonshot
            self._usage = merge_usage(self._usage, usage)
        if (error := error_code(choice.get("error"))) is not None:  # OpenRouter, with status 200
            self._facts["error"] = error

    def _add_groq(self, aside: Fields) -> None:
        if (usage := aside.get("usage")) is not None:
            self._usage = merge_usage(self._usage, usage)
        if aside.get("error"):  # a stream given up, told in words
            self._facts["error"] = OTHER

    def response(self, *, complete: bool) -> ModelResponse:
        found = {**self._facts, **told(self._reasons, complete=complete)}
        if self._usage is not None:
            seen = fields(self._usage)
            found |= read_cost(seen)
            if (usage := read_openai_usage(seen)) is not None:
                found["usage"] = usage
        return ModelResponse.of(found)


ASK_FOR_USAGE = ("stream_options", {"include_usage": True})
"""The field of a request, and its value, that ask for usage in a stream."""

CHAT = Dialect("chat_completions", "chat", _read_request, _Fold, "openai_chat.CHAT", CHOICES)
COMPLETIONS = replace(CHAT, api="completions", operation="text_completion", content="openai_chat.COMPLETIONS")
