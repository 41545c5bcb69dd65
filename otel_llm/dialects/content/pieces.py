"""Texts that come in pieces, as many as there is room for."""

from __future__ import annotations

from typing import Any


class Budget:
    """How many characters of one answer are kept, in all of its texts together."""

    __slots__ = ("left",)

    def __init__(self, characters: int) -> None:
        self.left = characters


class Text:
    """One text out of pieces; what goes beyond the budget is counted and forgotten."""

    __slots__ = ("_budget", "_cut", "_pieces")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        budget.left -= 64  # a text that is begun is kept too, and answers may have any number of them
        self._pieces: list[str] = []
        self._cut = 0

    def add(self, piece: Any) -> None:
        """The next piece; anything but a string is none."""
        if type(piece) is str:
            left = self._budget.left
            if len(piece) > left:
                self._cut += len(piece) - max(left, 0)
                piece = piece[: max(left, 0)]
            self._budget.left -= len(piece)
            if piece:
                self._pieces.append(piece)

    def __bool__(self) -> bool:
        return bool(self._pieces or self._cut)

    def __str__(self) -> str:
        whole = "".join(self._pieces)
        return whole if not self._cut else whole[:-UNSURE] + cut_mark(self._cut + min(UNSURE, len(whole)))


UNSURE = 64
"""Characters before a cut that are left out too: half of a key or a number is none that a filter would find."""


def cut_mark(characters: int) -> str:
    """What stands at the end of a text that was cut."""
    return f" [cut: {characters} characters]"
