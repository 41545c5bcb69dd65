"""Runs the tests with the oldest and newest of what we support: each SDK major, OpenTelemetry, every Python here.

Environments are kept in `.venvs/`, one for each row. Arguments choose rows by words in their names.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
OLDEST_OTEL = (
    "opentelemetry-api==1.37.0",
    "opentelemetry-sdk==1.37.0",
    "opentelemetry-exporter-otlp==1.37.0",
)
SDKS = {  # the oldest and the newest of each major
    "openai 1 first": (
        "openai==1.26.0",
        "httpx<0.28",
        "numpy",
    ),  # the first that can be asked for usage in streams
    "openai 1 oldest": ("openai==1.66.0", "httpx<0.28"),  # the first with the Responses API in full
    "openai 1 newest": ("openai<2",),
    "openai 2 oldest": ("openai==2.0.0",),
    "openai 2 newest": ("openai<3",),
    "openai 3 oldest": ("openai==3.0.0",),
    "openai 3 newest": ("openai<4",),
    "openai 3 newest, OpenTelemetry oldest": ("openai<4", *OLDEST_OTEL),
    "wrapt 1": ("openai<4", "wrapt<2"),
    "wrapt 2": ("openai<4", "wrapt<3"),
}
EVERY_SDK = (
    "tests/lives/test_every_stream.py",
    "tests/lives/test_logprobs.py",
    "tests/test_equal_facts.py",
    "tests/test_privacy_everywhere.py",
)
RECORDED = "tests/test_native_recordings.py"
PROVIDERS = {  # by a word in the names of the tests: the oldest and the newest of each major, and tests of its own
    "anthropic": (
        ("anthropic==0.49.0",),
        ("anthropic<1",),
        ("anthropic==1.0.0",),
        ("anthropic<2",),
        ("anthropic<3",),
    ),
    "bedrock or boto3": (
        ("boto3==1.37.0",),
        ("boto3<2", "aiobotocore==3.0.0"),
        ("boto3<2", "aiobotocore<4"),
    ),
    "cohere": (("cohere==5.21.1",), ("cohere<6",), ("cohere<7",), ("cohere<8",)),
    "fireworks": (("fireworks-ai==0.19.20",), ("fireworks-ai<2",)),
    "google": (
        ("google-genai==1.75.0",),
        ("google-genai==2.34.0",),
        ("google-genai<4",),
    ),
    "groq": (("groq==0.13.0", "httpx<0.28"), ("groq<1",), ("groq<2",)),
    "mistral": (("mistralai==1.12.4",), ("mistralai==2.4.13",), ("mistralai<3",), ("mistralai<4",)),
    "ollama": (("ollama==0.4.0",), ("ollama<1",)),
    "together": (("together==1.5.35",), ("together<3",), ("together<4",)),
    "vertexai": (("google-cloud-aiplatform==1.70.0", "setuptools<80"), ("google-cloud-aiplatform<3",)),
}
_LANGCHAIN = ("tests/frameworks/test_langchain_lives.py", "tests/frameworks/test_langchain_models.py")
_LITELLM = ("tests/frameworks",)
FRAMEWORKS = {  # with what they are called over, and the tests of theirs
    "langchain-core 0.3 oldest": (
        (
            "langchain-core==0.3.0",
            "langchain-openai==0.2.0",
            "langchain-anthropic==0.2.0",
            "langgraph==0.2.20",
        ),
        (*_LANGCHAIN, "-k", "not responses"),  # this langchain-openai does not know them
    ),
    "langchain-core 0.3 newest": (
        ("langchain-core<0.4", "langchain-openai<1", "langchain-anthropic<1", "langgraph<1"),
        _LANGCHAIN,
    ),
    "langchain-core 1.7": (
        ("langchain-core<1.8", "langchain<1.5", "langchain-openai", "langchain-anthropic", "langgraph"),
        (*_LANGCHAIN, "tests/frameworks/test_programs.py"),
    ),
    "litellm oldest": (("litellm==1.61.0", "mcp"), _LITELLM),
    "litellm newest": (("litellm<2", "mcp"), _LITELLM),
}
OWN = {
    "anthropic": (
        RECORDED,
        "tests/providers/test_anthropic.py",
        "tests/content/test_anthropic_messages.py",
        "tests/content/test_anthropic_blocks.py",
    ),
    "bedrock or boto3": (
        RECORDED,
        "tests/content/test_bedrock.py",
        "tests/content/test_bedrock_blocks.py",
        "tests/content/test_bedrock_families.py",
    ),
    "cohere": (RECORDED, "tests/content/test_cohere.py"),
    "google": (
        RECORDED,
        "tests/providers/test_google_genai.py",
        "tests/content/test_google_gemini.py",
        "tests/content/test_google_interactions.py",
    ),
    "mistral": (RECORDED, "tests/providers/test_mistral.py", "tests/content/test_mistral.py"),
    "ollama": (RECORDED, "tests/providers/test_ollama.py", "tests/content/test_ollama.py"),
    "vertexai": ("tests/providers/test_vertexai.py", "tests/content/test_vertexai.py"),
}
OPENAI_LIKE = ("tests/providers/test_openai_like.py", "tests/content/test_openai_like.py")
ROWS = {
    f"{word}: {' '.join(requirements)}": (word, requirements)
    for word, rows in PROVIDERS.items()
    for requirements in rows
}
SOME: dict[str, tuple[str, ...]] = {
    **{name: tests for name, (_, tests) in FRAMEWORKS.items()},
    "openai 1 first": ("tests/test_recordings.py", "tests/lives/test_openai_streams.py"),
    "wrapt 1": ("tests/processes/test_ways_to_start.py", "tests/test_patching.py"),
    "wrapt 2": ("tests/processes/test_ways_to_start.py", "tests/test_patching.py"),
    **{name: (*EVERY_SDK, *OWN.get(word, OPENAI_LIKE), "-k", word) for name, (word, _) in ROWS.items()},
}
"""Where not everything is run: what is."""
TOOLS = ("pytest>=8", "pytest-xdist>=3", "jsonschema>=4.20", "opentelemetry-distro>=0.58b0")


def pythons() -> dict[str, str]:
    """Every Python from 3.10 up that is on the path or under pyenv, one for each minor version."""
    folders = [*os.environ.get("PATH", "").split(os.pathsep)]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    if pyenv.is_dir():
        folders += [str(version / "bin") for version in sorted(pyenv.iterdir())]
    found: dict[str, str] = {}
    for minor in range(10, 20):
        paths = (shutil.which(f"python3.{minor}", path=folder) for folder in folders)
        # What is on the path may be a stand-in for a version that is not chosen.
        path = next((path for path in paths if path is not None and _works(path)), None)
        if path is not None:
            found[f"3.{minor}"] = path
    return found


def _works(python: str) -> bool:
    return (
        subprocess.run([python, "-c", "import ssl, venv"], capture_output=True, check=False).returncode == 0
    )


def run(name: str, python: str, requirements: tuple[str, ...]) -> str:
    """The last line of the tests in an environment of its own."""
    folder = ROOT / ".venvs" / re.sub(r"[^a-z0-9.]+", "-", name.lower())
    log = folder.with_name(f"{folder.name}.log")
    folder.parent.mkdir(exist_ok=True)
    bin_ = folder / "bin"
    with log.open("w") as out:
        try:
            if not bin_.is_dir():
                subprocess.run([python, "-m", "venv", str(folder)], stdout=out, stderr=out, check=True)
            install = [
                str(bin_ / "python"),
                "-m",
                "pip",
                "install",
                "-q",
                "-e",
                str(ROOT),
                *TOOLS,
                *requirements,
            ]
            subprocess.run(install, stdout=out, stderr=out, check=True)
        except subprocess.CalledProcessError:
            return f"could not be set up, see {log.relative_to(ROOT)}"
        subprocess.run(
            [
                str(bin_ / "python"),
                "-m",
                "pytest",
                "-q",
                "-n",
                "2",
                "-p",
                "no:cacheprovider",
                *SOME.get(name, ()),
            ],
            cwd=ROOT,
            stdout=out,
            stderr=out,
            check=False,
        )
    lines = [line for line in log.read_text().splitlines() if re.search(r"\d+ (passed|failed|error)", line)]
    return lines[-1].strip("= ") if lines else f"no result, see {log.relative_to(ROOT)}"


def main() -> int:
    found = pythons()
    newest = list(SDKS)[6]
    rows = {f"Python {version}, {newest}": (path, SDKS[newest]) for version, path in found.items()}
    rows |= {name: (sys.executable, requirements) for name, requirements in SDKS.items() if name != newest}
    rows |= {name: (sys.executable, ("openai<4", *requirements)) for name, (_, requirements) in ROWS.items()}
    rows |= {name: (sys.executable, requirements) for name, (requirements, _) in FRAMEWORKS.items()}
    wanted = {name: row for name, row in rows.items() if all(word in name for word in sys.argv[1:])}
    failed = False
    for name, (python, requirements) in wanted.items():
        result = run(name, python, requirements)
        failed = failed or "passed" not in result or "failed" in result
        print(f"{name:<58} {result}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
