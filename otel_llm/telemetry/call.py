"""The life of one model call: started, perhaps streamed, ended exactly once. The only place where spans end.

A call knows nothing of SDKs. Whoever listens to one tells it what happened: an answer, a chunk, the end of a
stream, a failure, or that nobody wanted the rest.
"""

from __future__ import annotations

from contextvars import Token
from dataclasses import replace
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from opentelemetry import context as context_api
from opentelemetry.context import Context
from opentelemetry.trace import Span, Status, StatusCode

from otel_llm.dialects.dialect import Dialect
from otel_llm.dialects.fields import text as printable
from otel_llm.guard import internal_error, warn_once
from otel_llm.record import NOTHING, ModelRequest, ModelResponse, merged
from otel_llm.telemetry import names
from otel_llm.telemetry.attributes import Attributes, embeddings_attributes, inference_attributes
from otel_llm.telemetry.events import message_of
from otel_llm.telemetry.reading import Reading

if TYPE_CHECKING:
    from otel_llm.telemetry.content import Telling
    from otel_llm.telemetry.engine import Engine
    from otel_llm.telemetry.frames import Work
    from otel_llm.telemetry.inner import InnerCall


class Call(Reading):
    """One model call and its span, from the request to the end of the answer."""

    __slots__ = (
        "__weakref__",
        "_api",
        "_base",
        "_counted_inside",
        "_forks",
        "_inner",
        "_provider",
        "_request",
        "_span",
        "_started",
        "context",
        "sure",
    )

    def __init__(
        self,
        engine: Engine,
        dialect: Dialect,
        request: ModelRequest,
        provider: str,
        base: Attributes,
        span: Span,
        context: Context,
        started: int,
        began: int,
        *,
        sure: bool = False,
    ) -> None:
        super().__init__(engine, dialect, began, recording=span.is_recording())
        self._api = dialect.api
        self._request = request
        self._provider = provider
        self.sure = sure
        """Whether it was said who answers; an SDK below then has nothing to add."""
        self._base = base
        self._span = span
        self.context = context
        self._started = started  # ns since the epoch
        self._forks = engine.forks
        self._inner: list[InnerCall] | None = None
        self._counted_inside = False

    @property
    def recording(self) -> bool:
        """Whether anybody takes what the span says."""
        return self._span.is_recording()

    @property
    def provider(self) -> Any:
        """Who answers, as far as is known."""
        return self._base[names.PROVIDER_NAME]

    @property
    def heard(self) -> bool:
        """Whether an SDK has been heard to work for this call."""
        return self._inner is not None

    @property
    def counts(self) -> bool:
        """Whether this call has a span and figures of its own."""
        return True

    def covers(self, operation: str) -> bool:
        """Whether such an operation, done for this call, is a part of it."""
        own = self._dialect.operation
        return own == operation or {own, operation} <= names.INFERENCE

    def counted_inside(self, other: Work | None = None) -> None:
        """Another call was counted inside of this one: what this one says of its usage is that one's."""
        if not isinstance(other, Call) or self.covers(other._dialect.operation):
            self._counted_inside = True

    # Around the SDK call. In one frame, so that nothing of ours is current while user code runs.

    def attach(self) -> Token[Context] | None:
        """Make the span current."""
        try:
            return context_api.attach(self.context)
        except Exception:  # noqa: BLE001 - ours, not the user's
            internal_error("making a span current")
            return None

    def detach(self, token: Token[Context] | None) -> None:
        """Make current again what was. A coroutine that is thrown away may end in another context: then
        there is nothing to restore, and nothing to complain about in the log."""
        if token is not None:
            try:  # noqa: SIM105 - this runs in every call, and a plain `try` costs nothing
                token.var.reset(token)
            except Exception:  # noqa: BLE001, S110
                pass

    # What may happen.

    def answer(self, *pieces: Any) -> None:
        """The whole answer, as an SDK object or a dict; in pieces, if a stream came where none was expected."""
        if self._inner is not None and not all(inner.failed for inner in self._inner):
            self._end(NOTHING)  # what an SDK saw is all there is to know
            return
        self._read_all(pieces)
        self._end(self._facts(complete=True))

    def complete(self) -> None:
        """The stream was read to its end. One that ended in an error left its choices unfinished."""
        found = self._facts(complete=True)
        self._end(found if found.error is None else self._facts(complete=False))

    def close(self, at: int | None = None) -> None:
        """The user wanted no more of the stream. That is no error. `at` in ns of the monotonic clock."""
        self._end(self._facts(complete=False), at=at)

    def abandon(self, at: int | None = None) -> None:
        """The stream was dropped without being closed, or the process ends; `at` in ns of the monotonic clock."""
        self._end(self._facts(complete=False), outcome="abandoned", at=at)

    def stays_open(self) -> None:
        """The user will read the rest, or not: see to it that the span ends when the process does."""
        self._engine.watch_exit(self)

    def fail(self, error: BaseException, code: str | None = None) -> None:
        """An exception ended the call; `code` is the provider's short code for it."""
        complete = self._noted is not None and self._first is None
        self._end(self._facts(complete=complete), error=error, code=code)

    # Of a framework's call: what an SDK does for it is a part of it.

    def adopt(self, inner: InnerCall) -> None:
        """Let an SDK's request be a part of this call."""
        self._inner = [*(self._inner or ()), inner]

    def learn(self, api: str, request: ModelRequest, server: Attributes) -> None:
        """What an SDK really asks for this call, and whom, is what this call asks. `server` are the attributes
        that say whom."""
        self._api = api
        self._provider = server[names.PROVIDER_NAME]
        said = {name: value for name, value in vars(request).items() if value}
        self._request = ModelRequest.of({**vars(self._request), **said})
        told = server if request.model is None else {**server, names.REQUEST_MODEL: request.model}
        self._base = {**self._base, **told}
        if self._span.is_recording():
            self._span.set_attributes(told)
            if request.model is not None:
                self._span.update_name(f"{self._dialect.operation} {request.model}")

    def saw_chunk(self) -> None:
        """A framework's stream goes on; what is in it is read at its end."""
        if self._first is None:
            self._first = perf_counter_ns()
            self._request = replace(self._request, stream=True)

    def _saw_gap(self, seconds: float) -> None:
        self._engine.instruments.record_chunk(seconds, self._base, self.context)

    def _whole(self, own: ModelResponse, *, complete: bool) -> ModelResponse:
        """What a framework says of a call, together with what its SDK said."""
        if self._inner is None:
            return replace(own, usage=None, cost=None) if self._counted_inside else own
        try:
            found = [inner.so_far(complete=complete) for inner in self._inner]
            firsts = [each._first for each in (self, *self._inner) if each._first is not None]
            self._first = min(firsts, default=None)
            return merged(own, found, counted=any(not inner.failed for inner in self._inner))
        except Exception:  # noqa: BLE001 - ours, not the user's
            internal_error("reading an inner call")
            return own

    # The end. Whatever cannot be read must not keep the span from ending.

    def _end(
        self,
        response: ModelResponse,
        *,
        error: BaseException | None = None,
        code: str | None = None,
        outcome: str | None = None,
        at: int | None = None,
    ) -> None:
        try:
            self._open.pop()
        except IndexError:
            return
        if self._forks != self._engine.forks:
            return  # a copy of the parent's call, left over in a forked child
        elapsed = (at or perf_counter_ns()) - self._began
        if self._inner is not None or self._counted_inside:
            response = self._whole(response, complete=error is None and outcome is None)
            code = code or next((inner.code for inner in self._inner or () if inner.code), None)
        error_type = response.error if error is None else qualified_name(type(error))
        try:
            if response.model is not None:
                # A new dict: the one before may already be the key of a metric.
                self._base = {
                    names.REQUEST_MODEL: response.model,
                    **self._base,
                    names.RESPONSE_MODEL: response.model,
                }
                if self._request.model is None:  # some backends show and price by the model asked for alone
                    self._span.update_name(f"{self._dialect.operation} {response.model}")
                    self._span.set_attribute(names.REQUEST_MODEL, response.model)
            if (costs := self._engine.costs) is not None:
                costs.tell(self._span, self._base, self._request, response, self._started, self._inner)
            if self._span.is_recording() or self._engine.details or self._said is not None:
                self._tell(response, error, error_type, code, outcome)
            if response.usage is not None:
                for what, part, whole in response.usage.contradictions():
                    warn_once((self._provider, what), "%s: %s: %d, %d", self._provider, what, part, whole)
        except Exception:  # noqa: BLE001 - ours, not the user's
            internal_error("describing a call")
        finally:
            self._forget()
            self._said = self._inner = None
            self._kept = ()
            try:
                self._span.end(self._started + elapsed)
            finally:
                self._tell_metrics(response, elapsed, error_type)

    def _tell(
        self,
        response: ModelResponse,
        error: BaseException | None,
        error_type: str | None,
        code: str | None,
        outcome: str | None,
    ) -> None:
        if self._dialect.operation == "embeddings":
            found = embeddings_attributes(self._request, response)
        else:
            found = inference_attributes(
                self._request, response, self._provider, self._api, self._engine.profile
            )
        if self._request.stream and self._first is not None:
            found[names.RESPONSE_TIME_TO_FIRST_CHUNK] = (self._first - self._began) / 1e9
        if outcome is not None:
            found[names.STREAM_OUTCOME] = outcome
        if error_type is not None:
            found[names.ERROR_TYPE] = error_type
            text = error_type if code is None or code == error_type else f"{error_type}: {code}"
            if error is not None and (tell := self._engine.tell_text) is not None:
                text = printable(tell(message_of(error))) or text
            self._span.set_status(Status(StatusCode.ERROR, text))
        self._span.set_attributes(found)
        if self._engine.contents is not None or self._engine.details:
            self._tell_what_was_said(found, response, failed=error is not None)
        if error is not None and error_type is not None:
            self._engine.events.exception(error_type, error, self.context)

    def _tell_what_was_said(self, found: Attributes, response: ModelResponse, *, failed: bool) -> None:
        """On the span, and with all that the span says in the event of its details, as far as each is wanted."""
        source = self._source(failed=failed)
        telling = self._telling(source, response)
        if telling is not None:
            self._span.set_attributes({**telling.attributes, **telling.references})
        if self._engine.details and self._dialect.operation in names.INFERENCE:
            said = {} if telling is None else {**telling.structures, **telling.references}
            if tokens := source._tokens():
                said[names.LOGPROBS_TOKENS] = tokens
            self._engine.events.details({**self._base, **found, **said}, self.context)

    def _telling(self, source: Call, response: ModelResponse) -> Telling | None:
        """What was said; nothing, if it cannot be told."""
        contents, said = self._engine.contents, source._said
        if contents is None or said is None:
            return None
        try:
            return contents.tell(said, response.finish_reasons, self._span)
        except Exception:  # noqa: BLE001 - ours, not the user's
            internal_error("telling what was said")
            return None

    def _source(self, *, failed: bool) -> Call:
        """Whose words count: of a framework's call, what went over the wire, of the last request that was answered;
        of one that failed, of the last one."""
        heard = [inner for inner in self._inner or () if inner._said is not None]
        heard = [inner for inner in heard if not inner.failed] or (heard if failed else [])
        return heard[-1]._source(failed=heard[-1].failed) if heard else self

    def _tell_metrics(self, response: ModelResponse, elapsed: int, error_type: str | None) -> None:
        if not self._engine.instruments.live:
            return
        try:
            first = None if self._first is None else (self._first - self._began) / 1e9
            self._engine.instruments.record_call(
                self._dialect.operation,
                elapsed / 1e9,
                first if self._request.stream else None,
                response.usage,
                self._base,
                error_type,
                self.context,
            )
        except Exception:  # noqa: BLE001 - ours, not the user's
            internal_error("recording metrics")


def qualified_name(kind: type) -> str:
    """A class by module and name, builtins by name alone: `openai.RateLimitError`, `TimeoutError`."""
    if kind.__module__ == "builtins":
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"
