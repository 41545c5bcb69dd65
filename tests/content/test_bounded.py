"""Copies of what comes whole in the middle of a stream."""

from __future__ import annotations

from typing import Any

import pytest

from otel_llm.dialects.content.bounded import kept
from otel_llm.dialects.content.pieces import Budget

cyclic: dict[str, Any] = {}
cyclic["self"] = [cyclic]
deep: list[Any] = []
for _ in range(5000):
    deep = [deep]


def size(value: Any) -> int:
    """How many values and characters there are in something nested."""
    if isinstance(value, dict):
        return 1 + sum(1 + size(inner) for inner in value.values())
    if isinstance(value, list):
        return 1 + sum(map(size, value))
    return len(value) if isinstance(value, (str, bytes)) else 1


@pytest.mark.parametrize(
    "value",
    [cyclic, deep, [*range(10**5)], {str(n): n for n in range(10**5)}, ["x" * 99] * 10**4, "x" * 10**6],
    ids=["cyclic", "deep", "a long list", "many fields", "many texts", "a long text"],
)
def test_whatever_comes_the_copy_is_small(value: Any) -> None:
    """As small as the budget allows."""
    assert size(kept(value, Budget(4000))) < 5000


def test_what_fits_is_copied_whole() -> None:
    """In dicts and lists of our own, objects by their fields."""

    class Block:
        def __init__(self) -> None:
            self.text = "hi"

    given = {"a": [1, 1.5, True, None, b"raw", Block()], "b": {"c": "x" * 100}}
    found = kept(given, Budget(4000))
    assert found == {"a": [1, 1.5, True, None, b"raw", {"text": "hi"}], "b": {"c": "x" * 100}}
    given["a"].append(2)
    assert len(found["a"]) == 6


def test_media_are_never_cut() -> None:
    """What is left of one could not be told by its size and hash; the texts after it have their room."""
    picture = {"type": "blob", "modality": "image", "content": "A" * 9000}
    budget = Budget(100)
    assert kept({"inside": picture}, budget) == {"inside": picture}
    assert 0 < budget.left < 100
