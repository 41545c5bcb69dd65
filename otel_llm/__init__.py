"""OpenTelemetry for every LLM SDK in Python: one span and its metrics for each model call.

    import otel_llm
    otel_llm.instrument()              # you have OpenTelemetry already
    otel_llm.setup("my-service")       # you have not: exporters from the OTEL_* variables

Nothing happens on import, and no LLM SDK is imported by any of this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_llm.instrumentation import instrument, uninstrument
from otel_llm.lifecycle import flush, setup, shutdown
from otel_llm.record import ModelRequest, ModelResponse
from otel_llm.telemetry.conversation import Conversation as conversation  # noqa: N813 - it reads like a function
from otel_llm.usage import TokenUsage

if TYPE_CHECKING:
    from otel_llm.dialects.shapes import read_response, read_usage
    from otel_llm.logprobs import LogprobSummary

__all__ = [
    "LogprobSummary",
    "ModelRequest",
    "ModelResponse",
    "TokenUsage",
    "conversation",
    "flush",
    "instrument",
    "read_response",
    "read_usage",
    "setup",
    "shutdown",
    "uninstrument",
]


def __getattr__(name: str) -> Any:
    """These know every wire; most programs never ask them."""
    if name in ("read_response", "read_usage"):
        from otel_llm.dialects import shapes

        return getattr(shapes, name)
    if name == "LogprobSummary":
        from otel_llm.logprobs import LogprobSummary

        return LogprobSummary
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
