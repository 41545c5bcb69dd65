"""Steps of a framework that are no model calls: tools, retrievals, agents, workflows, links of a chain.

They have spans, durations where the conventions have a metric for them, and never a token: those are counted
where a model answered.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from otel_llm.dialects.fields import text as printable
from otel_llm.guard import internal_error
from otel_llm.telemetry import names
from otel_llm.telemetry.attributes import Attributes
from otel_llm.telemetry.call import qualified_name
from otel_llm.telemetry.events import message_of

if TYPE_CHECKING:
    from otel_llm.telemetry.content import Contents
    from otel_llm.telemetry.engine import Engine
    from otel_llm.telemetry.frames import Work


@dataclass(frozen=True, slots=True)
class StepKind:
    """What a kind of step is in the conventions' words."""

    operation: str | None
    """None: a step that they have no word for."""
    named_by: str | None = None
    """The attribute that follows the operation in the span's name."""
    metric: str | None = None
    on_metric: tuple[str, ...] = ()
    """What of its attributes the metric may have."""
    span_kind: SpanKind = SpanKind.INTERNAL
    raises: bool = False
    """Whether its exceptions are its own, and are told as events. Others come from steps inside."""


TOOL = StepKind(
    "execute_tool",
    names.TOOL_NAME,
    names.TOOL_DURATION,
    (names.TOOL_NAME, names.TOOL_TYPE, names.AGENT_NAME),
    raises=True,
)
AGENT = StepKind("invoke_agent", names.AGENT_NAME, names.AGENT_DURATION, (names.AGENT_NAME,))
WORKFLOW = StepKind("invoke_workflow", names.WORKFLOW_NAME, names.WORKFLOW_DURATION, (names.WORKFLOW_NAME,))
RETRIEVAL = StepKind(
    "retrieval",
    None,
    names.OPERATION_DURATION,
    (names.OPERATION_NAME,),
    span_kind=SpanKind.CLIENT,
    raises=True,
)
LINK = StepKind(None)


class Step:
    """One step and its span, ended exactly once."""

    __slots__ = (
        "__weakref__",
        "_attributes",
        "_began",
        "_engine",
        "_forks",
        "_kind",
        "_open",
        "_said",
        "_span",
        "context",
    )

    counts = False

    def __init__(
        self,
        engine: Engine,
        kind: StepKind,
        name: str,
        attributes: Attributes,
        aside: Attributes,
        parent: Context,
    ) -> None:
        """`name` is that of a step without an operation; `aside` is said of everything inside a block."""
        self._engine = engine
        self._kind = kind
        self._attributes = attributes
        if kind.operation is not None:
            attributes[names.OPERATION_NAME] = name = kind.operation
            if (known := attributes.get(kind.named_by or "")) is not None:
                name = f"{name} {known}"
        self._began = perf_counter_ns()
        self._span: Span = engine.tracer.start_span(name, parent, kind.span_kind, {**aside, **attributes})
        self.context = trace.set_span_in_context(self._span, parent)
        self._forks = engine.forks
        self._open = [True]
        self._said: tuple[Contents, str] | None = None

    @property
    def ended(self) -> bool:
        """Whether the span has ended."""
        return not self._open

    def counted_inside(self, other: Work | None = None) -> None:
        """As it should be."""

    def listen(self, contents: Contents, content: str, given: tuple[Any, ...]) -> None:
        """Tell what goes into it, and what comes out when it ends; `content` names what reads it."""
        self._said = contents, content
        contents.step(content, given, self._span)

    def end(self, error: BaseException | None = None, answer: tuple[Any, ...] | None = None) -> None:
        """It is over, well or not; `answer` is what the framework says of what came of it."""
        try:
            self._open.pop()
        except IndexError:
            return
        if self._forks != self._engine.forks:
            return  # a copy of the parent's step, left over in a forked child
        seconds = (perf_counter_ns() - self._began) / 1e9
        error_type = None if error is None else qualified_name(type(error))
        said, self._said = self._said, None
        try:
            if said is not None and answer is not None:
                contents, content = said
                contents.step(content, answer, self._span, ended=True)
            if error is not None and error_type is not None:
                self._span.set_attribute(names.ERROR_TYPE, error_type)
                tell = self._engine.tell_text
                text = printable(tell(message_of(error)) if tell is not None else None) or error_type
                self._span.set_status(Status(StatusCode.ERROR, text))
                if self._kind.raises:
                    self._engine.events.exception(error_type, error, self.context)
        finally:
            self._span.end()
            if self._kind.metric is not None:
                self._measure(self._kind.metric, seconds, error_type)

    def _measure(self, metric: str, seconds: float, error_type: str | None) -> None:
        if not self._engine.instruments.live:
            return
        try:
            told = {name: self._attributes[name] for name in self._kind.on_metric if name in self._attributes}
            if error_type is not None:
                told[names.ERROR_TYPE] = error_type
            self._engine.instruments.record_step(metric, seconds, told, self.context)
        except Exception:  # noqa: BLE001 - ours, not the user's
            internal_error("recording metrics")

    def abandon(self, at: int | None = None) -> None:
        """The process ends, or nobody will ever tell how it ended."""
        del at
        self.end()
