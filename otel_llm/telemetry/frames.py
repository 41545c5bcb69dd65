"""Where a call stands: inside which call of a framework, or which step of one, it is being made.

A framework's call works through an SDK that is listened to as well. What the SDK does then belongs to the outer
call and is told there, once. A frame says so to the code that runs next, in its threads and tasks too: it lies
in a context variable of its own and needs no undoing, for a frame whose call has ended counts for nothing.
"""

from __future__ import annotations

from contextlib import suppress
from contextvars import ContextVar, Token
from typing import Protocol

from opentelemetry import trace
from opentelemetry.context import Context


class Work(Protocol):
    """A call or a step."""

    @property
    def ended(self) -> bool: ...

    @property
    def context(self) -> Context:
        """With its span as the current one."""
        ...

    @property
    def counts(self) -> bool:
        """Whether it is a call that is counted by itself."""
        ...

    def counted_inside(self, other: Work | None = None) -> None:
        """Another call was counted inside of this one, by ourselves or (None) by somebody else."""


_current: ContextVar[Frame | None] = ContextVar("otel_llm_frame", default=None)


class Frame:
    """One call or step of a framework, for as long as it is open."""

    __slots__ = ("_around", "_batch", "_size", "ends", "prev", "served", "taken", "work")

    def __init__(self, work: Work, around: Context, prev: Frame | None, size: int, *, ends: bool) -> None:
        self.work = work
        self._around = trace.get_current_span(around)
        """What was current outside: as long as it is, nobody has begun a span of their own inside."""
        self._size = size
        self._batch: list[Frame] = prev._batch if prev is not None and prev._awaits(size) else []
        """Calls that begin together, and are then made one by one in the same order."""
        self._batch.append(self)
        if prev is not None and work.counts and self._batch is not prev._batch:
            prev.work.counted_inside(work)
        self.prev = prev
        self.ends = ends
        """Whether it is told of every end itself, that of a cancelled task included."""
        self.served = False
        """Whether an SDK answers for it, or has."""
        self.taken = False
        """Whether its stream is with the user, whose calls between two chunks are calls of their own."""

    def _awaits(self, size: int) -> bool:
        return self._size == size and len(self._batch) < size

    @property
    def open(self) -> bool:
        """Whether what is done here is done for this frame."""
        return not (self.taken or self.work.ended)

    def served_next(self) -> Frame:
        """This frame, or the one of its batch whose turn it is."""
        if self._size == 1:
            return self
        return next((frame for frame in self._batch if frame.open and not frame.served), self)

    def parent(self, current: Context) -> Context:
        """The context for a span that begins here."""
        return self.work.context if trace.get_current_span(current) is self._around else current


def enter(work: Work, around: Context, *, size: int = 1) -> Frame:
    """What runs next in this context works for this call or step, one of so many that begin together."""
    frame = Frame(work, around, current(), size, ends=False)
    _current.set(frame)
    return frame


def enter_until(work: Work, around: Context) -> Token[Frame | None]:
    """The same, up to `leave`: for work that ends in the same place as it began."""
    return _current.set(Frame(work, around, current(), 1, ends=True))


def leave(token: Token[Frame | None]) -> None:
    """As it was before; a coroutine that is thrown away may end in another context, where there is nothing to do."""
    with suppress(ValueError):
        _current.reset(token)


def current() -> Frame | None:
    """The innermost frame that is open."""
    frame = _current.get()
    while frame is not None and not frame.open:
        frame = frame.prev
    return frame
