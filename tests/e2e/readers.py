"""What arrived, read back through the backends' own APIs."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from tests.e2e.processes import eventually, fetch


@dataclass(frozen=True, slots=True)
class JaegerSpan:
    """A span as Jaeger has it; `tags` are pairs of type and value."""

    name: str
    span_id: str
    parent_id: str | None
    start: int
    tags: dict[str, tuple[str, Any]]


def jaeger_spans(url: str, service: str, count: int) -> list[JaegerSpan]:
    """The spans of a service, oldest first, once there are so many."""

    def read() -> list[JaegerSpan] | None:
        traces = json.loads(fetch(f"{url}/api/traces?service={service}&limit=1000"))["data"]
        spans = [_jaeger_span(span) for trace in traces for span in trace["spans"]]
        return sorted(spans, key=lambda span: span.start) if len(spans) == count else None

    return eventually(read, f"{count} spans of {service} in Jaeger")


def _jaeger_span(span: dict[str, Any]) -> JaegerSpan:
    parents = [to["spanID"] for to in span["references"] if to["refType"] == "CHILD_OF"]
    tags = {tag["key"]: (tag["type"], tag["value"]) for tag in span["tags"]}
    return JaegerSpan(
        span["operationName"], span["spanID"], parents[0] if parents else None, span["startTime"], tags
    )


@dataclass(frozen=True, slots=True)
class Sample:
    """One line of a page for Prometheus."""

    name: str
    labels: dict[str, str]
    value: float


_SAMPLE = re.compile(r"(\w+)\{(.*)\} (\S+)")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def samples(url: str, job: str, wanted: set[str]) -> list[Sample]:
    """The samples of a service, once all the wanted names are among them and count something."""

    def read() -> list[Sample] | None:
        lines = (_SAMPLE.fullmatch(line) for line in fetch(url).decode().splitlines())
        found = [Sample(line[1], dict(_LABEL.findall(line[2])), float(line[3])) for line in lines if line]
        own = [sample for sample in found if sample.labels.get("job") == job]
        return own if wanted <= {sample.name for sample in own if sample.value} else None

    return eventually(read, f"{sorted(wanted)} of {job} on the collector's page")


_PHOENIX_QUERY = """{ projects { edges { node { name tokenCountTotal tokenCountPrompt tokenCountCompletion
    spans(first: 100) { edges { node { name statusCode tokenCountPrompt tokenCountCompletion
        tokenPromptDetails { cacheRead cacheWrite } costSummary { total { cost } } } } } } } } }"""


def phoenix_project(url: str, name: str, spans: int) -> dict[str, Any]:
    """A project as Phoenix's page shows it, with its `spans` as a list, once it has so many and has counted."""

    def read() -> dict[str, Any] | None:
        body = json.dumps({"query": _PHOENIX_QUERY}).encode()
        projects = _nodes(
            json.loads(fetch(f"{url}/graphql", body, content_type="application/json"))["data"]["projects"]
        )
        project = {project["name"]: project for project in projects}[name]
        project["spans"] = _nodes(project["spans"])
        return project if len(project["spans"]) == spans and project["tokenCountPrompt"] else None

    return eventually(read, f"{spans} spans of {name} in Phoenix")


def _nodes(connection: dict[str, Any]) -> list[dict[str, Any]]:
    return [edge["node"] for edge in connection["edges"]]
