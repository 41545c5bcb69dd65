"""What the replayed provider says in the tests of a call's life; written by hand in OpenAI's documented shapes."""

from __future__ import annotations

from typing import Any

import openai

from otel_llm.testing import Exchange, ReplayServer

MESSAGES: Any = [{"role": "user", "content": "hi"}]
USAGE = {
    "prompt_tokens": 1000,
    "completion_tokens": 7,
    "total_tokens": 1007,
    "prompt_tokens_details": {"cached_tokens": 900, "cache_write_tokens": 95},
    "completion_tokens_details": {"reasoning_tokens": 3},
}
FIGURES = {
    "gen_ai.usage.input_tokens": 1000,
    "gen_ai.usage.output_tokens": 7,
    "gen_ai.usage.cache_read.input_tokens": 900,
    "gen_ai.usage.cache_write.input_tokens": 95,
    "gen_ai.usage.reasoning.output_tokens": 3,
}


def completion(content: Any = "Hello.", finish: str | None = "stop", **more: Any) -> dict[str, Any]:
    """A chat completion."""
    message = {"role": "assistant", "content": content}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4o-2024-08-06",
        "choices": [{"index": 0, "finish_reason": finish, "message": message}],
        "usage": USAGE,
        **more,
    }


def chunk(
    content: str | None = None, finish: str | None = None, index: int = 0, **more: Any
) -> dict[str, Any]:
    """One chunk of a streamed chat completion."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-4o-2024-08-06",
        "choices": [
            {"index": index, "delta": {"content": content} if content else {}, "finish_reason": finish}
        ],
        **more,
    }


WORDS = [chunk("Hel"), chunk("lo"), chunk("."), chunk(finish="stop")]
LAST = {**chunk(), "choices": [], "usage": USAGE}
STREAM = [*WORDS, LAST]

RESPONSE: dict[str, Any] = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "model": "gpt-4o-2024-08-06",
    "status": "completed",
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "output": [
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "Hello.", "annotations": []}],
        }
    ],
    "usage": {
        "input_tokens": 1000,
        "input_tokens_details": {"cached_tokens": 900, "cache_write_tokens": 95},
        "output_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 3},
        "total_tokens": 1007,
    },
}
_PLACE: dict[str, Any] = {"output_index": 0, "item_id": "msg_1", "content_index": 0}
_BEGUN = {**RESPONSE, "status": "in_progress", "output": [], "usage": None}
RESPONSE_EVENTS: list[dict[str, Any]] = [
    {"type": "response.created", "sequence_number": 0, "response": _BEGUN},
    {
        "type": "response.output_item.added",
        "sequence_number": 1,
        "output_index": 0,
        "item": {**RESPONSE["output"][0], "status": "in_progress", "content": []},
    },
    {
        "type": "response.content_part.added",
        "sequence_number": 2,
        **_PLACE,
        "part": {"type": "output_text", "text": "", "annotations": []},
    },
    {"type": "response.output_text.delta", "sequence_number": 3, **_PLACE, "delta": "Hello.", "logprobs": []},
    {"type": "response.completed", "sequence_number": 4, "response": RESPONSE},
]


def responses_stream(events: list[dict[str, Any]] = RESPONSE_EVENTS, **more: Any) -> Exchange:
    """The events of a streamed response."""
    return Exchange.sse([(event["type"], event) for event in events], done=False, **more)


def client(replay: ReplayServer, **more: Any) -> openai.OpenAI:
    """A real client of the replayed provider."""
    return openai.OpenAI(api_key="k", base_url=f"{replay.url}/v1", **{"max_retries": 0, **more})


def async_client(replay: ReplayServer, **more: Any) -> openai.AsyncOpenAI:
    """The same, async."""
    return openai.AsyncOpenAI(api_key="k", base_url=f"{replay.url}/v1", **{"max_retries": 0, **more})


def stream(replay: ReplayServer, **more: Any) -> Any:
    """A stream of chat chunks, just begun."""
    return client(replay).chat.completions.create(model="gpt-4o", messages=MESSAGES, stream=True, **more)


async def async_stream(replay: ReplayServer, **more: Any) -> Any:
    """The same, async."""
    return await async_client(replay).chat.completions.create(
        model="gpt-4o", messages=MESSAGES, stream=True, **more
    )


def parsing(sdk: Any) -> Any:
    """Where a client has `parse()` and `stream()` for chats: once in beta, now in the open."""
    completions = sdk.chat.completions
    return completions if hasattr(completions, "parse") else sdk.beta.chat.completions
