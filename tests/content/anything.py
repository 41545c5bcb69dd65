"""Fields of a wrong type, at any level of what is asked and answered: what that does to the parts that are told."""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from otel_llm.dialects.content.parts import Content
from otel_llm.dialects.content.pieces import Budget
from otel_llm.telemetry.limits import Copying, fit
from tests.content.parts import REQUIRED
from tests.test_recordings import WRONG, places

_ALIKE = 2
"""Of the pieces of a text that differ in nothing but their words, so many are enough."""


def harm(reading: Content, asked: Any, events: list[Any]) -> list[str]:
    """What is wrong with the parts when any one field is null or of a wrong type; whatever raises is raised."""
    asked, events = copy.deepcopy(asked), thinned(events)
    problems: list[str] = []

    def told() -> Iterator[Any]:
        found = reading.asked(asked)
        yield from found.messages
        yield {"role": "system", "parts": found.system}

    def answered() -> Iterator[Any]:
        reader = reading.reader(Budget(10**6))
        for event in events:
            reader.add(event)
        yield from reader.messages()

    for thing, read in ((asked, told), (events, answered)):
        for container, key in [*places(thing)]:
            original = container[key]
            for wrong in WRONG:
                container[key] = wrong
                problems += [f"{key} as {wrong!r}: {fault}" for fault in badly_made(read())]
            container[key] = original
    return problems


def thinned(events: list[Any]) -> list[Any]:
    """Copies of the events, without most of those that differ from others in their words alone."""
    seen: Counter[str] = Counter()
    found: list[Any] = []
    for event in events:
        shape = f"{event.get('type')} {[key for _, key in places(event)]}"
        seen[shape] += 1
        if seen[shape] <= _ALIKE:
            found.append(copy.deepcopy(event))
    return found


def badly_made(messages: Iterator[Any]) -> Iterator[str]:
    """What is wrong with messages once they are copied as they would be told."""
    for message in messages:
        parts = Copying(4000, 4000).parts(message["parts"])
        text, structure = fit([{**message, "parts": parts}], 10**6)
        if json.loads(text) != structure:
            yield f"not JSON: {text}"
        if not isinstance(message["role"], str):
            yield f"the role is {message['role']!r}"
        for part in parts:
            for key, kind in REQUIRED.get(part["type"], {}).items():
                if not isinstance(part.get(key), kind) or part[key] is None:
                    yield f"{part['type']} has {key}={part.get(key)!r}"
