"""The google-genai SDK: loops that make several requests, requests in many spellings, interactions."""

from __future__ import annotations

from typing import Any

import pytest

from otel_llm.testing import Exchange, ReplayServer, Telemetry
from tests.lives.scenarios import KINDS, each, only, run, settle
from tests.lives.wires import KEPT, sse

genai: Any = pytest.importorskip("google.genai")
kinds = pytest.mark.parametrize("kind", KINDS)


def client(replay: ReplayServer, kind: str = "sync", **settings: Any) -> Any:
    made = genai.Client(api_key="k", http_options={"base_url": replay.url}, **settings)
    KEPT[:] = [made]
    return made.aio if kind == "async" else made


def generated(prompt: int = 10, **more: Any) -> dict[str, Any]:
    part = more.pop("part", {"text": "hi"})
    candidate = {"content": {"role": "model", "parts": [part]}, "finishReason": "STOP"}
    usage = {"promptTokenCount": prompt, "candidatesTokenCount": 2, "totalTokenCount": prompt + 2}
    return {"candidates": [candidate], "usageMetadata": usage, **more}


def add(a: int) -> int:
    """Add one."""
    return a + 1


@kinds
@pytest.mark.parametrize("chat", [False, True])
def test_each_request_of_a_loop_is_counted(
    telemetry: Telemetry, replay: ReplayServer, kind: str, chat: bool
) -> None:
    """The SDK calls functions by itself and asks again: two requests, two spans, no token twice."""
    wanted = {"functionCall": {"name": "add", "args": {"a": 1}}}
    replay.answer([Exchange.json(generated(10, part=wanted)), Exchange.json(generated(20))])

    async def go() -> None:
        sdk = client(replay, kind)
        if chat:
            await settle(sdk.chats.create(model="m", config={"tools": [add]}).send_message("hi"))
        else:
            await settle(sdk.models.generate_content(model="m", contents="hi", config={"tools": [add]}))

    run(kind, go())
    told = [(span.attributes or {})["gen_ai.usage.input_tokens"] for span in telemetry.spans]
    assert told == [10, 20]


@pytest.mark.parametrize(
    "config",
    [
        {"temperature": 0.5, "max_output_tokens": 9, "top_k": 3, "response_mime_type": "application/json"},
        {"temperature": 0.5, "maxOutputTokens": 9, "topK": 3, "responseMimeType": "application/json"},
    ],
)
@pytest.mark.parametrize("model", ["m", "models/m", "google/m", "publishers/google/models/m"])
def test_a_request_is_told_however_it_is_spelled(
    telemetry: Telemetry, replay: ReplayServer, config: Any, model: str
) -> None:
    """Names in two cases, models under several paths, and the object for a dict."""
    replay.answer(Exchange.json(generated()))
    for given in (config, genai.types.GenerateContentConfig(**config)):
        client(replay, vertexai=True).models.generate_content(model=model, contents="hi", config=given)
    for span in telemetry.spans:
        attributes = dict(span.attributes or {})
        assert attributes["gen_ai.request.model"] == "m"
        assert attributes["gen_ai.request.temperature"] == 0.5
        assert attributes["gen_ai.request.max_tokens"] == 9
        assert attributes["gen_ai.request.top_k"] == 3
        assert attributes["gen_ai.output.type"] == "json"


def test_a_blocked_prompt_is_told(telemetry: Telemetry, replay: ReplayServer) -> None:
    """No candidate and no exception, but figures and a reason."""
    feedback = {"blockReason": "SAFETY"}
    usage = {"promptTokenCount": 7, "totalTokenCount": 7}
    replay.answer(Exchange.json({"promptFeedback": feedback, "usageMetadata": usage}))
    client(replay).models.generate_content(model="m", contents="hi")
    attributes = only(telemetry).attributes
    assert attributes["gen_ai.response.finish_reasons"] == ("content_filter",)
    assert attributes["gen_ai.usage.input_tokens"] == 7
    assert "gen_ai.usage.output_tokens" not in attributes


def test_the_http_response_alone_is_read(telemetry: Telemetry, replay: ReplayServer) -> None:
    """Whoever asks for nothing but the body has its figures told all the same."""
    replay.answer(Exchange.json(generated(7)))
    config = {"should_return_http_response": True}
    answer = client(replay).models.generate_content(model="m", contents="hi", config=config)
    assert answer.usage_metadata is None
    assert only(telemetry).attributes["gen_ai.usage.input_tokens"] == 7


def test_several_candidates_are_told_in_order(telemetry: Telemetry, replay: ReplayServer) -> None:
    """One reason for each, whatever the order of the chunks."""
    one = {"index": 1, "finishReason": "MAX_TOKENS", "content": {"parts": []}}
    other = {"index": 0, "finishReason": "STOP", "content": {"parts": []}}
    body = b"".join(sse({"candidates": [one]}, {"candidates": [other]}))
    replay.answer(Exchange(200, {"content-type": "text/event-stream"}, (body,)))
    list(client(replay).models.generate_content_stream(model="m", contents="hi"))
    assert only(telemetry).attributes["gen_ai.response.finish_reasons"] == ("stop", "length")


def test_embeddings_are_told(telemetry: Telemetry, replay: ReplayServer) -> None:
    """Vertex AI counts each text by itself, in floats."""
    statistics = {"token_count": 4.0, "truncated": False}
    prediction = {"embeddings": {"values": [0.1, 0.2], "statistics": statistics}}
    replay.answer(Exchange.json({"predictions": [prediction, prediction]}))
    sdk = client(replay, vertexai=True)
    sdk.models.embed_content(model="text-embedding-005", contents=["a", "b"])
    attributes = only(telemetry).attributes
    assert attributes["gen_ai.operation.name"] == "embeddings"
    assert attributes["gen_ai.usage.input_tokens"] == 8
    assert attributes["gen_ai.embeddings.dimension.count"] == 2


@kinds
def test_interactions_in_the_background_have_no_figures_yet(
    telemetry: Telemetry, replay: ReplayServer, kind: str
) -> None:
    """Queued is no end, and no error."""
    if not hasattr(genai.Client, "interactions"):
        pytest.skip("this version has no interactions")
    pytest.importorskip("google.genai._gaos")
    replay.answer(Exchange.json({"id": "i", "model": "m", "status": "queued", "object": "interaction"}))

    async def go() -> None:
        await settle(client(replay, kind).interactions.create(model="m", input="hi", background=True))

    run(kind, go())
    attributes = only(telemetry).attributes
    assert attributes["gen_ai.response.id"] == "i"
    assert (
        not {"error.type", "gen_ai.response.finish_reasons", "gen_ai.usage.input_tokens"} & attributes.keys()
    )


@kinds
@pytest.mark.parametrize("end", ["read", "closed", "failed"])
def test_streams_of_interactions_live_like_others(
    telemetry: Telemetry, replay: ReplayServer, kind: str, end: str
) -> None:
    """Read to the end with all figures, closed without an error, or failed by an event that says so."""
    if not hasattr(genai.Client, "interactions"):
        pytest.skip("this version has no interactions")
    pytest.importorskip("google.genai._gaos")
    usage = {"total_input_tokens": 5, "total_output_tokens": 3, "total_thought_tokens": 2, "total_tokens": 10}
    begun = {"id": "i", "model": "m", "status": "in_progress", "object": "interaction"}
    done = {**begun, "status": "completed", "usage": usage}
    events: list[Any] = [
        {"event_type": "interaction.created", "interaction": begun},
        {"event_type": "interaction.completed", "interaction": done},
    ]
    if end == "failed":
        events[1] = {"event_type": "error", "error": {"code": "internal", "message": "m"}}
    body = sse(*events)
    replay.answer(Exchange(200, {"content-type": "text/event-stream"}, body, pauses=(0, 0.2)))

    async def go() -> None:
        stream = await settle(client(replay, kind).interactions.create(model="m", input="hi", stream=True))
        async for _ in each(stream):
            if end == "closed":
                await settle(stream.close())
                break

    run(kind, go())
    attributes = only(telemetry).attributes
    if end == "read":
        assert attributes["gen_ai.usage.input_tokens"] == 5
        assert attributes["gen_ai.usage.output_tokens"] == 5
        assert attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert ("error.type" in attributes) == (end == "failed")


@kinds
@pytest.mark.parametrize("stream", [False, True])
def test_raw_responses_of_interactions_tell_their_figures(
    telemetry: Telemetry, replay: ReplayServer, kind: str, stream: bool
) -> None:
    """Whole or streamed, the figures are in the body that the user reads."""
    if not hasattr(genai.Client, "interactions"):
        pytest.skip("this version has no interactions")
    pytest.importorskip("google.genai._gaos.utils.response_helpers")
    usage = {"total_input_tokens": 5, "total_output_tokens": 3, "total_tokens": 8}
    done = {"id": "i", "model": "m", "status": "completed", "object": "interaction", "usage": usage}
    events = sse({"event_type": "interaction.completed", "interaction": done}, "[DONE]")
    replay.answer(
        Exchange(200, {"content-type": "text/event-stream"}, events) if stream else Exchange.json(done)
    )

    async def go() -> None:
        sdk = client(replay, kind).interactions.with_raw_response
        parsed = await settle((await settle(sdk.create(model="m", input="hi", stream=stream))).parse())
        if stream:
            async for _ in each(parsed):
                pass

    run(kind, go())
    attributes = only(telemetry).attributes
    assert attributes["gen_ai.usage.input_tokens"] == 5
    assert attributes["gen_ai.usage.output_tokens"] == 3
    assert attributes["gen_ai.response.finish_reasons"] == ("stop",)
