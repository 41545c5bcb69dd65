"""Messages and their parts in the words of OpenTelemetry's GenAI conventions, for all wires.

Parts are plain dicts, and what is nested in them - arguments, results, schemas - is whatever the user or the
SDK had in that place: whoever keeps them copies it. None of these functions iterates anything but lists,
tuples and dicts.

https://github.com/open-telemetry/semantic-conventions-genai
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from otel_llm.dialects.content.pieces import Budget
from otel_llm.dialects.dialect import Reader
from otel_llm.dialects.fields import Fields, fields, items, text

Part = dict[str, Any]
Message = dict[str, Any]


@dataclass
class Asked:
    """What a request says."""

    messages: list[Message] = field(default_factory=list[Message])
    """`{role, parts}` in the order as sent."""
    system: list[Part] = field(default_factory=list[Part])
    """Instructions that the wire has apart from the messages."""
    tools: list[Part] = field(default_factory=list[Part])
    """`{type, name, description, parameters}`."""


class ContentReader(Reader, Protocol):
    """Puts together what an answer says, event by event."""

    def messages(self) -> list[Message]:
        """One `{role, parts}` for each choice, in their order; of a stream, what has come so far."""
        ...


@dataclass(frozen=True)
class Content:
    """How one wire says what it says."""

    asked: Callable[[Fields], Asked]
    """Reads a request's body; neither changes nor iterates what might be a generator."""
    reader: Callable[[Budget], ContentReader]


def message(role: Any, parts: Iterable[Part], name: Any = None) -> Message:
    """One message; its role as sent."""
    found: Message = {"role": text(role) or "user", "parts": list(parts)}
    if (told := text(name)) is not None:
        found["name"] = told
    return found


def plain_text(seen: Any) -> Message | None:
    """A message that is a role and a text and nothing else, as nearly all are; None for any other."""
    if type(seen) is dict and len(seen) == 2:
        role, content = seen.get("role"), seen.get("content")
        if (
            type(content) is str
            and content
            and type(role) is str
            and len(role) <= 16
            and role not in _RESULTS
        ):
            return {"role": role, "parts": [{"type": "text", "content": content}]}
    return None


_RESULTS = ("tool", "function")
"""Roles whose texts are results of tools."""


def said(content: Any) -> Part:
    """A text."""
    return {"type": "text", "content": content}


def thought(content: Any) -> Part:
    """A visible thought, or a summary of thoughts."""
    return {"type": "reasoning", "content": content}


def tool_call(name: Any, arguments: Any, call_id: Any = None) -> Part:
    """A call that the model asks for; arguments as an object, or as the JSON that they came in."""
    found: Part = {"type": "tool_call", "name": text(name) or "", "arguments": parsed(arguments)}
    if (told := text(call_id)) is not None:
        found["id"] = told
    return found


def tool_result(response: Any, call_id: Any = None, name: Any = None) -> Part:
    """What a tool gave back; texts as they are."""
    found: Part = {"type": "tool_call_response", "response": response}
    if (told := text(call_id)) is not None:
        found["id"] = told
    if (told := text(name)) is not None:
        found["name"] = told
    return found


def server_call(kind: str, name: Any, call: Fields, call_id: Any = None) -> Part:
    """A tool that the provider runs itself, such as a search; `call` is what is asked of it."""
    found: Part = {
        "type": "server_tool_call",
        "name": text(name) or kind,
        "server_tool_call": {**call, "type": kind},
    }
    if (told := text(call_id)) is not None:
        found["id"] = told
    return found


def server_result(kind: str, result: Fields, call_id: Any = None) -> Part:
    """What came of it."""
    found: Part = {"type": "server_tool_call_response", "server_tool_call_response": {**result, "type": kind}}
    if (told := text(call_id)) is not None:
        found["id"] = told
    return found


def blob(modality: str, data: Any, mime_type: Any = None) -> Part:
    """Bytes, or base64 of some."""
    return _of_type({"type": "blob", "modality": modality, "content": data}, mime_type)


def file(modality: str, file_id: Any, mime_type: Any = None) -> Part:
    """What was uploaded to the provider before."""
    return _of_type({"type": "file", "modality": modality, "file_id": text(file_id) or ""}, mime_type)


def uri(modality: str, address: Any, mime_type: Any = None) -> Part:
    """What is at an address. An address that is the data itself becomes a blob."""
    if isinstance(address, str) and address[:5].lower() == "data:":
        head, _, data = address.partition(",")
        return blob(modality, data, text(head[5:].partition(";")[0]) or mime_type)
    told = address if isinstance(address, str) else ""
    return _of_type({"type": "uri", "modality": modality, "uri": told}, mime_type)


def _of_type(part: Part, mime_type: Any) -> Part:
    if (told := text(mime_type)) is not None:
        part["mime_type"] = told
    return part


_KINDS = {"image": "image", "audio": "audio", "video": "video"}


def modality(mime_type: Any) -> str:
    """What kind of medium a MIME type is of; what is no image, sound or film is a document."""
    return _KINDS.get((text(mime_type) or "").partition("/")[0].lower(), "document")


def tool(name: Any, description: Any = None, parameters: Any = None, kind: Any = "function") -> Part:
    """The definition of a tool; one of the provider's own that has no name is called by its type."""
    told = text(kind) or "function"
    found: Part = {"type": told, "name": text(name) or told}
    if (words := description) is not None:
        found["description"] = words
    if parameters is not None:
        found["parameters"] = parameters
    return found


def parsed(arguments: Any) -> Any:
    """Arguments as an object where they are JSON of one, else as they came."""
    if not isinstance(arguments, str):
        return arguments
    try:
        found = json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments
    return found if isinstance(found, (dict, list)) else arguments  # a number may have been meant as text


def written(value: Any) -> str:
    """A structure as compact JSON; empty if it cannot be written."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError):
        return ""


def texts_of(content: Any, read: Callable[[Fields], Part | None]) -> list[Part]:
    """A message's content: one text, or a list of parts, each read by `read`; what it does not know is left out."""
    if isinstance(content, str):
        return [said(content)] if content else []
    if isinstance(content, dict) and "type" not in content:  # an answer by a schema, not as text
        return [said(written(content))] if content else []
    entries = items(content) or ((content,) if isinstance(content, Mapping) else ())
    parts: list[Part] = []
    for entry in entries:
        if isinstance(entry, str):
            parts.append(said(entry))
        elif (part := read(fields(entry))) is not None:
            parts.append(part)
    return parts


def unknown(seen: Fields) -> Part | None:
    """A part of a type that we have no word for: as it is, under its own."""
    kind = text(seen.get("type"))
    return None if kind is None else {**seen, "type": kind}


def worded(words: Any, make: Callable[[str], Part] = said) -> Iterator[Part]:
    """The part of a text, if there is a word in it."""
    if isinstance(words, str) and words:
        yield make(words)
