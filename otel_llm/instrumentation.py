"""Switching everything on and off. Sets no global provider and imports no SDK."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from opentelemetry._logs import LoggerProvider
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider

from otel_llm.config import Config
from otel_llm.guard import logger, warn_once
from otel_llm.hooks.patching import Patches, Switch
from otel_llm.providers import LISTED
from otel_llm.providers.hosts import HOSTS
from otel_llm.telemetry import finalizers
from otel_llm.telemetry.engine import Engine

_switch = Switch()
patches = Patches(_switch)


def instrument(
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
    logger_provider: LoggerProvider | None = None,
    **config: Any,
) -> None:
    """Listen to every supported LLM SDK, imported already or later.

    Without providers the global ones are used, also when they are set afterwards. Settings are those of the
    `OTEL_LLM_*` variables, by their lower-case names: `instrument(semconv="latest", exclude=["openai"])`;
    they win over the environment. Calling it again changes nothing. Raises TypeError for a setting that does
    not exist, and nothing else.
    """
    if _switch.engine is not None:
        logger.debug("instrument() was called already; this call changes nothing")
        return
    in_force = _with_known_names(settings(config))
    if in_force.disabled:
        logger.debug("switched off by OTEL_LLM_DISABLED")
        return
    _switch.engine = Engine(in_force, tracer_provider, meter_provider, logger_provider)
    for listed in LISTED:
        if listed.name not in in_force.exclude:
            patches.before_import(listed.packages, listed.sdk)


def _with_known_names(config: Config) -> Config:
    """Without names that nobody has: one that is misspelt must not switch off everything else."""
    if not (config.include or config.exclude):
        return config
    known = {listed.name for listed in LISTED} | {name for _, name in (*HOSTS, *config.provider_hosts)}
    for variable, names in (("OTEL_LLM_INCLUDE", config.include), ("OTEL_LLM_EXCLUDE", config.exclude)):
        for name in sorted(names - known):
            message = "%s: %r is not known (%s); it is left out"
            warn_once((variable, name), message, variable, name, ", ".join(sorted(known)))
    return replace(config, include=config.include & known, exclude=config.exclude & known)


def settings(arguments: dict[str, Any]) -> Config:
    """The settings that these arguments give, over the environment."""
    return Config.build(arguments)


def uninstrument() -> None:
    """Put back every method as the identical object. Calls in flight still end their spans."""
    _switch.engine = None
    patches.restore()
    finalizers.run_late()  # there may be no next call of ours to do it


def engine() -> Engine | None:
    """The engine in force; None while nothing is instrumented."""
    return _switch.engine


def run_late() -> None:
    """End what the garbage collector noticed at a moment when it could not be ended."""
    finalizers.run_late()
