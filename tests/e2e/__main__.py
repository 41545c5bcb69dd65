"""`make e2e`: gets the pieces, runs the end-to-end tests, and says what ran and what was lacking."""

from __future__ import annotations

import os
import sys
import time

import pytest

from tests.e2e import tools


def main() -> int:
    rows: list[tuple[str, str]] = []
    pieces = dict(tools.PIECES)
    if os.environ.get("OTEL_LLM_E2E_MODEL") == "1":
        pieces["a real model (llama.cpp, Gemma 3 270M)"] = tools.model
    for name, get in pieces.items():
        began = time.monotonic()
        print(f"getting {name} ...", flush=True)
        try:
            get()
            rows.append((name, f"there, after {time.monotonic() - began:.0f} s"))
        except tools.Lacking as why:
            rows.append((name, f"LACKING: {why}"))
    result = pytest.main(["-q", "-rs", "-m", "e2e", "tests/e2e", *sys.argv[1:]])
    print("\nWhat this run had:")
    for name, state in rows:
        print(f"  {name:<42} {state}")
    if os.environ.get("OTEL_LLM_E2E_MODEL") != "1":
        print(f"  {'a real model':<42} not asked for: make e2e MODEL=1")
    return int(result)


if __name__ == "__main__":
    sys.exit(main())
