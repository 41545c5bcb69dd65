"""Both sides of a call as a wire's content reader has them, without an SDK."""

from __future__ import annotations

import json
from typing import Any

from otel_llm.dialects.content import content_of
from otel_llm.dialects.content.parts import Asked, Budget
from tests.content.parts import faults


def read(name: str, asked: Any, events: list[Any]) -> tuple[Asked, list[Any]]:
    """What is asked, and the messages of the answer."""
    return content_of(name).asked(asked), answered(name, events)


def answered(name: str, events: list[Any], budget: int = 10**7) -> list[Any]:
    """The messages of an answer alone."""
    reader = content_of(name).reader(Budget(budget))
    for event in events:
        reader.add(event)
    return reader.messages()


def wrong(asked: Asked, answers: list[Any]) -> list[str]:
    """What the conventions' schemas have against it."""
    attributes = {
        "gen_ai.input.messages": asked.messages,
        "gen_ai.output.messages": [{**each, "finish_reason": "stop"} for each in answers],
        "gen_ai.system_instructions": asked.system,
        "gen_ai.tool.definitions": asked.tools,
    }
    return list(faults(json.loads(json.dumps(attributes))))
