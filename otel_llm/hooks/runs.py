"""The open runs of a framework that calls back: each one's span, from its start to whatever ends it.

Runs are many, nested and concurrent, and the framework forgets to tell the end of some: of a cancelled task, or
where a callback of the user's raised. Those end with the run around them, with the task they were started in, or
when there are too many.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from opentelemetry import context as context_api
from opentelemetry.context import Context

from otel_llm.dialects.dialect import Dialect
from otel_llm.dialects.fields import Fields
from otel_llm.guard import internal_error, logger, swept
from otel_llm.hooks.patching import Switch
from otel_llm.telemetry import conversation, frames
from otel_llm.telemetry.call import Call
from otel_llm.telemetry.engine import Engine, Server
from otel_llm.telemetry.steps import Step, StepKind

_MOST = 10_000
"""Runs that are open at the same time; the oldest ends when there are more."""
_RUN = "otel_llm.run"
"""The key in the context for the run whose code runs in it."""
_NOTHING_ELSE: Fields = {}


class Model(NamedTuple):
    """A run in which a model answers."""

    dialect: Dialect
    body: Fields
    provider: str
    family: str
    """What is made the same way, by an SDK that is listened to or not."""


class Other(NamedTuple):
    """A run that is a step of another kind."""

    kind: StepKind
    name: str
    attributes: dict[str, Any]
    inline: bool = False
    """Whether its code runs in the context that it was started in, and not in a copy."""
    content: str = ""
    """What reads what goes in and comes out, as a name in `dialects.content`; empty: nothing does."""


@dataclass(frozen=True, slots=True)
class Describe:
    """What a framework's runs are, in its own words."""

    run: Callable[[str, Any, Any, Fields], Model | Other | None]
    """From the kind of the callback, what it says of the class, what is given to it, and all else it says. None: no
    span. What is given is only to be handed on."""
    aside: Callable[[Fields], dict[str, Any]]
    """What is to be said of this run and everything inside."""
    harmless: Callable[[BaseException], bool]
    """Whether an exception is only how the framework steers, or the user has had enough."""


@dataclass(slots=True, eq=False)
class _Run:
    work: Call | Step | None
    """None: not told, but its children have parents all the same."""
    context: Context
    parent: _Run | None
    frame: frames.Frame | None = None
    task: Any = None
    family: str = ""
    going: bool = False
    """Whether anything has been done in it."""
    children: dict[Any, _Run] = field(default_factory=dict[Any, "_Run"])

    @property
    def goes_on(self) -> bool:
        """Whether it may be done in several tasks, for its stream is with the user."""
        return self.going if self.frame is None else self.frame.taken


How = Callable[["Call | Step"], None]


class Runs:
    """All open runs, by the framework's ids."""

    def __init__(self, switch: Switch, name: str, describe: Describe) -> None:
        self._switch = switch
        self._name = name
        self._describe = describe
        self._open: dict[Any, _Run] = {}
        self._lock = threading.Lock()
        self._heard: set[str] = set()
        """Families of models that an SDK has been heard to answer for."""
        self._in_tasks: WeakKeyDictionary[Any, dict[Any, _Run]] = WeakKeyDictionary()

    # What the framework tells.

    def start(self, callback: str, serialized: Any, given: Any, told: Fields) -> None:
        """A run begins."""
        engine = self._switch.engine
        if engine is None or not engine.live or engine.told_by_others(self._name):
            return
        try:
            self._start(engine, callback, serialized, given, told)
        except Exception:  # noqa: BLE001 - ours, not the user's
            internal_error("beginning a run")

    def saw_chunk(self, run_id: Any) -> None:
        """A piece of an answer came."""
        run = self._open.get(run_id)
        if run is None or not isinstance(run.work, Call):
            return
        run.work.saw_chunk()
        if run.frame is not None:
            run.frame.taken = True

    def end(self, run_id: Any, result: Any, told: Fields = _NOTHING_ELSE) -> None:
        """A run has ended well, with a result and whatever else is told."""

        def end(work: Call | Step) -> None:
            if isinstance(work, Step):
                work.end(None, (result, told))
                return
            if not work.heard and family in self._heard:
                work.counted_inside()  # answered out of a cache, with the figures of an earlier call
            work.answer(result)

        run = self._open.get(run_id)
        family = "" if run is None else run.family
        if run is not None and isinstance(run.work, Call) and run.work.heard:
            self._heard.add(family)
        self._close(run_id, end, _abandon)

    def fail(self, run_id: Any, error: BaseException, result: Any = None) -> None:
        """A run has ended with an exception; `result` is what had come until then."""

        def fail(work: Call | Step, result: Any = None) -> None:
            harmless = self._describe.harmless(error)
            if isinstance(work, Step):
                work.end(None if harmless else error)
                return
            if result is not None:
                work.note(result)
            work.close() if harmless else work.fail(error)

        self._close(run_id, lambda work: fail(work, result), fail)

    def context_of(self, run_id: Any) -> Context | None:
        """What is to be current in the code of a run."""
        run = self._open.get(run_id)
        if run is None:
            return None
        run.going = True
        return context_api.set_value(_RUN, run_id, run.context)

    # What becomes of it.

    def _start(self, engine: Engine, callback: str, serialized: Any, given: Any, told: Fields) -> None:
        run_id, parent_id = told["run_id"], told.get("parent_run_id")
        if run_id in self._open:
            logger.debug("%s: a run was started twice", self._name)
            return
        found = self._describe.run(callback, serialized, given, told)
        parent = self._open.get(parent_id)
        around = frames.outside(context_api.get_current()) if parent is None else context_api.get_current()
        if parent is not None and around.get(_RUN) != parent_id:
            around = parent.context
        if parent is None and parent_id is not None:
            logger.debug("%s: the parent of a run is not known here", self._name)
        if aside := self._describe.aside(told):
            around = conversation.inside({**aside, **conversation.said_inside(around)}, around)
        work = self._begin(engine, found, around, (serialized, given, told))
        run = _Run(work, around if work is None else work.context, parent)
        run.family = found.family if isinstance(found, Model) else ""
        if work is not None:
            engine.watch_exit(work)
            if isinstance(found, Model) or (isinstance(found, Other) and found.inline):
                run.frame = frames.enter(work, context_api.get_current())
            self._watch_task(run_id, run)
        with self._lock:
            self._open[run_id] = run
            if parent is not None:
                parent.children[run_id] = run
                parent.going = True
        if len(self._open) > _MOST:
            self._sweep()

    def _begin(
        self, engine: Engine, found: Model | Other | None, around: Context, told: tuple[Any, ...]
    ) -> Call | Step | None:
        if isinstance(found, Model):
            if not engine.config.listens_to(self._name, found.provider):
                return None
            server = Server(found.provider, "", 0)
            return engine.begin(found.dialect, found.body, server, stream=False, parent=around)
        if found is None or not engine.config.listens_to(self._name):
            return None
        return engine.begin_step(found.kind, found.name, found.attributes, around, found.content, told)

    def _close(self, run_id: Any, how: How, how_inside: How) -> None:
        with self._lock:
            run = self._open.pop(run_id, None)
            if run is not None and run.parent is not None:
                run.parent.children.pop(run_id, None)
        if run is None:
            if self._switch.engine is not None:
                logger.debug("%s: a run ended that is not known here", self._name)
            return
        if run.task is not None and (of_task := self._in_tasks.get(run.task)) is not None:
            of_task.pop(run_id, None)
        for child in list(run.children):  # whose end was never told
            self._close(child, how_inside, how_inside)
        if run.work is not None:
            try:
                how(run.work)
            except Exception:  # noqa: BLE001 - ours, not the user's
                internal_error("ending a run")

    def _sweep(self) -> None:
        oldest = next(iter(list(self._open)), None)
        if oldest is not None:
            swept[self._name] += 1
            logger.debug("%s: too many runs are open; the oldest is given up", self._name)
            self._close(oldest, _abandon, _abandon)

    def _watch_task(self, run_id: Any, run: _Run) -> None:
        """Runs of a task that is cancelled are not always told to have ended; neither are those of one that has
        ended in spite of it: a model's, or one that was stopped before anything was done in it."""
        task = frames.task()
        if task is None:
            return
        run.task = task
        of_task = self._in_tasks.get(task)
        if of_task is None:
            of_task = self._in_tasks[task] = {}
            task.add_done_callback(self._task_ended)
        of_task[run_id] = run

    def _task_ended(self, task: Any) -> None:
        for run_id, run in list(self._in_tasks.pop(task, {}).items()):
            if task.cancelled():
                self.fail(run_id, sys.modules["asyncio"].CancelledError())
            elif not run.goes_on:  # else the rest of its stream is read elsewhere
                self._close(run_id, _abandon, _abandon)


def _abandon(work: Call | Step) -> None:
    work.abandon()
