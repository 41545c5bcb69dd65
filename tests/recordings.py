"""Recorded provider exchanges, read where they are kept: real responses, and the figures each must give."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from otel_llm.dialects.finish_reasons import normalize
from otel_llm.dialects.sse import EventDecoder
from otel_llm.testing import Exchange
from tests.conftest import RECORDINGS

OPENAI_PATHS = ("/chat/completions", "/responses", "/completions", "/embeddings")
_CALLS = ('"type":"function_call"', '"type":"custom_tool_call"')


@dataclass(frozen=True, slots=True)
class Recording:
    """One exchange: how it went over the wire and what must be read from it."""

    name: str
    """Its file, below the folder of all recordings: `openai/chat/one.json`."""
    api: str
    """The last part of the path that was asked, such as `chat/completions`."""
    streaming: bool
    odd: bool
    unreadable: bool
    """Whether it was sent in a form that Python SDKs do not ask for and cannot read."""
    status: int
    exchange: Exchange
    expected: dict[str, Any]
    body: str
    asked: Any = None
    """The body of the request, as JSON."""

    @property
    def provider(self) -> str:
        """Who answered, by the name of the folder."""
        return self.name.partition("/")[0]

    @property
    def finish_reasons(self) -> tuple[str, ...] | None:
        """What the span must say: the raw reasons in the common words."""
        raw = self.expected["finish_reasons"]
        if raw == ["completed"] and any(call in self._dense() for call in _CALLS):
            return ("tool_call",)
        return tuple(normalize(reason) for reason in raw) or None

    @property
    def blocked(self) -> bool:
        """Whether a prompt was not let through: Google's way."""
        return not self.expected["finish_reasons"] and '"blockReason"' in self.body

    @property
    def told_in_words(self) -> bool:
        """Whether the last event of a stream says that it failed, and has no code for it: Cohere's way."""
        return self.expected["finish_reasons"] == ["ERROR"] and '"error":"' in self.body

    def events(self) -> list[Any]:
        """The JSON of the answer, or of each event of its stream; made anew, so that it may be changed."""
        if self.streaming:
            return list(EventDecoder().feed(self.body.encode() + b"\n\n"))
        return [json.loads(self.body)]

    def _dense(self) -> str:
        """The output of a response without spaces, so that a type can be looked for."""
        text = self.body.replace(" ", "").replace("\n", "")
        return text[text.rfind('"output":[') :]


@lru_cache(maxsize=1)
def openai_shaped() -> tuple[Recording, ...]:
    """Every exchange that the openai SDK can be served, by name."""
    found = _read("*", lambda path: next((api for api in OPENAI_PATHS if path.endswith(api)), None))
    return tuple(replace(recording, api=recording.api.lstrip("/")) for recording in found)


def recordings(provider: str, paths: Mapping[str, str]) -> tuple[Recording, ...]:
    """The exchanges of a provider whose path ends like one of these; its value becomes the API's name."""
    return tuple(
        _read(provider, lambda path: next((paths[end] for end in paths if path.endswith(end)), None))
    )


def _read(provider: str, api_of: Callable[[str], str | None]) -> Iterator[Recording]:
    for file in sorted(RECORDINGS.glob(f"{provider}/*/*.json")):
        record = json.loads(file.read_text())
        api = api_of(record["request"]["path"].partition("?")[0])
        if api is not None:
            yield Recording(
                name=file.relative_to(RECORDINGS).as_posix(),
                api=api,
                streaming=record["streaming"],
                odd="odd_figures" in record["features"],
                unreadable=not {"json_array_stream", "enum_numbers"}.isdisjoint(record["features"]),
                status=record["response"]["status"],
                exchange=Exchange.recorded(record),
                expected=record["expected"],
                body=record["response"].get("body") or "",
                asked=record["request"]["body"],
            )
