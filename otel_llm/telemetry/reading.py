"""Reading one answer, whole or as it passes: its facts, and whatever else the settings ask for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from otel_llm.dialects.dialect import Dialect, Fold, Reader
from otel_llm.guard import internal_error
from otel_llm.record import NOTHING, ModelResponse

if TYPE_CHECKING:
    from otel_llm.dialects.fields import Fields
    from otel_llm.telemetry.content import Contents, Said
    from otel_llm.telemetry.engine import Engine


class Reading:
    """What is known of one answer so far. A `Call` is one; it says when the answer is over."""

    __slots__ = (
        "_began",
        "_beside",
        "_dialect",
        "_engine",
        "_first",
        "_fold",
        "_kept",
        "_last",
        "_noted",
        "_open",
        "_reads",
        "_said",
    )

    def __init__(self, engine: Engine, dialect: Dialect, began: int, *, recording: bool) -> None:
        self._engine = engine
        self._dialect = dialect
        self._began = began  # ns of the monotonic clock
        self._first: int | None = None
        self._last = 0
        self._reads = recording or engine.instruments.live
        self._fold: Fold = dialect.fold()
        self._beside: tuple[Reader, ...] = engine.logprobs.readers(dialect) if engine.logprobs else ()
        """What reads the answer for more than its facts, where the settings ask for it."""
        self._kept: tuple[Reader, ...] = ()
        """The same, after the end."""
        self._noted: Any = None
        self._said: Said | None = None
        self._open = [True]  # popped by whoever ends the call: atomic, so that it happens once

    @property
    def ended(self) -> bool:
        """Whether the span has ended."""
        return not self._open

    def listen(self, contents: Contents, body: Fields, *, recording: bool) -> None:
        """Keep what is said, asked now and answered later, if it can be told anywhere."""
        if contents.wanted(recording=recording):
            self._said = contents.begin(self._dialect, body)
            if self._said is not None:
                self._reads = True
                self._beside = (*self._beside, self._said.reader)

    def note(self, answer: Any) -> None:
        """An answer that the SDK has yet to process, or what came with an error: its figures count."""
        if self._open:
            self._noted = answer

    def chunk(self, event: Any) -> Callable[[Any], None]:
        """One event of a stream, as an SDK object or a dict. Returns what to call with the events after it."""
        if not self._reads:
            return _ignore
        if self._first is not None and self._engine.chunk_metric:
            now = perf_counter_ns()
            self._saw_gap((now - self._last) / 1e9)
            self._last = now
        elif self._first is None:
            self._first = self._last = perf_counter_ns()
        self._fold.add(event)
        if self._beside:
            self._read_beside(event)
            return self._see_chunk
        return self._see_chunk if self._engine.chunk_metric else self._fold.add

    def _see_chunk(self, event: Any) -> None:
        self.chunk(event)

    def _saw_gap(self, seconds: float) -> None:
        """A chunk came so long after the one before."""

    # Whatever cannot be read must not keep the span from ending.

    def _read_all(self, pieces: Sequence[Any]) -> None:
        if self._reads:
            if pieces:  # an answer that was noted before is this one
                self._noted = None
            for piece in pieces:
                self._read(piece)

    def _read(self, answer: Any) -> None:
        try:
            self._fold.add(answer)
        except Exception:  # noqa: BLE001 - ours, not the user's
            internal_error("reading an answer")
        if self._beside:
            self._read_beside(answer)

    def _read_beside(self, event: Any) -> None:
        for reader in self._beside:
            try:
                reader.add(event)
            except Exception:  # noqa: BLE001 - ours, not the user's
                # What it has may be wrong from here on. A figure is never wanted for less than all of an answer.
                self._beside = tuple(other for other in self._beside if other is not reader)
                internal_error("reading an answer")

    def _facts(self, *, complete: bool) -> ModelResponse:
        noted, self._noted = self._noted, None
        if noted is not None:
            self._read(noted)
        try:
            found = self._fold.response(complete=complete)
            return self._engine.logprobs.told(found, self._beside) if self._engine.logprobs else found
        except Exception:  # noqa: BLE001 - ours, not the user's
            internal_error("reading an answer")
            return NOTHING

    def _tokens(self) -> list[dict[str, Any]]:
        """Tokens of the answer with their log-probabilities, where they are kept."""
        logprobs = self._engine.logprobs
        return [] if logprobs is None else logprobs.tokens(self._beside or self._kept)

    def _forget(self) -> None:
        """What was said."""
        self._noted = None
        self._fold = _SPENT
        self._kept, self._beside = self._beside, ()


def _ignore(event: Any) -> None:
    del event


class _Spent:
    """What events fall into that arrive after the end, as when a closed stream is read on."""

    def add(self, event: Any) -> None:
        """Nothing."""

    def response(self, *, complete: bool) -> ModelResponse:
        """Nothing."""
        del complete
        return NOTHING


_SPENT = _Spent()
