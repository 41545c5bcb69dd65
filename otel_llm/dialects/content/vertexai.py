"""What generateContent says as Vertex AI's own SDK has it: in protocol buffers, and in objects around them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from otel_llm.dialects.content.gemini import GENERATE as GEMINI
from otel_llm.dialects.content.parts import Asked, Content
from otel_llm.dialects.content.through import through
from otel_llm.dialects.fields import Fields, fields

_DEEPEST = 64
_INSIDE = ("_raw_content", "_raw_part", "_raw_tool", "_raw_response")
_PICTURES = {b"\x89PNG": "image/png", b"GIF8": "image/gif"}
"""By how they begin; the SDK takes JPEG for the rest."""


def _unpacked(thing: Any) -> Any:
    """What the user or the SDK has, by the names of the wire."""
    if isinstance(thing, (list, tuple)):
        return [_unpacked_one(inner) for inner in thing]  # pyright: ignore[reportUnknownVariableType]
    return _unpacked_one(thing)


def _unpacked_one(thing: Any) -> Any:
    seen = fields(thing)
    if isinstance(picture := seen.get("_image_bytes"), bytes):
        forms = (form for start, form in _PICTURES.items() if picture.startswith(start))
        return {"inline_data": {"data": picture, "mime_type": next(forms, "image/jpeg")}}
    inside = next((held for name in _INSIDE if (held := seen.get(name)) is not None), thing)
    message = None if isinstance(inside, dict) else fields(inside).get("_pb")
    return thing if message is None else _message(message, 0)


def _message(message: Any, depth: int) -> Any:
    """A message as a dict of what is set in it; what stands for JSON, as that JSON."""
    kind = message.DESCRIPTOR.full_name
    if depth > _DEEPEST:
        return None
    if kind == "google.protobuf.Struct":
        return {name: _message(value, depth + 1) for name, value in message.fields.items()}
    if kind == "google.protobuf.ListValue":
        return [_message(value, depth + 1) for value in message.values]
    if kind == "google.protobuf.Value":
        told = message.WhichOneof("kind")
        if told == "number_value":
            number = message.number_value
            return int(number) if number.is_integer() else number
        value = None if told in (None, "null_value") else getattr(message, told)
        return _message(value, depth + 1) if hasattr(value, "DESCRIPTOR") else value
    return {field.name.rstrip("_"): _field(field, value, depth) for field, value in message.ListFields()}


def _field(field: Any, value: Any, depth: int) -> Any:
    if hasattr(value, "DESCRIPTOR") or isinstance(value, (str, bytes)):
        return _value(field, value, depth)
    if isinstance(value, Mapping):
        return {key: _value(field, inner, depth) for key, inner in value.items()}
    if isinstance(value, Iterable):
        return [_value(field, inner, depth) for inner in value]
    return _value(field, value, depth)


def _value(field: Any, value: Any, depth: int) -> Any:
    if hasattr(value, "DESCRIPTOR"):
        return _message(value, depth + 1)
    named = None if field.enum_type is None else field.enum_type.values_by_number.get(value)
    return value if named is None else named.name


def _asked(body: Fields) -> Asked:
    said = ("contents", "system_instruction", "tools")
    return GEMINI.asked({name: _unpacked(body.get(name)) for name in said})


GENERATE = Content(_asked, through(_unpacked, GEMINI.reader))
