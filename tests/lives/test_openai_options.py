"""What is asked: request facts, sentinels, generators, and the option that asks for usage in streams."""

from __future__ import annotations

import asyncio
from typing import Any

import openai
import pytest

import otel_llm
from otel_llm.testing import Exchange, ReplayServer, Telemetry
from tests.lives.answers import (
    FIGURES,
    LAST,
    MESSAGES,
    STREAM,
    WORDS,
    async_client,
    client,
    completion,
    stream,
)


def test_every_parameter_that_is_set_is_told(telemetry: Telemetry, replay: ReplayServer) -> None:
    """Sampling options arrive with the types the conventions ask for, extra_body included."""
    replay.answer(Exchange.json(completion()))
    client(replay).chat.completions.create(
        model="gpt-4o",
        messages=MESSAGES,
        temperature=1,
        top_p=0.5,
        max_completion_tokens=10,
        frequency_penalty=1,
        presence_penalty=0.25,
        stop="x",
        seed=-7,
        n=2,
        response_format={"type": "json_object"},
        reasoning_effort="high",
        service_tier="flex",
        extra_body={"top_k": 40, "temperature": 0},
    )
    (span,) = telemetry.spans
    asked = {
        "temperature": 0.0,
        "top_p": 0.5,
        "max_tokens": 10,
        "frequency_penalty": 1.0,
        "presence_penalty": 0.25,
        "stop_sequences": ("x",),
        "seed": -7,
        "choice.count": 2,
        "reasoning.level": "high",
        "top_k": 40,
    }
    for name, value in asked.items():
        assert span.attributes[f"gen_ai.request.{name}"] == value
        assert type(span.attributes[f"gen_ai.request.{name}"]) is type(value)
    assert span.attributes["gen_ai.output.type"] == "json"
    assert span.attributes["openai.request.service_tier"] == "flex"


@pytest.mark.parametrize("sentinel", [openai.NOT_GIVEN, getattr(openai, "omit", None), None])
def test_parameters_that_are_not_set_are_not_told(
    telemetry: Telemetry, replay: ReplayServer, sentinel: Any
) -> None:
    """Sentinels and null mean that nothing was asked, and cause no complaint."""
    replay.answer(Exchange.json(completion()))
    names = (
        "temperature",
        "top_p",
        "max_tokens",
        "stop",
        "seed",
        "n",
        "response_format",
        "stream",
        "service_tier",
    )
    client(replay).chat.completions.create(
        model="gpt-4o", messages=MESSAGES, **dict.fromkeys(names, sentinel)
    )
    (span,) = telemetry.spans
    told = {name for name in span.attributes if name.startswith(("gen_ai.request.", "openai.request."))}
    assert told == {"gen_ai.request.model"}


@pytest.mark.parametrize("wrong", ["hot", True, [], {}, 10**400, -1, b"x"])
def test_parameters_of_a_wrong_type_are_not_told(
    telemetry: Telemetry, replay: ReplayServer, wrong: Any
) -> None:
    """What the provider may refuse we neither refuse nor repeat."""
    replay.answer(Exchange.json(completion()))
    values = dict.fromkeys(("temperature", "max_tokens", "n", "top_k"), wrong)
    try:
        client(replay).chat.completions.create(model="gpt-4o", messages=MESSAGES, extra_body=values)
    except Exception:
        assert isinstance(wrong, bytes)  # no JSON
    (span,) = telemetry.spans
    for name in ("max_tokens", "choice.count", "top_k"):
        assert f"gen_ai.request.{name}" not in span.attributes


def test_generators_are_the_sdks_to_consume(telemetry: Telemetry, replay: ReplayServer) -> None:
    """Messages from a generator reach the provider as they would without us."""
    replay.answer(Exchange.json(completion()))

    def ask() -> Any:
        messages: Any = (message for message in MESSAGES * 3)
        client(replay).chat.completions.create(model="gpt-4o", messages=messages)
        return replay.requests[-1].body

    watched = ask()
    otel_llm.uninstrument()
    assert watched == ask()


@pytest.mark.parametrize("arguments", ["{not json", "9" * 5000, "[" * 3000, {"a": 1}, None])
def test_tool_arguments_may_be_anything(telemetry: Telemetry, replay: ReplayServer, arguments: Any) -> None:
    """What a model made up does not concern the call."""
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}
    answer = completion(None, "tool_calls")
    answer["choices"][0]["message"]["tool_calls"] = [call]
    replay.answer(Exchange.json(answer))
    client(replay).chat.completions.create(model="gpt-4o", messages=MESSAGES)
    assert telemetry.spans[0].attributes["gen_ai.response.finish_reasons"] == ("tool_call",)


def test_what_cannot_be_encoded_never_reaches_an_exporter(telemetry: Telemetry, replay: ReplayServer) -> None:
    """Lone surrogates in names and ids are replaced, so that no batch is lost for them."""
    body = b'{"id": "a\\ud800", "model": "m\\udc00", "choices": [{"index": 0, "finish_reason": "x\\ud83d"}]}'
    replay.answer(Exchange(headers={"content-type": "application/json"}, chunks=(body,)))
    client(replay).chat.completions.create(model="gpt-4o", messages=MESSAGES)
    assert telemetry.spans[0].attributes["gen_ai.response.id"] == "a?"
    assert telemetry.export_bytes()


@pytest.mark.parametrize("value", [None, "x", -1, 1.5, True, [], {}, 10**30])
def test_figures_of_a_wrong_type_are_absent(telemetry: Telemetry, replay: ReplayServer, value: Any) -> None:
    """A figure that is none is left out; the rest of the usage stands."""
    usage = {"prompt_tokens": value, "completion_tokens": 7, "prompt_tokens_details": value}
    replay.answer(Exchange.json(completion(usage=usage)))
    client(replay).chat.completions.create(model="gpt-4o", messages=MESSAGES)
    (span,) = telemetry.spans
    assert "gen_ai.usage.input_tokens" not in span.attributes
    assert span.attributes["gen_ai.usage.output_tokens"] == 7


@pytest.mark.settings(odd=True)
def test_figures_that_contradict_each_other_are_passed_on_and_flagged_once(
    telemetry: Telemetry, replay: ReplayServer, caplog: pytest.LogCaptureFixture
) -> None:
    """They are told as sent, with one warning that holds both numbers."""
    usage = {"prompt_tokens": 10, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 12}}
    replay.answer(Exchange.json(completion(usage=usage)))
    for _ in range(3):
        client(replay).chat.completions.create(model="gpt-4o", messages=MESSAGES)
    assert telemetry.spans[0].attributes["gen_ai.usage.cache_read.input_tokens"] == 12
    (warning,) = [record.getMessage() for record in caplog.records if record.name == "otel_llm"]
    assert "12" in warning
    assert "10" in warning


# OTEL_LLM_STREAM_USAGE


def test_usage_is_not_asked_for_unasked(telemetry: Telemetry, replay: ReplayServer) -> None:
    """By default the provider sees the very request that the user made."""
    replay.answer(Exchange.sse(WORDS))
    list(stream(replay))
    assert "stream_options" not in replay.requests[0].json


@pytest.mark.settings(stream_usage=True)
@pytest.mark.parametrize("asynchronous", [False, True])
def test_usage_is_asked_for_and_its_chunk_hidden(
    telemetry: Telemetry, replay: ReplayServer, asynchronous: bool
) -> None:
    """The span has the usage, the user the chunks there would have been without asking."""
    replay.answer(Exchange.sse(STREAM))
    asked: dict[str, Any] = {"model": "gpt-4o", "messages": MESSAGES, "stream": True}

    async def run() -> list[Any]:
        return [event async for event in await async_client(replay).chat.completions.create(**asked)]

    chunks = asyncio.run(run()) if asynchronous else list(client(replay).chat.completions.create(**asked))
    assert [bool(event.choices) for event in chunks] == [True] * len(WORDS)
    assert replay.requests[0].json["stream_options"] == {"include_usage": True}
    assert FIGURES.items() <= telemetry.spans[0].attributes.items()


@pytest.mark.settings(stream_usage=True)
@pytest.mark.parametrize("own", [{"include_usage": True}, {"include_usage": False}, {}, None])
def test_the_callers_own_word_on_usage_stands(telemetry: Telemetry, replay: ReplayServer, own: Any) -> None:
    """Whoever says anything about stream options is neither overridden nor spared a chunk."""
    replay.answer(Exchange.sse(STREAM))
    chunks = list(stream(replay, stream_options=own))
    assert replay.requests[0].json["stream_options"] == own
    assert len(chunks) == len(STREAM)


@pytest.mark.settings(stream_usage=True)
@pytest.mark.parametrize("accessor", ["with_raw_response", "with_streaming_response"])
def test_usage_is_not_asked_for_where_its_chunk_could_not_be_hidden(
    telemetry: Telemetry, replay: ReplayServer, accessor: str
) -> None:
    """Bytes belong to the caller."""
    replay.answer(Exchange.sse(STREAM))
    create = getattr(client(replay).chat.completions, accessor).create
    response = create(model="gpt-4o", messages=MESSAGES, stream=True)
    if accessor == "with_raw_response":
        assert len(list(response.parse())) == len(STREAM)
    else:
        with response as opened:
            assert LAST["usage"]["prompt_tokens"] == 1000
            assert sum(line.startswith("data") for line in opened.iter_lines()) == len(STREAM) + 1
    assert "stream_options" not in replay.requests[0].json
