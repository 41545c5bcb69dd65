"""The `otel-llm` command: `run` a program with telemetry, or ask the `doctor` what is instrumented."""

from __future__ import annotations

import os
import shutil
import sys
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path

from otel_llm.version import VERSION

_USAGE = """\
usage: otel-llm run [--console] PROGRAM [ARGUMENT ...]
       otel-llm run [--console] -m MODULE [ARGUMENT ...]
       otel-llm doctor
       otel-llm --version

run      start any Python program, module or command with every model call traced;
         where the telemetry goes is said by the standard OTEL_* variables
         (default: OTLP to localhost:4318)
         --console  print each call as well, and totals at the end
doctor   say what is installed, instrumented and configured
"""


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code; `run` does not return if all is well, the program takes the process over."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments:
        return _wrong("a command is missing")
    command, *rest = arguments
    if command == "run":
        return _run(rest)
    if command == "doctor":
        return _doctor(rest)
    if command in ("-h", "--help", "help"):
        sys.stdout.write(_USAGE)
        return 0
    if command == "--version":
        sys.stdout.write(f"otel-llm {VERSION}\n")
        return 0
    return _wrong(f"{command!r} is not a command")


def _wrong(why: str) -> int:
    sys.stderr.write(f"otel-llm: {why}\n{_USAGE}")
    return 2


def _doctor(arguments: list[str]) -> int:
    if arguments:
        return _wrong(f"doctor takes no arguments: {arguments[0]!r}")
    from otel_llm.doctor import report

    sys.stdout.write(report())
    return 0


def _run(arguments: list[str]) -> int:
    if arguments and arguments[0] in ("-h", "--help"):
        sys.stdout.write(_USAGE)
        return 0
    console = False
    while arguments and arguments[0] == "--console":
        console, arguments = True, arguments[1:]
    if arguments and arguments[0] == "--":
        arguments = arguments[1:]
    try:
        command = _command(arguments)
    except LookupError as missing:
        return _wrong(str(missing.args[0]))
    folder = str(Path(__file__).parent / "auto")
    path = os.environ.get("PYTHONPATH", "")
    if folder not in path.split(os.pathsep):
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (folder, path)))
    if console:
        os.environ["OTEL_LLM_CONSOLE"] = "1"
    for out in (sys.stdout, sys.stderr):
        if out:  # closed by whoever started us, it is None
            out.flush()
    return _become(command)


def _become(command: list[str]) -> int:
    if sys.platform == "win32":
        # There, exec() would leave the terminal to the shell while the program still runs.
        import subprocess

        return subprocess.call(command)  # noqa: S603 - it is what the user asked to run
    try:
        # The program replaces this process: its exit code, its signals and its terminal are its own.
        os.execv(command[0], command)  # noqa: S606 - as above
    except OSError as error:
        return _wrong(f"{command[0]!r} cannot be started: {error.strerror}")


def _command(arguments: list[str]) -> list[str]:
    """What to execute: a module, a script, or a command on the PATH. Raises LookupError if it is not there."""
    if not arguments:
        raise LookupError("a program is missing")
    program, *rest = arguments
    if program == "-m":
        if not rest:
            raise LookupError("-m needs a module")
        if not _module_exists(rest[0]):
            raise LookupError(f"there is no module {rest[0]!r}")
        return [sys.executable, "-m", *rest]
    if program.startswith("-"):
        raise LookupError(f"{program!r} is not an option")
    file = Path(program)
    if file.is_dir() and (file / "__main__.py").is_file():
        return [sys.executable, program, *rest]
    found = shutil.which(program)
    if file.is_file() and (program.endswith(".py") or found is None):
        return [sys.executable, program, *rest]
    if found is None:
        raise LookupError(f"there is no program {program!r}")
    return [found, *rest]


def _module_exists(name: str) -> bool:
    """As `python -m` will look for it: in the current folder too."""
    sys.path.insert(0, "")
    try:
        # Not by find_spec() of the whole name, which runs the packages above the module.
        top, *rest = name.split(".")
        spec, whole = find_spec(top), top
        for part in rest:
            whole = f"{whole}.{part}"
            spec = spec and PathFinder.find_spec(whole, spec.submodule_search_locations or [])
        # Some packages make up their own path while they run.
        return spec is not None or find_spec(name) is not None
    except KeyError:  # a namespace package, which asks the package above it, not imported here
        return True
    except (ImportError, ValueError):
        return False
    finally:
        sys.path.remove("")
