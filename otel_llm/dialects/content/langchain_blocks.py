"""Blocks of content as LangChain's messages have them: its own old and new standard, and what providers call theirs.

https://docs.langchain.com/oss/python/langchain/messages
"""

from __future__ import annotations

from otel_llm.dialects.content import parts as say
from otel_llm.dialects.content.openai_messages import read_part
from otel_llm.dialects.fields import Fields, fields, text

CALLS = frozenset(
    ("tool_call", "tool_call_chunk", "invalid_tool_call", "tool_use", "function_call", "input_json_delta")
)
"""Calls of tools, which messages have in a list of their own too."""
_UNSEEN = frozenset(("redacted_thinking", "citation", "compaction_delta"))
"""What cannot be read, or is no part of what is said."""
_MEDIA = {"file": "document", "text-plain": "document", "media": ""}


def read_block(seen: Fields) -> say.Part | None:
    """One block, calls of tools aside; None if there is nothing in it to tell."""
    kind = text(seen.get("type")) or ""
    if kind in _UNSEEN:
        return None
    read = _BLOCKS.get(kind)
    part = read_part(seen) if read is None else read(seen)
    if part is None or part["type"] not in ("text", "reasoning"):
        return part
    # Encrypted thoughts have no words.
    return part if isinstance(part["content"], str) and part["content"] else None


def read_call(seen: Fields) -> say.Part:
    """A call of a tool, from a block or from a message's list."""
    told = fields(seen.get("function")) or seen
    written = next(
        (told[name] for name in ("args", "arguments", "input") if told.get(name) is not None), None
    )
    return say.tool_call(told.get("name"), written, seen.get("call_id") or seen.get("id"))


def _medium(seen: Fields) -> say.Part | None:
    """A medium by its data, its address or its id; in the old form `source_type` says which, Anthropic's has a
    `source`."""
    kind = text(seen.get("type")) or ""
    if kind == "file" and (fields(seen.get("file")) or "file_data" in seen):
        return read_part(seen)
    source = fields(seen.get("source"))
    mime = seen.get("mime_type") or source.get("media_type")
    kind = _MEDIA.get(kind, kind) or say.modality(mime)
    form = seen.get("source_type") or source.get("type")
    data = seen.get("base64") or seen.get("data") or source.get("data")
    address = seen.get("url") or seen.get("file_uri") or source.get("url")
    words = seen.get("text") or (data or address if form == "text" else None)
    if isinstance(words, str):
        return say.said(words)
    if data is None and address is not None:
        return say.uri(kind, address, mime)
    number = seen.get("file_id") or source.get("file_id") or (seen.get("id") if form == "id" else None)
    if data is None and number is not None:
        return say.file(kind, number, mime)
    return say.blob(kind, data, mime)


def _reasoning(seen: Fields) -> say.Part | None:
    words = seen.get("reasoning")
    return say.thought(words) if isinstance(words, str) else read_part(seen)


def _server_call(seen: Fields) -> say.Part:
    written = seen.get("args") if seen.get("args") is not None else seen.get("input")
    name = text(seen.get("name")) or "tool"
    return say.server_call(name, name, {"arguments": say.parsed(written)}, seen.get("id"))


def _server_result(seen: Fields) -> say.Part:
    told = {name: seen[name] for name in ("status", "output") if seen.get(name) is not None}
    return say.server_result("tool", told, seen.get("tool_call_id"))


def _foreign(seen: Fields) -> say.Part | None:
    """What LangChain has no word for, as the provider sent it."""
    inner = fields(seen.get("value"))
    return None if inner.get("type") == "non_standard" else read_block(inner)


_BLOCKS = {
    **dict.fromkeys(("image", "audio", "video", "file", "text-plain", "document", "media"), _medium),
    **dict.fromkeys(("input_text", "output_text"), lambda seen: say.said(seen.get("text"))),
    **dict.fromkeys(("server_tool_call", "server_tool_call_chunk", "server_tool_use"), _server_call),
    **dict.fromkeys(CALLS, read_call),
    "reasoning": _reasoning,
    "reasoning_content": lambda seen: say.thought(fields(seen.get("reasoning_content")).get("text")),
    "server_tool_result": _server_result,
    "tool_result": lambda seen: say.tool_result(seen.get("content"), seen.get("tool_use_id")),
    "non_standard": _foreign,
}
