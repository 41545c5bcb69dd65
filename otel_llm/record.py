"""One model call as facts: what was asked and what came back. Knows no wire shape and no attribute name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_llm.usage import Facts, TokenUsage

if TYPE_CHECKING:
    from otel_llm.logprobs import LogprobSummary


@dataclass(frozen=True)
class ModelRequest(Facts):
    """What was asked, as far as the request says it. None: not said."""

    model: str | None = None
    stream: bool = False
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    stop_sequences: tuple[str, ...] | None = None
    seed: int | None = None
    choice_count: int | None = None
    output_type: str | None = None
    """Modality of the answer asked for: text, json, image or speech."""
    reasoning_level: str | None = None
    service_tier: str | None = None
    previous_response_id: str | None = None
    conversation_id: str | None = None
    encoding_formats: tuple[str, ...] | None = None
    dimensions: int | None = None
    """Length asked for each embedding vector."""
    prompt_name: str | None = None
    prompt_version: str | None = None


@dataclass(frozen=True)
class ModelResponse(Facts):
    """What came back, as far as the provider said it. None: not said."""

    model: str | None = None
    id: str | None = None
    finish_reasons: tuple[str, ...] | None = None
    """One for each choice, normalized: stop, length, content_filter, tool_call, error, or as sent."""
    raw_finish_reasons: tuple[str, ...] | None = None
    """The same in the provider's own spelling."""
    usage: TokenUsage | None = None
    system_fingerprint: str | None = None
    service_tier: str | None = None
    dimensions: int | None = None
    """Length of each embedding vector."""
    logprobs: LogprobSummary | None = None
    error: str | None = None
    """The provider's short code of an error it reported in place of an answer, or after part of one."""
    surcharge: str | None = None
    """A word for what makes it dearer beside the service tier: `fast`, `optimized`, or a country that it must not leave."""
    billed: TokenUsage | None = None
    """What is charged for, where the provider says that it is not all of the usage."""
    cost: float | None = None
    """USD, as the provider reports it."""
    input_cost: float | None = None
    """USD: of the cost, what the input was; None if that is not told."""
    output_cost: float | None = None


def merged(own: ModelResponse, parts: Sequence[ModelResponse], *, counted: bool) -> ModelResponse:
    """What a framework says of an answer, over it what the SDKs below it said, and all that was consumed.

    `counted`: an SDK has answered. Then its figures count alone, also if it had none: frameworks estimate, and
    repeat old figures. The cost is known if that of each part is. An error of a part counts if it is the last word, and so do log-probabilities: those of an
    answer that was given up for another are not of the other.
    """
    found = dict(vars(own))
    for part in parts:
        found |= {name: value for name, value in vars(part).items() if value is not None}
    found["error"] = own.error or parts[-1].error
    found["logprobs"] = parts[-1].logprobs or (None if counted else own.logprobs)
    usages = [part.usage for part in parts if part.usage is not None]
    if usages or counted:
        found["usage"] = sum(usages[1:], start=usages[0]) if usages else None
        used = [part for part in parts if part.usage is not None or part.cost is not None]
        for name in ("cost", "input_cost", "output_cost"):
            costs = [getattr(part, name) for part in used]
            found[name] = sum(costs) if costs and None not in costs else None
    return ModelResponse.of(found)


NOTHING = ModelResponse()
"""The answer of a call that never got one."""
