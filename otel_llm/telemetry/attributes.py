"""Facts of a call as span attributes. Tables of (attribute, field); a field that is None gives no attribute."""

from __future__ import annotations

from typing import Any

from otel_llm.record import ModelRequest, ModelResponse
from otel_llm.telemetry import names
from otel_llm.usage import TokenUsage

Attributes = dict[str, Any]

_REQUEST = (
    (names.REQUEST_MAX_TOKENS, "max_tokens"),
    (names.REQUEST_TEMPERATURE, "temperature"),
    (names.REQUEST_TOP_P, "top_p"),
    (names.REQUEST_TOP_K, "top_k"),
    (names.REQUEST_FREQUENCY_PENALTY, "frequency_penalty"),
    (names.REQUEST_PRESENCE_PENALTY, "presence_penalty"),
    (names.REQUEST_STOP_SEQUENCES, "stop_sequences"),
    (names.REQUEST_SEED, "seed"),
    (names.OUTPUT_TYPE, "output_type"),
    (names.REQUEST_REASONING_LEVEL, "reasoning_level"),
    (names.REQUEST_PREVIOUS_RESPONSE_ID, "previous_response_id"),
    (names.CONVERSATION_ID, "conversation_id"),
    (names.PROMPT_NAME, "prompt_name"),
    (names.PROMPT_VERSION, "prompt_version"),
)
_RESPONSE = (
    (names.RESPONSE_MODEL, "model"),
    (names.RESPONSE_ID, "id"),
    (names.RESPONSE_FINISH_REASONS, "finish_reasons"),
)
_USAGE = (
    (names.USAGE_INPUT_TOKENS, "input_tokens"),
    (names.USAGE_OUTPUT_TOKENS, "output_tokens"),
    (names.USAGE_CACHE_READ, "cache_read_tokens"),
    (names.USAGE_REASONING, "reasoning_tokens"),
)
# Subsets by modality: providers send zeros for all they know of, which would be six attributes of nothing.
_MODALITIES = (
    (names.USAGE_TEXT_INPUT, "text_input_tokens"),
    (names.USAGE_IMAGE_INPUT, "image_input_tokens"),
    (names.USAGE_AUDIO_INPUT, "audio_input_tokens"),
    (names.USAGE_TEXT_OUTPUT, "text_output_tokens"),
    (names.USAGE_IMAGE_OUTPUT, "image_output_tokens"),
    (names.USAGE_AUDIO_OUTPUT, "audio_output_tokens"),
)


def inference_attributes(
    request: ModelRequest, response: ModelResponse, provider: str, api: str, profile: names.Profile
) -> Attributes:
    """All attributes of an inference span that were not set at its start."""
    found: Attributes = {}
    for name, field in _REQUEST:
        if (value := getattr(request, field)) is not None:
            found[name] = value
    if request.choice_count not in (None, 1):
        found[names.REQUEST_CHOICE_COUNT] = request.choice_count
    if request.stream:
        found[names.REQUEST_STREAM] = True
    for name, field in _RESPONSE:
        if (value := getattr(response, field)) is not None:
            found[name] = value
    if response.usage is not None:
        _add_usage(found, response.usage, profile)
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


def _add_usage(found: Attributes, usage: TokenUsage, profile: names.Profile) -> None:
    for name, field in _USAGE:
        if (value := getattr(usage, field)) is not None:
            found[name] = value
    if usage.cache_write_tokens is not None:
        found[profile.cache_write] = usage.cache_write_tokens
    for name, field in _MODALITIES:
        if value := getattr(usage, field):
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
