"""Programs with the SDKs of providers that have their own: how each asks, to be served what was recorded."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest

from tests.lives.answers import MESSAGES
from tests.lives.scenarios import settle

Ask = Callable[[str, str, str, bool], Coroutine[Any, Any, Any]]
"""From a kind, `sync` or `async`, the provider's URL, the API and whether to stream: an answer or a stream."""


@dataclass(frozen=True, slots=True)
class Native:
    """One SDK, and the recorded exchanges that it can be served."""

    module: str
    folder: str
    """Of the recordings."""
    apis: Mapping[str, str]
    """How the recorded paths end, and what the API is called here."""
    ask: Ask
    unserved: Mapping[str, str] = field(default_factory=dict[str, str])
    """Recordings that the SDK cannot be served, by name, and why."""

    @property
    def installed(self) -> bool:
        """Whether it is there to be tested."""
        try:
            return find_spec(self.module) is not None
        except ModuleNotFoundError:
            return False


KEPT: list[Any] = []
CHAT: dict[str, Any] = {"model": "m", "messages": MESSAGES}
EMBED: dict[str, Any] = {"model": "gemini-embedding-001"}


async def _anthropic(kind: str, url: str, api: str, stream: bool) -> Any:
    anthropic: Any = import_module("anthropic")
    sdk = (anthropic.Anthropic if kind == "sync" else anthropic.AsyncAnthropic)(
        api_key="k", base_url=url, max_retries=0
    )
    more = {"stream": True} if stream else {}
    if api == "complete":
        return await settle(sdk.completions.create(model="m", prompt="hi", max_tokens_to_sample=9, **more))
    return await settle(sdk.messages.create(**CHAT, max_tokens=9, **more))


async def _anthropic_on_vertex(kind: str, url: str, api: str, stream: bool) -> Any:
    anthropic: Any = import_module("anthropic")
    made = anthropic.AnthropicVertex if kind == "sync" else anthropic.AsyncAnthropicVertex
    sdk = made(region="eu", project_id="p", access_token="k", base_url=url, max_retries=0)
    return await settle(sdk.messages.create(**CHAT, max_tokens=9, **({"stream": True} if stream else {})))


async def _mistral(kind: str, url: str, api: str, stream: bool) -> Any:
    try:
        mistral: Any = import_module("mistralai.client").Mistral
    except (ImportError, AttributeError):
        mistral = import_module("mistralai").Mistral
    sdk = mistral(api_key="k", server_url=url)
    twin = "_async" if kind == "async" else ""
    if api == "embeddings":
        return await settle(getattr(sdk.embeddings, f"create{twin}")(model="m", inputs=["hi"]))
    return await settle(getattr(sdk.chat, f"{'stream' if stream else 'complete'}{twin}")(**CHAT))


COHERE: dict[str, dict[str, Any]] = {
    "v2 chat": CHAT,
    "v1 chat": {"message": "hi"},
    "v2 embed": {"model": "m", "texts": ["hi"], "input_type": "search_query"},
    "v1 embed": {"model": "m", "texts": ["hi"], "input_type": "search_query"},
    "v1 generate": {"prompt": "hi"},
    "v1 rerank": {"query": "hi", "documents": ["a", "b"]},
    "v2 rerank": {"model": "m", "query": "hi", "documents": ["a", "b"]},
}


async def _cohere(kind: str, url: str, api: str, stream: bool) -> Any:
    cohere: Any = import_module("cohere")
    version, name = api.split()
    client = f"{'Async' if kind == 'async' else ''}Client{'V2' if version == 'v2' else ''}"
    sdk = getattr(cohere, client)(api_key="k", base_url=url)
    once = {"request_options": {"max_retries": 0}}
    return await settle(getattr(sdk, f"{name}_stream" if stream else name)(**COHERE[api], **once))


def _google(*, vertex: bool) -> Ask:
    async def ask(kind: str, url: str, api: str, stream: bool) -> Any:
        genai: Any = import_module("google.genai")
        settings: dict[str, Any] = {"api_key": "k", "http_options": {"base_url": url}}
        sdk = genai.Client(**settings, **({"vertexai": True} if vertex else {}))
        KEPT[:] = [sdk]  # it closes its connections when it is collected, whoever still reads
        sdk = sdk.aio if kind == "async" else sdk
        if api == "interactions":
            return await settle(sdk.interactions.create(model="m", input="hi", stream=stream))
        if api == "embed":
            return await settle(sdk.models.embed_content(**EMBED, contents="hi"))
        name = "generate_content_stream" if stream else "generate_content"
        return await settle(getattr(sdk.models, name)(model="m", contents="hi"))

    return ask


async def _bedrock(kind: str, url: str, api: str, stream: bool) -> Any:
    settings: dict[str, Any] = {
        "region_name": "us-east-1",
        "endpoint_url": url,
        "aws_access_key_id": "a",
        "aws_secret_access_key": "s",
        "config": import_module("botocore.config").Config(retries={"total_max_attempts": 1}),
    }
    asked: dict[str, Any] = {
        "modelId": CHAT["model"],
        "messages": [{"role": "user", "content": [{"text": "hi"}]}],
    }
    if api.startswith("invoke"):
        model = f"{CHAT['model']}-embed" if api == "invoke embed" else CHAT["model"]
        asked = {"modelId": model, "body": b'{"messages": []}'}
        name = "invoke_model_with_response_stream" if stream else "invoke_model"
    else:
        name = "converse_stream" if stream else "converse"
    if kind == "sync":
        result = getattr(import_module("boto3").client("bedrock-runtime", **settings), name)(**asked)
    else:
        if find_spec("aiobotocore") is None:
            pytest.skip("aiobotocore is not installed")
        session = import_module("aiobotocore.session").get_session()
        manager = session.create_client("bedrock-runtime", **settings)
        KEPT[:] = [manager, await manager.__aenter__()]
        result = await getattr(KEPT[1], name)(**asked)
    if stream:
        return result["stream" if "stream" in result else "body"]
    if "body" in result:
        result["body"] = await settle(result["body"].read())
    result.pop("ResponseMetadata")
    return result


OLLAMA: dict[str, dict[str, Any]] = {
    "chat": CHAT,
    "generate": {"model": "m", "prompt": "hi"},
    "embed": {"model": "m", "input": "hi"},
}


async def _ollama(kind: str, url: str, api: str, stream: bool) -> Any:
    ollama: Any = import_module("ollama")
    sdk = (ollama.Client if kind == "sync" else ollama.AsyncClient)(host=url)
    return await settle(getattr(sdk, api)(**OLLAMA[api], **({"stream": True} if stream else {})))


def _dropped() -> dict[str, str]:
    """What older versions of Google's SDK lose of what they are sent."""
    try:
        version: str = import_module("google.genai").__version__
    except ImportError:
        return {}
    multimodal = (
        "gemini/embed_content/embedding-multimodal-embeddings-gemini-gemini-embedding-2-em-1b446233.json"
    )
    return (
        {multimodal: "this version drops the usage of embeddings"}
        if int(version.split(".", maxsplit=1)[0]) < 3
        else {}
    )


NATIVES = (
    Native("anthropic", "anthropic", {"/v1/messages": "messages", "/v1/complete": "complete"}, _anthropic),
    Native(
        "anthropic",
        "vertex",
        {":rawPredict": "messages", ":streamRawPredict": "messages"},
        _anthropic_on_vertex,
    ),
    Native(
        "mistralai",
        "mistral",
        {"/chat/completions": "chat", "/embeddings": "embeddings"},
        _mistral,
    ),
    Native(
        "google.genai",
        "gemini",
        {
            ":generateContent": "generate",
            ":streamGenerateContent": "generate",
            ":batchEmbedContents": "embed",
            "/interactions": "interactions",
        },
        _google(vertex=False),
        _dropped(),
    ),
    Native(
        "google.genai",
        "vertex",
        {
            ":generateContent": "generate",
            ":streamGenerateContent": "generate",
            ":predict": "embed",
        },
        _google(vertex=True),
    ),
    Native(
        "boto3",
        "bedrock",
        {
            "/converse": "converse",
            "/converse-stream": "converse",
            "embeddings-v1:0/invoke": "invoke embed",
            "/invoke": "invoke",
            "/invoke-with-response-stream": "invoke",
        },
        _bedrock,
    ),
    Native("cohere", "cohere", {f"/{api.replace(' ', '/')}": api for api in COHERE}, _cohere),
    Native(
        "ollama",
        "ollama",
        {"/api/chat": "chat", "/api/generate": "generate", "/api/embed": "embed"},
        _ollama,
    ),
)
