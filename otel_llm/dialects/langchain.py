"""What LangChain and LangSmith keep of a call: messages, results, metadata, runs.

https://docs.langchain.com/oss/python/langchain/messages
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial, reduce
from typing import Any

from otel_llm.dialects.counts import read_counts
from otel_llm.dialects.fields import Fields, fields, items, text
from otel_llm.dialects.finish_reasons import normalize
from otel_llm.dialects.langchain_usage import read_langchain_usage
from otel_llm.dialects.logprobs import LogprobReader
from otel_llm.dialects.reported_cost import read_cost
from otel_llm.record import ModelResponse
from otel_llm.usage import TokenUsage

_METADATA = frozenset(
    (
        "token_usage",
        "usage",
        "usage_metadata",
        "usageMetadata",
        "model_name",
        "model_provider",
        "finish_reason",
        "stop_reason",
        "stopReason",
    )
)
_USAGES = ("usage", "token_usage", "usage_metadata", "usageMetadata", "token_count")
_REASONS = ("finish_reason", "stop_reason", "stopReason", "done_reason")
_RUN_IDS = ("run-", "run--", "lc_run-", "lc_")  # LangChain's own, not the provider's
_INSIDE = ("message", "data", "kwargs")
"""Where a message is in what wraps it: a generation, and both forms that messages are stored in."""


def read_langchain(seen: Fields) -> ModelResponse | None:
    """A message, what wraps one, a result or a run; None for anything else."""
    if "run_type" in seen:
        return _read_run(seen)
    if (message := _message(seen)) is not None:
        return _read_message(message)
    return _read_result(seen) if "generations" in seen and "llm_output" in seen else None


def read_metadata(seen: Fields) -> ModelResponse | None:
    """`response_metadata`, which each integration fills as it likes, by itself."""
    return _read_metadata(seen) if seen.keys() & _METADATA else None


def read_chunks(chunks: Any) -> ModelResponse | None:
    """Chunks of one message in a list: their figures are to be added up. None if they are none."""
    messages = [_message(fields(chunk)) for chunk in chunks]
    if any(message is None or message.get("type") != "AIMessageChunk" for message in messages):
        return None
    return reduce(_join, (_read_message(message) for message in messages if message is not None))


def _logprobs(event: Any) -> Iterator[tuple[int, Any]]:
    """Lists of tokens as integrations keep them, in a message's metadata or beside a text: the provider's own, or
    those that Google's integrations make. An average alone is left out: those have told it wrong more than once."""
    results = items(fields(event).get("generations"))
    choices = [choice for prompt in results for choice in items(prompt) or (prompt,)]
    for position, choice in enumerate(choices or (event,)):
        seen = fields(choice)
        kept = (fields(_message(seen)).get("response_metadata"), seen.get("generation_info"), seen)
        told = (fields(one).get(name) for one in kept for name in ("logprobs", "logprobs_result"))
        yield position, next((one for one in told if one is not None), None)


LOGPROBS = partial(LogprobReader, _logprobs)


def _join(first: ModelResponse, second: ModelResponse) -> ModelResponse:
    told = {name: value for name, value in vars(second).items() if value is not None}
    return replace(first, **{**told, "usage": _sum([first.usage, second.usage]), "id": first.id or second.id})


def _sum(usages: list[TokenUsage | None]) -> TokenUsage | None:
    return sum(usage for usage in usages if usage is not None) or None


def _first(usages: Iterable[TokenUsage | None]) -> TokenUsage | None:
    return next((usage for usage in usages if usage is not None), None)


def _message(seen: Fields) -> Fields | None:
    if "response_metadata" in seen:
        return seen
    inner = (fields(seen.get(name)) for name in _INSIDE)
    return next((one for one in inner if "response_metadata" in one or "usage_metadata" in one), None)


def _read_message(seen: Fields) -> ModelResponse:
    """A message: its own usage counts, for what the integration kept of the provider's may be in any convention."""
    found = _read_metadata(fields(seen.get("response_metadata")))
    usage = read_langchain_usage(seen.get("usage_metadata")) or found.usage
    own = text(seen.get("id")) or ""
    return replace(found, usage=usage, id=found.id or (None if own.startswith(_RUN_IDS) else own or None))


def _read_metadata(seen: Fields) -> ModelResponse:
    inner = next((seen[name] for name in _USAGES if seen.get(name)), None)
    # The Responses API has no reason but a status, and says elsewhere why it is incomplete.
    cut = fields(seen.get("incomplete_details")).get("reason")
    reasons = (*(seen.get(name) for name in _REASONS), cut, seen.get("status"))
    reason = next((told for told in map(text, reasons) if told is not None), None)
    models = (text(seen.get(name)) for name in ("model_name", "model", "model_id"))
    return ModelResponse(
        model=next((model for model in models if model is not None), None),
        id=text(seen.get("id")),
        finish_reasons=None if reason is None else (normalize(reason),),
        raw_finish_reasons=None if reason is None else (reason,),
        system_fingerprint=text(seen.get("system_fingerprint")),
        service_tier=text(seen.get("service_tier")),
        usage=None if inner is None else read_counts(inner),
        **read_cost(fields(inner)),
    )


def _read_result(seen: Fields) -> ModelResponse:
    """All choices of one prompt, or of several: each choice repeats what its whole request consumed."""
    whole = _read_metadata(fields(seen.get("llm_output")))
    prompts = [items(prompt) or (prompt,) for prompt in items(seen.get("generations"))]
    answers = [[_read_choice(fields(choice)) for choice in prompt] for prompt in prompts]
    own = [_first(_own_usage(fields(choice)) for choice in prompt) for prompt in prompts]
    kept = [_first(one.usage for one in answer) for answer in answers]
    every = [one for answer in answers for one in answer]
    return replace(
        whole,
        model=whole.model or next((one.model for one in every if one.model), None),
        id=whole.id or next((one.id for one in every if one.id), None),
        usage=_sum(own) or whole.usage or _sum(kept),
        finish_reasons=tuple(reason for one in every for reason in one.finish_reasons or ()) or None,
        raw_finish_reasons=tuple(reason for one in every for reason in one.raw_finish_reasons or ()) or None,
    )


def _own_usage(choice: Fields) -> TokenUsage | None:
    return read_langchain_usage(fields(_message(choice)).get("usage_metadata"))


def _read_choice(seen: Fields) -> ModelResponse:
    aside = _read_metadata(fields(seen.get("generation_info")))
    message = _message(seen)
    found = aside if message is None else _read_message(message)
    return (
        found
        if found.finish_reasons is not None
        else replace(found, finish_reasons=aside.finish_reasons, raw_finish_reasons=aside.raw_finish_reasons)
    )


def _read_run(seen: Fields) -> ModelResponse | None:
    """A run of LangSmith's: totals in OpenAI's words with details in LangChain's, or the message's own usage."""
    names = {"prompt": "input", "completion": "output", "total": "total"}
    told: dict[str, Any] = {
        f"{ours}_token{rest}": seen.get(f"{theirs}_token{rest}")
        for theirs, ours in names.items()
        for rest in ("s", "_details")
    }
    aside = fields(fields(seen.get("extra")).get("metadata"))
    kept = (told, *(fields(part).get("usage_metadata") for part in (seen.get("outputs"), aside)))
    usage = _first(map(read_langchain_usage, kept))
    return None if usage is None else ModelResponse(usage=usage)
