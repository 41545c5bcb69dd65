"""How a framework's steps say what goes into them and comes out: in parts and messages, as in calls of models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from otel_llm.dialects.content.parts import Message, Part

Found = Mapping[str, list[Part] | list[Message]]
"""By what they are: `inputs` and `outputs` as messages, `documents`; as one part each `description`, `query` (texts),
`arguments` (a tool_call) and `result` (a tool_call_response)."""


@dataclass(frozen=True)
class StepContent:
    """How one kind of step says it. Neither function changes, keeps or iterates what might be a generator."""

    asked: Callable[..., Found]
    """From what the framework tells at the start."""
    answered: Callable[..., Found]
    """From what it tells at the end."""
