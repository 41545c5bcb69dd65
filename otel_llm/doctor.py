"""What `otel-llm doctor` says: what is installed, what is supported, and what is configured."""

from __future__ import annotations

import os
import platform
import sys
from importlib import import_module, metadata

from otel_llm import instrumentation
from otel_llm.export.variables import without_secrets
from otel_llm.guard import dropped, internal_errors, swept
from otel_llm.providers import sdks

_PACKAGES = (
    "otel-llm",
    "opentelemetry-api",
    "opentelemetry-sdk",
    "opentelemetry-exporter-otlp",
    "rich",
)
_SECRET = ("HEADERS", "KEY", "CERTIFICATE", "TOKEN", "PASSWORD", "SECRET", "CREDENTIAL")


def report() -> str:
    """The whole report, as text. Keys and headers are named, their values are not shown."""
    settings = instrumentation.settings({})
    lines = [f"Python {platform.python_version()} ({sys.executable})"]
    lines += [f"{name} {_version(name) or 'not installed'}" for name in _PACKAGES]
    lines += ["", "SDKs"]
    if settings.disabled or os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        lines.append("  all are switched off by OTEL_LLM_DISABLED or OTEL_SDK_DISABLED")
    known = list(sdks())
    for sdk in known:
        wanted = settings.listens_to(sdk.name) and not settings.disabled
        lines.append(f"  {sdk.name}: {_state(sdk.distribution, sdk.versions, wanted)}")
    lines += [
        "",
        "Settings",
        *(f"  {without_secrets(line) if '://' in line else line}" for line in settings.lines()),
    ]
    lines += ["", "OpenTelemetry variables"]
    lines += [
        f"  {name} = {'(set)' if any(word in name for word in _SECRET) else without_secrets(value)}"
        for name, value in sorted(os.environ.items())
        if name.startswith("OTEL_") and not name.startswith("OTEL_LLM_")
    ] or ["  none set: OTLP over HTTP to http://localhost:4318"]
    wanted = [
        part for sdk in known if settings.listens_to(sdk.name) for part in (sdk, getattr(sdk, "older", None))
    ]
    hooks = _hooks([part.module for part in wanted if part is not None])
    if hooks:
        lines += ["", "Hooks", *(f"  {where}: {state}" for where, state in sorted(hooks.items()))]
    if internal_errors:
        lines += ["", "Errors of our own in this process"]
        lines += [f"  {count} while {place}" for place, count in internal_errors.most_common()]
    if dropped:
        lines += ["", "Telemetry given up"]
        lines += [f"  {count} x {what}" for what, count in dropped.most_common()]
    if swept:
        lines += ["", "Runs given up because too many were open"]
        lines += [f"  {count} of {name}" for name, count in swept.most_common()]
    return "\n".join(lines) + "\n"


def _hooks(modules: list[str]) -> dict[str, str]:
    """Where we listen. If nothing is instrumented in this process, it is for a moment, to see if it can be."""
    if instrumentation.engine() is not None:
        return dict(instrumentation.patches.status)
    failed: dict[str, str] = {}
    instrumentation.instrument()
    try:
        for module in modules:
            try:
                import_module(module)
            except ModuleNotFoundError:
                continue
            except Exception as error:  # noqa: BLE001 - a broken SDK is worth a line, not a traceback
                failed[module] = f"cannot be imported: {type(error).__name__}"
        return {**instrumentation.patches.status, **failed}
    finally:
        instrumentation.uninstrument()


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
    return f"{found}, {'traced' if wanted else 'switched off by OTEL_LLM_DISABLED, OTEL_LLM_INCLUDE or OTEL_LLM_EXCLUDE'}"
