"""LangChain's chat models, each in front of the wire that its provider speaks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from itertools import count
from typing import Any

from tests.lives.answers import STREAM, USAGE
from tests.lives.wires import KEY, WIRES, Wire, sse

_BY_NAME = {wire.name: wire for wire in WIRES}
_places = count()
CLAUDE = "anthropic.claude-3-5-sonnet-20241022-v2:0"


@dataclass(frozen=True, slots=True)
class Model:
    """A chat model's class, the wire it speaks, and how it is made."""

    name: str
    wire: Wire
    settings: Callable[[str], dict[str, Any]]
    provider: str
    model: str = "m"
    hooked: bool = True
    """Whether an SDK below it is listened to."""

    def make(self, url: str, **more: Any) -> Any:
        """At a place of its own: LangChain shares async connections, which outlive their loops."""
        module, name = self.name.split(":")
        made = getattr(import_module(module), name)
        return made(**self.settings(f"{url}/at{next(_places)}"), **more)


def _openai_like(url: str) -> dict[str, Any]:
    return {"model": "m", "api_key": KEY, "base_url": f"{url}/v1", "max_retries": 0}


def _amazon(url: str) -> dict[str, Any]:
    client = import_module("boto3").client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id=KEY,
        aws_secret_access_key=KEY,
        config=import_module("botocore.config").Config(retries={"total_max_attempts": 1}),
    )
    return {"model": CLAUDE, "client": client, "region_name": "us-east-1"}


def _google(url: str) -> dict[str, Any]:
    return {"model": "m", "google_api_key": KEY, "base_url": url, "max_retries": 1}


_CHAT = "openai, chat completions"
MODELS = (
    Model("langchain_openai:ChatOpenAI", _BY_NAME[_CHAT], _openai_like, "openai"),
    Model(
        "langchain_openai:ChatOpenAI",
        _BY_NAME["openai, responses"],
        lambda url: {**_openai_like(url), "use_responses_api": True},
        "openai",
    ),
    Model(
        "langchain_openai:AzureChatOpenAI",
        _BY_NAME[_CHAT],
        lambda url: {"azure_deployment": "m", "azure_endpoint": url, "api_version": "1", "api_key": KEY},
        "azure.ai.openai",
    ),
    Model(
        "langchain_anthropic:ChatAnthropic",
        _BY_NAME["anthropic, Anthropic"],
        lambda url: {"model": "m", "api_key": KEY, "base_url": url, "max_retries": 0},
        "anthropic",
    ),
    Model("langchain_groq:ChatGroq", _BY_NAME[_CHAT], _openai_like, "groq"),
    Model("langchain_fireworks:ChatFireworks", _BY_NAME[_CHAT], _openai_like, "fireworks_ai"),
    Model("langchain_together:ChatTogether", _BY_NAME[_CHAT], _openai_like, "openai"),
    Model(
        "langchain_deepseek:ChatDeepSeek",
        _BY_NAME[_CHAT],
        lambda url: {"model": "m", "api_key": KEY, "api_base": f"{url}/v1", "max_retries": 0},
        "openai",
    ),
    Model(
        "langchain_google_genai:ChatGoogleGenerativeAI",
        _BY_NAME["google-genai, Gemini API"],
        _google,
        "gcp.gemini",
    ),
    Model("langchain_aws:ChatBedrockConverse", _BY_NAME["bedrock, converse"], _amazon, "aws.bedrock", CLAUDE),
    Model("langchain_aws:ChatBedrock", _BY_NAME["bedrock, invoke"], _amazon, "aws.bedrock", CLAUDE),
    Model(
        "langchain_mistralai:ChatMistralAI",
        replace(_BY_NAME["mistralai"], pieces=sse(*STREAM[:3], {**STREAM[3], "usage": USAGE}, "[DONE]")),
        lambda url: {"model": "m", "api_key": KEY, "endpoint": f"{url}/v1", "max_retries": 1},
        "mistral_ai",
        hooked=False,
    ),
)
