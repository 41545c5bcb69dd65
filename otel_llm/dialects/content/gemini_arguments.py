"""Arguments of a call that Gemini sends while it still writes them: values and pieces of texts, each by its path.

https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/function-calling
"""

from __future__ import annotations

import re
from typing import Any

from otel_llm.dialects.content.parts import Part
from otel_llm.dialects.content.pieces import Budget, Text
from otel_llm.dialects.fields import fields, items
from otel_llm.dialects.gemini import either

_STEP = re.compile(r"""\.([^.\[\]]+)|\[(\d{1,6})\]|\[(?:'([^']*)'|"([^"]*)")\]""")
_DEEPEST = 32


class Arguments:
    """The arguments of one call, as far as they have come."""

    __slots__ = ("_budget", "_call", "_values")

    def __init__(self, call: Part, budget: Budget) -> None:
        self._call = call
        self._budget = budget
        self._values: dict[str, Any] = {}

    def add(self, pieces: Any) -> None:
        """More of them: `[{json_path: "$.a.b[0]", string_value | number_value | bool_value | null_value}]`."""
        for piece in map(fields, items(pieces)):
            path, words = either(piece, "json_path"), either(piece, "string_value")
            if not isinstance(path, str) or (path not in self._values and self._budget.left <= 0):
                continue
            if words is None:
                numbers = (either(piece, name) for name in ("number_value", "bool_value"))
                self._values[path] = next((value for value in numbers if value is not None), None)
                continue
            if not isinstance(self._values.get(path), Text):
                self._values[path] = Text(self._budget)
            self._values[path].add(words)

    def settle(self) -> None:
        """Write them into the call."""
        if self._values:
            tree: dict[Any, Any] = {}
            for path, value in self._values.items():
                _put(tree, path, str(value) if isinstance(value, Text) else value)
            told = _with_lists(tree)
            whole = fields(self._call.get("arguments"))
            self._call["arguments"] = {**whole, **told} if isinstance(told, dict) else told


def _put(tree: dict[Any, Any], path: str, value: Any) -> None:
    found = list(_STEP.finditer(path))[:_DEEPEST]
    steps = [int(step[2]) if step[2] else step[1] or step[3] or step[4] or "" for step in found]
    for step in steps[:-1]:
        inner = tree.setdefault(step, {})
        if not isinstance(inner, dict):
            return
        tree = inner  # pyright: ignore[reportUnknownVariableType]
    if steps:
        tree[steps[-1]] = value


def _with_lists(value: Any) -> Any:
    """Dicts by whole numbers as lists."""
    if not isinstance(value, dict):
        return value
    inner = {step: _with_lists(told) for step, told in value.items()}
    if inner and all(type(step) is int for step in inner):
        return [inner[step] for step in sorted(inner)]
    return inner
