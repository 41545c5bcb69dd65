"""What generateContent says, and what it is asked: as Google's SDKs take it, or as the wire has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from inspect import cleandoc
from types import FunctionType, MethodType
from typing import Any

from otel_llm.dialects.content import parts as say
from otel_llm.dialects.content.bounded import put_copy
from otel_llm.dialects.content.gemini_arguments import Arguments
from otel_llm.dialects.content.in_order import InOrder
from otel_llm.dialects.content.pieces import Budget
from otel_llm.dialects.fields import Fields, count, fields, items, text
from otel_llm.dialects.gemini import answered, either

_CODE = "code_execution"


def _inline(held: Fields) -> say.Part | None:
    kind, data = either(held, "mime_type"), held.get("data")
    return None if data is None else say.blob(say.modality(kind), data, kind)


def _stored(held: Fields) -> say.Part | None:
    kind, address = either(held, "mime_type"), either(held, "file_uri") or held.get("uri")
    return say.uri(say.modality(kind), address, kind) if isinstance(address, str) else None


def _called(held: Fields) -> say.Part:
    return say.tool_call(held.get("name"), held.get("args"), held.get("id"))


def _returned(held: Fields) -> say.Part:
    response, media = held.get("response"), held.get("parts")
    if media:
        response = {"response": response, "parts": media}
    return say.tool_result(response, held.get("id"), held.get("name"))


def _code(held: Fields) -> say.Part:
    asked = {"code": held.get("code"), "language": held.get("language")}
    return say.server_call(_CODE, None, asked, held.get("id"))


def _ran(held: Fields) -> say.Part:
    came_of_it = {"outcome": held.get("outcome"), "output": held.get("output")}
    return say.server_result(_CODE, came_of_it, held.get("id"))


def _kind(held: Fields) -> str:
    return (text(either(held, "tool_type")) or "tool").lower()


_PARTS: dict[str, Callable[[Fields], say.Part | None]] = {
    "inline_data": _inline,
    "file_data": _stored,
    "function_call": _called,
    "function_response": _returned,
    "executable_code": _code,
    "code_execution_result": _ran,
    "tool_call": lambda held: say.server_call(_kind(held), None, {"args": held.get("args")}, held.get("id")),
    "tool_response": lambda held: say.server_result(
        _kind(held), {"response": held.get("response")}, held.get("id")
    ),
    "audio_transcription": lambda held: next(say.worded(held.get("text")), None),
}


def _maker(seen: Fields) -> Callable[[str], say.Part]:
    return say.thought if seen.get("thought") is True else say.said


def _read_part(thing: Any) -> say.Part | None:
    """A part in any form that the SDK takes: a text, a part, an uploaded file, a picture."""
    if isinstance(thing, str):
        return next(say.worded(thing), None)
    seen = fields(thing)
    if (found := next(say.worded(seen.get("text"), _maker(seen)), None)) is not None:
        return found
    for name, read in _PARTS.items():
        if (held := either(seen, name)) is not None:
            return read(fields(held))
    if (found := _stored(seen)) is not None:
        return found
    # Pictures of PIL, which only the SDK makes bytes of.
    return say.blob("image", None) if "image" in type(thing).__name__.lower() else None


def _listed(things: Any) -> list[Any] | tuple[Any, ...]:
    """Several things as they are, one as a list of one; both go wherever a list is asked for."""
    if isinstance(things, (list, tuple)):
        return things  # pyright: ignore[reportUnknownVariableType]
    return () if things is None else (things,)


def _read_parts(things: Any) -> list[say.Part]:
    held = fields(things).get("parts")
    read = map(_read_part, _listed(things if held is None else held))
    return [part for part in read if part is not None]


def _read_messages(contents: Any) -> list[say.Message]:
    """Parts that stand by themselves are one message, as long as they are all the user's or all the model's."""
    found: list[say.Message] = []
    loose: say.Message | None = None
    for entry in _listed(contents):
        seen = fields(entry)
        if isinstance(entry, (list, tuple)) or "parts" in seen:
            loose = None
            found.append(say.message(seen.get("role"), _read_parts(entry)))
        elif (part := _read_part(entry)) is not None:
            role = "model" if part["type"] == "tool_call" else "user"
            if loose is None or loose["role"] != role:
                loose = say.message(role, [])
                found.append(loose)
            loose["parts"].append(part)
    return found


def _read_tools(entry: Any) -> Iterator[say.Part]:
    """The tools in one entry: a function of the user's, declarations of several, or some of the provider's own."""
    if isinstance(entry, (FunctionType, MethodType)):
        yield say.tool(entry.__name__, cleandoc(entry.__doc__) if entry.__doc__ else None)
        return
    seen = fields(entry)
    if (schema := seen.get("inputSchema")) is not None:  # of an MCP server
        yield say.tool(seen.get("name"), seen.get("description"), schema)
        return
    for name, held in seen.items():
        kind = _snake(name)
        if held is None or not kind or kind[0] == "_":
            continue
        if kind != "function_declarations":
            yield say.tool(None, kind=kind)
            continue
        for declared in map(fields, _listed(held)):
            schema = declared.get("parameters") or either(declared, "parameters_json_schema")
            yield say.tool(declared.get("name"), declared.get("description"), schema)


def _snake(name: Any) -> str:
    """The name of a field as SDKs have it."""
    letters = name if isinstance(name, str) else ""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in letters)


def _asked(body: Fields) -> say.Asked:
    return say.Asked(
        _read_messages(body.get("contents")),
        _read_parts(either(body, "system_instruction")),
        [found for entry in _listed(body.get("tools")) for found in _read_tools(entry)],
    )


class _Candidate:
    """One candidate out of its parts; texts of one kind that follow one another are one."""

    __slots__ = ("_budget", "_open", "_parts", "_role", "_written")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._role: str | None = None
        self._parts = InOrder(budget)
        self._written: list[Arguments] = []
        self._open: Arguments | None = None

    def add(self, content: Fields) -> None:
        self._role = self._role or text(content.get("role"))
        for one in items(content.get("parts")):
            seen = fields(one)
            if type(words := seen.get("text")) is str:
                self._parts.more(words, _maker(seen))
            elif (held := either(seen, "function_call")) is not None:
                self._call(fields(held))
            elif (part := _read_part(one)) is not None:
                put_copy(self._parts, part, self._budget)

    def _call(self, held: Fields) -> None:
        """A call, whole or in pieces, of which only the first has its name, and the last may have nothing."""
        pieces, goes_on = either(held, "partial_args"), either(held, "will_continue") is True
        if self._open is None or held.get("name") is not None:
            call = put_copy(self._parts, _called(held), self._budget)
            self._open = Arguments(call, self._budget)
            if (pieces or goes_on) and self._budget.left > 0:
                self._written.append(self._open)
        self._open.add(pieces)
        if not goes_on:
            self._open = None

    def message(self) -> say.Message:
        for arguments in self._written:
            arguments.settle()
        return say.message(self._role or "assistant", self._parts.parts())


class _Reader:
    """Candidates of an answer, whole or in chunks."""

    __slots__ = ("_budget", "_candidates")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._candidates: dict[int, _Candidate] = {}

    def add(self, event: Any) -> None:
        for position, one in enumerate(items(answered(fields(event)).get("candidates"))):
            candidate = fields(one)
            told = count(candidate.get("index"))
            place = position if told is None else told
            known = self._candidates.get(place)
            if known is None:
                if self._budget.left <= 0:
                    continue
                known = self._candidates[place] = _Candidate(self._budget)
            known.add(fields(candidate.get("content")))

    def messages(self) -> list[say.Message]:
        return [self._candidates[place].message() for place in sorted(self._candidates)]


GENERATE = say.Content(_asked, _Reader)
