"""What `otel-llm` says to people: when it is asked, and when it is asked the wrong thing."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from zipfile import ZipFile

import pytest

from otel_llm import doctor
from tests.processes.conftest import ROOT, RUN, World

COMMAND = (sys.executable, "-m", "otel_llm")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["wrong"],
        ["doctor", "wrong"],
        ["run"],
        ["run", "--"],
        ["run", "missing.py"],
        ["run", "missing"],
        ["run", "-m"],
        ["run", "-m", "missing_module"],
        ["run", "-m", "json.missing"],
        ["run", "-m", ".relative"],
        ["run", "--wrong", "app.py"],
        ["run", "--console"],
        ["run", "folder"],
        ["run", "./not_a_program"],
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_is_explained(world: World, arguments: list[str]) -> None:
    """A reason and the usage on standard error, and exit code 2; nothing is run."""
    world.write("print('ran')\n")
    (world.folder / "folder").mkdir()
    world.write("neither fish nor fowl", "not_a_program").chmod(0o755)
    done = world.run(*COMMAND, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("otel-llm: ")
    assert done.stderr.splitlines()[1].startswith("usage: otel-llm")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("closed", [1, 2])
def test_a_program_runs_without_an_output(tmp_path: Path, closed: int) -> None:
    """As some supervisors start it: one that is closed is none of our business."""
    mark = tmp_path / "mark"
    program = tmp_path / "app.py"
    program.write_text(f"open({str(mark)!r}, 'w').close()")
    command = f"{sys.executable} -m otel_llm run {program} {closed}>&-"
    quiet = {f"OTEL_{signal}_EXPORTER": "none" for signal in ("TRACES", "METRICS", "LOGS")}
    subprocess.run(["sh", "-c", command], env={**os.environ, **quiet}, cwd=ROOT, check=True)
    assert mark.exists()


def test_help_and_version_are_no_errors(world: World) -> None:
    """They go to standard output."""
    for arguments in (["--help"], ["-h"], ["help"], ["run", "--help"]):
        done = world.run(*COMMAND, *arguments)
        assert done.returncode == 0
        assert done.stdout.startswith("usage: otel-llm")
    assert world.run(*COMMAND, "--version").stdout.startswith("otel-llm 0")


def test_whatever_python_can_run_is_run(world: World) -> None:
    """Files without an ending, folders and archives with a `__main__`, modules of packages, commands on the path."""
    (world.folder / "package" / "inner").mkdir(parents=True)
    world.write("print('imported')\n", "package/__init__.py")
    world.write("print('main', __name__)\n", "package/inner/__main__.py")
    world.write("print('main', __name__)\n", "package/__main__.py")
    world.write("import sys; print('script', sys.argv[1:])\n", "my_script").chmod(0o755)
    world.write("import sys; print('script', sys.argv[1:])\n", "plain")
    archive = world.folder / "app.pyz"
    with ZipFile(archive, "w") as zipped:
        zipped.writestr("__main__.py", "print('zipped')\n")
    printed = {
        ("-m", "package"): "imported\nmain __main__\n",
        ("-m", "package.inner"): "imported\nmain __main__\n",
        ("package",): "main __main__\n",
        ("my_script", "--console", "-m"): "script ['--console', '-m']\n",
        ("plain",): "script []\n",
        ("--", "plain"): "script []\n",
        ("app.pyz",): "zipped\n",
        (sys.executable, "-c", "print('inline')"): "inline\n",
        ("sh", "-c", f"{sys.executable} plain; exit 4"): "script []\n",
    }
    for arguments, output in printed.items():
        done = world.run(*RUN, *arguments, OTEL_LLM_DISABLED="true")
        assert (done.stdout, done.stderr) == (output, ""), arguments
        assert done.returncode == (4 if arguments[0] == "sh" else 0)


SDKS = {
    "2.0.0": ("class SyncAPIClient: pass\n", "openai._base_client.SyncAPIClient.request: not found"),
    "2.1.0": ("1 / 0\n", "openai._base_client: cannot be imported: ZeroDivisionError"),
    "0.28.0": ("", "openai: 0.28.0 is not supported (supported: >="),
}


@pytest.mark.parametrize("version", SDKS)
def test_the_doctor_tells_what_is_wrong_with_an_sdk(world: World, version: str) -> None:
    """One that is too old, one that is broken, and one that has moved what we listen to."""
    base_client, told = SDKS[version]
    (world.folder / "openai").mkdir()
    world.write(f"__version__ = '{version}'\n", "openai/__init__.py")
    world.write(base_client, "openai/_base_client.py")
    (world.folder / f"openai-{version}.dist-info").mkdir()
    world.write(f"Name: openai\nVersion: {version}\n", f"openai-{version}.dist-info/METADATA")
    done = world.run(*COMMAND, "doctor", PYTHONPATH=f"{world.folder}:{world.environ['PYTHONPATH']}")
    assert (done.returncode, done.stderr) == (0, "")
    assert told in done.stdout


def test_the_doctor_tells_what_is_there_and_no_secret(world: World) -> None:
    """Versions, hooks, SDKs and settings are shown; of headers, keys and passwords only that they are set."""
    done = world.run(
        *COMMAND,
        "doctor",
        OTEL_EXPORTER_OTLP_HEADERS="authorization=hush",
        OTEL_EXPORTER_OTLP_CLIENT_KEY="hush.pem",
        OTEL_EXPORTER_OTLP_ENDPOINT="https://user:hush@collector:4318/otlp?key=hush",
        OTEL_EXPORTER_OTLP_METRICS_ENDPOINT="user:hush@collector",
        OTEL_LLM_SEMCONV="latest",
        OTEL_INSTRUMENTATION_GENAI_UPLOAD_BASE_PATH="s3://user:hush@bucket/folder",
        OPENAI_API_KEY="hush",
    )
    assert (done.returncode, done.stderr) == (0, "")
    for told in (
        "OTEL_LLM_SEMCONV = latest",
        f"opentelemetry-sdk {metadata.version('opentelemetry-sdk')}",
        f"openai: {metadata.version('openai')}, traced",
        "openai._base_client.SyncAPIClient.request: active",
        "openai._base_client.AsyncAPIClient.request: active",
        "OTEL_EXPORTER_OTLP_HEADERS = (set)",
        "OTEL_EXPORTER_OTLP_ENDPOINT = https://collector:4318/otlp\n",
    ):
        assert told in done.stdout
    assert "hush" not in done.stdout


def test_the_doctor_tells_what_is_not_there() -> None:
    """An SDK that is not installed is shown with the versions that would be supported."""
    assert doctor._state("no-such-sdk", ">=1,<4", True) == "not installed (supported: >=1,<4)"


def test_an_sdk_that_is_too_old_is_skipped_with_a_debug_line(world: World) -> None:
    """The program runs, and whoever looks is told."""
    (world.folder / "openai").mkdir()
    world.write("__version__ = '0.28'\n", "openai/__init__.py")
    world.write(
        "import logging; logging.basicConfig(level=10)\nimport otel_llm; otel_llm.instrument()\nimport openai\n"
    )
    done = world.run(sys.executable, "app.py")
    assert done.returncode == 0
    assert done.stderr.count("DEBUG:otel_llm:openai is older than") == 1
