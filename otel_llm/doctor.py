"""What `otel-llm doctor` says: what is installed, what is supported, and what is configured."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata

from otel_llm import instrumentation
from otel_llm.guard import internal_errors
from otel_llm.providers import SDKS

_PACKAGES = (
    "otel-llm",
    "opentelemetry-api",
    "opentelemetry-sdk",
    "opentelemetry-exporter-otlp",
    "rich",
)
_SECRET = ("HEADERS", "KEY", "CERTIFICATE")


def report() -> str:
    """The whole report, as text. Keys and headers are named, their values are not shown."""
    settings = instrumentation.settings({})
    lines = [f"Python {platform.python_version()} ({sys.executable})"]
    lines += [f"{name} {_version(name) or 'not installed'}" for name in _PACKAGES]
    lines += ["", "SDKs"]
    for sdk in SDKS:
        lines.append(f"  {sdk.name}: {_state(sdk.distribution, sdk.versions, settings.listens_to(sdk.name))}")
    lines += ["", "Settings", *(f"  {line}" for line in settings.lines())]
    lines += ["", "OpenTelemetry variables"]
    lines += [
        f"  {name} = {'(set)' if any(word in name for word in _SECRET) else _without_user(value)}"
        for name, value in sorted(os.environ.items())
        if name.startswith("OTEL_") and not name.startswith("OTEL_LLM_")
    ] or ["  none set: OTLP over HTTP to http://localhost:4318"]
    hooks = instrumentation.patches.status
    if hooks:
        lines += [
            "",
            "Hooks in this process",
            *(f"  {where}: {state}" for where, state in sorted(hooks.items())),
        ]
    if internal_errors:
        lines += ["", "Errors of our own in this process"]
        lines += [f"  {count} while {place}" for place, count in internal_errors.most_common()]
    return "\n".join(lines) + "\n"


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _state(distribution: str, supported: str, wanted: bool) -> str:
    found = _version(distribution)
    if found is None:
        return f"not installed (supported: {supported})"
    from packaging.specifiers import SpecifierSet

    if not SpecifierSet(supported).contains(found, prereleases=True):
        return f"{found} is not supported (supported: {supported}); its calls are not traced"
    return f"{found}, {'traced' if wanted else 'switched off by OTEL_LLM_INCLUDE or OTEL_LLM_EXCLUDE'}"


def _without_user(value: str) -> str:
    return value.rpartition("@")[2] if "://" in value and "@" in value else value
