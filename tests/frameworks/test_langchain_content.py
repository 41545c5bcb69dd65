"""What was said to LangChain's models and what they answered, from the wire or from LangChain itself."""

from __future__ import annotations

import contextlib
import copy
import gc
import subprocess
import sys
import weakref
from collections.abc import Callable
from functools import reduce
from typing import Any

import openai
import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.language_models.fake import FakeListLLM
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import (
    AIMessage,
    ChatMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
    convert_to_messages,
)
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_openai import ChatOpenAI, OpenAI

from otel_llm.testing import Exchange, ReplayServer, Telemetry
from tests.content import test_openai_chat as chats
from tests.content.parts import taken_apart
from tests.frameworks.models import MODELS, Model
from tests.frameworks.words import INPUT, OUTPUT, SYSTEM, TOOLS, said, told, words
from tests.lives.answers import completion, responses_stream
from tests.lives.scenarios import KINDS, only, provider, run, settled
from tests.lives.wires import SECRET
from tests.recordings import Recording
from tests.test_recordings import WRONG, places

pytestmark = [
    pytest.mark.settings(capture_content="SPAN_AND_EVENT", content_max_bytes=10**6),
    pytest.mark.skipif(not hasattr(AIMessage, "content_blocks"), reason="this LangChain has no such blocks"),
]
kinds = pytest.mark.parametrize("kind", KINDS)
streams = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
MISTRAL = next(model for model in MODELS if not model.hooked)
GPT = MODELS[0]


def made(model: Model, replay: ReplayServer, **more: Any) -> Any:
    pytest.importorskip(model.name.partition(":")[0])
    return model.make(replay.url, **more)


async def asked(model: Any, kind: str, messages: Any, *, stream: bool) -> Any:
    """What the user gets, its pieces put together by LangChain."""
    if not stream:
        return await model.ainvoke(messages) if kind == "async" else model.invoke(messages)
    if kind == "async":
        pieces = [piece async for piece in model.astream(messages)]
    else:
        pieces = list(model.stream(messages))
    return reduce(lambda first, second: first + second, pieces)


def fake(*answers: Any) -> GenericFakeChatModel:
    """A model without any SDK."""
    return GenericFakeChatModel(messages=iter(answers))


@kinds
@streams
@pytest.mark.parametrize(
    "model", MODELS, ids=lambda model: f"{model.name.partition(':')[2]}, {model.wire.name}"
)
def test_what_is_told_is_what_was_asked_and_got(
    telemetry: Telemetry, replay: ReplayServer, model: Model, kind: str, stream: bool
) -> None:
    """With every integration, whether an SDK below is listened to or not."""
    chat = made(model, replay)
    streamed = model.wire.answer() if "responses" not in model.wire.name else responses_stream()
    replay.answer(streamed if stream else model.wire.whole)
    messages = [SystemMessage("be kind"), HumanMessage(f"{SECRET} prompt")]
    got = run(kind, asked(chat, kind, messages, stream=stream))
    span = only(telemetry)
    assert words(span, INPUT)[-1] == ("text", f"{SECRET} prompt")
    first, *_ = [*told(span, SYSTEM), *told(span, INPUT)[0]["parts"]]
    assert first == {"type": "text", "content": "be kind"}
    # Where the wire has instructions apart from the messages, so they are told.
    assert (SYSTEM in span.attributes) == any(
        name in model.name for name in ("Anthropic", "Google", "Bedrock")
    )
    assert words(span) == said(got) != []
    assert told(span, OUTPUT)[0]["finish_reason"] == "stop"


def test_what_goes_over_the_wire_counts(telemetry: Telemetry, replay: ReplayServer) -> None:
    """And not what LangChain was given: it asks some models in another role."""
    replay.answer(provider)
    chat = ChatOpenAI(model="o3", api_key="k", base_url=f"{replay.url}/v1", max_retries=0)
    chat.invoke([SystemMessage("be kind"), HumanMessage("hi")])
    assert [message["role"] for message in told(only(telemetry), INPUT)] == ["developer", "user"]


@streams
@pytest.mark.parametrize("model", [GPT, MISTRAL], ids=["with an SDK", "without"])
def test_a_round_with_tools_is_told_like_on_the_wire(
    telemetry: Telemetry, replay: ReplayServer, model: Model, stream: bool
) -> None:
    """Calls with their arguments, results with the calls that they answer, and what the tools are."""
    function = {"name": "look", "arguments": '{"q": "x", "n": 1}'}
    message: dict[str, Any] = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "2", "index": 0, "function": function}],
    }
    message["tool_calls"][0]["type"] = "function"
    answer = completion(finish="tool_calls")
    answer["choices"][0]["message"] = message
    pieces = [completion(finish=None), completion(finish="tool_calls")]
    for piece, part in zip(pieces, (message, {}), strict=True):
        piece["choices"][0]["delta"] = part
    replay.answer(Exchange.sse(pieces) if stream else Exchange.json(answer))

    def look(q: str, n: int) -> str:
        """Look it up."""
        return q * n

    call = {"name": "look", "args": {"q": "y", "n": 2}, "id": "1", "type": "tool_call"}
    messages = [HumanMessage("hi"), AIMessage("", tool_calls=[call]), ToolMessage("yy", tool_call_id="1")]
    run("sync", asked(made(model, replay).bind_tools([look]), "sync", messages, stream=stream))
    span = only(telemetry)
    assert words(span, INPUT) == [
        ("text", "hi"),
        ("tool_call", "look", '{"n": 2, "q": "y"}'),
        ("tool_call_response", "yy"),
    ]
    assert [message["role"] for message in told(span, INPUT)] == ["user", "assistant", "tool"]
    assert [message["parts"][0].get("id") for message in told(span, INPUT)] == [None, "1", "1"]
    assert words(span) == [("tool_call", "look", '{"n": 1, "q": "x"}')]
    assert told(span, OUTPUT)[0]["finish_reason"] == "tool_call"
    assert told(span, TOOLS) == [{"type": "function", "name": "look"}]


# Without an SDK: what LangChain has.

PICTURE = "iVBORw0KGgo="
FORMS: dict[str, tuple[Any, list[tuple[str, ...]]]] = {
    "text": ("hi", [("text", "hi")]),
    "nothing": ("", []),
    "texts": (["a", {"type": "text", "text": "b"}], [("text", "a"), ("text", "b")]),
    "new standard": (
        [
            {"type": "text-plain", "text": "plain", "mime_type": "text/plain"},
            {"type": "image", "base64": PICTURE, "mime_type": "image/png"},
            {"type": "image", "url": "https://x/y.png", "id": "lc_1"},
            {"type": "audio", "file_id": "file-1"},
            {"type": "video", "url": "data:video/mp4;base64,AAAA"},
            {"type": "file", "base64": "AAAA", "mime_type": "application/pdf"},
            {"type": "non_standard", "value": {"type": "text", "text": "odd"}},
        ],
        [
            ("text", "plain"),
            ("blob", "image", PICTURE, "image/png"),
            ("uri", "image", "https://x/y.png"),
            ("file", "audio", "file-1"),
            ("blob", "video", "AAAA", "video/mp4"),
            ("blob", "document", "AAAA", "application/pdf"),
            ("text", "odd"),
        ],
    ),
    "old standard": (
        [
            {"type": "image", "source_type": "base64", "data": PICTURE, "mime_type": "image/png"},
            {"type": "audio", "source_type": "url", "url": "https://x/y.mp3", "mime_type": "audio/mpeg"},
            {"type": "file", "source_type": "id", "id": "file-1"},
            {"type": "file", "source_type": "text", "url": "inside"},
        ],
        [
            ("blob", "image", PICTURE, "image/png"),
            ("uri", "audio", "https://x/y.mp3", "audio/mpeg"),
            ("file", "document", "file-1"),
            ("text", "inside"),
        ],
    ),
    "as OpenAI has it": (
        [
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PICTURE}"}},
            {"type": "image_url", "image_url": "https://x/y.png"},
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
            {"type": "file", "file": {"file_id": "file-1"}},
            {"type": "input_text", "text": "words"},
        ],
        [
            ("blob", "image", PICTURE, "image/png"),
            ("uri", "image", "https://x/y.png"),
            ("blob", "audio", "AAAA", "audio/wav"),
            ("file", "document", "file-1"),
            ("text", "words"),
        ],
    ),
    "as Anthropic has it": (
        [
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PICTURE}},
            {"type": "document", "source": {"type": "url", "url": "https://x/y.pdf"}},
            {"type": "document", "source": {"type": "text", "data": "inside", "media_type": "text/plain"}},
            {"type": "document", "source": {"type": "file", "file_id": "file-1"}},
            {"type": "tool_result", "tool_use_id": "1", "content": "found"},
        ],
        [
            ("blob", "image", PICTURE, "image/png"),
            ("uri", "document", "https://x/y.pdf"),
            ("text", "inside"),
            ("file", "document", "file-1"),
            ("tool_call_response", "found"),
        ],
    ),
    "as Google has it": (
        [
            {"type": "media", "mime_type": "video/mp4", "file_uri": "gs://x/y"},
            {"type": "media", "mime_type": "image/png", "data": PICTURE},
        ],
        [("uri", "video", "gs://x/y", "video/mp4"), ("blob", "image", PICTURE, "image/png")],
    ),
}


def flat(part: Any) -> tuple[str, ...]:
    """A part as its values, in the order of the conventions."""
    keys = ("type", "modality", "content", "uri", "file_id", "response", "mime_type")
    return tuple(part[key] for key in keys if part.get(key) not in (None, ""))


@pytest.mark.parametrize("form", FORMS)
def test_content_is_read_in_all_of_its_forms(telemetry: Telemetry, form: str) -> None:
    """Those of LangChain's own standards, and those that providers have."""
    content, expected = FORMS[form]
    fake(AIMessage("ok")).invoke([HumanMessage(content)])
    (message,) = told(only(telemetry), INPUT)
    assert message["role"] == "user"
    assert [flat(part) for part in message["parts"]] == expected


CALL = {"name": "f", "args": {"a": 1}, "id": "1", "type": "tool_call"}
CALLED = ("tool_call", "f", '{"a": 1}')
ANSWERS: dict[str, tuple[AIMessage, list[tuple[str, ...]]]] = {
    "words": (AIMessage("hello"), [("text", "hello")]),
    "calls": (AIMessage("so", tool_calls=[CALL]), [("text", "so"), CALLED]),
    "invalid calls": (
        AIMessage("", invalid_tool_calls=[{"name": "f", "args": "{", "id": "1", "error": "no"}]),
        [("tool_call", "f", "{")],
    ),
    "thoughts beside": (
        AIMessage("hello", additional_kwargs={"reasoning_content": "hm"}),
        [("reasoning", "hm"), ("text", "hello")],
    ),
    "a refusal beside": (AIMessage("", additional_kwargs={"refusal": "no"}), [("text", "no")]),
    "a call as it once was": (
        AIMessage("", additional_kwargs={"function_call": {"name": "f", "arguments": '{"a": 1}'}}),
        [CALLED],
    ),
    "Anthropic's": (
        AIMessage(
            [
                {"type": "thinking", "thinking": "hm", "signature": "hush"},
                {"type": "redacted_thinking", "data": "hush"},
                {"type": "text", "text": "so", "citations": [{"cited_text": "hush"}]},
                {"type": "tool_use", "id": "1", "name": "f", "input": {}, "partial_json": '{"a": 1}'},
                {"type": "server_tool_use", "id": "2", "name": "web_search", "input": {"query": "x"}},
            ],
            tool_calls=[CALL],
        ),
        [("reasoning", "hm"), ("text", "so"), CALLED, ("server_tool_call",)],
    ),
    "Amazon's": (
        AIMessage(
            [
                {"type": "reasoning_content", "reasoning_content": {"text": "hm", "signature": "hush"}},
                {"type": "text", "text": "so"},
            ]
        ),
        [("reasoning", "hm"), ("text", "so")],
    ),
    "OpenAI's responses": (
        AIMessage(
            [
                {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
                {"type": "reasoning", "summary": [], "encrypted_content": "hush"},
                {"type": "function_call", "call_id": "1", "id": "fc_1", "name": "f", "arguments": '{"a": 1}'},
                {"type": "refusal", "refusal": "no"},
            ],
            tool_calls=[CALL],
        ),
        [("reasoning", "hm"), CALLED, ("text", "no")],
    ),
    "the new standard": (
        AIMessage(
            [
                {"type": "reasoning", "reasoning": "hm"},
                {"type": "tool_call", "id": "1", "name": "f", "args": {"a": 1}},
                {"type": "text", "text": "so"},
                {"type": "server_tool_call", "id": "2", "name": "search", "args": {"q": "x"}},
                {"type": "server_tool_result", "tool_call_id": "2", "status": "success", "output": "found"},
            ],
            tool_calls=[CALL],
        ),
        [("reasoning", "hm"), CALLED, ("text", "so"), ("server_tool_call",), ("server_tool_call_response",)],
    ),
}


@pytest.mark.parametrize("form", ANSWERS)
def test_answers_are_read_in_all_of_their_forms(telemetry: Telemetry, form: str) -> None:
    """In the order of their blocks, each call once, and nothing that is not to be read."""
    answer, expected = ANSWERS[form]
    fake(answer).invoke("hi")
    span = only(telemetry)
    assert words(span) == expected
    assert "hush" not in span.attributes[OUTPUT]
    (message,) = told(span, OUTPUT)
    assert message["role"] == "assistant"


def test_roles_are_those_of_the_conversation(telemetry: Telemetry) -> None:
    """In the words that everybody has for them, or the application's own."""
    messages = [
        SystemMessage("a", name="rules"),
        SystemMessage("b", additional_kwargs={"__openai_role__": "developer"}),
        ChatMessage("c", role="narrator"),
        HumanMessage("d"),
        AIMessage("e"),
        ToolMessage([{"type": "text", "text": "f"}], tool_call_id="1", name="look"),
    ]
    fake(AIMessage("ok")).invoke(messages)
    found = told(only(telemetry), INPUT)
    assert [message["role"] for message in found] == [
        "system",
        "developer",
        "narrator",
        "user",
        "assistant",
        "tool",
    ]
    assert found[0]["name"] == "rules"
    assert found[5]["parts"] == [
        {"type": "tool_call_response", "response": [{"type": "text", "text": "f"}], "id": "1", "name": "look"}
    ]


@streams
def test_llms_are_told_too(telemetry: Telemetry, stream: bool) -> None:
    """Each prompt is a run, and its answer a text."""
    model = FakeListLLM(responses=["hello", "again"])
    if stream:
        list(model.stream("one"))
    else:
        model.generate(["one", "two"])
    spans = sorted(settled(telemetry), key=lambda span: span.attributes[INPUT])
    assert [words(span, INPUT) for span in spans] == [[("text", "one")], [("text", "two")]][: len(spans)]
    assert [words(span) for span in spans] == [[("text", "hello")], [("text", "again")]][: len(spans)]
    assert len(spans) == 2 - stream


def test_one_request_for_two_prompts_is_told_once_as_it_was(
    telemetry: Telemetry, replay: ReplayServer
) -> None:
    """The run that it was sent for tells all of it; the other its own part."""
    answer = completion()
    answer["choices"] = [{"index": n, "text": word, "finish_reason": "stop"} for n, word in enumerate("xy")]
    replay.answer(Exchange.json(answer))
    OpenAI(model="m", api_key="k", base_url=f"{replay.url}/v1", max_retries=0).generate(["a", "b"])
    whole, rest = sorted(settled(telemetry), key=lambda span: -len(span.attributes[INPUT]))
    assert (words(whole, INPUT), words(whole)) == (
        [("text", "a"), ("text", "b")],
        [("text", "x"), ("text", "y")],
    )
    assert (words(rest, INPUT), words(rest)) == ([("text", "b")], [("text", "y")])


class Several(BaseChatModel):
    """A model that answers with several choices, or with what its own code makes of several requests."""

    work: Callable[[], list[str]]

    @property
    def _llm_type(self) -> str:
        return "several"

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **more: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=AIMessage(each)) for each in self.work()])


def test_each_choice_is_a_message(telemetry: Telemetry) -> None:
    """In their order."""
    Several(work=lambda: ["a", "b"]).invoke("hi")
    assert [message["parts"][0]["content"] for message in told(only(telemetry), OUTPUT)] == ["a", "b"]


# Through an SDK, when it takes more than one request, or does not come to its end.


def request(replay: ReplayServer, content: str) -> Any:
    """A request that a model's own code makes, through the SDK."""
    sdk = openai.OpenAI(api_key="k", base_url=f"{replay.url}/v1", max_retries=0)
    messages: Any = [{"role": "user", "content": content}]
    return sdk.chat.completions.create(model="m", messages=messages).choices[0].message.content


def attempts(replay: ReplayServer, contents: str) -> list[str]:
    """One request for each letter; those that fail are got over."""
    found = ["made up"]
    for content in contents:
        with contextlib.suppress(openai.APIError):
            found.append(request(replay, content))
    return found[-1:]


@pytest.mark.parametrize(
    ("answered", "said_to", "expected"),
    [
        ("yy", "b", "answer to b"),
        ("ny", "b", "answer to b"),
        ("yn", "a", "answer to a"),
        ("nn", "hi", "made up"),
    ],
)
def test_of_several_requests_the_last_that_was_answered_is_told(
    telemetry: Telemetry, replay: ReplayServer, answered: str, said_to: str, expected: str
) -> None:
    """If none was and there is an answer in spite of it, what the framework says."""

    def answer(request: Any) -> Exchange:
        content = request.json["messages"][0]["content"]
        if dict(zip("ab", answered, strict=True))[content] == "n":
            return Exchange.json({"error": {"message": "no"}}, 500)
        return Exchange.json(completion(f"answer to {content}"))

    replay.answer(answer)
    Several(work=lambda: attempts(replay, "ab")).invoke("hi")
    span = only(telemetry)
    assert words(span, INPUT) == [("text", said_to)]
    assert words(span) == [("text", expected)]


def test_of_a_call_that_fails_the_last_request_is_told(telemetry: Telemetry, replay: ReplayServer) -> None:
    """What was asked, and no answer."""
    replay.answer(Exchange.json({"error": {"message": "no"}}, 500))

    def work() -> list[str]:
        attempts(replay, "a")
        return [request(replay, "b")]

    with pytest.raises(openai.InternalServerError):
        Several(work=work).invoke("hi")
    span = only(telemetry)
    assert words(span, INPUT) == [("text", "b")]
    assert OUTPUT not in span.attributes


def test_retries_and_fallbacks_are_told_each_by_itself(telemetry: Telemetry, replay: ReplayServer) -> None:
    """The SDK's retry is a part of its call; LangChain's are calls of their own."""
    broken = Exchange.json({"error": {"message": "no"}}, 500, {"retry-after-ms": "1"})
    replay.answer(
        [broken, Exchange.json(completion("retried")), broken, broken, Exchange.json(completion("late"))]
    )
    chat = ChatOpenAI(model="m", api_key="k", base_url=f"{replay.url}/v1", max_retries=1)
    chat.invoke("a")
    chat.with_fallbacks([chat]).invoke("b")
    calls = [span for span in telemetry.spans if span.name == "chat m"]
    assert [words(span, INPUT) for span in calls] == [[("text", "a")], [("text", "b")], [("text", "b")]]
    assert [words(span) for span in calls] == [[("text", "retried")], [], [("text", "late")]]


@kinds
@pytest.mark.parametrize("model", [GPT, MISTRAL], ids=["with an SDK", "without"])
def test_a_stream_that_ends_early_tells_what_came(
    telemetry: Telemetry, replay: ReplayServer, model: Model, kind: str
) -> None:
    """And that its end did not."""
    replay.answer(model.wire.answer())
    chat = made(model, replay)

    async def go() -> None:
        stream = chat.astream("hi") if kind == "async" else chat.stream("hi")
        if kind == "async":
            async for piece in stream:
                if piece.content:
                    break
            await stream.aclose()
            return
        for piece in stream:
            if piece.content:
                break
        stream.close()

    run(kind, go())
    gc.collect()
    span = only(telemetry)
    ((_, told_of_it),) = words(span)
    assert told_of_it.startswith("Hel")
    assert told(span, OUTPUT)[0]["finish_reason"] == "error"


@pytest.mark.parametrize("model", [GPT, MISTRAL], ids=["with an SDK", "without"])
@pytest.mark.parametrize("end", ["failing", "cut"])
def test_a_stream_that_breaks_tells_what_came(
    telemetry: Telemetry, replay: ReplayServer, model: Model, end: str
) -> None:
    """Together with the exception, if there is one: not every integration knows what it has not got."""
    replay.answer(model.wire.answer(upto=2, failing=end == "failing", cut=end == "cut"))
    with contextlib.suppress(Exception):
        list(made(model, replay).stream("hi"))
    span = only(telemetry)
    assert words(span, INPUT) == [("text", "hi")]
    assert words(span)[0][1].startswith("Hel")


def test_what_comes_out_of_the_cache_is_told(telemetry: Telemetry, replay: ReplayServer) -> None:
    """Nothing goes over a wire then."""
    replay.answer(provider)
    chat = ChatOpenAI(model="m", api_key="k", base_url=f"{replay.url}/v1", cache=InMemoryCache())
    for _ in range(2):
        chat.invoke("hi")
    assert len(replay.requests) == 1
    assert [(words(span, INPUT), words(span)) for span in telemetry.spans] == [
        ([("text", "hi")], [("text", "Hello.")])
    ] * 2


# What it leaves as it is.


def test_messages_stay_what_they_were(telemetry: Telemetry) -> None:
    """What is told is a copy, of the time when it was said."""
    messages: list[Any] = [HumanMessage([{"type": "text", "text": "one"}]), AIMessage("", tool_calls=[CALL])]
    before = copy.deepcopy(messages)
    stream = fake(AIMessage("a b")).stream(messages)
    next(stream)
    assert messages == before
    messages[0].content[0]["text"] = "other"
    messages[1].tool_calls[0]["args"]["a"] = 2
    list(stream)
    assert words(only(telemetry), INPUT) == [("text", "one"), CALLED]


def test_nothing_is_kept_alive(telemetry: Telemetry) -> None:
    """Neither what was asked nor what was answered, also while the span is."""
    asked_of, answer = HumanMessage("hi"), AIMessage("", tool_calls=[CALL])
    kept = [weakref.ref(asked_of), weakref.ref(answer)]
    model = fake(answer)
    del answer
    kept.append(weakref.ref(model.invoke([asked_of])))
    del asked_of, model
    gc.collect()
    assert [each() for each in kept] == [None] * 3
    assert words(only(telemetry)) == [CALLED]


PROGRAM = """
import sys
import otel_llm
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool
from otel_llm.testing import Telemetry
telemetry = Telemetry()
otel_llm.instrument(tracer_provider=telemetry.tracer_provider)
tool(lambda q: q, description="d").invoke({"q": "hush"})
(RunnableLambda(lambda words: words) | GenericFakeChatModel(messages=iter([AIMessage("hush")]))).invoke("hush")
assert len(telemetry.spans) >= 3 and b"hush" not in telemetry.export_bytes()
print([name for name in sys.modules if name.startswith("otel_llm.dialects.content")])
"""


def test_with_content_off_nothing_of_it_is_imported() -> None:
    """And so nothing is read, for there is nothing to read it with."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[]\n", "")


SHAPES = [
    {"type": "human", "content": [block for content, _ in FORMS.values() for block in content]},
    *({"type": "ai", **answer.model_dump()} for answer, _ in ANSWERS.values()),
    {"type": "tool", "content": "x", "tool_call_id": "1", "name": "f"},
    {"role": "user", "content": [{"type": "text", "text": "hi"}]},
]


def test_no_field_of_any_type_stops_anything() -> None:
    """Each field of each form replaced by what it should not be: there is still something to tell, or nothing."""
    from otel_llm.dialects.content import langchain, langchain_steps
    from otel_llm.dialects.content.pieces import Budget

    definition = {"name": "f", "description": "d", "input_schema": {}}
    everything = {
        "given": [copy.deepcopy(SHAPES)],
        "params": {
            "tools": [definition, {"type": "function", "function": definition}],
            "functions": [definition],
        },
        "result": {"generations": [[{"message": shape, "text": "x"} for shape in copy.deepcopy(SHAPES)]]},
        "documents": [{"page_content": "x", "id": "1", "metadata": {"score": 0.5}}],
        "state": {"messages": copy.deepcopy(SHAPES[-4:])},
    }

    def read() -> None:
        langchain.CHAT.asked(everything)
        langchain.LLM.asked(everything)
        reader = langchain.CHAT.reader(Budget(1000))
        reader.add(everything["result"])
        reader.messages()
        for kind in (langchain_steps.TOOL, langchain_steps.RETRIEVAL, langchain_steps.CHAIN):
            for given in (everything["state"], everything["documents"], SHAPES[-1]):
                kind.asked(everything["params"], given, everything)
                kind.answered(given, {"inputs": given})

    read()
    for container, key in list(places(everything)):
        original = container[key]
        for wrong in WRONG:
            container[key] = wrong
            read()
        container[key] = original


# Everything that was ever recorded.


def recorded() -> list[Recording]:
    return [each for each in chats.samples() if each.api == "chat/completions" and each.status < 400]


@pytest.mark.recordings
@pytest.mark.settings(capture_content="SPAN_ONLY", content_max_bytes=10**6, include="langchain", odd=True)
@pytest.mark.parametrize("recording", recorded(), ids=lambda recording: recording.name)
def test_every_recorded_answer_is_told_as_langchain_has_it(
    telemetry: Telemetry, replay: ReplayServer, recording: Recording
) -> None:
    """With no SDK listened to: each text, thought and call that the user gets, and nothing more."""
    replay.answer(recording.exchange)
    model = MISTRAL if recording.provider == "mistral" else GPT
    try:
        got = run("sync", asked(made(model, replay), "sync", "hi", stream=recording.streaming))
    except Exception as error:
        pytest.skip(f"this integration cannot read it: {type(error).__name__}")
    choices = told(only(telemetry), OUTPUT)
    assert taken_apart(choices[:1]) == said(got)  # the user gets the first


@pytest.mark.recordings
@pytest.mark.parametrize("recording", recorded(), ids=lambda recording: recording.name)
def test_every_recorded_request_is_told_as_langchain_has_it(
    telemetry: Telemetry, recording: Recording
) -> None:
    """Turned into LangChain's messages: each of their texts, media, calls and results, and nothing more."""
    if not isinstance(recording.asked, dict):
        pytest.skip("the request was not recorded as JSON")
    try:
        messages = convert_to_messages(recording.asked["messages"])
    except Exception as error:
        pytest.skip(f"LangChain cannot read it: {type(error).__name__}")
    fake(AIMessage("ok")).invoke(messages)
    found = told(only(telemetry), INPUT)
    assert taken_apart(found) == [each for message in messages for each in said(message)]
