"""Chat completions, and the older completions, which differ from them in the operation alone.

https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

from typing import Any

from otel_llm.dialects.dialect import Dialect
from otel_llm.dialects.fields import Fields, code, count, fields, items, number, text, texts, whole
from otel_llm.dialects.finish_reasons import ERROR, normalize
from otel_llm.dialects.openai_usage import merge_usage, read_openai_usage
from otel_llm.record import ModelRequest, ModelResponse

OUTPUT_TYPES = {"text": "text", "json_object": "json", "json_schema": "json"}


def _read_request(body: Fields) -> ModelRequest:
    get = body.get
    max_tokens = count(get("max_completion_tokens"))
    effort = get("reasoning_effort")
    if effort is None and (reasoning := get("reasoning")) is not None:  # OpenRouter
        effort = fields(reasoning).get("effort")
    output_type = None
    if (wanted := get("response_format")) is not None:
        output_type = OUTPUT_TYPES.get(text(fields(wanted).get("type")) or "")
    elif "audio" in items(get("modalities")):
        output_type = "speech"
    return ModelRequest(
        model=text(get("model")),
        stream=bool(get("stream")),
        max_tokens=count(get("max_tokens")) if max_tokens is None else max_tokens,
        temperature=number(get("temperature")),
        top_p=number(get("top_p")),
        top_k=count(get("top_k")),
        frequency_penalty=number(get("frequency_penalty")),
        presence_penalty=number(get("presence_penalty")),
        stop_sequences=texts(get("stop")),
        seed=whole(get("seed")),
        choice_count=count(get("n")),
        output_type=output_type,
        reasoning_level=text(effort),
        service_tier=text(get("service_tier")),
    )


class _Fold:
    """An answer, whole or in chunks: both have the same facts in the same places."""

    __slots__ = ("_error", "_fingerprint", "_id", "_model", "_reasons", "_tier", "_usage")

    def __init__(self) -> None:
        self._id: str | None = None
        self._model: str | None = None
        self._tier: str | None = None
        self._fingerprint: str | None = None
        self._error: str | None = None
        self._usage: Any = None
        self._reasons: dict[int, str | None] = {}

    def add(self, event: Any) -> None:
        seen = fields(event)
        get = seen.get
        if self._model is None:  # Azure's first chunk has neither
            self._model = text(get("model"))
        if self._id is None:
            self._id = text(get("id"))
        usage = get("usage")
        if usage is not None:
            self._usage = merge_usage(self._usage, usage)
        choices = get("choices")
        if choices:
            for position, choice in enumerate(items(choices)):
                self._add_choice(position, fields(choice))
        if (tier := get("service_tier")) is not None:
            self._tier = text(tier) or self._tier
        if (fingerprint := get("system_fingerprint")) is not None:
            self._fingerprint = text(fingerprint) or self._fingerprint
        if (groq := get("x_groq")) is not None and (usage := fields(groq).get("usage")) is not None:
            self._usage = merge_usage(self._usage, usage)
        if (error := get("error")) is not None:
            self._error = error_code(error)

    def _add_choice(self, position: int, choice: Fields) -> None:
        index = choice.get("index")
        if type(index) is not int:
            index = position
        reason = text(choice.get("finish_reason"))
        if reason is not None or index not in self._reasons:
            self._reasons[index] = reason
        if (usage := choice.get("usage")) is not None:  # Moonshot
            self._usage = merge_usage(self._usage, usage)
        if (error := choice.get("error")) is not None:  # OpenRouter, with status 200
            self._error = error_code(error)

    def response(self, *, complete: bool) -> ModelResponse:
        raw = tuple(
            reason
            for _, reason in sorted(self._reasons.items())
            if reason is not None or not complete
        )
        return ModelResponse(
            model=self._model,
            id=self._id,
            finish_reasons=tuple(ERROR if reason is None else normalize(reason) for reason in raw) or None,
            raw_finish_reasons=tuple(reason for reason in raw if reason is not None) or None,
            usage=None if self._usage is None else read_openai_usage(self._usage),
            system_fingerprint=self._fingerprint,
            service_tier=self._tier,
            error=self._error,
        )


def error_code(error: Any) -> str:
    """The short code of an error object, `_OTHER` if it has none that may be told."""
    seen = fields(error)
    return code(seen.get("type"), seen.get("code"), seen.get("status")) or "_OTHER"


CHAT = Dialect("chat_completions", "chat", _read_request, _Fold)
COMPLETIONS = Dialect("completions", "text_completion", _read_request, _Fold)
