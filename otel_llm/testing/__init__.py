"""Tools to test telemetry with: a provider that replays answers, an OTLP receiver, telemetry in memory.

The names below are the public ones. They are imported on first use, since a test that only replays answers
needs neither protobuf nor the OpenTelemetry SDK.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from otel_llm.testing.capture import Telemetry
    from otel_llm.testing.exchange import Exchange, Gate
    from otel_llm.testing.received import (
        ReceivedEvent,
        ReceivedLog,
        ReceivedMetric,
        ReceivedPoint,
        ReceivedSpan,
    )
    from otel_llm.testing.receiver import Receiver
    from otel_llm.testing.replay import ReplayServer
    from otel_llm.testing.server import Request

__all__ = [
    "Exchange",
    "Gate",
    "ReceivedEvent",
    "ReceivedLog",
    "ReceivedMetric",
    "ReceivedPoint",
    "ReceivedSpan",
    "Receiver",
    "ReplayServer",
    "Request",
    "Telemetry",
]

_HOMES = {
    "Exchange": "exchange",
    "Gate": "exchange",
    "Receiver": "receiver",
    "ReplayServer": "replay",
    "Request": "server",
    "Telemetry": "capture",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name, "received" if name in __all__ else None)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value
