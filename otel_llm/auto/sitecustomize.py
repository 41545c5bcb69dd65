"""Found by Python at start-up because `otel-llm run` put this folder on PYTHONPATH: sets everything up.

It stands in the way of another `sitecustomize` further down the path, so it runs that one as well.
"""

import os
import sys


def _start() -> None:
    try:
        from otel_llm import lifecycle

        lifecycle.setup(console=os.environ.get("OTEL_LLM_CONSOLE") == "1")
    except Exception as error:  # noqa: BLE001 - the program must start in any case
        print(f"otel-llm: not instrumented: {type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201


def _run_shadowed() -> None:
    here = os.path.realpath(os.path.dirname(__file__))
    path = sys.path[:]
    own = sys.modules.pop("sitecustomize", None)
    sys.path[:] = [entry for entry in path if os.path.realpath(entry or ".") != here]
    try:
        import sitecustomize  # noqa: F401  # pyright: ignore[reportMissingImports, reportUnusedImport]
    except ModuleNotFoundError as missing:
        if missing.name != "sitecustomize":
            raise
    finally:
        if own is not None:
            sys.modules.setdefault("sitecustomize", own)
        sys.path[:] = path


try:
    _run_shadowed()  # first: it may set variables, or a tracer provider of its own
finally:
    _start()
