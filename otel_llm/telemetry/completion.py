"""Handing what was said to a completion hook, as OpenTelemetry's own Python packages do.

A hook is an object with `on_completion(inputs=, outputs=, system_instruction=, tool_definitions=, span=,
log_record=)`. It gets the official package's message types where that package is installed, else dicts, and may
change them. https://github.com/open-telemetry/opentelemetry-python-genai
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from importlib import import_module, metadata
from importlib.util import find_spec
from typing import Any

from opentelemetry.trace import Span

from otel_llm.config import Config
from otel_llm.guard import warn_once
from otel_llm.telemetry import names
from otel_llm.telemetry.storage import Storage

Entries = list[dict[str, Any]]
Said = Mapping[str, Entries]
"""Messages, instructions and tools, by the names of their attributes."""

GROUP = "opentelemetry_genai_completion_hook"
_TYPES = "opentelemetry.util.genai.types"
_PARTS = {
    "text": "TextPart",
    "reasoning": "ReasoningPart",
    "tool_call": "ToolCallRequestPart",
    "tool_call_response": "ToolCallResponsePart",
    "server_tool_call": "ServerToolCallPart",
    "server_tool_call_response": "ServerToolCallResponsePart",
    "blob": "BlobPart",
    "file": "FilePart",
    "uri": "UriPart",
    "compaction": "CompactionPart",
    "function": "FunctionToolDefinition",
}
_ARGUMENTS = {
    names.INPUT_MESSAGES: "inputs",
    names.OUTPUT_MESSAGES: "outputs",
    names.SYSTEM_INSTRUCTIONS: "system_instruction",
    names.TOOL_DEFINITIONS: "tool_definitions",
}


class StorageHook:
    """The shipped hook: everything is written to storage, and referred to on the span."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage

    def complete(self, said: Said, span: Span) -> tuple[Said, Mapping[str, str]]:
        """Store it; nothing is changed. Where it is stored, as attributes."""
        context = span.get_span_context()
        return said, self.storage.store(said, context.trace_id, context.span_id)


class ForeignHook:
    """A hook of somebody else's."""

    def __init__(self, hook: Any) -> None:
        self._hook = hook
        try:
            self._types: Any = import_module(_TYPES)
        except ImportError:
            self._types = None

    def complete(self, said: Said, span: Span) -> tuple[Said, Mapping[str, str]]:
        """Let it see everything, and change it; what it says afterwards is what counts."""
        given = {
            argument: [self._made(entry) for entry in said.get(name, [])]
            for name, argument in _ARGUMENTS.items()
        }
        try:
            self._hook.on_completion(**given, span=span, log_record=None)
        except Exception as error:  # noqa: BLE001 - the hook's
            warn_once("completion_hook", "the completion hook raised %s", type(error).__name__)
            return said, {}
        left = {name: [_plain(entry) for entry in given[argument]] for name, argument in _ARGUMENTS.items()}
        return left, {}

    def _made(self, entry: dict[str, Any]) -> Any:
        if self._types is None:
            return entry
        if "parts" in entry:
            kind = "OutputMessage" if "finish_reason" in entry else "InputMessage"
            return self._of(kind, {**entry, "parts": [self._made(part) for part in entry["parts"]]})
        name = _PARTS.get(entry.get("type", ""), "GenericPart")
        if name == "BlobPart":
            try:
                entry = {**entry, "content": binascii.a2b_base64(entry["content"])}
            except ValueError:
                entry = {**entry, "content": str(entry["content"]).encode("utf-8", "replace")}
        return self._of(name, entry)

    def _of(self, name: str, entry: dict[str, Any]) -> Any:
        kind = getattr(self._types, name, None)
        if kind is None:
            return entry
        return kind(**{field.name: entry.get(field.name) for field in fields(kind) if field.init})


def _plain(entry: Any) -> Any:
    told = asdict(entry) if is_dataclass(entry) and not isinstance(entry, type) else entry
    return _without_nothing(told)


def _without_nothing(entry: Any) -> Any:
    if not isinstance(entry, dict):
        return entry
    found = {name: value for name, value in entry.items() if value is not None}
    if isinstance(found.get("parts"), list):
        found["parts"] = [_without_nothing(part) for part in found["parts"]]
    if isinstance(found.get("content"), bytes):
        found["content"] = binascii.b2a_base64(found["content"], newline=False).decode()
    return found


Hook = StorageHook | ForeignHook


def hook_of(config: Config) -> Hook | None:
    """The hook that the settings ask for; None, with a warning, if it is not to be had."""
    asked = config.completion_hook
    if asked is None:
        return None
    if asked == "upload":
        if config.upload_base_path is None:
            warn_once("upload", "OTEL_INSTRUMENTATION_GENAI_UPLOAD_BASE_PATH is not set: nothing is uploaded")
            return None
        if find_spec("fsspec") is None:
            warn_once("upload", "nothing is uploaded: fsspec is missing (pip install otel-llm[storage])")
            return None
        most = config.upload_max_queue_size
        return StorageHook(Storage(config.upload_base_path, config.upload_format, most))
    if not isinstance(asked, str):
        return ForeignHook(asked)
    return _named(asked)


def _named(asked: str) -> Hook | None:
    points = [point for point in metadata.entry_points(group=GROUP) if point.name == asked]
    try:
        return ForeignHook(points[0].load()())
    except IndexError:
        warn_once("hook", "there is no completion hook named %r in the group %s", asked, GROUP)
    except Exception as error:  # noqa: BLE001 - somebody else's package
        warn_once("hook", "the completion hook %r cannot be used: %s", asked, type(error).__name__)
    return None
