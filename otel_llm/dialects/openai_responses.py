"""OpenAI's Responses API. https://platform.openai.com/docs/api-reference/responses"""

from __future__ import annotations

from typing import Any

from otel_llm.dialects.dialect import Dialect
from otel_llm.dialects.fields import Fields, count, fields, items, number, text
from otel_llm.dialects.finish_reasons import ERROR, TOOL, normalize
from otel_llm.dialects.openai_chat import OUTPUT_TYPES, error_code
from otel_llm.dialects.openai_usage import read_openai_usage
from otel_llm.record import ModelRequest, ModelResponse

# Output items that ask the caller to run something; those that the provider ran itself are not among them.
_CALLS = frozenset(
    ("function_call", "custom_tool_call", "computer_call", "local_shell_call", "shell_call", "apply_patch_call")
)
_FINAL = frozenset(("completed", "failed", "cancelled", "incomplete"))


def _read_request(body: Fields) -> ModelRequest:
    get = body.get
    wanted = fields(fields(get("text")).get("format"))
    conversation = get("conversation")
    prompt = fields(get("prompt"))
    return ModelRequest(
        model=text(get("model")),
        stream=bool(get("stream")),
        max_tokens=count(get("max_output_tokens")),
        temperature=number(get("temperature")),
        top_p=number(get("top_p")),
        top_k=count(get("top_k")),
        output_type=OUTPUT_TYPES.get(text(wanted.get("type")) or ""),
        reasoning_level=text(fields(get("reasoning")).get("effort")),
        service_tier=text(get("service_tier")),
        previous_response_id=text(get("previous_response_id")),
        conversation_id=text(conversation) or text(fields(conversation).get("id")),
        prompt_name=text(prompt.get("id")),
        prompt_version=text(prompt.get("version")),
    )


class _Fold:
    """A response, or the events of its stream: those that matter carry the whole response so far."""

    __slots__ = ("_error", "_response")

    def __init__(self) -> None:
        self._response: Fields | None = None
        self._error: str | None = None

    def add(self, event: Any) -> None:
        seen = fields(event)
        kind = seen.get("type")
        if kind is None:  # not an event: the response itself
            self._response = seen
        elif kind == "error":
            self._error = error_code(seen.get("error") or {"code": seen.get("code")})
        elif (response := seen.get("response")) is not None:
            self._response = fields(response)

    def response(self, *, complete: bool) -> ModelResponse:
        if self._response is None:
            return ModelResponse(error=self._error)
        get = self._response.get
        status = text(get("status"))
        error = self._error
        if error is None and get("error") is not None:
            error = error_code(get("error"))
        elif error is None and status == "failed":
            error = "_OTHER"
        reason = text(fields(get("incomplete_details")).get("reason")) or (status if status in _FINAL else None)
        finish = None if reason is None else normalize(reason)
        if reason == "completed" and any(fields(item).get("type") in _CALLS for item in items(get("output"))):
            finish = TOOL
        if finish is None and not complete:
            finish = ERROR
        usage = get("usage")
        return ModelResponse(
            model=text(get("model")),
            id=text(get("id")),
            finish_reasons=None if finish is None else (finish,),
            raw_finish_reasons=None if reason is None else (reason,),
            usage=None if usage is None else read_openai_usage(usage),
            service_tier=text(get("service_tier")),
            error=error,
        )


RESPONSES = Dialect("responses", "chat", _read_request, _Fold)
