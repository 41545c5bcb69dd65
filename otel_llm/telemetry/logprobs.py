"""How sure a model was: what adds it up beside the facts of an answer, where the settings ask for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from otel_llm.config import CAPTURE_MODES, Config
from otel_llm.dialects.dialect import Dialect, Reader
from otel_llm.dialects.logprobs import MOST_KEPT, LogprobReader
from otel_llm.record import ModelResponse


class Logprobs:
    """Adds up the log-probabilities of calls, by the settings in force.

    Texts of tokens are kept for an event with content alone, and only unfiltered: token by token, no filter would
    find what it is to take out.
    """

    def __init__(self, config: Config) -> None:
        filtered = config.content_filter or config.content_filter_pattern
        in_events = config.capture_content in CAPTURE_MODES[2:] and config.emit_event is not False
        self._most = MOST_KEPT if in_events and not filtered else 0

    def readers(self, dialect: Dialect) -> tuple[Reader, ...]:
        """What reads one answer, on a wire that may have log-probabilities."""
        return () if dialect.logprobs is None else (dialect.logprobs(self._most),)

    @staticmethod
    def reader(readers: Sequence[Reader]) -> LogprobReader | None:
        """That reader, among others."""
        return next((reader for reader in readers if isinstance(reader, LogprobReader)), None)

    def told(self, found: ModelResponse, readers: Sequence[Reader]) -> ModelResponse:
        """An answer with what was added up beside it."""
        reader = self.reader(readers)
        summary = None if reader is None else reader.summary()
        return found if summary is None else replace(found, logprobs=summary)

    def tokens(self, readers: Sequence[Reader]) -> list[dict[str, Any]]:
        """`{token, logprob}` of each token that was kept."""
        reader = self.reader(readers)
        return [] if reader is None else reader.tokens()
