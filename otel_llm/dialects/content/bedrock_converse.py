"""What Amazon Bedrock's Converse API says.

Marks for caches, what is signed or encrypted, and what a text cites, are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from otel_llm.dialects.content import parts as say
from otel_llm.dialects.content.bounded import kept, put_copy
from otel_llm.dialects.content.in_order import InOrder
from otel_llm.dialects.content.pieces import Budget
from otel_llm.dialects.fields import Fields, count, fields, items, text

_DOCUMENTS = {
    "csv": "text/csv",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "html": "text/html",
    "md": "text/markdown",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}

# Blocks. Each has one field, whose name says what it is.


def _medium(kind: str, held: Fields) -> Iterator[say.Part]:
    """An image, a document, a film or a sound, with what is said about it."""
    form, source = text(held.get("format")), fields(held.get("source"))
    mime_type = _DOCUMENTS.get(form or "") if kind == "document" else form and f"{kind}/{form}"
    about = {name: words for name in ("name", "context") if isinstance(words := held.get(name), str)}
    data, address = source.get("bytes"), fields(source.get("s3Location")).get("uri")
    if data is not None:
        yield {**say.blob(kind, data, mime_type), **about}
    elif isinstance(address, str):
        yield {**say.uri(kind, address, mime_type), **about}
    else:
        for words in (source.get("text"), *_texts(source.get("content"))):
            yield from ({**part, **about} for part in say.worded(words))


def _texts(contents: Any) -> Iterator[Any]:
    for content in items(contents):
        yield fields(content).get("text")


def _found(held: Fields) -> Iterator[say.Part]:
    """Search results that are given to the model: the texts, and where they are from."""
    about = {name: words for name in ("title", "source") if isinstance(words := held.get(name), str)}
    for words in _texts(held.get("content")):
        yield from ({**part, **about} for part in say.worded(words))


def _guarded(held: Fields) -> Iterator[say.Part]:
    """What a guardrail is to look at."""
    yield from say.worded(fields(held.get("text")).get("text"))
    if (picture := held.get("image")) is not None:
        yield from _medium("image", fields(picture))


def _cited(held: Fields) -> Iterator[say.Part]:
    """A text with its sources."""
    yield from say.worded("".join(words for words in _texts(held.get("content")) if isinstance(words, str)))


def _called(held: Fields) -> Iterator[say.Part]:
    name, own, asked = held.get("name"), held.get("toolUseId"), held.get("input")
    if held.get("type") == "server_tool_use":
        yield say.server_call(text(name) or "tool", None, {"input": say.parsed(asked)}, own)
    else:
        yield say.tool_call(name, asked, own)


def _returned(held: Fields) -> Iterator[say.Part]:
    yield _result(held, [_inside(block) for block in items(held.get("content"))])


def _result(held: Fields, contents: list[Any]) -> say.Part:
    """What came of a call; of a tool that the provider ran, its type says so."""
    own, kind = held.get("toolUseId"), text(held.get("type")) or ""
    if kind.endswith("_result"):
        return say.server_result(kind.removesuffix("_result"), {"content": contents}, own)
    return say.tool_result(contents, own)


def _inside(block: Any) -> Any:
    """What is in a result: as it is, but media as parts."""
    seen = fields(block)
    kind = next(iter(seen), None)
    media = [*_medium(kind, fields(seen[kind]))] if kind in _MEDIA else []
    return media[0] if len(media) == 1 else media or block


def _nothing(held: Fields) -> Iterator[say.Part]:
    del held
    yield from ()


_MEDIA = ("image", "document", "video", "audio")
_BLOCKS: dict[str, Callable[[Fields], Iterator[say.Part]]] = {
    "toolUse": _called,
    "toolResult": _returned,
    "guardContent": _guarded,
    "reasoningContent": lambda held: say.worded(fields(held.get("reasoningText")).get("text"), say.thought),
    "citationsContent": _cited,
    "searchResult": _found,
    "cachePoint": _nothing,
    "SDK_UNKNOWN_MEMBER": _nothing,
}


def _read_blocks(content: Any) -> Iterator[say.Part]:
    for block in map(fields, items(content)):
        for kind, value in block.items():
            held = fields(value)
            if kind == "text":
                yield from say.worded(value)
            elif kind in _MEDIA:
                yield from _medium(kind, held)
            elif (read := _BLOCKS.get(kind)) is not None:
                yield from read(held)
            elif held and (part := say.unknown({**held, "type": kind})) is not None:
                yield part


# What is asked.


def _read_tool(definition: Any) -> Iterator[say.Part]:
    seen = fields(definition)
    if own := fields(seen.get("toolSpec")):
        schema = fields(own.get("inputSchema")).get("json")
        yield say.tool(own.get("name"), own.get("description"), schema)
    elif theirs := fields(seen.get("systemTool")):
        yield say.tool(theirs.get("name"), None, None, "systemTool")


def _asked(body: Fields) -> say.Asked:
    messages = [
        say.message(seen.get("role"), _read_blocks(seen.get("content")))
        for seen in map(fields, items(body.get("messages")))
    ]
    if variables := fields(body.get("promptVariables")):  # what is put into a prompt that the provider keeps
        messages.insert(0, say.message("user", [{"type": "prompt", "variables": variables}]))
    tools = items(fields(body.get("toolConfig")).get("tools"))
    return say.Asked(
        messages,
        [*_read_blocks(body.get("system"))],
        [part for definition in tools for part in _read_tool(definition)],
    )


# What is answered.


class _Reader:
    """An answer, or the events of its stream, whose dicts others may change later."""

    __slots__ = ("_begun", "_budget", "_most", "_parts", "_role", "_whole")

    def __init__(self, budget: Budget) -> None:
        self._budget, self._most = budget, budget.left
        self._begin(None)
        self._whole: list[say.Part] = []

    def _begin(self, role: Any) -> None:
        self._budget.left = self._most
        self._parts, self._role = InOrder(self._budget), role
        self._begun: dict[int | None, Any] = {}
        """Of images the format, of results the contents so far."""

    def add(self, event: Any) -> None:
        seen = fields(event)
        if told := fields(seen.get("contentBlockDelta")):
            self._add(count(told.get("contentBlockIndex")), fields(told.get("delta")))
        elif told := fields(seen.get("contentBlockStart")):
            self._start(count(told.get("contentBlockIndex")), fields(told.get("start")))
        elif "messageStart" in seen:
            self._begin(fields(seen["messageStart"]).get("role"))
        elif whole := fields(fields(seen.get("output")).get("message")):
            self._role, self._whole = whole.get("role"), [*_read_blocks(whole.get("content"))]

    def _start(self, place: int | None, start: Fields) -> None:
        if self._budget.left <= 0:
            return
        if called := fields(start.get("toolUse")):
            facts = {name: text(called.get(name)) for name in ("toolUseId", "name", "type")}
            self._parts.add(place, "", lambda written: next(_called({**facts, "input": written or {}})))
        elif result := fields(start.get("toolResult")):
            contents: list[Any] = []
            self._begun[place] = contents
            self._parts.put(_result(result, contents))
        elif picture := fields(start.get("image")):
            self._begun[place] = text(picture.get("format"))

    def _add(self, place: int | None, delta: Fields) -> None:
        for kind, value in delta.items():
            held = fields(value)
            if kind == "text":
                self._parts.add((place, kind), value, say.said)
            elif kind == "reasoningContent":
                self._parts.add((place, kind), held.get("text"), say.thought)
            elif kind == "toolUse":
                self._parts.add(place, held.get("input"), lambda written: say.tool_call(None, written))
            elif kind == "toolResult" and isinstance(contents := self._begun.get(place), list):
                contents += kept(items(value), self._budget)
            elif kind == "image":
                for part in _medium(kind, {**held, "format": self._begun.get(place)}):
                    put_copy(self._parts, part, self._budget)

    def messages(self) -> list[say.Message]:
        parts = self._whole or self._parts.parts()
        return [say.message(self._role or "assistant", parts)] if parts else []


CONVERSE = say.Content(_asked, _Reader)
