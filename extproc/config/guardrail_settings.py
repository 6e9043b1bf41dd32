"""What stands under a guardrail's `config`, by the guardrail's type.

Promises: an unknown or ill-typed setting is a mistake, as everywhere. A new guardrail type adds its
model to `GUARDRAIL_SETTINGS`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from extproc.config.azure_content_safety_settings import AzureContentSafetySettings
from extproc.config.base import Document
from extproc.config.bedrock_guardrails_settings import BedrockGuardrailsSettings
from extproc.config.cedar_settings import CedarSettings
from extproc.config.code_safety_settings import CodeSafetySettings
from extproc.config.content_moderation_settings import ContentModerationSettings
from extproc.config.guardrail_model import Guardrail
from extproc.config.json_schema_settings import JsonSchemaSettings
from extproc.config.judge_settings import JudgeSettings
from extproc.config.language_settings import LanguageSettings
from extproc.config.length_settings import LengthSettings
from extproc.config.metadata_guard_settings import MetadataGuardSettings
from extproc.config.opa_guard_settings import OpaGuardSettings
from extproc.config.openai_moderations_settings import OpenaiModerationsSettings
from extproc.config.patronus_settings import PatronusSettings
from extproc.config.pii_settings import PiiSettings
from extproc.config.presidio_settings import PresidioSettings
from extproc.config.prompt_injection_settings import PromptInjectionSettings
from extproc.config.prompt_leak_settings import PromptLeakSettings
from extproc.config.regex_settings import RegexSettings
from extproc.config.secrets_settings import SecretsSettings
from extproc.config.sql_sanitizer_settings import SqlSanitizerSettings
from extproc.config.topics_settings import TopicsSettings
from extproc.config.webhook_settings import WebhookSettings

GUARDRAIL_SETTINGS: Mapping[str, type[Document]] = {
    "azure-content-safety": AzureContentSafetySettings,
    "bedrock-guardrails": BedrockGuardrailsSettings,
    "code-safety": CodeSafetySettings,
    "content-moderation": ContentModerationSettings,
    "judge": JudgeSettings,
    "openai-moderations": OpenaiModerationsSettings,
    "patronus": PatronusSettings,
    "pii": PiiSettings,
    "presidio": PresidioSettings,
    "prompt-injection": PromptInjectionSettings,
    "regex": RegexSettings,
    "secrets": SecretsSettings,
    "sql-sanitizer": SqlSanitizerSettings,
    "topics": TopicsSettings,
    "cedar": CedarSettings,
    "json-schema": JsonSchemaSettings,
    "language": LanguageSettings,
    "length": LengthSettings,
    "metadata": MetadataGuardSettings,
    "opa": OpaGuardSettings,
    "prompt-leak": PromptLeakSettings,
    "webhook": WebhookSettings,
}


def read_settings(guardrail: Guardrail) -> Document:
    """A guardrail's `config` as its type's model. Raises pydantic's ValidationError."""
    model = GUARDRAIL_SETTINGS[guardrail.type]
    text = json.dumps(dict(guardrail.config))
    return model.model_validate_json(text, strict=True, by_alias=True, by_name=False)
