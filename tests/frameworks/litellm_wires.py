"""What the providers behind LiteLLM answer in its tests; written by hand in the documented shapes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from otel_llm.testing import Exchange
from tests.lives.answers import FIGURES, RESPONSE, STREAM, WORDS, completion, responses_stream

PROMPT, KEY, ANSWER = "the-secret-prompt", "the-secret-key", "the-secret-answer"
FINAL = {"x-should-retry": "false"}
BROKEN = Exchange.json({"error": {"message": "no"}}, 500, FINAL)
EMBEDDING: dict[str, Any] = {
    "object": "list",
    "model": "e",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.5, 0.5]}],
    "usage": {"prompt_tokens": 5, "total_tokens": 5},
}
EMBEDDINGS = Exchange.json(EMBEDDING)


def counting(usage: dict[str, int], *, stream: bool) -> Exchange:
    """A chat completion with these figures."""
    if stream:
        return Exchange.sse([*WORDS, {**WORDS[0], "choices": [], "usage": usage}])
    return Exchange.json(completion(usage=usage))


@dataclass(frozen=True, slots=True)
class Wire:
    """One provider's chat completions: how LiteLLM is asked for them, what is answered, and what must be counted."""

    model: str
    provider: str
    plain: Exchange
    stream: Exchange
    uncounted: Exchange | None = None
    """A stream in which nothing is said of usage."""
    base: str = "/v1"
    figures: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def sent(self) -> dict[str, int]:
        """The totals."""
        return {way: self.figures[f"gen_ai.usage.{way}_tokens"] for way in ("input", "output")}


def _like_openai(model: str, provider: str) -> Wire:
    plain, stream = Exchange.json(completion(ANSWER)), Exchange.sse(STREAM)
    return Wire(model, provider, plain, stream, Exchange.sse(WORDS), figures=FIGURES)


_MESSAGE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-x",
    "content": [{"type": "text", "text": ANSWER}],
    "stop_reason": "end_turn",
    "usage": {
        "input_tokens": 17,
        "cache_read_input_tokens": 200,
        "cache_creation_input_tokens": 100,
        "output_tokens": 29,
    },
}


_EVENTS: list[dict[str, Any]] = [
    {
        "type": "message_start",
        "message": {
            **_MESSAGE,
            "content": [],
            "stop_reason": None,
            "usage": {**_MESSAGE["usage"], "output_tokens": 1},
        },
    },
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": ANSWER}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 29}},
    {"type": "message_stop"},
]

OPENAI = _like_openai("openai/gpt-4o", "openai")
DEEPSEEK = _like_openai("deepseek/chat", "deepseek")
VLLM = _like_openai("hosted_vllm/m", "hosted_vllm")
ANTHROPIC = Wire(
    "anthropic/claude-x",
    "anthropic",
    Exchange.json(_MESSAGE),
    Exchange.sse([(event["type"], event) for event in _EVENTS], done=False),
    base="",
    figures={
        "gen_ai.usage.input_tokens": 317,
        "gen_ai.usage.output_tokens": 29,
        "gen_ai.usage.cache_read.input_tokens": 200,
        "gen_ai.usage.cache_write.input_tokens": 100,
    },
)
RESPONSES = Wire(
    "openai/gpt-4o",
    "openai",
    Exchange.json(RESPONSE),
    responses_stream(),
    figures=FIGURES,
)
CHATS = (OPENAI, DEEPSEEK, VLLM, ANTHROPIC)
"""Through the openai SDK, and through LiteLLM's own HTTP clients."""
