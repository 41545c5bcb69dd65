"""Why a model stopped, in one vocabulary. Providers' spellings are data; what is not here stays as sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

STOP, LENGTH, FILTER, TOOL, ERROR = "stop", "length", "content_filter", "tool_call", "error"

_NORMAL = {
    "complete": STOP,
    "completed": STOP,
    "end_turn": STOP,
    "eos": STOP,
    "endoftext": STOP,
    "finish": STOP,
    "stop_criteria_met": STOP,
    "stop_sequence": STOP,
    "max_output_tokens": LENGTH,
    "max_tokens": LENGTH,
    "error_limit": LENGTH,
    "model_context_window_exceeded": LENGTH,
    "model_length": LENGTH,
    "blocklist": FILTER,
    "content_filtered": FILTER,
    "error_toxic": FILTER,
    "guardrail_intervened": FILTER,
    "image_prohibited_content": FILTER,
    "image_safety": FILTER,
    "model_armor": FILTER,
    "prohibited_content": FILTER,
    "refusal": FILTER,
    "safety": FILTER,
    "spii": FILTER,
    "function_call": TOOL,
    "requires_action": TOOL,
    "tool_calls": TOOL,
    "tool_use": TOOL,
    "cancelled": ERROR,
    "failed": ERROR,
    "timeout": ERROR,
    "user_cancel": ERROR,
}


def normalize(raw: str) -> str:
    """The common word for a provider's finish reason, or the provider's own in lower case."""
    lower = raw.lower()
    return _NORMAL.get(lower, lower)


def told(reasons: Mapping[int, str | None], *, complete: bool) -> dict[str, Any]:
    """The fields of a record for the reasons of its choices, by their places; None: begun, and not told yet. If
    the answer is not complete, those have come to nothing."""
    raw = [reason for _, reason in sorted(reasons.items()) if reason is not None or not complete]
    if not raw:
        return {}
    return {
        "finish_reasons": tuple([ERROR if reason is None else normalize(reason) for reason in raw]),
        "raw_finish_reasons": tuple([reason for reason in raw if reason is not None]),
    }
