"""`make e2e`: the end-to-end checks, and at the end a table of what they ran with and what they lacked."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

if __name__ == "__main__":
    sys.exit(pytest.main(["-m", "e2e", "-v", "-rs", str(Path(__file__).parent), *sys.argv[1:]]))
