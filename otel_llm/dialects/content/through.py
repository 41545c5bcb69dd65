"""Readers of wires that pack another wire's events in something of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from otel_llm.dialects.content.parts import ContentReader, Message
from otel_llm.dialects.content.pieces import Budget


class _Through:
    """A reader that sees events through a function."""

    __slots__ = ("_inner", "_see")

    def __init__(self, see: Callable[[Any], Any], inner: ContentReader) -> None:
        self._see = see
        self._inner = inner

    def add(self, event: Any) -> None:
        self._inner.add(self._see(event))

    def messages(self) -> list[Message]:
        return self._inner.messages()


def through(
    see: Callable[[Any], Any], reader: Callable[[Budget], ContentReader]
) -> Callable[[Budget], ContentReader]:
    """The same kind of reader, which `see` unpacks the events for."""
    return lambda budget: _Through(see, reader(budget))
