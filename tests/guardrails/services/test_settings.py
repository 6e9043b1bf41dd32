"""Settings of remote guardrails: every mistake at load, with what to do about it."""

from __future__ import annotations

from typing import Any

import pytest

from extproc.config.azure_content_safety_settings import AzureContentSafetySettings
from extproc.config.base import Document
from extproc.config.bedrock_guardrails_settings import BedrockGuardrailsSettings
from extproc.config.openai_moderations_settings import (
    MODERATION_CATEGORIES,
    OpenaiModerationsSettings,
)
from extproc.config.patronus_settings import PatronusSettings
from extproc.config.presidio_settings import PresidioSettings
from extproc.config.settings_mistakes import settings_mistakes
from extproc.config.webhook_settings import WebhookSettings

KEY = {"env": "KEY"}
EVALUATOR = {"evaluator": "judge", "criteria": "patronus:is-polite"}
GOOD: dict[type[Document], dict[str, Any]] = {
    WebhookSettings: {
        "url": "https://hook.example/v1", "target": "request", "headers": {"x-a": "b"},
        "secret_headers": {"x-key": KEY}, "config": {"any": [1, {"thing": True}]},
        "auth_data": {"type": "basic-auth", "username": "u", "password": KEY},
    },
    OpenaiModerationsSettings: {
        "api_key": KEY, "model": "omni-moderation-latest", "base_url": "https://x.example/v1",
        "category_thresholds": {"self-harm/intent": 0.2},
    },
    AzureContentSafetySettings: {
        "api_key": KEY, "resource_name": "acme-safety", "api_version": "2024-09-01",
        "categories": ["Hate"], "severity_threshold": 4, "blocklist_names": ["a"],
    },
    BedrockGuardrailsSettings: {
        "guardrail_id": "abc123", "guardrail_version": "DRAFT", "region": "us-gov-west-1",
        "credentials": {"access_key_id": KEY, "secret_access_key": KEY, "session_token": KEY},
        "endpoint": "https://vpce.example", "call_chars_max": 10_000,
    },
    PatronusSettings: {"api_key": KEY, "target": "response", "evaluators": [EVALUATOR]},
    PresidioSettings: {
        "url": "http://presidio:3000", "language": "de", "score_threshold": 0.4,
        "entities": ["PERSON"], "bearer_token": KEY,
    },
}  # fmt: skip


@pytest.mark.parametrize("model", GOOD)
def test_good_settings_are_good(model: type[Document]) -> None:
    """P7: all of their fields at once; every field is in the sample."""
    assert settings_mistakes(model, GOOD[model]) == []
    left_out = {"custom_host", "instance_metadata", "base_url"}
    assert set(model.model_fields) - set(GOOD[model]) <= left_out


@pytest.mark.parametrize("model", GOOD)
def test_unknown_settings_are_mistakes(model: type[Document]) -> None:
    """P7: nothing is silently ignored."""
    assert settings_mistakes(model, {**GOOD[model], "treshold": 1})


WRONG: list[tuple[type[Document], dict[str, Any], str]] = [
    (WebhookSettings, {"url": "hook.example"}, "must start with http:// or https://"),
    (WebhookSettings, {"url": "https://u:p@hook.example"}, "credentials"),
    (WebhookSettings, {"target": "both"}, "'target'"),
    (WebhookSettings, {"headers": {"authorization": "x"}}, "'authorization'"),
    (WebhookSettings, {"secret_headers": {"Content-Type": KEY}}, "'content-type'"),
    (WebhookSettings, {"headers": {"a b": "x"}}, "is no header name"),
    (WebhookSettings, {"headers": {"x-a": "b\nc: d"}}, "must be printable ASCII"),
    (WebhookSettings, {"headers": {"X-Key": "plain"}}, "'x-key', which `headers` has too"),
    (
        WebhookSettings,
        {"auth_data": {"type": "basic-auth", "username": "u"}},
        "'auth_data.password': is missing: 'basic-auth' needs it",
    ),
    (
        WebhookSettings,
        {"auth_data": {"type": "bearer-auth", "bearer_token": KEY, "username": "u"}},
        "'auth_data.username': is not for 'bearer-auth'",
    ),
    (
        WebhookSettings,
        {"auth_data": {"type": "basic-auth", "username": "a:b", "password": KEY}},
        "must not hold a colon",
    ),
    (OpenaiModerationsSettings, {"category_thresholds": {"violenc": 0.5}}, "did you mean"),
    (OpenaiModerationsSettings, {"category_thresholds": {"hate": 0.0}}, "greater than 0"),
    (OpenaiModerationsSettings, {"category_thresholds": {"hate": 1.5}}, "less than or equal to 1"),
    (AzureContentSafetySettings, {"custom_host": "https://x.example"}, "exactly one of"),
    (AzureContentSafetySettings, {"resource_name": None}, "exactly one of"),
    (AzureContentSafetySettings, {"severity_threshold": 0}, "greater than or equal to 1"),
    (AzureContentSafetySettings, {"severity_threshold": 8}, "less than or equal to 7"),
    (AzureContentSafetySettings, {"categories": []}, "is empty"),
    (AzureContentSafetySettings, {"categories": ["Hate", "Hate"]}, "names 'Hate' twice"),
    (AzureContentSafetySettings, {"api_version": "latest&x=1"}, "'api_version'"),
    (BedrockGuardrailsSettings, {"guardrail_id": "../other"}, "'guardrail_id'"),
    (BedrockGuardrailsSettings, {"guardrail_version": "0"}, "'guardrail_version'"),
    (BedrockGuardrailsSettings, {"region": "evil.example/"}, "'region'"),
    (BedrockGuardrailsSettings, {"instance_metadata": True}, "is not for a guardrail with"),
    (PatronusSettings, {"evaluators": []}, "'evaluators'"),
    (PatronusSettings, {"evaluators": [EVALUATOR, EVALUATOR]}, "twice"),
    (PatronusSettings, {"target": None}, "'target'"),
    (PresidioSettings, {"entities": []}, "'entities'"),
    (PresidioSettings, {"entities": ["person"]}, "'entities.0'"),
    (PresidioSettings, {"language": "english"}, "'language'"),
    (PresidioSettings, {"score_threshold": 1.5}, "'score_threshold'"),
]


@pytest.mark.parametrize(("model", "change", "text"), WRONG, ids=lambda value: str(value)[:40])
def test_a_mistake_is_named(model: type[Document], change: dict[str, Any], text: str) -> None:
    """P7: one sentence, of the field it is about."""
    assert text in settings_mistakes(model, {**GOOD[model], **change})[0]


@pytest.mark.parametrize("model", GOOD)
def test_every_secret_is_found(model: type[Document]) -> None:
    """P4: whoever looks whether secrets exist misses none."""
    read = model.model_validate(GOOD[model], strict=False)
    found = dict(read.secrets())  # type: ignore[attr-defined]
    assert len(found) == str(GOOD[model]).count("'env'")
    assert all(ref.env == "KEY" for ref in found.values())


def test_the_categories_are_openais() -> None:
    """The closed list is that of the official SDK's types."""
    from openai.types.moderation import Categories

    named = {field.alias or name for name, field in Categories.model_fields.items()}
    assert set(MODERATION_CATEGORIES) == named
