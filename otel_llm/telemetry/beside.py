"""What reads an answer for more than its facts, where the settings ask for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from otel_llm.config import CAPTURE_MODES, Config
from otel_llm.dialects.dialect import Dialect, Reader
from otel_llm.dialects.logprobs import MOST_KEPT, LogprobReader
from otel_llm.record import ModelResponse


def logprob_readers(config: Config, dialect: Dialect) -> tuple[Reader, ...]:
    """What adds up log-probabilities, on a wire that may have them.

    Texts of tokens are for an event with content alone, and only unfiltered: token by token, no filter would find
    what it is to take out.
    """
    if dialect.logprobs is None:
        return ()
    filtered = config.content_filter or config.content_filter_pattern
    wanted = config.capture_content in CAPTURE_MODES[2:] and config.emit_event is not False and not filtered
    return (dialect.logprobs(MOST_KEPT if wanted else 0),)


def logprob_reader(readers: Sequence[Reader]) -> LogprobReader | None:
    """The one among these, if there is one."""
    return next((reader for reader in readers if isinstance(reader, LogprobReader)), None)


def with_logprobs(found: ModelResponse, readers: Sequence[Reader]) -> ModelResponse:
    """An answer with what was added up beside it."""
    reader = logprob_reader(readers)
    summary = None if reader is None else reader.summary()
    return found if summary is None else replace(found, logprobs=summary)
