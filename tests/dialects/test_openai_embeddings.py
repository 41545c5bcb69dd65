"""What is asked of embeddings and what is read from the vectors: their number of dimensions, never a value."""

from __future__ import annotations

from typing import Any

import openai
import pytest

from otel_llm.dialects.openai_embeddings import EMBEDDINGS
from otel_llm.record import ModelRequest
from otel_llm.usage import TokenUsage


@pytest.mark.parametrize(
    ("asked", "read"),
    [
        ({"model": "e"}, {"model": "e"}),
        ({"encoding_format": "base64"}, {"encoding_formats": ("base64",)}),
        ({"encoding_format": ["float", "int8"]}, {"encoding_formats": ("float", "int8")}),
        ({"dimensions": 256}, {"dimensions": 256}),
        ({"dimensions": "256", "encoding_format": 7, "temperature": 1, "input": "x"}, {}),
        (dict.fromkeys(("model", "dimensions", "encoding_format"), openai.NOT_GIVEN), {}),
    ],
)
def test_every_parameter_has_its_place(asked: dict[str, Any], read: dict[str, Any]) -> None:
    """And nothing else is read, above all not the input."""
    assert EMBEDDINGS.read_request(asked) == ModelRequest(**read)


@pytest.mark.parametrize(
    ("data", "dimensions"),
    [
        ([{"embedding": [0.5] * 8}, {"embedding": []}], 8),
        ([{"embedding": "AAAAAAAAAAA="}], 2),
        ([{"embedding": "AACAPwAAAEAAAEBA"}], 3),
        ([{"embedding": []}], None),
        ([{"embedding": None}], None),
        ([{}], None),
        ([None], None),
        ([], None),
        (None, None),
    ],
)
def test_vectors_have_a_length(data: Any, dimensions: int | None) -> None:
    """As lists and in base64, read from the first of them."""
    assert EMBEDDINGS.read_answer({"data": data}).dimensions == dimensions


@pytest.mark.parametrize(
    ("usage", "read"),
    [
        ({"prompt_tokens": 5, "total_tokens": 5}, TokenUsage(input_tokens=5, total_tokens=5)),
        ({"total_tokens": 5}, TokenUsage(input_tokens=5, total_tokens=5)),
        ({"prompt_tokens": 0, "total_tokens": 0}, TokenUsage(input_tokens=0, total_tokens=0)),
        ({"prompt_tokens": 5, "completion_tokens": 0}, TokenUsage(input_tokens=5)),
        ({"prompt_tokens": -5}, None),
        ({}, None),
        (None, None),
    ],
)
def test_usage_is_input_alone(usage: Any, read: TokenUsage | None) -> None:
    """A total is the input where nothing else is told; an output of embeddings does not exist."""
    assert EMBEDDINGS.read_answer({"usage": usage}).usage == read


def test_an_error_in_the_place_of_vectors_is_an_error() -> None:
    """Some servers answer it with status 200."""
    answer = EMBEDDINGS.read_answer({"error": {"code": 429, "message": "m"}})
    assert (answer.error, answer.usage, answer.dimensions) == ("429", None, None)


def test_no_answer_tells_nothing() -> None:
    """A body that was no JSON, or a call that was cut before it came."""
    nothing = EMBEDDINGS.fold().response(complete=False)
    assert EMBEDDINGS.read_answer(None) == nothing
    assert nothing.usage is None
