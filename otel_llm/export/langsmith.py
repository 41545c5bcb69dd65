"""For LangSmith, which takes OTLP but reads some facts under names of its own or under older ones.

https://docs.langchain.com/langsmith/trace-with-opentelemetry
"""

from __future__ import annotations

from typing import Any

from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

from otel_llm.telemetry import names

_KINDS = {
    "chat": "llm",
    "generate_content": "llm",
    "text_completion": "llm",
    "embeddings": "embedding",
    "execute_tool": "tool",
    "retrieval": "retriever",
}


class LangSmithProcessor(SpanProcessor):
    """Adds to spans of model calls and agents what LangSmith reads: the kind of run, the provider and the total of
    tokens by their older names, and the conversation as metadata, by which it makes threads.

    Off unless `OTEL_LLM_LANGSMITH` is set, or it is added to a tracer provider before the processor that exports.
    Other backends may count the total again: do not send such spans to them.
    """

    def _on_ending(
        self, span: Span
    ) -> None:  # called by the SDK just before a span ends, while it may be changed
        seen: Any = span.attributes or {}
        scope = span.instrumentation_scope
        if scope is None or scope.name != "otel_llm":
            return
        added = {own: seen[name] for name, own in names.LANGSMITH.items() if name in seen}
        added[names.LANGSMITH_KIND] = _KINDS.get(seen.get(names.OPERATION_NAME), "chain")
        if names.USAGE_INPUT_TOKENS in seen and names.USAGE_OUTPUT_TOKENS in seen:
            added[names.LANGSMITH_TOTAL] = seen[names.USAGE_INPUT_TOKENS] + seen[names.USAGE_OUTPUT_TOKENS]
        span.set_attributes(added)

    def on_start(self, span: Span, parent_context: Any = None) -> None:
        """Nothing: what it adds is known at the end."""

    def on_end(self, span: ReadableSpan) -> None:
        """Nothing."""

    def shutdown(self) -> None:
        """Nothing."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return True
