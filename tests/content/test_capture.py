"""Where what was said is told, and within which bounds; over the real openai SDK."""

from __future__ import annotations

import base64
import hashlib
import json
import tracemalloc
from typing import Any

import openai
import pytest

import otel_llm
from otel_llm.telemetry.limits import Copying, fit
from otel_llm.testing import Exchange, ReplayServer, Request, Telemetry
from tests.content.parts import faults, plain, taken_apart
from tests.lives.answers import STREAM, chunk, completion

INPUT, OUTPUT = "gen_ai.input.messages", "gen_ai.output.messages"
TOOL = {
    "type": "function",
    "function": {"name": "weather", "description": "tells it", "parameters": {"type": "object"}},
}
captured = pytest.mark.settings(capture_content="SPAN_AND_EVENT")


def provider(request: Request) -> Exchange:
    return Exchange.sse(STREAM) if request.json.get("stream") else Exchange.json(completion())


def ask(replay: ReplayServer, messages: Any = None, **more: Any) -> Any:
    if not replay.requests:
        replay.answer(more.pop("answer", provider))
    sdk = openai.OpenAI(api_key="k", base_url=replay.url, max_retries=0)
    given = messages or [{"role": "user", "content": "hi"}]
    return sdk.chat.completions.create(model="gpt-4o", messages=given, **more)


def told(telemetry: Telemetry, name: str = INPUT) -> Any:
    """What the only span says."""
    (span,) = telemetry.spans
    assert list(faults(span.attributes)) == []
    return json.loads((span.attributes or {})[name])  # type: ignore[arg-type]


def events(telemetry: Telemetry) -> list[dict[str, Any]]:
    return [
        plain(log.log_record.attributes)
        for log in telemetry.logs
        if log.log_record.event_name == "gen_ai.client.inference.operation.details"
    ]


@pytest.mark.parametrize(
    ("mode", "on_span", "in_event"),
    [("SPAN_ONLY", True, None), ("EVENT_ONLY", False, True), ("SPAN_AND_EVENT", True, True)],
)
def test_content_is_told_where_it_is_wanted(
    mode: str, on_span: bool, in_event: bool | None, replay: ReplayServer
) -> None:
    """On spans as JSON, in the event of a call's details as structures, or both."""
    telemetry = instrumented(capture_content=mode)
    ask(replay)
    (span,) = telemetry.spans
    assert (INPUT in span.attributes) == (OUTPUT in span.attributes) == on_span
    found = events(telemetry)
    assert len(found) == bool(in_event)
    for event in found:
        assert event[INPUT] == [{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]
        assert event[OUTPUT][0]["finish_reason"] == "stop"
        assert event["gen_ai.usage.input_tokens"] == 1000
        assert list(faults(event)) == []


def instrumented(**settings: Any) -> Telemetry:
    given = Telemetry()
    otel_llm.instrument(given.tracer_provider, given.meter_provider, given.logger_provider, **settings)
    return given


def test_the_event_alone_tells_no_content(replay: ReplayServer) -> None:
    """Asked for with content off, it says what the span says."""
    telemetry = instrumented(emit_event=True)
    ask(replay)
    (event,) = events(telemetry)
    assert event["gen_ai.usage.output_tokens"] == 7
    assert not {INPUT, OUTPUT} & event.keys()


def test_a_switched_off_event_stays_off(replay: ReplayServer) -> None:
    """Although a mode with events was chosen."""
    telemetry = instrumented(capture_content="SPAN_AND_EVENT", emit_event=False)
    ask(replay)
    assert events(telemetry) == []
    assert INPUT in telemetry.spans[0].attributes


@captured
def test_tools_are_told_by_name_alone(telemetry: Telemetry, replay: ReplayServer) -> None:
    """Descriptions and schemas are long, and the same in each call."""
    ask(replay, tools=[TOOL])
    assert told(telemetry, "gen_ai.tool.definitions") == [{"type": "function", "name": "weather"}]


@pytest.mark.settings(capture_content="SPAN_ONLY", tool_definitions="full")
def test_tools_are_told_whole_on_request(telemetry: Telemetry, replay: ReplayServer) -> None:
    """With their descriptions and parameters."""
    ask(replay, tools=[TOOL])
    assert told(telemetry, "gen_ai.tool.definitions") == [
        {
            "type": "function",
            "name": "weather",
            "description": "tells it",
            "parameters": {"type": "object"},
        }
    ]


@captured
def test_a_stream_that_ends_early_tells_what_came(telemetry: Telemetry, replay: ReplayServer) -> None:
    """And that it came to nothing."""
    for _ in (stream := ask(replay, stream=True)):
        break
    stream.close()
    assert told(telemetry, OUTPUT) == [
        {"role": "assistant", "parts": [{"type": "text", "content": "Hel"}], "finish_reason": "error"}
    ]


@captured
def test_what_changes_after_the_call_began_changes_nothing(
    telemetry: Telemetry, replay: ReplayServer
) -> None:
    """Messages are told as they were sent, also if the program goes on to use their list."""
    messages: list[Any] = [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]
    stream = ask(replay, messages, stream=True)
    messages[0]["content"][0]["text"] = "other"
    messages.append({"role": "user", "content": "more"})
    list(stream)
    assert taken_apart(told(telemetry)) == [("text", "hi")]


@captured
def test_generators_reach_the_sdk_untouched(telemetry: Telemetry, replay: ReplayServer) -> None:
    """The provider is asked the same with and without us."""
    given = ({"role": "user", "content": word} for word in ("one", "two"))
    ask(replay, given)
    assert [message["content"] for message in replay.requests[0].json["messages"]] == ["one", "two"]


@captured
def test_large_media_are_told_by_what_they_are(telemetry: Telemetry, replay: ReplayServer) -> None:
    """Their type, size and digest, in the place of 20 MB."""
    picture = bytes(range(256)) * 4 * 1024 * 20
    url = "data:image/png;base64," + base64.b64encode(picture).decode()
    tiny = {"type": "image_url", "image_url": {"url": "data:image/gif;base64,R0lG"}}
    text = {"type": "text", "text": "x" * 1024 * 1024}
    ask(
        replay,
        [{"role": "user", "content": [text, {"type": "image_url", "image_url": {"url": url}}, tiny]}],
        answer=lambda _: Exchange.json(completion("y" * 100_000)),
    )
    ((_, large, small),) = (message["parts"] for message in told(telemetry))
    assert large == {
        "type": "blob",
        "modality": "image",
        "mime_type": "image/png",
        "content": "",
        "bytes": len(picture),
        "sha256": hashlib.sha256(picture).hexdigest(),
    }
    assert small["content"] == "R0lG"
    attributes = telemetry.spans[0].attributes
    assert attributes["gen_ai.usage.input_tokens"] == 1000
    for name in (INPUT, OUTPUT):
        assert len(attributes[name].encode()) <= 16384
        assert "[cut: " in attributes[name]


@captured
def test_of_many_messages_the_first_and_the_newest_are_told(
    telemetry: Telemetry, replay: ReplayServer
) -> None:
    """And how many are missing between."""
    ask(replay, [{"role": "user", "content": f"message {n} " + "é" * 50} for n in range(10_000)])
    words = [part for _, part in taken_apart(told(telemetry))]
    assert words[0].startswith("message 0 ")
    assert words[1].startswith("[cut: ")
    assert [int(word.split()[1]) for word in words[2:]] == list(range(10_002 - len(words), 10_000))
    assert len(words) > 50


@pytest.mark.settings(capture_content="SPAN_ONLY", content_max_bytes=700)
def test_the_cap_is_the_users(telemetry: Telemetry, replay: ReplayServer) -> None:
    """Whatever is said, in bytes of valid JSON."""
    ask(replay, [{"role": "system", "content": "ä" * 500}, {"role": "user", "content": "b" * 5000}])
    text = telemetry.spans[0].attributes[INPUT]
    assert 300 < len(text.encode()) <= 700
    assert [message["role"] for message in told(telemetry)] == ["system", "user"]


@captured
def test_halves_of_characters_are_put_together_or_replaced(
    telemetry: Telemetry, replay: ReplayServer
) -> None:
    """A pair split over two chunks is one character; a half by itself cannot be encoded, and must not stop anything."""
    halves = [chunk(json.loads('"\\ud83d"')), chunk(json.loads('"\\ude00"')), chunk(json.loads('"!\\ud83d"'))]
    events_sent = tuple(f"data: {json.dumps(each)}\n\n".encode() for each in [*halves, chunk(finish="stop")])
    answer = Exchange(200, {"content-type": "text/event-stream"}, events_sent)
    list(ask(replay, stream=True, answer=lambda _: answer))
    assert taken_apart(told(telemetry, OUTPUT)) == [("text", "\U0001f600!\ufffd")]
    assert events(telemetry)[0][OUTPUT][0]["parts"][0]["content"] == "\U0001f600!\ufffd"


@captured
def test_arguments_that_are_no_json_are_told_as_they_are(telemetry: Telemetry, replay: ReplayServer) -> None:
    """Also those that Python refuses to read."""
    written = ["not json", '{"n": ' + "9" * 5000 + "}", "[" * 100_000, '{"a": NaN}', '"text"', "5"]
    calls = [
        {"id": str(n), "type": "function", "function": {"name": "f", "arguments": each}}
        for n, each in enumerate(written)
    ]
    message = {"role": "assistant", "content": None, "tool_calls": calls}
    answer = completion()
    answer["choices"][0]["message"] = message
    ask(replay, answer=lambda _: Exchange.json(answer))
    told_as = [part["arguments"] for part in told(telemetry, OUTPUT)[0]["parts"]]
    assert told_as[0] == "not json"
    assert told_as[3:] == [{"a": "nan"}, '"text"', "5"]


def test_memory_of_an_open_stream_is_bounded(replay: ReplayServer) -> None:
    """However long the answer and the question: twice the cap, not what passed."""
    telemetry = instrumented(capture_content="SPAN_ONLY")
    many = [chunk("word " * 200) for _ in range(3000)]
    stream = ask(replay, stream=True, answer=lambda _: Exchange.sse([*many, chunk(finish="stop")]))
    next(stream)
    tracemalloc.start()
    try:
        for _ in stream:
            pass
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 1_500_000
    assert len(telemetry.spans[0].attributes[OUTPUT]) <= 16384


def test_what_users_hold_is_copied_within_bounds() -> None:
    """Cyclic, deep, huge, or of any class: what is told is JSON, small, and no longer theirs."""

    class Odd:
        def __init__(self) -> None:
            self.inside = {"secret": object()}

        def __str__(self) -> str:
            raise AssertionError

    cyclic: dict[str, Any] = {"a": 1}
    cyclic["self"] = cyclic
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    arguments = {
        "cyclic": cyclic,
        "deep": deep,
        "huge": list(range(10**6)),
        "number": 10**5000,
        "bytes": b"abc",
        "odd": Odd(),
        "nan": float("inf"),
        7: "seven",
        (1, 2): "a tuple",
        "set": {1, 2},
    }
    (copied,) = Copying(1000, 1000).parts([{"type": "tool_call", "name": "f", "arguments": arguments}])
    text, structure = fit([{"role": "assistant", "parts": [copied]}], 16384)
    assert json.loads(text) == structure
    assert len(text.encode()) <= 16384
    found = copied["arguments"]
    assert found["7"] == "seven"
    assert found["odd"] == {"inside": {"secret": "[object]"}}
    assert found["bytes"] == "YWJj"
    assert found["cyclic"] is not cyclic


@pytest.mark.parametrize("cap", [2, 10, 50, 120, 300, 1000, 5000])
def test_whatever_fits_not_is_cut_to_valid_json(cap: int) -> None:
    """At any cap that can hold anything at all, any shape of messages, texts and parts."""
    shapes: list[list[Any]] = [
        [{"role": "user", "parts": [{"type": "text", "content": word * size}]} for _ in range(count)]
        for word in ("a", "é", "\U0001f600", '"\\', "\ud83d")
        for size in (1, 100, 5000)
        for count in (1, 2, 30)
    ]
    shapes.append([{"role": "user", "parts": [{"type": "text", "content": "x"}] * 2000}])
    shapes.append([{"type": "text", "content": "x" * 50}] * 300)
    shapes.append(
        [{"type": "function", "name": f"tool{n}", "parameters": {"a": "b" * 300}} for n in range(90)]
    )
    for entries in shapes:
        text, structure = fit(entries, cap)
        assert json.loads(text) == structure
        assert len(text.encode()) <= cap


def test_the_tracing_sdk_cannot_cut_the_json(monkeypatch: pytest.MonkeyPatch, replay: ReplayServer) -> None:
    """Its own limit for attributes is kept by us, at a place where JSON can be cut."""
    monkeypatch.setenv("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "300")
    telemetry = instrumented(capture_content="SPAN_ONLY")
    ask(replay, [{"role": "user", "content": "long " * 1000}])
    assert "[cut: " in told(telemetry)[0]["parts"][0]["content"]
