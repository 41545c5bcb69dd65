"""OpenAI's Responses API. https://platform.openai.com/docs/api-reference/responses"""

from __future__ import annotations

from typing import Any

from otel_llm.dialects.dialect import Dialect
from otel_llm.dialects.fields import Fields, Table, count, fields, items, number, read, text
from otel_llm.dialects.finish_reasons import ERROR, TOOL, normalize
from otel_llm.dialects.logprobs_places import RESPONSES as LOGPROBS
from otel_llm.dialects.openai_chat import OTHER, effort, error_code, output_type
from otel_llm.dialects.openai_usage import read_openai_usage
from otel_llm.dialects.reported_cost import read_cost
from otel_llm.record import ModelRequest, ModelResponse

# Output items that ask the caller to run something; those that the provider ran itself are not among them.
_CALLS = frozenset(
    (
        "function_call",
        "custom_tool_call",
        "computer_call",
        "local_shell_call",
        "shell_call",
        "apply_patch_call",
    )
)
_FINAL = frozenset(("completed", "failed", "cancelled", "incomplete"))


def _conversation(value: Any) -> str | None:
    return text(value) or text(fields(value).get("id"))


_REQUEST: Table = {
    "model": ("model", text),
    "stream": ("stream", bool),
    "max_output_tokens": ("max_tokens", count),
    "temperature": ("temperature", number),
    "top_p": ("top_p", number),
    "top_k": ("top_k", count),
    "text": ("output_type", lambda value: output_type(fields(value).get("format"))),
    "reasoning": ("reasoning_level", effort),
    "service_tier": ("service_tier", text),
    "previous_response_id": ("previous_response_id", text),
    "conversation": ("conversation_id", _conversation),
    "prompt": ("prompt_name", lambda value: text(fields(value).get("id"))),
}


def _read_request(body: Fields) -> ModelRequest:
    found = read(_REQUEST, body)
    if "prompt_name" in found:
        found["prompt_version"] = text(fields(body["prompt"]).get("version"))
    return ModelRequest.of(found)


_FACTS: Table = {
    "id": ("id", text),
    "model": ("model", text),
    "service_tier": ("service_tier", text),
    "error": ("error", error_code),
    "usage": ("usage", read_openai_usage),
}


class _Fold:
    """A response, or the events of its stream: those that matter carry the whole response so far."""

    __slots__ = ("_error", "_response")

    def __init__(self) -> None:
        self._response: Fields | None = None
        self._error: str | None = None

    def add(self, event: Any) -> None:
        seen = fields(event)
        kind = seen.get("type")
        if kind is None and seen.get("event") == "error":  # as SDKs before 1.99 or so pass it on
            kind, seen = "error", fields(seen.get("data"))
        if kind is None:  # not an event: the response itself, or usage that came beside an error
            self._response = seen if self._response is None else {**self._response, **seen}
        elif kind == "error":
            self._error = error_code(seen.get("error") or {"code": seen.get("code")}) or OTHER
        elif (response := seen.get("response")) is not None:
            self._response = fields(response)

    def response(self, *, complete: bool) -> ModelResponse:
        if self._response is None:
            return ModelResponse(error=self._error)
        seen = self._response
        found = {**read(_FACTS, seen), **read_cost(fields(seen.get("usage")))}
        status = text(seen.get("status"))
        if self._error is not None:
            found["error"] = self._error
        elif status == "failed":
            found.setdefault("error", OTHER)
        reason = text(fields(seen.get("incomplete_details")).get("reason")) or (
            status if status in _FINAL else None
        )
        if reason is not None:
            called = reason == "completed" and any(
                text(fields(item).get("type")) in _CALLS for item in items(seen.get("output"))
            )
            found["finish_reasons"] = (TOOL if called else normalize(reason),)
            found["raw_finish_reasons"] = (reason,)
        elif not complete:
            found["finish_reasons"] = (ERROR,)
        return ModelResponse.of(found)


RESPONSES = Dialect(
    "responses", "chat", _read_request, _Fold, "openai_responses.RESPONSES", logprobs=LOGPROBS
)
