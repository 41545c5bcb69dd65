"""Where a call stands: inside which call of a framework, or which step of one, it is being made.

A framework's call works through an SDK that is listened to as well. What the SDK does then belongs to the outer
call and is told there, once. A frame says so to the code that runs next, in its threads and tasks too: it lies
in a context variable of its own and needs no undoing, for a frame whose call has ended counts for nothing.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from contextvars import ContextVar, Token
from typing import Any, Protocol

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


class Slot:
    """A place for frames, made where a framework is about to begin calls: it may tell so in tasks of its own, whose
    changes to the context are lost, but which have the same slot."""

    __slots__ = ("frames", "prev", "task")

    def __init__(self, task: Any = None) -> None:
        self.frames: list[Frame] = []
        """Calls that begin together, and are then made one by one in the same order."""
        around = _current.get()
        while around is not None and around.next is None:
            around = around.prev
        self.prev: Slot | None = around
        self.task = task
        """The task that the slot was made in; None outside of tasks."""

    @property
    def next(self) -> Frame | None:
        """The frame that is open; of several the first that is not served yet."""
        last: Frame | None = None
        for frame in self.frames:
            if frame.open:
                if not frame.served:
                    return frame
                last = frame
        return last

    @property
    def around(self) -> Frame | None:
        """The frame that calls of this slot are made in."""
        return None if self.prev is None else self.prev.next

    def add(self, frame: Frame) -> Frame:
        """One more frame; what is around it is not counted a second time."""
        if (around := self.around) is not None and frame.work.counts:
            around.work.counted_inside(frame.work)
            around.served = True
        self.frames.append(frame)
        return frame


_current: ContextVar[Slot | None] = ContextVar("otel_llm_slot", default=None)


class Frame:
    """One call or step of a framework, for as long as it is open."""

    __slots__ = ("_around", "ends", "served", "taken", "work")

    def __init__(self, work: Work, around: Context, *, ends: bool) -> None:
        self.work = work
        self._around = trace.get_current_span(around)
        """What was current outside: as long as it is, nobody has begun a span of their own inside."""
        self.ends = ends
        """Whether it is told of every end itself, that of a cancelled task included."""
        self.served = False
        """Whether an SDK or another call answers for it, or has."""
        self.taken = False
        """Whether its stream is with the user, whose calls between two chunks are calls of their own."""

    @property
    def open(self) -> bool:
        """Whether what is done here is done for this frame."""
        return not (self.taken or self.work.ended)

    def parent(self, current: Context) -> Context:
        """The context for a span that begins here."""
        return self.work.context if trace.get_current_span(current) is self._around else current


def prepare() -> Slot:
    """A framework is about to begin calls here, in this context."""
    slot = Slot(_task())
    _current.set(slot)
    return slot


def outside(current: Context) -> Context:
    """The context for what begins in the last slot and is told to belong nowhere: the frame around it, if any."""
    slot = _current.get()
    frame = None if slot is None else slot.around
    return current if frame is None else frame.parent(current)


def enter(work: Work, around: Context) -> Frame:
    """What runs next where the last slot was made works for this call or step."""
    return (_current.get() or prepare()).add(Frame(work, around, ends=False))


def task() -> Any:
    """The task that the last slot was made in; None outside of tasks."""
    slot = _current.get()
    return None if slot is None else slot.task


def enter_until(work: Work, around: Context) -> Token[Slot | None]:
    """What runs next in this context works for this call, up to `leave`: it ends in the same place as it began."""
    slot = Slot()
    slot.add(Frame(work, around, ends=True))
    return _current.set(slot)


def leave(token: Token[Slot | None]) -> None:
    """As it was before; a coroutine that is thrown away may end in another context, where there is nothing to do."""
    with suppress(ValueError):
        _current.reset(token)


def current() -> Frame | None:
    """The innermost frame that is open."""
    slot = _current.get()
    while slot is not None:
        if (frame := slot.next) is not None:
            return frame
        slot = slot.prev
    return None


def _task() -> Any:
    asyncio = sys.modules.get("asyncio")  # not imported by ourselves: without it there are no tasks
    if asyncio is None or asyncio._get_running_loop() is None:
        return None
    return asyncio.current_task()
