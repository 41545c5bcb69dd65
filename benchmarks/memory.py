"""Whether memory stays flat: resident size over 20,000 plain calls and over 2,000 abandoned streams."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from overhead import CLIENT, MESSAGES, Providers, plain

import otel_llm


def resident() -> float:
    """Mebibytes of this process in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def abandoned() -> Any:
    """A stream of which one chunk is read, and which is then dropped."""
    headers = {"x-chunks": "100"}
    return next(
        iter(
            CLIENT.chat.completions.create(
                model="gpt-4o", messages=MESSAGES, stream=True, extra_headers=headers
            )
        )
    )


def growth(call: Callable[[], Any], times: int) -> tuple[float, float]:
    """Growth in MiB over the first tenth, which fills pools and caches, and over the rest."""
    began = resident()
    for _ in range(times // 10):
        call()
    gc.collect()
    warm = resident()
    for _ in range(times - times // 10):
        call()
    gc.collect()
    return warm - began, resident() - warm


def main() -> None:
    if not Path("/proc/self/statm").exists():
        print("\nmemory: not measured, /proc is not here")
        return
    divide = 10 if "--quick" in sys.argv else 1
    print("\nmemory   (budget: flat)")
    for name, call, times in (("plain calls", plain, 20_000), ("abandoned streams", abandoned, 2_000)):
        for instrumented in (False, True):
            if instrumented:
                otel_llm.instrument(**vars(Providers()))
            warm, rest = growth(call, times // divide)
            otel_llm.uninstrument()
            who = "with otel_llm" if instrumented else "without"
            print(
                f"  {times // divide:6} {name:<18} {who:<14} {warm:+6.1f} MiB at first, {rest:+6.1f} MiB after that"
            )


if __name__ == "__main__":
    main()
