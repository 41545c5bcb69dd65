"""What the replayed provider answers to the examples, and the figures that every backend must then show.

Written by hand in the shapes that OpenAI documents.
"""

from __future__ import annotations

from typing import Any

from otel_llm.testing import Exchange, Request

ASKED, ANSWERED = "gpt-4o-mini", "gpt-4o-mini-2024-07-18"

# examples/chat.py asks twice: the first prompt is written to the provider's cache, the second is read from it.
FIRST = {"input": 538, "output": 12, "cached": 0, "written": 512, "reasoning": 0}
SECOND = {"input": 533, "output": 74, "cached": 512, "written": 0, "reasoning": 64}
INPUT = FIRST["input"] + SECOND["input"]
OUTPUT = FIRST["output"] + SECOND["output"]


def _answer(figures: dict[str, int], content: str | None, finish: str = "stop", **message: Any) -> Exchange:
    return Exchange.json(
        {
            "id": f"chatcmpl-{figures['input']}",
            "object": "chat.completion",
            "created": 1790000000,
            "model": ANSWERED,
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": content, **message},
                    "finish_reason": finish,
                }
            ],
            "usage": {
                "prompt_tokens": figures["input"],
                "completion_tokens": figures["output"],
                "total_tokens": figures["input"] + figures["output"],
                "prompt_tokens_details": {
                    "cached_tokens": figures["cached"],
                    "cache_write_tokens": figures["written"],
                },
                "completion_tokens_details": {"reasoning_tokens": figures["reasoning"]},
            },
        }
    )


CHAT = [_answer(FIRST, "At 5:40."), _answer(SECOND, "At 22:10.", finish="length")]

# examples/tools.py is told to look something up, does so, and gets an answer.
_LOOKUP: dict[str, Any] = {
    "name": "next_departure",
    "arguments": '{"origin": "Lisbon", "destination": "Porto"}',
}
_CALL: dict[str, Any] = {"id": "call_1", "type": "function", "function": _LOOKUP}
TOOLS = [_answer(FIRST, None, finish="tool_calls", tool_calls=[_CALL]), _answer(SECOND, "At 14:32.")]


def _error(status: int, kind: str, code: str) -> Exchange:
    body: dict[str, Any] = {"message": "No.", "type": kind, "param": None, "code": code}
    return Exchange.json({"error": body}, status=status, headers={"x-should-retry": "false"})


_FAILURES = {
    "gpt-9-imaginary": _error(404, "invalid_request_error", "model_not_found"),
    "gpt-4o-overloaded": _error(429, "requests", "rate_limit_exceeded"),
    "gpt-4o-broken-line": Exchange.sse(
        [
            {
                "id": "chatcmpl-cut",
                "object": "chat.completion.chunk",
                "created": 1790000000,
                "model": "gpt-4o",
                "choices": [
                    {"index": 0, "delta": {"role": "assistant", "content": "Hel"}, "finish_reason": None}
                ],
            }
        ],
        cut=True,
    ),
}


def failures(request: Request) -> Exchange:
    """To examples/failures.py: refused, not there, broken off, or cut short, by the model it asks for."""
    return _FAILURES.get(request.json["model"]) or _answer(FIRST, "Hello", finish="length")
