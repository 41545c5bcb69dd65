"""Tools to test telemetry with: a provider that replays answers, an OTLP receiver, telemetry in memory."""

from __future__ import annotations

from otel_llm.testing.replay import Exchange, Gate, ReplayServer, Request

__all__ = ["Exchange", "Gate", "ReplayServer", "Request"]
