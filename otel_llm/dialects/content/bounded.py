"""Copies of what comes whole in the middle of a stream: the events are not ours to keep."""

from __future__ import annotations

from typing import Any

from otel_llm.dialects.content.in_order import InOrder
from otel_llm.dialects.content.parts import Part
from otel_llm.dialects.content.pieces import Budget, Text
from otel_llm.dialects.fields import fields, items

_SHORT = 64  # characters: names and types, which nothing can be read without
_DEEPEST = 32


def put_copy(parts: InOrder, part: Part, budget: Budget) -> Part:
    """Put a part that comes whole after those that came before it; what was put, if there was room for it."""
    if (left := budget.left) > 0:
        part = kept(part, budget)
        spent, budget.left = left - budget.left, left
        parts.put(part)
        budget.left -= spent
    return part


def kept(value: Any, budget: Budget, depth: int = 0) -> Any:
    """A copy with no more texts than the budget allows. Media stay whole, to be told by size and hash if need be,
    and take no room from the texts after them."""
    budget.left -= 8
    if isinstance(value, str):
        return _text(str.__str__(value), budget)
    if isinstance(value, (bytes, bytearray, memoryview)):
        budget.left -= len(value)
        return bytes(value)
    if value is None or isinstance(value, (int, float)) or depth >= _DEEPEST:
        return None if depth >= _DEEPEST else value
    if isinstance(value, (list, tuple)):
        return [kept(inner, budget, depth + 1) for inner in items(value) if budget.left > 0]
    seen = {**fields(value)}
    if not isinstance(value, dict):  # an object has fields of its own, and many that were not sent
        seen = {name: told for name, told in seen.items() if told is not None and name[:1] != "_"}
    if seen.get("type") == "blob" and isinstance(seen.get("content"), (str, bytes)):
        budget.left -= _SHORT
        return seen
    return {name: kept(inner, budget, depth + 1) for name, inner in seen.items() if budget.left > 0}


def _text(words: str, budget: Budget) -> str:
    if len(words) <= _SHORT:
        budget.left -= len(words)
        return words
    held = Text(budget)
    held.add(words)
    return str(held)
