"""Who answers behind a host name. Data only: the first row that fits names the provider.

Names are the conventions' own where they have one.
"""

from __future__ import annotations

from functools import lru_cache

from otel_llm.config import provider_among

# Host patterns, `*` standing for one or more labels; a row with a port fits that port alone.
HOSTS: tuple[tuple[str, str], ...] = (
    ("api.openai.com", "openai"),
    ("*.api.openai.com", "openai"),
    ("*.openai.azure.com", "azure.ai.openai"),
    ("*.cognitiveservices.azure.com", "azure.ai.openai"),
    ("*.services.ai.azure.com", "azure.ai.inference"),
    ("*.inference.ai.azure.com", "azure.ai.inference"),
    ("bedrock-mantle.*.api.aws", "aws.bedrock"),
    ("bedrock-runtime.*.amazonaws.com", "aws.bedrock"),
    ("*-aiplatform.googleapis.com", "gcp.vertex_ai"),
    ("aiplatform.googleapis.com", "gcp.vertex_ai"),
    ("generativelanguage.googleapis.com", "gcp.gemini"),
    ("api.anthropic.com", "anthropic"),
    ("api.cohere.ai", "cohere"),
    ("api.cohere.com", "cohere"),
    ("api.deepseek.com", "deepseek"),
    ("api.groq.com", "groq"),
    ("api.mistral.ai", "mistral_ai"),
    ("api.moonshot.ai", "moonshot_ai"),
    ("api.moonshot.cn", "moonshot_ai"),
    ("api.perplexity.ai", "perplexity"),
    ("api.x.ai", "x_ai"),
    ("*.api.x.ai", "x_ai"),
    ("*.ml.cloud.ibm.com", "ibm.watsonx.ai"),
    # Not in the conventions' list; spelled in its style.
    ("*.baseten.co", "baseten"),
    ("*.cloud.databricks.com", "databricks"),
    ("*.azuredatabricks.net", "databricks"),
    ("*.snowflakecomputing.com", "snowflake"),
    ("ai-gateway.vercel.sh", "vercel"),
    ("api.ai21.com", "ai21"),
    ("api.cerebras.ai", "cerebras"),
    ("api.cloudflare.com", "cloudflare"),
    ("api.crusoe.ai", "crusoe"),
    ("api.deepinfra.com", "deepinfra"),
    ("api.fireworks.ai", "fireworks_ai"),
    ("api.hyperbolic.xyz", "hyperbolic"),
    ("api.minimax.io", "minimax"),
    ("api.minimaxi.com", "minimax"),
    ("api.novita.ai", "novita"),
    ("api.sambanova.ai", "sambanova"),
    ("api.together.xyz", "together_ai"),
    ("api.together.ai", "together_ai"),
    ("api-inference.together.ai", "together_ai"),
    ("api.voyageai.com", "voyage_ai"),
    ("api.writer.com", "writer"),
    ("api.z.ai", "z_ai"),
    ("open.bigmodel.cn", "z_ai"),
    ("dashscope.aliyuncs.com", "alibaba_cloud"),
    ("*.dashscope.aliyuncs.com", "alibaba_cloud"),
    ("dashscope-intl.aliyuncs.com", "alibaba_cloud"),
    ("integrate.api.nvidia.com", "nvidia"),
    ("models.github.ai", "github"),
    ("openrouter.ai", "openrouter"),
    ("*.openrouter.ai", "openrouter"),
    ("router.huggingface.co", "hugging_face"),
    ("*.endpoints.huggingface.cloud", "hugging_face"),
    # Local servers that can be told by the port they own.
    ("localhost:11434", "ollama"),
    ("127.0.0.1:11434", "ollama"),
    ("localhost:1234", "lm_studio"),
    ("127.0.0.1:1234", "lm_studio"),
)


@lru_cache(maxsize=256)
def provider_of(host: str, port: int, own: tuple[tuple[str, str], ...] = ()) -> str | None:
    """The provider behind a host and port, by the caller's own rows, then by the table; None if unknown."""
    return provider_among((*own, *HOSTS), host, port)
