"""The metrics of a call, by the profile in force, and whether anybody receives them at all."""

from __future__ import annotations

import os
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

from opentelemetry import metrics
from opentelemetry.context import Context
from opentelemetry.metrics import CallbackOptions, Histogram, Meter, MeterProvider, Observation

from otel_llm.telemetry import names
from otel_llm.telemetry.attributes import Attributes
from otel_llm.usage import TokenUsage

_DURATION = (names.OPERATION_DURATION, "s", "Duration of a GenAI client operation", names.DURATION_BUCKETS)


# Of what frameworks do between calls; made when one is used, for most programs use none.
_STEPS = {
    names.TOOL_DURATION: ("Duration of a tool's execution", names.DURATION_BUCKETS),
    names.AGENT_DURATION: ("Duration of an agent's run", names.AGENT_BUCKETS),
    names.WORKFLOW_DURATION: ("Duration of a workflow's run", names.WORKFLOW_BUCKETS),
}

_NOWHERE = Context()
"""Where token counts are recorded: exemplars, which lead from a metric to a trace, cost as much again as the
count itself, and the one of the duration leads to the same trace."""


class Instruments:
    """The instruments of one meter. Created once; recording goes to whatever provider is in force."""

    def __init__(self, provider: MeterProvider | None, profile: names.Profile, version: str) -> None:
        self._given = provider
        self._seen: Any = None
        self._live = False
        self._meter = meter = metrics.get_meter("otel_llm", version, provider)
        self._operation_duration = _histogram(meter, *_DURATION)
        self._inference_duration = (
            self._operation_duration
            if profile.inference_duration == names.OPERATION_DURATION
            else _histogram(meter, profile.inference_duration, *_DURATION[1:])
        )
        self._first_chunk = _histogram(
            meter,
            profile.time_to_first_chunk,
            "s",
            "Time until the first chunk arrived",
            names.DURATION_BUCKETS,
        )
        self._output_chunk = _histogram(
            meter, profile.time_per_output_chunk, "s", "Time between two chunks", names.DURATION_BUCKETS
        )
        kind = _TokensByType if profile.token_usage else _TokensByDirection
        self._tokens = kind(meter, _sums_at(provider), profile)
        self._steps = {names.OPERATION_DURATION: self._operation_duration}
        self._cost = meter.create_counter(names.COST, "{USD}", "What calls cost")

    @property
    def live(self) -> bool:
        """Whether a meter provider is set that does anything."""
        provider = self._given or metrics.get_meter_provider()
        if provider is not self._seen:
            self._live = type(provider).__name__ not in ("_ProxyMeterProvider", "NoOpMeterProvider")
            self._seen = provider
        return self._live

    def record_call(
        self,
        operation: str,
        seconds: float,
        first_chunk: float | None,
        usage: TokenUsage | None,
        base: Attributes,
        error_type: str | None,
        context: Context,
    ) -> None:
        """All metrics of one finished call; `base` has no more attributes than the conventions allow."""
        failed = base if error_type is None else {**base, names.ERROR_TYPE: error_type}
        duration = self._operation_duration if operation == "embeddings" else self._inference_duration
        duration.record(seconds, failed, context)
        if first_chunk is not None:
            self._first_chunk.record(first_chunk, base, context)
        if usage is not None:
            self._tokens.record(operation, usage, base, failed)

    def record_cost(self, amount: float, base: Attributes) -> None:
        """What a call cost, in USD."""
        self._cost.add(amount, base, _NOWHERE)

    def record_step(self, name: str, seconds: float, attributes: Attributes, context: Context) -> None:
        """The duration of what is no model call."""
        if name not in self._steps:
            description, buckets = _STEPS[name]
            self._steps[name] = _histogram(self._meter, name, "s", description, buckets)
        self._steps[name].record(seconds, attributes, context)

    def record_chunk(self, seconds: float, base: Attributes, context: Context) -> None:
        """The time from one chunk to the next."""
        self._output_chunk.record(seconds, base, context)


# What each counter adds up, and the parts of it that providers tell by modality.
_CACHED = (
    ("cache_read.input_tokens", "cache_read_tokens", ()),
    ("cache_write.input_tokens", "cache_write_tokens", ()),
)
_COUNTED = (
    ("input_tokens", "input_tokens", ("text_input_tokens", "image_input_tokens", "audio_input_tokens")),
    ("output_tokens", "output_tokens", ("text_output_tokens", "image_output_tokens", "audio_output_tokens")),
    *_CACHED,
    ("reasoning.output_tokens", "reasoning_tokens", ()),
)


_Series = tuple[tuple[str, Any], ...]
_MOST_SERIES = 2000
_OVERFLOW: _Series = (("otel.metric.overflow", True),)


class _Sums:
    """What one counter has added up, by attributes. It is asked for them when metrics are collected: adding to a
    dict costs a twentieth of what a counter of the SDK's takes for it."""

    def __init__(self, meter: Meter, name: str) -> None:
        self._sums: dict[_Series, int] = {}
        self.lock = Lock()
        # A stand-in for the meter of a provider that is not set yet has to be there when it is.
        self._meter = meter if "Proxy" in type(meter).__name__ else None
        meter.create_observable_counter(name, [self._observed], "{token}")

    def add(self, tokens: int, attributes: Attributes) -> None:
        series = tuple(attributes.items())
        with self.lock:
            if series not in self._sums and len(self._sums) >= _MOST_SERIES:
                series = _OVERFLOW
            self._sums[series] = self._sums.get(series, 0) + tokens

    def _observed(self, options: CallbackOptions) -> list[Observation]:
        with self.lock:
            sums = list(self._sums.items())
        return [Observation(tokens, dict(series)) for series, tokens in sums]


class _Global:
    """Stands for the global provider if it was not set yet when we first asked for it."""


_Known = dict[str, _Sums]
_sums: WeakKeyDictionary[Any, _Known] = WeakKeyDictionary()
"""By provider and name: a counter that is made a second time is the first one, and asks nobody new."""


def _sums_at(provider: MeterProvider | None) -> _Known:
    current = metrics.get_meter_provider()
    asked: Any = current if provider is None else provider
    if asked is current and (_Global in _sums or type(asked).__name__ == "_ProxyMeterProvider"):
        asked = _Global
    try:
        return _sums.setdefault(asked, {})
    except TypeError:  # somebody else's, of a kind that cannot be remembered
        return {}


def _forked() -> None:
    """Another thread of the parent's may have held any lock, and is not there to let it go."""
    for of_meter in list(_sums.values()):
        for each in of_meter.values():
            each.lock = Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


class _Counters:
    """Sums by modality, of inference alone: the newest conventions. Nothing is added where there is nothing."""

    def __init__(
        self,
        meter: Meter,
        known: _Known,
        prefix: str | None,
        rows: tuple[tuple[str, str, tuple[str, ...]], ...],
    ) -> None:
        self._rows: list[tuple[_Sums, str, tuple[str, ...]]] = []
        for suffix, field, parts in rows if prefix else ():
            name = f"{prefix}{suffix}"
            if name not in known:
                known[name] = _Sums(meter, name)
            self._rows.append((known[name], field, parts))

    def add(self, usage: TokenUsage, base: Attributes) -> None:
        for counter, field, parts in self._rows:
            total = getattr(usage, field)
            if not total:
                continue
            told = {part.partition("_")[0]: getattr(usage, part) or 0 for part in parts}
            rest = total - sum(told.values())
            if rest < 0:  # the parts contradict the total: the total is what is billed
                told, rest = {}, total
            for modality, tokens in (*told.items(), ("unknown", rest)):
                if tokens:
                    counter.add(tokens, {**base, names.TOKEN_MODALITY: modality})


class _TokensByType:
    """One histogram with the direction as an attribute, for inference and embeddings alike."""

    def __init__(self, meter: Meter, known: _Known, profile: names.Profile) -> None:
        self._usage = _histogram(
            meter, profile.token_usage or "", "{token}", "Tokens used by a call", names.TOKEN_BUCKETS
        )
        self._cached = _Counters(meter, known, profile.usage_counter_prefix, _CACHED)

    def record(self, operation: str, usage: TokenUsage, base: Attributes, failed: Attributes) -> None:
        if usage.input_tokens is not None:
            self._usage.record(usage.input_tokens, {**failed, names.TOKEN_TYPE: "input"}, _NOWHERE)
        if usage.output_tokens is not None:
            self._usage.record(usage.output_tokens, {**failed, names.TOKEN_TYPE: "output"}, _NOWHERE)
        if operation != "embeddings":
            self._cached.add(usage, base)


class _TokensByDirection:
    """A histogram per direction and counters, of inference alone: the newest conventions."""

    def __init__(self, meter: Meter, known: _Known, profile: names.Profile) -> None:
        self._input = _histogram(
            meter, profile.input_tokens or "", "{token}", "Input tokens of a call", names.TOKEN_BUCKETS
        )
        self._output = _histogram(
            meter, profile.output_tokens or "", "{token}", "Output tokens of a call", names.TOKEN_BUCKETS
        )
        self._counted = _Counters(meter, known, profile.usage_counter_prefix, _COUNTED)

    def record(self, operation: str, usage: TokenUsage, base: Attributes, failed: Attributes) -> None:
        del failed  # the newest conventions know no error.type on tokens
        if operation == "embeddings":
            return
        if usage.input_tokens is not None:
            self._input.record(usage.input_tokens, base, _NOWHERE)
        if usage.output_tokens is not None:
            self._output.record(usage.output_tokens, base, _NOWHERE)
        self._counted.add(usage, base)


def _histogram(meter: Meter, name: str, unit: str, description: str, buckets: tuple[float, ...]) -> Histogram:
    return meter.create_histogram(
        name, unit=unit, description=description, explicit_bucket_boundaries_advisory=list(buckets)
    )
