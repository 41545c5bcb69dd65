"""Whom a client talks to, where the host alone does not say it."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from otel_llm.providers.hosts import provider_of
from otel_llm.telemetry.engine import Server


def or_else(own_provider: str) -> Callable[[Any, str, int, tuple[tuple[str, str], ...]], str]:
    """Who answers the clients of a provider's own SDK: its provider, unless the host is known to be another's."""
    return lambda client, host, port, own: provider_of(host, port, own) or own_provider


def server_of(url: object, provider: str) -> Server:
    """The server behind a base URL that an SDK keeps as text, by host if that is another provider's."""
    return _server(str(url or ""), provider)


@lru_cache(maxsize=256)
def _server(url: str, provider: str) -> Server:
    split = urlsplit(url)
    host, port = split.hostname or "", split.port or (80 if split.scheme == "http" else 443)
    return Server(provider_of(host, port) or provider, host, port)
