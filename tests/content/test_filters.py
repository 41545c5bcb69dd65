"""What filters take out never leaves, and whatever they do, the call and its figures stay."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import pytest

from otel_llm.testing import Exchange, ReplayServer
from tests.content.test_capture import INPUT, OUTPUT, ask, instrumented, told
from tests.lives.answers import chunk, completion

SECRETS = {
    "keys": [
        "sk-proj-abcdefghijklmnopqrstuvwx",
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
        "AIzaSyA-abcdefghijklmnopqrstuvwxyz01234",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdefghijk",
        "Authorization: Bearer abcdef0123456789abcdef",
        'password: "hunter22 and more"',
        "api_key=0123456789abcdef",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----",
    ],
    "emails": ["jane.doe+x@mail.example.co.uk"],
    "cards": ["4242 4242 4242 4242", "378282246310005", "5555-5555-5555-4444"],
    "phones": ["+49 (30) 1234-5678", "+14155552671", "(415) 555-2671 22", "030 1234 5678"],
}
HARMLESS = [
    "The year 2026-11-26 20:56:14 has 365 days, 3.14159265358979 is pi.",
    "Order 1234567890123456 is no card.",
    "Version 1.2.3 of task-list, see 10.0.0.1:8080 at 12:30:59.",
    "uuid 123e4567-e89b-12d3-a456-426614174000",
    "a basic understanding of multiplication; bearer responsibilities",
    "the password is said nowhere; a skeleton key",
]


@pytest.mark.parametrize(("name", "secret"), [(name, each) for name in SECRETS for each in SECRETS[name]])
def test_shipped_filters_find_what_they_are_for(name: str, secret: str, replay: ReplayServer) -> None:
    """In questions, answers, and arguments of tools, alone or within a sentence."""
    telemetry = instrumented(capture_content="SPAN_AND_EVENT", content_filter=name)
    answer = completion(f"you said {secret}.")
    call = {"name": "f", "arguments": json.dumps({"deep": [{"said": secret}]})}
    answer["choices"][0]["message"]["tool_calls"] = [{"id": "1", "type": "function", "function": call}]
    ask(
        replay,
        [{"role": "user", "content": f"keep {secret} to yourself"}],
        answer=lambda _: Exchange.json(answer),
    )
    core = secret.split('"')[1] if '"' in secret else max(re.split(r"[\s=]", secret), key=len)
    exported = repr([span.attributes for span in telemetry.spans]) + repr(
        [log.log_record.attributes for log in telemetry.logs]
    )
    assert core not in exported.encode().decode("unicode_escape")
    assert "keep " in told(telemetry)[0]["parts"][0]["content"]


@pytest.mark.parametrize("words", HARMLESS)
def test_shipped_filters_leave_the_rest(words: str, replay: ReplayServer) -> None:
    """Dates, numbers, addresses of hosts and words are no secrets."""
    telemetry = instrumented(capture_content="SPAN_ONLY", content_filter="keys,emails,cards,phones")
    ask(replay, [{"role": "user", "content": words}])
    assert told(telemetry)[0]["parts"][0]["content"] == words


def test_shipped_filters_take_no_time_on_odd_texts() -> None:
    """A text made to send expressions astray does not keep them for ever: this test ends."""
    from otel_llm.telemetry.filters import Filters

    filters = Filters(("keys", "emails", "cards", "phones"), None)
    for piece in ("1 ", "a.", "-----BEGIN ", "+1 ", "api_key", "(1", "eyJ", "x@", "1-", "-", "sk-"):
        words = piece * (200_000 // len(piece))
        ((part,),) = filters.parts([[{"type": "text", "content": words}]])
        assert part["content"]


def test_a_pattern_of_the_settings_is_replaced(replay: ReplayServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it matches."""
    monkeypatch.setenv("OTEL_LLM_CONTENT_FILTER_PATTERN", r"ACME-\d+")
    telemetry = instrumented(capture_content="SPAN_ONLY")
    ask(replay, [{"role": "user", "content": "about ACME-123 and ACME-4"}])
    assert told(telemetry)[0]["parts"][0]["content"] == "about [redacted] and [redacted]"


def test_a_function_may_change_and_drop_parts(replay: ReplayServer) -> None:
    """It sees one part at a time, instructions and tools included, and several run one after the other."""

    def louder(part: dict[str, Any]) -> dict[str, Any] | None:
        return {**part, "content": part["content"].upper()} if part["type"] == "text" else None

    def marked(part: dict[str, Any]) -> dict[str, Any]:
        part["seen"] = True
        return part

    telemetry = instrumented(capture_content="SPAN_ONLY", content_filter=[louder, marked, "emails"])
    picture = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    ask(replay, [{"role": "user", "content": [{"type": "text", "text": "a@b.example"}, picture]}])
    assert told(telemetry)[0]["parts"] == [{"type": "text", "content": "[EMAIL]", "seen": True}]
    assert told(telemetry, OUTPUT)[0]["parts"][0]["content"] == "HELLO."


def raising(part: Any) -> Any:
    raise RuntimeError("secret words")


def exiting(part: Any) -> Any:
    raise SystemExit(3)


def returning_nonsense(part: Any) -> Any:
    return "text"


def asking_a_model(url: str) -> Callable[[Any], Any]:
    def ask_too(part: Any) -> Any:
        openai.OpenAI(api_key="k", base_url=url).chat.completions.create(model="judge", messages=[])
        return part

    return ask_too


@pytest.mark.parametrize("failing", [raising, exiting, returning_nonsense])
def test_a_filter_that_fails_drops_the_content_alone(
    failing: Any, replay: ReplayServer, caplog: pytest.LogCaptureFixture
) -> None:
    """The span has its figures, and one warning says what happened without quoting anything."""
    telemetry = instrumented(capture_content="SPAN_AND_EVENT", content_filter=failing)
    for _ in range(3):
        ask(replay)
    for span in telemetry.spans:
        assert span.attributes["gen_ai.usage.input_tokens"] == 1000
        assert not {INPUT, OUTPUT} & span.attributes.keys()
    (record,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "content filter" in record.getMessage()
    assert "secret words" not in caplog.text


def test_a_filter_that_hangs_holds_nothing_up(replay: ReplayServer, caplog: pytest.LogCaptureFixture) -> None:
    """It is not waited for to its end, nor often; there is no content then, but all figures, and one warning."""
    telemetry = instrumented(capture_content="SPAN_ONLY", content_filter=lambda _: time.sleep(3600))
    for _ in range(20):
        ask(replay)
    assert len(telemetry.spans) == 20
    assert not any(INPUT in span.attributes for span in telemetry.spans)
    assert len([record for record in caplog.records if record.levelno == logging.WARNING]) == 1


def test_what_a_filter_calls_is_not_filtered_in_turn(replay: ReplayServer) -> None:
    """A model may be asked to judge; its call is no call of the application's."""
    telemetry = instrumented(capture_content="SPAN_ONLY", content_filter=asking_a_model(replay.url))
    ask(replay)
    assert [span.name for span in telemetry.spans] == ["chat gpt-4o"]
    assert told(telemetry)[0]["parts"][0]["content"] == "hi"


def test_texts_of_errors_are_filtered_too(replay: ReplayServer) -> None:
    """An exception may quote the prompt: its message and stack trace pass the same filters."""
    telemetry = instrumented(capture_content="SPAN_ONLY", content_filter="emails")
    refused = Exchange.json({"error": {"message": "no such user jane@example.com"}}, status=400)
    with pytest.raises(openai.BadRequestError):
        ask(replay, answer=lambda _: refused)
    (span,) = telemetry.spans
    (log,) = telemetry.logs
    exported = f"{span.status.description}{dict(log.log_record.attributes)}"
    assert "[email]" in exported
    assert "jane@" not in exported


@pytest.mark.parametrize(
    "settings",
    [
        {"content_filter": "secrets"},
        {"content_filter": "keys,all"},
        {"content_filter": [raising, "all"]},
        {"content_filter": 7},
        {"content_filter_pattern": "("},
    ],
)
def test_a_wrong_filter_lets_nothing_through(
    settings: Any, replay: ReplayServer, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """Whoever asked for a filter does not get everything for having misspelt it; one warning says so."""
    upload = {"completion_hook": "upload", "upload_base_path": str(tmp_path)}
    telemetry = instrumented(capture_content="SPAN_AND_EVENT", **upload, **settings)
    ask(replay)
    (span,) = telemetry.spans
    assert span.attributes["gen_ai.usage.input_tokens"] == 1000
    assert not {INPUT, OUTPUT, f"{INPUT}_ref"} & span.attributes.keys()
    assert telemetry.logs == []
    assert list(tmp_path.iterdir()) == []
    (record,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "no content is captured" in record.getMessage()


def test_nothing_goes_past_the_filters(replay: ReplayServer) -> None:
    """Names of who speaks, keys and numbers in arguments, and texts that were cut in the middle of what to hide."""
    telemetry = instrumented(
        capture_content="SPAN_ONLY", content_filter="emails,cards", content_max_bytes=2000
    )
    answer = completion()
    arguments = {"jane@example.com": {"card": 4242424242424242}}
    call = {"name": "f", "arguments": json.dumps(arguments)}
    answer["choices"][0]["message"]["tool_calls"] = [{"id": "1", "type": "function", "function": call}]
    ask(
        replay,
        [{"role": "user", "name": "jane@example.com", "content": "hi"}],
        answer=lambda _: Exchange.json(answer),
    )
    told_all = f"{telemetry.spans[0].attributes[INPUT]}{telemetry.spans[0].attributes[OUTPUT]}"
    assert "jane" not in told_all
    assert "4242" not in told_all
    assert "[card]" in told_all


@pytest.mark.parametrize("room", range(80, 112))
def test_half_of_what_is_to_be_hidden_is_not_told(room: int, replay: ReplayServer) -> None:
    """Where the room for an answer ends in the middle of it, in a choice that is short by itself."""
    telemetry = instrumented(capture_content="SPAN_ONLY", content_filter="emails", content_max_bytes=2000)
    first = [chunk("x" * 100) for _ in range(56)]
    second = [chunk("y" * room + " jane.doe@mail.example.com " + "z" * 500, index=1)]
    sent = [*first, *second, chunk(finish="stop"), chunk(finish="stop", index=1)]
    list(ask(replay, stream=True, answer=lambda _: Exchange.sse(sent)))
    assert "jane" not in telemetry.spans[0].attributes[OUTPUT]
