"""What was said in a call, as attributes and events: copied when it is asked, told when the call ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.trace import Span

from otel_llm.config import Config
from otel_llm.dialects.content import content_of
from otel_llm.dialects.content.parts import Asked, Budget, ContentReader, Message, said
from otel_llm.dialects.dialect import Dialect
from otel_llm.dialects.fields import Fields
from otel_llm.guard import internal_error
from otel_llm.telemetry import names
from otel_llm.telemetry.limits import Copying, fit

if TYPE_CHECKING:
    from otel_llm.telemetry.attributes import Attributes

_MARGIN = 4096
"""Characters that are kept beyond what is told, so that what a filter is to find is not cut in half."""
_UNBOUNDED = 16 * 1024 * 1024
"""Characters of one answer, and of one text, that are kept for whoever stores them elsewhere."""
_FEWEST = 64  # messages; the smallest have about 32 bytes


class Said:
    """What was asked in one call, and what reads the answer."""

    __slots__ = ("asked", "reader")

    def __init__(self, asked: Asked, reader: ContentReader) -> None:
        self.asked = asked
        self.reader = reader


class Telling:
    """What is to be told of one call: structures that are ours, within the limits."""

    __slots__ = ("attributes", "structures")

    def __init__(self) -> None:
        self.attributes: Attributes = {}
        """JSON, for spans."""
        self.structures: Attributes = {}
        """The same as lists and dicts, for events."""


class Contents:
    """Captures what is said in calls, by the settings in force."""

    def __init__(self, config: Config) -> None:
        self.on_spans = config.capture_content in ("SPAN_ONLY", "SPAN_AND_EVENT")
        self.in_events = config.capture_content in ("EVENT_ONLY", "SPAN_AND_EVENT")
        self._cap = config.content_max_bytes
        self._whole_tools = config.tool_definitions == "full"
        keep = self._cap + _MARGIN
        self._keep = keep
        self._copying = Copying(keep, self._cap // 4)
        self._most = max(_FEWEST, self._cap // 32)

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
        messages = asked.messages
        if len(messages) > self._most:
            left_out = len(messages) - self._most
            missing: Message = {"role": "cut", "parts": [said(f"[cut: {left_out} left out]")]}
            messages = [messages[0], missing, *messages[left_out + 1 :]]
        return Asked(
            [{**each, "parts": copied(each["parts"])} for each in messages],
            copied(asked.system),
            copied(
                asked.tools
                if self._whole_tools
                else [{"type": each["type"], "name": each["name"]} for each in asked.tools]
            ),
        )

    def tell(self, call: Said, finish_reasons: tuple[str, ...] | None, span: Span) -> Telling:
        """What a call said, with why each choice ended."""
        # The tracing SDK's own limit would cut JSON anywhere.
        limit = getattr(getattr(span, "_limits", None), "max_span_attribute_length", None)
        cap = min(self._cap, limit) if isinstance(limit, int) and self.on_spans else self._cap
        asked, answered = call.asked, self._answered(call.reader, finish_reasons)
        telling = Telling()
        for name, entries in (
            (names.INPUT_MESSAGES, asked.messages),
            (names.OUTPUT_MESSAGES, answered),
            (names.SYSTEM_INSTRUCTIONS, asked.system),
            (names.TOOL_DEFINITIONS, asked.tools),
        ):
            if entries:
                text, structure = fit(entries, cap)
                if self.on_spans:
                    telling.attributes[name] = text
                if self.in_events:
                    telling.structures[name] = structure
        return telling

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
