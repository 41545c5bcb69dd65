"""What the replayed provider answers to the example programs. Written by hand in the shapes that OpenAI documents."""

from __future__ import annotations

from typing import Any

from otel_llm.testing import Exchange, Request

PAUSE = 0.05  # seconds before each chunk of a stream, so that there is a first one to wait for


def answer(request: Request) -> Exchange:
    """An answer to whatever is asked."""
    body: dict[str, Any] = request.json
    if request.path.endswith("/embeddings"):
        return _embeddings(body)
    if request.path.endswith("/responses"):
        return _responses(body)
    failure = _FAILURES.get(body["model"])
    if failure is not None:
        return failure
    return _streamed(body) if body.get("stream") else _plain(body)


def _error(status: int, message: str, kind: str, code: str) -> Exchange:
    return Exchange.json(
        {"error": {"message": message, "type": kind, "param": None, "code": code}}, status=status
    )


def _chunk(model: str, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {
        "id": "chatcmpl-demo",
        "object": "chat.completion.chunk",
        "created": 1790000000,
        "model": model,
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }


_FAILURES = {
    "gpt-9-imaginary": _error(404, "The model does not exist.", "invalid_request_error", "model_not_found"),
    "gpt-4o-overloaded": _error(429, "Rate limit reached.", "requests", "rate_limit_exceeded"),
    "gpt-4o-broken-line": Exchange.sse(
        [_chunk("gpt-4o-2024-08-06", {"role": "assistant", "content": "Hel"})], done=False, cut=True
    ),
}


def _usage(asked: int, answered: int, cached: int = 0, reasoning: int = 0) -> dict[str, Any]:
    return {
        "prompt_tokens": asked,
        "completion_tokens": answered,
        "total_tokens": asked + answered,
        "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": reasoning, "audio_tokens": 0},
    }


def _plain(body: dict[str, Any]) -> Exchange:
    last = body["messages"][-1]
    question = last.get("content") or ""
    message: dict[str, Any] = {"role": "assistant", "content": "It does, every hour."}
    finish, usage = "stop", _usage(18, 9)
    if body.get("tools") and last["role"] == "user":
        message = {"role": "assistant", "content": None, "tool_calls": [_TOOL_CALL]}
        finish, usage = "tool_calls", _usage(112, 150, reasoning=128)
    elif last["role"] == "tool":
        message["content"] = "The next train from Lisbon to Porto leaves at 14:32 from platform 4."
        usage = _usage(291, 86, reasoning=64)
    elif "first train" in question:
        message["content"] = "The first train to Porto leaves at 5:40."
        usage = _usage(538, 12)
    elif "last one" in question:
        message["content"] = "The last one leaves at 22:10."
        usage = _usage(533, 10, cached=512)
    elif body.get("max_tokens") == 5:
        finish = "length"
        usage = _usage(9, 5)
    return Exchange.json(
        {
            "id": "chatcmpl-demo",
            "object": "chat.completion",
            "created": 1790000000,
            "model": _DATED.get(body["model"], body["model"]),
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
            "usage": usage,
            "service_tier": "default",
            "system_fingerprint": "fp_demo",
        },
        delay=0.12,
    )


_DATED = {"gpt-4o-mini": "gpt-4o-mini-2024-07-18", "o4-mini": "o4-mini-2025-04-16"}
_TOOL_CALL = {
    "id": "call_demo",
    "type": "function",
    "function": {"name": "next_departure", "arguments": '{"origin": "Lisbon", "destination": "Porto"}'},
}


def _streamed(body: dict[str, Any]) -> Exchange:
    model = str(_DATED.get(body["model"], body["model"]))
    words = ("One", ", two", ", three", ", four", ", five", ".")
    events = [_chunk(model, {"role": "assistant", "content": ""})]
    events += [_chunk(model, {"content": word}) for word in words]
    events.append(_chunk(model, {}, "stop"))
    if (body.get("stream_options") or {}).get("include_usage"):
        events.append({**_chunk(model, {}), "choices": [], "usage": _usage(14, 12)})
    return Exchange.sse(events, pauses=PAUSE)


def _responses(body: dict[str, Any]) -> Exchange:
    text = "Train 574 goes to Faro." if body.get("stream") else '{"number": 574, "destination": "Faro"}'
    response: dict[str, Any] = {
        "id": "resp_demo2" if body.get("stream") else "resp_demo1",
        "object": "response",
        "created_at": 1790000000,
        "model": "gpt-5-mini-2025-08-07",
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "output": [
            {
                "id": "msg_demo",
                "type": "message",
                "role": "assistant",
                "status": "completed",
                "content": [{"type": "output_text", "text": text, "annotations": []}],
            }
        ],
        "usage": {
            "input_tokens": 61,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": 88,
            "output_tokens_details": {"reasoning_tokens": 64},
            "total_tokens": 149,
        },
        "service_tier": "default",
    }
    if not body.get("stream"):
        return Exchange.json(response, delay=0.2)
    begun = {**response, "status": "in_progress", "output": [], "usage": None}
    item = {**response["output"][0], "status": "in_progress", "content": []}
    part = {"type": "output_text", "text": "", "annotations": []}
    at: dict[str, Any] = {"output_index": 0, "item_id": "msg_demo", "content_index": 0}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        {"type": "response.content_part.added", **at, "part": part},
        *(
            {"type": "response.output_text.delta", **at, "delta": f"{word} ", "logprobs": []}
            for word in text.split(" ")
        ),
        {"type": "response.completed", "response": response},
    ]
    numbered: list[dict[str, Any]] = [
        {**event, "sequence_number": number} for number, event in enumerate(events)
    ]
    return Exchange.sse([(str(event["type"]), event) for event in numbered], done=False, pauses=PAUSE)


def _embeddings(body: dict[str, Any]) -> Exchange:
    texts = body["input"]
    return Exchange.json(
        {
            "object": "list",
            "model": body["model"],
            "data": [
                {"object": "embedding", "index": index, "embedding": "AACAPwAAAEAAAEBAAACAQA=="}
                for index in range(len(texts))
            ],
            "usage": {"prompt_tokens": 17, "total_tokens": 17},
        },
        delay=0.05,
    )
