"""How each SDK is asked for a stream, and what its provider sends then: the same story in each one's own words.

An answer of a few pieces of text, and figures at its end or where the provider puts them. Written by hand in
the shapes that the providers document.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from otel_llm.testing import Exchange
from tests.lives.answers import FIGURES, MESSAGES, STREAM
from tests.lives.scenarios import settle

INPUT, OUTPUT = "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"
ASK: dict[str, Any] = {"model": "m", "messages": MESSAGES}

Open = Callable[[str, str], Coroutine[Any, Any, Any]]
"""From a kind, `sync` or `async`, and the provider's URL: the stream, as the user gets it."""


REFUSED = Exchange.json({"error": {"message": "slow down", "code": "rate_limit"}}, status=429)


@dataclass(frozen=True, slots=True)
class StreamingSdk:
    """One SDK that streams."""

    name: str
    module: str
    open: Open
    pieces: tuple[bytes, ...]
    """The body of a whole stream, piece by piece; text comes in the first two."""
    failure: bytes
    """A piece that says that something went wrong."""
    figures: dict[str, int]
    """What a stream that was read to its end must tell."""
    headers: dict[str, str]
    lazy: bool = False
    """Whether nothing is sent before the stream is read."""
    refused: Exchange = REFUSED

    @property
    def installed(self) -> bool:
        """Whether it is there to be tested."""
        try:
            return find_spec(self.module) is not None
        except ModuleNotFoundError:
            return False

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


def _openai_like(name: str, client: str, module: str | None = None) -> StreamingSdk:
    async def go(kind: str, url: str) -> Any:
        made = getattr(import_module(module or name), client if kind == "sync" else f"Async{client}")
        sdk = made(api_key="k", base_url=f"{url}/v1", max_retries=0)
        return await settle(sdk.chat.completions.create(**ASK, stream=True))

    return StreamingSdk(
        name,
        f"{name}._base_client",
        go,
        sse(*STREAM, "[DONE]"),
        sse({"error": {"message": "m", "code": "overloaded"}})[0],
        FIGURES,
        SSE,
    )


def _ollama() -> StreamingSdk:
    def part(**more: Any) -> bytes:
        return json.dumps({"model": "m", "done": False, **more}).encode() + b"\n"

    async def go(kind: str, url: str) -> Any:
        ollama: Any = import_module("ollama")
        sdk = (ollama.Client if kind == "sync" else ollama.AsyncClient)(host=url)
        return await settle(sdk.chat(**ASK, stream=True))

    end = {"done": True, "done_reason": "stop", "prompt_eval_count": 1000, "eval_count": 7}
    return StreamingSdk(
        "ollama",
        "ollama",
        go,
        (
            *(part(message={"role": "assistant", "content": word}) for word in ("Hel", "lo")),
            part(message={"role": "assistant", "content": ""}, **end),
        ),
        b'{"error": "the model crashed"}\n',
        {INPUT: 1000, OUTPUT: 7},
        {"content-type": "application/x-ndjson"},
        lazy=True,
    )


ALL = (
    _openai_like("openai", "OpenAI"),
    _openai_like("groq", "Groq"),
    _openai_like("together", "Together"),
    _openai_like("fireworks", "Fireworks"),
    _ollama(),
)
