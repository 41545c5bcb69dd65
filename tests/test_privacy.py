"""With content off nothing that was said, and no key, leaves the process: every exported byte is searched."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import openai
import pytest

from otel_llm.testing import Exchange, ReplayServer, Telemetry
from tests.lives.answers import STREAM, client, completion, parsing


class Secrets:
    """Makes secrets that can be found again, each by where it was put."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def __call__(self, place: str) -> str:
        self.made.append(f"hush-{place}-0042")
        return self.made[-1]


@pytest.fixture
def secret() -> Secrets:
    return Secrets()


@pytest.fixture(autouse=True)
def searched(telemetry: Telemetry, secret: Secrets, caplog: pytest.LogCaptureFixture) -> Any:
    caplog.set_level(logging.DEBUG, "otel_llm")
    yield
    assert secret.made
    assert telemetry.spans
    exported = telemetry.export_bytes()
    logged = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("otel_llm"))
    for planted in secret.made:
        assert planted.encode() not in exported
        assert planted not in logged


def loaded_client(replay: ReplayServer, secret: Secrets, **more: Any) -> openai.OpenAI:
    """A client with a secret in every place that a client has."""
    url = replay.url.replace("http://", f"http://{secret('user')}:{secret('password')}@")
    return openai.OpenAI(
        api_key=secret("key"),
        organization=secret("organization"),
        project=secret("project"),
        base_url=f"{url}/v1?key={secret('url-query')}",
        default_headers={"x-secret": secret("default-header"), "cookie": secret("cookie")},
        default_query={"key": secret("default-query")},
        max_retries=0,
        **more,
    )


def ask(sdk: Any, secret: Secrets, **more: Any) -> Any:
    """A call with a secret in every place that a call has."""
    schema = {"type": "object", "properties": {"a": {"type": "string", "description": secret("schema")}}}
    tool = {"name": "lookup", "description": secret("tool-description"), "parameters": schema}
    return sdk.chat.completions.create(
        model="gpt-4o",
        messages=[
            {"role": "system", "content": secret("system")},
            {"role": "user", "content": secret("prompt")},
        ],
        tools=[{"type": "function", "function": tool}],
        response_format={"type": "json_schema", "json_schema": {"name": secret("format"), "schema": schema}},
        user=secret("user-id"),
        metadata={"a": secret("metadata")},
        extra_headers={"x-more": secret("extra-header"), "authorization": secret("authorization")},
        extra_query={"q": secret("extra-query")},
        extra_body={"note": secret("extra-body")},
        **more,
    )


def answer_with(secret: Secrets) -> dict[str, Any]:
    arguments = {"name": "lookup", "arguments": secret("tool-arguments")}
    body = completion(secret("answer"))
    body["choices"][0]["message"] |= {
        "refusal": secret("refusal"),
        "reasoning_content": secret("reasoning"),
        "tool_calls": [{"id": "c", "type": "function", "function": arguments}],
    }
    return body


def test_a_plain_call(replay: ReplayServer, secret: Secrets) -> None:
    """Request, headers, URL and answer are searched for."""
    replay.answer(Exchange.json(answer_with(secret), headers={"set-cookie": secret("set-cookie")}))
    ask(loaded_client(replay, secret), secret)


def test_a_stream(replay: ReplayServer, secret: Secrets) -> None:
    """So are the chunks, read as a stream and as lines."""
    events = [{**STREAM[0], "choices": [{"index": 0, "delta": {"content": secret("chunk")}}]}, *STREAM]
    replay.answer(Exchange.sse(events))
    for _ in ask(loaded_client(replay, secret), secret, stream=True):
        pass


@pytest.mark.parametrize("status", [200, 400, 401, 429, 500])
def test_an_error(replay: ReplayServer, secret: Secrets, status: int) -> None:
    """Providers quote keys and prompts in messages, and put anything where a code should be."""
    error = {
        "message": f"Incorrect API key {secret('message')}",
        "type": secret("type"),
        "code": secret("code"),
        "param": secret("param"),
    }
    replay.answer(Exchange.json({"error": error}, status=status))
    try:
        ask(loaded_client(replay, secret), secret)
    except openai.APIError:
        assert status != 200


def test_an_error_in_a_stream(replay: ReplayServer, secret: Secrets) -> None:
    """An error event is an error like any other."""
    replay.answer(
        Exchange.sse([STREAM[0], {"error": {"message": secret("message"), "code": secret("code")}}])
    )
    with pytest.raises(openai.APIError):
        list(ask(loaded_client(replay, secret), secret, stream=True))


def test_an_exception_of_the_users_own(replay: ReplayServer, secret: Secrets) -> None:
    """Neither its text nor that of its causes is told."""
    http: Any = __import__("httpx2" if int(openai.__version__.partition(".")[0]) >= 3 else "httpx")

    def raising(request: Any) -> None:
        try:
            raise KeyError(secret("cause"))  # noqa: TRY301 - there must be a cause
        except KeyError as cause:
            raise ValueError(secret("exception")) from cause

    hooks: dict[str, list[Callable[..., Any]]] = {"request": [raising]}
    sdk = loaded_client(replay, secret, http_client=http.Client(event_hooks=hooks))
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever the SDK makes of it
        ask(sdk, secret)


def test_an_answer_that_does_not_fit_its_schema(replay: ReplayServer, secret: Secrets) -> None:
    """The validation error quotes the answer; the span does not."""
    import pydantic

    class Train(pydantic.BaseModel):
        number: int

    replay.answer(Exchange.json(completion(secret("answer"))))
    with pytest.raises(pydantic.ValidationError):
        parsing(client(replay)).parse(
            model="gpt-4o", messages=[{"role": "user", "content": secret("prompt")}], response_format=Train
        )
