"""For LangSmith, which takes OTLP but reads some facts under names of its own or under older ones.

https://docs.langchain.com/langsmith/trace-with-opentelemetry
"""

from __future__ import annotations

from typing import Any

from opentelemetry.context import Context
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
    """Stands before the processor that sends to LangSmith: `LangSmithProcessor(BatchSpanProcessor(exporter))`.

    What it passes on has, for spans of ours, what LangSmith reads besides: the kind of run, the provider and the total
    of tokens by their older names, and the conversation as metadata, by which it makes threads. What other processors
    see stays as it is; other backends might count the total again.
    """

    def __init__(self, to: SpanProcessor) -> None:
        self._to = to

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Passed on."""
        self._to.on_start(span, parent_context)

    def on_end(self, span: ReadableSpan) -> None:
        """Passed on, with more in it."""
        scope = span.instrumentation_scope
        self._to.on_end(span if scope is None or scope.name != "otel_llm" else _with_more(span))

    def shutdown(self) -> None:
        """Passed on."""
        self._to.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return self._to.force_flush(timeout_millis)


def _with_more(span: ReadableSpan) -> ReadableSpan:
    """A copy: a span that has ended cannot be changed."""
    seen: dict[str, Any] = dict(span.attributes or {})
    more = {own: seen[name] for name, own in names.LANGSMITH.items() if name in seen}
    more[names.LANGSMITH_KIND] = _KINDS.get(seen.get(names.OPERATION_NAME, ""), "chain")
    if names.USAGE_INPUT_TOKENS in seen and names.USAGE_OUTPUT_TOKENS in seen:
        more[names.LANGSMITH_TOTAL] = seen[names.USAGE_INPUT_TOKENS] + seen[names.USAGE_OUTPUT_TOKENS]
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes={**seen, **more},
        events=span.events,
        links=span.links,
        kind=span.kind,
        status=span.status,
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )
