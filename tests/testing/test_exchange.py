"""Exchanges hold the bytes a provider would send, in the pieces it would send them in."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest

from otel_llm.testing import Exchange, Gate
from otel_llm.testing.exchange import split_events

RECORDINGS = Path(
    os.environ.get("OTEL_LLM_RECORDINGS", Path(__file__).parents[2].parent / "shared" / "recordings")
)


def record(
    body: str, headers: dict[str, str] | None = None, *, status: int = 200, streaming: bool = True
) -> dict[str, Any]:
    return {
        "streaming": streaming,
        "response": {"status": status, "headers": headers or {}, "body": body},
    }


def test_json_body() -> None:
    """A plain answer is one chunk of JSON that travels with its length."""
    exchange = Exchange.json({"name": "Zoë"}, status=201, headers={"x-request-id": "1"})
    assert exchange.status == 201
    assert exchange.headers == {"content-type": "application/json", "x-request-id": "1"}
    assert exchange.chunks == ('{"name":"Zoë"}'.encode(),)
    assert not exchange.streams


def test_sse_events() -> None:
    """Objects, texts and named events are each written as one server-sent event, and `[DONE]` ends them."""
    exchange = Exchange.sse([{"a": 1}, "two\nlines", ("ping", {"b": 2})])
    assert exchange.chunks == (
        b'data: {"a":1}\n\n',
        b"data: two\ndata: lines\n\n",
        b'event: ping\ndata: {"b":2}\n\n',
        b"data: [DONE]\n\n",
    )
    assert exchange.streams


def test_no_done() -> None:
    """Neither a stream without the marker nor a stream that is cut ends in `[DONE]`."""
    assert len(Exchange.sse([{}], done=False).chunks) == 1
    assert len(Exchange.sse([{}], cut=True).chunks) == 1


def test_cut_after() -> None:
    """Cutting an answer keeps its first chunks and leaves the original as it was."""
    whole = Exchange.sse([{"n": 1}, {"n": 2}])
    cut = whole.cut_after(1)
    assert cut.chunks == whole.chunks[:1]
    assert cut.cut
    assert not whole.cut


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([b"data: 1\n\n", b"data: 2\n\n"], id="newlines"),
        pytest.param([b"event: a\r\ndata: 1\r\n\r\n", b"event: b\r\ndata: 2\r\n\r\n"], id="crlf"),
        pytest.param([b"event: a\rdata: 1\r\r", b"data: 2\r\r"], id="carriage returns"),
        pytest.param([b": hello\n\n", b"data: 1\n\n", b"data: 2"], id="comment and open end"),
        pytest.param([b"\n\ndata: 1\n\n\n", b"data: 2\n\n"], id="blank lines"),
        pytest.param([b'{"a":1}\n', b'{"a":2}\r\n'], id="json lines"),
        pytest.param([b'{"a":1}\n', b'{"a":2}'], id="json lines with open end"),
        pytest.param([b'{\n "a": {\n}}\n'], id="one json object over several lines"),
        pytest.param([b'[{"a":1}\n,\r\n{"a":2}]'], id="one json array"),
        pytest.param([b"\0\0\0\x10" + b"x" * 12, b"\0\0\0\x12" + b"y" * 14], id="aws frames"),
        pytest.param([b"\0\0\0\x10" + b"x" * 5], id="half an aws frame"),
        pytest.param([b"plain words\n\nand more"], id="text"),
        pytest.param([], id="nothing"),
    ],
)
def test_split_events(pieces: list[bytes]) -> None:
    """A body is split after each event, whatever ends its lines, and what has no events stays whole."""
    assert split_events(b"".join(pieces)) == pieces


def test_recorded_headers() -> None:
    """Headers of framing are never replayed, and those that make clients retry not with errors."""
    headers = {"Content-Length": "3", "Content-Encoding": "gzip", "Retry-After": "1", "x-kept": "yes"}
    assert Exchange.recorded(record("{}", headers, status=429)).headers == {"x-kept": "yes"}
    assert Exchange.recorded(record("{}", headers)).headers == {"Retry-After": "1", "x-kept": "yes"}


def test_recorded_plain_body() -> None:
    """The body of an answer that is not a stream stays whole, even if it looks like events."""
    assert Exchange.recorded(record("data: 1\n\ndata: 2\n\n", streaming=False)).chunks == (
        b"data: 1\n\ndata: 2\n\n",
    )


def test_recorded_base64() -> None:
    """A binary body is replayed byte for byte."""
    body = base64.b64encode(b"\xff\x00").decode()
    response = {"status": 200, "headers": {}, "body_base64": body}
    assert Exchange.recorded({"streaming": False, "response": response}).chunks == (b"\xff\x00",)


def test_gate_keeps_early_releases() -> None:
    """What a gate released before anybody waited lets exactly that many chunks pass."""
    gate = Gate()
    gate.release(2)
    assert [gate.wait(0) for _ in range(3)] == [True, True, False]
    gate.open()
    assert gate.wait()


@pytest.mark.recordings
@pytest.mark.skipif(not RECORDINGS.is_dir(), reason="the recorded exchanges are not here")
def test_recordings() -> None:
    """Every recorded exchange becomes an answer with exactly its body; successful streams have events."""
    paths = sorted(RECORDINGS.glob("*/*/*.json"))
    assert paths
    for path in paths:
        recorded = json.loads(path.read_text())
        response = recorded["response"]
        body = response.get("body", "").encode() or base64.b64decode(response.get("body_base64", ""))
        exchange = Exchange.recorded(recorded)
        assert b"".join(exchange.chunks) == body, path.name
        if "done_marker" in recorded["features"]:
            assert b"[DONE]" in exchange.chunks[-1], path.name
            assert all(chunk.count(b"data:") <= 1 + chunk.count(b'"') for chunk in exchange.chunks), path.name
