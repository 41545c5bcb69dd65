"""What keeps content small, encodable and ours: copies of what users hold, and JSON that stays valid when cut."""

from __future__ import annotations

import binascii
import hashlib
import json
import math
from typing import Any

from otel_llm.dialects.content.parts import cut_mark
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
        return [self._part(part) for part in parts]

    def _part(self, part: Part) -> Part:
        if part.get("type") == "blob":
            return self._medium(part)
        copied: Part = {}
        for name, value in part.items():
            if type(value) is str:
                copied[name] = value if len(value) <= self._longest else self._cut(value)
            elif value is not None:
                copied[name] = self._value(value, [_MOST], 0)
        return copied

    def _cut(self, words: str) -> str:
        return words[: self._longest] + cut_mark(len(words) - self._longest)

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
            return {
                self._key(name): self._value(inner, left, depth + 1)
                for name, inner in list(value.items())
                if left[0] >= 0
            }
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

    If there is too much, first long texts are cut, then the oldest messages but the first left out; what is
    missing is said in its place. `evenly`: all stay, and each gets the same room.
    """
    text = _dumps(entries)
    if _small(text, cap):
        try:
            return _sound(text, entries)
        except ValueError:
            return "[]", []
    most = cap // (len(entries) if evenly else min(len(entries), 4)) - 2  # and what stands around them
    entries = [entry if _small(_dumps(entry), most) else _cut(entry, most) for entry in entries]
    text = _dumps(entries)
    if not _small(text, cap):
        entries = _fewer(entries, cap)
        text = _dumps(entries)
    return _sound(text, entries)


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), check_circular=False)


def _small(text: str, cap: int) -> bool:
    if len(text) > cap:
        return False
    return text.isascii() or len(text) * 4 <= cap or _size(text) <= cap


def _size(text: str) -> int:
    """Bytes in UTF-8; half a character takes as many as what it is replaced by."""
    return len(text.encode("utf-8", "surrogatepass"))


def _sound(text: str, entries: list[Part]) -> tuple[str, list[Part]]:
    """Without lone halves of characters, which nothing can encode. Two halves that have met are a character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        entries = json.loads(text)
    return text, entries


def _cut(entry: Part, cap: int) -> Part:
    """A message or part with its longest texts cut to what the cap lets them have."""
    longest = cap
    while longest > 32:
        longest //= 2
        shorter = _shortened(entry, longest)
        if _small(_dumps(shorter), cap):
            return shorter
    said = {"type": "text", "content": cut_mark(len(_dumps(entry))).strip()}
    return {"role": entry["role"], "parts": [said]} if "parts" in entry else said


def _shortened(value: Any, longest: int) -> Any:
    if isinstance(value, str):
        return value if len(value) <= longest else value[:longest] + cut_mark(len(value) - longest)
    if isinstance(value, dict):
        return {name: _shortened(inner, longest) for name, inner in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, list):
        return [_shortened(inner, longest) for inner in value]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return value


def _fewer(entries: list[Part], cap: int) -> list[Part]:
    """The first entry and as many of the newest as there is room for."""
    room = cap - _size(_dumps(entries[0])) - 128  # for what says how many are missing
    kept: list[Part] = []
    for entry in reversed(entries[1:]):
        room -= _size(_dumps(entry)) + 1
        if room < 0:
            break
        kept.append(entry)
    missing = {"type": "text", "content": f"[cut: {len(entries) - 1 - len(kept)} left out]"}
    between = {"role": "cut", "parts": [missing]} if "parts" in entries[0] else missing
    if "name" in entries[0] and "parts" not in entries[0]:
        between = {"type": "cut", "name": missing["content"]}
    return [entries[0], between, *reversed(kept)]
