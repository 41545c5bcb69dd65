"""What was said in a call, by wire: messages in the conventions' parts, read only where content is captured.

Each module has one `Content` for each dialect whose words it knows; dialects name theirs as `module.NAME`, so
that nothing of this is imported while content is off.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from otel_llm.dialects.content.parts import Content

if TYPE_CHECKING:
    from otel_llm.dialects.content.steps import StepContent


def content_of(name: str) -> Content:
    """The `Content` that a dialect names."""
    return _named(name)


def step_content_of(name: str) -> StepContent:
    """The `StepContent` of a kind of step, named alike."""
    return _named(name)


@lru_cache(maxsize=64)
def _named(name: str) -> Any:
    module, _, attribute = name.partition(".")
    return getattr(import_module(f"{__name__}.{module}"), attribute)
