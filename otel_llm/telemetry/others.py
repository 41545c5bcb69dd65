"""Others that trace the same calls: where they say so we are silent, and where they do not, people are told."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from typing import Any

from opentelemetry.context import Context

from otel_llm.guard import warn_once

# Context keys by which others say: do not trace what happens inside.
_SUPPRESSED = ("suppress_instrumentation", "suppress_language_model_instrumentation")
_OFFICIAL = {  # the official packages' key, by operation: they count this call
    "chat": "opentelemetry.genai.client.inference.context",
    "generate_content": "opentelemetry.genai.client.inference.context",
    "text_completion": "opentelemetry.genai.client.inference.context",
    "embeddings": "opentelemetry.genai.client.embedding.context",
}

_SDKS = (
    "anthropic|bedrock|cohere|fireworks|google_genai|google_generativeai|groq|langchain|litellm|mistralai|ollama"
    "|openai|openai_v2|together|vertexai"
)
# By the module of the instrumentor's class: whose it is, and whether it tells us of its calls.
_OTHERS: tuple[tuple[re.Pattern[str], str, bool], ...] = (
    (re.compile(rf"openinference\.instrumentation\.({_SDKS})(\.|$)"), "OpenInference", False),
    (re.compile(rf"opentelemetry\.instrumentation\.genai\.({_SDKS})(\.|$)"), "OpenTelemetry", True),
    (re.compile(r"opentelemetry\.instrumentation\.(openai_v2|google_genai)(\.|$)"), "OpenTelemetry", True),
    (re.compile(rf"opentelemetry\.instrumentation\.({_SDKS})(\.|$)"), "OpenLLMetry", False),
)


def suppressed(current: Context) -> bool:
    """Whether somebody wants nothing to be traced here."""
    return any(current.get(key) for key in _SUPPRESSED)


def counts(current: Context, operation: str) -> bool:
    """Whether a call that is made here is ours to count."""
    return not suppressed(current) and current.get(_OFFICIAL.get(operation, "")) is None


def warn_of_others() -> None:
    """One warning for each other instrumentation that is on, and for LangSmith's spans."""
    for module, whose, sdk, considerate in _found():
        what = (
            "its spans stay, and otel_llm is silent inside them"
            if considerate
            else "each call is told twice; switch one of them off"
        )
        message = "otel_llm and %s (%s) both trace %s: %s"
        warn_once(("other", whose, sdk), message, whose, module, sdk, what)
    if _langsmith_traces():
        warn_once(
            "langsmith",
            "otel_llm and LangSmith's OpenTelemetry mode both trace: each run is told twice, and LangSmith's spans"
            " carry prompts and answers (LANGSMITH_TRACING_MODE)",
        )


def officially_told(sdk: str) -> bool:
    """Whether an official package tells of this SDK or framework."""
    return any(found == sdk and considerate for _, _, found, considerate in _found())


def _found() -> Iterator[tuple[str, str, str, bool]]:
    for module in _instrumentors():
        for pattern, whose, considerate in _OTHERS:
            if (found := pattern.match(module)) is not None:
                yield module, whose, found[1], considerate
                break


def _instrumentors() -> Iterator[str]:
    """The modules of those that are on now."""
    base: Any = getattr(
        sys.modules.get("opentelemetry.instrumentation.instrumentor"), "BaseInstrumentor", None
    )
    kinds: list[Any] = [] if base is None else base.__subclasses__()
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        one = vars(kind).get("_instance") or kind._instance
        if getattr(one, "is_instrumented_by_opentelemetry", False):
            yield kind.__module__


def _langsmith_traces() -> bool:
    def on(*names: str) -> bool:
        return any(os.environ.get(name, "").lower() in ("true", "1") for name in names)

    mode = os.environ.get("LANGSMITH_TRACING_MODE", "").lower() in ("hybrid", "otel")
    return on("LANGSMITH_TRACING", "LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING_V2") and (
        mode or on("LANGSMITH_OTEL_ENABLED", "LANGSMITH_OTEL_ONLY")
    )
