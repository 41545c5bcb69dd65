"""How processes double and end: forks, pools whose workers run no exit handlers, and SIGTERM."""

from __future__ import annotations

import _thread
import atexit
import os
import signal
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from otel_llm.guard import internal_error
from otel_llm.hooks.importing import ImportWatcher

Do = Callable[[], None]

_POOLS = ("multiprocessing.util", "billiard.util")
"""Modules of process pools whose workers end without running exit handlers, and who offer their own."""
_PATIENCE = 12.0
"""Seconds after which a process is let go, should telling everything hang in spite of its own deadlines: it may need
what the interrupted thread holds. Well under the half minute that containers are given."""

_watcher = ImportWatcher()
_postponed: list[int] | None = None
"""While the process is ending by itself: the signals that came meanwhile."""


def watch(shutdown: Do, tell_everything: Do, after_fork: Do) -> None:
    """Call `shutdown` at the end of this process and of pool workers, `after_fork` in forked children, and
    `tell_everything` before an end that runs no exit handlers. This cannot be taken back."""
    atexit.register(shutdown)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=after_fork)
    for module in _POOLS:
        _watcher.wait(module, lambda util: _end_with_workers(util, shutdown))
    _watcher.wait("celery.signals", lambda signals: _end_with_celery(signals, tell_everything))
    main = threading.current_thread() is threading.main_thread()  # elsewhere Python accepts no handlers
    if os.name == "posix" and main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _terminator(tell_everything))


def _end_with_workers(util: Any, shutdown: Do) -> None:
    def forked(_: Any) -> None:
        # The lowest priority runs last: after the finalizers that may still make calls.
        util.Finalize(None, shutdown, exitpriority=-1000)

    util.register_after_fork(sys.modules[__name__], forked)


def _end_with_celery(signals: Any, tell_everything: Do) -> None:
    """Its workers leave past even those handlers, and send a signal of Celery's own before."""

    def leaving(**_: Any) -> None:
        tell_everything()

    signals.worker_process_shutdown.connect(leaving, weak=False)


def _terminator(tell_everything: Do) -> Callable[[int, Any], None]:
    """A handler that dies of the signal as if we were not there, but with everything told.

    Exit handlers do not run then, and it is how pools, servers and containers end their processes. A second
    signal is obeyed at once.
    """

    def terminated(number: int, frame: Any) -> None:
        del frame
        signal.signal(number, signal.SIG_DFL)
        if _postponed is not None:
            _postponed.append(number)
            return
        try:
            _elsewhere(tell_everything)
        finally:
            os.kill(os.getpid(), number)
        # Still alive: the first process of a container is spared by the system.
        signal.signal(number, terminated)

    return terminated


def _elsewhere(do: Do) -> None:
    """Do it in another thread and wait: this one was interrupted, and may hold any lock, even `threading`'s."""
    done = _thread.allocate_lock()
    done.acquire()

    def work() -> None:
        try:
            do()
        except Exception:  # noqa: BLE001 - the process ends all the same
            internal_error("telling everything before the end")
        finally:
            done.release()

    _thread.start_new_thread(work, ())
    done.acquire(timeout=_PATIENCE)


@contextmanager
def termination_postponed() -> Generator[None, None, None]:
    """Inside, the process is ending by itself: a first SIGTERM is obeyed only afterwards."""
    global _postponed  # noqa: PLW0603 - there is one process
    _postponed = []
    try:
        yield
    finally:
        came, _postponed = _postponed, None
        if came:
            os.kill(os.getpid(), came[0])
