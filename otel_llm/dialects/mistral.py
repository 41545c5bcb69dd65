"""Mistral's API as its SDK speaks it: OpenAI's language, events in envelopes, conversations.

https://docs.mistral.ai/api
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from otel_llm.dialects.dialect import Dialect, Fold
from otel_llm.dialects.fields import Fields, fields, text
from otel_llm.dialects.finish_reasons import ERROR
from otel_llm.dialects.openai_chat import CHAT as OPENAI_CHAT
from otel_llm.dialects.openai_chat import OTHER, error_code
from otel_llm.dialects.openai_responses import RESPONSES as OPENAI_RESPONSES
from otel_llm.dialects.openai_usage import read_openai_usage
from otel_llm.record import NOTHING, ModelRequest, ModelResponse


class _Unwrapped:
    """Events whose content is in `data`, beside the name of the event."""

    __slots__ = ("_inner",)

    def __init__(self, inner: Fold) -> None:
        self._inner = inner

    def add(self, event: Any) -> None:
        try:
            self._inner.add(event.__dict__["data"])
        except (AttributeError, KeyError):
            self._inner.add(event)

    def response(self, *, complete: bool) -> ModelResponse:
        return self._inner.response(complete=complete)


def _unwrapping(fold: Callable[[], Fold]) -> Callable[[], Fold]:
    return lambda: _Unwrapped(fold())


def _read_request(body: Fields) -> ModelRequest:
    wanted = fields(body.get("response_format"))
    more = {"seed": body.get("random_seed"), "response_format": {"type": wanted.get("type")}}
    return OPENAI_CHAT.read_request({**body, **more})


class _Conversation:
    """A conversation's answer, or the events of its stream. It names no model and no reason to finish."""

    __slots__ = ("_begun", "_done", "_error")

    def __init__(self) -> None:
        self._done: Fields | None = None
        self._error: str | None = None
        self._begun = False

    def add(self, event: Any) -> None:
        seen = fields(event)
        kind = text(seen.get("type")) or ""
        self._begun = True
        if kind.endswith(".error"):
            self._error = error_code(seen) or OTHER
        elif "usage" in seen:
            self._done = seen

    def response(self, *, complete: bool) -> ModelResponse:
        if not self._begun:
            return NOTHING
        if self._done is None:
            return ModelResponse(error=self._error, finish_reasons=None if complete else (ERROR,))
        usage = read_openai_usage(self._done["usage"])
        return ModelResponse(id=text(self._done.get("conversation_id")), usage=usage, error=self._error)


CHAT = replace(
    OPENAI_CHAT,
    api="chat",
    read_request=_read_request,
    fold=_unwrapping(OPENAI_CHAT.fold),
    content="mistral.CHAT",
)
FIM = replace(CHAT, api="fim", operation="text_completion", content="mistral.FIM")
RESPONSES = replace(OPENAI_RESPONSES, fold=_unwrapping(OPENAI_RESPONSES.fold))
CONVERSATIONS = Dialect(
    "conversations", "chat", _read_request, _unwrapping(_Conversation), "mistral.CONVERSATIONS"
)
