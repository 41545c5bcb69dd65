"""Listening to Amazon's SDKs, botocore and aiobotocore, at the one method that all of their calls go through.

What comes back stays the SDK's own object: the bytes of a body (`streaming_bodies.py`) and the events of a stream
are seen as the user reads them, and never before.
"""

from __future__ import annotations

import functools
import inspect
import sys
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from otel_llm.dialects.fields import code, fields
from otel_llm.guard import internal_error
from otel_llm.hooks import streaming_bodies
from otel_llm.hooks.methods import Asked
from otel_llm.hooks.patching import Patches, Switch
from otel_llm.hooks.streams import Watch, watch
from otel_llm.telemetry.call import Call
from otel_llm.telemetry.engine import Engine

Ask = Callable[[Any, str, dict[str, Any]], "Asked | None"]
"""From a client, an operation and its parameters."""


@dataclass(frozen=True, slots=True)
class OtherSpans:
    """What OpenTelemetry's own instrumentation of these SDKs adds to its spans of a service's calls: for models the
    same figures as ours. As long as ours are told, its spans are like those of any other service."""

    module: str
    tables: tuple[str, ...]
    """Names, over time, of the dict that has what is added by service."""
    service: str
    package: str
    instrumentor: str

    def install(self, patches: Patches) -> None:
        """Take it out of the dict, until everything is put back."""

        def imported(module: ModuleType) -> None:
            engine = patches.switch.engine
            if engine is None or engine.config.native_tracing == "keep":
                return
            for name in self.tables:
                table: Any = getattr(module, name, {})
                if (added := table.pop(self.service, None)) is not None:
                    patches.undo_with(functools.partial(table.setdefault, self.service, added))

        patches.on_import(self.module, imported)

    def instrumented(self) -> bool:
        """Whether that instrumentation is on."""
        kind = getattr(sys.modules.get(self.package), self.instrumentor, None)
        return bool(getattr(kind and kind._instance, "is_instrumented_by_opentelemetry", False))


@dataclass(frozen=True, slots=True)
class BotocoreSdk:
    """A service of Amazon's: the operations to listen to."""

    name: str
    distribution: str
    versions: str
    module: str
    operations: frozenset[str]
    ask: Ask
    other: OtherSpans | None = None

    def told_elsewhere(self, engine: Engine) -> bool:
        """Whether the settings leave these calls to another instrumentation that is on."""
        return self.other is not None and engine.config.native_tracing == "keep" and self.other.instrumented()

    def install(self, patches: Patches) -> None:
        """Patch both kinds of clients as soon as the application has imported them."""
        for module, owner, wrap in (
            ("botocore.client", "BaseClient", _wrap),
            ("aiobotocore.client", "AioBaseClient", _wrap_async),
        ):
            patches.on_import(module, functools.partial(self._patch, patches, owner, wrap))
        if self.other is not None:
            self.other.install(patches)
        for module in ("botocore.response", "aiobotocore.response"):
            patches.on_import(module, functools.partial(streaming_bodies.install, patches))

    def _patch(self, patches: Patches, owner: str, wrap: Any, module: ModuleType) -> None:
        patches.replace(
            getattr(module, owner, None), "_make_api_call", functools.partial(wrap, self, patches.switch)
        )


def _wrap(sdk: BotocoreSdk, switch: Switch, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def make_api_call(client: Any, operation_name: str, api_params: Any) -> Any:
        if operation_name not in sdk.operations:  # nearly all calls of nearly all programs
            return original(client, operation_name, api_params)
        call = _begin(sdk, switch, client, operation_name, api_params)
        if call is None:
            return original(client, operation_name, api_params)
        token = call.attach()
        try:
            result = original(client, operation_name, api_params)
        except BaseException as error:
            fail(call, error)
            raise
        finally:
            call.detach(token)
        return _take(call, result)

    return make_api_call


def _wrap_async(sdk: BotocoreSdk, switch: Switch, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    async def make_api_call(client: Any, operation_name: str, api_params: Any) -> Any:
        if operation_name not in sdk.operations:
            return await original(client, operation_name, api_params)
        call = _begin(sdk, switch, client, operation_name, api_params)
        if call is None:
            return await original(client, operation_name, api_params)
        token = call.attach()
        try:
            result = await original(client, operation_name, api_params)
        except BaseException as error:
            fail(call, error)
            raise
        finally:
            call.detach(token)
        return _take(call, result)

    return make_api_call


def _begin(sdk: BotocoreSdk, switch: Switch, client: Any, operation: str, params: Any) -> Call | None:
    engine = switch.engine
    if engine is None or not engine.live or sdk.told_elsewhere(engine):
        return None
    try:
        asked = sdk.ask(client, operation, params)
        asked = None if asked is None else asked.wanted(engine.config, sdk.name)
        if asked is None:
            return None
        return engine.begin(asked.dialect, asked.body, asked.server, stream=asked.stream)
    except Exception:  # noqa: BLE001 - ours, not the user's
        internal_error("beginning a call")
        return None


def fail(listener: Any, error: BaseException) -> None:
    """Record a failure with Amazon's short code."""
    try:
        response = fields(fields(error).get("response"))
        listener.fail(error, code(fields(response.get("Error")).get("Code")))
    except Exception:  # noqa: BLE001 - ours, not the user's
        internal_error("recording a failure")


def _take(call: Call, result: Any) -> Any:
    try:
        seen = fields(result)  # the user's hooks may have put anything in its place
        stream = next((seen[name] for name in ("stream", "body") if name in seen), None)
        headers = fields(fields(seen.get("ResponseMetadata")).get("HTTPHeaders"))
        if hasattr(stream, "_event_generator"):
            _watch_events(call, stream)
        elif hasattr(stream, "read"):
            streaming_bodies.Body(call, stream, headers, fail)
        else:
            call.answer({"headers": headers} if stream is not None else seen)
    except Exception:  # noqa: BLE001 - ours, not the user's
        internal_error("reading an answer")
        call.close()  # a span that tells little is better than one that never ends
    return result


# Event streams. What an event says is known only after the SDK's parser, which may raise.


class _Frames:
    """Told how the frames of a stream end; what is in them is seen elsewhere."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self.complete, self.close, self.abandon, self.fail = (
            call.complete,
            call.close,
            call.abandon,
            call.fail,
        )

    @property
    def ended(self) -> bool:
        return self._call.ended

    def chunk(self, event: Any) -> Callable[[Any], Any]:
        return _ignore


def _ignore(event: Any) -> None:
    del event


def _watch_events(call: Call, stream: Any) -> None:
    iterator, state = watch(stream._event_generator, _Frames(call), fail)
    call.stays_open()
    stream._event_generator = iterator
    # Not by its bound methods, which would keep the stream from being collected when it is dropped.
    kind, alive = type(stream), weakref.ref(stream)
    see = call.chunk

    def seen(parsed: Any) -> Any:
        nonlocal see
        if parsed:
            try:
                see = see(parsed) or see
            except Exception:  # noqa: BLE001 - ours, not the user's
                internal_error("reading a chunk")
        return parsed

    def parse(event: Any) -> Any:
        try:
            return seen(kind._parse_event(alive(), event))
        except BaseException as error:
            fail(call, error)
            raise

    async def parse_later(event: Any) -> Any:
        try:
            return seen(await kind._parse_event(alive(), event))
        except BaseException as error:
            fail(call, error)
            raise

    stream._parse_event = parse_later if inspect.iscoroutinefunction(kind._parse_event) else parse
    _tell_closing(stream, weakref.ref(state))


def _tell_closing(stream: Any, state: Callable[[], Watch | None]) -> None:
    kind, alive, raw = type(stream), weakref.ref(stream), stream._raw_stream

    def close() -> Any:
        try:
            # Whoever kept only this method closes what was below the stream.
            return raw.close() if (own := alive()) is None else kind.close(own)
        finally:
            if (watched := state()) is not None:
                watched.closed()

    stream.close = close
