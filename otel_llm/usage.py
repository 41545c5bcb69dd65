"""What a call consumed, in one meaning for every provider. Knows no wire shape and no attribute name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self


class Facts:
    """Base of the records: frozen dataclasses whose fields all default to None, made from what was found.

    They have no slots on purpose: a field that was not found is not stored at all and reads as the class's
    default, which makes a record several times cheaper to make and to go through than setting each of its
    fields, and a record is made for every call.
    """

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Self:
        """A record of these fields; whoever calls vouches for their names and types."""
        made = object.__new__(cls)
        made.__dict__.update(found)
        return made


@dataclass(frozen=True)
class TokenUsage(Facts):
    """Token counts of one model call, or the sum over several.

    `input_tokens` and `output_tokens` are totals: cached and written tokens are inside the input, reasoning
    tokens inside the output, whatever the provider's own habit. All other counts are subsets of these two.
    None means that the provider did not say, 0 that it said zero. Nothing is ever estimated.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    cache_read_tokens: int | None = None
    """Read from the provider's prompt cache."""
    cache_write_tokens: int | None = None
    """Written to the provider's prompt cache."""
    cache_write_5m_tokens: int | None = None
    """Of the written tokens, those kept for five minutes."""
    cache_write_1h_tokens: int | None = None
    """Of the written tokens, those kept for an hour."""
    reasoning_tokens: int | None = None
    text_input_tokens: int | None = None
    image_input_tokens: int | None = None
    audio_input_tokens: int | None = None
    text_output_tokens: int | None = None
    image_output_tokens: int | None = None
    audio_output_tokens: int | None = None

    def __add__(self, other: TokenUsage | int) -> TokenUsage:
        """The sum, field by field; a field is None only if neither side knows it."""
        if isinstance(other, int):  # sum() starts from 0
            return self
        return TokenUsage(
            *(
                right if left is None else left if right is None else left + right
                for left, right in zip(_values(self), _values(other), strict=True)
            )
        )

    __radd__ = __add__

    def contradictions(self) -> Iterator[tuple[str, int, int]]:
        """What cannot be true in these figures: what it is, and both numbers. They are passed on all the same."""
        asked, answered, total = self.input_tokens, self.output_tokens, self.total_tokens
        cached = (self.cache_read_tokens or 0) + (self.cache_write_tokens or 0)
        if asked is not None and cached > asked:
            yield "cached tokens > input tokens", cached, asked
        if answered is not None and (self.reasoning_tokens or 0) > answered:
            yield "reasoning tokens > output tokens", self.reasoning_tokens or 0, answered
        if asked is not None and answered is not None and total is not None and asked + answered != total:
            yield "input + output tokens != total tokens", asked + answered, total
        for name, part in vars(self).items():
            if part and (side := _MODALITIES.get(name)) is not None:
                whole = getattr(self, side)
                if whole is not None and part > whole:
                    yield f"{name} > {side}".replace("_", " "), part, whole


_MODALITIES = {
    f"{kind}_{side}": side
    for kind in ("text", "image", "audio")
    for side in ("input_tokens", "output_tokens")
}
_FIELDS = tuple(field.name for field in fields(TokenUsage))


def _values(usage: TokenUsage) -> Iterator[int | None]:
    return (getattr(usage, name) for name in _FIELDS)
