"""Context managers that send a request when they are entered, and give what its events come out of."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any

from otel_llm.guard import internal_error
from otel_llm.hooks.streams import Describe, watch
from otel_llm.telemetry.call import Call
from otel_llm.telemetry.finalizers import finalize

Begin = Callable[[Any, tuple[Any, ...], dict[str, Any]], "Call | None"]


def managed(generator: Any, begin: Begin, events: str, fail: Describe) -> Callable[..., Any]:
    """In the place of a method that the SDK made of this generator function; the user gets a context manager of
    the same type. `events` is the attribute, of what it gives, that the events come out of."""
    if inspect.isasyncgenfunction(generator):
        return contextlib.asynccontextmanager(_async(generator, begin, events, fail))

    @functools.wraps(generator)
    def enter(owner: Any, *args: Any, **kwargs: Any) -> Generator[Any]:
        source, call = generator(owner, *args, **kwargs), begin(owner, args, kwargs)
        if call is None:
            return (yield from source)
        token = call.attach()
        try:
            response = next(source)
        except BaseException as error:
            fail(call, error)
            raise
        finally:
            call.detach(token)
        _watch(call, response, events, fail)
        try:
            yield response
        except BaseException as error:  # noqa: BLE001 - it is the generator's to raise again
            source.throw(error)
        else:
            next(source, None)
        finally:
            finalize(call.close)  # unless it has ended by itself

    return contextlib.contextmanager(enter)


def _async(
    generator: Any, begin: Begin, events: str, fail: Describe
) -> Callable[..., AsyncGenerator[Any, None]]:
    @functools.wraps(generator)
    async def enter(owner: Any, *args: Any, **kwargs: Any) -> AsyncGenerator[Any, None]:
        source, call = generator(owner, *args, **kwargs), begin(owner, args, kwargs)
        token = None if call is None else call.attach()
        try:
            response = await anext(source)
        except BaseException as error:
            if call is not None:
                fail(call, error)
            raise
        finally:
            if call is not None:
                call.detach(token)
        if call is not None:
            _watch(call, response, events, fail)
        try:
            yield response
        except BaseException as error:  # noqa: BLE001 - as above
            await source.athrow(error)
        else:
            await anext(source, None)
        finally:
            if call is not None:
                finalize(call.close)

    return enter


def _watch(call: Call, response: Any, events: str, fail: Describe) -> None:
    try:
        call.stays_open()
        source = getattr(response, events)
        # Leaving the context ends the call; only async ones may be dropped without ever being left.
        iterator, _ = watch(source, call, fail, owns=hasattr(source, "__anext__"))
        setattr(response, events, iterator)
    except Exception:  # noqa: BLE001 - ours, not the user's
        internal_error("reading an answer")
