"""Listening to the SDKs that one generator wrote: openai, anthropic, groq, together, fireworks and others.

All of them send every request, plain or streamed, parsed or raw, through `request()` of one base client. There
the body is a plain dict and the retry loop is inside, so one call of the user's is one call of ours.
Seen in openai 1.26 to 3.54.
"""

from __future__ import annotations

import copy
import functools
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from otel_llm.config import Config
from otel_llm.dialects.dialect import Dialect
from otel_llm.dialects.fields import Fields, fields
from otel_llm.guard import internal_error, logger
from otel_llm.hooks.methods import MethodSdk
from otel_llm.hooks.patching import Patches, Switch
from otel_llm.hooks.results import take_failure, take_result, usage_only
from otel_llm.hooks.streams import Hide
from otel_llm.telemetry.call import Call
from otel_llm.telemetry.engine import Server

Hosts = tuple[tuple[str, str], ...]
_MOST = 256  # endpoints and servers that are remembered


@dataclass(frozen=True, slots=True)
class GeneratedSdk:
    """One SDK of the family: where its base client is, which paths it posts to, and who answers."""

    name: str
    distribution: str
    versions: str
    """Supported versions of the distribution, as a requirement spells them."""
    module: str
    routes: Mapping[str, Dialect]
    """Dialects by the last segments of the path."""
    provider: Callable[[Any, str, int, Hosts], str]
    """The provider's name for a client, host and port, the user's own rows of the host table first."""
    usage_option: Mapping[str, tuple[str, Any]]
    """By dialect, the body field and value that ask for usage in a stream that has none by default."""
    older: MethodSdk | None = None
    """The same SDK in versions that were written by hand."""
    native_tracer: str | None = None
    """The property of its clients that gives the SDK's own tracer, None where it does not trace."""

    def install(self, patches: Patches) -> None:
        """Patch the base clients as soon as the application has imported them."""

        def imported(module: ModuleType) -> None:
            listener = _Listener(self, patches.switch)
            patches.replace(getattr(module, "SyncAPIClient", None), "request", listener.wrap)
            patches.replace(getattr(module, "AsyncAPIClient", None), "request", listener.wrap_async)
            clients = getattr(module, "BaseClient", None)
            if self.native_tracer is not None and self.native_tracer in vars(clients):
                patches.replace(clients, self.native_tracer, listener.hide_tracer)

        def too_old(package: ModuleType) -> None:
            if self.module not in sys.modules:
                patches.status[self.name] = f"too old (supported: {self.versions})"
                logger.debug("%s is older than %s: its calls are not traced", package.__name__, self.versions)

        patches.on_import(self.module, imported)
        if self.older is None:
            patches.on_import(self.module.partition(".")[0], too_old)
        else:
            self.older.install(patches)


class _Listener:
    """Stands around `request()`. Sync and async differ in nothing but the `await`."""

    def __init__(self, sdk: GeneratedSdk, switch: Switch) -> None:
        self._sdk = sdk
        self._switch = switch
        # The longest first: "chat/completions" ends like "completions".
        self._suffixes = sorted(((f"/{path}", path) for path in sdk.routes), key=lambda row: -len(row[0]))
        self._endpoints: dict[str, Dialect | None] = {}
        self._servers: dict[int, tuple[Any, type, Config, Server | None]] = {}

    def wrap(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def request(client: Any, *args: Any, **kwargs: Any) -> Any:
            call, args, kwargs, hide = self._begin(client, args, kwargs)
            if call is None:
                return original(client, *args, **kwargs)
            token = call.attach()
            try:
                result = original(client, *args, **kwargs)
            except BaseException as error:
                take_failure(call, error)
                raise
            finally:
                call.detach(token)
            return take_result(call, result, hide, stream=bool(kwargs.get("stream")))

        return request

    def wrap_async(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        async def request(client: Any, *args: Any, **kwargs: Any) -> Any:
            call, args, kwargs, hide = self._begin(client, args, kwargs)
            if call is None:
                return await original(client, *args, **kwargs)
            token = call.attach()
            try:
                result = await original(client, *args, **kwargs)
            except BaseException as error:
                take_failure(call, error)
                raise
            finally:
                call.detach(token)
            return take_result(call, result, hide, stream=bool(kwargs.get("stream")))

        return request

    def hide_tracer(self, original: Any) -> Any:
        """The SDK's own spans would tell each call a second time: as long as ours do, there are none."""

        def tracer(client: Any) -> Any:
            engine = self._switch.engine
            if engine is not None and engine.config.native_tracing == "replace" and engine.live:
                return None
            return original.fget(client)

        return property(tracer)

    def _tells_itself(self, client: Any, config: Config) -> bool:
        name = self._sdk.native_tracer
        return (
            name is not None and config.native_tracing == "keep" and getattr(client, name, None) is not None
        )

    def _begin(
        self, client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Call | None, tuple[Any, ...], dict[str, Any], Hide | None]:
        """The call, if this is one to count, and the arguments, changed only where the settings ask for it."""
        engine = self._switch.engine
        if engine is None:
            return None, args, kwargs, None
        call = hide = None
        try:
            options = args[1] if len(args) > 1 else kwargs["options"]
            dialect = self._dialect(options) if engine.live else None
            if dialect is not None and not self._tells_itself(client, engine.config):
                server = self._server(client, options.url, engine.config)
                body, stream = _body(options), bool(kwargs.get("stream"))
                call = engine.begin(dialect, body, server, stream=stream) if server is not None else None
                if call is not None:
                    ask = engine.config.stream_usage
                    changed, hide = self._changed(options, body, dialect, call, stream=stream, ask=ask)
                    if changed is not options:
                        args, kwargs = _with_options(args, kwargs, changed)
        except Exception:  # noqa: BLE001 - ours, not the user's
            internal_error("beginning a call")
        return call, args, kwargs, hide

    def _dialect(self, options: Any) -> Dialect | None:
        """What an endpoint speaks; None for all that no model answers. Endpoints are few, so they are remembered."""
        if options.method.lower() != "post":
            return None
        url = options.url
        try:
            return self._endpoints[url]  # in one step, for another thread may forget them all at any time
        except KeyError:
            path = url.partition("?")[0].rstrip("/")
            found = next(
                (self._sdk.routes[name] for suffix, name in self._suffixes if path.endswith(suffix)), None
            )
            if len(self._endpoints) > _MOST:
                self._endpoints.clear()
            self._endpoints[url] = found
            return found

    def _server(self, client: Any, asked: str, config: Config) -> Server | None:
        """Who a client talks to, None if nobody wants to hear about it. Remembered by the URL object, which a
        client keeps for its life; a whole URL that is asked for by itself goes past it."""
        url = client.base_url
        if "://" in asked:
            url = type(url)(asked)
        known = self._servers.get(id(url))
        if known is None or known[0] is not url or known[1] is not type(client) or known[2] is not config:
            host, port = url.host, url.port or (80 if url.scheme == "http" else 443)
            if len(self._servers) > _MOST:
                self._servers.clear()
            provider = self._sdk.provider(client, host, port, config.provider_hosts)
            server = Server(provider, host, port) if config.listens_to(self._sdk.name, provider) else None
            self._servers[id(url)] = known = (url, type(client), config, server)
        return known[3]

    def _changed(
        self, options: Any, body: Fields, dialect: Dialect, call: Call, *, stream: bool, ask: bool
    ) -> tuple[Any, Hide | None]:
        """A copy of the options where we need one: to see an answer before the SDK's own processing of it may
        raise, or to ask for usage in a stream, in which case the chunk that only carries it is to be hidden."""
        if not stream:
            parser = getattr(options, "post_parser", None)
            if callable(parser) and dialect.operation != "embeddings":
                options = copy.copy(options)
                options.post_parser = _noting(parser, call)
            return options, None
        name, value = self._sdk.usage_option.get(dialect.api, ("", None))
        if not ask or not name or name in body or "x-stainless-raw-response" in _header_names(options):
            return options, None
        if not isinstance(options.json_data, dict):
            return options, None
        options = copy.copy(options)
        options.json_data = {**options.json_data, name: value}
        return options, usage_only


def _body(options: Any) -> Fields:
    body = fields(options.json_data) if isinstance(options.json_data, dict) else {}
    extra = getattr(options, "extra_json", None)
    return {**body, **extra} if isinstance(extra, dict) else body


def _header_names(options: Any) -> set[str]:
    headers = options.headers
    return {str(name).lower() for name in headers} if isinstance(headers, Mapping) else set()


def _with_options(
    args: tuple[Any, ...], kwargs: dict[str, Any], options: Any
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if len(args) > 1:
        return (args[0], options, *args[2:]), kwargs
    return args, {**kwargs, "options": options}


def _noting(parser: Callable[[Any], Any], call: Call) -> Callable[[Any], Any]:
    def parse(answer: Any) -> Any:
        call.note(answer)
        return parser(answer)

    return parse
