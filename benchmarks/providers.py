"""What a plain call costs through the SDKs of other providers, as `overhead.py` measures it for openai."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

from overhead import Floor, Providers, Read, Variant, measure, ours, show

import otel_llm

MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude",
    "content": [{"type": "text", "text": "Hello."}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 36, "cache_read_input_tokens": 64, "output_tokens": 20},
}
CONVERSED = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Hello."}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 36, "cacheReadInputTokens": 64, "outputTokens": 20, "totalTokens": 120},
}
GENERATED = {
    "candidates": [
        {"content": {"role": "model", "parts": [{"text": "Hello."}]}, "finishReason": "STOP", "index": 0}
    ],
    "usageMetadata": {"promptTokenCount": 100, "candidatesTokenCount": 20, "totalTokenCount": 120},
    "modelVersion": "gemini-x",
    "responseId": "r",
}


def _transport(answer: Any) -> Any:
    http: Any = importlib.import_module("httpx2")
    return http.Client(transport=http.MockTransport(lambda request: http.Response(200, json=answer)))


def anthropic() -> tuple[Callable[[], Any], Read]:
    sdk: Any = importlib.import_module("anthropic")
    client = sdk.Anthropic(api_key="none", base_url="http://127.0.0.1:1", http_client=_transport(MESSAGE))
    asked: Any = [{"role": "user", "content": "Say hello."}]
    return (
        lambda: client.messages.create(model="claude", max_tokens=100, messages=asked),
        lambda answer: (answer.model, answer.id, answer.usage.input_tokens, answer.usage.output_tokens),
    )


def bedrock() -> tuple[Callable[[], Any], Read]:
    keys = {"aws_access_key_id": "none", "aws_secret_access_key": "none", "region_name": "eu-west-1"}
    client: Any = importlib.import_module("boto3").client("bedrock-runtime", **keys)
    response: Any = importlib.import_module("botocore.awsrequest").AWSResponse
    body = json.dumps(CONVERSED).encode()

    class Raw:
        def stream(self) -> Iterator[bytes]:
            yield body

    headers = {"content-type": "application/json"}
    client._endpoint.http_session.send = lambda request: response(request.url, 200, headers, Raw())
    asked: Any = [{"role": "user", "content": [{"text": "Say hello."}]}]
    config = {"maxTokens": 100, "temperature": 0.5}
    return (
        lambda: client.converse(modelId="claude", messages=asked, inferenceConfig=config),
        lambda answer: ("claude", "none", answer["usage"]["inputTokens"], answer["usage"]["outputTokens"]),
    )


def google() -> tuple[Callable[[], Any], Read]:
    genai: Any = importlib.import_module("google.genai")
    options = {"base_url": "http://127.0.0.1:1", "httpx_client": _transport(GENERATED)}
    client = genai.Client(api_key="none", http_options=options)
    config = genai.types.GenerateContentConfig(temperature=0.5, max_output_tokens=100)

    def read(answer: Any) -> tuple[str, str, int, int]:
        usage = answer.usage_metadata
        return (
            answer.model_version,
            answer.response_id,
            usage.prompt_token_count,
            usage.candidates_token_count,
        )

    return lambda: client.models.generate_content(
        model="gemini-x", contents="Say hello.", config=config
    ), read


def main() -> None:
    calls, rounds = (30, 5) if "--quick" in sys.argv else (100, 25)
    on = Providers()
    for make in (anthropic, bedrock, google):
        try:
            call, read = make()
            call()
        except Exception as error:  # noqa: BLE001 - not installed, or too old to be measured like this
            sys.stdout.write(f"\n{make.__name__}: not measured: {type(error).__name__}\n")
            continue
        variants = [Variant("bare SDK", call), Variant("floor", Floor(on, call, read)), ours(call, on)]
        show(f"plain call through {make.__name__}", measure(variants, calls, rounds), "at most 1.4 x floor")
    otel_llm.uninstrument()


if __name__ == "__main__":
    main()
