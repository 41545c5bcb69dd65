"""What generateContent is asked and says, in every form that Google's SDK takes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

from otel_llm.testing import Exchange, ReplayServer, Telemetry
from tests.content import reading as common
from tests.content.parts import stable
from tests.lives.scenarios import KINDS, each, run, settle
from tests.lives.wires import KEPT, sse
from tests.native import Native
from tests.recordings import Recording

NAME = "gemini.GENERATE"
ALL = common.recorded("google.genai", "generate")
kinds = pytest.mark.parametrize("kind", KINDS)
captured = pytest.mark.settings(capture_content="SPAN_AND_EVENT", odd=True)


def of_part(part: Any) -> Iterator[common.Words]:
    """What one part says, by the wire's names or by those of Python."""

    def has(camel: str, snake: str) -> Any:
        return part.get(camel, part.get(snake))

    if part.get("text"):
        yield ("reasoning" if part.get("thought") else "text", part["text"])
    if call := has("functionCall", "function_call"):
        yield ("tool_call", call["name"], stable(call.get("args")))
    if back := has("functionResponse", "function_response"):
        yield ("tool_call_response", stable(back["response"]))
    if has("inlineData", "inline_data"):
        yield ("blob",)
    if held := has("fileData", "file_data"):
        yield ("uri", held.get("fileUri") or held["file_uri"])
    if has("executableCode", "executable_code"):
        yield ("server_tool_call",)
    if has("codeExecutionResult", "code_execution_result"):
        yield ("server_tool_call_response",)


def of_contents(contents: Any) -> list[common.Words]:
    listed = contents if isinstance(contents, list) else [contents] if contents else []
    return [found for one in listed for part in one.get("parts", []) for found in of_part(part)]


def answered(events: list[Any]) -> list[common.Words]:
    """What an answer says, the chunks of each candidate put together."""
    candidates: dict[int, list[common.Words]] = {}
    for event in events:
        for place, one in enumerate(event.get("candidates") or []):
            said = of_contents(one.get("content"))
            candidates.setdefault(one.get("index", place), []).extend(said)
    return [found for _, told in sorted(candidates.items()) for found in common.joined(told)]


def offered(tools: Any) -> list[tuple[str, str]]:
    """The tools of a request, by type and name."""
    found: list[tuple[str, str]] = []
    for entry in tools if isinstance(tools, list) else [tools] if tools else []:
        for name, held in entry.items():
            snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
            if snake == "function_declarations":
                found += [("function", one["name"]) for one in held]
            else:
                found.append((snake, snake))
    return found


@pytest.mark.recordings
@pytest.mark.parametrize(("native", "recording"), ALL)
def test_everything_said_is_found_back(native: Native, recording: Recording) -> None:
    """Each text, thought, call, result and medium of both sides, word for word, and nothing else."""
    body, events = recording.asked, common.events_of(recording)
    asked, said = common.read(NAME, body, events)
    assert common.words(asked.messages) == of_contents(body["contents"])
    assert common.words(asked.system) == of_contents(body.get("systemInstruction"))
    assert [(each["type"], each["name"]) for each in asked.tools] == offered(body.get("tools"))
    assert [each["role"] for each in asked.messages] == [one["role"] for one in body["contents"]]
    assert common.words(said) == answered(events)
    assert list(common.faults(json.loads(json.dumps(common.attributes(asked, said))))) == []


@pytest.mark.recordings
@kinds
@captured
@pytest.mark.parametrize(("native", "recording"), ALL)
def test_the_sdk_tells_what_was_recorded(
    telemetry: Telemetry, replay: ReplayServer, native: Native, recording: Recording, kind: str
) -> None:
    """Its objects are read like the JSON that they were made of."""
    told = common.through_the_sdk(replay, telemetry, native, recording, kind)
    assert common.words(told[common.OUTPUT]) == answered(common.events_of(recording))
    assert common.words(told[common.INPUT]) == [("text", "hi")]


@pytest.mark.recordings
@pytest.mark.parametrize(("native", "recording"), common.smallest(ALL))
def test_any_field_may_be_anything(native: Native, recording: Recording) -> None:
    """Nothing raises, and with a null in any place what is told is whole."""
    assert list(common.wrongs(NAME, recording.asked, common.events_of(recording))) == []


# The forms that the SDK takes: what went over the wire then says what must be told.


def add(a: int) -> int:
    """Add one.

    And no more.
    """
    return a + 1


add.__annotations__ = {"a": int, "return": int}  # not as texts, which older versions cannot call with


def given(kind: str) -> Any:
    """Contents in one of the forms that the SDK takes."""
    types: Any = import_module("google.genai.types")
    picture = types.Part.from_bytes(data=b"png", mime_type="image/png")
    paper = types.Part.from_uri(file_uri="gs://b/a.pdf", mime_type="application/pdf")
    call = types.Part.from_function_call(name="add", args={"a": 1})
    back = types.Part.from_function_response(name="add", response={"result": 2})
    user = types.Content(role="user", parts=[types.Part(text="content"), picture])
    return {
        "text": "text",
        "part": types.Part(text="part"),
        "content": user,
        "texts": ["one", "two"],
        "parts of both sides": ["one", paper, call, back, "two"],
        "file": ["one", types.File(uri="https://g/files/a", mime_type="video/mp4", name="files/a")],
        "contents": [
            user,
            types.ModelContent(parts=[call]),
            "loose",
            ["inner", picture],
            types.UserContent("new"),
        ],
        "dict": {
            "role": "user",
            "parts": [{"text": "dict"}, {"inlineData": {"mimeType": "i/p", "data": "aGk="}}],
        },
        "part as dict": {"text": "dict"},
        "dicts": [
            {"parts": [{"text": "none's"}]},
            {"role": "model", "parts": [{"function_call": {"name": "add", "args": {"a": [{"b": None}]}}}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "add", "response": {"result": 2}}}]},
        ],
        "thought and code": [
            types.Content(
                role="model",
                parts=[
                    types.Part(text="hm", thought=True),
                    types.Part.from_executable_code(code="1", language="PYTHON"),
                    types.Part.from_code_execution_result(outcome="OUTCOME_OK", output="1"),
                ],
            )
        ],
    }[kind]


FORMS = (
    "text",
    "part",
    "content",
    "texts",
    "parts of both sides",
    "file",
    "contents",
    "dict",
    "part as dict",
    "dicts",
    "thought and code",
)


def client(replay: ReplayServer, kind: str, **settings: Any) -> Any:
    genai: Any = pytest.importorskip("google.genai")
    made = genai.Client(api_key="k", http_options={"base_url": replay.url}, **settings)
    KEPT[:] = [made]
    return made.aio if kind == "async" else made


def chunk(*parts: Any, **more: Any) -> Any:
    return {"candidates": [{"content": {"role": "model", "parts": parts}, "index": 0, **more}]}


ANSWER = (
    chunk({"text": "first ", "thought": True}),
    chunk({"text": "thought", "thought": True}, {"text": "Hel"}),
    chunk({"text": "lo"}),
    chunk({"functionCall": {"name": "other", "args": {"b": {"c": [1, None]}}, "id": "1"}}),
    chunk({"text": ""}, {"text": "after"}, {"inlineData": {"mimeType": "image/png", "data": "aGk="}}),
    chunk({"text": "", "thoughtSignature": "aGk="}, finishReason="STOP"),
)
TOLD = [
    {"type": "reasoning", "content": "first thought"},
    {"type": "text", "content": "Hello"},
    {"type": "tool_call", "name": "other", "arguments": {"b": {"c": [1, None]}}, "id": "1"},
    {"type": "text", "content": "after"},
    {"type": "blob", "modality": "image", "content": "aGk=", "mime_type": "image/png"},
]


def whole(events: Any = ANSWER) -> Any:
    parts = [part for event in events for part in event["candidates"][0]["content"]["parts"]]
    return chunk(*parts, finishReason="STOP")


def serve(replay: ReplayServer, *, stream: bool) -> None:
    events = Exchange(200, {"content-type": "text/event-stream"}, sse(*ANSWER))
    replay.answer(events if stream else Exchange.json(whole()))


async def ask(sdk: Any, contents: Any, *, stream: bool, upto: int = 99, **config: Any) -> None:
    name = f"generate_content{'_stream' if stream else ''}"
    result = await settle(getattr(sdk.models, name)(model="m", contents=contents, config=config or None))
    if stream:
        async for _ in each(result):
            upto -= 1
            if upto <= 0:
                break
        await settle(result.aclose() if hasattr(result, "aclose") else result.close())


@kinds
@captured
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_contents_are_told_in_every_form(
    telemetry: Telemetry, replay: ReplayServer, kind: str, form: str, stream: bool
) -> None:
    """As they went over the wire: the same messages, with the same roles."""
    serve(replay, stream=stream)
    sdk = client(replay, kind)
    run(kind, ask(sdk, given(form), stream=stream))
    told = common.of_the_span(telemetry)
    sent = replay.requests[0].json["contents"]
    assert [(each["role"], common.words([each])) for each in told[common.INPUT]] == [
        (one.get("role", "user"), of_contents(one)) for one in sent
    ]
    assert told[common.OUTPUT] == [{"role": "model", "parts": TOLD, "finish_reason": "stop"}]


@kinds
@pytest.mark.settings(capture_content="SPAN_ONLY", tool_definitions="full")
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("spelled", ["snake", "camel", "object"])
def test_instructions_and_tools_are_told(
    telemetry: Telemetry, replay: ReplayServer, kind: str, stream: bool, spelled: str
) -> None:
    """In the names of either side, and functions of Python by what they say of themselves."""
    serve(replay, stream=stream)
    sdk = client(replay, kind)
    declared = {"name": "find", "description": "finds", "parameters": {"type": "OBJECT"}}
    tools: list[Any] = [{"function_declarations": [declared]}, {"google_search": {}}, {"code_execution": {}}]
    config: dict[str, Any] = {"system_instruction": ["be", {"text": "good"}], "tools": [*tools, add]}
    if spelled == "camel":
        tools = [{"functionDeclarations": [declared]}, {"googleSearch": {}}, {"codeExecution": {}}]
        config = {"systemInstruction": {"parts": [{"text": "be"}, {"text": "good"}]}, "tools": [*tools, add]}
    if spelled == "object":
        types: Any = import_module("google.genai.types")
        config = vars(types.GenerateContentConfig(**config))
    quiet = {"automatic_function_calling": {"disable": True}}
    given_ = {name: value for name, value in config.items() if value is not None}
    run(kind, ask(sdk, "hi", stream=stream, **given_, **quiet))
    told = common.of_the_span(telemetry)
    assert common.words(told[common.SYSTEM]) == [("text", "be"), ("text", "good")]
    assert [each["name"] for each in told[common.TOOLS]] == [
        "find",
        "google_search",
        "code_execution",
        "add",
    ]
    assert told[common.TOOLS][0]["description"] == "finds"
    assert told[common.TOOLS][0]["parameters"]["type"] == "OBJECT"
    assert told[common.TOOLS][3]["description"] == "Add one.\n\nAnd no more."


@kinds
@captured
def test_a_stream_that_is_left_tells_what_came(telemetry: Telemetry, replay: ReplayServer, kind: str) -> None:
    """Thoughts and the first letters, and that it has not ended well."""
    serve(replay, stream=True)
    run(kind, ask(client(replay, kind), "hi", stream=True, upto=2))
    (said,) = common.of_the_span(telemetry)[common.OUTPUT]
    assert said == {
        "role": "model",
        "parts": [TOLD[0], {"type": "text", "content": "Hel"}],
        "finish_reason": "error",
    }


@kinds
@captured
def test_each_request_of_a_loop_tells_its_own(telemetry: Telemetry, replay: ReplayServer, kind: str) -> None:
    """What the SDK adds to a chat by calling functions was asked in the second request, and not in the first."""
    wanted = {"functionCall": {"name": "add", "args": {"a": 1}}}
    replay.answer([Exchange.json(chunk(wanted)), Exchange.json(chunk({"text": "2"}))])

    async def go() -> None:
        chat = client(replay, kind).chats.create(model="m", config={"tools": [add]})
        await settle(chat.send_message("hi"))

    run(kind, go())
    told = [common.words(json.loads(span.attributes[common.INPUT])) for span in telemetry.spans]  # type: ignore[index, arg-type]
    assert told == [
        [("text", "hi")],
        [("text", "hi"), ("tool_call", "add", '{"a": 1}'), ("tool_call_response", '{"result": 2}')],
    ]


def test_several_candidates_are_several_messages() -> None:
    """In their order, whatever the order of the chunks."""
    one, other = ({"index": place, "content": {"parts": [{"text": str(place)}]}} for place in (1, 0))
    _, said = common.read(NAME, {}, [{"candidates": [one]}, {"candidates": [other]}, {"candidates": [one]}])
    assert common.words(said) == [("text", "0"), ("text", "11")]


def test_arguments_that_are_still_written_are_put_together() -> None:
    """Each value by its path, texts piece by piece; a stream that breaks off tells what came."""

    def more(**call: Any) -> Any:
        return chunk({"functionCall": call})

    events = [
        more(name="w", id="1", willContinue=True),
        more(
            partialArgs=[{"jsonPath": "$.at[0].city", "stringValue": "Par", "willContinue": True}],
            willContinue=True,
        ),
        more(
            partialArgs=[
                {"jsonPath": "$.at[0].city", "stringValue": "is"},
                {"jsonPath": "$.at[1]['a b']", "numberValue": 1.5},
                {"jsonPath": "$.now", "boolValue": False},
                {"jsonPath": "$.unit", "nullValue": "NULL_VALUE"},
            ],
            willContinue=True,
        ),
        more(),
        more(name="x", args={"a": 1}),
    ]
    _, (said,) = common.read(NAME, {}, events)
    assert said["parts"] == [
        {
            "type": "tool_call",
            "name": "w",
            "arguments": {"at": [{"city": "Paris"}, {"a b": 1.5}], "now": False, "unit": None},
            "id": "1",
        },
        {"type": "tool_call", "name": "x", "arguments": {"a": 1}},
    ]
    _, (said,) = common.read(NAME, {}, events[:2])
    assert said["parts"][0]["arguments"] == {"at": [{"city": "Par"}]}


@pytest.mark.parametrize("events", [ANSWER, [whole()]])
def test_any_field_that_was_not_recorded_may_be_anything(events: Any) -> None:
    """Nothing raises, and with a null in any place what is told is whole."""
    contents = [event["candidates"][0]["content"] for event in ANSWER]
    tools = [{"functionDeclarations": [{"name": "add"}]}, {"googleSearch": {}}]
    asked = {"contents": contents, "tools": tools, "systemInstruction": contents[0]}
    assert list(common.wrongs(NAME, asked, list(events))) == []


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("$.a", {"kept": 1, "a": "x"}),
        ("$[0]", ["x"]),
        ("$", {"kept": 1}),
        ("", {"kept": 1}),
        ("$" + ".a" * 1000, None),
        (7, {"kept": 1}),
    ],
)
def test_paths_of_arguments_may_be_anything(path: Any, told: Any) -> None:
    """What no path leads to is left out; none is deeper than what can be told."""
    call = {"name": "w", "args": {"kept": 1}, "partialArgs": [{"jsonPath": path, "stringValue": "x"}]}
    _, (said,) = common.read(NAME, {}, [chunk({"functionCall": call})])
    (part,) = said["parts"]
    assert told is None or part["arguments"] == told
    assert len(json.dumps(part)) < 500


def test_what_is_no_list_is_never_iterated() -> None:
    """The provider is to get it whole."""
    source = iter(["hi"])
    for body in (
        {"contents": source},
        {"contents": [{"parts": source}], "tools": source, "system_instruction": source},
    ):
        asked, _ = common.read(NAME, body, [])
        assert common.words(asked.messages) == common.words(asked.system) == asked.tools == []
    assert list(source) == ["hi"]
