"""How the words of a wire are read: straight from what was recorded, and through its SDK from a replayed answer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from otel_llm.dialects.content import content_of
from otel_llm.dialects.content.parts import Asked
from otel_llm.dialects.content.pieces import Budget
from otel_llm.testing import ReplayServer, Telemetry
from tests.content.parts import faults, taken_apart
from tests.lives.scenarios import each, run
from tests.native import NATIVES, Native
from tests.recordings import Recording, recordings
from tests.test_recordings import WRONG, places

Words = tuple[str, ...]
ALL = 10**7
INPUT, OUTPUT = "gen_ai.input.messages", "gen_ai.output.messages"
SYSTEM, TOOLS = "gen_ai.system_instructions", "gen_ai.tool.definitions"


def recorded(module: str, *apis: str, folders: Iterable[str] = ()) -> list[Any]:
    """Parameters `native` and `recording`: all exchanges of an SDK's APIs, in some folders or all of them."""
    return [
        pytest.param(native, recording, id=recording.name)
        for native in NATIVES
        if native.module == module and (not folders or native.folder in folders)
        for recording in recordings(native.folder, native.apis)
        if recording.api in apis and isinstance(recording.asked, dict)
    ]


def joined(words: Iterable[Words]) -> list[Words]:
    """Texts of one kind that follow one another as one; empty ones left out."""
    found: list[Words] = []
    for each_ in words:
        if each_[0] in ("text", "reasoning") and found and found[-1][0] == each_[0]:
            found[-1] = (each_[0], found[-1][1] + each_[1])
        elif each_[1:] != ("",):
            found.append(each_)
    return found


def read(name: str, body: Any, events: Iterable[Any], budget: int = ALL) -> tuple[Asked, list[Any]]:
    """What our reading says of a request, and of an answer in events."""
    content = content_of(name)
    reader = content.reader(Budget(budget))
    for event in events:
        reader.add(event)
    return content.asked(body), reader.messages()


def attributes(asked: Asked, answered: list[Any]) -> dict[str, Any]:
    """Both as a span would have them."""
    return {
        INPUT: asked.messages,
        OUTPUT: [{**each, "finish_reason": "stop"} for each in answered],
        SYSTEM: asked.system,
        TOOLS: asked.tools,
    }


def events_of(recording: Recording) -> list[Any]:
    """The events of an answer, in server-sent events or in lines; none of one that says that it failed."""
    if recording.status >= 400:
        return []
    in_lines = recording.streaming and recording.body.startswith("{")
    return [*map(json.loads, recording.body.splitlines())] if in_lines else recording.events()


def smallest(parameters: list[Any]) -> list[Any]:
    """Of each API the smallest answers, whole and streamed, with and without tools."""
    found: dict[Any, Any] = {}
    for parameter in sorted(parameters, key=lambda one: len(one.values[1].body)):
        recording = parameter.values[1]
        if recording.status < 400:
            kind = (recording.api, recording.streaming, bool(recording.asked.get("tools")))
            found.setdefault(kind, parameter)
    return list(found.values())


def wrongs(name: str, asked: Any, events: list[Any]) -> Iterator[str]:
    """What goes wrong if any field, of the request or of any event, is null or of a wrong type."""
    body, events = json.loads(json.dumps([asked, events]))
    for container, key in [*places(body), *places(events)]:
        original = container[key]
        for wrong in WRONG:
            container[key] = wrong
            request, answered = read(name, body, events)
            if wrong is None:
                found = faults(json.loads(json.dumps(attributes(request, answered))))
                yield from (f"{key} as {wrong!r}: {fault}" for fault in found)
        container[key] = original


def through_the_sdk(
    replay: ReplayServer, telemetry: Telemetry, native: Native, recording: Recording, kind: str
) -> dict[str, list[Any]]:
    """What the span of a replayed exchange says."""
    if not native.installed:
        pytest.skip(f"{native.module} is not installed")
    if recording.unreadable or recording.status >= 400:
        pytest.skip("the SDK has nothing to read")
    replay.answer(recording.exchange)

    async def go() -> None:
        result = await native.ask(kind, replay.url, recording.api, recording.streaming)
        if recording.streaming:
            async for _ in each(result):
                pass

    run(kind, go())
    return of_the_span(telemetry)


def of_the_span(telemetry: Telemetry) -> dict[str, list[Any]]:
    """What the only span says, by attribute."""
    (span,) = telemetry.spans
    found = dict(span.attributes or {})
    assert list(faults(found)) == []
    return {name: json.loads(found.get(name, "[]")) for name in (INPUT, OUTPUT, SYSTEM, TOOLS)}


def words(messages: Any) -> list[Words]:
    """The words of messages, or of parts alone."""
    given = messages if not messages or "parts" in messages[0] else [{"parts": messages}]
    return taken_apart(given)
