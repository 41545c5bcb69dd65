"""What is said of everything inside a block: the conversation, the user, and whatever else the program adds.

It lies in OpenTelemetry's context, which threads and tasks inherit like everything in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

from opentelemetry import context as context_api
from opentelemetry.context import Context

from otel_llm.guard import warn_once
from otel_llm.telemetry import names

if TYPE_CHECKING:
    from contextvars import Token

    from typing_extensions import Self

_KEY = "otel_llm.conversation"
_PLAIN = (str, bool, int, float)


class Conversation:
    """`with conversation("c-42", user="u-7", tenant="acme"):` puts these on every span of ours inside, model calls,
    tools and agents alike, also in tasks that are begun inside and in threads that are given a copy of the context.

    `id` becomes `gen_ai.conversation.id` and `session.id`, `user` becomes `user.id`; other arguments are attributes
    by their own names, of the types that OpenTelemetry takes. Blocks may be nested: what the inner one says counts.
    Nothing of it is put on metrics.
    """

    def __init__(self, id: str | None = None, *, user: str | None = None, **attributes: Any) -> None:
        said = {names.CONVERSATION_ID: id, names.SESSION_ID: id, names.USER_ID: user, **attributes}
        self._said = {name: value for name, value in said.items() if _may_be_told(name, value)}
        self._tokens: list[Token[Context]] = []

    def __enter__(self) -> Self:
        self._tokens.append(context_api.attach(inside(self._said, context_api.get_current())))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            token = self._tokens.pop()
            token.var.reset(token)
        except ValueError:  # left in another context than it was entered in: there is nothing to put back
            pass

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)


def inside(said: Mapping[str, Any], context: Context) -> Context:
    """The context with these attributes beside those that are said of it already."""
    return context_api.set_value(_KEY, {**said_inside(context), **said}, context)


def said_inside(context: Context) -> dict[str, Any]:
    """What is said of everything in a context."""
    said: Any = context.get(_KEY)
    return said or {}


def _may_be_told(name: str, value: Any) -> bool:
    if value is None:
        return False
    if isinstance(value, _PLAIN) or (
        isinstance(value, (list, tuple)) and all(isinstance(entry, _PLAIN) for entry in value)  # pyright: ignore
    ):
        return True
    kind = type(value).__name__
    warn_once(("conversation", name), "conversation(): %s is of type %s and is left out", name, kind)
    return False
