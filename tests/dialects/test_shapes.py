"""What `read_usage` and `read_response` make of anything."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from otel_llm import TokenUsage, read_response, read_usage
from tests.conftest import RECORDINGS

SEEDS = RECORDINGS.parent / "providers" / "seed-shapes.json"
COUNTS = {
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "total_tokens": "total_tokens",
    "cache_read_tokens": "cache_read_tokens",
    "cache_creation_tokens": "cache_write_tokens",
    "reasoning_tokens": "reasoning_tokens",
    "audio_input_tokens": "audio_input_tokens",
    "audio_output_tokens": "audio_output_tokens",
}
NOT_READ_YET = {
    "logprobs",
    "status_code",
    "langchain_cache_hit",
    "time_to_first_token_s",
    "duration_s",
    "cost",
}


def seeds() -> list[dict[str, Any]]:
    return json.loads(SEEDS.read_text()) if SEEDS.exists() else []


def as_object(thing: Any) -> Any:
    """The same as SDKs give it: objects all the way down."""
    if isinstance(thing, dict):
        return SimpleNamespace(**{key: as_object(value) for key, value in thing.items()})
    return [as_object(entry) for entry in thing] if isinstance(thing, list) else thing


@pytest.mark.recordings
@pytest.mark.parametrize("form", [dict, as_object], ids=["dicts", "objects"])
@pytest.mark.parametrize("seed", seeds(), ids=lambda seed: seed["name"])
def test_every_known_shape_is_read(seed: dict[str, Any], form: Any) -> None:
    """All figures, names and reasons, no more and no less, off dicts and objects alike."""
    payload, expected = seed["payload"], seed["expected"]
    if form is as_object:
        payload = as_object(payload)
    usage = read_usage(payload)
    assert {name: getattr(usage, ours, None) for name, ours in COUNTS.items()} == {
        name: expected.get(name) for name in COUNTS
    }
    answer = read_response(payload)
    assert getattr(answer, "raw_finish_reasons", None) == (
        tuple(expected["finish_reasons"]) if expected.get("finish_reasons") else None
    )
    assert getattr(answer, "model", None) == expected.get("response_model")
    assert getattr(answer, "id", None) == expected.get("response_id")
    assert getattr(answer, "system_fingerprint", None) == expected.get("system_fingerprint")
    if "error_type" in expected:
        assert answer is not None
        assert answer.error == expected["error_type"]


@pytest.mark.parametrize(
    "thing", [None, 7, "text", {}, [], [{}], {"a": 1}, {"total_cost": 0}, object(), {"input": 5}, b"bytes"]
)
def test_what_is_not_known_is_nothing(thing: Any) -> None:
    """A guess would be worse."""
    assert read_usage(thing) is None
    assert read_response(thing) is None


def test_records_are_read_as_themselves() -> None:
    """Whoever has read it already may read it again."""
    usage = TokenUsage(input_tokens=1, output_tokens=2, total_tokens=3)
    assert read_usage(usage) == usage
    answer = read_response(usage)
    assert answer is not None
    assert answer.usage == usage
    assert read_response(answer) == answer
