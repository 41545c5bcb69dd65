"""What is added to spans for LangSmith, and on the spans of others inside a conversation."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import otel_llm
from otel_llm.export.conversations import ConversationProcessor
from otel_llm.export.langsmith import LangSmithProcessor
from otel_llm.export.pipeline import Pipeline
from otel_llm.telemetry import names, others
from otel_llm.testing import ReplayServer
from tests.lives.answers import client
from tests.lives.scenarios import CHAT, provider


def exported(*processors: Any, langsmith: bool = False) -> tuple[TracerProvider, InMemorySpanExporter]:
    """A tracer provider with these processors, and where its spans arrive."""
    tracing, arrived = TracerProvider(), InMemorySpanExporter()
    last: Any = SimpleSpanProcessor(arrived)
    for processor in (*processors, LangSmithProcessor(last) if langsmith else last):
        tracing.add_span_processor(processor)
    return tracing, arrived


def test_langsmith_reads_kind_provider_total_and_thread(replay: ReplayServer) -> None:
    """By its own names, beside the conventions', on spans of ours alone, and where it is sent to alone."""
    elsewhere = InMemorySpanExporter()
    tracing, arrived = exported(SimpleSpanProcessor(elsewhere), langsmith=True)
    otel_llm.instrument(tracer_provider=tracing)
    replay.answer(provider)
    with otel_llm.conversation("c-1", user="u-1"):
        client(replay).chat.completions.create(**CHAT)
        tracing.get_tracer("app").start_span("mine").end()
    ours, theirs = (dict(span.attributes or {}) for span in arrived.get_finished_spans())
    assert {
        name: ours[name] for name in (*names.LANGSMITH.values(), names.LANGSMITH_KIND, names.LANGSMITH_TOTAL)
    } == {
        "gen_ai.system": "openai",
        "langsmith.metadata.thread_id": "c-1",
        "langsmith.metadata.session_id": "c-1",
        "langsmith.metadata.user_id": "u-1",
        "langsmith.span.kind": "llm",
        "gen_ai.usage.total_tokens": 1007,
    }
    assert ours["gen_ai.provider.name"] == "openai"
    assert theirs == {}
    assert names.LANGSMITH_TOTAL not in (elsewhere.get_finished_spans()[0].attributes or {})


def test_a_call_without_usage_has_no_total(replay: ReplayServer) -> None:
    """None is invented."""
    tracing, arrived = exported(langsmith=True)
    otel_llm.instrument(tracer_provider=tracing)
    replay.answer(provider)
    client(replay).embeddings.create(model="e", input="x")
    (span,) = arrived.get_finished_spans()
    assert (span.attributes or {})["langsmith.span.kind"] == "embedding"
    assert names.LANGSMITH_TOTAL not in (span.attributes or {})


@pytest.mark.parametrize("langsmith", [False, True])
def test_a_pipeline_adds_it_only_if_asked_to(langsmith: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other backends would add the total up."""
    for signal in ("METRICS", "LOGS"):
        monkeypatch.setenv(f"OTEL_{signal}_EXPORTER", "none")
    made = Pipeline(langsmith=langsmith)
    processors = made.tracer_provider._active_span_processor._span_processors
    assert any(isinstance(one, LangSmithProcessor) for one in processors) is langsmith
    made.shutdown()


def test_spans_of_others_are_part_of_the_conversation() -> None:
    """From the innermost block, and only inside."""
    tracing, arrived = exported(ConversationProcessor())
    tracer = tracing.get_tracer("app")
    with otel_llm.conversation("c-1", tenant="acme"), tracer.start_as_current_span("outer"):
        with otel_llm.conversation("c-2"):
            tracer.start_span("inner").end()
    tracer.start_span("after").end()
    inner, outer, after = (dict(span.attributes or {}) for span in arrived.get_finished_spans())
    assert outer == {"gen_ai.conversation.id": "c-1", "session.id": "c-1", "tenant": "acme"}
    assert inner == {"gen_ai.conversation.id": "c-2", "session.id": "c-2", "tenant": "acme"}
    assert after == {}


@pytest.mark.complaints
def test_what_cannot_be_told_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    """With one warning that names it, and no value."""
    tracing, arrived = exported(ConversationProcessor())
    for _ in range(2):
        with otel_llm.conversation("c-1", secret=object(), tags=["a", "b"], nothing=None):
            tracing.get_tracer("app").start_span("x").end()
    said = dict(arrived.get_finished_spans()[0].attributes or {})
    assert said == {"gen_ai.conversation.id": "c-1", "session.id": "c-1", "tags": ("a", "b")}
    (record,) = [record for record in caplog.records if record.name == "otel_llm"]
    assert "secret is of type object" in record.getMessage()


def test_a_conversation_left_in_another_context_leaves_nothing_behind() -> None:
    """As a generator does that is closed elsewhere: no error, and no complaint in the log."""
    from contextvars import copy_context

    block = otel_llm.conversation("c-1")
    copy_context().run(block.__enter__)
    block.__exit__(None, None, None)
    tracing, arrived = exported(ConversationProcessor())
    tracing.get_tracer("app").start_span("x").end()
    assert not arrived.get_finished_spans()[0].attributes


def test_langsmiths_own_spans_are_warned_of(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Only where it traces, and by OpenTelemetry; once."""
    monkeypatch.setenv("LANGSMITH_TRACING_MODE", "hybrid")
    others.warn_of_others()
    assert not caplog.records
    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    others.warn_of_others()
    others.warn_of_others()
    (record,) = caplog.records
    assert "LANGSMITH_TRACING_MODE" in record.getMessage()
