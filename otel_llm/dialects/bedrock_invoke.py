"""Amazon Bedrock's InvokeModel: one body for each family of models, told apart by what is in it.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html

Some bodies have no figures; then those of the response's headers count, or of the metrics that end a stream.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from otel_llm.dialects.anthropic_messages import MESSAGES
from otel_llm.dialects.bedrock_converse import CONVERSE, read_converse_usage
from otel_llm.dialects.dialect import Dialect, Fold
from otel_llm.dialects.fields import Fields, Table, count, fields, items, number, read, text, texts, whole
from otel_llm.dialects.finish_reasons import ERROR, normalize
from otel_llm.dialects.logprobs_places import BODIES
from otel_llm.dialects.openai_chat import CHAT
from otel_llm.dialects.sse import decode
from otel_llm.record import ModelRequest, ModelResponse
from otel_llm.usage import TokenUsage

_REQUEST: Table = {
    "model": ("model", text),
    **dict.fromkeys(
        (
            "max_tokens",
            "max_completion_tokens",
            "max_tokens_to_sample",
            "max_gen_len",
            "maxTokens",
            "maxTokenCount",
            "max_new_tokens",
        ),
        ("max_tokens", count),
    ),
    "temperature": ("temperature", number),
    "top_p": ("top_p", number),
    "topP": ("top_p", number),
    "p": ("top_p", number),
    "top_k": ("top_k", count),
    "topK": ("top_k", count),
    "k": ("top_k", count),
    "stop": ("stop_sequences", texts),
    "stop_sequences": ("stop_sequences", texts),
    "stopSequences": ("stop_sequences", texts),
    "seed": ("seed", whole),
    "n": ("choice_count", count),
    "num_generations": ("choice_count", count),
    "numResults": ("choice_count", count),
    "reasoning_effort": ("reasoning_level", text),
    "dimensions": ("dimensions", count),
    "embedding_types": ("encoding_formats", texts),
}


def _read_request(body: Fields) -> ModelRequest:
    nested = [fields(body.get(name)) for name in ("textGenerationConfig", "inferenceConfig")]
    return ModelRequest.of(
        {name: value for part in (body, *nested) for name, value in read(_REQUEST, part).items()}
    )


_HEADERS: Table = {
    "x-amzn-bedrock-input-token-count": ("inputTokens", lambda value: value),
    "x-amzn-bedrock-output-token-count": ("outputTokens", lambda value: value),
    "x-amzn-bedrock-cache-read-input-token-count": ("cacheReadInputTokens", lambda value: value),
    "x-amzn-bedrock-cache-write-input-token-count": ("cacheWriteInputTokens", lambda value: value),
}


_METRICS = {
    "inputTokenCount": "inputTokens",
    "outputTokenCount": "outputTokens",
    "cacheReadInputTokenCount": "cacheReadInputTokens",
    "cacheWriteInputTokenCount": "cacheWriteInputTokens",
}


def _read_metrics(metrics: Fields) -> TokenUsage | None:
    return read_converse_usage({name: metrics.get(told) for told, name in _METRICS.items()})


def _read_headers(headers: Fields) -> TokenUsage | None:
    told = read(_HEADERS, headers)
    numbers = {
        name: int(value) for name, value in told.items() if isinstance(value, str) and value.isdecimal()
    }
    return read_converse_usage(numbers)


# Families without figures of their own kind: where their counts and reasons are.
_COUNTS: Table = {
    "prompt_token_count": ("input_tokens", count),  # Llama
    "generation_token_count": ("output_tokens", count),
    "inputTextTokenCount": ("input_tokens", count),  # Titan
    "totalOutputTextTokenCount": ("output_tokens", count),
}
_LISTS = ("results", "generations", "outputs", "completions")
_REASONS = ("stop_reason", "completionReason", "finish_reason", "finishReason")


class _Plain:
    """Bodies of Titan, Llama, Cohere, AI21, Mistral's text models and Claude's before messages."""

    __slots__ = ("_counts", "_id", "_reasons")

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._id: str | None = None
        self._reasons: list[str] = []

    def add(self, event: Any) -> None:
        seen = fields(event)
        self._counts |= read(_COUNTS, seen)
        parts = [fields(part) for name in _LISTS for part in items(seen.get(name))]
        counted = [told for part in parts if (told := count(part.get("tokenCount"))) is not None]
        if counted:
            self._counts["output_tokens"] = sum(counted)
        reasons = [reason for part in (seen, *parts) if (reason := _reason(part)) is not None]
        self._reasons = reasons or self._reasons
        told = seen.get("id")
        self._id = str(told) if type(told) is int else text(told) or self._id

    def response(self, *, complete: bool) -> ModelResponse:
        found: dict[str, Any] = {"id": self._id}
        if self._reasons:
            found["finish_reasons"] = tuple(map(normalize, self._reasons))
            found["raw_finish_reasons"] = tuple(self._reasons)
        elif not complete:
            found["finish_reasons"] = (ERROR,)
        if self._counts:
            found["usage"] = TokenUsage.of(self._counts)
        return ModelResponse.of(found)


def _reason(part: Fields) -> str | None:
    told = next((part[name] for name in _REASONS if part.get(name) is not None), None)
    return text(told) or text(fields(told).get("reason"))


def family(seen: Fields) -> Dialect:
    """Whose language a body is in, or the first chunk of a stream."""
    if "choices" in seen:
        return CHAT
    if "messageStart" in seen or "metadata" in seen or ("output" in seen and "usage" in seen):
        return CONVERSE
    if seen.get("type") in ("message", "message_start") or "content" in seen:
        return MESSAGES
    return PLAIN


_PIECE = b'"type":"content_block_delta"'


class _Fold:
    """A body with its headers, or the chunks of a stream, of which the first tells the family."""

    __slots__ = ("_aside", "_inner", "_metered")

    def __init__(self) -> None:
        self._inner: Fold | None = None
        self._aside: TokenUsage | None = None
        self._metered: TokenUsage | None = None

    def add(self, event: Any) -> None:
        seen = fields(event)
        if "headers" in seen:
            self._aside = _read_headers(fields(seen["headers"]))
            body = seen.get("body")
        else:
            data = fields(seen.get("chunk")).get("bytes")
            if not isinstance(data, bytes) or (_PIECE in data and self._inner is not None):
                return
            body = decode(data)
        told = fields(body)
        if not told:
            return
        self._inner = self._inner or family(told).fold()
        self._inner.add(told)
        if (metrics := told.get("amazon-bedrock-invocationMetrics")) is not None:
            self._aside = self._metered = _read_metrics(fields(metrics))

    def response(self, *, complete: bool) -> ModelResponse:
        if self._inner is None:
            return ModelResponse(usage=self._aside)
        answer = self._inner.response(complete=complete)
        usage = answer.usage
        if usage is None or self._aside is None:
            return answer if self._aside is None else replace(answer, usage=self._aside)
        if usage.input_tokens is None or usage.output_tokens is None:
            told = {name: vars(self._aside).get(name) for name in ("input_tokens", "output_tokens")}
            return replace(answer, usage=TokenUsage.of({**told, **vars(usage)}))
        if self._metered is not None and usage.cache_read_tokens is None:
            return replace(answer, usage=TokenUsage.of({**vars(usage), **vars(self._metered)}))
        return answer


class _Embedded:
    """Vectors of Titan, Nova or Cohere, with the headers of the response."""

    __slots__ = ("_asked", "_length")

    def __init__(self) -> None:
        self._asked: int | None = None
        self._length: int | None = None

    def add(self, event: Any) -> None:
        seen = fields(event)
        aside, body = _read_headers(fields(seen.get("headers"))), fields(seen.get("body"))
        told = count(body.get("inputTextTokenCount"))
        self._asked = told if told is not None else aside and aside.input_tokens
        vectors = items(body.get("embeddings")) or (body.get("embedding"),)
        first = fields(vectors[0]).get("embedding", vectors[0])
        self._length = len(items(first)) or None

    def response(self, *, complete: bool) -> ModelResponse:
        usage = None if self._asked is None else TokenUsage(input_tokens=self._asked)
        return ModelResponse(usage=usage, dimensions=self._length)


INVOKE_CHAT = Dialect("invoke_model", "chat", _read_request, _Fold, "bedrock_invoke.INVOKE", logprobs=BODIES)
INVOKE_TEXT = replace(INVOKE_CHAT, operation="text_completion")
INVOKE_EMBED = Dialect("invoke_model", "embeddings", _read_request, _Embedded)
PLAIN = Dialect(
    "invoke_model", "text_completion", _read_request, _Plain, "bedrock_invoke.PLAIN", logprobs=BODIES
)
"""A body by itself, of the families that speak no other wire's language."""
