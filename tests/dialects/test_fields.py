"""What comes from a wire may be anything; what is read from it is not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from otel_llm.dialects.fields import code, count, fields, items, number, text, texts, whole


@pytest.mark.parametrize(
    ("value", "read"),
    [(0, 0), (7, 7), (7.0, 7), (2**63 - 1, 2**63 - 1), (-1, None), (2**63, None), (True, None), (7.5, None)],
)
def test_counts_are_whole_numbers_from_zero_up(value: Any, read: int | None) -> None:
    """Booleans, fractions, negative numbers and what OTLP cannot carry are none."""
    assert count(value) == read


@pytest.mark.parametrize("value", [None, "7", [], {}, float("nan"), float("inf"), b"7"])
def test_what_is_no_number_is_none(value: Any) -> None:
    """No reader of numbers takes it, and none raises."""
    assert count(value) is whole(value) is None
    assert number(value) is None or isinstance(value, float)


def test_numbers_are_floats() -> None:
    """The conventions type them so."""
    assert type(number(1)) is float
    assert number(10**400) is None
    assert number(True) is None
    assert whole(-3) == -3


def test_text_is_short_and_can_be_encoded() -> None:
    """Empty is none, long is cut, lone surrogates are replaced."""
    assert text("") is None
    assert text(7) is None
    assert text("x" * 5000) == "x" * 1024
    assert text("a\ud800é") == "a?é"
    assert texts("x") == ("x",)
    assert texts(["x", None, 7, "y"]) == ("x", "y")
    assert texts([]) is None


@pytest.mark.parametrize("value", ["rate_limit_exceeded", "BadRequest", "not-found", "a.b", "429", 429])
def test_codes_are_short_words_or_numbers(value: Any) -> None:
    """Such may be told with content off."""
    assert code(None, value) == str(value)


@pytest.mark.parametrize(
    "value", ["", "two words", "sk-1a2b3c", "x" * 65, "1234567", 10**7, -1, True, "naïve", None]
)
def test_what_may_be_prose_or_a_key_is_no_code(value: Any) -> None:
    """Such may not."""
    assert code(value) is None


def test_fields_of_anything_are_found_without_running_its_code() -> None:
    """Dicts and objects give their fields, everything else none, and properties are not called."""

    class Lazy:
        def __init__(self) -> None:
            self.here = 1

        @property
        def there(self) -> int:
            raise AssertionError

        def __getattr__(self, name: str) -> Any:
            if name.startswith("__"):
                raise AttributeError(name)
            raise AssertionError

    assert fields(Lazy()) == {"here": 1}
    assert fields({"a": 1}) == {"a": 1}
    assert fields(SimpleNamespace(a=1)) == {"a": 1}
    for nothing in (None, 7, "x", [], (x for x in "never iterated")):
        assert fields(nothing) == {}
        assert items(nothing) == () or nothing == []


def test_a_class_is_read_without_harm() -> None:
    """As where a model is asked for answers of a class: what is hidden in its instances is not there."""

    class Asked:
        __slots__ = ("__pydantic_extra__",)

    assert "type" not in fields(Asked)
