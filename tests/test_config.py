"""Settings: arguments over environment over defaults, and nothing wrong stops a program."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from otel_llm.config import Config

WRONG = {
    "OTEL_LLM_DISABLED": "maybe",
    "OTEL_LLM_SEMCONV": "2020",
    "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SOME",
    "OTEL_LLM_CONTENT_MAX_BYTES": "-1",
    "OTEL_LLM_STREAM_USAGE": "2",
    "OTEL_LLM_CHUNK_METRIC": "si",
    "OTEL_LLM_COST": "free",
    "OTEL_LLM_LOGPROBS": "x",
    "OTEL_LLM_NATIVE_TRACING": "both",
    "OTEL_LLM_PROVIDER_HOSTS": "just-a-host",
    "OTEL_LLM_STRICT": "very",
}


@pytest.mark.parametrize(("variable", "value"), WRONG.items())
def test_a_wrong_value_is_warned_about_once_and_replaced(
    variable: str, value: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The warning names variable, value and what is allowed; then the default counts."""
    for _ in range(2):
        assert Config.build(environ={variable: value}) == Config()
    (record,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    message = record.getMessage()
    assert variable in message
    assert repr(value) in message
    assert "not allowed (" in message


@pytest.mark.parametrize(
    ("arguments", "environ", "field", "value"),
    [
        ({}, {"OTEL_LLM_SEMCONV": "LATEST"}, "semconv", "latest"),
        ({"semconv": "2026-08"}, {"OTEL_LLM_SEMCONV": "latest"}, "semconv", "2026-08"),
        ({"disabled": False}, {"OTEL_LLM_DISABLED": "1"}, "disabled", False),
        ({}, {"OTEL_LLM_INCLUDE": " OpenAI , groq,"}, "include", frozenset({"openai", "groq"})),
        ({"exclude": ["openai"]}, {}, "exclude", frozenset({"openai"})),
        ({"provider_hosts": {"A.b": "x"}}, {}, "provider_hosts", (("a.b", "x"),)),
        ({}, {"OTEL_LLM_PROVIDER_HOSTS": "a=x, *.b:80=y"}, "provider_hosts", (("a", "x"), ("*.b:80", "y"))),
        ({}, {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true"}, "capture_content", "SPAN_ONLY"),
        (
            {},
            {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "event_only"},
            "capture_content",
            "EVENT_ONLY",
        ),
        ({"content_max_bytes": 100}, {}, "content_max_bytes", 100),
    ],
)
def test_settings_are_found(
    arguments: dict[str, Any], environ: dict[str, str], field: str, value: Any
) -> None:
    """In any spelling that is allowed, arguments first."""
    assert getattr(Config.build(arguments, environ), field) == value


def test_a_setting_that_does_not_exist_is_a_programming_error() -> None:
    """It is refused by name, with what there is."""
    with pytest.raises(TypeError, match=r"unknown settings semcnv; known are .*semconv"):
        Config.build({"semcnv": "latest"})


def test_every_setting_is_printed() -> None:
    """One line each, with its variable."""
    lines = Config().lines()
    assert "OTEL_LLM_SEMCONV = '2026-10'" in lines
    assert len(lines) == len(Config.__dataclass_fields__)
