"""Bedrock's invoked models through the real SDKs: what each family is asked and what it answers, whole and in chunks."""

from __future__ import annotations

import json
from typing import Any

import pytest

from otel_llm.testing import Exchange, ReplayServer, Telemetry
from tests.content.reading import read
from tests.content.told import spoken, told
from tests.lives import eventstream
from tests.lives.scenarios import KINDS, each, run, settle
from tests.lives.wires import amazon

pytest.importorskip("botocore")
captured = pytest.mark.settings(capture_content="SPAN_ONLY", tool_definitions="full")

AMAZON = {"content-type": "application/vnd.amazon.eventstream"}
METRICS = {"amazon-bedrock-invocationMetrics": {"inputTokenCount": 5, "outputTokenCount": 7}}
HI: Any = [spoken("user", "hi")]
HELLO: Any = [spoken("assistant", "Hello.")]
CHAT = {"messages": [{"role": "system", "content": "be kind"}, {"role": "user", "content": "hi"}]}
KIND = [spoken("system", "be kind"), *HI]
CHOICE = {"index": 0, "finish_reason": "stop"}


def claude(place: str, **more: Any) -> dict[str, Any]:
    return {"type": place, "index": 0, **more}


FAMILIES: dict[str, tuple[Any, Any, Any, list[Any], Any]] = {
    "anthropic messages": (
        {"anthropic_version": "b", "system": "be kind", "messages": [{"role": "user", "content": "hi"}]},
        HI,
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "text", "text": "Hello."}],
            "usage": {},
        },
        [
            {"type": "message_start", "message": {"role": "assistant", "content": []}},
            claude("content_block_start", content_block={"type": "text", "text": ""}),
            claude("content_block_delta", delta={"type": "text_delta", "text": "Hel"}),
            claude("content_block_delta", delta={"type": "text_delta", "text": "lo."}),
            {"type": "message_stop", **METRICS},
        ],
        HELLO,
    ),
    "anthropic text": (
        {"prompt": "hi", "max_tokens_to_sample": 9},
        HI,
        {"type": "completion", "completion": "Hello.", "stop_reason": "stop"},
        [{"type": "completion", "completion": "Hel"}, {"type": "completion", "completion": "lo.", **METRICS}],
        HELLO,
    ),
    "amazon nova": (
        {"system": [{"text": "be kind"}], "messages": [{"role": "user", "content": [{"text": "hi"}]}]},
        HI,
        {"output": {"message": {"role": "assistant", "content": [{"text": "Hello."}]}}, "usage": {}},
        [
            {"messageStart": {"role": "assistant"}},
            {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": "Hel"}}},
            {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": "lo."}}},
            {"metadata": {"usage": {}}, **METRICS},
        ],
        HELLO,
    ),
    "amazon titan": (
        {"inputText": "hi", "textGenerationConfig": {"maxTokenCount": 9}},
        HI,
        {"inputTextTokenCount": 5, "results": [{"tokenCount": 7, "outputText": "Hello."}]},
        [{"outputText": "Hel", "index": 0.0}, {"outputText": "lo.", "index": 0.0, **METRICS}],
        HELLO,
    ),
    "meta llama": (
        {"prompt": "hi", "max_gen_len": 9},
        HI,
        {"generation": "Hello.", "prompt_token_count": 5},
        [{"generation": "Hel"}, {"generation": "lo.", **METRICS}],
        HELLO,
    ),
    "cohere command": (
        {"prompt": "hi", "num_generations": 2},
        HI,
        {"generations": [{"text": "Hello."}, {"text": "Hi."}], "prompt": "hi"},
        [
            {"index": 1, "text": "Hi."},
            {"index": 0, "text": "Hel"},
            {"index": 0, "text": "lo.", "is_finished": False},
            {"is_finished": True, "response": {"generations": [{"text": "Hello."}]}, **METRICS},
        ],
        [*HELLO, spoken("assistant", "Hi.")],
    ),
    "cohere command-r": (
        {"message": "hi", "preamble": "be kind", "chat_history": [{"role": "CHATBOT", "message": "yes?"}]},
        [spoken("CHATBOT", "yes?"), *HI],
        {"text": "Hello.", "chat_history": [{"role": "USER", "message": "hi"}], "generation_id": "g"},
        [
            {"event_type": "stream-start", "generation_id": "g"},
            {"event_type": "text-generation", "text": "Hel"},
            {"event_type": "text-generation", "text": "lo."},
            {"event_type": "stream-end", "response": {"text": "Hello."}, **METRICS},
        ],
        HELLO,
    ),
    "mistral text": (
        {"prompt": "hi", "stop": []},
        HI,
        {"outputs": [{"text": "Hello.", "stop_reason": "stop"}]},
        [{"outputs": [{"text": "Hel"}]}, {"outputs": [{"text": "lo."}], **METRICS}],
        HELLO,
    ),
    "ai21 j2": (
        {"prompt": "hi", "maxTokens": 9},
        HI,
        {"id": 1, "prompt": {"text": "hi"}, "completions": [{"data": {"text": "Hello."}}]},
        [],
        HELLO,
    ),
    "ai21 jamba, mistral, qwen, gpt-oss": (
        CHAT,
        KIND,
        {"choices": [{**CHOICE, "message": {"role": "assistant", "content": "Hello."}}]},
        [
            {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "Hel"}}]},
            {"choices": [{**CHOICE, "delta": {"content": "lo."}}], **METRICS},
        ],
        HELLO,
    ),
    "deepseek r1": (
        {"prompt": "hi", "max_tokens": 9},
        HI,
        {"choices": [{"text": "Hello.", "stop_reason": "stop"}]},
        [{"choices": [{"text": "Hel"}]}, {"choices": [{"text": "lo."}], **METRICS}],
        HELLO,
    ),
}


@captured
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_understood(
    telemetry: Telemetry, replay: ReplayServer, family: str, stream: bool, kind: str
) -> None:
    """What it is asked and what it answers, the latter once, whole or in chunks."""
    body, asked, whole, chunks, answer = FAMILIES[family]
    if stream and not chunks:
        pytest.skip("it does not stream")

    async def go() -> None:
        sdk = await amazon(kind, replay.url)
        invoke = sdk.invoke_model_with_response_stream if stream else sdk.invoke_model
        result = (await settle(invoke(modelId="m", body=json.dumps(body))))["body"]
        if stream:
            async for _ in each(result):
                pass
        else:
            await settle(result.read())

    framed = Exchange(200, AMAZON, tuple(map(eventstream.chunk, chunks)))
    replay.answer(framed if stream else Exchange.json(whole))
    run(kind, go())
    found = told(telemetry)
    assert found["input.messages"] == asked
    system = [{"type": "text", "content": "be kind"}]
    assert found.get("system_instructions") == (system if {"system", "preamble"} & body.keys() else None)
    assert [{"role": one["role"], "parts": one["parts"]} for one in found["output.messages"]] == answer


def test_every_piece_of_a_long_answer_is_kept() -> None:
    """As long as there is room for its characters; beyond that they are counted."""
    pieces = [{"chunk": {"bytes": b'{"generation": "word "}'}} for _ in range(1000)]
    (whole,), (cut,) = (read("bedrock_invoke.INVOKE", {}, pieces, most)[1] for most in (6000, 1000))
    assert whole == spoken("assistant", "word " * 1000)
    assert cut["parts"][0]["content"].endswith("[cut: 4128 characters]")


@captured
def test_tools_of_invoked_models_are_told(telemetry: Telemetry, replay: ReplayServer) -> None:
    """Cohere's calls and results have shapes of their own."""
    call = {"name": "f", "parameters": {"a": 1}}
    schema = {"a": {"type": "int"}}
    body = {
        "message": "hi",
        "tools": [{"name": "f", "description": "does it", "parameter_definitions": schema}],
        "chat_history": [{"role": "CHATBOT", "tool_calls": [call]}],
        "tool_results": [{"call": call, "outputs": [{"b": 2}]}],
    }
    replay.answer(Exchange.json({"text": "Wait.", "tool_calls": [call], "generation_id": "g"}))
    sdk = run("sync", amazon("sync", replay.url))
    sdk.invoke_model(modelId="m", body=json.dumps(body))["body"].read()
    found, called = told(telemetry), {"type": "tool_call", "name": "f", "arguments": {"a": 1}}
    result = {"type": "tool_call_response", "response": [{"b": 2}], "name": "f"}
    assert found["input.messages"] == [spoken("CHATBOT", called), spoken("tool", result), *HI]
    assert found["tool.definitions"] == [
        {"type": "function", "name": "f", "description": "does it", "parameters": schema}
    ]
    assert found["output.messages"][0]["parts"] == spoken("", "Wait.", called)["parts"]


@captured
@pytest.mark.parametrize("body", [b"no JSON", b"[]", b'{"prompt": null}', b'"text"'])
def test_bodies_that_say_nothing_are_told_to(telemetry: Telemetry, replay: ReplayServer, body: bytes) -> None:
    """Whatever the model makes of them."""
    replay.answer(Exchange.json({"generation": "Hello."}))
    sdk = run("sync", amazon("sync", replay.url))
    sdk.invoke_model(modelId="m", body=body)["body"].read()
    found = told(telemetry)
    assert "input.messages" not in found
    assert found["output.messages"][0]["parts"] == HELLO[0]["parts"]


@captured
def test_embeddings_say_nothing(telemetry: Telemetry, replay: ReplayServer) -> None:
    """The conventions have no messages for them."""
    replay.answer(Exchange.json({"embedding": [0.5], "inputTextTokenCount": 5}))
    sdk = run("sync", amazon("sync", replay.url))
    sdk.invoke_model(modelId="amazon.titan-embed-text-v2:0", body=b'{"inputText": "hi"}')["body"].read()
    assert told(telemetry) == {}
