"""generateContent as Vertex AI's own SDK gives it: protocol buffers, in which what was not sent is zero."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from otel_llm.dialects.dialect import Fold
from otel_llm.dialects.fields import fields
from otel_llm.dialects.gemini import GENERATE as GEMINI
from otel_llm.dialects.logprobs_places import candidates
from otel_llm.dialects.plain import plain
from otel_llm.record import ModelResponse

_COUNTS = (
    "prompt_token_count",
    "candidates_token_count",
    "thoughts_token_count",
    "cached_content_token_count",
    "tool_use_prompt_token_count",
    "total_token_count",
)


def _sent(message: Any, *names: str) -> dict[str, Any]:
    """Fields of a message that are not at their default."""
    return {name: value for name in names if (value := getattr(message, name, None))}


def _name(enum: Any) -> str | None:
    return getattr(enum, "name", None) if enum else None  # the first of each is "unspecified"


def _plain(message: Any) -> dict[str, Any]:
    feedback = getattr(message, "prompt_feedback", None)
    return {
        **_sent(message, "model_version", "response_id"),
        "usage_metadata": _sent(getattr(message, "usage_metadata", None), *_COUNTS),
        "candidates": [
            {"index": candidate.index, "finish_reason": _name(candidate.finish_reason)}
            for candidate in getattr(message, "candidates", ())
        ],
        "prompt_feedback": {"block_reason": _name(getattr(feedback, "block_reason", None))},
    }


def _logprobs(event: Any) -> dict[str, Any]:
    message = fields(event).get("_raw_response")
    return {
        "candidates": [
            {
                "index": candidate.index,
                "logprobs_result": plain(getattr(candidate, "logprobs_result", None)),
                **_sent(candidate, "avg_logprobs"),
            }
            for candidate in getattr(message, "candidates", ())
        ]
    }


class _Unpacked:
    """Answers that hold their message inside."""

    __slots__ = ("_inner",)

    def __init__(self) -> None:
        self._inner: Fold = GEMINI.fold()

    def add(self, event: Any) -> None:
        self._inner.add(_plain(fields(event).get("_raw_response")))

    def response(self, *, complete: bool) -> ModelResponse:
        return self._inner.response(complete=complete)


GENERATE = replace(GEMINI, fold=_Unpacked, content="vertexai.GENERATE", logprobs=candidates(_logprobs))
