"""Reading log-probabilities off every wire, as dicts and as objects, whole and in pieces, right and wrong."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from otel_llm import read_response
from otel_llm.dialects.bedrock_invoke import INVOKE_CHAT
from otel_llm.dialects.cohere import CHAT as COHERE
from otel_llm.dialects.dialect import Dialect
from otel_llm.dialects.gemini import GENERATE as GEMINI
from otel_llm.dialects.langchain_models import CHAT as LANGCHAIN
from otel_llm.dialects.logprobs import MOST_KEPT
from otel_llm.dialects.mistral import CHAT as MISTRAL
from otel_llm.dialects.ollama import CHAT as OLLAMA
from otel_llm.dialects.ollama import GENERATE
from otel_llm.dialects.openai_chat import CHAT, COMPLETIONS
from otel_llm.dialects.openai_responses import RESPONSES
from otel_llm.logprobs import LogprobSummary

VALUES = [-0.25, -1.5, -0.0625]
WORDS = ["Hel", "lo", "."]
MEAN = -1.8125 / 3
SUMMARY = LogprobSummary(
    token_count=3,
    sum=-1.8125,
    mean=MEAN,
    min=-1.5,
    perplexity=math.exp(-MEAN),
    max_top_logprobs=0,
    min_position=1,
)


def token(said: str, logprob: Any, *others: Any) -> dict[str, Any]:
    return {"token": said, "logprob": logprob, "bytes": None, "top_logprobs": list(others)}


TOKENS = [token(said, value) for said, value in zip(WORDS, VALUES, strict=True)]
LEGACY = {"tokens": WORDS, "token_logprobs": VALUES, "top_logprobs": None, "text_offset": [0, 3, 5]}
BODY = {"choices": [{"index": 0, "finish_reason": "stop", "logprobs": {"content": TOKENS}}]}
COHERES = [{"text": "Hel", "token_ids": [1], "logprobs": VALUES[:1]}, {"text": "lo.", "logprobs": VALUES[1:]}]


def choice(told: Any, index: int = 0, **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": index, "finish_reason": None, "logprobs": told, **more}], "usage": None}


def delta(*tokens: Any) -> dict[str, Any]:
    return {"type": "response.output_text.delta", "delta": "x", "logprobs": list(tokens)}


def responded(*parts: list[Any], status: str = "completed") -> dict[str, Any]:
    content = [{"type": "output_text", "text": "x", "logprobs": part} for part in parts]
    output = [{"type": "reasoning", "summary": []}, {"type": "message", "content": content}]
    return {"object": "response", "status": status, "output": output}


def google(snake: bool, *chosen: tuple[str, float], **more: Any) -> dict[str, Any]:
    names = ("logprobs_result", "chosen_candidates", "top_candidates", "log_probability")
    wire = ("logprobsResult", "chosenCandidates", "topCandidates", "logProbability")
    result, listed, top, value = names if snake else wire
    tokens = [{"token": said, value: logprob} for said, logprob in chosen]
    return {"candidates": [{result: {listed: tokens, top: []}, **more}]}


def kept(**metadata: Any) -> dict[str, Any]:
    message = {"type": "ai", "response_metadata": metadata}
    return {"generations": [[{"text": "", "generation_info": None, "message": message}]], "llm_output": {}}


def generated(tokens: list[Any]) -> dict[str, Any]:
    made = [{"generatedToken": {**one, "raw_logprob": -9.0}, "topTokens": None} for one in tokens]
    prompt = {"tokens": [{"generatedToken": token("q", -7.0)}]}
    return {"prompt": prompt, "completions": [{"data": {"text": "x", "tokens": made}}]}


def invoked(body: Any) -> dict[str, Any]:
    return {"chunk": {"bytes": json.dumps(body).encode()}}


PAIRS = tuple(zip(WORDS, VALUES, strict=True))
# The same three tokens in everybody's words.
SAME: dict[str, tuple[Dialect, list[Any]]] = {
    "chat": (CHAT, [BODY]),
    "chat, streamed": (CHAT, [choice({"content": []}), *(choice({"content": [one]}) for one in TOKENS)]),
    "chat, refused": (CHAT, [choice({"content": None, "refusal": TOKENS})]),
    "chat, first refused": (CHAT, [choice({"content": TOKENS[:1], "refusal": TOKENS[1:]})]),
    "chat, thoughts aside": (CHAT, [choice({"content": TOKENS, "reasoning_content": [token("Hm", -5.0)]})]),
    "chat, of vLLM": (CHAT, [choice({"content": None, **LEGACY})]),
    "chat, streamed by Together": (
        CHAT,
        [choice(value, delta={"content": said}, top_logprobs={}) for said, value in PAIRS] + [choice(None)],
    ),
    "completions": (COMPLETIONS, [choice(LEGACY)]),
    "completions, echoed": (
        COMPLETIONS,
        [choice({"tokens": ["Q", *WORDS], "token_logprobs": [None, *VALUES]})],
    ),
    "completions, without texts": (COMPLETIONS, [choice({"token_logprobs": VALUES})]),
    "completions, of llama.cpp": (COMPLETIONS, [BODY]),
    "responses": (RESPONSES, [responded(TOKENS)]),
    "responses, in two parts": (RESPONSES, [responded(TOKENS[:2], [], TOKENS[2:])]),
    "responses, broken off": (
        RESPONSES,
        [{"type": "response.created", "response": responded()}, *map(delta, TOKENS)],
    ),
    "responses, streamed": (
        RESPONSES,
        [
            {"type": "response.created", "response": responded(status="in_progress")},
            delta(token("Hel", -0.2500001)),
            delta(*TOKENS[1:]),
            {"type": "response.output_text.done", "logprobs": TOKENS},
            {"type": "response.output_item.done", "item": responded(TOKENS)["output"][1]},
            {"type": "response.completed", "response": responded(TOKENS)},
        ],
    ),
    "responses, whole once more without": (
        RESPONSES,
        [*map(delta, TOKENS), {"type": "response.completed", "response": responded([])}],
    ),
    "mistral": (MISTRAL, [{"data": choice({"content": [one]})} for one in TOKENS]),
    "gemini": (GEMINI, [google(True, *PAIRS)]),
    "gemini, as sent": (GEMINI, [google(False, *PAIRS, avgLogprobs=-9.0)]),
    "gemini, streamed": (GEMINI, [google(True, pair) for pair in PAIRS]),
    "gemini, raw": (GEMINI, [{"sdk_http_response": {"body": json.dumps(google(False, *PAIRS))}}]),
    "cohere": (COHERE, [{"id": "c", "message": {}, "logprobs": COHERES}]),
    "cohere, streamed": (COHERE, [{"type": "content-delta", "logprobs": piece} for piece in COHERES]),
    "ollama": (OLLAMA, [{"model": "m", "done": True, "logprobs": TOKENS}]),
    "ollama, streamed": (OLLAMA, [{"model": "m", "done": False, "logprobs": [one]} for one in TOKENS]),
    "ollama, generated": (GENERATE, [{"model": "m", "done": True, "response": "x", "logprobs": TOKENS}]),
    "bedrock": (INVOKE_CHAT, [{"headers": {}, "body": BODY}]),
    "bedrock, streamed": (
        INVOKE_CHAT,
        [invoked({}), *(invoked(choice({"content": [one]})) for one in TOKENS)],
    ),
    "bedrock, AI21": (INVOKE_CHAT, [{"headers": {}, "body": generated(TOKENS)}]),
    "langchain": (LANGCHAIN, [kept(logprobs={"content": TOKENS})]),
    "langchain, of a text model": (
        LANGCHAIN,
        [{"generations": [[{"text": "", "generation_info": {"logprobs": LEGACY}}]], "llm_output": {}}],
    ),
    "langchain, of Google": (LANGCHAIN, [kept(logprobs_result=TOKENS, avg_logprobs=-9.0)]),
}


def as_object(thing: Any) -> Any:
    """The same as SDKs give it: objects all the way down."""
    if isinstance(thing, dict):
        return SimpleNamespace(**{key: as_object(value) for key, value in thing.items()})
    return [as_object(entry) for entry in thing] if isinstance(thing, list) else thing


def read(dialect: Dialect, events: list[Any], most: int = 0) -> Any:
    assert dialect.logprobs is not None
    reader = dialect.logprobs(most)
    for event in events:
        reader.add(event)
    return reader


@pytest.mark.parametrize("form", [copy.deepcopy, as_object], ids=["dicts", "objects"])
@pytest.mark.parametrize("name", SAME)
def test_every_wire_tells_the_same(name: str, form: Callable[[Any], Any]) -> None:
    """Three tokens are three tokens, each counted once, in whose words and pieces ever."""
    dialect, events = SAME[name]
    assert read(dialect, [form(event) for event in events]).summary() == SUMMARY


@pytest.mark.parametrize("name", SAME)
def test_the_texts_are_kept_where_they_are_wanted(name: str) -> None:
    """As plain dicts, in order; and not at all where they are not."""
    reader = read(*SAME[name], most=10)
    assert [told["logprob"] for told in reader.tokens()] == VALUES
    assert reader.left_out == 0
    texts = {"completions, without texts": ["", "", ""], "cohere": ["Hel", "lo.", ""]}
    wanted = texts.get(name.removesuffix(", streamed"), WORDS)
    assert [told["token"] for told in reader.tokens()] == wanted
    assert all(told.keys() == {"token", "logprob"} for told in reader.tokens())
    json.dumps(reader.tokens())
    assert read(*SAME[name]).tokens() == []


WRONG: tuple[Any, ...] = (
    *(None, "x", "\ud800", 7, -7, 0.5, -0.5, True, [], {}, [None], {"a": None}, [7], 10**30, -(10**400)),
    *(float("nan"), float("inf"), float("-inf"), [[]], {"content": 5}, b"x", object()),
)


def places(thing: Any) -> list[tuple[Any, Any]]:
    """Every container and key in nested JSON."""
    inside = list(thing.items()) if isinstance(thing, dict) else list(enumerate(thing))
    found = [(thing, key) for key, _ in inside]
    return found + [place for _, one in inside if isinstance(one, (dict, list)) for place in places(one)]


@pytest.mark.parametrize("name", SAME)
def test_anything_may_be_anything(name: str) -> None:
    """Null or of a wrong type, in any place of any event: nothing raises, and what is told can be true."""
    dialect, events = copy.deepcopy(SAME[name])
    problems: list[str] = []
    for container, key in places(events):
        original = container[key]
        for wrong in WRONG:
            container[key] = wrong
            reader = read(dialect, events, most=5)
            if not sound(reader.summary()) or not len(reader.tokens()) <= 5:
                problems.append(f"{key} as {wrong!r}: {reader.summary()}")
            json.dumps(reader.tokens()).encode()
        container[key] = original
    assert problems == []


def sound(told: LogprobSummary | None) -> bool:
    """Whether it says nothing that cannot be."""
    if told is None:
        return True
    if told.mean is None:
        return told == LogprobSummary(token_count=0, sum=0.0, max_top_logprobs=0)
    least = told.mean if told.min is None else told.min
    return (
        -math.inf < least <= told.mean <= 0
        and (told.token_count is None or told.token_count > 0)
        and (told.min_position is None or 0 <= told.min_position < (told.token_count or 0))
        and (told.perplexity is None or 1 <= told.perplexity < math.inf)
    )


@pytest.mark.parametrize(
    "told",
    [None, {"content": None, "refusal": None}, {}, "x", True, [token("a", None)], [token("a", "-1")]]
    + [[token("a", value)] for value in (True, 0.9, 7, math.nan, math.inf, -math.inf, 10**400)]
    + [[None, 7, "x", []], {"token_logprobs": [None]}, {"token_logprobs": "x"}, {"content": ["x"]}],
)
def test_what_is_no_log_probability_tells_nothing(told: Any) -> None:
    """Neither null nor absent nor wrong: not even a count of none."""
    assert read(CHAT, [choice(told)]).summary() is None


@pytest.mark.parametrize("told", [{"content": []}, {"content": [], "refusal": []}, {"token_logprobs": []}])
def test_an_empty_list_is_no_tokens(told: Any) -> None:
    """It says that there was something to count, and that it was nothing."""
    assert read(CHAT, [choice(told)]).summary() == LogprobSummary(token_count=0, sum=0.0, max_top_logprobs=0)


def test_responses_always_have_an_empty_list() -> None:
    """Asked for or not: it says nothing."""
    assert read(RESPONSES, [responded([])]).summary() is None
    assert (
        read(RESPONSES, [delta(), {"type": "response.completed", "response": responded([])}]).summary()
        is None
    )


def test_what_does_not_count_is_left_out_of_everything() -> None:
    """The position is that among the tokens that count."""
    told = [token("a", -1), token("b", None), token("c", "x"), token("d", -3.0), token("e", 0.9)]
    summary = read(CHAT, [choice({"content": told})], most=9)
    assert summary.summary() == LogprobSummary(2, -4.0, -2.0, -3.0, math.exp(2), 0, 1)
    assert summary.tokens() == [{"token": "a", "logprob": -1.0}, {"token": "d", "logprob": -3.0}]


def test_sentinels_do_not_overflow() -> None:
    """-9999 stands for what cannot be: it counts, and has no perplexity that a number could hold."""
    summary = read(CHAT, [choice({"content": [token("a", -9999.0), token("b", -1.0)]})]).summary()
    assert summary == LogprobSummary(2, -10000.0, -5000.0, -9999.0, None, 0, 0)


def test_rounding_makes_nobody_surer_than_sure() -> None:
    """What is a little above 0 counts as it is, but neither mean nor least is above 0."""
    sure = [token("a", 0.00002), token("b", 0)]
    assert read(CHAT, [choice({"content": sure})]).summary() == LogprobSummary(2, 0.0, 0.0, 0.0, 1.0, 0, 1)
    assert read(CHAT, [choice({"content": sure[:1]})]).summary() == LogprobSummary(
        1, 0.0, 0.0, 0.0, 1.0, 0, 0
    )
    mixed = read(CHAT, [choice({"content": [*sure, token("c", -0.5)]})]).summary()
    assert mixed.sum == pytest.approx(-0.49998, abs=1e-12)
    assert mixed.min == -0.5


def test_a_mean_is_not_below_the_least() -> None:
    """Three times -0.1 is a little less than -0.3, to a computer."""
    told = read(CHAT, [choice({"content": [token("a", -0.1)] * 3})]).summary()
    assert told.mean == told.min == -0.1


def test_alternatives_are_counted() -> None:
    """The most that came with one token: lists, or the dicts of completions."""
    other = {"token": "x", "logprob": -3}
    assert (
        read(CHAT, [choice({"content": [token("a", -1, other), token("b", -1, other, other)]})])
        .summary()
        .max_top_logprobs
        == 2
    )
    tops = {**LEGACY, "top_logprobs": [{"a": -1}, None, {"a": -1, "b": -2, "c": -3}]}
    assert read(COMPLETIONS, [choice(tops)]).summary().max_top_logprobs == 3
    top = {
        "chosenCandidates": [{"token": "a", "logProbability": -1}],
        "topCandidates": [{"candidates": [other] * 4}],
    }
    assert read(GEMINI, [{"candidates": [{"logprobsResult": top}]}]).summary().max_top_logprobs == 4


def test_several_choices_are_one_answer() -> None:
    """All of their tokens count, whatever the order they came in; the place of the least sure is in its own choice."""
    first, second = (
        [token("a", -0.5), token("b", -1.0)],
        [token("c", -0.25), token("d", -2.0), token("e", -0.25)],
    )
    whole = {
        "choices": [
            {"index": 1, "logprobs": {"content": second}},
            {"index": 0, "logprobs": {"content": first}},
        ]
    }
    pieces = [
        choice({"content": [one]}, index)
        for index, one in ((0, first[0]), (1, second[0]), (1, second[1]), (0, first[1]), (1, second[2]))
    ]
    for events in ([whole], pieces):
        reader = read(CHAT, events, most=9)
        assert reader.summary() == LogprobSummary(5, -4.0, -0.8, -2.0, math.exp(0.8), 0, 1)
        assert [(told["choice"], told["token"]) for told in reader.tokens()] == [
            (0, "a"),
            (0, "b"),
            (1, "c"),
            (1, "d"),
            (1, "e"),
        ]


@pytest.mark.parametrize(
    ("candidates", "told"),
    [
        ([{"avg_logprobs": -0.5}], LogprobSummary(mean=-0.5, perplexity=math.exp(0.5))),
        (
            [{"avgLogprobs": -0.5, "tokenCount": 9}],
            LogprobSummary(token_count=9, mean=-0.5, perplexity=math.exp(0.5)),
        ),
        ([{"avg_logprobs": -0.5, "token_count": 0}], LogprobSummary(mean=-0.5, perplexity=math.exp(0.5))),
        ([{"avg_logprobs": -47.0}], LogprobSummary(mean=-47.0, perplexity=math.exp(47))),
        ([{"avg_logprobs": -1000}], LogprobSummary(mean=-1000.0)),
        ([{"avg_logprobs": 3.9e-06}], None),
        ([{"avg_logprobs": math.nan}], None),
        ([{"avg_logprobs": "-1"}], None),
        ([{"token_count": 5}], None),
        ([{"avg_logprobs": -0.5}, {"avg_logprobs": -0.5}], None),
        ([{"avg_logprobs": -0.5}, {}], None),
    ],
)
def test_an_average_alone_is_passed_on_if_it_can_be_one(candidates: list[Any], told: Any) -> None:
    """With the count of its candidate and no other; those of several cannot be put together."""
    assert read(GEMINI, [{"candidates": candidates}]).summary() == told


def test_the_last_average_of_a_stream_counts() -> None:
    """Chunks without one take nothing back."""
    events = [{"avg_logprobs": -0.9}, {"avg_logprobs": -0.5}, {"finish_reason": "STOP"}]
    assert read(GEMINI, [{"candidates": [one]} for one in events]).summary() == LogprobSummary(
        mean=-0.5, perplexity=math.exp(0.5)
    )


def test_long_answers_take_no_more_memory() -> None:
    """However many tokens and choices: sums are kept, and so many texts as there is room for."""
    reader = read(CHAT, [], most=MOST_KEPT)
    event = choice({"content": [token("a", -1.0)] * 100})
    for _ in range(150):
        reader.add(event)
    assert reader.summary().token_count == 15_000
    assert len(reader.tokens()) == MOST_KEPT == 10_000
    assert reader.left_out == 5_000
    for index in range(5_000):
        reader.add(choice({"content": [token("a", -1.0)]}, index))
    assert reader.summary().token_count == 20_000
    assert len(reader._tallies) < 1_100


ANSWERS: dict[str, Any] = {
    "choice": BODY,
    "chunks": [choice({"content": [one]}) for one in TOKENS],
    "a response": responded(TOKENS),
    "events of a response": [{"type": "response.created"}, *map(delta, TOKENS)],
    "gemini": google(True, *PAIRS),
    "ollama": {"model": "m", "done": True, "logprobs": TOKENS},
    "cohere": {"id": "c", "finish_reason": "COMPLETE", "message": {}, "usage": {}, "logprobs": COHERES},
    "AI21": generated(TOKENS),
    "metadata": {"logprobs": {"content": TOKENS}},
    "metadata of a text model": {"finish_reason": "stop", "logprobs": LEGACY},
    "message": {"type": "ai", "response_metadata": {"logprobs": {"content": TOKENS}}},
    "chunks of a message": [
        {"type": "AIMessageChunk", "response_metadata": {"logprobs": {"content": [one]}}} for one in TOKENS
    ],
    "result": kept(logprobs={"content": TOKENS}),
}


@pytest.mark.parametrize("form", [copy.deepcopy, as_object], ids=["dicts", "objects"])
@pytest.mark.parametrize("name", ANSWERS)
def test_read_response_gives_them_too(name: str, form: Callable[[Any], Any]) -> None:
    """Off whatever it reads."""
    answer = read_response(form(ANSWERS[name]))
    assert answer is not None
    assert answer.logprobs == SUMMARY


def test_the_object_of_one_token_is_one_token() -> None:
    """As OpenAI's cookbook hands them around."""
    answer = read_response(token("Hi", -0.5, {"token": "Hi", "logprob": -0.5}))
    assert answer is not None
    assert answer.logprobs == LogprobSummary(1, -0.5, -0.5, -0.5, math.exp(0.5), 1, 0)
    assert read_response(token("Hi", None)) is None
    assert read_response({"token": "Hi"}) is None
