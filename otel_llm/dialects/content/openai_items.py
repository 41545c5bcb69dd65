"""Items of OpenAI's Responses API: what is said, called and returned, in requests and in answers.

What is encrypted, annotated or told by its probabilities is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from otel_llm.dialects.content import parts as say
from otel_llm.dialects.content.openai_messages import read_file, read_part, read_tool, refused
from otel_llm.dialects.fields import Fields, fields, items, text

# Contents of a message.


def _image(seen: Fields) -> say.Part:
    held = seen.get("image_url")
    address = held if isinstance(held, str) else fields(held).get("url")
    return say.uri("image", address) if isinstance(address, str) else say.file("image", seen.get("file_id"))


_MEDIA: dict[str, Callable[[Fields], say.Part]] = {
    "input_image": _image,
    "computer_screenshot": _image,
    "input_file": read_file,
}
_CONTENTS: dict[str, Callable[[Fields], say.Part | None]] = {
    **_MEDIA,
    **dict.fromkeys(
        ("input_text", "output_text", "text", "summary_text"),
        lambda seen: next(say.worded(seen.get("text")), None),
    ),
    "reasoning_text": lambda seen: next(say.worded(seen.get("text"), say.thought), None),
    "refusal": lambda seen: next(say.worded(seen.get("refusal"), refused), None),
}


def _content(seen: Fields) -> say.Part | None:
    return _CONTENTS.get(text(seen.get("type")) or "", read_part)(seen)


def _said(seen: Fields) -> Iterator[say.Part]:
    yield from say.texts_of(seen.get("content"), _content)


def _thoughts(seen: Fields) -> Iterator[say.Part]:
    """Summaries of thoughts, and the thoughts themselves where they are to be seen."""
    for name in ("summary", "content"):
        for piece in items(seen.get(name)):
            yield from say.worded(fields(piece).get("text"), say.thought)


# Tools. The caller runs some of them, the provider the others.


def _call(seen: Fields) -> Iterator[say.Part]:
    kind = (text(seen.get("type")) or "").removesuffix("_call")
    told = (seen.get(name) for name in ("arguments", "action", "actions", "operation"))
    arguments = next((given for given in told if given is not None), None)
    yield say.tool_call(seen.get("name") or kind, arguments, seen.get("call_id"))


def _custom_call(seen: Fields) -> Iterator[say.Part]:
    yield {**say.tool_call(seen.get("name"), None, seen.get("call_id")), "arguments": seen.get("input")}


def _output(seen: Fields) -> Iterator[say.Part]:
    output = seen.get("output")
    response = seen.get("status") if output is None else _returned(output)
    yield say.tool_result("" if response is None else response, seen.get("call_id") or seen.get("id"))


def _returned(output: Any) -> Any:
    """What a tool returned: as it is, but media as parts."""
    if isinstance(output, (list, tuple)):
        return [_medium(entry) for entry in items(output)]
    return _medium(output)


def _medium(entry: Any) -> Any:
    seen = fields(entry)
    read = _MEDIA.get(text(seen.get("type")) or "")
    return entry if read is None else read(seen)


def _searched(seen: Fields) -> Iterator[say.Part]:
    """A search for tools, which the caller may have to do."""
    if seen.get("execution") == "client":
        yield say.tool_call("tool_search", seen.get("arguments"), seen.get("call_id"))
    else:
        yield say.server_call("tool_search", None, {"arguments": seen.get("arguments")}, seen.get("call_id"))


def _found(seen: Fields) -> Iterator[say.Part]:
    found = {"tools": [*read_tools(seen.get("tools"))]}
    if seen.get("execution") == "client":
        yield say.tool_result(found, seen.get("call_id"))
    else:
        yield say.server_result("tool_search", found, seen.get("call_id"))


# By the type of an item: what the provider was to do, and what came of it.
_RAN: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "web_search_call": (("action",), ()),
    "file_search_call": (("queries",), ("results",)),
    "code_interpreter_call": (("code", "container_id"), ("outputs",)),
    "image_generation_call": (("action", "revised_prompt", "size", "quality", "background"), ()),
    "mcp_call": (("server_label", "arguments"), ("output", "error")),
    "mcp_list_tools": (("server_label",), ("tools", "error")),
    "mcp_approval_request": (("server_label", "arguments"), ()),
    "mcp_approval_response": ((), ("approve", "reason")),
    "program": (("code",), ()),
    "program_output": ((), ("result",)),
}


def _told(seen: Fields, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name in names if (value := seen.get(name)) is not None}


def _ran(seen: Fields) -> Iterator[say.Part]:
    kind = text(seen.get("type")) or ""
    own = seen.get("call_id") or seen.get("approval_request_id") or seen.get("id")
    own = seen.get("id") if kind == "mcp_call" else own
    (named, answered), short = _RAN[kind], kind.removesuffix("_call").removesuffix("_output")
    if named:
        asked = _told(seen, named)
        if "arguments" in asked:
            asked["arguments"] = say.parsed(asked["arguments"])
        yield say.server_call(short, seen.get("name"), asked, own)
    if came := _told(seen, answered):
        yield say.server_result(short, came, own)
    if kind == "image_generation_call" and isinstance(picture := seen.get("result"), str):
        form = text(seen.get("output_format"))
        yield say.blob("image", picture, form and f"image/{form}")


def _compacted(seen: Fields) -> Iterator[say.Part]:
    found: say.Part = {"type": "compaction"}
    yield {**found, "id": own} if (own := text(seen.get("id"))) else found


def _nothing(seen: Fields) -> Iterator[say.Part]:
    del seen
    yield from ()


_ITEMS: dict[str, Callable[[Fields], Iterator[say.Part]]] = {
    "message": _said,
    "reasoning": _thoughts,
    **dict.fromkeys(
        ("function_call", "computer_call", "local_shell_call", "shell_call", "apply_patch_call"), _call
    ),
    "custom_tool_call": _custom_call,
    "tool_search_call": _searched,
    "tool_search_output": _found,
    **dict.fromkeys(_RAN, _ran),
    **dict.fromkeys(("compaction", "compaction_summary"), _compacted),
    **dict.fromkeys(("additional_tools", "compaction_trigger", "configuration_update"), _nothing),
}
_ROLES = {"mcp_approval_response": "user", "item_reference": "user", "prompt": "user"}


def read_item(seen: Fields) -> Iterator[say.Part]:
    """The parts of one item."""
    kind = text(seen.get("type")) or "message"
    if (read := _ITEMS.get(kind)) is not None:
        yield from read(seen)
    elif kind.endswith("_output"):
        yield from _output(seen)
    elif part := say.unknown({name: value for name, value in seen.items() if name != "encrypted_content"}):
        yield part


def read_items(given: Any, *, answer: bool = False) -> list[say.Message]:
    """Items as messages. What the same one says, thinks and calls in a row is one message; messages that were sent
    apart stay apart, but for those of an answer."""
    found: list[say.Message] = []
    spoke = False
    for seen in map(fields, items(given)):
        kind, parts = text(seen.get("type")) or "message", [*read_item(seen)]
        role = text(seen.get("role")) or ("assistant" if answer else _role(kind))
        speaks = kind == "message" and not answer
        if not parts and not (speaks and "role" in seen):
            continue
        if found and found[-1]["role"] == role and not (speaks and spoke):
            found[-1]["parts"] += parts
        else:
            found.append(say.message(role, parts))
        spoke = speaks
    return found


def _role(kind: str) -> str:
    known = _ITEMS.get(kind)
    made_elsewhere = known is None and kind.endswith("_output")
    return _ROLES.get(kind) or ("tool" if made_elsewhere else "assistant")


def read_tools(definitions: Any) -> Iterator[say.Part]:
    """Definitions of tools; those in a namespace come after it."""
    for seen in map(fields, items(definitions)):
        if text(seen.get("type")) == "mcp":
            yield say.tool(seen.get("server_label"), seen.get("server_description"), None, "mcp")
        else:
            yield read_tool(seen)
        yield from map(read_tool, items(seen.get("tools")))
