"""A real model on loopback: what it reports is what the spans say, cached tokens told apart."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from otel_llm.testing import Telemetry
from tests.e2e import processes, tools

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(os.environ.get("OTEL_LLM_E2E_MODEL") != "1", reason="not asked for: MODEL=1"),
]

PROMPT = "Tell me in one sentence what a railway timetable is good for, and why people like to read it. " * 4


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    try:
        binary, file = tools.model()
    except tools.Lacking as why:
        pytest.skip(f"lacking a model: {why}")
    port = processes.free_port()
    command = [
        binary,
        "--model",
        file,
        "--host",
        "127.0.0.1",
        "--port",
        port,
        "--ctx-size",
        2048,
        "--n-gpu-layers",
        0,
    ]
    log = tmp_path_factory.mktemp("model") / "server.log"
    with processes.running(command, log, f"http://127.0.0.1:{port}/health", seconds=120):
        yield f"http://127.0.0.1:{port}/v1"


def test_the_same_prompt_twice_shows_cached_tokens(server: str, telemetry: Telemetry) -> None:
    """Chat and responses, plain and streamed: the same total input on every span, and from the second call on
    a share of it cached, as the server itself reports."""
    sdk = openai.OpenAI(api_key="none", base_url=server, max_retries=0, timeout=120)
    messages: Any = [{"role": "user", "content": PROMPT}]
    reported: list[tuple[int, int]] = []
    for _ in range(2):
        usage: Any = sdk.chat.completions.create(model="gemma", messages=messages, max_tokens=8).usage
        reported.append((usage.prompt_tokens, usage.prompt_tokens_details.cached_tokens))
    chunks = list(
        sdk.chat.completions.create(
            model="gemma",
            messages=messages,
            max_tokens=8,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    streamed: Any = chunks[-1].usage
    reported.append((streamed.prompt_tokens, streamed.prompt_tokens_details.cached_tokens))
    for _ in range(2):
        response: Any = sdk.responses.create(model="gemma", input=PROMPT, max_output_tokens=16).usage
        reported.append((response.input_tokens, response.input_tokens_details.cached_tokens))
    told: list[tuple[Any, Any]] = [
        (
            span.attributes["gen_ai.usage.input_tokens"],
            span.attributes["gen_ai.usage.cache_read.input_tokens"],
        )
        for span in telemetry.spans
        if span.attributes
    ]
    assert told == reported
    assert len({total for total, _ in told}) == 1
    assert all(cached > 0 for _, cached in told[1:])
