"""Every OpenTelemetry name this gateway speaks, in one place.

Frozen as text: the package that defines them keeps its GenAI part in an incubating module, which
may move between releases. A test compares them with the installed package. Source: OpenTelemetry
semantic conventions for generative AI; `envelope.*` is our own.
"""

from __future__ import annotations

# Attributes.
OPERATION_NAME = "gen_ai.operation.name"
PROVIDER_NAME = "gen_ai.provider.name"
REQUEST_MODEL = "gen_ai.request.model"
REQUEST_STREAM = "gen_ai.request.stream"
RESPONSE_MODEL = "gen_ai.response.model"
TOKEN_TYPE = "gen_ai.token.type"  # noqa: S105 - a name, not a secret
USAGE_INPUT_TOKENS = "gen_ai.usage.input_tokens"
USAGE_OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
USAGE_CACHE_READ_TOKENS = "gen_ai.usage.cache_read.input_tokens"
USAGE_CACHE_CREATION_TOKENS = "gen_ai.usage.cache_creation.input_tokens"
ERROR_TYPE = "error.type"
HTTP_STATUS = "http.response.status_code"

# Metrics.
TOKEN_USAGE = "gen_ai.client.token.usage"  # noqa: S105 - a name, not a secret
REQUEST_DURATION = "gen_ai.server.request.duration"
TIME_TO_FIRST_TOKEN = "gen_ai.server.time_to_first_token"  # noqa: S105 - a name, not a secret
TIME_PER_OUTPUT_TOKEN = "gen_ai.server.time_per_output_token"  # noqa: S105 - a name, not a secret

# Our own attributes and events.
DECISION_ID = "envelope.decision_id"
OUTCOME = "envelope.outcome"
TARGET = "envelope.target"
ATTEMPTS = "envelope.attempts"
COST_NANO_USD = "envelope.cost_nano_usd"
TEAM = "envelope.team"
ENVIRONMENT = "envelope.environment"
RULE_IDS = "envelope.rule_ids"

EVENT_REFUSAL = "envelope.refusal"
EVENT_GUARDRAIL = "envelope.guardrail"
EVENT_LIMIT = "envelope.limit"
EVENT_CODE = "envelope.code"
EVENT_RULE = "envelope.rule"
EVENT_GUARDRAIL_NAME = "envelope.guardrail.name"
EVENT_GUARDRAIL_HOOK = "envelope.guardrail.hook"
EVENT_GUARDRAIL_OUTCOME = "envelope.guardrail.outcome"
EVENT_LIMIT_OVER = "envelope.limit.over"
EVENT_LIMIT_LEFT = "envelope.limit.left"
