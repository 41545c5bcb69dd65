"""Where each wire has the log-probabilities of an answer and of its stream's events."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from otel_llm.dialects.fields import Fields, count, fields, items, number
from otel_llm.dialects.logprobs import LogprobReader
from otel_llm.dialects.sse import decode
from otel_llm.logprobs import LogprobSummary


def in_choices(event: Any) -> Iterator[tuple[int, Any]]:
    """OpenAI's chat and completions and whoever speaks like them: `choices[].logprobs`."""
    for position, entry in enumerate(items(_unwrapped(event).get("choices"))):
        choice = fields(entry)
        told = choice.get("logprobs")
        if isinstance(told, (int, float)):  # Together's streams: the number of the one token in the event
            said = choice.get("text") or fields(choice.get("delta")).get("content")
            told = {"token": said, "logprob": told, "top_logprobs": choice.get("top_logprobs")}
        yield _place(choice, position), told


def _unwrapped(event: Any) -> Fields:
    """Mistral's events come in envelopes."""
    seen = fields(event)
    return fields(seen.get("data")) or seen


def _place(choice: Fields, position: int) -> int:
    told = count(choice.get("index"))
    return position if told is None else told


def on_top(event: Any) -> Iterator[tuple[int, Any]]:
    """Ollama and Cohere: `logprobs` of the answer, and of the events that add to it."""
    yield 0, fields(event).get("logprobs")


def in_bodies(event: Any) -> Iterator[tuple[int, Any]]:
    """Amazon's InvokeModel: bodies like OpenAI's, and AI21's `completions[].data.tokens[].generatedToken`."""
    seen = fields(event)
    data = fields(seen.get("chunk")).get("bytes")
    if isinstance(data, bytes):
        body = decode(data) if b"logprob" in data else None
    else:
        body = seen.get("body", seen)
    yield from in_choices(body)
    for position, completion in enumerate(items(fields(body).get("completions"))):
        tokens = fields(fields(completion).get("data")).get("tokens")
        if isinstance(tokens, list):
            yield position, [_generated(fields(token)) for token in tokens]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def _generated(seen: Fields) -> Fields:
    return {**fields(seen.get("generatedToken")), "top_logprobs": seen.get("topTokens")}


class _Responses(LogprobReader):
    """OpenAI's Responses: parts of the output, and events that add to them. The response that ends a stream has them
    all once more, rounded to fewer digits: then these count. It has an empty list for each part whether they were
    asked for or not, so an empty one tells nothing."""

    __slots__ = ()

    def __init__(self, most: int = 0) -> None:
        super().__init__(_in_delta, most)

    def add(self, event: Any) -> None:
        seen = _unwrapped(event)
        response = fields(seen.get("response")) or seen
        outputs = items(response.get("output"))
        parts = [fields(part) for output in outputs for part in items(fields(output).get("content"))]
        lists = [told for part in parts if (told := items(part.get("logprobs")))]
        if not lists:
            super().add(seen)
            return
        self.forget()
        for told in lists:
            self._take(0, told)


def _in_delta(seen: Any) -> Iterator[tuple[int, Any]]:
    if seen.get("type") == "response.output_text.delta":
        yield 0, items(seen.get("logprobs")) or None


class _Gemini(LogprobReader):
    """Google's: `logprobs_result` of each candidate. If there is none, `avg_logprobs`, of the one candidate: those of
    several cannot be added up. An average above 0 is none, and there is no token to show what it should be."""

    __slots__ = ("_averages", "_body")

    def __init__(self, body: Callable[[Any], Fields], most: int = 0) -> None:
        super().__init__(_in_candidates, most)
        self._body = body
        self._averages: dict[int, tuple[float | None, int | None]] = {}

    def add(self, event: Any) -> None:
        seen = self._body(event)
        super().add(seen)
        for position, entry in enumerate(items(seen.get("candidates"))):
            candidate = fields(entry)
            place = _place(candidate, position)
            mean, tokens = self._averages.get(place, (None, None))
            told, counted = number(_google(candidate, "avg")), count(_google(candidate, "count"))
            self._averages[place] = (
                mean if told is None else told,
                tokens if counted is None else counted,
            )

    def summary(self) -> LogprobSummary | None:
        found = super().summary()
        if found is not None or len(self._averages) != 1:
            return found
        ((mean, tokens),) = self._averages.values()
        return None if mean is None or mean > 0 else LogprobSummary.of_average(mean, tokens or None)


# As SDKs spell them, and as the wire does.
_GOOGLE = {
    "avg": ("avg_logprobs", "avgLogprobs"),
    "count": ("token_count", "tokenCount"),
    "result": ("logprobs_result", "logprobsResult"),
    "chosen": ("chosen_candidates", "chosenCandidates"),
    "top": ("top_candidates", "topCandidates"),
    "logprob": ("log_probability", "logProbability"),
}


def _google(seen: Fields, what: str) -> Any:
    ours, theirs = _GOOGLE[what]
    found = seen.get(ours)
    return seen.get(theirs) if found is None else found


def _in_candidates(seen: Any) -> Iterator[tuple[int, Any]]:
    for position, entry in enumerate(items(seen.get("candidates"))):
        candidate = fields(entry)
        result = fields(_google(candidate, "result"))
        chosen = _google(result, "chosen")
        if isinstance(chosen, (list, tuple)):
            tokens = [fields(token) for token in chosen]  # pyright: ignore[reportUnknownVariableType]
            yield (
                _place(candidate, position),
                {
                    "tokens": [token.get("token") for token in tokens],
                    "token_logprobs": [_google(token, "logprob") for token in tokens],
                    "top_logprobs": [fields(top).get("candidates") for top in items(_google(result, "top"))],
                },
            )


CHOICES = partial(LogprobReader, in_choices)
ON_TOP = partial(LogprobReader, on_top)
BODIES = partial(LogprobReader, in_bodies)
RESPONSES = _Responses


def candidates(body: Callable[[Any], Fields]) -> Callable[[int], LogprobReader]:
    """For answers of Google's; `body` makes them of what an SDK hands out."""
    return partial(_Gemini, body)
