"""The table of names against the conventions' registry."""

from __future__ import annotations

import pytest

from otel_llm.telemetry import names
from tests import semconv

pytestmark = pytest.mark.skipif(semconv.find_registry() is None, reason="the registry is not here")

ATTRIBUTES = {
    name: value
    for name, value in vars(names).items()
    if name.isupper()
    and isinstance(value, str)
    and "." in value
    and not name.startswith(("_", "EVENT_", "STREAM_", "LOGPROBS_", "LANGSMITH_", "COST"))
    and not name.endswith(("_DURATION", "_COST"))
    and name not in ("SESSION_ID", "USER_ID")  # of the conventions' other parts
} | {"ERROR_TYPE": names.ERROR_TYPE}
OLD = {names.USAGE_CACHE_CREATION, names.TOKEN_TYPE}


@pytest.mark.parametrize("value", sorted(set(ATTRIBUTES.values())))
def test_every_attribute_is_in_the_registry(value: str) -> None:
    """And is not deprecated, apart from the two that older profiles ask for."""
    entry = semconv.registry()["attributes"][value]
    assert entry["deprecated"] == (value in OLD)


@pytest.mark.parametrize("profile", names.PROFILES.values(), ids=lambda profile: profile.name)
def test_every_metric_of_a_profile_is_in_the_registry(profile: names.Profile) -> None:
    """With our buckets being its own."""
    known = semconv.registry()["metrics"]
    known = {**known["metrics"], **known["legacy_metrics"]}
    for name in (profile.time_to_first_chunk, profile.time_per_output_chunk, names.OPERATION_DURATION):
        assert tuple(known[name]["bucket_boundaries"]) == names.DURATION_BUCKETS
    for name in (profile.token_usage, profile.input_tokens, profile.output_tokens):
        assert name is None or tuple(known[name]["bucket_boundaries"]) == names.TOKEN_BUCKETS
    assert profile.inference_duration in known
    if profile.usage_counter_prefix is not None:
        assert f"{profile.usage_counter_prefix}cache_read.input_tokens" in known
        assert f"{profile.usage_counter_prefix}cache_write.input_tokens" in known


@pytest.mark.parametrize(
    ("name", "buckets"),
    [
        (names.TOOL_DURATION, names.DURATION_BUCKETS),
        (names.AGENT_DURATION, names.AGENT_BUCKETS),
        (names.WORKFLOW_DURATION, names.WORKFLOW_BUCKETS),
    ],
)
def test_metrics_of_steps_have_the_registrys_buckets(name: str, buckets: tuple[float, ...]) -> None:
    """To the last digit."""
    assert tuple(semconv.registry()["metrics"]["metrics"][name]["bucket_boundaries"]) == buckets


def test_every_event_is_in_the_registry() -> None:
    """By its name."""
    assert {names.EVENT_EXCEPTION, names.EVENT_DETAILS} <= semconv.registry()["events"].keys()
