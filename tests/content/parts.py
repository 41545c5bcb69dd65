"""Messages as they are told, taken apart for comparing; and what is wrong with any of their parts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import jsonschema

from tests import semconv

REQUIRED: dict[str, dict[str, type | tuple[type, ...]]] = {
    "text": {"content": str},
    "reasoning": {"content": str},
    "tool_call": {"name": str},
    "tool_call_response": {"response": object},
    "server_tool_call": {"name": str, "server_tool_call": dict},
    "server_tool_call_response": {"server_tool_call_response": dict},
    "blob": {"modality": str, "content": str},
    "file": {"modality": str, "file_id": str},
    "uri": {"modality": str, "uri": str},
    "compaction": {},
}
SCHEMAS = {
    "gen_ai.input.messages": "input-messages",
    "gen_ai.output.messages": "output-messages",
    "gen_ai.system_instructions": "system-instructions",
    "gen_ai.tool.definitions": "tool-definitions",
    "gen_ai.tool.call.arguments": "tool-call-arguments",
    "gen_ai.tool.call.result": "tool-call-result",
    "gen_ai.retrieval.documents": "retrieval-documents",
}


@lru_cache(maxsize=8)
def _validator(name: str) -> Any:
    folder = semconv.find_registry()
    if folder is None:
        return None
    schema = json.loads((folder / "registry" / "schemas" / f"{SCHEMAS[name]}.json").read_text())
    return jsonschema.Draft202012Validator(schema)


def faults(attributes: Any) -> Iterator[str]:
    """What is wrong with the content among a span's or an event's attributes: by schema, and part by part."""
    for name in SCHEMAS:
        if name not in attributes:
            continue
        told = attributes[name]
        entries = json.loads(told) if isinstance(told, str) else plain(told)
        if (validator := _validator(name)) is not None:
            yield from (f"{name}: {error.message[:200]}" for error in validator.iter_errors(entries))
        for entry in entries:
            for part in entry.get("parts", [entry]) if name.endswith("messages") else []:
                yield from _part(name, part)
            if name == "gen_ai.output.messages" and not isinstance(entry.get("finish_reason"), str):
                yield f"{name}: no finish_reason"


def _part(name: str, part: Any) -> Iterator[str]:
    for key, kind in REQUIRED.get(part["type"], {}).items():
        if not isinstance(part.get(key), kind):
            yield f"{name}: {part['type']} has {key}={part.get(key)!r}"


def plain(value: Any) -> Any:
    """Structures as the logging SDK keeps them, as lists and dicts."""
    if hasattr(value, "items"):
        return {key: plain(inner) for key, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def taken_apart(messages: Any) -> list[tuple[str, ...]]:
    """Each part as its kind and its words, in order; of media, what can be told without their bytes."""
    return [_words(part) for message in messages for part in message["parts"]]


def _words(part: Any) -> tuple[str, ...]:
    kind = part["type"]
    if kind in ("text", "reasoning"):
        return (kind, part["content"])
    if kind == "tool_call":
        return (kind, part["name"], stable(part.get("arguments")))
    if kind == "tool_call_response":
        return (kind, stable(part["response"]))
    return (kind, *(str(part[key]) for key in ("uri", "file_id") if key in part))


def stable(value: Any) -> str:
    """A value as JSON in one order of its keys; JSON in a string counts as what it says."""
    if isinstance(value, str):
        try:
            inner = json.loads(value)
        except ValueError:
            return value
        return stable(inner) if isinstance(inner, (dict, list)) else value
    return json.dumps(value, sort_keys=True)
