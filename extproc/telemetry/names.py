"""Every OpenTelemetry name this gateway speaks, in one place.

Frozen as text: the package that defines them keeps its GenAI part in an incubating module, which
may move between releases. A test compares them with the installed package. Source: OpenTelemetry
semantic conventions for generative AI; `envelope.*` is our own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# Attributes.
OPERATION_NAME = "gen_ai.operation.name"
PROVIDER_NAME = "gen_ai.provider.name"
CONVERSATION_ID = "gen_ai.conversation.id"
REQUEST_MODEL = "gen_ai.request.model"
REQUEST_STREAM = "gen_ai.request.stream"
REQUEST_MAX_TOKENS = "gen_ai.request.max_tokens"
REQUEST_CHOICE_COUNT = "gen_ai.request.choice.count"
REQUEST_TEMPERATURE = "gen_ai.request.temperature"
REQUEST_TOP_P = "gen_ai.request.top_p"
REQUEST_TOP_K = "gen_ai.request.top_k"
REQUEST_FREQUENCY_PENALTY = "gen_ai.request.frequency_penalty"
REQUEST_PRESENCE_PENALTY = "gen_ai.request.presence_penalty"
REQUEST_SEED = "gen_ai.request.seed"
RESPONSE_MODEL = "gen_ai.response.model"
RESPONSE_FINISH_REASONS = "gen_ai.response.finish_reasons"
RESPONSE_TIME_TO_FIRST_CHUNK = "gen_ai.response.time_to_first_chunk"
TOKEN_TYPE = "gen_ai.token.type"  # noqa: S105 - a name, not a secret
USAGE_INPUT_TOKENS = "gen_ai.usage.input_tokens"
USAGE_OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
USAGE_REASONING_TOKENS = "gen_ai.usage.reasoning.output_tokens"
USAGE_CACHE_READ_TOKENS = "gen_ai.usage.cache_read.input_tokens"
USAGE_CACHE_CREATION_TOKENS = "gen_ai.usage.cache_creation.input_tokens"
ERROR_TYPE = "error.type"
HTTP_STATUS = "http.response.status_code"
SERVER_ADDRESS = "server.address"
SERVER_PORT = "server.port"
SERVICE_NAME = "service.name"
SERVICE_VERSION = "service.version"
SERVICE_INSTANCE_ID = "service.instance.id"
DEPLOYMENT_ENVIRONMENT = "deployment.environment.name"

# What `llm/facts.py` calls a number -> its attribute, and whether it is a whole number there.
REQUEST_NUMBERS: Final[Mapping[str, tuple[str, bool]]] = {
    "temperature": (REQUEST_TEMPERATURE, False),
    "top_p": (REQUEST_TOP_P, False),
    "top_k": (REQUEST_TOP_K, False),
    "frequency_penalty": (REQUEST_FREQUENCY_PENALTY, False),
    "presence_penalty": (REQUEST_PRESENCE_PENALTY, False),
    "seed": (REQUEST_SEED, True),
}

# Our provider -> the conventions' well-known value of `gen_ai.provider.name`. Others keep our name.
PROVIDERS: Final[Mapping[str, str]] = {
    "openai": "openai",
    "anthropic": "anthropic",
    "cohere": "cohere",
    "azure-openai": "azure.ai.openai",
    "google-gemini": "gcp.gemini",
    "google-vertex": "gcp.vertex_ai",
    "aws-bedrock": "aws.bedrock",
    "groq": "groq",
    "mistral": "mistral_ai",
    "deepseek": "deepseek",
    "perplexity": "perplexity",
    "xai": "x_ai",
}

# Metrics.
TOKEN_USAGE = "gen_ai.client.token.usage"  # noqa: S105 - a name, not a secret
OPERATION_DURATION = "gen_ai.client.operation.duration"
REQUEST_DURATION = "gen_ai.server.request.duration"
TIME_TO_FIRST_TOKEN = "gen_ai.server.time_to_first_token"  # noqa: S105 - a name, not a secret
TIME_PER_OUTPUT_TOKEN = "gen_ai.server.time_per_output_token"  # noqa: S105 - a name, not a secret

# Our own attributes and events.
DECISION_ID = "envelope.decision_id"
OUTCOME = "envelope.outcome"
TARGET = "envelope.target"
KEY = "envelope.key"
ATTEMPTS = "envelope.attempts"
COST_NANO_USD = "envelope.cost_nano_usd"
TEAM = "envelope.team"
ENVIRONMENT = "envelope.environment"
RULE_IDS = "envelope.rule_ids"
GOVERNANCE_S = "envelope.governance_s"
TIME_PER_TOKEN_S = "envelope.time_per_output_token_s"  # noqa: S105 - a name, not a secret

PHASE = "envelope.phase"
PHASE_BUSY_S = "envelope.phase.busy_s"
ATTEMPT_NUMBER = "envelope.attempt.number"
ATTEMPT_SLOT = "envelope.attempt.slot"
ATTEMPT_ENDING = "envelope.attempt.ending"
ATTEMPT_REASON = "envelope.attempt.reason"
ATTEMPT_TIMES = "envelope.attempt.times"
ATTEMPT_RETRY_AFTER_S = "envelope.attempt.retry_after_s"

EVENT_REFUSAL = "envelope.refusal"
EVENT_GUARDRAIL = "envelope.guardrail"
EVENT_FINDING = "envelope.guardrail.finding"
EVENT_LIMIT = "envelope.limit"
EVENT_DEGRADED = "envelope.degraded"
EVENT_CLAMPED = "envelope.clamped"
EVENT_CODE = "envelope.code"
EVENT_RULE = "envelope.rule"
EVENT_GUARDRAIL_NAME = "envelope.guardrail.name"
EVENT_GUARDRAIL_HOOK = "envelope.guardrail.hook"
EVENT_GUARDRAIL_OUTCOME = "envelope.guardrail.outcome"
EVENT_GUARDRAIL_FAULT = "envelope.guardrail.fault"
EVENT_FINDING_LABEL = "envelope.guardrail.label"
EVENT_FINDING_COUNT = "envelope.guardrail.count"
EVENT_LIMIT_OVER = "envelope.limit.over"
EVENT_LIMIT_LEFT = "envelope.limit.left"
EVENT_ACTION = "envelope.action"
EVENT_AT_PERCENT = "envelope.at_percent"
EVENT_FROM = "envelope.from"
EVENT_TO = "envelope.to"


def provider(name: str) -> str:
    return PROVIDERS.get(name, name)
