"""What anything is that says what a model answered or consumed, told by its fields alone.

Answers and usage objects of every SDK as objects or dicts, a stream's chunks in a list, LangChain's messages
and their metadata, LiteLLM's usage, LangSmith's runs. Each is then read by its own dialect. What is not known
gives None, never a guess.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import chain
from typing import Any

from otel_llm.dialects import (
    anthropic_messages,
    bedrock_converse,
    bedrock_invoke,
    cohere,
    gemini,
    ollama,
    openai_chat,
    vertexai,
)
from otel_llm.dialects.counts import read_counts
from otel_llm.dialects.dialect import Dialect
from otel_llm.dialects.fields import Fields, fields, text
from otel_llm.dialects.gemini_interactions import INTERACTIONS
from otel_llm.dialects.langchain import LOGPROBS, read_chunks, read_langchain, read_metadata
from otel_llm.dialects.logprobs import LogprobReader
from otel_llm.dialects.openai_chat import OTHER, error_code
from otel_llm.dialects.openai_embeddings import EMBEDDINGS
from otel_llm.dialects.openai_responses import RESPONSES
from otel_llm.dialects.plain import plain
from otel_llm.dialects.reported_cost import read_cost
from otel_llm.record import NOTHING, ModelResponse
from otel_llm.usage import TokenUsage

# Answers, by fields that all have to be there. What has choices may be a whole answer or a chunk of one.
_ANSWERS: tuple[tuple[frozenset[str], Dialect], ...] = tuple(
    (frozenset(names.split()), dialect)
    for names, dialect in (
        ("choices", openai_chat.CHAT),
        ("object output status", RESPONSES),
        ("id status steps", INTERACTIONS),
        ("object outputs status", INTERACTIONS),
        ("content stop_reason usage", anthropic_messages.MESSAGES),
        ("completion stop_reason", anthropic_messages.COMPLETE),
        ("_raw_response", vertexai.GENERATE),
        ("candidates", gemini.GENERATE),
        ("promptFeedback", gemini.GENERATE),
        ("prompt_feedback usage_metadata", gemini.GENERATE),
        ("output stopReason", bedrock_converse.CONVERSE),
        ("generation prompt_token_count", bedrock_invoke.PLAIN),
        ("inputTextTokenCount", bedrock_invoke.PLAIN),
        ("completions prompt", bedrock_invoke.PLAIN),
        ("embeddings prompt_eval_count", ollama.EMBED),
        ("model done", ollama.CHAT),
        ("finish_reason message usage", cohere.CHAT),
        ("finish_reason generation_id text", cohere.CHAT),
        ("generations meta", cohere.GENERATE),
        ("embeddings meta", cohere.EMBED),
        ("id meta results", cohere.RERANK),
        ("embeddings metadata", gemini.EMBED),
        ("embeddings usageMetadata", gemini.EMBED),
        ("embedding usageMetadata", gemini.EMBED),
        ("data object usage", EMBEDDINGS),
    )
)
# Events of streams, by how their kinds begin or by fields any of which is enough.
_KINDS_OF_EVENTS: tuple[tuple[str, Dialect], ...] = (
    ("response.", RESPONSES),
    ("message_", anthropic_messages.MESSAGES),
    ("message-", cohere.CHAT),
    ("stream-", cohere.CHAT),
    ("interaction.", INTERACTIONS),
)
_EVENTS: tuple[tuple[frozenset[str], Dialect], ...] = tuple(
    (frozenset(names.split()), dialect)
    for names, dialect in (
        ("messageStart contentBlockDelta contentBlockStop messageStop", bedrock_converse.CONVERSE),
        ("chunk", bedrock_invoke.INVOKE_CHAT),
    )
)
_ERROR = frozenset(("message", "type", "param", "code"))


def read_response(thing: Any) -> ModelResponse | None:
    """The answer in an SDK's object or dict, a list of stream events, a LangChain message or its metadata, a
    LangSmith run, or a usage object by itself. None for what is not known; nothing is guessed or changed."""
    found = _read(thing)
    if found is None or found.usage is None:
        return found
    usage = found.usage
    if usage.total_tokens is None and usage.input_tokens is not None and usage.output_tokens is not None:
        usage = replace(usage, total_tokens=usage.input_tokens + usage.output_tokens)
    return replace(found, usage=usage)


def read_usage(thing: Any) -> TokenUsage | None:
    """The token counts in anything that `read_response` reads; None if there are none."""
    found = read_response(thing)
    return None if found is None else found.usage


# Of what is no answer by its fields, by its class.
_KINDS: tuple[tuple[type, Callable[[Any], ModelResponse | None]], ...] = (
    (ModelResponse, lambda response: response),
    (TokenUsage, lambda usage: ModelResponse(usage=usage)),
    (BaseException, lambda error: ModelResponse(error=type(error).__qualname__)),
)


def _read(thing: Any) -> ModelResponse | None:
    for kind, read in _KINDS:
        if isinstance(thing, kind):
            return read(thing)
    if isinstance(thing, (list, tuple)) and not hasattr(thing, "_asdict"):
        return _read_events([plain(event) for event in thing])
    thing = plain(thing)
    seen = fields(thing)
    if (found := read_langchain(seen)) is not None or "run_type" in seen:
        return _sure(found, LOGPROBS, [thing])
    if (dialect := _dialect(seen) or _event_dialect(seen)) is not None:
        return _sure(dialect.read_answer(thing), dialect.logprobs, [thing])
    usage = read_counts(thing)
    return _read_loose(seen) if usage is None else ModelResponse(usage=usage, **read_cost(seen))


def _sure(
    found: ModelResponse | None, logprobs: Callable[[int], LogprobReader] | None, events: list[Any]
) -> ModelResponse | None:
    """The same, and how sure the model was, if that is told."""
    if logprobs is None:
        return found
    reader = logprobs(0)
    for event in events:
        reader.add(event)
    summary = reader.summary()
    return found if summary is None else replace(found or NOTHING, logprobs=summary)


def _read_loose(seen: Fields) -> ModelResponse | None:
    if "exception" in seen and "status_code" in seen:
        return ModelResponse(error=text(seen["exception"]))
    if (error := _error(seen)) is not None:
        return ModelResponse(error=error)
    token = {"logprobs": seen} if "token" in seen else seen  # one by itself
    return _sure(read_metadata(seen), LOGPROBS, [token])


def _error(seen: Fields) -> str | None:
    """The short code of an error in the place of an answer, if it has one."""
    if not seen.get("error") and seen.get("object") != "error" and not seen.keys() >= _ERROR:
        return None
    known = (error_code(part) for part in (seen.get("error"), seen) if fields(part))
    return next((told for told in known if told not in (None, OTHER)), None)


def _dialect(seen: Fields) -> Dialect | None:
    return next((dialect for names, dialect in _ANSWERS if names <= seen.keys()), None)


def _read_events(events: list[Any]) -> ModelResponse | None:
    """Chunks of a stream, which are answers in pieces; of what is else told in events only the kinds differ."""
    if events and (found := read_chunks(events)) is not None:
        return _sure(found, LOGPROBS, events)
    events = [_unwrapped(event) for event in events]
    known = (_dialect(seen) or _event_dialect(seen) for seen in map(fields, events))
    dialect = next((found for found in known if found is not None), None)
    if dialect is None:
        error = next((told for event in events if (told := _error(fields(event))) is not None), None)
        return None if error is None else ModelResponse(error=error)
    fold = dialect.fold()
    for event in events:
        fold.add(event)
    return _sure(fold.response(complete=True), dialect.logprobs, events)


def _unwrapped(event: Any) -> Any:
    """Mistral's chunks come in envelopes."""
    inside = fields(event).get("data")
    return inside if "choices" in fields(inside) else event


def _event_dialect(seen: Fields) -> Dialect | None:
    kind = text(seen.get("type")) or text(seen.get("event_type")) or ""
    by_kind = (dialect for begin, dialect in _KINDS_OF_EVENTS if kind.startswith(begin))
    by_field = (dialect for names, dialect in _EVENTS if names & seen.keys())
    return next(chain(by_kind, by_field), None)
