"""What goes into LangChain's tools, retrievers, agents and workflows, and what comes out of them."""

from __future__ import annotations

from typing import Any

from otel_llm.dialects.content.langchain_messages import read_message
from otel_llm.dialects.content.parts import Message, Part, parsed, said, tool_call, tool_result
from otel_llm.dialects.content.steps import Found, StepContent
from otel_llm.dialects.fields import Fields, fields, items, number
from otel_llm.dialects.langchain import read_langchain

_STATES = ("messages", "input")
_RESULTS = ("messages", "output")
_SCORES = ("score", "relevance_score")
"""Where retrievers and rerankers leave in a document's metadata how well it fits."""


def _tool_asked(serialized: Any, given: Any, told: Fields) -> Found:
    """`given` is the text of the arguments, which are told as well, if the tool takes several."""
    seen = fields(serialized)
    arguments = told.get("inputs")
    found = {"arguments": [tool_call(seen.get("name"), given if arguments is None else arguments)]}
    description = seen.get("description")
    return {**found, "description": [said(description)]} if isinstance(description, str) else found


def _tool_answered(result: Any, told: Fields) -> Found:
    del told
    seen = fields(result)
    given = seen["content"] if "tool_call_id" in seen and "content" in seen else result
    return {"result": [{**tool_result(None), "response": parsed(given)}]}  # None is a result as well


def _query(serialized: Any, given: Any, told: Fields) -> Found:
    del serialized, told
    return {"query": [said(given)]} if isinstance(given, str) else {}


def _documents(result: Any, told: Fields) -> Found:
    del told
    return {"documents": [_document(fields(one)) for one in items(result)]}


def _document(seen: Fields) -> Part:
    aside = fields(seen.get("metadata"))
    found: Part = {"type": "document", "content": seen.get("page_content")}
    if isinstance(own := seen.get("id"), str):
        found["id"] = own
    scores = (number(aside.get(name)) for name in _SCORES)
    if (score := next((one for one in scores if one is not None), None)) is not None:
        found["score"] = score
    return {**found, "metadata": aside} if aside else found


def _chain_asked(serialized: Any, given: Any, told: Fields) -> Found:
    del serialized, told
    found = (read_message(one) for one in _things(given, _STATES))
    return {"inputs": [one for one in found if one is not None and one["parts"]]}


def _chain_answered(result: Any, told: Fields) -> Found:
    """The last thing that was said: a state has all that was said before, too. What went into a stream is told at
    its end."""
    found = {
        "outputs": [one for each in _things(result, _RESULTS)[-1:] if (one := _answer(each)) is not None]
    }
    return found if told.get("inputs") is None else {**found, **_chain_asked(None, told["inputs"], told)}


def _things(thing: Any, places: tuple[str, ...]) -> list[Any]:
    """What may be messages: of a list each, of a state or a prompt those in it, else the thing itself."""
    seen = fields(thing)
    held = next((seen[name] for name in places if seen.get(name) is not None), None)
    if held is None:
        held = seen["text"] if isinstance(seen.get("text"), str) and "content" not in seen else thing
    return held if isinstance(held, list) else [held]  # pyright: ignore[reportUnknownVariableType]


def _answer(thing: Any) -> Message | None:
    """A message that comes out, unless it went in; a text is said by whoever was asked."""
    found = read_message(thing)
    if isinstance(thing, str) and found is not None:
        found["role"] = "assistant"
    if found is None or found["role"] in ("user", "system") or not found["parts"]:
        return None
    known = read_langchain(fields(thing))
    reasons = None if known is None else known.finish_reasons
    return {**found, "finish_reason": reasons[0]} if reasons else found


TOOL = StepContent(_tool_asked, _tool_answered)
RETRIEVAL = StepContent(_query, _documents)
CHAIN = StepContent(_chain_asked, _chain_answered)
