"""Server-sent events out of bytes, however they are cut and whatever stands between them."""

from __future__ import annotations

from typing import Any

import pytest

from otel_llm.dialects import sse
from otel_llm.dialects.sse import EventDecoder, decode


def fed(*pieces: bytes) -> list[Any]:
    decoder = EventDecoder()
    return [event for piece in pieces for event in decoder.feed(piece)]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("size", [1, 2, 5, 1000])
def test_lines_end_in_three_ways(end: bytes, size: int) -> None:
    """In one piece or in many, also where a piece ends between the two halves of a line's end."""
    body = end.join([b'data: {"a": 1}', b"", b'data: {"b": 2}', b"", b""]) + b"\n\n"
    assert fed(*(body[at : at + size] for at in range(0, len(body), size))) == [{"a": 1}, {"b": 2}]


@pytest.mark.parametrize(
    ("body", "events"),
    [
        (b'data:{"a":1}\n\n', [{"a": 1}]),
        (b'event: message\nid: 7\nretry: 10\ndata: {"a":1}\n\n', [{"a": 1}]),
        (b': OPENROUTER PROCESSING\n\n: again\n\ndata: {"a":1}\n\n', [{"a": 1}]),
        (b'\n\n\ndata: {"a":1}\n\n\n\n', [{"a": 1}]),
        (b'data: {"a":\ndata: 1}\n\n', [{"a": 1}]),
        (b'data: {"a":1}\n', []),
        (b"data: {broken\n\ndata: 7\n\n", [7]),
        (b'data: \xff\n\ndata: {"a":"\xc3\xa9"}\n\n', [{"a": "é"}]),
        (b"data: null\n\n", []),
        (b"", []),
    ],
)
def test_only_whole_events_with_json_are_given(body: bytes, events: list[Any]) -> None:
    """Comments, names, blank lines and what is no JSON are passed over; half an event waits."""
    assert fed(body) == events


def test_the_providers_last_word_is_known() -> None:
    """`[DONE]` is no event, and is remembered."""
    decoder = EventDecoder()
    assert list(decoder.feed(b"data: 1\n\n")) == [1]
    assert not decoder.done
    assert list(decoder.feed(b"data: [DONE]\n\n")) == []
    assert decoder.done
    assert list(decoder.feed(b"data: 2\n\n")) == [2]
    assert decoder.done


@pytest.mark.parametrize("lines", [1, 50], ids=["in one line", "in many lines"])
def test_what_is_too_long_is_passed_over(monkeypatch: pytest.MonkeyPatch, lines: int) -> None:
    """The next event is read again: nobody can fill the memory, nor end the reading."""
    monkeypatch.setattr(sse, "_MOST", 100)
    long = b"".join(b"data: " + b"x" * (500 // lines) + b"\n" for _ in range(lines))
    decoder = EventDecoder()
    pieces = [long[at : at + 20] for at in range(0, len(long), 20)]
    assert [event for piece in (*pieces, b"\ndata: 1\n\n") for event in decoder.feed(piece)] == [1]
    assert len(decoder._rest) <= 100


@pytest.mark.parametrize("body", [b"", b"nonsense", b"\xff", b"[" * 100_000, b"9" * 5000, b'{"a": }'])
def test_what_is_no_json_is_nothing(body: bytes) -> None:
    """Neither depth nor length of it raises."""
    assert decode(body) is None
