"""Switching on and off: identical objects, late and early imports, others in the same place."""

from __future__ import annotations

import functools
import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import _base_client
from opentelemetry import context as context_api

import otel_llm
from otel_llm.hooks.importing import ImportWatcher
from otel_llm.instrumentation import patches
from otel_llm.testing import Exchange, ReplayServer, Telemetry
from tests.lives.answers import MESSAGES, async_client, client, completion

CLASSES = (_base_client.SyncAPIClient, _base_client.AsyncAPIClient)


def instrument(telemetry: Telemetry, **settings: Any) -> None:
    otel_llm.instrument(
        tracer_provider=telemetry.tracer_provider, meter_provider=telemetry.meter_provider, **settings
    )


def test_uninstrument_puts_back_the_identical_objects() -> None:
    """Neither a copy nor a wrapper stays behind, however often it is done."""
    before = [vars(kind)["request"] for kind in CLASSES]
    for _ in range(3):
        otel_llm.instrument()
        otel_llm.instrument()
        assert all(
            vars(kind)["request"] is not original for kind, original in zip(CLASSES, before, strict=True)
        )
        otel_llm.uninstrument()
        assert all(vars(kind)["request"] is original for kind, original in zip(CLASSES, before, strict=True))
    assert not [finder for finder in sys.meta_path if isinstance(finder, ImportWatcher)]


def test_the_wrapper_looks_like_what_it_wraps() -> None:
    """Signature, name and nature are the SDK's, for whoever inspects them."""
    import inspect

    before = [
        (inspect.signature(kind.request), inspect.iscoroutinefunction(kind.request)) for kind in CLASSES
    ]
    otel_llm.instrument()
    after = [(inspect.signature(kind.request), inspect.iscoroutinefunction(kind.request)) for kind in CLASSES]
    assert before == after


def test_instrumenting_twice_gives_one_span(telemetry: Telemetry, replay: ReplayServer) -> None:
    """It is idempotent."""
    otel_llm.instrument()
    replay.answer(Exchange.json(completion()))
    client(replay).chat.completions.create(model="gpt-4o", messages=MESSAGES)
    assert len(telemetry.spans) == 1


def test_clients_and_accessors_made_at_any_time_count(replay: ReplayServer) -> None:
    """What was made before instrument() is seen while instrumented, what was made meanwhile passes through after."""
    telemetry = Telemetry()
    replay.answer(Exchange.json(completion()))

    def accessors() -> list[Any]:
        sdk = client(replay)
        completions = sdk.chat.completions
        return [
            completions.create,
            functools.partial(completions.create, temperature=0.5),
            completions.with_raw_response.create,
            sdk.with_raw_response.chat.completions.create,
            functools.partial(sdk.request, openai.types.chat.ChatCompletion),
        ]

    def call(accessor: Any) -> None:
        if isinstance(accessor, functools.partial) and accessor.func.__name__ == "request":
            options = importlib.import_module("openai._models").FinalRequestOptions
            accessor(
                options(
                    method="post", url="/chat/completions", json_data={"model": "m", "messages": MESSAGES}
                )
            )
        else:
            accessor(model="gpt-4o", messages=MESSAGES)

    before = accessors()
    instrument(telemetry)
    meanwhile = accessors()
    for accessor in before[:-1] + meanwhile:
        call(accessor)
    assert len(telemetry.spans) == len(before) + len(meanwhile) - 1
    otel_llm.uninstrument()
    telemetry.clear()
    for accessor in before + meanwhile:
        call(accessor)
    assert telemetry.started == 0


def test_another_wrapper_on_top_of_ours_stays_and_ours_passes_through(replay: ReplayServer) -> None:
    """Who came after us is not torn out with us."""
    telemetry = Telemetry()
    replay.answer(Exchange.json(completion()))
    original = vars(_base_client.SyncAPIClient)["request"]
    instrument(telemetry)
    ours = vars(_base_client.SyncAPIClient)["request"]
    seen: list[str] = []

    def theirs(*args: Any, **kwargs: Any) -> Any:
        seen.append("theirs")
        return ours(*args, **kwargs)

    _base_client.SyncAPIClient.request = theirs  # type: ignore[method-assign]
    try:
        otel_llm.uninstrument()
        client(replay).chat.completions.create(model="gpt-4o", messages=MESSAGES)
        assert seen == ["theirs"]
        assert telemetry.started == 0
    finally:
        _base_client.SyncAPIClient.request = original  # type: ignore[method-assign]


@pytest.mark.complaints
def test_a_hook_that_fails_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """The application goes on, the others are active, and the doctor knows."""
    monkeypatch.delenv("OTEL_LLM_STRICT")
    otel_llm.instrument()

    def failing(module: Any) -> None:
        raise RuntimeError

    installed: list[Any] = []
    patches.on_import("openai", failing)
    patches.on_import("openai", installed.append)
    assert installed == [openai]
    assert patches.status["openai"] == "failed"


def test_a_target_that_is_not_there_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """A choke point that has moved leaves the application alone, and one line in the log."""
    caplog.set_level("INFO", "otel_llm")
    otel_llm.instrument()
    assert not patches.replace(_base_client.SyncAPIClient, "not_there", lambda original: original)
    assert not patches.replace(None, "request", lambda original: original)
    assert len(caplog.records) == 2


@pytest.mark.parametrize(
    "key",
    [
        "suppress_instrumentation",
        "suppress_language_model_instrumentation",
        "opentelemetry.genai.client.inference.context",
    ],
)
def test_we_are_silent_where_others_say_so(telemetry: Telemetry, replay: ReplayServer, key: str) -> None:
    """Suppressed tracing, and a call that the official packages count, give no span of ours."""
    replay.answer(Exchange.json(completion()))
    token = context_api.attach(context_api.set_value(key, True))
    try:
        client(replay).chat.completions.create(model="gpt-4o", messages=MESSAGES)
    finally:
        context_api.detach(token)
    assert telemetry.started == 0


def test_opentelemetrys_own_way_to_suppress_silences_us(telemetry: Telemetry, replay: ReplayServer) -> None:
    """As the launcher and the exporters use it."""
    from opentelemetry.instrumentation.utils import suppress_instrumentation

    replay.answer(Exchange.json(completion()))
    with suppress_instrumentation():
        client(replay).chat.completions.create(model="gpt-4o", messages=MESSAGES)
    assert telemetry.started == 0


@pytest.mark.parametrize(
    ("settings", "spans"),
    [
        ({"exclude": "openai"}, 0),
        ({"include": "openai"}, 1),
        ({"include": "deepseek"}, 0),
        ({"include": "deepseek", "provider_hosts": "127.0.0.1=deepseek"}, 1),
        ({"exclude": ["deepseek"], "provider_hosts": {"127.0.0.1": "deepseek"}}, 0),
        ({"disabled": True}, 0),
    ],
)
def test_what_is_listened_to_can_be_chosen(
    replay: ReplayServer, settings: dict[str, Any], spans: int
) -> None:
    """By the name of an SDK or of a provider."""
    telemetry = Telemetry()
    instrument(telemetry, **settings)
    replay.answer(Exchange.json(completion()))
    client(replay).chat.completions.create(model="gpt-4o", messages=MESSAGES)
    assert len(telemetry.spans) == spans


def test_a_tracer_provider_that_fails_does_not_reach_the_call(
    replay: ReplayServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tracing is never worth an exception in the user's call."""
    monkeypatch.delenv("OTEL_LLM_STRICT")
    telemetry = Telemetry()

    class Failing:
        def on_start(self, span: Any, parent_context: Any = None) -> None:
            raise RuntimeError

        def on_end(self, span: Any) -> None:
            raise RuntimeError

        _on_ending = on_end

        def shutdown(self) -> None: ...
        def force_flush(self, timeout_millis: int = 0) -> bool:
            return True

    telemetry.tracer_provider.add_span_processor(Failing())  # type: ignore[arg-type]
    instrument(telemetry)
    replay.answer(Exchange.json(completion()))
    assert client(replay).chat.completions.create(model="gpt-4o", messages=MESSAGES).id == "chatcmpl-1"
    from otel_llm import guard

    guard.internal_errors.clear()


def test_global_providers_are_left_alone(replay: ReplayServer) -> None:
    """instrument() uses what is set, now or later, and sets nothing."""
    from opentelemetry import metrics, trace

    before = trace.get_tracer_provider(), metrics.get_meter_provider()
    otel_llm.instrument()
    assert before == (trace.get_tracer_provider(), metrics.get_meter_provider())
    replay.answer(Exchange.json(completion()))
    client(replay).chat.completions.create(model="gpt-4o", messages=MESSAGES)


_PROGRAM = """
import json, sys
steps = {steps}
from otel_llm.testing import Exchange, ReplayServer, Telemetry
telemetry = Telemetry()
def instrument():
    import otel_llm
    otel_llm.instrument(tracer_provider=telemetry.tracer_provider)
for step in steps:
    exec(step)
with ReplayServer(Exchange.json({answer})) as replay:
    import openai
    sdk = openai.OpenAI(api_key="k", base_url=replay.url + "/v1")
    sdk.chat.completions.create(model="gpt-4o", messages=[])
(span,) = telemetry.spans
told = dict(span.attributes)
del told["server.port"]
print(json.dumps([span.name, told], sort_keys=True))
"""


def test_the_order_of_imports_does_not_matter() -> None:
    """Before, after or in the middle of importing the SDK: the span is the same."""
    orders = (
        ["instrument()", "import openai"],
        ["import openai", "instrument()"],
        ["import openai.types", "from openai import OpenAI", "instrument()"],
        ["import importlib", "instrument()", "importlib.import_module('openai.resources.chat')"],
    )
    told = set()
    for order in orders:
        program = _PROGRAM.format(steps=order, answer=json.dumps(completion()).replace("null", "None"))
        done = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parents[1],
        )
        told.add(done.stdout)
    assert len(told) == 1


def test_watching_imports_leaves_modules_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loader of a watched module is its own, its source can be read, and reloading calls back again."""
    import inspect

    (tmp_path / "watched_module.py").write_text("value = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    seen: list[Any] = []
    watcher = ImportWatcher()
    watcher.wait("watched_module", seen.append)
    module = importlib.import_module("watched_module")
    assert seen == [module]
    assert type(module.__loader__).__name__ == "SourceFileLoader"
    assert "exec_module" not in vars(module.__loader__)
    assert inspect.getsource(module) == "value = 1\n"
    importlib.reload(module)
    assert seen == [module, module]
    watcher.stop()
    importlib.reload(module)
    assert len(seen) == 2


def test_async_clients_are_patched_too(telemetry: Telemetry, replay: ReplayServer) -> None:
    """Sync and async have one hook each."""
    import asyncio

    replay.answer(Exchange.json(completion()))
    asyncio.run(async_client(replay).chat.completions.create(model="gpt-4o", messages=MESSAGES))
    assert len(telemetry.spans) == 1
