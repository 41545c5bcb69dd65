"""What a call cost, on its span and in the metric."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import pytest
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

import otel_llm
from otel_llm import guard
from otel_llm.prices import listed
from otel_llm.record import ModelRequest, ModelResponse
from otel_llm.telemetry import names
from otel_llm.telemetry.cost import Costs
from otel_llm.testing import Exchange, ReplayServer, Telemetry
from otel_llm.usage import TokenUsage
from tests.lives.answers import MESSAGES, client, completion

pytest.importorskip("genai_prices", minversion="0.2.3")

COST, INPUT, OUTPUT = "gen_ai.usage.cost", "otel_llm.cost.input", "otel_llm.cost.output"
METRIC = "otel_llm.cost"
READ = "gen_ai.client.inference.usage.cache_read.input_tokens"
WRITTEN = "gen_ai.client.inference.usage.cache_write.input_tokens"
cost = pytest.mark.settings(cost=True)


def usage(asked: int, answered: int, cached: int = 0, **more: Any) -> dict[str, Any]:
    """A usage object of OpenAI's."""
    details = {"prompt_tokens_details": {"cached_tokens": cached}} if cached else {}
    return {
        "prompt_tokens": asked,
        "completion_tokens": answered,
        "total_tokens": asked + answered,
        **details,
        **more,
    }


def ask(replay: ReplayServer, model: str = "gpt-4o", **answer: Any) -> None:
    """One chat completion."""
    replay.answer(Exchange.json(completion(**{"model": model, **answer})))
    client(replay).chat.completions.create(model="asked", messages=MESSAGES)


def told(telemetry: Telemetry) -> tuple[Any, Any, Any]:
    """What the one span says of its cost; the metric has to say the same."""
    (span,) = telemetry.spans
    found = tuple(span.attributes.get(name) for name in (COST, INPUT, OUTPUT))
    points = telemetry.metrics().get(METRIC, [])
    assert [point.value for _, point in points] == [amount for amount in found[:1] if amount is not None]
    return found  # pyright: ignore[reportReturnType]


# The same figures as the backends that were asked: Phoenix 20.26.1 and MLflow 3.17.2.


@cost
def test_the_worked_example_of_openai(telemetry: Telemetry, replay: ReplayServer) -> None:
    """Cached tokens are inside of the input, and paid for once, at their price."""
    ask(replay, model="gpt-4o-2024-08-06", usage=usage(1000, 200, 600))
    assert told(telemetry) == (0.00375, 0.00175, 0.002)
    ((attributes, _),) = telemetry.metrics()[METRIC]
    assert attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "asked",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "server.address": "127.0.0.1",
        "server.port": attributes["server.port"],
    }


@cost
def test_the_worked_example_of_anthropic(telemetry: Telemetry, replay: ReplayServer) -> None:
    """Whose input leaves the cached and the written tokens out."""
    anthropic: Any = pytest.importorskip("anthropic")
    figures = {"cache_read_input_tokens": 600, "cache_creation_input_tokens": 100}
    replay.answer(Exchange.json(message(usage={"input_tokens": 300, "output_tokens": 200, **figures})))
    sdk = anthropic.Anthropic(api_key="k", base_url=replay.url, max_retries=0)
    sdk.messages.create(model="claude", max_tokens=9, messages=MESSAGES)
    assert told(telemetry) == (0.004455, 0.001455, 0.003)


def message(**more: Any) -> dict[str, Any]:
    """An answer of Anthropic's."""
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5-20250929",
        "content": [{"type": "text", "text": "Hello."}],
        "stop_reason": "end_turn",
        **more,
    }


def test_nobody_is_told_who_did_not_ask(telemetry: Telemetry, replay: ReplayServer) -> None:
    """Not even what the provider says by itself."""
    ask(replay, usage=usage(10, 2, cost=0.5))
    assert told(telemetry) == (None, None, None)


def test_who_does_not_ask_loads_no_list(tmp_path: Path) -> None:
    """And who does loads it with the first call that has a price; nothing but the provider is ever connected to."""
    program = tmp_path / "program.py"
    program.write_text(
        "import sys, threading, otel_llm\n"
        "from otel_llm.testing import Exchange, ReplayServer, Telemetry\n"
        "from tests.lives.answers import client, completion\n"
        "reached = set()\n"
        "sys.addaudithook(lambda event, args: reached.add(args[1][0]) if event == 'socket.connect' else None)\n"
        "given = Telemetry()\n"
        "for cost in (False, True):\n"
        "    otel_llm.instrument(given.tracer_provider, given.meter_provider, cost=cost)\n"
        "    with ReplayServer() as replay:\n"
        "        for model in ('nobody-knows', 'gpt-4o'):\n"
        "            replay.answer(Exchange.json(completion(model=model)))\n"
        "            assert ('genai_prices' in sys.modules) == (cost and model == 'gpt-4o')\n"
        "            client(replay).chat.completions.create(model=model, messages=[])\n"
        "        print(cost, 'genai_prices' in sys.modules)\n"
        "    otel_llm.uninstrument()\n"
        "print(reached, len(given.metrics()['otel_llm.cost']))\n"
        "print([thread.name for thread in threading.enumerate() if 'price' in thread.name.lower()])\n"
    )
    done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["False False", "True True", "{'127.0.0.1'} 1", "[]"], done.stderr


def test_a_call_that_is_not_sampled_costs_all_the_same(replay: ReplayServer) -> None:
    """The metric has it, with no span to say it."""
    given = Telemetry(ALWAYS_OFF)
    otel_llm.instrument(given.tracer_provider, given.meter_provider, cost=True)
    ask(replay, usage=usage(1000, 200, 600))
    assert not given.spans
    assert [point.value for _, point in given.metrics()[METRIC]] == [0.00375]


@cost
@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_stream_costs_what_its_last_chunk_says(
    telemetry: Telemetry, replay: ReplayServer, asynchronous: bool
) -> None:
    """Once, however many chunks there are."""
    base = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o"}
    words = [{**base, "choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": None}]}] * 3
    replay.answer(Exchange.sse([*words, {**base, "choices": [], "usage": usage(1000, 200, 600)}]))
    where: dict[str, Any] = {"api_key": "k", "base_url": f"{replay.url}/v1"}
    how: dict[str, Any] = {"model": "gpt-4o", "messages": MESSAGES, "stream": True}

    async def go() -> None:
        async for _ in await openai.AsyncOpenAI(**where).chat.completions.create(**how):
            pass

    if asynchronous:
        asyncio.run(go())
    else:
        assert len(list(openai.OpenAI(**where).chat.completions.create(**how))) == 4
    assert told(telemetry) == (0.00375, 0.00175, 0.002)


@cost
def test_embeddings_cost_their_input(telemetry: Telemetry, replay: ReplayServer) -> None:
    """There is no output to pay for."""
    answer = {
        "object": "list",
        "model": "text-embedding-3-small",
        "data": [],
        "usage": {"prompt_tokens": 500, "total_tokens": 500},
    }
    replay.answer(Exchange.json(answer))
    client(replay).embeddings.create(model="text-embedding-3-small", input=["hi"], encoding_format="float")
    assert told(telemetry) == (0.00001, 0.00001, 0.0)


@cost
@pytest.mark.parametrize(
    ("tier", "expected"),
    [("default", (1.25, 10)), ("flex", (0.625, 5)), ("priority", (2.5, 20)), ("scale", None)],
)
def test_a_service_tier_has_its_own_price(
    telemetry: Telemetry, replay: ReplayServer, tier: str, expected: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The one that the answer names; where its price is not known there is none, and one line says so."""
    for _ in range(2):
        ask(replay, model="gpt-5", usage=usage(1_000_000, 1_000_000), service_tier=tier)
    costs = [span.attributes.get(COST) for span in telemetry.spans]
    assert costs == [None if expected is None else float(sum(expected))] * 2
    assert [tier in record.getMessage() for record in caplog.records] == ([True] if expected is None else [])


@cost
@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"speed": "standard", "inference_geo": "global", "service_tier": "standard"}, 30.0),
        ({"speed": "fast", "service_tier": "standard"}, 60.0),
        ({"inference_geo": "us"}, None),
        ({"service_tier": "priority"}, None),
    ],
)
def test_what_makes_anthropic_dearer(
    telemetry: Telemetry, replay: ReplayServer, more: dict[str, str], expected: float | None
) -> None:
    """Fast mode has a price in the list; that a country must not be left, and reserved capacity, have none."""
    anthropic: Any = pytest.importorskip("anthropic")
    figures = {"input_tokens": 1_000_000, "output_tokens": 1_000_000, **more}
    replay.answer(Exchange.json(message(model="claude-opus-5", usage=figures)))
    sdk = anthropic.Anthropic(api_key="k", base_url=replay.url, max_retries=0)
    sdk.messages.create(model="claude", max_tokens=9, messages=MESSAGES)
    assert told(telemetry)[0] == expected


@cost
@pytest.mark.parametrize(("asked", "expected"), [(200_000, 0.6), (200_001, 1.200006)])
def test_a_long_prompt_is_dearer(
    telemetry: Telemetry, replay: ReplayServer, asked: int, expected: float
) -> None:
    """All of it, from the step on that the list has."""
    anthropic: Any = pytest.importorskip("anthropic")
    replay.answer(Exchange.json(message(usage={"input_tokens": asked, "output_tokens": 0})))
    sdk = anthropic.Anthropic(api_key="k", base_url=replay.url, max_retries=0)
    sdk.messages.create(model="claude", max_tokens=9, messages=MESSAGES)
    assert told(telemetry)[0] == expected


@cost
def test_what_the_provider_says_is_what_it_cost(telemetry: Telemetry, replay: ReplayServer) -> None:
    """Whatever the list says; and its parts, where it tells them."""
    details = {"upstream_inference_prompt_cost": 0.25, "upstream_inference_completions_cost": 0.5}
    ask(replay, usage=usage(1000, 200, 600, cost=0.75, cost_details=details))
    assert told(telemetry) == (0.75, 0.25, 0.5)


@cost
def test_a_cost_without_parts_is_told_without_them(telemetry: Telemetry, replay: ReplayServer) -> None:
    """A free call is told, too."""
    ask(replay, usage=usage(1000, 200, 600, cost=0))
    assert told(telemetry) == (0.0, None, None)


@cost
@pytest.mark.parametrize("wrong", [-1, "0.5", 10**9, True, {"total_cost": -1}])
def test_what_cannot_be_an_amount_is_no_cost(telemetry: Telemetry, replay: ReplayServer, wrong: Any) -> None:
    """The list's price counts then."""
    ask(replay, usage=usage(1000, 200, 600, cost=wrong))
    assert told(telemetry)[0] == 0.00375


PRICES = {"gpt-4o": {"input": 10, "output": 20, "cache_read": 1}, "my/*": {"input": 3, "output": 3}}


@pytest.mark.settings(cost=True, prices=PRICES)
def test_prices_of_ones_own_go_before_the_list(telemetry: Telemetry, replay: ReplayServer) -> None:
    """But not before what the provider says."""
    ask(replay, usage=usage(1000, 200, 600))
    assert told(telemetry) == ((4000 + 600 + 4000) / 1e6, 0.0046, 0.004)
    ask(replay, usage=usage(1000, 200, 600, cost=0.5))
    assert telemetry.spans[1].attributes[COST] == 0.5


@pytest.mark.settings(cost=True, prices=PRICES, provider_hosts={"127.0.0.1": "my"})
def test_cached_tokens_cost_what_the_input_does_if_nothing_else_is_said(
    telemetry: Telemetry, replay: ReplayServer
) -> None:
    """Of a provider that no list knows."""
    ask(replay, model="any", usage=usage(1000, 200, 600))
    assert told(telemetry) == (0.0036, 0.003, 0.0006)


def test_prices_are_read_from_the_file_in_the_variable(
    replay: ReplayServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As operators set it."""
    (tmp_path / "prices.json").write_text(json.dumps(PRICES))
    monkeypatch.setenv("OTEL_LLM_COST", "true")
    monkeypatch.setenv("OTEL_LLM_PRICES", str(tmp_path / "prices.json"))
    given = Telemetry()
    otel_llm.instrument(given.tracer_provider, given.meter_provider)
    ask(replay, usage=usage(1000, 200, 600))
    assert told(given)[0] == 0.0086


@pytest.mark.settings(cost=True, prices="/no/such/file")
def test_a_wrong_file_leaves_the_list(
    telemetry: Telemetry, replay: ReplayServer, caplog: pytest.LogCaptureFixture
) -> None:
    """And one warning, which came when it was read."""
    ask(replay, usage=usage(1000, 200, 600))
    assert told(telemetry)[0] == 0.00375
    assert not caplog.records


@cost
def test_an_unknown_model_has_no_cost_and_one_line(
    telemetry: Telemetry, replay: ReplayServer, caplog: pytest.LogCaptureFixture
) -> None:
    """For each of them, whatever the traffic."""
    for model in ("nobody-knows", "nobody-knows", "nor-this"):
        ask(replay, model=model, usage=usage(10, 2))
    assert METRIC not in telemetry.metrics()
    assert all(COST not in span.attributes for span in telemetry.spans)
    assert [record.args[0] for record in caplog.records] == ["nobody-knows", "nor-this"]  # pyright: ignore
    assert all(record.levelno == logging.WARNING for record in caplog.records)


@cost
@pytest.mark.parametrize(
    "answer",
    [
        {"usage": None},
        {"usage": {"prompt_tokens": 5}},
        {"usage": {"completion_tokens": 5}},
        {"usage": {"total_tokens": 5}},
    ],
)
def test_usage_that_was_not_told_has_no_cost_and_no_line(
    telemetry: Telemetry, replay: ReplayServer, answer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The model has a price; what was used of it nobody said."""
    ask(replay, **answer)
    assert told(telemetry) == (None, None, None)
    assert not caplog.records


@pytest.mark.settings(cost=True, odd=True)
@pytest.mark.parametrize(
    "figures",
    [
        usage(100, 10, 200),
        usage(100, 10, completion_tokens_details={"audio_tokens": 5}),
        usage(100, 10, 50, cost=float("-1e9"), prompt_tokens_details={"cached_tokens": 10**12}),
    ],
)
def test_figures_that_cannot_be_right_have_no_cost(
    telemetry: Telemetry, replay: ReplayServer, figures: Any
) -> None:
    """Nor have those that the list has no price for; a negative one least of all."""
    ask(replay, usage=figures)
    assert told(telemetry) == (None, None, None)


@cost
def test_a_failed_call_costs_nothing(telemetry: Telemetry, replay: ReplayServer) -> None:
    """Nobody says that it did."""
    replay.answer(Exchange.json({"error": {"message": "no", "code": "x"}}, status=400))
    with pytest.raises(openai.BadRequestError):
        client(replay).chat.completions.create(model="gpt-4o", messages=MESSAGES)
    assert told(telemetry) == (None, None, None)


@cost
def test_a_billed_answer_that_cannot_be_parsed_has_a_cost(telemetry: Telemetry, replay: ReplayServer) -> None:
    """The user gets an exception, and the bill."""
    replay.answer(Exchange.json(completion(finish="length", usage=usage(1000, 200, 600))))
    parse: Any = getattr(client(replay).chat.completions, "parse", None)
    if parse is None:
        pytest.skip("this version of the SDK does not parse")
    pydantic: Any = pytest.importorskip("pydantic")
    with pytest.raises(openai.LengthFinishReasonError):
        parse(model="gpt-4o", messages=MESSAGES, response_format=type("M", (pydantic.BaseModel,), {}))
    assert told(telemetry)[0] == 0.00375


@cost
def test_without_the_list_one_warning_says_what_to_install(
    telemetry: Telemetry,
    replay: ReplayServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """There are no costs then but those that providers tell."""
    monkeypatch.setitem(sys.modules, "genai_prices.data_snapshot", None)
    for model in ("gpt-4o", "gpt-4o", "gpt-5"):
        ask(replay, model=model, usage=usage(1000, 200))
    ask(replay, usage=usage(1000, 200, cost=0.5))
    assert [span.attributes.get(COST) for span in telemetry.spans] == [None, None, None, 0.5]
    hints = [
        record.getMessage()
        for record in caplog.records
        if "pip install otel-llm[cost]" in record.getMessage()
    ]
    assert len(hints) == 1


@cost
@pytest.mark.complaints
def test_a_list_that_does_not_work_breaks_nothing(
    telemetry: Telemetry, replay: ReplayServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call and the rest of its span are as ever; the failure is counted."""
    monkeypatch.setenv("OTEL_LLM_STRICT", "false")
    monkeypatch.setattr(listed, "_find", lambda *given: 1 / 0)
    ask(replay, usage=usage(1000, 200, 600))
    assert told(telemetry) == (None, None, None)
    assert telemetry.spans[0].attributes["gen_ai.usage.input_tokens"] == 1000
    assert [place for place in guard.internal_errors if place.startswith("pricing a call")]


def remembered(costs: Costs) -> int:
    return len(costs._known)


def test_prices_are_remembered_and_forgotten() -> None:
    """However many models there are: looked up once, and never more than so many kept or named in the log."""
    costs, looked = Costs("", lambda: None), list[str]()  # pyright: ignore
    base = {names.OPERATION_NAME: "chat", names.PROVIDER_NAME: "openai"}
    used = TokenUsage(input_tokens=1000, output_tokens=200)
    find: Callable[..., Any] = listed._find
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(listed, "_find", lambda whose, name: looked.append(name) or find(whose, name))
        for minute in range(3):
            for _ in range(5):
                response = ModelResponse(model="gpt-4o", usage=used)
                priced = costs.add(base, ModelRequest(), response, minute * 60 * 10**9, None)
                assert priced.cost == 0.0045
        assert looked == ["gpt-4o"] * 3
        for number in range(2_500):
            response = ModelResponse(model=f"m{number}", usage=used)
            assert costs.add(base, ModelRequest(), response, 0, None) is response
            assert remembered(costs) <= 1_000
    assert len(guard._warned) == 100


# Counters of cached tokens.


def cached(read: int | None, written: int | None) -> dict[str, Any]:
    details = {"cached_tokens": read, "cache_write_tokens": written}
    return usage(1000, 7, prompt_tokens_details=details)


@pytest.mark.parametrize("profile", ["2026-10", "latest", "2026-08"])
def test_cached_and_written_tokens_are_counted(
    telemetry: Telemetry, replay: ReplayServer, profile: str
) -> None:
    """By model, in the profiles whose conventions have words for it; where there is nothing, nothing is added."""
    for read, written in ((600, 100), (200, 0), (0, 0), (None, None)):
        ask(replay, usage=cached(read, written))
    metrics = telemetry.metrics()
    if profile == "2026-08":
        assert not {READ, WRITTEN} & metrics.keys()
        return
    for name, total in ((READ, 800), (WRITTEN, 100)):
        ((attributes, point),) = metrics[name]
        assert point.value == total
        assert attributes["gen_ai.request.model"] == "asked"
        assert attributes["gen_ai.response.model"] == "gpt-4o"
        assert attributes["gen_ai.token.modality"] == "unknown"


def test_calls_without_a_cache_have_no_counter(telemetry: Telemetry, replay: ReplayServer) -> None:
    """Neither have embeddings."""
    ask(replay, usage=usage(1000, 7))
    answer = {"object": "list", "model": "e", "data": [], "usage": {"prompt_tokens": 5, "total_tokens": 5}}
    replay.answer(Exchange.json(answer))
    client(replay).embeddings.create(model="e", input=["hi"], encoding_format="float")
    assert not {READ, WRITTEN} & telemetry.metrics().keys()
