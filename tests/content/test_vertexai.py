"""What Vertex AI's own SDK is asked and says, in protocol buffers. `make matrix` runs this."""

from __future__ import annotations

import base64
import json
import warnings
from typing import Any

import pytest

from otel_llm.testing import Exchange, ReplayServer, Telemetry
from tests.content.reading import INPUT, OUTPUT, SYSTEM, TOOLS, events_of, of_the_span, read, recorded, words
from tests.content.test_google_gemini import ANSWER, TOLD, answered, of_contents, whole
from tests.providers.test_vertexai import model, models, stream
from tests.recordings import Recording

pytestmark = pytest.mark.filterwarnings("ignore")
captured = pytest.mark.settings(capture_content="SPAN_AND_EVENT", tool_definitions="full")
__all__ = ["model"]
THINKS = hasattr(models.Part.from_text("x")._raw_part, "thought")
"""Whether this version of the SDK has a field for thoughts."""
GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
SAID = ANSWER if THINKS else ANSWER[2:]


def part(kind: str) -> Any:
    made: Any = models.Part
    return {
        "text": "text",
        "part": made.from_text("part"),
        "picture": models.Image.from_bytes(GIF),
        "data": made.from_data(b"abc", "image/png"),
        "paper": made.from_uri("gs://b/a.pdf", "application/pdf"),
        "result": made.from_function_response("add", {"result": 2, "more": [1.5, None, {"a": True}]}),
        "call": made.from_dict({"function_call": {"name": "add", "args": {"a": 1}}}),
    }[kind]


def contents(*kinds: str) -> Any:
    return [part(kind) for kind in kinds]


GIVEN = {
    "a text": lambda: "hi",
    "a part": lambda: part("part"),
    "parts": lambda: contents("text", "part", "data", "paper", "result"),
    "a content": lambda: models.Content(role="user", parts=[part("part")]),
    "contents": lambda: [
        models.Content(role="user", parts=[part("part")]),
        models.Content(role="model", parts=[part("call")]),
        models.Content(role="user", parts=[part("result")]),
    ],
    "dicts": lambda: [{"role": "user", "parts": [{"text": "hi"}]}],
}


def number(told: str) -> float | int:
    """Older versions send each number as 1.0."""
    return int(float(told)) if float(told).is_integer() else float(told)


@captured
@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("form", GIVEN)
def test_contents_are_told_in_every_form(
    telemetry: Telemetry, replay: ReplayServer, model: Any, form: str, streamed: bool
) -> None:
    """As they went over the wire: the same messages, with the same roles; and the answer word for word."""
    replay.answer(stream(*SAID) if streamed else Exchange.json(whole(SAID)))
    result = model.generate_content(GIVEN[form](), stream=streamed)
    assert not streamed or list(result)
    told = of_the_span(telemetry)
    sent = json.loads(replay.requests[0].body, parse_float=number)["contents"]
    assert [(each["role"], words([each])) for each in told[INPUT]] == [
        (one["role"], of_contents(one)) for one in sent
    ]
    (said,) = told[OUTPUT]
    assert said["role"] == "model"
    assert words([said]) == answered(list(SAID))
    assert said["parts"][-1] == TOLD[-1]


@captured
def test_pictures_are_told(telemetry: Telemetry, replay: ReplayServer, model: Any) -> None:
    """Their bytes; of which kind they are, those say."""
    replay.answer(Exchange.json(whole(SAID)))
    model.generate_content([part("picture")])
    (told,) = of_the_span(telemetry)[INPUT][0]["parts"]
    assert told == {
        "type": "blob",
        "modality": "image",
        "content": base64.b64encode(GIF).decode(),
        "mime_type": "image/gif",
    }


@captured
def test_a_chat_tells_all_of_it(telemetry: Telemetry, replay: ReplayServer, model: Any) -> None:
    """The second call has the first one's answer among its messages."""
    replay.answer(Exchange.json(whole()))
    chat = model.start_chat()
    chat.send_message("hi")
    chat.send_message("and?")
    first, second = [json.loads((span.attributes or {})[INPUT]) for span in telemetry.spans]  # type: ignore[arg-type]
    assert words(first) == [("text", "hi")]
    assert [each["role"] for each in second] == ["user", "model", "user"]
    assert words(second[-1:]) == [("text", "and?")]


@captured
def test_instructions_and_tools_of_the_model_are_told(
    telemetry: Telemetry, replay: ReplayServer, model: Any
) -> None:
    """Those that it was made with, and in their place those of a call."""
    replay.answer(Exchange.json(whole()))
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    tools = [
        models.Tool.from_function_declarations(
            [models.FunctionDeclaration(name=name, description="adds", parameters=schema)]
        )
        for name in ("add", "other")
    ]
    made = models.GenerativeModel("m", system_instruction=["be", "good"], tools=tools[:1])
    made.generate_content("hi")
    told = of_the_span(telemetry)
    assert words(told[SYSTEM]) == [("text", "be"), ("text", "good")]
    (tool,) = told[TOOLS]
    assert (tool["name"], tool["description"]) == ("add", "adds")
    assert tool["parameters"]["properties"] == {"a": {"type": "INTEGER"}}
    telemetry.clear()
    made.generate_content("hi", tools=tools[1:])
    assert [each["name"] for each in of_the_span(telemetry)[TOOLS]] == ["other"]


@captured
def test_a_stream_that_is_left_tells_what_came(
    telemetry: Telemetry, replay: ReplayServer, model: Any
) -> None:
    """And that it has not ended well."""
    replay.answer(stream(*SAID))
    for _ in model.generate_content("hi", stream=True):
        break
    (said,) = of_the_span(telemetry)[OUTPUT]
    assert words([said]) == answered([SAID[0]]) != []
    assert said["finish_reason"] == "error"


@pytest.mark.recordings
@pytest.mark.parametrize(("native", "recording"), recorded("google.genai", "generate"))
def test_messages_tell_what_the_json_does(native: Any, recording: Recording) -> None:
    """Every recorded answer, made a protocol buffer: the same words."""
    if recording.unreadable or recording.status >= 400:
        pytest.skip("the SDK has nothing to read")
    events = events_of(recording)
    if not THINKS and '"thought"' in recording.body:
        pytest.skip("this version has no field for thoughts")
    made = [models.GenerationResponse.from_dict({"candidates": candidates(event)}) for event in events]
    _, said = read("vertexai.GENERATE", {}, made)
    assert words(said) == answered(events)


def candidates(event: Any) -> list[Any]:
    """Candidates without what not all versions of the SDK have a field for."""
    found = json.loads(json.dumps(event.get("candidates", [])))
    for one in found:
        for name in one.keys() - {"index", "content"}:
            del one[name]
        for told in one.get("content", {}).get("parts", []):
            told.pop("thoughtSignature", None)
            told.get("functionCall", {}).pop("id", None)
    return found


@pytest.mark.parametrize("wrong", [None, 7, "x", object(), {"_pb": 7}, [None, 7, {"_pb": 7}]])
def test_what_is_no_message_tells_nothing(wrong: Any) -> None:
    """And raises nothing."""
    with warnings.catch_warnings():
        asked, said = read("vertexai.GENERATE", {"tools": wrong, "system_instruction": wrong}, [wrong])
    assert said == []
    assert all(each["type"] == "text" for each in asked.system)
