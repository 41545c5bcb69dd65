"""Reading fields that may be missing, null or of any type, off dicts and SDK objects alike.

Everything that comes from a wire passes through these few functions, so nothing of a wrong type, negative
or unencodable ever gets further.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Fields = Mapping[str, Any]

Table = Mapping[str, tuple[str, Callable[[Any], Any]]]
"""By the name on the wire: the field of the record, and what reads a value of it."""

_EMPTY: dict[str, Any] = {}
_LARGEST = 2**63 - 1  # what OTLP can carry
_MANY = 64  # entries of a list
_LONGEST = 1024  # characters; ids and model names are short, and a server may send anything


def fields(thing: Any) -> Fields:
    """The fields of a dict or of an SDK object, extra ones included, without calling into the SDK.

    SDK models are pydantic models, dataclasses or plain objects: their fields are in `__dict__`, and what
    the SDK's version does not model yet is in `__pydantic_extra__`. Reading there is several times faster
    than attribute access, and runs no code of anybody else.
    """
    if isinstance(thing, dict):
        return thing  # pyright: ignore[reportUnknownVariableType]
    own: dict[str, Any] = getattr(thing, "__dict__", None) or _EMPTY
    extra: Any = getattr(thing, "__pydantic_extra__", None)
    return {**own, **extra} if extra and isinstance(extra, dict) else own  # of a class it is something else


def items(thing: Any) -> list[Any] | tuple[Any, ...]:
    """A list or tuple as it is; anything else, generators above all, is never iterated."""
    return thing if isinstance(thing, (list, tuple)) else ()  # pyright: ignore[reportUnknownVariableType]


def text(value: Any) -> str | None:
    """A string that is not empty, shortened to what a name or an id may need, and sure to be encodable."""
    if not isinstance(value, str) or not value:
        return None
    value = value[:_LONGEST]
    return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")


def texts(value: Any) -> tuple[str, ...] | None:
    """Strings of a list, or one string as a list of one; None where there is none."""
    found = tuple(entry for entry in map(text, (value, *items(value)[:_MANY])) if entry is not None)
    return found or None


def count(value: Any) -> int | None:
    """A number of things: a whole number from 0 up; whole floats count, booleans do not."""
    if type(value) is int and 0 <= value <= _LARGEST:
        return value
    if isinstance(value, float) and 0 <= value <= _LARGEST and value.is_integer():
        return int(value)
    return None


def whole(value: Any) -> int | None:
    """A whole number of either sign, as a seed may have."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if -_LARGEST <= value <= _LARGEST else None


def number(value: Any) -> float | None:
    """A finite number, always as a float: the conventions type temperatures and penalties so."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if abs(value) <= _LARGEST else None


SAMPLING: Table = {
    "temperature": ("temperature", number),
    "frequency_penalty": ("frequency_penalty", number),
    "presence_penalty": ("presence_penalty", number),
    "stop_sequences": ("stop_sequences", texts),
    "seed": ("seed", whole),
}
"""Settings of requests that several wires spell like the conventions do."""


def read(table: Table, seen: Fields) -> dict[str, Any]:
    """The fields of a record that a table finds in an object, each read by its own function.

    Goes by what is there and not by what might be: requests set few of the many things that can be set.
    """
    found: dict[str, Any] = {}
    for name, value in seen.items():
        if value is not None and (row := table.get(name)) is not None:
            field, reader = row
            if (clean := reader(value)) is not None:
                found[field] = clean
    return found


def code(*values: Any) -> str | None:
    """The first value that is a provider's short code (`rate_limit_exceeded`, 400), and cannot be prose or a key.

    Codes end up on spans with content off, so what might quote a prompt or a secret is refused: only
    letters joined by `_`, `.` or `-`, or a number of at most six digits.
    """
    for value in values:
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**6:
            return str(value)
        if isinstance(value, str) and 0 < len(value) <= 64:
            bare = value.replace("_", "").replace(".", "").replace("-", "")
            if value.isascii() and (bare.isalpha() or (value.isdigit() and len(value) <= 6)):
                return value
    return None
