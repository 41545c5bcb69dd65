"""Validates emitted spans, metrics and events against the conventions' registry, which is kept outside the project.

What the registry knows is read from its files; what only its text says is written here as rules.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from otel_llm.testing import Telemetry

OWN = "otel_llm.stream.outcome"
DETAILS = "gen_ai.client.inference.operation.details"
COSTS = ("gen_ai.usage.cost", "otel_llm.cost.input", "otel_llm.cost.output")
"""Of spans of models' calls, in USD, for those who ask for them."""
COST = "otel_llm.cost"
"""The metric of the same."""
LOGPROBS = {
    "otel_llm.logprobs.token_count": "int",
    "otel_llm.logprobs.mean": "double",
    "otel_llm.logprobs.min": "double",
    "otel_llm.logprobs.min_position": "int",
    "otel_llm.logprobs.perplexity": "double",
}
"""Our own as well: how sure a model was of its tokens."""
LOGPROB_TOKENS = "otel_llm.logprobs.tokens"
UNNAMED = ("rerank",)
"""Operations that the conventions have no name for yet; their spans are like any inference."""
KEYED = {  # what a span's name ends with, by operation
    "chat": "gen_ai.request.model",
    "text_completion": "gen_ai.request.model",
    "generate_content": "gen_ai.request.model",
    "embeddings": "gen_ai.request.model",
    "execute_tool": "gen_ai.tool.name",
    "invoke_agent": "gen_ai.agent.name",
    "invoke_workflow": "gen_ai.workflow.name",
    "retrieval": "gen_ai.data_source.id",
}
ASIDE = ("gen_ai.conversation.id", "session.id", "user.id")
"""May be said of every span inside a block."""
REFERENCES = tuple(
    f"gen_ai.{name}_ref"
    for name in ("input.messages", "output.messages", "system_instructions", "tool.definitions")
)
"""Where content is stored: the official Python packages' names, not in the registry yet."""
MODELS = (*UNNAMED, "chat", "text_completion", "generate_content", "embeddings")
KINDS = {"client": SpanKind.CLIENT, "internal": SpanKind.INTERNAL}
CREATION, WRITE = "gen_ai.usage.cache_creation.input_tokens", "gen_ai.usage.cache_write.input_tokens"
LEGACY_PROFILES = ("2026-10", "2026-08")
OF_ALL_PROFILES = (
    "gen_ai.client.operation.duration",
    "gen_ai.execute_tool.duration",
    "gen_ai.invoke_agent.duration",
    "gen_ai.invoke_workflow.duration",
)
COUNTED = (
    "gen_ai.client.inference.usage.cache_read.input_tokens",
    "gen_ai.client.inference.usage.cache_write.input_tokens",
)
"""Counters of the newest conventions that the default profile has as well."""
SUBSETS = (
    ("gen_ai.usage.input_tokens", ("gen_ai.usage.cache_read.input_tokens", WRITE, CREATION)),
    ("gen_ai.usage.output_tokens", ("gen_ai.usage.reasoning.output_tokens",)),
)
TYPES: dict[str, Callable[[Any], bool]] = {
    "int": lambda value: type(value) is int,
    "double": lambda value: type(value) is float,
    "boolean": lambda value: type(value) is bool,
    "string": lambda value: type(value) is str,
    "enum": lambda value: type(value) is str,
    "any": lambda value: type(value) is str,
    "string[]": lambda value: isinstance(value, (tuple, list)) and all(type(entry) is str for entry in value),
}


def find_registry() -> Path | None:
    """The folder with the registry's files, if it is at hand."""
    folder = Path(os.environ.get("OTEL_LLM_SEMCONV_DIR", Path(__file__).parents[2] / "shared" / "semconv"))
    return folder if (folder / "attributes.json").is_file() else None


@lru_cache(maxsize=1)
def registry() -> dict[str, Any]:
    """The registry's four files, by name; attributes by their own names."""
    folder = find_registry()
    assert folder is not None
    found = {
        name: json.loads((folder / f"{name}.json").read_text()) for name in ("spans", "metrics", "events")
    }
    entries = json.loads((folder / "attributes.json").read_text())["attributes"]
    found["attributes"] = {entry["name"]: entry for entry in entries}
    found["span_types"] = {
        operation: (name, kind)
        for name, kind in found["spans"]["spans"].items()
        for operation in kind["operations"]
    }
    return found


def check_telemetry(
    telemetry: Telemetry,
    profile: str,
    *,
    allow_odd: bool = False,
    content: bool = False,
    cost: bool = False,
) -> list[str]:
    """Everything that is wrong with what was emitted, as sentences; empty if the registry is not at hand."""
    if find_registry() is None:
        return []
    problems = list(check_spans(telemetry.spans, profile, allow_odd=allow_odd, content=content, cost=cost))
    problems += check_metrics(telemetry.metrics_data(), profile, cost=cost)
    problems += check_events(telemetry.logs, content=content)
    return problems


def check_spans(
    spans: Iterable[ReadableSpan],
    profile: str,
    *,
    allow_odd: bool = False,
    content: bool = False,
    cost: bool = False,
) -> Iterator[str]:
    for span in spans:
        if span.instrumentation_scope is None or span.instrumentation_scope.name != "otel_llm":
            continue
        attributes = dict(span.attributes or {})
        told = {name: attributes.pop(name) for name in COSTS if name in attributes}
        for problem in (
            *_cost(told, attributes, cost=cost),
            *_shape(span, attributes),
            *_names(attributes, profile, content=content),
            *_figures(attributes, allow_odd=allow_odd),
            *([] if content else _prose(span, attributes)),
            *_logprobs(attributes),
        ):
            yield f"span {span.name!r}: {problem}"


def _shape(span: ReadableSpan, attributes: Mapping[str, Any]) -> Iterator[str]:
    operation = attributes.get("gen_ai.operation.name", "")
    if operation in UNNAMED:
        return
    if operation == "":  # a step of a framework that the conventions have no word for
        if span.kind is not SpanKind.INTERNAL or attributes.keys() - {*ASIDE, "error.type"}:
            yield f"has no operation, but says {sorted(attributes)}"
        return
    if operation not in registry()["span_types"]:
        yield f"unknown operation {operation!r}"
        return
    _, kind = registry()["span_types"][operation]
    keyed = attributes.get(KEYED.get(operation, ""))
    expected = f"{operation} {keyed}" if keyed is not None else operation
    if span.name != expected:
        yield f"should be named {expected!r}"
    if span.kind is not KINDS[kind["kind"]]:
        yield f"is of kind {span.kind}"
    failed = span.status.status_code is StatusCode.ERROR
    if span.status.status_code is StatusCode.OK:
        yield "has status OK"
    if failed != ("error.type" in attributes):
        yield "has an error status or an error.type without the other"
    if failed and not span.status.description:
        yield "has an error status without a description"
    if span.events:
        yield "has span events"
    if (span.end_time or 0) < (span.start_time or 0):
        yield "ends before it starts"
    if span.instrumentation_scope is not None and span.instrumentation_scope.schema_url:
        yield "claims a schema"


def _cost(told: Mapping[str, Any], attributes: Mapping[str, Any], *, cost: bool) -> Iterator[str]:
    if told and not cost:
        yield f"tells {sorted(told)} to nobody who asked"
    if told and attributes.get("gen_ai.operation.name") not in MODELS:
        yield f"tells {sorted(told)} of what is no call of a model"
    if told and COSTS[0] not in told:
        yield f"tells {sorted(told)} without their sum"
    for name, amount in told.items():
        if type(amount) is not float or not 0 <= amount < 10_000:
            yield f"{name} is {amount!r}"
    if sum(told.get(name, 0.0) for name in COSTS[1:]) > told.get(COSTS[0], 0.0) * (1 + 1e-9):
        yield f"{COSTS[0]} is {told.get(COSTS[0])}, less than its parts"


def _names(attributes: Mapping[str, Any], profile: str, *, content: bool) -> Iterator[str]:
    known = registry()["attributes"]
    allowed = _allowed(
        attributes.get("gen_ai.operation.name", ""), attributes.get("gen_ai.provider.name", "")
    )
    for name, value in attributes.items():
        if name in REFERENCES and content:
            continue
        if (
            name in ASIDE
            or name in LOGPROBS
            or (name == "error.type" and "gen_ai.operation.name" not in attributes)
        ):
            continue
        if name == OWN:
            if "error.type" in attributes or value != "abandoned":
                yield f"{name} is for abandoned streams alone"
            continue
        yield from _name(name, value, known.get(name), allowed, profile, content=content)
    if profile == "2026-08" and WRITE in attributes:
        yield f"{WRITE} is of other profiles"
    if ("server.address" in attributes) != ("server.port" in attributes):
        yield "has an address or a port without the other"
    for name in _required(attributes.get("gen_ai.operation.name", "")):
        if not attributes.get(name):
            yield f"lacks {name}"


def _name(
    name: str, value: Any, entry: Any, allowed: frozenset[str], profile: str, *, content: bool
) -> Iterator[str]:
    if entry is None:
        yield f"{name} is not in the registry"
    else:
        if entry["deprecated"] and not (name == CREATION and profile == "2026-08"):
            yield f"{name} is deprecated"
        if (WRITE if name == CREATION else name) not in allowed:
            yield f"{name} does not belong there"
        if not TYPES[entry["type"]](value):
            yield f"{name} is {value!r}, not {entry['type']}"
        if entry["sensitive"] is True and not content:
            yield f"{name} is content"


NAMED_BY_USERS = (
    "gen_ai.agent.name",
    "gen_ai.conversation.id",
    "gen_ai.data_source.id",
    "gen_ai.request.model",
    "gen_ai.request.stop_sequences",
    "gen_ai.tool.name",
    "gen_ai.workflow.name",
    "session.id",
    "user.id",
)


def _prose(span: ReadableSpan, attributes: Mapping[str, Any]) -> Iterator[str]:
    """With content off nothing is told in words: codes, names and ids have no spaces."""
    for name, value in attributes.items():
        words = " ".join(value) if isinstance(value, (tuple, list)) and name.endswith("sequences") else value
        if isinstance(words, str) and name not in NAMED_BY_USERS and any(map(str.isspace, words)):
            yield f"{name} tells {words!r}"
    told = (span.status.description or "").replace(": ", ":")
    if any(map(str.isspace, told)):
        yield f"the status tells {told!r}"


def _required(operation: str) -> list[str]:
    _, kind = registry()["span_types"].get(operation, ("", {"attributes": {}}))
    return [name for name, rule in kind["attributes"].items() if rule["level"] == "required"]


@lru_cache(maxsize=64)
def _allowed(operation: str, provider: str) -> frozenset[str]:
    operation = "chat" if operation in UNNAMED else operation
    name, kind = registry()["span_types"].get(operation, ("", {"attributes": {}}))
    allowed = set(kind["attributes"])
    for refinement in registry()["spans"]["refinements"].values():
        if refinement.get("ref") == name and refinement.get("provider") == provider:
            allowed |= set(refinement["attributes"])
    return frozenset(allowed)


def _figures(attributes: Mapping[str, Any], *, allow_odd: bool) -> Iterator[str]:
    for name, value in attributes.items():
        if type(value) in (int, float) and value < 0 and name.startswith("gen_ai.usage."):
            yield f"{name} is negative"
    if attributes.get("gen_ai.request.stream") is False:
        yield "says that it does not stream"
    if attributes.get("gen_ai.request.choice.count") == 1:
        yield "says that there is one choice"
    for total, parts in SUBSETS:
        if not allow_odd and total in attributes:
            inside = sum(attributes.get(part, 0) for part in parts)
            if inside > attributes[total]:
                yield f"{total} is {attributes[total]}, less than the {inside} inside it"


def _logprobs(attributes: Mapping[str, Any]) -> Iterator[str]:
    """Figures that fit together: a mean of tokens lies between the least sure of them and 0, and so on."""
    told = {name: attributes[name] for name in LOGPROBS if name in attributes}
    if not told:
        return
    if attributes.get("gen_ai.operation.name") in ("embeddings", "execute_tool", "invoke_agent"):
        yield f"has {sorted(told)}, but no model chose tokens"
    for name, value in told.items():
        if not TYPES[LOGPROBS[name]](value) or not math.isfinite(value):
            yield f"{name} is {value!r}, not {LOGPROBS[name]}"
    count, mean, least, place, perplexity = (
        told.get(f"otel_llm.logprobs.{name}")
        for name in ("token_count", "mean", "min", "min_position", "perplexity")
    )
    if count is None and (mean is None or least is not None):
        yield "has log-probabilities of nobody knows how many tokens"
    if mean is None and (count != 0 or len(told) != 1):
        yield "has tokens, but no mean of their log-probabilities"
    if mean is not None and (count == 0 or not (mean if least is None else least) <= mean <= 0):
        yield f"has the mean {mean} of {count} tokens, of which the least sure has {least}"
    if (least is None) != (place is None) or (place is not None and not 0 <= place < (count or 0)):
        yield f"has the least sure token at {place} of {count}"
    if perplexity is not None and (mean is None or not math.isclose(perplexity, math.exp(-mean))):
        yield f"has the perplexity {perplexity} for the mean {mean}"
    if perplexity is None and mean is not None and mean > -700:
        yield f"has no perplexity for the mean {mean}"


def check_metrics(data: Any, profile: str, *, cost: bool = False) -> Iterator[str]:
    """Problems of what a metric reader has read."""
    for of_resource in data.resource_metrics if data else ():
        for of_scope in of_resource.scope_metrics:
            if of_scope.scope.name == "otel_llm":
                for metric in of_scope.metrics:
                    checked = (
                        _cost_metric(metric, cost=cost) if metric.name == COST else _metric(metric, profile)
                    )
                    for problem in checked:
                        yield f"metric {metric.name}: {problem}"


def _metric(metric: Any, profile: str) -> Iterator[str]:
    metrics = registry()["metrics"]
    group = {**metrics["metrics"]}
    if profile in LEGACY_PROFILES:
        group = {
            **metrics["legacy_metrics"],
            **{name: metrics["metrics"][name] for name in OF_ALL_PROFILES},
            **{name: metrics["metrics"][name] for name in COUNTED if profile == "2026-10"},
        }
    known = group.get(metric.name)
    if known is None:
        yield f"is not one of {profile}"
        return
    if metric.unit != known["unit"]:
        yield f"has the unit {metric.unit}"
    for point in metric.data.data_points:
        attributes = dict(point.attributes or {})
        if known["instrument"] == "histogram" and list(point.explicit_bounds) != known["bucket_boundaries"]:
            yield f"has the buckets {point.explicit_bounds}"
        if (
            known["value_type"] == "int"
            and type(getattr(point, "sum", getattr(point, "value", 0))) is not int
        ):
            yield "is not counted in whole numbers"
        allowed = set(known["attributes"]) | (
            {"error.type"} if metric.name == "gen_ai.client.token.usage" else set()
        )
        if extra := attributes.keys() - allowed:
            yield f"has {sorted(extra)}"
        required = {name for name, rule in known["attributes"].items() if rule["level"] == "required"}
        if missing := required - attributes.keys():
            yield f"lacks {sorted(missing)}"
        if attributes.get("gen_ai.token.type", "input") not in ("input", "output"):
            yield "has an unknown type of token"


def _cost_metric(metric: Any, *, cost: bool) -> Iterator[str]:
    """What the conventions do not have: a sum of USD, by what they have by every call."""
    if not cost:
        yield "tells of costs to nobody who asked"
    if metric.unit != "{USD}":
        yield f"has the unit {metric.unit}"
    known = registry()["metrics"]["legacy_metrics"]["gen_ai.client.token.usage"]["attributes"]
    for point in metric.data.data_points:
        attributes = dict(point.attributes or {})
        if type(point.value) is not float or not point.value >= 0:
            yield f"is {point.value!r}"
        if extra := attributes.keys() - known.keys() | attributes.keys() & {"gen_ai.token.type"}:
            yield f"has {sorted(extra)}"
        if missing := {"gen_ai.operation.name", "gen_ai.provider.name"} - attributes.keys():
            yield f"lacks {sorted(missing)}"


def check_events(logs: Iterable[Any], *, content: bool = False) -> Iterator[str]:
    """Problems of log records of ours, all of which are events."""
    for log in logs:
        if log.instrumentation_scope.name != "otel_llm":
            continue
        record = getattr(log, "log_record", log)
        known = registry()["events"].get(record.event_name)
        if known is None:
            yield f"event {record.event_name!r} is not in the registry"
            continue
        if known["severity"] and record.severity_number.value != known["severity"]["number"]:
            yield f"event {record.event_name}: severity {record.severity_number}"
        allowed = {*known["attributes"], *REFERENCES, OWN}
        if record.event_name == DETAILS:  # says what the span says
            allowed |= {*LOGPROBS, LOGPROB_TOKENS} | _allowed(
                record.attributes["gen_ai.operation.name"], record.attributes["gen_ai.provider.name"]
            )
        if extra := set(record.attributes or {}) - allowed:
            yield f"event {record.event_name}: has {sorted(extra)}"
        for name in record.attributes or {}:
            if not content and (registry()["attributes"].get(name) or {}).get("sensitive") is True:
                yield f"event {record.event_name}: {name} is content"
        told = {"exception.message", "exception.stacktrace", LOGPROB_TOKENS} & set(record.attributes or {})
        if told and not content:
            yield f"event {record.event_name}: tells content"
