"""What holds for the words of every wire: each has a reading, and none keeps more than its budget."""

from __future__ import annotations

import json
import pkgutil
import tracemalloc
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest

from otel_llm import dialects
from otel_llm.dialects.content import content_of
from otel_llm.dialects.content.pieces import Budget
from otel_llm.dialects.dialect import Dialect

ALL = [
    dialect
    for module in pkgutil.iter_modules(dialects.__path__)
    for dialect in vars(import_module(f"otel_llm.dialects.{module.name}")).values()
    if isinstance(dialect, Dialect)
]


@pytest.mark.parametrize("dialect", ALL, ids=lambda dialect: f"{dialect.api}-{dialect.operation}")
def test_every_wire_that_says_something_is_read(dialect: Dialect) -> None:
    """And embeddings and rankings, for which the conventions have no messages, are not."""
    if dialect.operation in ("embeddings", "rerank"):
        assert dialect.content == ""
    else:
        assert content_of(dialect.content).asked({}).messages == []
        assert content_of(dialect.content).reader(Budget(99)).messages() == []


def gemini(n: int) -> Any:
    parts = [
        {"text": f"{n} words", "thought": n % 2 == 0},
        {"functionCall": {"name": "f", "args": {"a": ["x" * 100]}}},
        {"inlineData": {"mimeType": "image/png", "data": f"{n:04}"}},
        {"functionCall": {"name": "f", "willContinue": True}},
        {"functionCall": {"partialArgs": [{"jsonPath": f"$.a{n}", "stringValue": "x" * 100}]}},
    ]
    return {"candidates": [{"index": n, "content": {"parts": parts}}, {"content": {"parts": parts}}]}


def interactions(n: int) -> Any:
    return {"event_type": "step.delta", "index": n // 2, "delta": {"type": "text", "text": f"{n} words"}}


def steps(n: int) -> Any:
    step = {"type": "google_search_result", "call_id": "c", "result": ["x" * 100]}
    return {"event_type": "step.start", "index": n, "step": step}


def cohere(n: int) -> Any:
    content = {"text": f"{n} words"}
    return {"type": "content-delta", "index": n // 2, "delta": {"message": {"content": content}}}


def cohere_calls(n: int) -> Any:
    call = {"id": "c", "function": {"name": "f", "arguments": '{"a": 1}'}}
    return {"type": "tool-call-start", "index": n, "delta": {"message": {"tool_calls": call}}}


def ollama(n: int) -> Any:
    call = {"function": {"name": "f", "arguments": {"a": "x" * 100}}}
    return {"message": {"content": f"{n} words", "thinking": "x", "tool_calls": [call], "images": ["aGk="]}}


def mistral(n: int) -> Any:
    return {"data": {"type": "message.output.delta", "id": f"{n // 2}", "content": f"{n} words"}}


def mistral_tools(n: int) -> Any:
    return {"data": {"type": "tool.execution.done", "id": f"{n}", "name": "t", "info": {"a": "x" * 100}}}


ENDLESS: list[tuple[str, Callable[[int], Any]]] = [
    ("gemini.GENERATE", gemini),
    ("gemini_interactions.INTERACTIONS", interactions),
    ("gemini_interactions.INTERACTIONS", steps),
    ("cohere.CHAT", cohere),
    ("cohere.CHAT", cohere_calls),
    ("ollama.CHAT", ollama),
    ("mistral.CONVERSATIONS", mistral),
    ("mistral.CONVERSATIONS", mistral_tools),
]


@pytest.mark.parametrize(("name", "event"), ENDLESS, ids=lambda given: getattr(given, "__name__", given))
def test_an_endless_stream_is_not_kept(name: str, event: Callable[[int], Any]) -> None:
    """Whatever comes, and however often something new begins: no more than the budget and a little."""
    reader = content_of(name).reader(Budget(20_000))
    for n in range(1000):
        reader.add(event(n))
    tracemalloc.start()
    for n in range(1000, 3000):
        reader.add(event(n))
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    told = json.dumps(reader.messages())
    assert grown < 30_000
    assert 1000 < len(told) < 60_000


@pytest.mark.parametrize("size", [10, 1_000_000])
def test_a_large_picture_takes_no_room_from_the_words_after_it(size: int) -> None:
    """It is told by its size and hash anyway."""
    reader = content_of("gemini.GENERATE").reader(Budget(1000))
    picture = {"inlineData": {"mimeType": "image/png", "data": "A" * size}}
    for part in ({"text": "before"}, picture, {"text": "after"}):
        reader.add({"candidates": [{"content": {"parts": [part]}}]})
    (said,) = reader.messages()
    assert [part["type"] for part in said["parts"]] == ["text", "blob", "text"]
    assert said["parts"][2]["content"] == "after"
