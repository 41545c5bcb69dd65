"""OpenTelemetry's own variables, where a wrong value would stop its SDK, or be passed over in silence.

For as long as something of the SDK is made, wrong values are replaced, after one warning for each that names
the variable, the value and what is allowed. Knows no SDK: some of these are read while it is imported.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager

from otel_llm.guard import warn_once

Check = Callable[[str], bool]

_SIGNAL = "(_TRACES|_METRICS|_LOGS)?"
_QUEUES = ("OTEL_BSP", "OTEL_BLRP")  # of spans and of logs
_QUEUE_SIZE, _BATCH_SIZE = 2048, 512  # the SDK's defaults
_LARGEST = 10_000_000


def _above_zero(value: str) -> bool:
    try:
        return 0 < float(value) < math.inf
    except ValueError:
        return False


def _ratio(value: str) -> bool:
    try:
        return 0 <= float(value) <= 1
    except ValueError:
        return False


def _count(value: str) -> bool:
    return value.isdecimal() and 0 < int(value) <= _LARGEST


def _limit(value: str) -> bool:
    return value.lower() == "unset" or value.isdecimal()


def _url(value: str) -> bool:
    return re.fullmatch(r"https?://[^/\s]+(/\S*)?", value) is not None


def _one_of(*allowed: str) -> tuple[Check, str]:
    return (lambda value: value.lower() in allowed), " | ".join(allowed)


# By the whole name of a variable: what is allowed, and what is put in the place of anything else.
_RULES: tuple[tuple[str, tuple[Check, str], str | None], ...] = (
    (rf"OTEL_EXPORTER_OTLP{_SIGNAL}_TIMEOUT", (_above_zero, "seconds, above 0"), None),
    (rf"OTEL_EXPORTER_OTLP{_SIGNAL}_COMPRESSION", _one_of("none", "gzip", "deflate"), None),
    (rf"OTEL_EXPORTER_OTLP{_SIGNAL}_PROTOCOL", _one_of("http/protobuf", "grpc"), None),
    (rf"OTEL_EXPORTER_OTLP{_SIGNAL}_INSECURE", _one_of("true", "false"), None),
    (
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
        _one_of("cumulative", "delta", "lowmemory"),
        None,
    ),
    (
        "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
        _one_of("explicit_bucket_histogram", "base2_exponential_bucket_histogram"),
        None,
    ),
    ("OTEL_METRICS_EXEMPLAR_FILTER", _one_of("trace_based", "always_on", "always_off"), None),
    ("OTEL_METRIC_EXPORT_(INTERVAL|TIMEOUT)", (_above_zero, "milliseconds, above 0"), None),
    (
        "OTEL_B(S|LR)P_(MAX_QUEUE_SIZE|MAX_EXPORT_BATCH_SIZE|SCHEDULE_DELAY|EXPORT_TIMEOUT)",
        (_count, "a whole number above 0"),
        None,
    ),
    (
        "OTEL(_SPAN|_EVENT|_LINK|_LOGRECORD)?_(ATTRIBUTE|EVENT|LINK)_(COUNT|VALUE_LENGTH)_LIMIT",
        (_limit, "a whole number"),
        None,
    ),
    (
        "OTEL_TRACES_SAMPLER",
        _one_of(
            "always_on",
            "always_off",
            "traceidratio",
            "parentbased_always_on",
            "parentbased_always_off",
            "parentbased_traceidratio",
        ),
        None,
    ),
    ("OTEL_TRACES_SAMPLER_ARG", (_ratio, "a number from 0 to 1"), "1"),
    ("OTEL_SDK_DISABLED", _one_of("true", "false"), None),
)


@contextmanager
def corrected() -> Generator[None, None, None]:
    """Inside, `os.environ` has no wrong value in it; afterwards it is what it was."""
    right = corrections(os.environ)
    before = {name: os.environ.get(name) for name in right}
    _put(right)
    try:
        yield
    finally:
        _put(before)


def _put(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def corrections(environ: Mapping[str, str]) -> dict[str, str | None]:
    """What to set instead of wrong values, None for nothing at all. Warns of each value once."""
    right: dict[str, str | None] = {}
    for name, value in environ.items():
        if not name.startswith("OTEL_"):
            continue
        if name.startswith("OTEL_EXPORTER_OTLP") and name.endswith("HEADERS"):
            right |= _headers(name, value)
        elif name.startswith("OTEL_EXPORTER_OTLP") and name.endswith("ENDPOINT"):
            right |= _endpoint(name, value, environ)
        else:
            right |= _by_rule(name, value.strip(), environ)
    for queue in _QUEUES:
        right |= _batch(queue, {**environ, **right})
    return right


def _by_rule(name: str, value: str, environ: Mapping[str, str]) -> dict[str, str | None]:
    if name.endswith("_COMPRESSION") and value and protocol_of(name, environ) == "grpc":
        if value.lower() not in ("none", "gzip"):
            _warn(name, value, "none | gzip")
        return {} if value.lower() == "gzip" else {name: None}  # its exporters do not know the word "none"
    for pattern, (allows, allowed), instead in _RULES:
        if re.fullmatch(pattern, name) and not allows(value):
            if value:  # empty means not set
                _warn(name, value, allowed)
            return {name: instead}
    return {}


def _warn(name: str, value: str, allowed: str) -> None:
    warn_once((name, value), "%s=%r is not allowed (%s); using the default", name, value, allowed)


def _headers(name: str, value: str) -> dict[str, str | None]:
    """The SDK would quote in its log what it cannot read, and that may be a key."""
    entries = [entry for entry in value.split(",") if entry.strip()]
    readable = [entry for entry in entries if re.fullmatch(r"\s*[^\s=]+\s*=[^\r\n]*", entry)]
    if len(readable) == len(entries):
        return {}
    warn_once(name, "%s has an entry that is not name=value; it is left out", name)
    return {name: ",".join(readable) or None}


def _endpoint(name: str, value: str, environ: Mapping[str, str]) -> dict[str, str | None]:
    value = value.strip()
    if _url(value) or (value and protocol_of(name, environ) == "grpc"):
        return {}
    if value:
        _warn(name, without_secrets(value), "http://host:port or https://host:port")
    return {name: None}


def without_secrets(value: str) -> str:
    """A URL without user, password, query and fragment; anything else as it is."""
    scheme, separator, rest = value.rpartition("://")
    if not separator and "@" not in value:
        return value
    return scheme + separator + re.split("[?#]", rest, maxsplit=1)[0].rpartition("@")[2]


def protocol_of(name: str, environ: Mapping[str, str]) -> str:
    """The OTLP protocol chosen for the signal that a variable is about, if any is."""
    prefix = name.rpartition("_")[0]
    own = environ.get(f"{prefix}_PROTOCOL", "")
    return (own or environ.get("OTEL_EXPORTER_OTLP_PROTOCOL", "")).strip().lower()


def _batch(queue: str, environ: Mapping[str, str | None]) -> dict[str, str | None]:
    """A batch cannot be larger than the queue that it is taken from."""
    name = f"{queue}_MAX_EXPORT_BATCH_SIZE"
    size = int(environ.get(f"{queue}_MAX_QUEUE_SIZE") or _QUEUE_SIZE)
    batch = environ.get(name)
    if int(batch or _BATCH_SIZE) <= size:
        return {}
    if batch:
        _warn(name, batch, f"at most {size}, the size of the queue")
    return {name: str(size)}
