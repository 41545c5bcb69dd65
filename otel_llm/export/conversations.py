"""What is said of everything inside `otel_llm.conversation(...)`, on the spans of others too."""

from __future__ import annotations

from opentelemetry import context as context_api
from opentelemetry.context import Context
from opentelemetry.sdk.trace import Span, SpanProcessor

from otel_llm.telemetry.conversation import said_inside


class ConversationProcessor(SpanProcessor):
    """Puts the conversation's attributes on every span that begins inside; part of what `setup()` makes, and to be
    added to a tracer provider of one's own: `provider.add_span_processor(ConversationProcessor())`."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Ours have them already."""
        said = said_inside(context_api.get_current() if parent_context is None else parent_context)
        if said:
            span.set_attributes(said)
