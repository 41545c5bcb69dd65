"""How pieces are built and installed: once, outside the checkout, at low priority, with a log and an end in time.

Knows commands, locks and virtual environments; what is built is the business of `tools`.
"""

from __future__ import annotations

import fcntl
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CACHE = Path(os.environ.get("OTEL_LLM_E2E_CACHE") or Path.home() / ".cache" / "otel-llm-e2e")
JOBS = str(os.cpu_count() or 1)


class Lacking(Exception):
    """A piece cannot be had here; the message says why."""


def log_file(name: str) -> Path:
    """Where the output of the commands for this piece goes."""
    return CACHE / f"{name}.log"


@contextmanager
def alone(name: str) -> Iterator[None]:
    """One process at a time builds this piece; others wait here and find the work done."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def run(*command: str | Path, log: str, folder: Path | None = None, minutes: float, **environ: str) -> None:
    """Run a command at low priority, its output added to a log; Lacking if it fails or takes too long."""
    words = [str(word) for word in command]
    tool, file = Path(words[0]).name, log_file(log)
    with file.open("a") as out:
        out.write(f"$ {shlex.join(words)}\n")
        out.flush()
        try:
            process = subprocess.Popen(
                ["nice", "-n", "15", *words],
                cwd=folder,
                env={**os.environ, **environ},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise Lacking(f"{tool} cannot be started: {error}") from error
        try:
            code = process.wait(minutes * 60)
        except subprocess.TimeoutExpired:
            raise Lacking(f"{tool} was not done after {minutes:g} minutes, see {file}") from None
        finally:
            if process.poll() is None:  # too slow, or we are being interrupted: its compilers end with it
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    if code:
        raise Lacking(f"{tool} failed, see {file}")


def ask(*command: str | Path, log: str, **environ: str) -> str:
    """What a command prints; Lacking if it fails."""
    with log_file(log).open("a") as out:
        try:
            done = subprocess.run(
                [str(word) for word in command],
                env={**os.environ, **environ},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=out,
                text=True,
                timeout=900,
                check=True,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise Lacking(f"{Path(str(command[0])).name} failed, see {log_file(log)}") from error
    return done.stdout


def environment(name: str, *requirements: str, minutes: float, **environ: str) -> Path:
    """The `bin` folder of a virtual environment with exactly these requirements, made when they change."""
    folder, wanted = CACHE / name, "\n".join(requirements)
    done, bin_ = folder / ".done", folder / "bin"
    if not done.exists() or done.read_text() != wanted:
        done.unlink(missing_ok=True)
        run(sys.executable, "-m", "venv", "--clear", folder, log=name, minutes=5)
        install = (bin_ / "python", "-m", "pip", "install", "--disable-pip-version-check", *requirements)
        run(*install, log=name, minutes=minutes, **environ)
        done.write_text(wanted)
    return bin_
