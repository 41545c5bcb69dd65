"""What Google's interactions are asked and say, in steps and as first released."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from otel_llm.testing import Exchange, ReplayServer, Telemetry
from tests.content import reading as common
from tests.content.test_google_gemini import client
from tests.lives.scenarios import KINDS, each, run, settle
from tests.lives.wires import sse
from tests.native import Native
from tests.recordings import Recording

NAME = "gemini_interactions.INTERACTIONS"
ALL = common.recorded("google.genai", "interactions")
kinds = pytest.mark.parametrize("kind", KINDS)
captured = pytest.mark.settings(capture_content="SPAN_AND_EVENT", odd=True)


def of_contents(contents: Any, kind: str = "text") -> Iterator[common.Words]:
    if isinstance(contents, str):
        yield (kind, contents)
    for content in contents if isinstance(contents, list) else []:
        if content["type"] == "text":
            yield (kind, content["text"])
        else:
            yield ("blob",) if "data" in content else ("uri", content["uri"])


def answered(events: list[Any]) -> list[common.Words]:
    """What an answer says, whole or in the events of its stream."""
    if len(events) == 1:
        kinds_ = {"thought": ("summary", "reasoning"), "model_output": ("content", "text")}
        steps = [(step, *kinds_[step["type"]]) for step in events[0]["steps"]]
        return common.joined(found for step, key, kind in steps for found in of_contents(step.get(key), kind))
    deltas = [event["delta"] for event in events if event.get("event_type") == "step.delta"]
    return common.joined(("text", delta["text"]) for delta in deltas if delta["type"] == "text")


@pytest.mark.recordings
@pytest.mark.parametrize(("native", "recording"), ALL)
def test_everything_said_is_found_back(native: Native, recording: Recording) -> None:
    """Each text and medium of both sides, word for word, and nothing else."""
    body, events = recording.asked, common.events_of(recording)
    asked, said = common.read(NAME, body, events)
    assert common.words(asked.messages) == list(of_contents(body["input"]))
    assert common.words(said) == answered(events) != []
    assert list(common.faults(json.loads(json.dumps(common.attributes(asked, said))))) == []


@pytest.mark.recordings
@kinds
@captured
@pytest.mark.parametrize(("native", "recording"), ALL)
def test_the_sdk_tells_what_was_recorded(
    telemetry: Telemetry, replay: ReplayServer, native: Native, recording: Recording, kind: str
) -> None:
    """Its objects are read like the JSON that they were made of."""
    pytest.importorskip("google.genai._gaos")
    told = common.through_the_sdk(replay, telemetry, native, recording, kind)
    assert common.words(told[common.OUTPUT]) == answered(common.events_of(recording))
    assert common.words(told[common.INPUT]) == [("text", "hi")]


@pytest.mark.recordings
@pytest.mark.parametrize(("native", "recording"), common.smallest(ALL))
def test_any_field_may_be_anything(native: Native, recording: Recording) -> None:
    """Nothing raises, and with a null in any place what is told is whole."""
    assert list(common.wrongs(NAME, recording.asked, common.events_of(recording))) == []


SEARCH = {"id": "s", "arguments": {"queries": ["q"]}, "type": "google_search_call"}
FOUND = {"call_id": "s", "result": [{"title": "t", "url": "u"}], "type": "google_search_result"}
CALL = {"id": "c", "name": "add", "arguments": {"a": 1}, "type": "function_call"}
STEPS = [
    {"type": "thought", "signature": "xx", "summary": [{"type": "text", "text": "first thought"}]},
    SEARCH,
    FOUND,
    {"type": "model_output", "content": [{"type": "text", "text": "Hello"}]},
    {"type": "model_output", "content": [{"type": "image", "data": "aGk=", "mime_type": "image/png"}]},
    CALL,
]
TOLD = [
    {"type": "reasoning", "content": "first thought"},
    {
        "type": "server_tool_call",
        "name": "google_search",
        "server_tool_call": {"arguments": {"queries": ["q"]}, "type": "google_search"},
        "id": "s",
    },
    {
        "type": "server_tool_call_response",
        "server_tool_call_response": {"result": [{"title": "t", "url": "u"}], "type": "google_search"},
        "id": "s",
    },
    {"type": "text", "content": "Hello"},
    {"type": "blob", "modality": "image", "content": "aGk=", "mime_type": "image/png"},
    {"type": "tool_call", "name": "add", "arguments": {"a": 1}, "id": "c"},
]
BEGUN = {"id": "i", "model": "m", "status": "in_progress", "object": "interaction"}
DONE = {**BEGUN, "status": "completed", "steps": STEPS}


def step(index: int, begun: Any, *deltas: Any) -> list[Any]:
    return [
        {"event_type": "step.start", "index": index, "step": begun},
        *({"event_type": "step.delta", "index": index, "delta": delta} for delta in deltas),
        {"event_type": "step.stop", "index": index},
    ]


def summary(text: str) -> Any:
    return {"type": "thought_summary", "content": {"type": "text", "text": text}}


STREAM = [
    {"event_type": "interaction.created", "interaction": BEGUN},
    *step(
        0,
        {"type": "thought"},
        summary("first "),
        summary("thought"),
        {"type": "thought_signature", "signature": "x"},
    ),
    *step(
        1,
        {"type": "google_search_call", "id": "s", "arguments": {}},
        {**SEARCH, "id": None, "signature": "x"},
    ),
    *step(2, {"type": "google_search_result", "call_id": "s", "result": []}, {**FOUND, "call_id": None}),
    *step(
        3,
        {"type": "model_output", "content": [{"type": "text", "text": "H"}]},
        {"type": "text", "text": "el"},
        {"type": "text", "text": "lo"},
        {"type": "image", "data": "aGk=", "mime_type": "image/png"},
    ),
    *step(
        4,
        {**CALL, "arguments": {}},
        {"type": "arguments_delta", "arguments": '{"a"'},
        {"type": "arguments_delta", "arguments": ":1}"},
    ),
    {"event_type": "interaction.completed", "interaction": DONE},
]
OUTPUTS = [  # as first released
    {"type": "thought", "summary": [{"type": "text", "text": "first thought"}]},
    SEARCH,
    FOUND,
    {"type": "text", "text": "Hello"},
    {"type": "image", "data": "aGk=", "mime_type": "image/png"},
    CALL,
]
CONTENTS = [
    {"event_type": "interaction.start", "interaction": BEGUN},
    *(
        {**event, "event_type": event["event_type"].replace("step", "content")}
        | {"content": event.get("step")}
        for event in STREAM[1:-1]
    ),
    {"event_type": "interaction.complete", "interaction": {**BEGUN, "outputs": OUTPUTS}},
]


@pytest.mark.parametrize(
    "events", [[DONE], STREAM, [{**DONE, "steps": None, "outputs": OUTPUTS}], CONTENTS, STREAM[-1:]]
)
def test_steps_and_outputs_tell_the_same(events: Any) -> None:
    """Whole or streamed, today or as first released; what the last event says again is not told twice."""
    _, said = common.read(NAME, {}, events)
    assert said == [{"role": "assistant", "parts": TOLD}]


@kinds
@captured
@pytest.mark.parametrize("stream", [False, True])
def test_an_interaction_is_told(telemetry: Telemetry, replay: ReplayServer, kind: str, stream: bool) -> None:
    """Its steps, the instructions and the tools, through the SDK."""
    pytest.importorskip("google.genai._gaos")
    events = Exchange(200, {"content-type": "text/event-stream"}, sse(*STREAM, "[DONE]"))
    replay.answer(events if stream else Exchange.json(DONE))
    question = {"type": "user_input", "content": [{"type": "text", "text": "add"}]}
    back = {"type": "function_result", "call_id": "c", "name": "add", "result": "2"}
    function = {"type": "function", "name": "add", "description": "adds", "parameters": {"type": "object"}}

    async def go() -> None:
        result = await settle(
            client(replay, kind).interactions.create(
                model="m",
                input=[question, STEPS[0], CALL, back],
                system_instruction="be good",
                tools=[function, {"type": "google_search"}],
                stream=stream,
            )
        )
        if stream:
            assert [event async for event in each(result)]

    run(kind, go())
    told = common.of_the_span(telemetry)
    assert told[common.OUTPUT] == [{"role": "assistant", "parts": TOLD, "finish_reason": "stop"}]
    assert [(each_["role"], common.words([each_])) for each_ in told[common.INPUT]] == [
        ("user", [("text", "add")]),
        ("assistant", [("reasoning", "first thought"), ("tool_call", "add", '{"a": 1}')]),
        ("tool", [("tool_call_response", "2")]),
    ]
    assert told[common.SYSTEM] == [{"type": "text", "content": "be good"}]
    assert told[common.TOOLS] == [
        {"type": "function", "name": "add"},
        {"type": "google_search", "name": "google_search"},
    ]


async def _none() -> AsyncIterator[Any]:
    for nothing in ():
        yield nothing


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("hi", [("user", [("text", "hi")])]),
        ({"type": "text", "text": "hi"}, [("user", [("text", "hi")])]),
        (
            [
                {"role": "user", "content": "hi"},
                {"role": "model", "content": [{"type": "text", "text": "ho"}]},
            ],
            [("user", [("text", "hi")]), ("model", [("text", "ho")])],
        ),
        (
            [{"type": "text", "text": "hi"}, {"type": "document", "uri": "gs://a", "mime_type": "text/csv"}],
            [("user", [("text", "hi"), ("uri", "gs://a")])],
        ),
        (iter(["hi"]), []),
    ],
)
def test_input_has_many_forms(given: Any, told: Any) -> None:
    """A text, one content, several, or turns; nothing else is iterated."""
    asked, _ = common.read(NAME, {"input": given}, [])
    assert [(each_["role"], common.words([each_])) for each_ in asked.messages] == told


@pytest.mark.parametrize("events", [[DONE], STREAM, CONTENTS])
def test_any_field_that_was_not_recorded_may_be_anything(events: Any) -> None:
    """Nothing raises, and with a null in any place what is told is whole."""
    assert list(common.wrongs(NAME, {"input": STEPS, "tools": [{"type": "google_search"}]}, events)) == []


def test_a_stream_that_is_left_tells_what_came() -> None:
    """Half a call has the half of its arguments that came, as they came; a new beginning forgets it all."""
    _, (said,) = common.read(NAME, {}, STREAM[: STREAM.index(STREAM[-3])])
    assert said["parts"][-1] == {"type": "tool_call", "name": "add", "arguments": '{"a"', "id": "c"}
    _, said = common.read(NAME, {}, [*STREAM[:9], *STREAM])
    assert said == [{"role": "assistant", "parts": TOLD}]
