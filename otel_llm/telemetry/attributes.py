"""Facts of a call as span attributes. Tables of attributes by field; a field that is None gives none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otel_llm.record import ModelRequest, ModelResponse
from otel_llm.telemetry import names
from otel_llm.usage import Facts

Attributes = dict[str, Any]

_REQUEST = {
    "max_tokens": names.REQUEST_MAX_TOKENS,
    "temperature": names.REQUEST_TEMPERATURE,
    "top_p": names.REQUEST_TOP_P,
    "top_k": names.REQUEST_TOP_K,
    "frequency_penalty": names.REQUEST_FREQUENCY_PENALTY,
    "presence_penalty": names.REQUEST_PRESENCE_PENALTY,
    "stop_sequences": names.REQUEST_STOP_SEQUENCES,
    "seed": names.REQUEST_SEED,
    "output_type": names.OUTPUT_TYPE,
    "reasoning_level": names.REQUEST_REASONING_LEVEL,
    "previous_response_id": names.REQUEST_PREVIOUS_RESPONSE_ID,
    "conversation_id": names.CONVERSATION_ID,
    "prompt_name": names.PROMPT_NAME,
    "prompt_version": names.PROMPT_VERSION,
}
_RESPONSE = {
    "model": names.RESPONSE_MODEL,
    "id": names.RESPONSE_ID,
    "finish_reasons": names.RESPONSE_FINISH_REASONS,
}
_USAGE = {
    "input_tokens": names.USAGE_INPUT_TOKENS,
    "output_tokens": names.USAGE_OUTPUT_TOKENS,
    "cache_read_tokens": names.USAGE_CACHE_READ,
    "reasoning_tokens": names.USAGE_REASONING,
}
# Subsets by modality: providers send zeros for all they know of, which would be six attributes of nothing.
_MODALITIES = {
    "text_input_tokens": names.USAGE_TEXT_INPUT,
    "image_input_tokens": names.USAGE_IMAGE_INPUT,
    "audio_input_tokens": names.USAGE_AUDIO_INPUT,
    "text_output_tokens": names.USAGE_TEXT_OUTPUT,
    "image_output_tokens": names.USAGE_IMAGE_OUTPUT,
    "audio_output_tokens": names.USAGE_AUDIO_OUTPUT,
}
_LOGPROBS = {
    "token_count": names.LOGPROBS_TOKEN_COUNT,
    "mean": names.LOGPROBS_MEAN,
    "min": names.LOGPROBS_MIN,
    "min_position": names.LOGPROBS_MIN_POSITION,
    "perplexity": names.LOGPROBS_PERPLEXITY,
}


def inference_attributes(
    request: ModelRequest, response: ModelResponse, provider: str, api: str, profile: names.Profile
) -> Attributes:
    """All attributes of an inference span that were not set at its start."""
    found: Attributes = {}
    _add(found, _REQUEST, request)
    if request.choice_count not in (None, 1):
        found[names.REQUEST_CHOICE_COUNT] = request.choice_count
    if request.stream:
        found[names.REQUEST_STREAM] = True
    _add(found, _RESPONSE, response)
    if (usage := response.usage) is not None:
        _add(found, _USAGE, usage)
        if usage.cache_write_tokens is not None:
            found[profile.cache_write] = usage.cache_write_tokens
        for field, tokens in vars(usage).items():
            if tokens and field in _MODALITIES:
                found[_MODALITIES[field]] = tokens
    if response.logprobs is not None:
        _add(found, _LOGPROBS, response.logprobs)
    if provider == "openai":
        _add_openai(found, request, response, api)
    return found


def embeddings_attributes(request: ModelRequest, response: ModelResponse) -> Attributes:
    """All attributes of an embeddings span that were not set at its start: the conventions define no others."""
    found: Attributes = {}
    if request.encoding_formats is not None:
        found[names.REQUEST_ENCODING_FORMATS] = request.encoding_formats
    dimensions = request.dimensions or response.dimensions
    if dimensions is not None:
        found[names.EMBEDDINGS_DIMENSION_COUNT] = dimensions
    if response.model is not None:
        found[names.RESPONSE_MODEL] = response.model
    if response.usage is not None and response.usage.input_tokens is not None:
        found[names.USAGE_INPUT_TOKENS] = response.usage.input_tokens
    return found


def _add(found: Attributes, table: Mapping[str, str], record: Facts) -> None:
    for field, value in vars(record).items():
        if value is not None and (name := table.get(field)) is not None:
            found[name] = value


def _add_openai(found: Attributes, request: ModelRequest, response: ModelResponse, api: str) -> None:
    """What the conventions add for OpenAI itself, and for nobody who copies its API."""
    if api in ("chat_completions", "responses"):
        found[names.OPENAI_API_TYPE] = api
    if request.service_tier not in (None, "auto"):
        found[names.OPENAI_REQUEST_SERVICE_TIER] = request.service_tier
    if response.service_tier is not None:
        found[names.OPENAI_RESPONSE_SERVICE_TIER] = response.service_tier
    if response.system_fingerprint is not None:
        found[names.OPENAI_RESPONSE_SYSTEM_FINGERPRINT] = response.system_fingerprint
