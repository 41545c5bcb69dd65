"""The cohere SDK: embeddings in batches and past them, streams of generations."""

from __future__ import annotations

import json
from typing import Any

import pytest

from otel_llm.testing import Exchange, ReplayServer, Telemetry
from tests.lives.scenarios import KINDS, each, only, run, settle

cohere: Any = pytest.importorskip("cohere")
kinds = pytest.mark.parametrize("kind", KINDS)
EMBEDDED = Exchange.json(
    {
        "response_type": "embeddings_floats",
        "id": "e",
        "embeddings": [[0.5, 0.25]],
        "texts": ["a"],
        "meta": {"billed_units": {"input_tokens": 5.0}},
    }
)


def client(replay: ReplayServer, kind: str) -> Any:
    made = cohere.AsyncClient if kind == "async" else cohere.Client
    return made(api_key="k", base_url=replay.url)


def asked(telemetry: Telemetry) -> list[Any]:
    return [(span.attributes or {})["gen_ai.usage.input_tokens"] for span in telemetry.spans]


@kinds
def test_batches_of_one_call_are_one_call(telemetry: Telemetry, replay: ReplayServer, kind: str) -> None:
    """The SDK sends them from threads or tasks of its own: one span, with the sum."""
    replay.answer(EMBEDDED)

    async def go() -> None:
        await settle(client(replay, kind).embed(texts=["a"] * 100, model="m"))

    run(kind, go())
    assert len(replay.requests) == 2
    assert asked(telemetry) == [10]


@kinds
def test_raw_embeddings_are_told(telemetry: Telemetry, replay: ReplayServer, kind: str) -> None:
    """A raw response goes past the method that makes batches."""
    replay.answer(EMBEDDED)

    async def go() -> None:
        await settle(client(replay, kind).with_raw_response.embed(texts=["a"], model="m"))

    run(kind, go())
    assert asked(telemetry) == [5]


@pytest.mark.skipif(not hasattr(cohere.Client, "embed_stream"), reason="this version has no embed_stream")
def test_each_batch_of_an_embed_stream_is_told(telemetry: Telemetry, replay: ReplayServer) -> None:
    """They are sent one by one as the user reads on."""
    replay.answer(EMBEDDED)
    list(client(replay, "sync").embed_stream(texts=["a", "a"], model="m", batch_size=1))
    assert asked(telemetry) == [5, 5]


@kinds
@pytest.mark.parametrize("failing", [False, True])
def test_a_stream_of_generations_tells_how_it_ended(
    telemetry: Telemetry, replay: ReplayServer, kind: str, failing: bool
) -> None:
    """One reason for one generation, however often it is said; an event that says error fails the call."""
    ended = {"id": "g", "prompt": "p", "generations": [{"id": "a", "text": "t", "finish_reason": "COMPLETE"}]}
    end: dict[str, Any] = {"event_type": "stream-end", "finish_reason": "COMPLETE", "response": ended}
    if failing:
        end = {"event_type": "stream-error", "finish_reason": "ERROR", "err": "went wrong"}
    events = ({"event_type": "text-generation", "text": "t"}, end)
    lines = tuple(json.dumps({"is_finished": one is end, **one}).encode() + b"\n" for one in events)
    replay.answer(Exchange(200, {"content-type": "application/stream+json"}, lines))

    async def go() -> None:
        async for _ in each(client(replay, kind).generate_stream(prompt="p", model="m")):
            pass

    run(kind, go())
    attributes = only(telemetry).attributes
    assert attributes["gen_ai.response.finish_reasons"] == (("error",) if failing else ("stop",))
    assert attributes.get("error.type") == ("_OTHER" if failing else None)
