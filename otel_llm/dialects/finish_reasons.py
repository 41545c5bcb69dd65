"""Why a model stopped, in one vocabulary. Providers' spellings are data; what is not here stays as sent."""

from __future__ import annotations

STOP, LENGTH, FILTER, TOOL, ERROR = "stop", "length", "content_filter", "tool_call", "error"

_NORMAL = {
    "complete": STOP,
    "completed": STOP,
    "end_turn": STOP,
    "eos": STOP,
    "stop_sequence": STOP,
    "max_output_tokens": LENGTH,
    "max_tokens": LENGTH,
    "model_length": LENGTH,
    "guardrail_intervened": FILTER,
    "refusal": FILTER,
    "safety": FILTER,
    "function_call": TOOL,
    "tool_calls": TOOL,
    "tool_use": TOOL,
    "cancelled": ERROR,
    "failed": ERROR,
}


def normalize(raw: str) -> str:
    """The common word for a provider's finish reason, or the provider's own in lower case."""
    lower = raw.lower()
    return _NORMAL.get(lower, lower)
