"""Puts an answer together whose parts come one after the other, or in pieces, or both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from otel_llm.dialects.content.parts import Part
from otel_llm.dialects.content.pieces import Budget, Text

Make = Callable[[str], Part]
"""Makes the part of a whole text: `said`, `thought`, or a call from its arguments."""


class InOrder:
    """The parts of one answer, each where it began; its texts come in pieces."""

    __slots__ = ("_begun", "_budget")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._begun: dict[Any, tuple[Make, Text] | Part] = {}

    def add(self, place: Any, piece: Any, make: Make) -> None:
        """More of the text at a place, which the `make` of its first piece makes a part of."""
        known = self._begun.get(place)
        if known is None:
            if self._budget.left <= 0:
                return
            known = self._begun[place] = (make, Text(self._budget))
        if isinstance(known, tuple):
            known[1].add(piece)

    def more(self, piece: Any, make: Make) -> None:
        """More of the text that came last, or the first of another one if that has another `make`."""
        if piece and isinstance(piece, str):
            last = next(reversed(self._begun), None)
            known = self._begun.get(last)
            goes_on = isinstance(known, tuple) and known[0] is make
            self.add(last if goes_on else object(), piece, make)

    def put(self, part: Part | None) -> None:
        """A part that came whole, after all that came before."""
        if part is not None and self._budget.left > 0:
            self._budget.left -= 64
            self._begun[object()] = part

    def parts(self) -> list[Part]:
        """What has come so far, but for texts without a word in them."""
        begun = self._begun.values()
        made = [known[0](str(known[1])) if isinstance(known, tuple) else known for known in begun]
        return [part for part in made if part.get("content", part) != ""]
