"""Making dicts of what keeps its fields neither in a dict nor in attributes of its own: protocol buffers, other
mappings, and classes with slots."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields as dataclass_fields
from dataclasses import is_dataclass
from typing import Any

_DEEP = 16  # answers of models are five or six levels deep


def plain(thing: Any, depth: int = 0) -> Any:
    """The same in dicts and lists as far as it has to be; what has fields of its own stays as it is."""
    if depth > _DEEP or isinstance(thing, (str, bytes, int, float, type(None))):
        return thing
    message: Any = getattr(thing, "__dict__", {}).get("_pb", thing)  # of proto-plus
    if hasattr(type(message), "ListFields"):
        found = {field.name: _told(field, value) for field, value in message.ListFields()}
    elif isinstance(thing, Mapping):
        found = dict(thing)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    elif isinstance(thing, tuple) and hasattr(thing, "_asdict"):
        found = thing._asdict()  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType]
    elif is_dataclass(thing) and not isinstance(thing, type) and not hasattr(thing, "__dict__"):
        found = {field.name: getattr(thing, field.name, None) for field in dataclass_fields(thing)}
    elif isinstance(thing, list):
        return [plain(entry, depth + 1) for entry in thing]  # pyright: ignore[reportUnknownVariableType]
    else:
        return thing
    return {name: plain(value, depth + 1) for name, value in found.items()}


def _told(field: Any, value: Any) -> Any:
    """The value of a field; enumerations by name, several as a list."""
    if field.enum_type is not None:
        known = field.enum_type.values_by_number
        return known[value].name if value in known else None
    return list(value) if hasattr(value, "__len__") and not isinstance(value, (str, bytes)) else value
