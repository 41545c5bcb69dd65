"""Settings: arguments over environment over defaults, and nothing wrong stops a program."""

from __future__ import annotations

import logging
from dataclasses import FrozenInstanceError
from typing import Any

import pytest

import otel_llm
from otel_llm import instrumentation
from otel_llm.config import CAPTURE_MODES, PROFILE_NAMES, Config

VARIABLES = {name: setting.metadata["variable"] for name, setting in Config.__dataclass_fields__.items()}
LISTS_OF_NAMES = (  # any name may be meant; see below
    "OTEL_LLM_INCLUDE",
    "OTEL_LLM_EXCLUDE",
    "OTEL_INSTRUMENTATION_GENAI_COMPLETION_HOOK",
    "OTEL_INSTRUMENTATION_GENAI_UPLOAD_BASE_PATH",
    "OTEL_LLM_PRICES",
)
WRONG = {
    "OTEL_LLM_DISABLED": "maybe",
    "OTEL_LLM_SEMCONV": "2020",
    "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SOME",
    "OTEL_LLM_CONTENT_MAX_BYTES": "-1",
    "OTEL_LLM_TOOL_DEFINITIONS": "some",
    "OTEL_INSTRUMENTATION_GENAI_EMIT_EVENT": "perhaps",
    "OTEL_LLM_CONTENT_FILTER": "everything",
    "OTEL_LLM_CONTENT_FILTER_PATTERN": "(",
    "OTEL_INSTRUMENTATION_GENAI_UPLOAD_FORMAT": "xml",
    "OTEL_INSTRUMENTATION_GENAI_UPLOAD_MAX_QUEUE_SIZE": "none",
    "OTEL_LLM_STREAM_USAGE": "2",
    "OTEL_LLM_CHUNK_METRIC": "si",
    "OTEL_LLM_COST": "free",
    "OTEL_LLM_LOGPROBS": "x",
    "OTEL_LLM_NATIVE_TRACING": "both",
    "OTEL_LLM_LANGSMITH": "please",
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


def test_every_variable_is_tried_with_a_wrong_value() -> None:
    """So that a new one is not forgotten above."""
    assert WRONG.keys() == {*VARIABLES.values()} - {*LISTS_OF_NAMES}


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "1e3", "²", "٣", "16k", "9" * 5000])
def test_a_size_is_a_plain_number(value: str, caplog: pytest.LogCaptureFixture) -> None:
    """Also what Python takes for digits, or refuses to read for its length, stops nothing."""
    assert Config.build(environ={"OTEL_LLM_CONTENT_MAX_BYTES": value}) == Config()
    assert len(caplog.records) == 1


@pytest.mark.parametrize("value", ["", "  "])
@pytest.mark.parametrize("variable", VARIABLES.values())
def test_an_empty_variable_is_an_unset_one(
    variable: str, value: str, caplog: pytest.LogCaptureFixture
) -> None:
    """As everywhere in OpenTelemetry: no warning, and the default."""
    assert Config.build(environ={variable: value}) == Config()
    assert not caplog.records


@pytest.mark.parametrize("value", [-1, True, "many", 1.5, object()])
def test_a_wrong_argument_is_warned_about_by_its_name(value: Any, caplog: pytest.LogCaptureFixture) -> None:
    """It does not raise either, and the environment does not step in for it."""
    environ = {"OTEL_LLM_CONTENT_MAX_BYTES": "100"}
    assert Config.build({"content_max_bytes": value}, environ).content_max_bytes == 16384
    (record,) = caplog.records
    assert "content_max_bytes" in record.getMessage()


@pytest.mark.parametrize("argument", [None, "omitted"])
def test_an_argument_that_is_none_was_not_given(argument: Any) -> None:
    """Then the environment counts."""
    arguments = {} if argument else {"semconv": None}
    assert Config.build(arguments, {"OTEL_LLM_SEMCONV": "latest"}).semconv == "latest"


@pytest.mark.parametrize("spelling", ["1", "true", "TRUE", " yes ", "on"])
def test_true_captures_on_spans_and_says_so(spelling: str, caplog: pytest.LogCaptureFixture) -> None:
    """What older packages took still works; it is said once what it means here."""
    variable = {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": spelling}
    for _ in range(2):
        assert Config.build(environ=variable).capture_content == "SPAN_ONLY"
    (record,) = caplog.records
    assert "SPAN_ONLY" in record.getMessage()


@pytest.mark.parametrize("spelling", ["0", "false", "No", "off"])
def test_false_captures_nothing_and_needs_no_word(spelling: str, caplog: pytest.LogCaptureFixture) -> None:
    """It is the default."""
    config = Config.build(environ={"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": spelling})
    assert config.capture_content == "NO_CONTENT"
    assert not config.content
    assert not caplog.records


@pytest.mark.parametrize("mode", CAPTURE_MODES[1:])
def test_every_other_mode_lets_content_out(mode: str) -> None:
    """Only without content is the text of an error withheld."""
    assert Config(capture_content=mode).content


def test_profiles_are_those_that_have_names() -> None:
    """What may be set is what telemetry knows."""
    from otel_llm.telemetry.names import DEFAULT_PROFILE, PROFILES

    assert tuple(PROFILES) == PROFILE_NAMES
    assert Config().semconv == DEFAULT_PROFILE


@pytest.mark.parametrize(
    ("include", "exclude", "heard"),
    [
        ([], [], True),
        (["openai"], [], True),
        (["groq"], [], True),
        (["anthropic"], [], False),
        ([], ["groq"], False),
        ([], ["openai"], False),
        (["openai"], ["groq"], False),
    ],
)
def test_who_is_listened_to(include: list[str], exclude: list[str], heard: bool) -> None:
    """By the name of the SDK or of who answers through it; to be excluded by either is enough."""
    config = Config.build({"include": include, "exclude": exclude}, {})
    assert config.listens_to("openai", "groq") is heard


@pytest.mark.parametrize("name", ["include", "exclude"])
def test_a_name_that_nobody_has_is_warned_about(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """With the names that there are; it is left out, and where nothing else was named all are listened to."""
    for _ in range(2):
        otel_llm.instrument(**{name: ["opnai", "x_ai"]})
        assert getattr(instrumentation.engine().config, name) == {"x_ai"}
        otel_llm.uninstrument()
    otel_llm.instrument(**{name: "opnai"})
    assert instrumentation.engine().config.listens_to("openai")
    (record,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert f"{VARIABLES[name]}: 'opnai' is not known" in record.getMessage()
    assert "openai" in record.getMessage()


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


def test_settings_do_not_change() -> None:
    """Whoever holds them can rely on them."""
    with pytest.raises(FrozenInstanceError):
        Config().semconv = "latest"  # type: ignore[misc]


def test_every_setting_is_printed() -> None:
    """One line each, with its variable."""
    lines = Config().lines()
    assert "OTEL_LLM_SEMCONV = 2026-10" in lines
    assert "OTEL_LLM_EXCLUDE = -" in lines
    assert len(lines) == len(Config.__dataclass_fields__)
