"""One small file per SDK, and the list of them. A file is read when its SDK is about to be imported, and not before."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import NamedTuple

from otel_llm.hooks.patching import Sdk


class Listed(NamedTuple):
    """One SDK before anything of it is needed."""

    name: str
    """As settings and people call it."""
    file: str
    packages: tuple[str, ...]
    """Whose import says that it is about to be used."""

    def sdk(self) -> Sdk:
        """What is known of it."""
        return import_module(f"otel_llm.providers.{self.file}").SDK


LISTED = (
    Listed("openai", "openai", ("openai",)),
    Listed("anthropic", "anthropic", ("anthropic",)),
    Listed("boto3", "bedrock", ("botocore", "aiobotocore")),
    Listed("cohere", "cohere", ("cohere",)),
    Listed("fireworks", "fireworks", ("fireworks",)),
    Listed("google-genai", "google_genai", ("google.genai",)),
    Listed("groq", "groq", ("groq",)),
    Listed("mistralai", "mistral", ("mistralai", "mistralai_azure", "mistralai_gcp")),
    Listed("ollama", "ollama", ("ollama",)),
    Listed("together", "together", ("together",)),
    Listed("vertexai", "vertexai", ("vertexai",)),
    Listed("langchain", "langchain", ("langchain_core", "langgraph")),
    Listed("litellm", "litellm", ("litellm",)),
)


def sdks() -> Iterator[Sdk]:
    """All of them, for those who want to see everything."""
    return (listed.sdk() for listed in LISTED)
