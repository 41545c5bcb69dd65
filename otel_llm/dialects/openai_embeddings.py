"""OpenAI's embeddings. https://platform.openai.com/docs/api-reference/embeddings"""

from __future__ import annotations

from typing import Any

from otel_llm.dialects.dialect import Dialect, Whole
from otel_llm.dialects.fields import Fields, count, fields, items, text, texts
from otel_llm.dialects.openai_chat import error_code
from otel_llm.dialects.openai_usage import read_openai_usage
from otel_llm.dialects.reported_cost import read_cost
from otel_llm.record import ModelRequest, ModelResponse
from otel_llm.usage import TokenUsage


def _read_request(body: Fields) -> ModelRequest:
    return ModelRequest(
        model=text(body.get("model")),
        encoding_formats=texts(body.get("encoding_format")),
        dimensions=count(body.get("dimensions")),
    )


class _Fold(Whole):
    __slots__ = ()

    def add(self, event: Any) -> None:
        get = fields(event).get
        vectors, usage = items(get("data")), fields(get("usage"))
        self._answer = ModelResponse(
            model=text(get("model")),
            id=text(get("id")),
            usage=_usage(usage),
            dimensions=_length(fields(vectors[0]).get("embedding")) if vectors else None,
            error=error_code(get("error")),
            **read_cost(usage),
        )


def _usage(seen: Fields) -> TokenUsage | None:
    """Embeddings have no output; Voyage reports the total alone."""
    total = count(seen.get("total_tokens"))
    usage = read_openai_usage(seen)
    input_tokens = total if usage is None else usage.input_tokens
    return None if input_tokens is None else TokenUsage(input_tokens=input_tokens, total_tokens=total)


def _length(vector: Any) -> int | None:
    if isinstance(vector, str):  # base64 of 4-byte floats
        return len(vector.rstrip("=")) * 3 // 16
    return len(items(vector)) or None


EMBEDDINGS = Dialect("embeddings", "embeddings", _read_request, _Fold)
