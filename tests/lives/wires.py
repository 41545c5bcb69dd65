"""How each SDK is asked, and what its provider sends then: the same facts in each one's own words.

One call: five tokens that were neither read from a cache nor written to one, 900 read, 95 written, seven
answered, of which three were thought. Whole, and as a stream of a few pieces. Written by hand in the shapes
that the providers document.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol

import pytest

from otel_llm.testing import Exchange
from tests.lives import eventstream
from tests.lives.answers import FIGURES, RESPONSE, STREAM, chunk, completion
from tests.lives.scenarios import each, settle

INPUT, OUTPUT = "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"
SECRET = "hush-0042"
"""Part of everything that must never be told: keys, prompts, answers, the words of errors."""
KEY = f"sk-{SECRET}-key"
CHAT: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": f"{SECRET} prompt"}]}


class Ask(Protocol):
    """One call, to its answer or its stream, as the user gets them."""

    def __call__(self, kind: str, url: str, *, stream: bool) -> Coroutine[Any, Any, Any]:
        """`kind` is `sync` or `async`, `url` where the provider is."""
        ...


MESSAGE = f"{SECRET} was said with {KEY}"
REFUSED = Exchange.json({"error": {"message": MESSAGE, "code": "rate_limit"}}, status=429)


@dataclass(frozen=True, slots=True)
class Wire:
    """One way to a model: an SDK, one of its APIs, and what goes over the wire."""

    name: str
    module: str
    provider: str
    operation: str
    ask: Ask
    whole: Exchange
    pieces: tuple[bytes, ...]
    """The body of a whole stream, piece by piece; text comes in the first two."""
    failure: bytes
    """A piece that says that something went wrong."""
    figures: dict[str, int]
    """What an answer must tell, whole or streamed: of the facts, those that this wire has words for."""
    headers: dict[str, str]
    lazy: bool = False
    """Whether nothing is sent before the stream is read."""
    refused: Exchange = REFUSED
    read: Callable[[Any], Any] = id
    """Makes an answer that is still to be read from the network be read."""

    @property
    def distribution(self) -> str:
        """What `pip` calls it."""
        top = self.module.partition(".")[0]
        return {"google": "google-genai", "fireworks": "fireworks-ai", "boto3": "botocore"}.get(top, top)

    async def call(self, kind: str, url: str, *, stream: bool) -> None:
        """Make a call and read its answer to the end."""
        result = await self.ask(kind, url, stream=stream)
        if stream:
            async for _ in each(result):
                pass
        else:
            self.read(result)

    @property
    def installed(self) -> bool:
        """Whether it is there to be tested."""
        try:
            return find_spec(self.module) is not None
        except ModuleNotFoundError:
            return False

    def needs(self, kind: str) -> None:
        """Skip the test that runs if there is no client of this kind to be had."""
        if not self.installed or (
            self.module == "boto3" and kind == "async" and find_spec("aiobotocore") is None
        ):
            pytest.skip(f"{self.name} is not installed, {kind}")

    def answer(self, *, upto: int | None = None, failing: bool = False, **more: Any) -> Exchange:
        """The stream, or its beginning, or its beginning and then a failure."""
        pieces = self.pieces[:upto] + ((self.failure,) if failing else ())
        return Exchange(200, self.headers, pieces, **more)


SSE = {"content-type": "text/event-stream"}


def sse(*events: Any, named: bool = False) -> tuple[bytes, ...]:
    """Events as they go over the wire; `named` after their types."""
    made: list[bytes] = []
    for event in events:
        name = f"event: {event['type']}\n" if named else ""
        data = event if isinstance(event, str) else json.dumps(event)
        made.append(f"{name}data: {data}\n\n".encode())
    return tuple(made)


def _openai_like(name: str, client: str, provider: str | None = None, **settings: Any) -> Wire:
    async def ask(kind: str, url: str, *, stream: bool) -> Any:
        made = getattr(import_module(name), client if kind == "sync" else f"Async{client}")
        address = settings or {"base_url": f"{url}/v1"}
        sdk = made(api_key=KEY, max_retries=0, **{key: value.format(url) for key, value in address.items()})
        more: dict[str, Any] = {"stream": True} if stream else {}
        for extra in ("extra_headers", "extra_query", "extra_body"):
            more[extra] = {"x-note": f"{SECRET} {extra}"}
        return await settle(sdk.chat.completions.create(**CHAT, **more))

    return Wire(
        f"{name}, chat completions" if client != "AzureOpenAI" else "openai, Azure",
        f"{name}._base_client",
        provider or name,
        "chat",
        ask,
        Exchange.json(completion(SECRET)),
        sse(*STREAM[:1], chunk(SECRET), *STREAM[2:], "[DONE]"),
        sse({"error": {"message": MESSAGE, "code": "overloaded"}})[0],
        FIGURES,
        SSE,
    )


def _openai_responses() -> Wire:
    async def ask(kind: str, url: str, *, stream: bool) -> Any:
        openai: Any = import_module("openai")
        made = openai.OpenAI if kind == "sync" else openai.AsyncOpenAI
        sdk = made(api_key=KEY, max_retries=0, base_url=f"{url}/v1")
        return await settle(sdk.responses.create(model="m", input=f"{SECRET} prompt", stream=stream))

    def event(kind: str, **more: Any) -> dict[str, Any]:
        return {"type": kind, "sequence_number": 1, **more}

    begun = {**RESPONSE, "status": "in_progress", "usage": None, "output": []}
    told = {"item_id": "i", "output_index": 0, "content_index": 0, "delta": SECRET, "logprobs": []}
    return Wire(
        "openai, responses",
        "openai.resources.responses",
        "openai",
        "chat",
        ask,
        Exchange.json(RESPONSE),
        sse(
            event("response.created", response=begun),
            event("response.output_text.delta", **told),
            event("response.completed", response=RESPONSE),
            named=True,
        ),
        sse(event("error", code="server_error", message=MESSAGE, param=None), named=True)[0],
        FIGURES,
        SSE,
    )


def _ollama() -> Wire:
    def part(**more: Any) -> dict[str, Any]:
        return {"model": "m", "done": False, "message": {"role": "assistant", "content": ""}, **more}

    async def ask(kind: str, url: str, *, stream: bool) -> Any:
        ollama: Any = import_module("ollama")
        sdk = (ollama.Client if kind == "sync" else ollama.AsyncClient)(host=url)
        return await settle(sdk.chat(**CHAT, stream=stream))

    end = part(done=True, done_reason="stop", prompt_eval_count=1000, eval_count=7)
    parts = [part(message={"role": "assistant", "content": word}) for word in ("Hel", SECRET)]
    return Wire(
        "ollama",
        "ollama",
        "ollama",
        "chat",
        ask,
        Exchange.json(end),
        tuple(json.dumps(one).encode() + b"\n" for one in (*parts, end)),
        json.dumps({"error": MESSAGE}).encode() + b"\n",
        {INPUT: 1000, OUTPUT: 7},
        {"content-type": "application/x-ndjson"},
        lazy=True,
    )


def _anthropic(client: str, provider: str, **settings: Any) -> Wire:
    usage = {"input_tokens": 5, "cache_read_input_tokens": 900, "cache_creation_input_tokens": 95}
    used = {"output_tokens": 7, "output_tokens_details": {"thinking_tokens": 3}}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "stop_reason": None}
    begun = {**message, "content": [], "usage": {**usage, "output_tokens": 1}}

    def said(text: str) -> dict[str, Any]:
        return {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}

    async def ask(kind: str, url: str, *, stream: bool) -> Any:
        anthropic: Any = import_module("anthropic")
        made = getattr(anthropic, client if kind == "sync" else f"Async{client}")
        sdk = made(base_url=url, max_retries=0, **settings)
        more: dict[str, Any] = {"stream": True} if stream else {}
        for extra in ("extra_headers", "extra_query", "extra_body"):
            more[extra] = {"x-note": f"{SECRET} {extra}"}
        return await settle(sdk.messages.create(**CHAT, max_tokens=9, **more))

    content = [{"type": "text", "text": SECRET}]
    return Wire(
        f"anthropic, {client}",
        "anthropic",
        provider,
        "chat",
        ask,
        Exchange.json({**message, "content": content, "stop_reason": "end_turn", "usage": {**usage, **used}}),
        sse(
            {"type": "message_start", "message": begun},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            said("Hel"),
            said(SECRET),
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": used},
            {"type": "message_stop"},
            named=True,
        ),
        sse({"type": "error", "error": {"type": "overloaded_error", "message": MESSAGE}}, named=True)[0],
        FIGURES,
        SSE,
        refused=Exchange.json(
            {"type": "error", "error": {"type": "rate_limit_error", "message": MESSAGE}}, status=429
        ),
    )


def _mistral() -> Wire:
    async def ask(kind: str, url: str, *, stream: bool) -> Any:
        try:
            mistral: Any = import_module("mistralai.client").Mistral
        except (ImportError, AttributeError):
            mistral = import_module("mistralai").Mistral
        name = f"{'stream' if stream else 'complete'}{'_async' if kind == 'async' else ''}"
        return await settle(getattr(mistral(api_key=KEY, server_url=url).chat, name)(**CHAT))

    return Wire(
        "mistralai",
        "mistralai",
        "mistral_ai",
        "chat",
        ask,
        Exchange.json(completion(SECRET)),
        sse(*STREAM[:1], chunk(SECRET), *STREAM[2:], "[DONE]"),
        sse({"error": {"message": MESSAGE, "code": "overloaded"}})[0],
        FIGURES,
        SSE,
    )


def _cohere() -> Wire:
    used = {"tokens": {"input_tokens": 1000.0, "output_tokens": 7.0, "reasoning_tokens": 3.0}}
    usage = {"billed_units": {"input_tokens": 9.0, "output_tokens": 5.0}, **used, "cached_tokens": 900.0}

    def said(text: str) -> dict[str, Any]:
        content = {"message": {"content": {"text": text}}}
        return {"type": "content-delta", "index": 0, "delta": content}

    async def ask(kind: str, url: str, *, stream: bool) -> Any:
        cohere: Any = import_module("cohere")
        sdk = (cohere.ClientV2 if kind == "sync" else cohere.AsyncClientV2)(api_key=KEY, base_url=url)
        once = {"request_options": {"max_retries": 0}}
        return await settle((sdk.chat_stream if stream else sdk.chat)(**CHAT, **once))

    message = {"role": "assistant", "content": [{"type": "text", "text": SECRET}]}
    return Wire(
        "cohere",
        "cohere",
        "cohere",
        "chat",
        ask,
        Exchange.json({"id": "c", "finish_reason": "COMPLETE", "message": message, "usage": usage}),
        sse(
            {"type": "message-start", "id": "c", "delta": {"message": {"role": "assistant"}}},
            said(SECRET),
            said("lo"),
            {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": usage}},
            "[DONE]",
        ),
        sse({"type": "message-end", "delta": {"finish_reason": "ERROR", "usage": {}, "error": MESSAGE}})[0],
        {name: value for name, value in FIGURES.items() if "cache_write" not in name},
        SSE,
        lazy=True,
        refused=Exchange.json({"message": MESSAGE}, status=429),
    )


KEPT: list[Any] = []


def _google(name: str, provider: str, **settings: Any) -> Wire:
    used = {"promptTokenCount": 990, "toolUsePromptTokenCount": 10, "cachedContentTokenCount": 900}
    usage = {**used, "candidatesTokenCount": 4, "thoughtsTokenCount": 3, "totalTokenCount": 1007}

    def part(text: str, **more: Any) -> dict[str, Any]:
        content = {"role": "model", "parts": [{"text": text}]}
        return {
            "candidates": [{"content": content, "index": 0, **more}],
            "modelVersion": "g",
            "responseId": "r",
        }

    async def ask(kind: str, url: str, *, stream: bool) -> Any:
        genai: Any = import_module("google.genai")
        sdk = genai.Client(api_key=KEY, http_options={"base_url": url}, **settings)
        KEPT[:] = [sdk]  # it closes its connections when it is collected, whoever still reads
        sdk = sdk.aio if kind == "async" else sdk
        generate = sdk.models.generate_content_stream if stream else sdk.models.generate_content
        return await settle(generate(model="models/m", contents=f"{SECRET} prompt"))

    error = {"error": {"code": 503, "message": MESSAGE, "status": "UNAVAILABLE"}}
    return Wire(
        name,
        "google.genai",
        provider,
        "generate_content",
        ask,
        Exchange.json({**part(SECRET, finishReason="STOP"), "usageMetadata": usage}),
        sse(
            {**part("Hel"), "usageMetadata": used},
            {**part(SECRET), "usageMetadata": {**used, "candidatesTokenCount": 2}},
            {**part("", finishReason="STOP"), "usageMetadata": usage},
        ),
        sse(error)[0],
        {name: value for name, value in FIGURES.items() if "cache_write" not in name},
        SSE,
        lazy=True,
        refused=Exchange.json(
            {"error": {"code": 429, "message": MESSAGE, "status": "RESOURCE_EXHAUSTED"}}, status=429
        ),
    )


AMAZON = {"content-type": "application/vnd.amazon.eventstream"}


async def amazon(kind: str, url: str) -> Any:
    """A client of Bedrock's. Async ones are left open: their loop ends with the test."""
    settings: dict[str, Any] = {
        "region_name": "us-east-1",
        "endpoint_url": url,
        "aws_access_key_id": KEY,
        "aws_secret_access_key": KEY,
        "config": import_module("botocore.config").Config(retries={"total_max_attempts": 1}),
    }
    if kind == "sync":
        return import_module("boto3").client("bedrock-runtime", **settings)
    if find_spec("aiobotocore") is None:
        pytest.skip("aiobotocore is not installed")
    manager = import_module("aiobotocore.session").get_session().create_client("bedrock-runtime", **settings)
    KEPT[:] = [manager, await manager.__aenter__()]
    return KEPT[1]


def _bedrock_converse() -> Wire:
    used = {"inputTokens": 5, "cacheReadInputTokens": 900, "cacheWriteInputTokens": 95, "outputTokens": 7}
    usage = {**used, "totalTokens": 1007}

    async def ask(kind: str, url: str, *, stream: bool) -> Any:
        asked = [{"role": "user", "content": [{"text": f"{SECRET} prompt"}]}]
        sdk = await amazon(kind, url)
        converse = sdk.converse_stream if stream else sdk.converse
        result = await settle(converse(modelId=MODEL_ARN, messages=asked))
        return result["stream"] if stream else result

    def said(text: str) -> bytes:
        return eventstream.event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": text}})

    message = {"role": "assistant", "content": [{"text": SECRET}]}
    return Wire(
        "bedrock, converse",
        "boto3",
        "aws.bedrock",
        "chat",
        ask,
        Exchange.json({"output": {"message": message}, "stopReason": "end_turn", "usage": usage}),
        (
            eventstream.event("messageStart", {"role": "assistant"}),
            said(SECRET),
            said("lo"),
            eventstream.event("messageStop", {"stopReason": "end_turn"}),
            eventstream.event("metadata", {"usage": usage, "metrics": {"latencyMs": 1}}),
        ),
        eventstream.exception("modelStreamErrorException", MESSAGE),
        WITHOUT_REASONING,
        AMAZON,
        refused=_AMAZON_REFUSED,
    )


MODEL_ARN = f"arn:aws:bedrock:us-east-1:{SECRET}:inference-profile/us.anthropic.claude"
WITHOUT_REASONING = {name: value for name, value in FIGURES.items() if "reasoning" not in name}
_AMAZON_REFUSED = Exchange.json(
    {"message": MESSAGE}, status=429, headers={"x-amzn-errortype": "ThrottlingException"}
)


def _bedrock_invoke() -> Wire:
    claude = _anthropic("Anthropic", "aws.bedrock", api_key=KEY)

    async def ask(kind: str, url: str, *, stream: bool) -> Any:
        sdk, body = await amazon(kind, url), json.dumps({**CHAT, "max_tokens": 9})
        invoke = sdk.invoke_model_with_response_stream if stream else sdk.invoke_model
        result = await settle(invoke(modelId=MODEL_ARN, body=body))
        if not stream:
            await settle(result["body"].read())
        return result["body"]

    events = [json.loads(piece.partition(b"data: ")[2]) for piece in claude.pieces]
    return Wire(
        "bedrock, invoke",
        "boto3",
        "aws.bedrock",
        "chat",
        ask,
        claude.whole,
        tuple(map(eventstream.chunk, events)),
        eventstream.exception("modelStreamErrorException", MESSAGE),
        FIGURES,
        AMAZON,
        refused=_AMAZON_REFUSED,
    )


WIRES = (
    _bedrock_converse(),
    _bedrock_invoke(),
    _google("google-genai, Gemini API", "gcp.gemini"),
    _google("google-genai, Vertex AI", "gcp.vertex_ai", vertexai=True),
    _cohere(),
    _mistral(),
    _anthropic("Anthropic", "anthropic", api_key=KEY),
    _anthropic("AnthropicVertex", "gcp.vertex_ai", region="eu", project_id="p", access_token=KEY),
    _openai_like("openai", "OpenAI"),
    _openai_like("openai", "AzureOpenAI", "azure.ai.openai", azure_endpoint="{}", api_version="2025-01-01"),
    _openai_responses(),
    _openai_like("groq", "Groq"),
    _openai_like("together", "Together", "together_ai"),
    _openai_like("fireworks", "Fireworks", "fireworks_ai"),
    _ollama(),
)
