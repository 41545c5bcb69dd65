"""What anything is that says what a model answered or consumed, told by its fields alone.

Answers and usage objects of every SDK as objects or dicts, a stream's chunks in a list, LangChain's messages
and their metadata, LiteLLM's usage, LangSmith's runs. Each is then read by its own dialect. What is not known
gives None, never a guess.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from otel_llm.dialects import anthropic_messages, bedrock_converse, cohere, gemini, ollama, openai_chat
from otel_llm.dialects.dialect import Dialect
from otel_llm.dialects.fields import Fields, fields, text
from otel_llm.dialects.finish_reasons import normalize
from otel_llm.dialects.langchain_usage import read_langchain_usage
from otel_llm.dialects.openai_embeddings import EMBEDDINGS
from otel_llm.dialects.openai_responses import RESPONSES
from otel_llm.dialects.openai_usage import read_openai_usage
from otel_llm.record import ModelResponse
from otel_llm.usage import TokenUsage

# Answers, by fields that all have to be there. What has choices may be a whole answer or a chunk of one.
_ANSWERS: tuple[tuple[frozenset[str], Dialect], ...] = tuple(
    (frozenset(names.split()), dialect)
    for names, dialect in (
        ("choices", openai_chat.CHAT),
        ("object output status", RESPONSES),
        ("content stop_reason usage", anthropic_messages.MESSAGES),
        ("candidates", gemini.GENERATE),
        ("promptFeedback", gemini.GENERATE),
        ("prompt_feedback usage_metadata", gemini.GENERATE),
        ("output stopReason", bedrock_converse.CONVERSE),
        ("embeddings prompt_eval_count", ollama.EMBED),
        ("model done", ollama.CHAT),
        ("finish_reason message usage", cohere.CHAT),
        ("data object usage", EMBEDDINGS),
    )
)
# Usage objects, by fields any of which is enough.
_USAGES: tuple[tuple[frozenset[str], Callable[[Any], TokenUsage | None]], ...] = tuple(
    (frozenset(names.split()), read)
    for names, read in (
        ("prompt_token_count total_token_count promptTokenCount totalTokenCount", gemini.read_gemini_usage),
        ("inputTokens outputTokens", bedrock_converse.read_converse_usage),
        ("tokens billed_units", cohere.read_cohere_usage),
        ("prompt_tokens completion_tokens prompt_cache_hit_tokens", read_openai_usage),
        ("input_tokens_details", read_openai_usage),
        ("input_token_details output_token_details total_tokens total_cost", read_langchain_usage),
        ("input_tokens output_tokens", anthropic_messages.read_anthropic_usage),
    )
)
_METADATA = frozenset(
    (
        "token_usage",
        "usage",
        "usage_metadata",
        "model_name",
        "model_provider",
        "finish_reason",
        "stop_reason",
        "stopReason",
    )
)
_RUN_IDS = ("run-", "run--", "lc_run-", "lc_")  # LangChain's own, not the provider's


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
    if isinstance(thing, (list, tuple)):
        return _read_events(thing)
    seen = _fields(thing)
    if "response_metadata" in seen or "run_type" in seen:
        return _read_message(seen) if "response_metadata" in seen else _only(read_openai_usage(seen))
    if (dialect := _dialect(seen)) is not None:
        return dialect.read_answer(thing)
    return _only(_read_counts(seen)) or _read_loose(seen)


def _read_loose(seen: Fields) -> ModelResponse | None:
    if "exception" in seen and "status_code" in seen:
        return ModelResponse(error=text(seen["exception"]))
    return _read_metadata(seen) if seen.keys() & _METADATA else None


def _fields(thing: Any) -> Fields:
    """With what LiteLLM hides in private attributes. Their default is 0, so that a 0 there says nothing."""
    seen = fields(thing)
    hidden = getattr(thing, "__pydantic_private__", None)
    return {**{name: value for name, value in hidden.items() if value}, **seen} if hidden else seen


def _only(usage: TokenUsage | None) -> ModelResponse | None:
    return None if usage is None else ModelResponse(usage=usage)


def _dialect(seen: Fields) -> Dialect | None:
    return next((dialect for names, dialect in _ANSWERS if names <= seen.keys()), None)


def _read_events(events: Any) -> ModelResponse | None:
    """Chunks of a stream, which are answers in pieces; of what is else told in events only the kinds differ."""
    dialect = next((found for event in events if (found := _event_dialect(fields(event))) is not None), None)
    if dialect is None:
        return None
    fold = dialect.fold()
    for event in events:
        fold.add(event)
    return fold.response(complete=True)


def _event_dialect(seen: Fields) -> Dialect | None:
    kind = text(seen.get("type")) or ""
    if kind.startswith("response."):
        return RESPONSES
    return anthropic_messages.MESSAGES if kind == "message_start" else _dialect(seen)


def _read_counts(seen: Fields) -> TokenUsage | None:
    for names, read in _USAGES:
        if names & seen.keys():
            # OpenAI's realtime API and LangChain have one name for details, in which they differ.
            cached = fields(seen.get("input_token_details"))
            return read_openai_usage(seen) if "cached_tokens" in cached else read(seen)
    return None


def _read_message(seen: Fields) -> ModelResponse:
    """A message: its own usage counts, for what the integration kept of the provider's may be in any convention."""
    found = _read_metadata(fields(seen["response_metadata"]))
    usage = read_langchain_usage(seen.get("usage_metadata")) or found.usage
    own = text(seen.get("id")) or ""
    return replace(found, usage=usage, id=found.id or (None if own.startswith(_RUN_IDS) else own or None))


def _read_metadata(seen: Fields) -> ModelResponse:
    """`response_metadata`, which each integration fills as it likes."""
    inner = next((seen[name] for name in ("usage", "token_usage", "usage_metadata") if seen.get(name)), None)
    reasons = (seen.get(name) for name in ("finish_reason", "stop_reason", "stopReason", "done_reason"))
    reason = next((told for told in map(text, reasons) if told is not None), None)
    models = (text(seen.get(name)) for name in ("model_name", "model", "model_id"))
    return ModelResponse(
        model=next((model for model in models if model is not None), None),
        id=text(seen.get("id")),
        finish_reasons=None if reason is None else (normalize(reason),),
        raw_finish_reasons=None if reason is None else (reason,),
        system_fingerprint=text(seen.get("system_fingerprint")),
        usage=None if inner is None else _read_counts(_fields(inner)),
    )
