"""Tests of frameworks run where those are installed: in an environment of their own, see the Makefile."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from importlib.util import find_spec

import pytest

_NEEDS = {"test_langchain": "langchain_core", "test_litellm": "litellm", "test_program": "langgraph"}

collect_ignore_glob = [f"{name}*.py" for name, module in _NEEDS.items() if find_spec(module) is None]


class _Swallowed(logging.Handler):
    """What LangChain says of handlers that raised: it swallows that."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.of_ours: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if "OtelLlmHandler" in record.getMessage():
            self.of_ours.append(record.getMessage())


@pytest.fixture(autouse=True)
def no_swallowed_errors() -> Iterator[None]:
    """Our handler never raises into LangChain, which would hide it."""
    handler, logger = _Swallowed(), logging.getLogger("langchain_core.callbacks.manager")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
    assert handler.of_ours == []
