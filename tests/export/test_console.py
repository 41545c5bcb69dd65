"""What the console prints."""

from __future__ import annotations

import io
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode

from otel_llm.export.console import ConsoleExporter
from otel_llm.telemetry import names

CALL = {
    names.OPERATION_NAME: "chat",
    names.PROVIDER_NAME: "openai",
    names.REQUEST_MODEL: "gpt-4o",
    names.RESPONSE_MODEL: "gpt-4o-2024-08-06",
    names.USAGE_INPUT_TOKENS: 1024,
    names.USAGE_CACHE_READ: 900,
    names.USAGE_CACHE_WRITE: 64,
    names.USAGE_OUTPUT_TOKENS: 120,
    names.USAGE_REASONING: 64,
    names.RESPONSE_FINISH_REASONS: ("stop",),
}


class Screen:
    """A tracer whose spans are printed into a text."""

    def __init__(self, out: Any = None, **options: Any) -> None:
        self.out = out or io.StringIO()
        self.exporter = ConsoleExporter(self.out, **options)
        self.provider = TracerProvider(resource=Resource({"service.name": "app"}), shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.tracer = self.provider.get_tracer("app")

    def call(self, seconds: float = 1.25, error: str | None = None, **attributes: Any) -> None:
        named = {name: value for name, value in {**CALL, **attributes}.items() if value is not None}
        span = self.tracer.start_span("chat gpt-4o", kind=SpanKind.CLIENT, attributes=named, start_time=10**9)
        if error:
            span.set_status(Status(StatusCode.ERROR, error))
        span.end(int((1 + seconds) * 10**9))

    @property
    def text(self) -> str:
        return self.out.getvalue()


def test_a_call_is_one_line_with_all_its_figures() -> None:
    """Models, tokens with their subsets, finish reason and duration, as a person reads them."""
    screen = Screen()
    screen.call(**{names.RESPONSE_TIME_TO_FIRST_CHUNK: 0.21})
    expected = (
        "chat gpt-4o -> gpt-4o-2024-08-06   in 1,024 (cached 900, written 64)   out 120 (reasoning 64)"
        "   stop   first 210 ms   1.25 s   openai\n"
    )
    assert screen.text.endswith(expected)
    assert screen.text.splitlines()[0].endswith("  app")


def test_what_is_not_known_is_not_printed() -> None:
    """Neither a zero nor a dash stands for a missing figure; that nobody told the usage is said in words."""
    screen = Screen()
    bare = dict.fromkeys(name for name in CALL if "usage" in name or "response" in name)
    screen.call(**{**bare, names.RESPONSE_MODEL: "gpt-4o"})
    assert screen.text.splitlines()[1] == "└─ chat gpt-4o   usage not told   1.25 s   openai"


def test_an_error_says_what_and_why() -> None:
    """The class, and the provider's code in brackets."""
    screen = Screen()
    screen.call(
        error="openai.RateLimitError: rate_limit_exceeded", **{names.ERROR_TYPE: "openai.RateLimitError"}
    )
    assert "   openai.RateLimitError (rate_limit_exceeded)   openai" in screen.text


def test_streams_that_were_left_are_told_apart() -> None:
    """Nothing failed where nobody read on."""
    screen = Screen()
    screen.call(**{names.RESPONSE_FINISH_REASONS: ("error",), names.STREAM_OUTCOME: "abandoned"})
    assert "   left unfinished   abandoned" in screen.text


def test_a_trace_is_a_tree_in_order() -> None:
    """Children stand under their parents, when all has ended, and traces without a model call not at all."""
    screen = Screen()
    with screen.tracer.start_as_current_span("answer"):
        screen.call()
        with screen.tracer.start_as_current_span("tool"):
            pass
        screen.call()
        assert screen.text == ""
    with screen.tracer.start_as_current_span("nothing of ours"):
        pass
    assert [line[:10] for line in screen.text.splitlines()[1:]] == [
        "└─ answer ",
        "   ├─ chat",
        "   ├─ chat",
        "   └─ tool",
    ]


def test_totals_are_printed_once_by_model() -> None:
    """With a row of sums where there is more than one."""
    screen = Screen()
    screen.call()
    screen.call()
    screen.call(error="x", **{names.RESPONSE_MODEL: "other", names.ERROR_TYPE: "x"})
    screen.exporter.shutdown()
    screen.exporter.shutdown()
    table = [line.split() for line in screen.text.splitlines()[-4:]]
    assert table[0][:5] == ["provider", "model", "calls", "errors", "input"]
    assert table[1] == ["openai", "gpt-4o-2024-08-06", "2", "0", "2,048", "1,800", "128", "240", "128"]
    assert table[3] == ["all", "3", "1", "3,072", "2,700", "192", "360", "192"]
    assert screen.text.count("provider  model") == 1


def test_no_value_can_paint_the_terminal() -> None:
    """Control characters of any origin are spelled out."""
    screen = Screen()
    screen.call(**{names.REQUEST_MODEL: "evil\x1b[31m\nmodel", names.PROVIDER_NAME: "a\u202eb"})
    assert "\x1b" not in screen.text
    assert "evil\\x1b[31m\\nmodel" in screen.text
    assert len(screen.text.splitlines()) == 2


def test_colours_come_on_demand() -> None:
    """Through `rich`, if asked for; a plain stream gets none."""
    pytest.importorskip("rich")
    colored, plain = Screen(color=True), Screen()
    colored.call()
    plain.call()
    assert "\x1b[" in colored.text
    assert "\x1b[" not in plain.text


@pytest.mark.complaints
def test_a_terminal_that_is_gone_fails_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Printing to a closed stream is a failure of ours alone."""
    monkeypatch.delenv("OTEL_LLM_STRICT")
    screen = Screen()
    screen.out.close()
    screen.call()
    screen.exporter.shutdown()


def test_what_is_held_is_bounded() -> None:
    """Traces whose roots never end are printed as they stand when there are too many."""
    screen = Screen()
    roots = [screen.tracer.start_span("root") for _ in range(1100)]
    from opentelemetry import trace

    for root in roots:
        with trace.use_span(root):
            screen.call()
    assert screen.text.count("chat gpt-4o") == 100
    screen.exporter.force_flush()
    assert screen.text.count("chat gpt-4o") == 1100


def test_a_call_that_ends_after_its_parent_is_printed_all_the_same() -> None:
    """A stream may outlive the request that it was asked for in."""
    screen = Screen(totals=False)
    parent = screen.tracer.start_span("GET /")
    inside = trace.set_span_in_context(parent)
    late = screen.tracer.start_span("chat", context=inside, attributes=CALL)
    screen.tracer.start_span("chat", context=inside, attributes=CALL).end()
    parent.end()
    assert screen.text.count("gpt-4o-2024") == 1
    late.end()
    assert screen.text.count("gpt-4o-2024") == 2


def test_terminals_that_know_no_lines_get_plain_ones() -> None:
    """A character that cannot be shown is replaced; nothing is lost and nothing raises."""
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    screen = Screen(out)
    screen.call(**{names.RESPONSE_MODEL: "modèle"})
    out.seek(0)
    assert "`- chat gpt-4o -> mod?le" in out.read()
