"""How sure a model was, in front of each SDK: the same three tokens in each provider's own words.

Written by hand in the shapes that the providers document; of Together's streams as its SDK has them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from otel_llm.testing import Exchange
from tests.lives import eventstream
from tests.lives.answers import RESPONSE, STREAM, USAGE, chunk, completion
from tests.lives.wires import SECRET, WIRES, Wire, sse

VALUES, WORDS = (-0.25, -1.5, -0.0625), (SECRET, "lo", ".")
PREFIX = "otel_llm.logprobs."


def figures(*values: float) -> dict[str, Any]:
    """The attributes that these tokens must give."""
    mean = sum(values) / len(values)
    told = {
        "token_count": len(values),
        "mean": mean,
        "min": min(values),
        "min_position": values.index(min(values)),
        "perplexity": math.exp(-mean),
    }
    return {PREFIX + name: value for name, value in told.items()}


def said(span: Any) -> dict[str, Any]:
    """What a span says of log-probabilities."""
    return {name: value for name, value in span.attributes.items() if name.startswith(PREFIX)}


TOKENS = [
    {"token": word, "logprob": value, "bytes": [72], "token_id": 7, "top_logprobs": []}
    for word, value in zip(WORDS, VALUES, strict=True)
]
Pieces = tuple[Any, list[Any]]
"""A whole answer, and the events of its stream, of which the first three have a token each."""


def _in_content(tokens: list[Any]) -> Any:
    return {"content": tokens, "refusal": None}


def _in_lists(tokens: list[Any]) -> Any:
    names = {"tokens": "token", "token_logprobs": "logprob"}
    return {many: [one[name] for one in tokens] for many, name in names.items()} | {"top_logprobs": None}


def _as_number(tokens: list[Any]) -> Any:
    return tokens[0]["logprob"]


def chat(whole: Callable[[list[Any]], Any] = _in_content, piece: Any = None) -> Pieces:
    """A chat completion."""
    answer = completion()
    answer["choices"][0]["logprobs"] = whole(TOKENS)
    chunks = [chunk(word) for word in WORDS]
    for made, one in zip(chunks, TOKENS, strict=True):
        made["choices"][0]["logprobs"] = (piece or whole)([one])
    return answer, [*chunks, chunk(finish="stop"), {**STREAM[-1], "usage": USAGE}]


def responses() -> Pieces:
    """A response, with its tokens rounded once more than in the events before it."""
    (message,) = RESPONSE["output"]
    content = [{**message["content"][0], "logprobs": TOKENS}]
    answer = {**RESPONSE, "output": [{**message, "content": content}]}
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0, "sequence_number": 1}
    deltas = [
        {**place, "type": "response.output_text.delta", "delta": one["token"]}
        | {"logprobs": [{**one, "logprob": one["logprob"] - 1e-7}]}
        for one in TOKENS
    ]
    return answer, [*deltas, {"type": "response.completed", "sequence_number": 9, "response": answer}]


def ollama() -> Pieces:
    """An answer of Ollama's."""
    part = {"model": "m", "done": False, "message": {"role": "assistant", "content": "x"}}
    end = {**part, "done": True, "done_reason": "stop", "prompt_eval_count": 5, "eval_count": 3}
    return {**end, "logprobs": TOKENS}, [*({**part, "logprobs": [one]} for one in TOKENS), end]


def cohere() -> Pieces:
    """An answer of Cohere's, in which a piece of text may have several tokens."""
    told = [
        {"text": word, "token_ids": [1], "logprobs": [value]}
        for word, value in zip(WORDS, VALUES, strict=True)
    ]
    together = [told[0], {"text": "lo.", "token_ids": [1, 2], "logprobs": list(VALUES[1:])}]
    end = {"finish_reason": "COMPLETE", "usage": {"tokens": {"input_tokens": 5, "output_tokens": 3}}}
    message = {"role": "assistant", "content": [{"type": "text", "text": "Hello."}]}
    pieces = [
        {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": one["text"]}}}}
        | {"logprobs": one}
        for one in told
    ]
    ended = {"type": "message-end", "delta": end}
    return {"id": "c", "message": message, **end, "logprobs": together}, [*pieces, ended]


def google() -> Pieces:
    """An answer of Google's."""

    def part(*tokens: Any, **more: Any) -> dict[str, Any]:
        chosen = [{"token": one["token"], "tokenId": 1, "logProbability": one["logprob"]} for one in tokens]
        content = {"role": "model", "parts": [{"text": "x"}]}
        result = {"logprobsResult": {"chosenCandidates": chosen}} if chosen else {}
        return {"candidates": [{"index": 0, "content": content, **result, **more}], "responseId": "r"}

    return part(*TOKENS, finishReason="STOP", avgLogprobs=-9), [
        *map(part, TOKENS),
        part(finishReason="STOP", avgLogprobs=-9),
    ]


_ANSWERS: dict[str, Pieces] = {
    "openai, chat completions": chat(),
    "openai, Azure": chat(),
    "openai, responses": responses(),
    "groq, chat completions": chat(),
    "together, chat completions": chat(_in_lists, _as_number),
    "fireworks, chat completions": chat(_in_lists),
    "mistralai": chat(),
    "ollama": ollama(),
    "cohere": cohere(),
    "google-genai, Gemini API": google(),
    "google-genai, Vertex AI": google(),
    "bedrock, invoke": chat(),
}


def _made(wire: Wire, whole: Any, events: list[Any]) -> Wire:
    if wire.module == "boto3":
        pieces = tuple(map(eventstream.chunk, events))
    elif wire.module == "ollama":
        pieces = tuple(json.dumps(event).encode() + b"\n" for event in events)
    else:
        pieces = sse(*events, named="type" in events[0])
    return replace(wire, whole=Exchange.json(whole), pieces=pieces)


SURE = tuple(_made(wire, *_ANSWERS[wire.name]) for wire in WIRES if wire.name in _ANSWERS)
"""The wires that have words for it, saying it."""
assert len(SURE) == len(_ANSWERS)
