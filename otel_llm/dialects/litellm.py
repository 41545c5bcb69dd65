"""What LiteLLM gives back, in the words of the API that it imitates, and without the figures that nobody sent.

It counts tokens itself where a provider did not, splits what providers send as one, and repeats what it remembers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from otel_llm.dialects.fields import Fields, fields, items
from otel_llm.dialects.sse import EventDecoder

_SUMS = ("prompt_tokens", "completion_tokens", "total_tokens")
"""What is 0 where a chunk does not say it."""
_DETAILS = ("prompt_tokens_details", "completion_tokens_details")


class Reading:
    """Of one call: from a stream (None: a whole answer) and what it gave (None: its end), what there is to learn.

    What a provider sent of usage in a stream is in the list of chunks that the stream keeps, also where it is not
    passed on. What is passed on in the last chunk may be LiteLLM's own count.
    """

    def __init__(self, *, counts: bool) -> None:
        self._counts = counts
        """False: none of the figures were sent for this call."""
        self._decoder = EventDecoder()
        self._seen = 0

    def __call__(self, stream: Any, given: Any) -> Iterator[Any]:
        if isinstance(given, (bytes, str)):
            yield from self._decoder.feed(
                given if isinstance(given, bytes) else given.encode("utf-8", "replace")
            )
            return
        kept = fields(stream).get("chunks")
        if given is not None:
            if fields(given).get("usage") is None:
                yield given
            else:
                counts = self._counts and not isinstance(kept, list) and not _remembered(given)
                yield {**fields(given), "usage": _sent(given) if counts else None}
        if self._counts and fields(stream).get("custom_llm_provider") != "cached_response":
            chunks, self._seen = items(kept)[self._seen :], len(items(kept))
            for chunk in chunks:
                if fields(chunk).get("usage") is not None:
                    yield {
                        "usage": {
                            name: part for name, part in _sent(chunk).items() if name not in _SUMS or part
                        }
                    }


def _sent(answer: Any) -> Fields:
    """Usage without what LiteLLM worked out: how much is text, and zeros of what nobody has looked for."""
    usage = dict(fields(fields(answer)["usage"]))
    for name in _DETAILS:
        if name in usage:
            details = fields(usage[name])
            usage[name] = {part: value for part, value in details.items() if value and part != "text_tokens"}
    return usage


def _remembered(answer: Any) -> bool:
    """Whether it comes out of LiteLLM's cache of answers."""
    return fields(getattr(answer, "_hidden_params", None)).get("cache_hit") is True
