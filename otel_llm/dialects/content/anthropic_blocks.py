"""Blocks of content as Anthropic's messages have them, in requests and in answers.

What is encrypted or signed, and what a text cites, is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from otel_llm.dialects.content import parts as say
from otel_llm.dialects.fields import Fields, fields, items, text

_RESULT = "_tool_result"
_DEEPEST = 8


def read_blocks(content: Any) -> Iterator[say.Part]:
    """What a message says: one text, or blocks."""
    yield from say.worded(content)
    for block in items(content):
        yield from say.worded(block)
        yield from read_block(fields(block))


def read_block(seen: Fields) -> Iterator[say.Part]:
    """The parts of one block: mostly one, none of what has no words, several of a document in pieces."""
    kind = text(seen.get("type")) or ""
    if (read := _BLOCKS.get(kind)) is not None:
        yield from read(seen)
    elif kind.endswith(_RESULT):
        failed = {"is_error": True} if seen.get("is_error") else {}
        came = {"content": _opened(seen.get("content")), **failed}
        yield say.server_result(kind.removesuffix(_RESULT), came, seen.get("tool_use_id"))
    elif (part := say.unknown(seen)) is not None:
        yield part


def read_message(said_by: Any) -> say.Message:
    """A message of a request."""
    seen = fields(said_by)
    return say.message(seen.get("role"), read_blocks(seen.get("content")))


def compaction(content: Any) -> say.Part:
    """What is left of a history that was cut short."""
    return {"type": "compaction", "content": content if isinstance(content, str) else None}


def read_tool(definition: Any) -> say.Part:
    """A definition of a function, of one of the provider's own tools, or of all tools of an MCP server."""
    seen = fields(definition)
    kind = text(seen.get("type")) or "custom"
    return say.tool(
        seen.get("name") or seen.get("mcp_server_name"),
        seen.get("description"),
        seen.get("input_schema"),
        "function" if kind == "custom" else kind,
    )


def _sourced(kind: str, seen: Fields) -> Iterator[say.Part]:
    """An image or a document, with what is said about it."""
    about = {name: words for name in ("title", "context") if isinstance(words := seen.get(name), str)}
    for part in _source(kind, fields(seen.get("source"))):
        yield {**part, **about}


def _source(kind: str, source: Fields) -> Iterator[say.Part]:
    data, address, own = source.get("data"), source.get("url"), source.get("file_id")
    form = text(source.get("type"))
    if form == "text":
        yield from say.worded(data)
    elif form == "base64" or isinstance(data, (str, bytes)):  # a file that is yet to be read has no content
        yield say.blob(kind, data, source.get("media_type"))
    elif isinstance(address, str):
        yield say.uri(kind, address)
    elif own is not None:
        yield say.file(kind, own)
    else:
        yield from say.worded(content := source.get("content"))
        for inner in map(fields, items(content)):
            yield from say.worded(inner.get("text"))
            if inner.get("type") == "image":
                yield from _source("image", {**fields(inner.get("source")), "content": None})


def _found(seen: Fields) -> Iterator[say.Part]:
    """Search results that are given to the model: the texts, and where they are from."""
    about = {name: words for name in ("title", "source") if isinstance(words := seen.get(name), str)}
    for block in map(fields, items(seen.get("content"))):
        for part in say.worded(block.get("text")):
            yield {**part, **about}


def _opened(value: Any, depth: int = 0) -> Any:
    """What is inside a result, media as parts and without what is encrypted; texts and values as they are."""
    if depth >= _DEEPEST:
        return value
    if isinstance(value, (list, tuple)):
        return [_opened(inner, depth + 1) for inner in items(value)]
    seen = fields(value)
    kind = text(seen.get("type"))
    if kind in ("image", "document") and (parts := [*_sourced(kind, seen)]):
        return parts[0] if len(parts) == 1 else parts
    if kind is None:
        return value
    return {
        name: _opened(inner, depth + 1)
        for name, inner in seen.items()
        if inner is not None and not str(name).startswith("encrypted_")
    }


def _ran(seen: Fields) -> Iterator[say.Part]:
    """A call of a tool that the provider runs."""
    name = text(seen.get("name")) or "tool"
    yield say.server_call(name, name, {"input": say.parsed(seen.get("input"))}, seen.get("id"))


def _ran_elsewhere(seen: Fields) -> Iterator[say.Part]:
    asked = {"server_name": seen.get("server_name"), "input": say.parsed(seen.get("input"))}
    yield say.server_call("mcp", seen.get("name"), asked, seen.get("id"))


def _returned(seen: Fields) -> Iterator[say.Part]:
    response = _opened(seen.get("content"))
    yield say.tool_result("" if response is None else response, seen.get("tool_use_id"))


def _nothing(seen: Fields) -> Iterator[say.Part]:
    del seen
    yield from ()


_BLOCKS: dict[str, Callable[[Fields], Iterator[say.Part]]] = {
    "text": lambda seen: say.worded(seen.get("text")),
    "thinking": lambda seen: say.worded(seen.get("thinking"), say.thought),
    "redacted_thinking": _nothing,
    "image": lambda seen: _sourced("image", seen),
    "document": lambda seen: _sourced("document", seen),
    "search_result": _found,
    "container_upload": lambda seen: iter((say.file("document", seen.get("file_id")),)),
    "tool_use": lambda seen: iter((say.tool_call(seen.get("name"), seen.get("input"), seen.get("id")),)),
    "tool_result": _returned,
    "server_tool_use": _ran,
    "mcp_tool_use": _ran_elsewhere,
    "compaction": lambda seen: iter((compaction(seen.get("content")),)),
    "fallback": _nothing,
}
