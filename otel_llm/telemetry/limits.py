"""What keeps content small, encodable and ours: copies of what users hold, and JSON that stays valid when cut."""

from __future__ import annotations

import binascii
import hashlib
import json
import math
from typing import Any

from otel_llm.dialects.content.pieces import UNSURE, cut_mark
from otel_llm.dialects.fields import fields

_DEEPEST = 32
_MOST = 20_000  # values inside of one part
_LONGEST_INT = 2**63

Part = dict[str, Any]


class Copying:
    """Copies parts out of the hands of others, so that what they do with theirs later changes nothing.

    Texts longer than `longest` characters are cut, media whose base64 is longer than `inline` characters are
    replaced by what they are: `bytes`, their number, and `sha256`, in hexadecimal.
    """

    def __init__(self, longest: int, inline: int) -> None:
        self._longest = longest
        self._inline = inline

    def parts(self, parts: list[Part]) -> list[Part]:
        """Copies of parts, or of other flat dicts."""
        return [part if self.needs_none(part) else self._part(part) for part in parts]

    def needs_none(self, part: Part) -> bool:
        """Whether it is a short text and nothing else, which nobody can change."""
        return len(part) == 2 and type(words := part.get("content")) is str and len(words) <= self._longest

    def _part(self, part: Part) -> Part:
        if part.get("type") == "blob":
            return self._medium(part)
        copied: Part = {}
        for name, value in part.items():
            if type(value) is str:
                copied[name] = value if len(value) <= self._longest else self._cut(value)
            elif value is not None or name == "response":  # a result may be nothing
                copied[name] = self._value(value, [_MOST], 0)
        return copied

    def _cut(self, words: str) -> str:
        kept = self._longest - UNSURE
        return words[:kept] + cut_mark(len(words) - kept)

    def _medium(self, part: Part) -> Part:
        data = part.get("content")
        if isinstance(data, (bytearray, memoryview)):
            data = bytes(data)
        if isinstance(data, bytes):
            if len(data) * 4 // 3 <= self._inline:
                return {**part, "content": binascii.b2a_base64(data, newline=False).decode()}
        elif not isinstance(data, str):
            return {**part, "content": ""}
        elif len(data) <= self._inline:
            return {**part}
        else:
            try:
                data = binascii.a2b_base64(data)
            except ValueError:  # not base64, or not ASCII
                data = data.encode("utf-8", "replace")
        digest = hashlib.sha256(data, usedforsecurity=False).hexdigest()
        return {**part, "content": "", "bytes": len(data), "sha256": digest}

    def _value(self, value: Any, left: list[int], depth: int) -> Any:
        """Anything as what JSON knows; what is cyclic, too deep, too much or unknown is named and left out."""
        if value is None or isinstance(value, (str, bool, int, float)):
            return self._plain(value)
        left[0] -= 1
        if depth >= _DEEPEST or left[0] < 0:
            return "[cut: too deep]" if left[0] >= 0 else "[cut: too much]"
        if isinstance(value, dict):
            copied = {
                self._key(name): self._value(inner, left, depth + 1)
                for name, inner in list(value.items())
                if left[0] >= 0
            }
            if copied.get("type") == "blob" and "modality" in copied:  # in what a tool gave back
                copied |= self._medium({"content": value.get("content")})
            return copied
        if isinstance(value, (list, tuple)):
            return [self._value(inner, left, depth + 1) for inner in list(value) if left[0] >= 0]
        if isinstance(value, (bytes, bytearray, memoryview)):
            return self._medium({"content": bytes(value)})["content"] or f"[{len(value)} bytes]"
        inner = {name: told for name, told in fields(value).items() if name[:1] != "_" and told is not None}
        return self._value(inner, left, depth) if inner else f"[{type(value).__name__}]"

    def _plain(self, value: Any) -> Any:
        """Texts and numbers; of classes made from these, such as enums, what is inside."""
        if isinstance(value, str):
            value = str.__str__(value)
            return value if len(value) <= self._longest else self._cut(value)
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else str(float(value))
        if isinstance(value, int) and not isinstance(value, bool):
            return int(value) if -_LONGEST_INT <= value < _LONGEST_INT else "[a number too long to tell]"
        return value

    def _key(self, name: Any) -> str:
        return name[: self._longest] if isinstance(name, str) else str(name) if type(name) is int else "?"


def fit(entries: list[Part], cap: int, *, evenly: bool = False) -> tuple[str, list[Part]]:
    """Messages or parts as compact JSON of at most `cap` bytes in UTF-8, and what that JSON says.

    If there is too much, long messages are cut, and of many the first and the newest told; what is missing is
    said in its place. No more is written than there is room for. `evenly`: all stay, and each has the same room.
    """
    if _least(entries) <= cap:
        text = _dumps(entries)
        if len(text) <= cap:
            text, size, said = _sound(text, entries)
            if size <= cap:
                return text, said
    most = (cap - 160) // len(entries) - 1 if evenly else cap // min(len(entries), 4) - 2
    first, size = _within(entries[0], most)
    room = cap - size - 160  # for what says how many are missing, and the brackets
    kept: list[Part] = []
    for entry in reversed(entries[1:]):
        entry, size = _within(entry, most)  # noqa: PLW2901
        room -= size + 1
        if room < 0:
            break
        kept.append(entry)
    missing = len(entries) - 1 - len(kept)
    gap = [_instead(first, f"[cut: {missing} left out]")] if missing else []
    entries = [first, *gap, *reversed(kept)]
    text, size, said = _sound(_dumps(entries), entries)
    return (text, said) if size <= cap else ("[]", [])  # no room for anything that could be said


def _least(entries: list[Part]) -> int:
    """Bytes that the entries take at least."""
    texts = (part.get("content") for entry in entries for part in entry.get("parts", (entry,)))
    return sum(len(words) for words in texts if type(words) is str)


def _instead(entry: Part, words: str) -> Part:
    """What stands in the place of entries like this one."""
    if "parts" in entry:
        return {"role": "cut", "parts": [{"type": "text", "content": words}]}
    return {"type": "cut", "name": words} if "name" in entry else {"type": "text", "content": words}


_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode


def _small(text: str, cap: int) -> bool:
    if len(text) > cap:
        return False
    return text.isascii() or len(text) * 4 <= cap or _size(text) <= cap


def _size(text: str) -> int:
    """Bytes in UTF-8; half a character takes as many as what it is replaced by."""
    return len(text.encode("utf-8", "surrogatepass"))


def _sound(text: str, entries: list[Part]) -> tuple[str, int, list[Part]]:
    """Without lone halves of characters, which nothing can encode; two halves that have met are a character. With
    its size in bytes, and what it says."""
    if text.isascii():
        return text, len(text), entries
    try:
        return text, len(text.encode()), entries
    except UnicodeEncodeError:
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return text, len(text.encode()), json.loads(text)


def _within(entry: Part, cap: int) -> tuple[Part, int]:
    """A message or part, its longest texts cut to what the cap lets them have; and its size in bytes."""
    whole = entry if _least([entry]) <= cap else _shortened(entry, cap)
    if _small(text := _dumps(whole), cap):
        return whole, _size(text)
    longest = cap
    while longest > 32:
        longest //= 2
        shorter = _shortened(entry, longest)
        if _small(text := _dumps(shorter), cap):
            return shorter, _size(text)
    shortest = _instead(entry, f"[cut: {len(_dumps(entry))} characters]")
    if "role" in entry:
        shortest["role"] = entry["role"]
    return shortest, _size(_dumps(shortest))


def _shortened(value: Any, longest: int) -> Any:
    if isinstance(value, str):
        return value if len(value) <= longest else value[:longest] + cut_mark(len(value) - longest)
    if isinstance(value, dict):
        return {name: _shortened(inner, longest) for name, inner in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, list):
        return [_shortened(inner, longest) for inner in value]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return value
