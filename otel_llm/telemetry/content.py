"""What was said in a call: copied when it is asked, filtered, cut and told when the call ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import Span

from otel_llm.config import Config
from otel_llm.dialects.content import content_of, step_content_of
from otel_llm.dialects.content.parts import Asked, ContentReader, Message, said, written
from otel_llm.dialects.content.pieces import Budget
from otel_llm.dialects.dialect import Dialect
from otel_llm.dialects.fields import Fields
from otel_llm.guard import internal_error
from otel_llm.telemetry import names
from otel_llm.telemetry.completion import hook_of
from otel_llm.telemetry.filters import Dropped, Filters
from otel_llm.telemetry.limits import Copying, fit

if TYPE_CHECKING:
    from otel_llm.telemetry.attributes import Attributes

_MARGIN = 4096
"""Characters that are kept beyond what is told, so that what a filter is to find is not cut in half."""
_WHOLE = 32 * 1024 * 1024
"""Characters of one answer, or of one text or medium, that are kept for a completion hook."""
_FEWEST = 64  # messages; the smallest have about 32 bytes
_MANY = 20_000  # messages for a hook

Entries = list[dict[str, Any]]

_OF_STEPS: dict[str, tuple[str, str | None, str | None]] = {
    "description": (names.TOOL_DESCRIPTION, "content", None),
    "arguments": (names.TOOL_CALL_ARGUMENTS, "arguments", "input"),
    "result": (names.TOOL_CALL_RESULT, "response", "output"),
    "query": (names.RETRIEVAL_QUERY_TEXT, "content", None),
    "documents": (names.RETRIEVAL_DOCUMENTS, None, None),
    "inputs": (names.INPUT_MESSAGES, None, None),
    "outputs": (names.OUTPUT_MESSAGES, None, None),
}
"""Attributes of steps; where in the only part the value is; and in which object it is told if it is none."""


class Said:
    """What was asked in one call, and what reads the answer."""

    __slots__ = ("asked", "reader")

    def __init__(self, asked: Asked, reader: ContentReader) -> None:
        self.asked = asked
        self.reader = reader


class Telling:
    """What is to be told of one call, within the limits."""

    __slots__ = ("attributes", "references", "structures")

    def __init__(self) -> None:
        self.references: Mapping[str, str] = {}
        """Attributes that say where it is stored."""
        self.attributes: Attributes = {}
        """JSON, for spans."""
        self.structures: Attributes = {}
        """The same as lists and dicts, for events."""


class Contents:
    """Captures what is said in calls, by the settings in force."""

    def __init__(self, config: Config) -> None:
        self._on_spans = config.capture_content in ("SPAN_ONLY", "SPAN_AND_EVENT")
        self._in_events = config.capture_content in ("EVENT_ONLY", "SPAN_AND_EVENT")
        self._cap = config.content_max_bytes
        self._whole_tools = config.tool_definitions == "full"
        self._filters = Filters(config.content_filter, config.content_filter_pattern)
        self._hook = hook_of(config)
        keep = self._cap + _MARGIN
        self._small = Copying(keep, self._cap // 4)
        self._most = max(_FEWEST, self._cap // 32)
        self._keep, self._copying = keep, self._small
        if self._hook is not None:
            self._keep, self._most, self._copying = _WHOLE, _MANY, Copying(_WHOLE, _WHOLE)

    def wanted(self, *, recording: bool) -> bool:
        """Whether what is said in a call can be told anywhere."""
        return (recording and self._on_spans) or self._in_events or self._hook is not None

    @property
    def storage(self) -> Any:
        """What is still writing, if anything is."""
        return getattr(self._hook, "storage", None)

    def begin(self, dialect: Dialect, body: Fields) -> Said | None:
        """What a request says, copied; None if nothing is known of how it says it."""
        if not dialect.content:
            return None
        try:
            content = content_of(dialect.content)
            return Said(self._copied(content.asked(body)), content.reader(Budget(self._keep)))
        except Exception:  # noqa: BLE001 - ours, not the user's
            internal_error("reading what was asked")
            return None

    def _copied(self, asked: Asked) -> Asked:
        copied = self._copying.parts
        messages, tools = self._newest(asked.messages), asked.tools
        if not self._whole_tools:
            tools = [{"type": each["type"], "name": each["name"]} for each in tools]
        for each in messages:
            parts = each["parts"]
            if len(parts) != 1 or not self._copying.needs_none(parts[0]):
                each["parts"] = copied(parts)
        return Asked(messages, copied(asked.system), copied(tools))

    def _newest(self, entries: Entries) -> Entries:
        """The first and the newest, and how many are missing between."""
        if len(entries) <= self._most:
            return entries
        missing = said(f"[cut: {len(entries) - self._most} left out]")
        if "parts" in entries[0]:
            missing = {"role": "cut", "parts": [missing]}
        return [entries[0], missing, *entries[1 - self._most :]]

    def step(self, content: str, told: tuple[Any, ...], span: Span, *, ended: bool = False) -> None:
        """Tell on a step's span what a framework says of what goes into it or, if it has ended, what came of it."""
        if not (self._on_spans and span.is_recording()):
            return
        try:
            reads = step_content_of(content)
            found = reads.answered(*told) if ended else reads.asked(*told)
            whole = {name: self._copies(self._newest([*entries])) for name, entries in found.items()}
            left: Mapping[str, Entries] = self._filtered(whole) if self._filters else whole
            for name, entries in left.items():
                if entries and (told_as := _of_step(name, entries, self._cap_on(span))) is not None:
                    span.set_attribute(_OF_STEPS[name][0], told_as)
        except Dropped:
            pass
        except Exception:  # noqa: BLE001 - ours, not the user's
            internal_error("telling what a step is about")

    def tell(self, call: Said, finish_reasons: tuple[str, ...] | None, span: Span) -> Telling:
        """What a call said, with why each choice ended."""
        whole = {
            names.INPUT_MESSAGES: call.asked.messages,
            names.OUTPUT_MESSAGES: self._answered(call.reader, finish_reasons),
            names.SYSTEM_INSTRUCTIONS: call.asked.system,
            names.TOOL_DEFINITIONS: call.asked.tools,
        }
        telling = Telling()
        try:
            left: Mapping[str, Entries] = self._filtered(whole) if self._filters else whole
        except Dropped:
            return telling
        if self._hook is not None:
            left, telling.references = self._hook.complete(left, span)
        cap = self._cap_on(span)
        for name, entries in left.items():
            if entries and (self._on_spans or self._in_events):
                text, structure = fit(self._shortened(entries), cap)
                if self._on_spans:
                    telling.attributes[name] = text
                if self._in_events:
                    telling.structures[name] = structure
        return telling

    def _cap_on(self, span: Span) -> int:
        """The tracing SDK's own limit would cut JSON anywhere."""
        limit = getattr(getattr(span, "_limits", None), "max_span_attribute_length", None)
        return min(self._cap, limit) if isinstance(limit, int) and self._on_spans else self._cap

    def text(self, words: str) -> str:
        """A text that is no message but may quote one, such as an exception's; empty if it is not to be told."""
        if not self._filters:
            return words
        try:
            (left,) = self._filters.parts([[said(words)]])
        except Dropped:
            return ""
        return str(left[0].get("content", "")) if left else ""

    def _answered(self, reader: ContentReader, finish_reasons: tuple[str, ...] | None) -> list[Message]:
        found, reasons = reader.messages(), finish_reasons or ()
        return [
            {
                **each,
                "parts": self._copying.parts(each["parts"]),
                "finish_reason": reasons[place] if place < len(reasons) else "unknown",
            }
            for place, each in enumerate(found)
            if each["parts"]
        ]

    def _filtered(self, whole: Mapping[str, Entries]) -> dict[str, Entries]:
        each = (entry for entries in whole.values() for entry in entries)
        left = iter(self._filters.parts([entry.get("parts", [entry]) for entry in each]))
        found: dict[str, Entries] = {}
        for name, entries in whole.items():
            found[name] = kept = []
            for entry in entries:
                parts = next(left)
                if "parts" in entry:
                    entry.pop("name", None)  # of who speaks; no filter has seen it
                    parts = [{**entry, "parts": parts}]
                kept += parts
        return found

    def _shortened(self, entries: Entries) -> Entries:
        """What was kept whole for a hook, in the size of attributes."""
        return entries if self._hook is None else self._copies(entries)

    def _copies(self, entries: Entries) -> Entries:
        """Copies of messages or parts, in the size of attributes."""
        copied = self._small.parts
        return [
            {**entry, "parts": copied(entry["parts"])} if "parts" in entry else copied([entry])[0]
            for entry in entries
        ]


def _of_step(name: str, entries: Entries, cap: int) -> str | None:
    """The value of a step's attribute; None if there is no room for it."""
    _, place, wrapped = _OF_STEPS[name]
    if place is None:
        if name == "outputs":
            entries = [{**each, "finish_reason": each.get("finish_reason", "unknown")} for each in entries]
        elif name == "documents":
            entries = [{key: value for key, value in each.items() if key != "type"} for each in entries]
        return fit(entries, cap, evenly=name == "documents")[0]
    _, left = fit(entries, cap)
    if not left:
        return None
    (part, *_) = left
    how_much = part["name"] if part["type"] == "cut" else part.get("content")
    value = part.get(place, how_much)
    if wrapped is None:
        return str(value)
    return written(value if isinstance(value, dict) else {wrapped: value})
