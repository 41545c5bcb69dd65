"""What users import from `otel_llm.testing` is there, and costs nothing until it is used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from otel_llm import testing


def test_public_names() -> None:
    """Every public name is there and documented, and no other is."""
    for name in testing.__all__:
        assert getattr(testing, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = testing.Nothing  # pyright: ignore[reportAttributeAccessIssue]


def test_import_is_cheap() -> None:
    """Importing the package, even to replay answers, loads neither pytest nor protobuf, gRPC or the SDK."""
    code = (
        "import sys; import otel_llm; before = set(sys.modules)\n"
        "from otel_llm.testing import Exchange, ReplayServer\n"
        "new = {name for name in set(sys.modules) - before}\n"
        "heavy = ('pytest', 'google.protobuf', 'grpc', 'opentelemetry.sdk')\n"
        "sys.exit(', '.join(name for name in new if name.startswith(heavy)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_plugin(tmp_path: Path) -> None:
    """The plugin's fixtures give a running provider and a running receiver to a project that asks for them."""
    test = (
        "pytest_plugins = ['otel_llm.testing.pytest_plugin']\n"
        "def test_it(replay, receiver):\n"
        "    assert replay.url != receiver.endpoint\n"
    )
    path = tmp_path / "test_plugin_user.py"
    path.write_text(test)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--noconftest", "-p", "no:cacheprovider", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
