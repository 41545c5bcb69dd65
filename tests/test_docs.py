"""The documentation is true: its programs run, its commands exist, its links lead somewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import openai
import pytest

import otel_llm
from otel_llm.config import Config
from otel_llm.testing import Exchange, ReplayServer, Telemetry
from tests import capabilities
from tests.lives.answers import completion
from tests.lives.wires import WIRES

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link of a page is a file of the project."""
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target.partition("#")[0]).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_exist(page: Path) -> None:
    """Every `make` target that a page names is one, and every `otel-llm` command too."""
    text, makefile = page.read_text(), (ROOT / "Makefile").read_text()
    for targets in re.findall(r"(?:^|`|\$ )make ((?:[a-z0-9]+ ?)+)", text, re.MULTILINE):
        for target in targets.split():
            assert re.search(rf"^{target}:.*##", makefile, re.MULTILINE), target
    for command in re.findall(r"otel-llm ([a-z]+)", text):
        assert command in ("run", "doctor"), command


def test_the_program_on_the_testing_page_runs(tmp_path: Path) -> None:
    """As it stands there."""
    (program,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "testing.md").read_text(), re.DOTALL)
    (tmp_path / "app.py").write_text(program)
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "app.py"], cwd=tmp_path, env=environ, check=True)


def test_the_filter_on_the_page_of_content_works(replay: ReplayServer) -> None:
    """As it stands there: thoughts and keys are not told."""
    (program,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "content.md").read_text(), re.DOTALL)
    answer = completion("my key is sk-abcdefghijklmnopqrst")
    answer["choices"][0]["message"]["reasoning_content"] = "hush"
    replay.answer(Exchange.json(answer))
    telemetry = Telemetry()
    program = program.replace("instrument(", "instrument(telemetry.tracer_provider, ")
    exec(program, {"otel_llm": otel_llm, "telemetry": telemetry})
    ask = openai.OpenAI(api_key="k", base_url=replay.url).chat.completions.create
    ask(model="m", messages=[{"role": "user", "content": "hi"}])
    otel_llm.uninstrument()
    (span,) = telemetry.spans
    assert "my key is [key]" in str(span.attributes["gen_ai.output.messages"])
    assert "hush" not in str(dict(span.attributes))


def test_the_pytest_plugin_works_as_described(tmp_path: Path) -> None:
    """Its fixtures are there for whoever asks for them."""
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["otel_llm.testing.pytest_plugin"]\n')
    (tmp_path / "test_mine.py").write_text(
        "import openai\nfrom otel_llm.testing import Exchange\n"
        "def test_mine(telemetry, replay, receiver):\n"
        "    replay.answer(Exchange.json({'choices': []}))\n"
        "    openai.OpenAI(api_key='k', base_url=replay.url).chat.completions.create(model='m', messages=[])\n"
        "    assert len(telemetry.spans) == 1\n"
    )
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_every_setting_is_documented() -> None:
    """Every variable is on the page of configuration."""
    page = (ROOT / "docs" / "configuration.md").read_text()
    for field in Config.__dataclass_fields__.values():
        assert field.metadata["variable"] in page


def test_the_examples_run_under_the_demonstration() -> None:
    """`make demo` without its environment: every example succeeds, and its telemetry is printed."""
    done = subprocess.run(
        [sys.executable, "-m", "demo"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "in 533 (cached 512)   out 10   stop" in done.stdout
    assert (
        "├─ chat o4-mini -> o4-mini-2025-04-16   in 112   out 150 (reasoning 128)   tool_call" in done.stdout
    )
    assert "openai.RateLimitError (rate_limit_exceeded)" in done.stdout
    assert re.search(r"^all +16 +3 +1,690 +512 +478 +320$", done.stdout, re.MULTILINE)


def test_the_program_on_the_page_of_providers_runs() -> None:
    """As it stands there."""
    (program,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "providers.md").read_text(), re.DOTALL)
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


def test_the_table_of_providers_is_what_calls_show() -> None:
    """Every mark in it was seen on a span; `python -m tests.capabilities` writes it anew."""
    if not all(wire.installed for wire in WIRES):
        pytest.skip("not every SDK is installed")
    assert capabilities.written() == capabilities.PAGE.read_text()
