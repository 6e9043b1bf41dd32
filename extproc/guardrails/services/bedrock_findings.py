"""What Bedrock's assessments say was found, as labels of a closed set.

Source: Bedrock Runtime API reference, "GuardrailAssessment". Names of topics, words and regular
expressions are the customer's own and `match` is content: neither becomes a label (P4).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_FILTERS = frozenset(("INSULTS", "HATE", "SEXUAL", "VIOLENCE", "MISCONDUCT", "PROMPT_ATTACK"))
_GROUNDING = frozenset(("GROUNDING", "RELEVANCE"))
_PII_NAMES = """
    ADDRESS AGE AWS_ACCESS_KEY AWS_SECRET_KEY CA_HEALTH_NUMBER CA_SOCIAL_INSURANCE_NUMBER
    CREDIT_DEBIT_CARD_CVV CREDIT_DEBIT_CARD_EXPIRY CREDIT_DEBIT_CARD_NUMBER DRIVER_ID EMAIL
    INTERNATIONAL_BANK_ACCOUNT_NUMBER IP_ADDRESS LICENSE_PLATE MAC_ADDRESS NAME PASSWORD PHONE PIN
    SWIFT_CODE UK_NATIONAL_HEALTH_SERVICE_NUMBER UK_NATIONAL_INSURANCE_NUMBER
    UK_UNIQUE_TAXPAYER_REFERENCE_NUMBER URL USERNAME US_BANK_ACCOUNT_NUMBER
    US_BANK_ROUTING_NUMBER US_INDIVIDUAL_TAX_IDENTIFICATION_NUMBER US_PASSPORT_NUMBER
    US_SOCIAL_SECURITY_NUMBER VEHICLE_IDENTIFICATION_NUMBER
"""
_PII = frozenset(_PII_NAMES.split())
# (policy, list in it, label of everything in that list or the types that are labels themselves).
_LISTS: tuple[tuple[str, str, str | frozenset[str]], ...] = (
    ("contentPolicy", "filters", _FILTERS),
    ("topicPolicy", "topics", "TOPIC"),
    ("wordPolicy", "customWords", "WORD"),
    ("wordPolicy", "managedWordLists", "PROFANITY"),
    ("sensitiveInformationPolicy", "piiEntities", _PII),
    ("sensitiveInformationPolicy", "regexes", "REGEX"),
    ("contextualGroundingPolicy", "filters", _GROUNDING),
)
# Automated reasoning reports what it finds and never blocks by itself.
_KNOWN = frozenset(policy for policy, _, _ in _LISTS) | {
    "invocationMetrics", "appliedGuardrailDetails", "automatedReasoningPolicy"
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Found:
    """`blocks`: the text may not pass, masked or not."""

    label: str
    blocks: bool
    score: float | None = None


def found_in(assessments: Any) -> list[Found]:
    """Everything that made the guardrail act; empty where nothing can be read out of it."""
    given = assessments if type(assessments) is list else ()
    found = [one for assessment in given for one in _of(assessment)]
    return list({(one.label, one.blocks): one for one in found}.values())


def _of(assessment: Any) -> Iterator[Found]:
    if type(assessment) is not dict:
        yield Found("OTHER", True)
        return
    for policy, name, labels in _LISTS:
        held = assessment.get(policy)
        for one in (held.get(name) or ()) if type(held) is dict else ():
            action = one.get("action") if type(one) is dict else ""
            if action != "NONE":
                yield Found(_label(one, labels), action != "ANONYMIZED", _score(one))
    if any(held for policy, held in assessment.items() if policy not in _KNOWN):
        yield Found("OTHER", True)


def _label(one: Any, labels: str | frozenset[str]) -> str:
    if isinstance(labels, str):
        return labels
    kind = one.get("type") if type(one) is dict else None
    return kind if isinstance(kind, str) and kind in labels else "OTHER"


def _score(one: Any) -> float | None:
    score: Any = one.get("score") if type(one) is dict else None
    return float(score) if type(score) in (int, float) and 0 <= score <= 1 else None
