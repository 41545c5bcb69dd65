"""Messages as OpenAI's chat completions spell them, and as other providers and servers extend them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from otel_llm.dialects.content import parts as say
from otel_llm.dialects.fields import Fields, fields, items, text

_THOUGHTS = ("reasoning_content", "reasoning")
_AUDIO = {"mp3": "audio/mpeg", "pcm16": "audio/pcm"}


def _url(seen: Fields, name: str, kind: str) -> say.Part:
    held = seen.get(name)
    return say.uri(kind, held if isinstance(held, str) else fields(held).get("url"))


def _audio(held: Fields) -> say.Part:
    form = text(held.get("format"))
    return say.blob("audio", held.get("data"), _AUDIO.get(form or "", form and f"audio/{form}"))


def read_file(held: Fields) -> say.Part:
    """A file by its id, its address or its data."""
    data, address = held.get("file_data"), held.get("file_url")
    if isinstance(data, str):
        return say.uri("document", data) if data[:5] == "data:" else say.blob("document", data)
    if address is not None:
        return say.uri("document", address)
    return say.file("document", held.get("file_id"))


def refused(words: Any) -> say.Part:
    """A refusal: a text that says so of itself."""
    return {**say.said(words), "refusal": True}


def _inner_texts(thinking: Any) -> str:
    """Thoughts as Mistral's models have them: in a list of texts."""
    if isinstance(thinking, str):
        return thinking
    pieces = (fields(piece).get("text") for piece in items(thinking))
    return "".join(piece for piece in pieces if isinstance(piece, str))


_PARTS: dict[str, Callable[[Fields], say.Part | None]] = {
    "text": lambda seen: say.said(seen.get("text")),
    "refusal": lambda seen: refused(seen.get("refusal")),
    "image_url": lambda seen: _url(seen, "image_url", "image"),
    "video_url": lambda seen: _url(seen, "video_url", "video"),
    "audio_url": lambda seen: _url(seen, "audio_url", "audio"),
    "document_url": lambda seen: _url(seen, "document_url", "document"),
    "input_audio": lambda seen: _read_audio(seen.get("input_audio")),
    "file": lambda seen: read_file(fields(seen.get("file")) or seen),
    "tool_file": lambda seen: say.file("document", seen.get("file_id")),  # Mistral
    "reference": lambda seen: None,
    "tool_reference": lambda seen: None,
    "thinking": lambda seen: say.thought(_inner_texts(seen.get("thinking"))),
    "reasoning": lambda seen: say.thought(_inner_texts(seen.get("summary") or seen.get("text"))),
}


def _read_audio(held: Any) -> say.Part:
    if isinstance(held, str):
        return say.uri("audio", held) if held[:5] in ("http:", "https", "data:") else say.blob("audio", held)
    return _audio(fields(held))


def read_part(seen: Fields) -> say.Part | None:
    """One part of a message's content."""
    read = _PARTS.get(text(seen.get("type")) or "")
    part = say.unknown(seen) if read is None else read(seen)
    # Some send texts and thoughts without any words in them.
    empty = part is not None and any(part.get(name, part) is None for name in ("content", "uri"))
    return None if empty else part


def read_call(call: Any) -> say.Part:
    """A call of a function, or of a tool that takes plain text."""
    seen = fields(call)
    told = fields(seen.get("function"))
    if not told and "custom" in seen:
        custom = fields(seen["custom"])
        return {**say.tool_call(custom.get("name"), None, seen.get("id")), "arguments": custom.get("input")}
    return say.tool_call(told.get("name"), told.get("arguments"), seen.get("id"))


def read_message(said_by: Any) -> say.Message:
    """A message of a request, or of an answer that came whole."""
    if (plain := say.plain_text(said_by)) is not None:
        return plain
    seen = fields(said_by)
    role, content = seen.get("role"), seen.get("content")
    if role in ("tool", "function"):
        return say.message(
            role,
            [say.tool_result(content, seen.get("tool_call_id"), seen.get("name") or seen.get("tool_name"))],
        )
    return say.message(
        role, [*thoughts_in(seen), *say.texts_of(content, read_part), *_rest(seen)], seen.get("name")
    )


def thoughts_in(seen: Fields) -> Iterator[say.Part]:
    """What a message shows of its thoughts, told once where it stands under two names."""
    told = next((words for name in _THOUGHTS if isinstance(words := seen.get(name), str) and words), None)
    if told is None:
        details = (fields(detail) for detail in items(seen.get("reasoning_details")))
        pieces = (detail.get("text") or detail.get("summary") for detail in details)
        told = "".join(piece for piece in pieces if isinstance(piece, str))
    if told:
        yield say.thought(told)


def _rest(seen: Fields) -> Iterator[say.Part]:
    if isinstance(words := seen.get("refusal"), str) and words:
        yield refused(words)
    for picture in items(seen.get("images")):
        yield _url(fields(picture), "image_url", "image")
    yield from spoken(fields(seen.get("audio")))
    for call in items(seen.get("tool_calls")):
        yield read_call(call)
    if call := fields(seen.get("function_call")):
        yield say.tool_call(call.get("name"), call.get("arguments"))
    for ran in items(seen.get("executed_tools")):  # Groq's own
        yield from _executed(fields(ran))


def spoken(audio: Fields) -> Iterator[say.Part]:
    """What was said aloud: its words, and the sound."""
    if isinstance(words := audio.get("transcript"), str) and words:
        yield say.said(words)
    if data := audio.get("data"):
        yield say.blob("audio", data)
    elif audio.get("id") is not None and "transcript" not in audio:
        yield say.file("audio", audio["id"])


def _executed(ran: Fields) -> Iterator[say.Part]:
    kind = text(ran.get("type")) or "tool"
    yield say.server_call(kind, ran.get("name"), {"arguments": ran.get("arguments")}, ran.get("id"))
    if (output := ran.get("output")) is not None:
        yield say.server_result(kind, {"output": output}, ran.get("id"))


def read_tool(definition: Any) -> say.Part:
    """A definition of a function, or of one of the provider's own tools."""
    seen = fields(definition)
    kind = text(seen.get("type")) or "function"
    told = fields(seen.get(kind)) or seen
    return say.tool(told.get("name"), told.get("description"), told.get("parameters"), kind)
