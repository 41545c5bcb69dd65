"""What an SDK does for a call of a framework's: it has no span of its own and tells the outer call what it learned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_llm.record import NOTHING, ModelRequest, ModelResponse
from otel_llm.telemetry.call import Call

if TYPE_CHECKING:
    from otel_llm.dialects.dialect import Dialect
    from otel_llm.telemetry.attributes import Attributes
    from otel_llm.telemetry.frames import Frame


class InnerCall(Call):
    """One request that is a part of an outer call. It is folded like any other; its end is handed on, not told."""

    __slots__ = ("_found", "_frame", "_owner", "code", "failed")

    def __init__(
        self,
        owner: Call,
        frame: Frame,
        dialect: Dialect,
        request: ModelRequest,
        server: Attributes,
        *,
        sure: bool,
    ) -> None:
        super().__init__(
            owner._engine,
            dialect,
            request,
            owner._provider,
            owner._base,
            owner._span,
            owner.context,
            owner._started,
            owner._began,
            sure=sure or owner.sure,
        )
        self._owner = owner
        self._frame = frame
        self._found = NOTHING
        self.failed = False
        self.code: str | None = None
        """The provider's short code for what went wrong."""
        frame.served, frame.taken = True, request.stream
        owner.adopt(self)
        owner.learn(dialect.api, request, server)
        self._base = owner._base

    @property
    def counts(self) -> bool:
        return False

    def learn(self, api: str, request: ModelRequest, server: Attributes) -> None:
        """Of a call inside this one: there is one span for all of them."""
        self._owner.learn(api, request, server)
        self._base = self._owner._base

    def stays_open(self) -> None:
        """The outer call does, if it does."""

    def so_far(self, *, complete: bool) -> ModelResponse:
        """What is known when the outer call ends, which is the end of this one too."""
        if not self.ended:
            self._end(self._facts(complete=complete))
        return self._found

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
        self._found = self._whole(response, complete=error is None and outcome is None)
        if (costs := self._engine.costs) is not None:
            self._found = costs.add(self._base, self._request, self._found, self._started, self._inner)
        self.failed, self.code = error is not None, code
        self._forget()
        if error is None:
            return
        if isinstance(error, Exception) or self._frame.ends:
            self._frame.served = self._frame.taken = False  # it may be tried again
        else:
            self._owner.fail(error, code)  # a cancelled task, say, of which frameworks are not always told
