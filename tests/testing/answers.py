"""Answers of a chat API, written by hand after OpenAI's documentation."""

from __future__ import annotations

from typing import Any

from otel_llm.testing import Exchange


def chat(content: str = "Hello.") -> dict[str, Any]:
    """A whole chat completion."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4o-2024-08-06",
        "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}
        ],
        "usage": {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12},
    }


def chunk(content: str) -> dict[str, Any]:
    """One event of a streamed chat completion."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-4o-2024-08-06",
        "choices": [{"index": 0, "delta": {"content": content}, "finish_reason": None}],
    }


def stream(*contents: str, **how: Any) -> Exchange:
    """A streamed chat completion, one event for each piece of content."""
    return Exchange.sse([chunk(content) for content in contents], **how)
