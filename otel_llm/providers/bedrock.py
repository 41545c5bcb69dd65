"""Amazon Bedrock through boto3 or aiobotocore."""

from __future__ import annotations

import re
from typing import Any

from otel_llm.dialects.bedrock_converse import CONVERSE
from otel_llm.dialects.bedrock_invoke import INVOKE_CHAT, INVOKE_EMBED, INVOKE_TEXT
from otel_llm.dialects.dialect import Dialect
from otel_llm.dialects.fields import Fields, fields
from otel_llm.dialects.sse import decode
from otel_llm.hooks.botocore import BotocoreSdk, OtherSpans
from otel_llm.hooks.methods import Asked
from otel_llm.providers.servers import server_of

_IMAGES = re.compile(r"image|canvas|reel|stability\.|stable-|twelvelabs|luma\.|rerank")
_SAID = ("messages", "message")
_MOST = 32 * 1024 * 1024  # bytes of a request that are looked into


def _ask(client: Any, operation: str, params: dict[str, Any]) -> Asked | None:
    if client.meta.service_model.service_name != "bedrock-runtime":
        return None
    # The last part of an ARN: what comes before it holds the account.
    model = str(params.get("modelId") or "").rpartition("/")[2]
    server = server_of(client.meta.endpoint_url, "aws.bedrock")._replace(provider="aws.bedrock")
    stream = operation.endswith("Stream")
    if operation.startswith("Converse"):
        return Asked(CONVERSE, {**params, "model": model}, server, stream)
    body = _body(params.get("body"))
    dialect = _dialect(model, body)
    return None if dialect is None else Asked(dialect, {**body, "model": model}, server, stream)


def _body(body: Any) -> Fields:
    """What is asked, if it is there to be looked at: a file would be read in the SDK's place."""
    if isinstance(body, str):
        body = body.encode("utf-8", "replace")
    if isinstance(body, (bytes, bytearray)) and len(body) <= _MOST:
        return fields(decode(bytes(body)))
    return {}


def _dialect(model: str, body: Fields) -> Dialect | None:
    if "embed" in model:
        return INVOKE_EMBED
    if _IMAGES.search(model):
        return None
    return INVOKE_CHAT if not body or any(name in body for name in _SAID) else INVOKE_TEXT


SDK = BotocoreSdk(
    name="boto3",
    distribution="botocore",
    versions=">=1.37,<2",
    module="botocore.client",
    operations=frozenset(("Converse", "ConverseStream", "InvokeModel", "InvokeModelWithResponseStream")),
    ask=_ask,
    other=OtherSpans(
        module="opentelemetry.instrumentation.botocore.extensions",
        tables=("_BOTOCORE_EXTENSIONS", "_KNOWN_EXTENSIONS"),
        service="bedrock-runtime",
        package="opentelemetry.instrumentation.botocore",
        instrumentor="BotocoreInstrumentor",
    ),
)
