"""Counters that are asked for their sums: nothing is lost or told twice, however often they are made."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

import openai

import otel_llm
from otel_llm.testing import Exchange, ReplayServer, Telemetry
from tests.lives.answers import completion

NAME = "gen_ai.client.inference.usage.cache_read.input_tokens"


def sums(telemetry: Telemetry) -> list[int]:
    data: Any = telemetry.metrics_data()
    return [
        point.value
        for of_resource in data.resource_metrics
        for of_scope in of_resource.scope_metrics
        for metric in of_scope.metrics
        if metric.name == NAME
        for point in metric.data.data_points
    ]


def test_sums_go_on_when_switched_on_again(replay: ReplayServer) -> None:
    """With the same providers it is the same counter."""
    replay.answer(Exchange.json(completion()))
    telemetry = Telemetry()
    sdk = openai.OpenAI(api_key="k", base_url=replay.url)
    for _ in range(3):
        otel_llm.instrument(telemetry.tracer_provider, telemetry.meter_provider)
        sdk.chat.completions.create(model="m", messages=[])
        otel_llm.uninstrument()
    assert sums(telemetry) == [2700]


def test_threads_lose_nothing(replay: ReplayServer) -> None:
    """Adding from many at once adds up."""
    replay.answer(Exchange.json(completion()))
    telemetry = Telemetry()
    otel_llm.instrument(telemetry.tracer_provider, telemetry.meter_provider)
    sdk = openai.OpenAI(api_key="k", base_url=replay.url)

    def work() -> None:
        for _ in range(5):
            sdk.chat.completions.create(model="m", messages=[])

    threads = [threading.Thread(target=work) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sums(telemetry) == [90_000]


def test_a_provider_that_is_set_later_is_told_all(replay: ReplayServer) -> None:
    """Also if we were switched off and on before."""
    replay.answer(Exchange.json(completion()))
    program = f"""
import openai, otel_llm
from opentelemetry import metrics
from tests.telemetry.test_sums import Telemetry, sums
otel_llm.instrument(); otel_llm.uninstrument(); otel_llm.instrument()
telemetry = Telemetry()
metrics.set_meter_provider(telemetry.meter_provider)
sdk = openai.OpenAI(api_key="k", base_url={replay.url!r})
sdk.chat.completions.create(model="m", messages=[])
otel_llm.uninstrument(); otel_llm.instrument()
sdk.chat.completions.create(model="m", messages=[])
assert sums(telemetry) == [1800], sums(telemetry)
"""
    subprocess.run([sys.executable, "-c", program], check=True)
