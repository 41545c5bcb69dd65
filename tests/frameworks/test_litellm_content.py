"""What was said through LiteLLM: from the SDK below where there is one, else from its own answers and streams."""

from __future__ import annotations

import asyncio
import copy
import os
import subprocess
import sys
from importlib.util import find_spec
from typing import Any

import pytest

from otel_llm.dialects.anthropic_messages import MESSAGES
from otel_llm.dialects.openai_responses import RESPONSES
from otel_llm.testing import Exchange, ReplayServer, Telemetry
from tests.content import test_openai_chat as chats
from tests.frameworks import litellm_wires as wires
from tests.frameworks.words import INPUT, OUTPUT, SYSTEM, TOOLS, Words, told, words
from tests.lives.answers import WORDS, completion
from tests.lives.scenarios import only
from tests.recordings import Recording

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else it fetches the prices when it is imported
import litellm

from tests.frameworks.test_litellm import VERSION, asked, kinds, one_loop_each, run
from tests.frameworks.test_litellm_lives import ended

__all__ = ["asked", "one_loop_each"]  # fixtures
pytestmark = pytest.mark.settings(capture_content="SPAN_AND_EVENT", content_max_bytes=10**6)
streams = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
SYSTEM_MESSAGE = {"role": "system", "content": "be kind"}
TOOL: dict[str, Any] = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
CALL: dict[str, Any] = {
    "id": "1",
    "type": "function",
    "function": {"name": "look", "arguments": '{"q": "x"}'},
}
TALK: list[dict[str, Any]] = [
    SYSTEM_MESSAGE,
    {"role": "user", "content": [{"type": "text", "text": "hi"}]},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "1", "content": "found"},
]
TALKED = [
    ("text", "be kind"),
    ("text", "hi"),
    ("tool_call", "look", '{"q": "x"}'),
    ("tool_call_response", "found"),
]


@kinds
@streams
@pytest.mark.parametrize("wire", wires.CHATS, ids=lambda wire: wire.model)
def test_a_completion_tells_both_sides(
    telemetry: Telemetry, replay: ReplayServer, asked: Any, wire: wires.Wire, stream: bool, kind: str
) -> None:
    """Whoever answers, and however."""
    replay.answer(wire.stream if stream else wire.plain)
    got = run(kind, "completion", **asked(wire, messages=TALK, tools=[TOOL], stream=stream))
    span = only(telemetry)
    assert words(span, INPUT) == TALKED
    assert words(span) == heard(got, stream=stream) != []
    assert told(span, OUTPUT)[0]["finish_reason"] == "stop"
    assert told(span, TOOLS) == [{"type": "function", "name": "look"}]


def heard(got: Any, *, stream: bool) -> list[Words]:
    """What the user gets, by an own reading of it."""
    choices: dict[int, dict[str, Any]] = {}
    for event in got if stream else [got]:
        for choice in event.model_dump()["choices"]:
            if stream:
                chats.add(choices.setdefault(choice["index"], {}), choice)
            else:
                choices[choice["index"]] = choice["message"]
    return [each for _, message in sorted(choices.items()) for each in chats.said(message)]


@kinds
@streams
def test_thoughts_and_calls_are_told(
    telemetry: Telemetry, replay: ReplayServer, asked: Any, stream: bool, kind: str
) -> None:
    """Once, although LiteLLM has thoughts in two places."""
    message = {
        "role": "assistant",
        "content": "so",
        "reasoning_content": "hm",
        "tool_calls": [{**CALL, "index": 0}],
    }
    whole = completion(finish="tool_calls")
    whole["choices"][0]["message"] = message
    pieces = [{**WORDS[0], "choices": [{"index": 0, "delta": message}]}, completion(finish="tool_calls")]
    pieces[1]["choices"][0]["delta"] = {}
    replay.answer(Exchange.sse(pieces) if stream else Exchange.json(whole))
    run(kind, "completion", **asked(wires.VLLM, stream=stream))
    assert words(only(telemetry)) == [
        ("reasoning", "hm"),
        ("text", "so"),
        ("tool_call", "look", '{"q": "x"}'),
    ]
    assert told(only(telemetry), OUTPUT)[0]["finish_reason"] == "tool_call"


@kinds
@streams
def test_a_text_completion_tells_both_sides(
    telemetry: Telemetry, replay: ReplayServer, kind: str, stream: bool
) -> None:
    """Although LiteLLM makes a chat completion of it."""
    replay.answer(wires.VLLM.stream if stream else wires.VLLM.plain)
    where = {"api_key": "k", "api_base": f"{replay.url}/v1"}
    run(kind, "text_completion", model="hosted_vllm/m", prompt="hi", stream=stream, **where)
    span = only(telemetry)
    assert words(span, INPUT) == [("text", "hi")]
    assert words(span) == [("text", "Hello." if stream else wires.ANSWER)]


@pytest.mark.skipif(not RESPONSES.content, reason="nothing is known yet of what responses say")
@pytest.mark.skipif(
    not hasattr(litellm, "responses") or ((1, 84) <= VERSION < (1, 110) and find_spec("mcp") is None),
    reason="this version has no responses, or needs mcp for them",
)
@kinds
@streams
@pytest.mark.parametrize("model", ["openai/gpt-4o", "deepseek/chat"])
def test_responses_tell_both_sides(
    telemetry: Telemetry, replay: ReplayServer, kind: str, stream: bool, model: str
) -> None:
    """Also where LiteLLM makes a chat completion of it: then the instructions are a message."""
    native = model.startswith("openai")
    wire = wires.RESPONSES if native else wires.DEEPSEEK
    replay.answer(wire.stream if stream else wire.plain)
    where = {"api_key": "k", "api_base": f"{replay.url}/v1"}
    run(kind, "responses", model=model, input="hi", instructions="be kind", stream=stream, **where)
    span = only(telemetry)
    assert [*told(span, SYSTEM), *told(span, INPUT)[0]["parts"]][0]["content"] == "be kind"
    assert words(span, INPUT)[-1] == ("text", "hi")
    assert words(span) == [("text", "Hello." if native or stream else wires.ANSWER)]


@pytest.mark.skipif(not MESSAGES.content, reason="nothing is known yet of what messages say")
@pytest.mark.skipif(not hasattr(litellm, "anthropic"), reason="this version has no Anthropic interface")
@streams
@pytest.mark.parametrize("wire", [wires.ANTHROPIC, wires.VLLM], ids=lambda wire: wire.model)
def test_messages_tell_both_sides(
    telemetry: Telemetry, replay: ReplayServer, asked: Any, wire: wires.Wire, stream: bool
) -> None:
    """Also where LiteLLM makes a chat completion of them; their streams are bytes."""
    if stream:
        pytest.importorskip("fastapi")  # LiteLLM asks its proxy's code
    replay.answer(wire.stream if stream else wire.plain)

    async def go() -> None:
        result = await litellm.anthropic.messages.acreate(
            max_tokens=5, system="be kind", **asked(wire, stream=stream)
        )
        if stream:
            assert [event async for event in result]

    asyncio.run(go())
    span = only(telemetry)
    assert [*told(span, SYSTEM), *told(span, INPUT)[0]["parts"]][0]["content"] == "be kind"
    assert words(span, INPUT)[-1] == ("text", wires.PROMPT)
    assert words(span) == [("text", "Hello." if stream and wire is wires.VLLM else wires.ANSWER)]


@kinds
@streams
def test_what_nobody_sent_is_told_as_what_was_got(telemetry: Telemetry, kind: str, stream: bool) -> None:
    """An answer that is made up has words, if no figures."""
    run(kind, "completion", model="openai/m", messages=TALK, mock_response="hi there", stream=stream)
    assert (words(only(telemetry), INPUT), words(only(telemetry))) == (TALKED, [("text", "hi there")])


def test_a_router_tells_it_once(telemetry: Telemetry, replay: ReplayServer) -> None:
    """What the deployment that answered was asked, and what it said."""
    replay.answer([wires.BROKEN, wires.VLLM.plain])
    where = {"api_key": "k", "api_base": f"{replay.url}/v1", "max_retries": 0}
    models = [
        {"model_name": name, "litellm_params": {"model": f"hosted_vllm/{name}", **where}}
        for name in ("a", "b")
    ]
    router = litellm.Router(models, fallbacks=[{"a": ["b"]}], num_retries=0)
    router.completion(model="a", messages=TALK)
    assert (words(only(telemetry), INPUT), words(only(telemetry))) == (TALKED, [("text", wires.ANSWER)])


@pytest.mark.parametrize("wire", [wires.OPENAI, wires.VLLM], ids=lambda wire: wire.model)
def test_a_fallback_tells_the_answer_that_came(
    telemetry: Telemetry, replay: ReplayServer, asked: Any, wire: wires.Wire
) -> None:
    """Whether an SDK or LiteLLM itself was refused before."""
    replay.answer([wires.BROKEN, wire.plain])
    litellm.completion(**asked(wire, messages=TALK, max_retries=0, fallbacks=["hosted_vllm/other"]))
    assert (words(only(telemetry), INPUT), words(only(telemetry))) == (TALKED, [("text", wires.ANSWER)])


@kinds
@pytest.mark.parametrize("wire", [wires.OPENAI, wires.VLLM, wires.ANTHROPIC], ids=lambda wire: wire.model)
def test_a_refused_call_tells_what_was_asked(
    telemetry: Telemetry, replay: ReplayServer, asked: Any, wire: wires.Wire, kind: str
) -> None:
    """And no answer."""
    replay.answer(wires.BROKEN)
    with pytest.raises(Exception, match="no"):
        run(kind, "completion", **asked(wire, messages=TALK, max_retries=0, num_retries=0))
    assert words(only(telemetry), INPUT) == TALKED
    assert OUTPUT not in only(telemetry).attributes


@pytest.mark.parametrize("wire", [wires.OPENAI, wires.VLLM], ids=lambda wire: wire.model)
def test_a_stream_that_is_dropped_tells_what_came(
    telemetry: Telemetry, replay: ReplayServer, asked: Any, wire: wires.Wire
) -> None:
    """And that its end did not."""
    replay.answer(wire.stream)

    def begin() -> None:
        for piece in litellm.completion(**asked(wire, stream=True)):
            if piece.choices[0].delta.content:
                break

    begin()
    ended(telemetry)
    ((_, came),) = words(only(telemetry))
    assert came.startswith("Hel")
    assert told(only(telemetry), OUTPUT)[0]["finish_reason"] == "error"


@kinds
@streams
@pytest.mark.parametrize("wire", [wires.OPENAI, wires.VLLM], ids=lambda wire: wire.model)
def test_what_users_hold_stays_as_it_is(
    telemetry: Telemetry, replay: ReplayServer, asked: Any, wire: wires.Wire, stream: bool, kind: str
) -> None:
    """What they do with it after the call has begun changes nothing."""
    replay.answer(wire.stream if stream else wire.plain)
    talk = copy.deepcopy(TALK)
    run(kind, "completion", **asked(wire, messages=talk, stream=stream))
    assert talk == TALK
    assert words(only(telemetry), INPUT) == TALKED


PROGRAM = """
import os, sys
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
import otel_llm
import litellm
from otel_llm.testing import Telemetry
telemetry = Telemetry()
otel_llm.instrument(tracer_provider=telemetry.tracer_provider)
messages = [{"role": "user", "content": "hush"}]
for stream in (False, True):
    list(litellm.completion(model="openai/m", messages=messages, mock_response="hush", stream=stream))
assert len(telemetry.spans) == 2 and b"hush" not in telemetry.export_bytes()
print([name for name in sys.modules if name.startswith("otel_llm.dialects.content")])
"""


def test_with_content_off_nothing_of_it_is_imported() -> None:
    """And so nothing is read, for there is nothing to read it with."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert done.stdout == "[]\n"


@pytest.mark.recordings
@pytest.mark.settings(capture_content="SPAN_ONLY", content_max_bytes=10**6, odd=True)
@pytest.mark.parametrize(
    "recording",
    [each for each in chats.samples() if each.api == "chat/completions" and each.status < 400],
    ids=lambda recording: recording.name,
)
def test_every_recorded_exchange_is_told_as_litellm_has_it(
    telemetry: Telemetry, replay: ReplayServer, asked: Any, recording: Recording
) -> None:
    """Each text, thought, refusal, call and result that was asked, and that the user gets; and nothing more."""
    if not isinstance(recording.asked, dict):
        pytest.skip("the request was not recorded as JSON")
    replay.answer(recording.exchange)
    try:
        arguments = asked(wires.VLLM, messages=recording.asked["messages"], stream=recording.streaming)
        got = run("sync", "completion", **arguments)
    except Exception as error:
        pytest.skip(f"LiteLLM cannot pass it on: {type(error).__name__}")
    assert words(only(telemetry), INPUT) == list(chats.asked(recording.asked))
    assert words(only(telemetry)) == heard(got, stream=recording.streaming)
