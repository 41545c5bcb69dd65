"""What a run had and what it lacked, piece by piece, for the end of its report."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from importlib import metadata

from tests.e2e.tools import PIECES

Outcome = tuple[str, str]  # passed, failed or skipped, and why


class Tally:
    """Counts the outcomes of checks by the pieces that they need."""

    def __init__(self) -> None:
        self._outcomes: dict[str, list[Outcome]] = {}

    def __bool__(self) -> bool:
        return bool(self._outcomes)

    def add(self, pieces: Iterable[str], outcome: str, why: str = "") -> None:
        """One check is over; `why` names the piece it lacked, as `NAME: reason`, if that is why it was skipped."""
        culprit, _, reason = why.partition(": ")
        for piece in pieces:
            if outcome == "skipped" and piece != culprit:
                self._outcomes.setdefault(piece, []).append(("idle", ""))
            else:
                self._outcomes.setdefault(piece, []).append((outcome, reason or why))

    def lines(self) -> list[str]:
        """The table: piece, version, what became of it."""
        rows = [(piece.name, piece.version, self._state(key)) for key, piece in PIECES.items()]
        rows += [(f"this side: {name}", version, "") for name, version in _own_versions()]
        widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
        return [
            f"{name:<{widths[0]}}  {version:<{widths[1]}}  {state}".rstrip() for name, version, state in rows
        ]

    def _state(self, key: str) -> str:
        outcomes = self._outcomes.get(key)
        if outcomes is None:
            return "not asked for: its checks were not selected"
        count = {kind: sum(1 for outcome, _ in outcomes if outcome == kind) for kind in ("passed", "failed")}
        if count["failed"]:
            return f"ran: {count['failed']} of {count['passed'] + count['failed']} checks FAILED"
        if count["passed"]:
            return f"ran: {count['passed']} check{'s' if count['passed'] > 1 else ''} passed"
        reasons = sorted({why for kind, why in outcomes if kind == "skipped"})
        if not reasons:
            return "not used: its checks lacked another piece"
        return reasons[0] if reasons[0].startswith("not asked for") else f"LACKED: {'; '.join(reasons)}"


def _own_versions() -> list[tuple[str, str]]:
    names = ("openai", "opentelemetry-sdk")
    return [("Python", platform.python_version()), *((name, metadata.version(name)) for name in names)]
