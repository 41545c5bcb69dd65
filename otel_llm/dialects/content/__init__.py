"""What was said in a call, by wire: messages in the conventions' parts, read only where content is captured.

Each module has one `Content` for each dialect whose words it knows; dialects name theirs as `module.NAME`, so
that nothing of this is imported while content is off.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module

from otel_llm.dialects.content.parts import Content


@lru_cache(maxsize=64)
def content_of(name: str) -> Content:
    """The `Content` that a dialect names."""
    module, _, attribute = name.partition(".")
    found: Content = getattr(import_module(f"{__name__}.{module}"), attribute)
    return found
