"""What a call's only span says of what was said, checked by the conventions' schemas."""

from __future__ import annotations

import json
from typing import Any

from otel_llm.testing import Telemetry
from tests.content.parts import SCHEMAS, faults
from tests.lives.scenarios import only


def told(telemetry: Telemetry) -> dict[str, Any]:
    """By the last part of the attribute's name."""
    attributes = only(telemetry).attributes
    assert list(faults(attributes)) == []
    return {name.partition(".")[2]: json.loads(attributes[name]) for name in SCHEMAS if name in attributes}


def spoken(role: str, *parts: Any, finish: str | None = None) -> dict[str, Any]:
    """A message; texts for parts that are texts."""
    found = [{"type": "text", "content": part} if isinstance(part, str) else part for part in parts]
    return {"role": role, "parts": found, **({} if finish is None else {"finish_reason": finish})}


def tool_call(name: str, arguments: Any, own: str) -> dict[str, Any]:
    return {"type": "tool_call", "name": name, "arguments": arguments, "id": own}


def tool_result(response: Any, own: str) -> dict[str, Any]:
    return {"type": "tool_call_response", "response": response, "id": own}


def server_call(kind: str, own: str, name: str | None = None, **asked: Any) -> dict[str, Any]:
    call = {**asked, "type": kind}
    return {"type": "server_tool_call", "name": name or kind, "server_tool_call": call, "id": own}


def server_result(kind: str, own: str, **came: Any) -> dict[str, Any]:
    result = {**came, "type": kind}
    return {"type": "server_tool_call_response", "server_tool_call_response": result, "id": own}


def blob(modality: str, data: str, mime_type: str, **more: Any) -> dict[str, Any]:
    return {"type": "blob", "modality": modality, "content": data, "mime_type": mime_type, **more}


def uri(modality: str, address: str, **more: Any) -> dict[str, Any]:
    return {"type": "uri", "modality": modality, "uri": address, **more}


def file(modality: str, own: str) -> dict[str, Any]:
    return {"type": "file", "modality": modality, "file_id": own}


def thought(words: str) -> dict[str, Any]:
    return {"type": "reasoning", "content": words}
