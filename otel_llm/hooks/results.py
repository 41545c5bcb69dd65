"""What `request()` of a generated SDK gives back: an answer, a stream, a raw response, or an exception.

Each is handed on to the user as it is; here is how a call learns from it.
"""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from inspect import isawaitable
from typing import Any

from otel_llm.dialects.fields import code, fields
from otel_llm.guard import internal_error
from otel_llm.hooks.bodies import BodyReader, tell_body
from otel_llm.hooks.streams import Hide, Listener, Watch, replace_methods, telling, watch, weakly
from otel_llm.telemetry.call import Call


def usage_only(event: Any) -> bool:
    """Whether a chunk is there only to carry the usage that somebody asked for."""
    seen = fields(event)
    return seen.get("choices") == [] and seen.get("usage") is not None


class _Kind(Enum):
    """What `request()` may return."""

    ANSWER = 1
    STREAM = 2
    RAW = 3
    HTTP = 4
    TEXT = 5


@lru_cache(maxsize=1024)
def _kind(result: type) -> _Kind:
    """By class, so that no attribute is looked up in vain on an answer: there that costs more than all else."""
    if hasattr(result, "__stream__"):
        return _Kind.STREAM
    if hasattr(result, "http_request"):
        return _Kind.RAW
    if issubclass(result, str):
        return _Kind.TEXT
    return _Kind.HTTP if hasattr(result, "iter_bytes") else _Kind.ANSWER


def take_result(call: Call, result: Any, hide: Hide | None, *, stream: bool) -> Any:
    """Look at what the SDK returned, of whatever kind, and hand it on."""
    try:
        kind = _kind(result.__class__)  # which others' proxies have of what is inside them
        if kind is _Kind.ANSWER:
            call.answer(result)
        elif kind is _Kind.STREAM:
            _watch_stream(call, result, hide)
        elif kind is _Kind.TEXT:
            tell_body(call, result.encode("utf-8", "replace"))
        else:
            _watch_raw(call, result, result.http_response if kind is _Kind.RAW else result, stream=stream)
    except Exception:  # noqa: BLE001 - ours, not the user's
        internal_error("reading an answer")
        call.close()  # a span that tells little is better than one that never ends
    return result


def _watch_stream(call: Call, stream: Any, hide: Hide | None, *, owns: bool = True) -> Watch:
    iterator, state = watch(stream._iterator, call, take_failure, hide=hide, owns=owns)
    call.stays_open()
    stream._iterator = iterator
    state.release = replace_methods(stream.response, telling(weakly(state)))
    return state


def _watch_raw(call: Call, result: Any, response: Any, *, stream: bool) -> None:
    """A raw response: its body is there already, or will be read by the user in any of many ways."""
    if hasattr(response, "_content"):
        tell_body(call, response.content)
        return
    call.stays_open()
    watches: list[Watch] = []
    reader = BodyReader(
        call, events=stream, read_elsewhere=lambda: any(of_stream.reading for of_stream in watches)
    )
    if stream and hasattr(result, "_parsed_by_type"):
        # `parse()` reads nothing, it makes the stream that the user will get: errors are best seen from there.
        if hasattr(result, "iter_lines"):
            _watch_parsed(call, result, watches)
        else:  # the older raw response
            watches.append(_watch_stream(call, result.parse(), None, owns=False))
    reader.watch(response, take_failure)


def _watch_parsed(call: Call, result: Any, watches: list[Watch]) -> None:
    def see(parsed: Any) -> Any:
        release()  # asked again, it gives the same stream
        try:
            if hasattr(type(parsed), "__stream__"):
                watches.append(_watch_stream(call, parsed, None, owns=False))
        except Exception:  # noqa: BLE001 - ours, not the user's
            internal_error("reading a parsed answer")
        return parsed

    async def see_later(parsed: Any) -> Any:
        return see(await parsed)

    def seeing(original: Any) -> Any:
        def parse(*args: Any, **kwargs: Any) -> Any:
            parsed = original(*args, **kwargs)
            return see_later(parsed) if isawaitable(parsed) else see(parsed)

        return parse

    release = replace_methods(result, {"parse": seeing})


def take_failure(listener: Listener, error: BaseException) -> None:
    """Record a failure with the provider's short code, and with what it answered all the same."""
    try:
        seen = fields(error)
        answer = _answer_behind(error)
        if answer is not None and isinstance(listener, Call):
            listener.note(answer)
        listener.fail(error, code(seen.get("code"), seen.get("type")))
    except Exception:  # noqa: BLE001 - ours, not the user's
        internal_error("recording a failure")


def _answer_behind(error: BaseException) -> Any:
    """The answer that the SDK refuses, or the usage beside an error in a stream. Where the exception does not
    have it, it is still in the frame that raised it."""
    if type(error).__name__ == "APIResponseValidationError":
        return fields(error).get("body")
    trace = error.__traceback__
    while trace is not None:
        frame, name = trace.tb_frame, trace.tb_frame.f_code.co_name
        if name == "__stream__":
            data = fields(frame.f_locals.get("data"))
            return {"usage": data["usage"]} if data.get("usage") is not None else None
        if name == "parse" and (parsed := frame.f_locals.get("parsed")) is not None:
            return parsed
        trace = trace.tb_next
    return None
