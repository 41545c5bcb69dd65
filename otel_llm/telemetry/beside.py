"""What reads an answer for more than its facts, where the settings ask for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from otel_llm.config import Config
from otel_llm.dialects.dialect import Dialect, Reader
from otel_llm.dialects.logprobs import MOST_KEPT, LogprobReader
from otel_llm.record import ModelResponse

_WITH_EVENTS = ("EVENT_ONLY", "SPAN_AND_EVENT")


def logprob_readers(config: Config, dialect: Dialect) -> tuple[Reader, ...]:
    """What adds up log-probabilities, on a wire that may have them. Texts of tokens are for the event alone."""
    if dialect.logprobs is None:
        return ()
    return (dialect.logprobs(MOST_KEPT if config.capture_content in _WITH_EVENTS else 0),)


def logprob_reader(readers: Sequence[Reader]) -> LogprobReader | None:
    """The one among these, if there is one."""
    return next((reader for reader in readers if isinstance(reader, LogprobReader)), None)


def with_logprobs(found: ModelResponse, readers: Sequence[Reader]) -> ModelResponse:
    """An answer with what was added up beside it."""
    reader = logprob_reader(readers)
    summary = None if reader is None else reader.summary()
    return found if summary is None else replace(found, logprobs=summary)
