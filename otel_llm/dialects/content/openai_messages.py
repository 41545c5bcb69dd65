"""Messages as OpenAI's chat completions spell them, and as other providers and servers extend them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from otel_llm.dialects.content.parts import (
    Message,
    Part,
    blob,
    file,
    message,
    plain_text,
    said,
    server_call,
    server_result,
    texts_of,
    thought,
    tool,
    tool_call,
    tool_result,
    unknown,
    uri,
)
from otel_llm.dialects.fields import Fields, fields, items, text

_THOUGHTS = ("reasoning_content", "reasoning")
_AUDIO = {"mp3": "audio/mpeg", "pcm16": "audio/pcm"}


def _url(seen: Fields, name: str, kind: str) -> Part:
    held = seen.get(name)
    return uri(kind, held if isinstance(held, str) else fields(held).get("url"))


def _audio(held: Fields) -> Part:
    form = text(held.get("format"))
    return blob("audio", held.get("data"), _AUDIO.get(form or "", form and f"audio/{form}"))


def read_file(held: Fields) -> Part:
    """A file by its id, its address or its data."""
    data, address = held.get("file_data"), held.get("file_url")
    if isinstance(data, str):
        return uri("document", data) if data[:5] == "data:" else blob("document", data)
    if address is not None:
        return uri("document", address)
    return file("document", held.get("file_id"))


def refused(words: Any) -> Part:
    """A refusal: a text that says so of itself."""
    return {**said(words), "refusal": True}


def _inner_texts(thinking: Any) -> str:
    """Thoughts as Mistral's models have them: in a list of texts."""
    if isinstance(thinking, str):
        return thinking
    pieces = (fields(piece).get("text") for piece in items(thinking))
    return "".join(piece for piece in pieces if isinstance(piece, str))


_PARTS: dict[str, Callable[[Fields], Part | None]] = {
    "text": lambda seen: said(seen.get("text")),
    "refusal": lambda seen: refused(seen.get("refusal")),
    "image_url": lambda seen: _url(seen, "image_url", "image"),
    "video_url": lambda seen: _url(seen, "video_url", "video"),
    "audio_url": lambda seen: _url(seen, "audio_url", "audio"),
    "document_url": lambda seen: _url(seen, "document_url", "document"),
    "input_audio": lambda seen: _read_audio(seen.get("input_audio")),
    "file": lambda seen: read_file(fields(seen.get("file")) or seen),
    "tool_file": lambda seen: file("document", seen.get("file_id")),  # Mistral
    "reference": lambda seen: None,
    "tool_reference": lambda seen: None,
    "thinking": lambda seen: thought(_inner_texts(seen.get("thinking"))),
    "reasoning": lambda seen: thought(_inner_texts(seen.get("summary") or seen.get("text"))),
}


def _read_audio(held: Any) -> Part:
    if isinstance(held, str):
        return uri("audio", held) if held[:5] in ("http:", "https", "data:") else blob("audio", held)
    return _audio(fields(held))


def read_part(seen: Fields) -> Part | None:
    """One part of a message's content."""
    read = _PARTS.get(text(seen.get("type")) or "")
    part = unknown(seen) if read is None else read(seen)
    # Some send texts and thoughts without any words in them.
    empty = part is not None and any(part.get(name, part) is None for name in ("content", "uri"))
    return None if empty else part


def read_call(call: Any) -> Part:
    """A call of a function, or of a tool that takes plain text."""
    seen = fields(call)
    told = fields(seen.get("function"))
    if not told and "custom" in seen:
        custom = fields(seen["custom"])
        return {**tool_call(custom.get("name"), None, seen.get("id")), "arguments": custom.get("input")}
    return tool_call(told.get("name"), told.get("arguments"), seen.get("id"))


def read_message(said_by: Any) -> Message:
    """A message of a request, or of an answer that came whole."""
    if (plain := plain_text(said_by)) is not None:
        return plain
    seen = fields(said_by)
    role, content = seen.get("role"), seen.get("content")
    if role in ("tool", "function"):
        return message(
            role, [tool_result(content, seen.get("tool_call_id"), seen.get("name") or seen.get("tool_name"))]
        )
    return message(role, [*thoughts_in(seen), *texts_of(content, read_part), *_rest(seen)], seen.get("name"))


def thoughts_in(seen: Fields) -> Iterator[Part]:
    """What a message shows of its thoughts, told once where it stands under two names."""
    told = next((words for name in _THOUGHTS if isinstance(words := seen.get(name), str) and words), None)
    if told is None:
        details = (fields(detail) for detail in items(seen.get("reasoning_details")))
        pieces = (detail.get("text") or detail.get("summary") for detail in details)
        told = "".join(piece for piece in pieces if isinstance(piece, str))
    if told:
        yield thought(told)


def _rest(seen: Fields) -> Iterator[Part]:
    if isinstance(words := seen.get("refusal"), str) and words:
        yield refused(words)
    for picture in items(seen.get("images")):
        yield _url(fields(picture), "image_url", "image")
    yield from spoken(fields(seen.get("audio")))
    for call in items(seen.get("tool_calls")):
        yield read_call(call)
    if call := fields(seen.get("function_call")):
        yield tool_call(call.get("name"), call.get("arguments"))
    for ran in items(seen.get("executed_tools")):  # Groq's own
        yield from _executed(fields(ran))


def spoken(audio: Fields) -> Iterator[Part]:
    """What was said aloud: its words, and the sound."""
    if isinstance(words := audio.get("transcript"), str) and words:
        yield said(words)
    if data := audio.get("data"):
        yield blob("audio", data)
    elif audio.get("id") is not None and "transcript" not in audio:
        yield file("audio", audio["id"])


def _executed(ran: Fields) -> Iterator[Part]:
    kind = text(ran.get("type")) or "tool"
    yield server_call(kind, ran.get("name"), {"arguments": ran.get("arguments")}, ran.get("id"))
    if (output := ran.get("output")) is not None:
        yield server_result(kind, {"output": output}, ran.get("id"))


def read_tool(definition: Any) -> Part:
    """A definition of a function, or of one of the provider's own tools."""
    seen = fields(definition)
    kind = text(seen.get("type")) or "function"
    told = fields(seen.get(kind)) or seen
    return tool(told.get("name"), told.get("description"), told.get("parameters"), kind)
