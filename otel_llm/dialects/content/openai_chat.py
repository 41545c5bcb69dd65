"""What chat completions say, and the older completions; also as other providers and servers extend them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from otel_llm.dialects.content.parts import (
    Asked,
    Budget,
    Content,
    Message,
    Part,
    Text,
    blob,
    file,
    message,
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


_PARTS = {
    "text": lambda seen: said(seen.get("text")),
    "refusal": lambda seen: refused(seen.get("refusal")),
    "image_url": lambda seen: _url(seen, "image_url", "image"),
    "video_url": lambda seen: _url(seen, "video_url", "video"),
    "audio_url": lambda seen: _url(seen, "audio_url", "audio"),
    "document_url": lambda seen: _url(seen, "document_url", "document"),
    "input_audio": lambda seen: _read_audio(seen.get("input_audio")),
    "file": lambda seen: read_file(fields(seen.get("file")) or seen),
    "thinking": lambda seen: thought(_inner_texts(seen.get("thinking"))),
    "reasoning": lambda seen: thought(_inner_texts(seen.get("summary") or seen.get("text"))),
}


def _read_audio(held: Any) -> Part:
    return blob("audio", held) if isinstance(held, str) else _audio(fields(held))


def read_part(seen: Fields) -> Part | None:
    """One part of a message's content."""
    read = _PARTS.get(text(seen.get("type")) or "")
    part = unknown(seen) if read is None else read(seen)
    # Some send texts and thoughts without any words in them.
    return None if part is not None and part.get("content", part) is None else part


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
    seen = fields(said_by)
    role, content = seen.get("role"), seen.get("content")
    if role in ("tool", "function"):
        return message(
            role, [tool_result(content, seen.get("tool_call_id"), seen.get("name") or seen.get("tool_name"))]
        )
    return message(role, [*_thoughts(seen), *texts_of(content, read_part), *_rest(seen)], seen.get("name"))


def _thoughts(seen: Fields) -> Iterator[Part]:
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
    yield from _spoken(fields(seen.get("audio")))
    for call in items(seen.get("tool_calls")):
        yield read_call(call)
    if call := fields(seen.get("function_call")):
        yield tool_call(call.get("name"), call.get("arguments"))
    for ran in items(seen.get("executed_tools")):  # Groq's own
        yield from _executed(fields(ran))


def _spoken(audio: Fields) -> Iterator[Part]:
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


def _asked(body: Fields) -> Asked:
    tools = [*items(body.get("tools"))]
    old = [{"type": "function", "function": fields(one)} for one in items(body.get("functions"))]
    return Asked(
        [read_message(one) for one in items(body.get("messages"))], [], [*map(read_tool, tools + old)]
    )


def _prompted(body: Fields) -> Asked:
    prompt = body.get("prompt")
    prompts = [prompt] if isinstance(prompt, str) else [one for one in items(prompt) if isinstance(one, str)]
    return Asked([message("user", [said(one)]) for one in prompts])


class _Choice:
    """One choice out of its pieces."""

    __slots__ = ("_budget", "_calls", "_more", "_refusal", "_role", "_said", "_thought")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._role: str | None = None
        self._said, self._thought, self._refusal = Text(budget), Text(budget), Text(budget)
        self._calls: dict[Any, tuple[dict[str, Any], Text]] = {}
        self._more: dict[str, Text] = {}

    def add(self, delta: Fields) -> None:
        content = delta.get("content")
        if type(content) is str:
            self._said.add(content)
        elif content:
            for part in texts_of(content, read_part):
                (self._thought if part["type"] == "reasoning" else self._said).add(part.get("content"))
        self._role = self._role or text(delta.get("role"))
        for part in _thoughts(delta):
            self._thought.add(part["content"])
        if delta.get("refusal"):
            self._refusal.add(delta["refusal"])
        for position, call in enumerate(items(delta.get("tool_calls"))):
            self._call(fields(call), position)
        if (call := delta.get("function_call")) is not None:
            self._call({"function": call, "index": "function_call"}, 0)
        for name, piece in fields(delta.get("audio")).items():
            if name in ("data", "transcript"):
                self._more.setdefault(name, Text(self._budget)).add(piece)

    def _call(self, call: Fields, position: int) -> None:
        told = fields(call.get("function")) or fields(call.get("custom"))
        place, own = call.get("index"), text(call.get("id"))
        if place is None:  # a whole call in one piece, or more of the last one
            place = own or (
                position if own is None and len(self._calls) <= 1 else next(reversed(self._calls))
            )
        known = self._calls.get(place)
        if known is None and self._budget.left <= 0:
            return
        facts, arguments = known or self._calls.setdefault(place, ({}, Text(self._budget)))
        facts["id"] = facts.get("id") or own
        facts["name"] = facts.get("name") or text(told.get("name"))
        written = told.get("arguments", told.get("input"))
        if isinstance(written, str):
            arguments.add(written)
        elif written is not None:
            facts["arguments"] = written

    def message(self) -> Message:
        parts = [thought(str(self._thought))] if self._thought else []
        parts += [said(str(self._said))] if self._said else []
        parts += [refused(str(self._refusal))] if self._refusal else []
        spoken = {name: str(piece) for name, piece in self._more.items()}
        parts += _spoken(spoken)
        for facts, written in self._calls.values():
            arguments = facts.get("arguments", str(written))
            parts.append(tool_call(facts["name"], arguments, facts["id"]))
        return message(self._role or "assistant", parts)


class _Reader:
    """Choices of an answer, whole or in chunks."""

    __slots__ = ("_budget", "_choices", "_whole")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._choices: dict[int, _Choice] = {}
        self._whole: dict[int, Message] = {}

    def add(self, event: Any) -> None:
        for position, one in enumerate(items(fields(event).get("choices"))):
            choice = fields(one)
            index = choice.get("index")
            index = index if type(index) is int else position
            if index not in self._choices and self._budget.left <= 0:
                continue
            if (delta := choice.get("delta")) is not None:
                self._choice(index).add(fields(delta))
            elif (whole := choice.get("message")) is not None:
                self._whole[index] = {**read_message(whole), "role": "assistant"}
            elif (words := choice.get("text")) is not None:
                self._choice(index).add({"content": words})

    def _choice(self, index: int) -> _Choice:
        known = self._choices.get(index)
        if known is None:
            known = self._choices[index] = _Choice(self._budget)
        return known

    def messages(self) -> list[Message]:
        found = {index: choice.message() for index, choice in self._choices.items()} | self._whole
        return [found[index] for index in sorted(found)]


CHAT = Content(_asked, _Reader)
COMPLETIONS = Content(_prompted, _Reader)
