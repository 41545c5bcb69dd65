"""What happens when our own code fails: nothing, to the application.

Every line of ours that runs inside a user's call sits in a `try` that ends here. In production the failure
is counted and logged at debug; with `OTEL_LLM_STRICT` (set in our tests) it is raised. Messages and stack
traces of the failure are not logged: they may quote a prompt. The place in our code is enough to find it.
"""

from __future__ import annotations

import logging
import os
import sys
from collections import Counter

logger = logging.getLogger("otel_llm")

internal_errors: Counter[str] = Counter()
"""Failures of our own code since the process started, by place; shown by `otel-llm doctor`."""

swept: Counter[str] = Counter()
"""Runs of frameworks that were given up because too many were open, by framework; shown by `otel-llm doctor`."""

dropped: Counter[str] = Counter()
"""Telemetry that was given up for want of room or of somebody who takes it, by kind; shown by `otel-llm doctor`."""

_warned: set[object] = set()


def internal_error(where: str) -> None:
    """To be called in an `except` clause around our own code, `where` naming what was being done."""
    kind, error, trace = sys.exc_info()
    if os.environ.get("OTEL_LLM_STRICT", "").strip().lower() in ("1", "true", "yes", "on") and error:
        raise error
    place = where
    while trace is not None:
        if trace.tb_next is None:
            place = f"{where} ({trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno})"
        trace = trace.tb_next
    internal_errors[place] += 1
    logger.debug("internal error while %s: %s", place, kind.__name__ if kind else "unknown")


def warn_once(cause: object, message: str, *args: object) -> bool:
    """One warning for each cause in the life of a process, whatever the traffic. True if it is this one."""
    if cause in _warned:
        return False
    _warned.add(cause)
    logger.warning(message, *args)
    return True
