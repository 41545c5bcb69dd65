"""For `opentelemetry-instrument`: the entry point by which it finds us among the installed instrumentations."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from opentelemetry.instrumentation.instrumentor import BaseInstrumentor

from otel_llm.instrumentation import instrument, uninstrument


class OtelLlmInstrumentor(BaseInstrumentor):
    """`otel_llm.instrument()` and `uninstrument()` in the shape that OpenTelemetry's launcher expects."""

    def instrumentation_dependencies(self) -> Collection[str]:
        """None: SDKs are looked for when the application imports them."""
        return ()

    def _instrument(self, **kwargs: Any) -> None:
        kwargs.pop("skip_dep_check", None)
        instrument(**kwargs)

    def _uninstrument(self, **kwargs: Any) -> None:
        uninstrument()
