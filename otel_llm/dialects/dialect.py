"""What a dialect is: how one wire API talks, as a few pure functions on plain dicts and plain attributes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from otel_llm.dialects.fields import Fields, Table, read
from otel_llm.record import NOTHING, ModelRequest, ModelResponse

if TYPE_CHECKING:
    from otel_llm.dialects.logprobs import LogprobReader


class Reader(Protocol):
    """Takes the events of one answer as they pass; a whole answer is its only event."""

    def add(self, event: Any) -> None:
        """Take one event: an SDK object or a dict. It is neither changed nor kept."""


class Fold(Reader, Protocol):
    """Keeps of the events only what the answer's facts need."""

    def response(self, *, complete: bool) -> ModelResponse:
        """The answer so far. Not complete: choices that were begun and never finished end with `error`."""
        ...


class Whole:
    """A fold for answers that never come in pieces."""

    __slots__ = ("_answer",)

    def __init__(self) -> None:
        self._answer = NOTHING

    def response(self, *, complete: bool) -> ModelResponse:
        """The answer, as `add` left it."""
        return self._answer


@dataclass(frozen=True, slots=True)
class Dialect:
    """One wire API."""

    api: str
    """The provider's name of the API, such as `chat_completions`."""
    operation: str
    """What is done with it in the conventions' words, such as `chat`."""
    read_request: Callable[[Fields], ModelRequest]
    fold: Callable[[], Fold]
    content: str = ""
    """What reads what was said, as `module.NAME` in `dialects.content`; empty: nothing does."""
    logprobs: Callable[[int], LogprobReader] | None = None
    """What adds up how sure the model was; from how many of the tokens are to be kept."""

    def read_answer(self, answer: Any) -> ModelResponse:
        """A plain answer: the same facts in the same places as a stream of one event."""
        fold = self.fold()
        fold.add(answer)
        return fold.response(complete=True)


def reading(table: Table) -> Callable[[Fields], ModelRequest]:
    """For wires whose requests are told by one table."""
    return lambda body: ModelRequest.of(read(table, body))
