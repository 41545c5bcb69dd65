"""LiteLLM's proxy, called through the openai SDK like any provider: what the one behind it sent is what is told."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import openai
import pytest

from otel_llm.testing import Exchange, ReplayServer, Telemetry
from tests.lives.answers import FIGURES, MESSAGES, STREAM, completion

pytestmark = [pytest.mark.e2e, pytest.mark.needs("litellm")]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.settings(provider_hosts={"127.0.0.1": "litellm-of-ours"})
def test_a_call_through_the_proxy_is_one_call(
    telemetry: Telemetry, provider: ReplayServer, litellm: tuple[str, str], stream: bool
) -> None:
    """Named by the settings, with the proxy's address, the model that was asked for and the provider's figures."""
    provider.answer(Exchange.sse(STREAM) if stream else Exchange.json(completion()))
    url, key = litellm
    sdk = openai.OpenAI(api_key=key, base_url=url, max_retries=0, timeout=60)
    more: Any = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    answer: Any = sdk.chat.completions.create(model="house-model", messages=MESSAGES, **more)
    if stream:
        list(answer)
    (span,) = telemetry.spans
    attributes = span.attributes or {}
    assert attributes["gen_ai.provider.name"] == "litellm-of-ours"
    assert attributes["gen_ai.request.model"] == "house-model"
    assert attributes["server.port"] == urlsplit(url).port
    assert attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert FIGURES.items() <= attributes.items()
    assert key.encode() not in telemetry.export_bytes()
