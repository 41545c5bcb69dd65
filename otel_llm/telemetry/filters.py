"""What may change or drop parts of messages before they become telemetry: shipped filters, and the user's own.

The user's run in threads of ours, for one that hangs must not hold up a call: after a while its content is
given up.
"""

from __future__ import annotations

import os
import queue
import re
import threading
from collections.abc import Callable
from typing import Any

from opentelemetry import context as context_api

from otel_llm.guard import warn_once

Part = dict[str, Any]
Filter = Callable[[Part], "Part | None"]
"""From a part to what is told in its place; None: nothing. It gets copies, which it may change."""

_PATIENCE = 0.5
"""Seconds that all filters together may take for one call."""
_STRIKES = 3
"""How often they may take longer before they are not waited for again."""
_THREADS = 4
_LONG = 10**7
"""Smaller numbers hide nothing."""
_SUPPRESSED = "suppress_instrumentation"
"""OpenTelemetry's own word for work that is not to be traced."""
_DATA = ("content", "sha256", "modality", "type")
"""What in a medium is no text."""


class Dropped(Exception):
    """What was said cannot be told, for a filter has not let it through."""


_DATE = re.compile(r"\d{4}-\d\d-\d\d(?!\d)")


def _luhn(digits: str) -> bool:
    doubled = [int(digit) * 2 for digit in digits[-2::-2]]
    return (sum(map(int, digits[-1::-2])) + sum(each // 10 + each % 10 for each in doubled)) % 10 == 0


def _card(found: re.Match[str]) -> str:
    digits = re.sub(r"\D", "", found[0])
    return "[card]" if 13 <= len(digits) <= 19 and _luhn(digits) else found[0]


def _phone(found: re.Match[str]) -> str:
    if _DATE.match(found[0]):
        return found[0]
    digits = sum(character.isdigit() for character in found[0])
    return "[phone]" if 8 <= digits <= 15 else found[0]


# None of these can take long: what may repeat is never followed by what it also matches.
_SHIPPED: dict[str, tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...]] = {
    "keys": (
        (
            re.compile(
                r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----"
                r"(?:[^-]|-(?!----END))*(?:-----END [A-Z ]{0,40}PRIVATE KEY-----)?"
            ),
            "[key]",
        ),
        (
            re.compile(
                r"\b(?:sk|pk|rk|gsk|xai|pplx|hf|ghp|gho|ghs|ghr|github_pat|glpat|npm|nvapi|tgp_v1|r8|fw|csk|xox[abeprs])"
                r"[-_][A-Za-z0-9_-]{12,}"
            ),
            "[key]",
        ),
        (re.compile(r"\b(?:AKIA|ASIA|ABSK)[A-Za-z0-9+/=]{12,}"), "[key]"),
        (re.compile(r"\bAIza[A-Za-z0-9_-]{20,}"), "[key]"),
        (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]+){0,2}"), "[key]"),
        (
            # With a digit somewhere, for "basic understanding" is no secret.
            re.compile(r"(?i)\b(bearer|basic) +(?=[A-Za-z._~+/=-]*\d)[A-Za-z0-9._~+/=-]{12,}"),
            r"\1 [key]",
        ),
        (
            re.compile(
                r"(?i)\b(api[_-]?key|access[_-]?token|auth[_-]?token|client[_-]?secret|secret|password|passwd)"
                r"(\"? ?[:=] ?)(\"[^\"]{4,}\"|'[^']{4,}'|[^\s\"',;]{6,})"
            ),
            r"\1\2[key]",
        ),
    ),
    "emails": (
        (re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+"), "[email]"),
    ),
    "cards": ((re.compile(r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w-])"), _card),),
    "phones": (
        (re.compile(r"(?<![\w.])\+\d(?:[ ()./-]{0,2}\d){7,14}(?!\w)"), _phone),
        (re.compile(r"(?<![\w.])\(?\d{2,5}\)?[ ./-]{1,2}\d{2,5}(?:[ ./-]\d{2,5}){1,4}(?![\w-])"), _phone),
    ),
}


def replacing(pattern: re.Pattern[str], by: str | Callable[[re.Match[str]], str]) -> Filter:
    """A filter that replaces whatever matches, in all texts of a part."""

    def changed(value: Any) -> Any:
        if isinstance(value, str):
            return pattern.sub(by, value)
        if isinstance(value, dict):
            return {changed(name): changed(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [changed(inner) for inner in value]
        if isinstance(value, int) and abs(value) >= _LONG:  # a card's number, say
            words = pattern.sub(by, str(value))
            return value if words == str(value) else words
        return value

    def replace(part: Part) -> Part:
        kept = _DATA if part.get("type") == "blob" else ("type",)
        return {name: value if name in kept else changed(value) for name, value in part.items()}

    return replace


class Filters:
    """All filters in force, one after the other."""

    def __init__(self, given: tuple[Any, ...], pattern: str | None) -> None:
        shipped = [rule for name in given if isinstance(name, str) for rule in _SHIPPED[name]]
        if pattern is not None:
            shipped.append((re.compile(pattern), "[redacted]"))
        self._shipped = [replacing(*rule) for rule in shipped]
        self._own: list[Any] = [each for each in given if callable(each)]
        self._threads = Threads(_THREADS)
        self._strikes = 0

    def __bool__(self) -> bool:
        return bool(self._shipped or self._own)

    def parts(self, groups: list[list[Part]]) -> list[list[Part]]:
        """What is left of each group of parts. Raises Dropped if a filter failed, or took too long."""
        for replace in self._shipped:
            groups = [[part for each in group if (part := replace(each)) is not None] for group in groups]
        if not self._own:
            return groups
        if self._strikes >= _STRIKES:
            raise Dropped
        done = self._threads.run(lambda: [self._passed(group) for group in groups], _PATIENCE)
        if done is None:
            self._strikes += 1
            warn_once(
                "content_filter", "a content filter took longer than %s s: content is dropped", _PATIENCE
            )
            raise Dropped
        if isinstance(done, BaseException):
            warn_once(
                "content_filter raised",
                "a content filter raised %s: the content of such calls is dropped",
                type(done).__name__,
            )
            raise Dropped
        return done

    def _passed(self, group: list[Part]) -> list[Part]:
        for own in self._own:
            left: list[Any] = [own(part) for part in group]
            if not all(part is None or (isinstance(part, dict) and "type" in part) for part in left):
                raise TypeError
            group = [part for part in left if part is not None]
        return group


class Threads:
    """A few threads that never keep the process from ending, made when they are needed."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._forget()

    def _forget(self) -> None:
        self._pid = os.getpid()
        self._work: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._free = threading.Semaphore(0)
        self._started = 0
        self._lock = threading.Lock()

    def run(self, what: Callable[[], Any], seconds: float) -> Any:
        """What it gives, or the exception that it raises; None if that takes longer, or no thread is to be had."""
        if self._pid != os.getpid():  # a fork takes none of them along
            self._forget()
        result: queue.SimpleQueue[Any] = queue.SimpleQueue()

        def work() -> None:
            try:
                result.put(what())
            except BaseException as error:  # noqa: BLE001 - of whatever kind, it is the filter's
                result.put(error)

        if not self._free.acquire(blocking=False):
            self._start()
        self._work.put(work)
        try:
            return result.get(timeout=seconds)
        except queue.Empty:
            return None

    def _start(self) -> None:
        with self._lock:
            if self._started >= self._most:
                return
            self._started += 1
        thread = threading.Thread(target=self._loop, name="otel_llm.filters", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the process is ending
            self._started -= 1

    def _loop(self) -> None:
        work, free = self._work, self._free
        # What a filter calls is no work of the application's, and must not be filtered in its turn.
        context_api.attach(context_api.Context({_SUPPRESSED: True}))
        while True:
            work.get()()
            free.release()
