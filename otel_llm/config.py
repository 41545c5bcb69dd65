"""All settings, in one immutable object, built once from arguments over the environment.

Knows nothing of the rest of the package. A wrong value never stops an application: one warning names the
variable, the value and what is allowed, and the default is used.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from typing import Any

from otel_llm.guard import warn_once

_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off", "")

PROFILE_NAMES = ("2026-10", "latest", "2026-08")
CAPTURE_MODES = ("NO_CONTENT", "SPAN_ONLY", "EVENT_ONLY", "SPAN_AND_EVENT")
NATIVE_MODES = ("replace", "keep")
TOOL_MODES = ("names", "full")
UPLOAD_FORMATS = ("json", "jsonl")
FILTERS = ("keys", "emails", "cards", "phones")


_CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"


class _Wrong(ValueError):
    """A value that is not allowed; the message says what is."""


def _flag(value: str) -> bool:
    if value.lower() in _TRUE:
        return True
    if value.lower() in _FALSE:
        return False
    raise _Wrong("true or false")


def _one_of(allowed: tuple[str, ...]) -> Callable[[str], str]:
    by_lower = {name.lower(): name for name in allowed}

    def parse(value: str) -> str:
        if value.lower() not in by_lower:
            raise _Wrong(" | ".join(allowed))
        return by_lower[value.lower()]

    return parse


def _capture(value: str) -> str:
    if value.lower() in _TRUE:  # what older packages took
        warn_once(("capture", value), "%s=%s means SPAN_ONLY", _CAPTURE, value)
        return "SPAN_ONLY"
    if value.lower() in _FALSE:
        return "NO_CONTENT"
    return _one_of(CAPTURE_MODES)(value)


def _positive(value: str) -> int:
    # More digits are no size of anything, and Python refuses to read very many of them.
    if not (value.isascii() and value.isdigit() and len(value) <= 18) or int(value) == 0:
        raise _Wrong("a whole number above 0")
    return int(value)


def _names(value: str) -> frozenset[str]:
    return frozenset(name.strip().lower() for name in value.split(",") if name.strip())


def _hosts(value: str) -> tuple[tuple[str, str], ...]:
    pairs = [entry.strip().rpartition("=") for entry in value.split(",") if entry.strip()]
    if not all(host and provider for host, _, provider in pairs):
        raise _Wrong("host=provider pairs, comma separated")
    return tuple((host.strip().lower(), provider.strip()) for host, _, provider in pairs)


@lru_cache(maxsize=1024)
def host_pattern(row: str) -> re.Pattern[str]:
    """What `host:port` has to be like for a row of a host table: `*` stands for any labels, and a row without a
    port is for all of them."""
    host, colon, port = row.partition(":")
    labels = re.escape(host).replace(r"\*", r"[a-z0-9.-]+")
    return re.compile(f"{labels}:{port if colon else '[0-9]+'}")


def provider_among(rows: tuple[tuple[str, str], ...], host: str, port: int) -> str | None:
    """The provider of the first row that fits; None if none does."""
    address = f"{host.lower().rstrip('.')}:{port}"
    return next((provider for row, provider in rows if host_pattern(row).fullmatch(address)), None)


def _filters(value: str) -> tuple[str, ...]:
    found = tuple(name.strip().lower() for name in value.split(",") if name.strip())
    if not set(found) <= set(FILTERS):
        raise _Wrong(", ".join(FILTERS))
    return found


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error:
        raise _Wrong("a regular expression") from None
    return value


def _setting(variable: str, parse: Callable[[str], Any], default: Any) -> Any:
    return field(default=default, metadata={"variable": variable, "parse": parse})


@dataclass(frozen=True, slots=True)
class Config:
    """The settings in force; `variable` in each field's metadata names what sets it from outside."""

    disabled: bool = _setting("OTEL_LLM_DISABLED", _flag, False)
    include: frozenset[str] = _setting("OTEL_LLM_INCLUDE", _names, frozenset())
    """Names of SDKs or of providers to listen to; empty: all."""
    exclude: frozenset[str] = _setting("OTEL_LLM_EXCLUDE", _names, frozenset())
    semconv: str = _setting("OTEL_LLM_SEMCONV", _one_of(PROFILE_NAMES), PROFILE_NAMES[0])
    capture_content: str = _setting(_CAPTURE, _capture, CAPTURE_MODES[0])
    content_max_bytes: int = _setting("OTEL_LLM_CONTENT_MAX_BYTES", _positive, 16384)
    tool_definitions: str = _setting("OTEL_LLM_TOOL_DEFINITIONS", _one_of(TOOL_MODES), TOOL_MODES[0])
    """What is captured of tools that are offered; `full` adds descriptions and parameters."""
    content_filter: tuple[Any, ...] = _setting("OTEL_LLM_CONTENT_FILTER", _filters, ())
    """Names of shipped filters, and functions from a part of a message to what is told in its place, or None."""
    content_filter_pattern: str | None = _setting("OTEL_LLM_CONTENT_FILTER_PATTERN", _pattern, None)
    """A regular expression; what matches it is not told."""
    completion_hook: Any = _setting("OTEL_INSTRUMENTATION_GENAI_COMPLETION_HOOK", str, None)  # noqa: RUF009
    """Who gets what was said, besides: `upload`, a name in OpenTelemetry's group of entry points, or an object."""
    upload_base_path: str | None = _setting("OTEL_INSTRUMENTATION_GENAI_UPLOAD_BASE_PATH", str, None)
    upload_format: str = _setting(
        "OTEL_INSTRUMENTATION_GENAI_UPLOAD_FORMAT", _one_of(UPLOAD_FORMATS), UPLOAD_FORMATS[0]
    )
    upload_max_queue_size: int = _setting("OTEL_INSTRUMENTATION_GENAI_UPLOAD_MAX_QUEUE_SIZE", _positive, 20)
    emit_event: bool | None = _setting("OTEL_INSTRUMENTATION_GENAI_EMIT_EVENT", _flag, None)
    """Whether each call gets an event of its details; None: if content is to be in it."""
    stream_usage: bool = _setting("OTEL_LLM_STREAM_USAGE", _flag, False)
    chunk_metric: bool = _setting("OTEL_LLM_CHUNK_METRIC", _flag, False)
    cost: bool = _setting("OTEL_LLM_COST", _flag, False)
    prices: str = _setting("OTEL_LLM_PRICES", str, "")
    """Path of a JSON file, or the JSON itself."""
    logprobs: bool = _setting("OTEL_LLM_LOGPROBS", _flag, False)
    native_tracing: str = _setting("OTEL_LLM_NATIVE_TRACING", _one_of(NATIVE_MODES), NATIVE_MODES[0])
    langsmith: bool = _setting("OTEL_LLM_LANGSMITH", _flag, False)
    provider_hosts: tuple[tuple[str, str], ...] = _setting("OTEL_LLM_PROVIDER_HOSTS", _hosts, ())
    strict: bool = _setting("OTEL_LLM_STRICT", _flag, False)

    @classmethod
    def build(
        cls, arguments: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None
    ) -> Config:
        """Arguments over environment over defaults.

        An argument may be given as its own type or spelled as in the variable. Unknown argument names raise
        TypeError, as for any function; wrong values of known ones are warned about and replaced.
        """
        environ = os.environ if environ is None else environ
        arguments = arguments or {}
        known = {setting.name: setting for setting in fields(cls)}
        if unknown := sorted(arguments.keys() - known.keys()):
            raise TypeError(f"unknown settings {', '.join(unknown)}; known are {', '.join(known)}")
        values: dict[str, Any] = {}
        for name, setting in known.items():
            variable, parse = setting.metadata["variable"], setting.metadata["parse"]
            default = _UNUSABLE if name in _FILTERING else setting.default
            if name in _AS_GIVEN and _functions(arguments.get(name)):
                values[name] = _as_given(name, arguments[name], parse)
            elif arguments.get(name) is not None:
                values[name] = _parse(name, _spell(arguments[name]), parse, default)
            elif environ.get(variable, "").strip():  # an empty variable counts as unset, as in OpenTelemetry
                values[name] = _parse(variable, environ[variable], parse, default)
        if any(values.get(name) is _UNUSABLE for name in _FILTERING):
            for name in (*_FILTERING, "capture_content", "completion_hook"):
                values.pop(name, None)
        return cls(**values)

    @property
    def content(self) -> bool:
        """Whether anything of what was said may leave the process."""
        return self.capture_content != CAPTURE_MODES[0]

    def listens_to(self, *names: str) -> bool:
        """Whether calls are to be seen of an SDK, or of a provider reached through it."""
        wanted = not self.include or any(name in self.include for name in names)
        return wanted and not any(name in self.exclude for name in names)

    def lines(self) -> list[str]:
        """One line for each setting, for `otel-llm doctor`."""
        return [
            f"{setting.metadata['variable']} = {_shown(getattr(self, setting.name))}"
            for setting in fields(self)
        ]


def _shown(value: Any) -> str:
    """A value as people write it; `-` for nothing."""
    if isinstance(value, (frozenset, tuple)):
        entries = ("=".join(each) if isinstance(each, tuple) else str(each) for each in value)
        return ", ".join(sorted(entries)) or "-"
    return (
        "-" if value is None or value == "" else str(value).lower() if isinstance(value, bool) else str(value)
    )


_UNUSABLE: Any = object()
_FILTERING = ("content_filter", "content_filter_pattern")
"""Settings without which more would leave than was meant: a wrong value stops what they are for."""

_AS_GIVEN = ("content_filter", "completion_hook")
"""Settings that may be objects of the program's."""


def _functions(value: Any) -> bool:
    """Whether anything in it is more than a name."""
    entries = value if isinstance(value, (list, tuple)) else (value,)
    return any(entry is not None and not isinstance(entry, str) for entry in entries)


def _as_given(name: str, value: Any, parse: Callable[[str], Any]) -> Any:
    if name != "content_filter":
        return value
    found: list[Any] = []
    for entry in value if isinstance(value, (list, tuple)) else (value,):
        named = (entry,) if callable(entry) else _parse(name, str(entry), parse, _UNUSABLE)
        if named is _UNUSABLE:
            return _UNUSABLE
        found += named
    return tuple(found)


def _parse(name: str, value: str, parse: Callable[[str], Any], default: Any) -> Any:
    try:
        return parse(value.strip())
    except _Wrong as wrong:
        shown = sorted(default) if isinstance(default, frozenset) else default
        if default is _UNUSABLE:
            warn_once((name, value), "%s=%r is not allowed (%s); no content is captured", name, value, wrong)
            return default
        warn_once((name, value), "%s=%r is not allowed (%s); using %r", name, value, wrong, shown)
        return default


def _spell(value: Any) -> str:
    """An argument in the spelling of its variable, so that both go through the same checks."""
    if isinstance(value, Mapping):
        if any(isinstance(entry, Mapping) for entry in value.values()):
            return _json(value)
        return ",".join(f"{key}={entry}" for key, entry in value.items())  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, (list, tuple, set, frozenset)):
        return ",".join(
            "=".join(map(str, entry)) if isinstance(entry, tuple) else str(entry)  # pyright: ignore
            for entry in value  # pyright: ignore[reportUnknownVariableType]
        )
    return str(value)


def _json(value: Mapping[Any, Any]) -> str:
    try:
        return json.dumps(value, default=_plain)
    except (TypeError, ValueError, RecursionError):
        return "{"  # which is wrong, as this was; whoever reads it says so


def _plain(value: Any) -> Any:
    """Mappings that are no dicts, and numbers of other kinds."""
    return dict(value) if isinstance(value, Mapping) else float(value)
