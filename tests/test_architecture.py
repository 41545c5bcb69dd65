"""The rooms of docs/architecture.md: who may import whom, who may know what, and how big anything may grow."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "otel_llm"
MODULES = sorted(PACKAGE.rglob("*.py"))

# From the bottom up: a room may import itself and what stands before it.
FLOORS = (
    ("guard", "version"),
    ("config",),
    ("usage",),
    ("logprobs",),
    ("record",),
    ("prices",),
    ("dialects",),
    ("telemetry",),
    ("hooks",),
    ("providers",),
    ("instrumentation",),
    ("export",),
    ("processes",),
    ("lifecycle",),
    ("__init__", "instrumentor", "doctor", "testing"),
    ("cli", "auto"),
    ("__main__",),
)
FORBIDDEN = {  # beyond what the floors say
    "export": ("providers", "dialects", "hooks", "instrumentation"),
    "dialects": ("config", "guard", "prices"),
    "testing": ("telemetry", "hooks", "dialects", "providers", "export"),
}
SDKS = (
    "openai",
    "anthropic",
    "groq",
    "together",
    "boto3",
    "google.genai",
    "mistralai",
    "cohere",
    "ollama",
    "litellm",
)

# Providers' names in the conventions and in lists of prices, which happen to be those of their SDKs.
NAMES_OF_PROVIDERS = {
    "telemetry/attributes.py": {"openai"},
    "prices/listed.py": {"anthropic", "cohere", "groq", "openai", "together"},
}


def room(module: Path) -> str:
    """The room that a module lives in."""
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(module: Path) -> Iterator[str]:
    """Everything a module imports, wherever in it."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.relative_to(PACKAGE)))
def test_imports_run_downward(module: Path) -> None:
    """No room knows of one above it, and some know less."""
    floors = {name: height for height, names in enumerate(FLOORS) for name in names}
    own = room(module)
    rooms = {name for name in floors if name != "__init__"}
    for imported in imports(module):
        parts = imported.split(".")
        if parts[0] != "otel_llm" or len(parts) < 2 or parts[1] not in rooms:
            continue
        assert floors[parts[1]] <= floors[own], imported
        assert parts[1] == own or parts[1] not in FORBIDDEN.get(own, ()), imported


@pytest.mark.parametrize(
    "module", sorted((PACKAGE / "dialects").glob("*.py")), ids=lambda module: module.name
)
def test_dialects_are_pure(module: Path) -> None:
    """They import the standard library and our own records, neither an SDK nor OpenTelemetry."""
    for imported in imports(module):
        top = imported.split(".")[0]
        assert top in sys.stdlib_module_names or top == "otel_llm", imported


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.relative_to(PACKAGE)))
def test_no_module_imports_an_sdk(module: Path) -> None:
    """SDKs are the application's to import."""
    assert not [name for name in imports(module) if name.startswith(SDKS) and not name.startswith("otel_llm")]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.relative_to(PACKAGE)))
def test_imports_name_their_whole_path(module: Path) -> None:
    """Relative ones would pass by the tests above."""
    nodes = ast.walk(ast.parse(module.read_text()))
    assert not [node.lineno for node in nodes if isinstance(node, ast.ImportFrom) and node.level]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.relative_to(PACKAGE)))
def test_only_hooks_and_providers_know_sdks_by_name(module: Path) -> None:
    """Neither a module of an SDK nor its package is named elsewhere, prose aside."""
    name = module.relative_to(PACKAGE).as_posix()
    if room(module) in ("hooks", "providers"):
        return
    told = {
        node.value
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    modules = {value for value in told if value.split("._")[0] in SDKS}
    assert modules == NAMES_OF_PROVIDERS.get(name, set())


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.relative_to(PACKAGE)))
def test_names_are_spelled_in_one_place(module: Path) -> None:
    """Emitted names are constants of `telemetry/names.py`."""
    if module.name != "names.py":
        assert not re.search(r"""["']gen_ai\.""", module.read_text())


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.relative_to(PACKAGE)))
def test_nothing_grows_too_big(module: Path) -> None:
    """A module has at most 400 lines, a dialect 250, a provider 100, a function 50."""
    most = {"dialects": 250, "providers": 100}.get(room(module), 400)
    text = module.read_text()
    assert text.count("\n") <= most
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert (node.end_lineno or 0) - node.lineno < 50, node.name


def test_instrumenting_imports_no_sdk_and_no_exporter() -> None:
    """Whoever only instruments pays for neither."""
    api = "import opentelemetry.trace, opentelemetry.metrics, opentelemetry._logs, opentelemetry.context"
    program = (
        f"import json, sys; {api}; before = set(sys.modules)\n"
        "import otel_llm; otel_llm.instrument(); print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=PACKAGE.parent
    )
    loaded = set(json.loads(done.stdout))
    assert not loaded & {
        *SDKS,
        "requests",
        "grpc",
        "google.protobuf",
        "rich",
        "asyncio",
        "opentelemetry.sdk.trace",
    }


def test_importing_does_nothing() -> None:
    """No provider is set, nothing is patched or logged, and no SDK is loaded until somebody asks."""
    program = (
        "import sys; finders = list(sys.meta_path); import otel_llm\n"
        "from opentelemetry import trace, metrics\n"
        "assert type(trace.get_tracer_provider()).__name__ == 'ProxyTracerProvider'\n"
        "assert type(metrics.get_meter_provider()).__name__ == '_ProxyMeterProvider'\n"
        "assert sys.meta_path == finders\n"
        f"assert not {{*{SDKS}, 'grpc', 'requests'}} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=PACKAGE.parent
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_page_on_architecture_names_every_room() -> None:
    """What people read first is about what is there."""
    page = (PACKAGE.parent / "docs" / "architecture.md").read_text()
    missing = {room(module) for module in MODULES} - {"__init__", "__main__", "instrumentor"}
    assert not [name for name in missing if f"`{name}/`" not in page and f"`{name}.py`" not in page]
