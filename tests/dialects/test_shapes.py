"""What `read_usage` and `read_response` make of anything."""

from __future__ import annotations

import json
from dataclasses import make_dataclass
from types import MappingProxyType, SimpleNamespace
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
    told = getattr(answer, "logprobs", None)
    figures = expected.get("logprobs")
    assert (told and {name: getattr(told, name) for name in figures or ("sum",)}) == (
        None if figures is None else pytest.approx(figures, abs=1e-9)
    )
    if "error_type" in expected:
        assert answer is not None
        assert answer.error == expected["error_type"]


def usage(asked: int, answered: int, total: int, **more: Any) -> dict[str, Any]:
    """LangChain's `usage_metadata`."""
    return {"input_tokens": asked, "output_tokens": answered, "total_tokens": total, **more}


OWN = usage(10, 5, 15, input_token_details={"cache_read": 3}, output_token_details={"reasoning": 2})
KEPT = {
    "id": "chatcmpl-1",
    "model_name": "m",
    "finish_reason": "stop",
    "token_usage": {"prompt_tokens": 99, "completion_tokens": 1, "total_tokens": 100},
}
MESSAGE = {"type": "ai", "id": "run-1", "usage_metadata": OWN, "response_metadata": KEPT}
RESULT = {"token_usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}}
CHUNK = {"type": "AIMessageChunk", "id": "run-1", "response_metadata": {}}
CHUNKS = [
    {**CHUNK, "usage_metadata": usage(10, 0, 10, input_token_details={"cache_read": 3})},
    {**CHUNK, "usage_metadata": None},
    {**CHUNK, "usage_metadata": usage(0, 5, 5), "response_metadata": {"stop_reason": "end_turn"}},
]
RUN = {"run_type": "llm", "prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
RUN_DETAILS = {"prompt_token_details": {"cache_read": 3}, "completion_token_details": {"reasoning": 2}}
CONVERSED = {"inputTokens": 7, "cacheReadInputTokens": 3, "outputTokens": 5, "totalTokens": 15}
BILLED = {"billed_units": {"input_tokens": 1, "output_tokens": 1}}
COHERE = {"tokens": {"input_tokens": 10, "output_tokens": 5}, **BILLED}
ID, CACHED, THOUGHT = {"id": "chatcmpl-1"}, {"cache_read_tokens": 3}, {"reasoning_tokens": 2}
STOP = {"raw_finish_reasons": ("stop",)}
CLAUDE = {"input_tokens": 7, "output_tokens": 5, "cache_read_input_tokens": 3}

# What else tells of ten tokens asked and five answered, and what it tells beyond them.
TENS: dict[str, tuple[Any, dict[str, Any]]] = {
    "message": (MESSAGE, ID | CACHED | THOUGHT | STOP),
    "message, stored": ({"type": "ai", "data": MESSAGE}, ID | CACHED | STOP),
    "message, serialized": ({"lc": 1, "type": "constructor", "kwargs": MESSAGE}, ID | CACHED | STOP),
    "generation": ({"text": "", "generation_info": None, "message": MESSAGE}, ID | CACHED | STOP),
    "result, two choices": (
        {"generations": [[{"message": MESSAGE}, {"message": MESSAGE}]], "llm_output": RESULT},
        CACHED | {"raw_finish_reasons": ("stop", "stop")},
    ),
    "result, two prompts": (
        {"generations": [[{"message": one}] for one in CHUNKS[::2]], "llm_output": None},
        CACHED,
    ),
    "result, messages without usage": (
        {"generations": [[{"message": {**MESSAGE, "usage_metadata": None}}]], "llm_output": RESULT},
        STOP,
    ),
    "result of a text model": (
        {"generations": [[{"text": "", "generation_info": {"finish_reason": "stop"}}]], "llm_output": RESULT},
        STOP,
    ),
    "chunks of a message": (CHUNKS, CACHED | {"raw_finish_reasons": ("end_turn",)}),
    "metadata of a response": (
        {"usage": None, "status": "completed", **RESULT},
        {"raw_finish_reasons": ("completed",)},
    ),
    "usage in Google's words": ({"usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 5}}, {}),
    "counts of Ollama's": ({"prompt_eval_count": 10, "eval_count": 5}, {}),
    "run": (RUN | RUN_DETAILS, CACHED | THOUGHT),
    "run, outputs": ({"run_type": "llm", "outputs": {"usage_metadata": OWN}}, CACHED | THOUGHT),
    "run, metadata": ({"run_type": "llm", "extra": {"metadata": {"usage_metadata": OWN}}}, CACHED | THOUGHT),
    "converse stream": (
        [
            {"messageStart": {"role": "assistant"}},
            {"messageStop": {"stopReason": "end_turn"}},
            {"metadata": {"usage": CONVERSED}},
        ],
        CACHED | {"raw_finish_reasons": ("end_turn",)},
    ),
    "invoked stream": (
        [
            {"chunk": {"bytes": json.dumps(event).encode()}}
            for event in (
                {"type": "message_start", "message": {"id": "chatcmpl-1", "usage": CLAUDE}},
                {"type": "message_delta", "delta": {"stop_reason": "stop"}, "usage": {"output_tokens": 5}},
            )
        ],
        ID | CACHED | STOP,
    ),
    "titan": ({"inputTextTokenCount": 10, "results": [{"tokenCount": 5, "completionReason": "stop"}]}, STOP),
    "llama": (
        {
            "generation": "",
            "prompt_token_count": 10,
            "generation_token_count": 5,
            "stop_reason": "stop",
        },
        STOP,
    ),
    "cohere, first version": (
        {"text": "", "generation_id": "chatcmpl-1", "finish_reason": "stop", "meta": COHERE},
        ID | STOP,
    ),
    "cohere, generated": ({"id": "chatcmpl-1", "generations": [], "meta": COHERE}, ID),
    "cohere, stream": (
        [
            {"type": "message-start", "id": "chatcmpl-1"},
            {"type": "message-end", "delta": {"finish_reason": "stop", "usage": COHERE}},
        ],
        ID | STOP,
    ),
    "cohere, first version's stream": (
        [
            {"event_type": "stream-start", "generation_id": "chatcmpl-1"},
            {"event_type": "stream-end", "finish_reason": "stop", "response": {"meta": COHERE}},
        ],
        ID | STOP,
    ),
    "interaction": (
        {
            "id": "chatcmpl-1",
            "status": "completed",
            "steps": [],
            "usage": {"total_input_tokens": 10, "total_output_tokens": 5},
        },
        ID,
    ),
    "mistral's stream": ([{"data": {"id": "chatcmpl-1", "choices": [], "usage": RESULT["token_usage"]}}], ID),
    "gemini, numbered reasons": (
        {
            "candidates": [{"finish_reason": 1}],
            "usage_metadata": {"prompt_token_count": 10, "candidates_token_count": 5},
        },
        {"raw_finish_reasons": ("STOP",)},
    ),
    "LiteLLM, cached tokens inside": (
        {
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "prompt_cache_hit_tokens": 3,
            "prompt_cache_miss_tokens": 7,
            "_cache_read_input_tokens": 3,
        },
        CACHED,
    ),
    "LiteLLM, private names beside public ones": (
        {
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "cache_read_input_tokens": 3,
            "_cache_read_input_tokens": 3,
            "prompt_tokens_details": {"cached_tokens": 3},
        },
        CACHED,
    ),
    "a response that ended a stream": (
        {
            "type": "response.completed",
            "response": {"id": "chatcmpl-1", "usage": {"input_tokens": 10, "output_tokens": 5}},
        },
        ID,
    ),
}


@pytest.mark.parametrize("form", ["dicts", "objects", "mappings", "slots"])
@pytest.mark.parametrize("name", TENS)
def test_whatever_tells_the_same_is_read_as_the_same(name: str, form: str) -> None:
    """Ten tokens asked, five answered, fifteen in all, in whose words and objects ever."""
    thing, more = TENS[name]
    answer = read_response(FORMS[form](thing))
    assert answer is not None
    told = {**vars(answer), **vars(answer.usage)}
    expected = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15, **more}
    assert {field: told.get(field) for field in expected} == expected


def as_mapping(thing: Any) -> Any:
    """Dicts that are none."""
    if isinstance(thing, dict):
        return MappingProxyType({key: as_mapping(value) for key, value in thing.items()})
    return [as_mapping(entry) for entry in thing] if isinstance(thing, list) else thing


def as_slots(thing: Any) -> Any:
    """Objects without a dict of their own, where the names allow it."""
    if isinstance(thing, dict) and all(key.isidentifier() for key in thing):
        made = make_dataclass("Slotted", list(thing), slots=True)
        return made(**{key: as_slots(value) for key, value in thing.items()})
    return [as_slots(entry) for entry in thing] if isinstance(thing, list) else thing


FORMS = {"dicts": lambda thing: thing, "objects": as_object, "mappings": as_mapping, "slots": as_slots}


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (
            {"error": {"message": "no", "type": "invalid_request_error", "code": None}},
            "invalid_request_error",
        ),
        ({"type": "error", "error": {"type": "overloaded_error", "message": "no"}}, "overloaded_error"),
        ({"error": {"code": 429, "message": "no", "status": "RESOURCE_EXHAUSTED"}}, "RESOURCE_EXHAUSTED"),
        ({"error": {"code": 400, "message": "no"}}, "400"),
        ({"object": "error", "message": "no", "type": "invalid_model", "param": None}, "invalid_model"),
        ({"message": "no", "type": "not_found_error", "param": "m", "code": "none"}, "not_found_error"),
        ([{"error": {"code": 400, "message": "no", "status": "INVALID"}}], "INVALID"),
        ({"error": "said in words"}, None),
        ({"error": {"message": "no", "type": "sk-proj-0042 said"}}, None),
    ],
)
def test_an_error_in_the_place_of_an_answer_is_read(body: Any, told: str | None) -> None:
    """Its short code, where it has one that cannot be prose."""
    answer = read_response(body)
    assert (answer and answer.error) == told


@pytest.mark.parametrize("kind", [{}, [], None, 7])
def test_events_of_no_kind_are_passed_over(kind: Any) -> None:
    """A kind may be of any type."""
    events = [{"type": "message_start", "message": {"usage": CLAUDE}}, {"type": kind}]
    assert read_response(events) is not None


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
