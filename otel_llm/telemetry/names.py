"""Every name that is ever emitted: attributes, metrics, events, and the profiles that choose between them.

The names are OpenTelemetry's GenAI conventions; a test compares them with the registry. They are kept
here, and not imported from the incubating semantic-conventions package, because there the GenAI names
are marked as moved and the newest ones are missing.
"""

from __future__ import annotations

from dataclasses import dataclass

OPERATION_NAME = "gen_ai.operation.name"
PROVIDER_NAME = "gen_ai.provider.name"
CONVERSATION_ID = "gen_ai.conversation.id"
SESSION_ID = "session.id"
USER_ID = "user.id"
OUTPUT_TYPE = "gen_ai.output.type"

REQUEST_MODEL = "gen_ai.request.model"
REQUEST_MAX_TOKENS = "gen_ai.request.max_tokens"
REQUEST_TEMPERATURE = "gen_ai.request.temperature"
REQUEST_TOP_P = "gen_ai.request.top_p"
REQUEST_TOP_K = "gen_ai.request.top_k"
REQUEST_FREQUENCY_PENALTY = "gen_ai.request.frequency_penalty"
REQUEST_PRESENCE_PENALTY = "gen_ai.request.presence_penalty"
REQUEST_STOP_SEQUENCES = "gen_ai.request.stop_sequences"
REQUEST_SEED = "gen_ai.request.seed"
REQUEST_CHOICE_COUNT = "gen_ai.request.choice.count"
REQUEST_STREAM = "gen_ai.request.stream"
REQUEST_REASONING_LEVEL = "gen_ai.request.reasoning.level"
REQUEST_PREVIOUS_RESPONSE_ID = "gen_ai.request.previous_response.id"
REQUEST_ENCODING_FORMATS = "gen_ai.request.encoding_formats"
EMBEDDINGS_DIMENSION_COUNT = "gen_ai.embeddings.dimension.count"
PROMPT_NAME = "gen_ai.prompt.name"
PROMPT_VERSION = "gen_ai.prompt.version"

RESPONSE_ID = "gen_ai.response.id"
RESPONSE_MODEL = "gen_ai.response.model"
RESPONSE_STATUS = "gen_ai.response.status"
RESPONSE_FINISH_REASONS = "gen_ai.response.finish_reasons"
RESPONSE_TIME_TO_FIRST_CHUNK = "gen_ai.response.time_to_first_chunk"

USAGE_INPUT_TOKENS = "gen_ai.usage.input_tokens"
USAGE_OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
USAGE_CACHE_READ = "gen_ai.usage.cache_read.input_tokens"
USAGE_CACHE_WRITE = "gen_ai.usage.cache_write.input_tokens"
USAGE_CACHE_CREATION = "gen_ai.usage.cache_creation.input_tokens"
USAGE_REASONING = "gen_ai.usage.reasoning.output_tokens"
USAGE_TEXT_INPUT = "gen_ai.usage.text.input_tokens"
USAGE_IMAGE_INPUT = "gen_ai.usage.image.input_tokens"
USAGE_AUDIO_INPUT = "gen_ai.usage.audio.input_tokens"
USAGE_TEXT_OUTPUT = "gen_ai.usage.text.output_tokens"
USAGE_IMAGE_OUTPUT = "gen_ai.usage.image.output_tokens"
USAGE_AUDIO_OUTPUT = "gen_ai.usage.audio.output_tokens"
USAGE_COST = "gen_ai.usage.cost"
"""Not of the conventions, but read by several backends. Its parts may not stand beside it: what does is added up."""
COST_INPUT = "otel_llm.cost.input"
COST_OUTPUT = "otel_llm.cost.output"

INPUT_MESSAGES = "gen_ai.input.messages"
OUTPUT_MESSAGES = "gen_ai.output.messages"
SYSTEM_INSTRUCTIONS = "gen_ai.system_instructions"
TOOL_DEFINITIONS = "gen_ai.tool.definitions"

AGENT_NAME = "gen_ai.agent.name"
TOOL_NAME = "gen_ai.tool.name"
TOOL_TYPE = "gen_ai.tool.type"
TOOL_CALL_ID = "gen_ai.tool.call.id"
TOOL_CALL_ARGUMENTS = "gen_ai.tool.call.arguments"
TOOL_CALL_RESULT = "gen_ai.tool.call.result"
TOOL_DESCRIPTION = "gen_ai.tool.description"
WORKFLOW_NAME = "gen_ai.workflow.name"
RETRIEVAL_TOP_K = "gen_ai.retrieval.top_k"
RETRIEVAL_QUERY_TEXT = "gen_ai.retrieval.query.text"
RETRIEVAL_DOCUMENTS = "gen_ai.retrieval.documents"

INFERENCE = frozenset(("chat", "generate_content", "text_completion"))
"""Operations in which a model answers, and which are one call however many layers they pass."""

TOKEN_TYPE = "gen_ai.token.type"
TOKEN_MODALITY = "gen_ai.token.modality"

OPENAI_API_TYPE = "openai.api.type"
OPENAI_REQUEST_SERVICE_TIER = "openai.request.service_tier"
OPENAI_RESPONSE_SERVICE_TIER = "openai.response.service_tier"
OPENAI_RESPONSE_SYSTEM_FINGERPRINT = "openai.response.system_fingerprint"

SERVER_ADDRESS = "server.address"
SERVER_PORT = "server.port"
ERROR_TYPE = "error.type"
ERROR_OTHER = "_OTHER"
EXCEPTION_TYPE = "exception.type"
EXCEPTION_MESSAGE = "exception.message"
EXCEPTION_STACKTRACE = "exception.stacktrace"

STREAM_OUTCOME = "otel_llm.stream.outcome"
"""Ours: only on the span of a stream that nobody finished reading or closed. The conventions have no word
for it, and `error.type` would call a failure what is none."""

# Ours too: how sure a model was of its tokens. The conventions have no word for any of it.
LOGPROBS_TOKEN_COUNT = "otel_llm.logprobs.token_count"
LOGPROBS_MEAN = "otel_llm.logprobs.mean"
LOGPROBS_MIN = "otel_llm.logprobs.min"
LOGPROBS_MIN_POSITION = "otel_llm.logprobs.min_position"
LOGPROBS_PERPLEXITY = "otel_llm.logprobs.perplexity"
LOGPROBS_TOKENS = "otel_llm.logprobs.tokens"
"""The tokens themselves, which are content."""

# What LangSmith reads beside these, from spans that are sent to nobody else.
LANGSMITH = {
    PROVIDER_NAME: "gen_ai.system",
    CONVERSATION_ID: "langsmith.metadata.thread_id",
    SESSION_ID: "langsmith.metadata.session_id",
    USER_ID: "langsmith.metadata.user_id",
}
LANGSMITH_KIND, LANGSMITH_TOTAL = "langsmith.span.kind", "gen_ai.usage.total_tokens"

EVENT_EXCEPTION = "gen_ai.client.operation.exception"
EVENT_DETAILS = "gen_ai.client.inference.operation.details"

DURATION_BUCKETS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
TOKEN_BUCKETS = tuple(4**n for n in range(14))

AGENT_BUCKETS = tuple(0.1 * 2**n for n in range(13))
WORKFLOW_BUCKETS = (1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200)

OPERATION_DURATION = "gen_ai.client.operation.duration"
"""Of every operation in the older profiles, of all but inference in the newest."""
TOOL_DURATION = "gen_ai.execute_tool.duration"
AGENT_DURATION = "gen_ai.invoke_agent.duration"
WORKFLOW_DURATION = "gen_ai.invoke_workflow.duration"
COST = "otel_llm.cost"


@dataclass(frozen=True, slots=True)
class Profile:
    """One set of names out of those in use side by side; what differs between them, and nothing else."""

    name: str
    cache_write: str
    inference_duration: str
    time_to_first_chunk: str
    time_per_output_chunk: str
    token_usage: str | None
    """One histogram with the direction as an attribute; None: a histogram and counters per direction."""
    input_tokens: str | None = None
    output_tokens: str | None = None
    usage_counter_prefix: str | None = None
    """Of the counters by modality; beside one histogram there are those of cached tokens alone."""


_COUNTED = "gen_ai.client.inference.usage."
_PYTHON_METRICS = {
    "inference_duration": OPERATION_DURATION,
    "time_to_first_chunk": "gen_ai.client.operation.time_to_first_chunk",
    "time_per_output_chunk": "gen_ai.client.operation.time_per_output_chunk",
    "token_usage": "gen_ai.client.token.usage",
}

PROFILES = {
    profile.name: profile
    for profile in (
        # The newest span names with the metric names of today's official Python packages and dashboards.
        Profile("2026-10", cache_write=USAGE_CACHE_WRITE, usage_counter_prefix=_COUNTED, **_PYTHON_METRICS),
        # The newest text of the conventions.
        Profile(
            "latest",
            cache_write=USAGE_CACHE_WRITE,
            inference_duration="gen_ai.client.inference.duration",
            time_to_first_chunk="gen_ai.client.inference.time_to_first_chunk",
            time_per_output_chunk="gen_ai.client.inference.time_per_output_chunk",
            token_usage=None,
            input_tokens="gen_ai.client.inference.operation.input_tokens",
            output_tokens="gen_ai.client.inference.operation.output_tokens",
            usage_counter_prefix=_COUNTED,
        ),
        # For backends that have not moved to the new name of written cache tokens.
        Profile("2026-08", cache_write=USAGE_CACHE_CREATION, **_PYTHON_METRICS),
    )
}
DEFAULT_PROFILE = "2026-10"
