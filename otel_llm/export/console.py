"""A span exporter for people at a terminal: calls as lines, traces as trees, totals by model at the end."""

from __future__ import annotations

import os
import sys
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from otel_llm.export.lines import Piece, Totals, clean, is_call, tree
from otel_llm.guard import internal_error

_MOST_TRACES = 1_000
_MOST_SPANS = 10_000  # held back until the trace they belong to is whole

_PLAIN_TREE = str.maketrans({"├": "|", "└": "`", "│": "|", "─": "-"})


class ConsoleExporter(SpanExporter):
    """Prints model calls, and the spans around them, as they end.

    `out`: where to, standard error if not given. `color`: True, False, or None for colours where `rich` is
    installed, `out` is a terminal and NO_COLOR is not set. `totals`: sums by model at shutdown.

    A trace is printed when its root in this process has ended, a call without a parent at once. Traces
    without any model call are not printed.
    """

    def __init__(self, out: TextIO | None = None, *, color: bool | None = None, totals: bool = True) -> None:
        self._out = out
        self._color = color
        self._totals = Totals() if totals else None
        self._held: OrderedDict[int, list[ReadableSpan]] = OrderedDict()
        self._count = 0
        self._printed: OrderedDict[int, None] = OrderedDict()
        """Traces whose root has been printed: what ends after it does not wait for it."""
        self._lock = threading.RLock()
        self._pid = os.getpid()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Print what is complete, hold the rest. Never raises."""
        try:
            self._forget_parent()
            with self._lock:
                for span in spans:
                    self._take(span)
            return SpanExportResult.SUCCESS
        except Exception:  # noqa: BLE001 - a terminal that is gone is no reason to fail
            internal_error("printing spans")
            return SpanExportResult.FAILURE

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Print what is held."""
        try:
            self._forget_parent()
            with self._lock:
                while self._held:
                    self._print_trace(next(iter(self._held)))
        except Exception:  # noqa: BLE001 - as above
            internal_error("printing spans")
        return True

    def shutdown(self) -> None:
        """Print what is held, and the totals, once."""
        self.force_flush()
        totals, self._totals = self._totals, None
        if totals is not None and totals.rows:
            try:
                self._write([[("", "")], *totals.lines()])
            except Exception:  # noqa: BLE001 - as above
                internal_error("printing totals")

    def _take(self, span: ReadableSpan) -> None:
        if span.context is None:
            return
        if self._totals is not None:
            self._totals.add(span)
        trace = span.context.trace_id
        self._held.setdefault(trace, []).append(span)
        self._count += 1
        root = span.parent is None or span.parent.is_remote
        if root or trace in self._printed:
            self._print_trace(trace)
        if root:
            self._printed[trace] = None
            if len(self._printed) > _MOST_TRACES:
                self._printed.popitem(last=False)
        while len(self._held) > _MOST_TRACES or self._count > _MOST_SPANS:
            self._print_trace(next(iter(self._held)))

    def _print_trace(self, trace: int) -> None:
        spans = self._held.pop(trace)
        self._count -= len(spans)
        if not any(is_call(span) for span in spans):
            return
        service = str((spans[0].resource.attributes or {}).get("service.name", ""))
        known = "" if service.startswith("unknown_service") else f"  {clean(service)}"
        self._write([[(f"{trace:032x}"[:8] + known, "dim")], *tree(spans)])

    def _write(self, lines: Iterable[list[Piece]]) -> None:
        out = self._out or sys.stderr  # looked up now: programs redirect it
        if self._colored(out):
            _print_colored(out, lines)
        else:
            _print_plain(out, lines)
        out.flush()

    def _colored(self, out: TextIO) -> bool:
        if self._color is not None:
            return self._color
        return out.isatty() and "NO_COLOR" not in os.environ

    def _forget_parent(self) -> None:
        """In a forked child: what is held is the parent's to print, and so may the lock be."""
        if self._pid != os.getpid():
            self._pid = os.getpid()
            self._lock = threading.RLock()
            self._held.clear()
            self._count = 0
            self._totals = None if self._totals is None else Totals()


def _print_plain(out: TextIO, lines: Iterable[list[Piece]]) -> None:
    text = "".join("".join(piece for piece, _ in line) + "\n" for line in lines)
    encoding = getattr(out, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:  # an old terminal, or a log file of the C locale
        text = text.translate(_PLAIN_TREE).encode(encoding, "replace").decode(encoding)
    out.write(text)


def _print_colored(out: TextIO, lines: Iterable[list[Piece]]) -> None:
    try:
        from rich.console import Console
        from rich.text import Text
    except ImportError:
        _print_plain(out, lines)
        return
    console: Any = Console(file=out, force_terminal=True, highlight=False, soft_wrap=True)
    for line in lines:
        console.print(Text.assemble(*line))
