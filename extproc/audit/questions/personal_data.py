"""Which labels of findings are personal data: those of the PII detector and of PII services.

A guardrail that an operator writes (regular expressions, a webhook) may use any label: `PII` and
labels that begin with `PII_` count too.
"""

from __future__ import annotations

from extproc.guardrails.detectors.pii_kinds import kinds
from extproc.guardrails.services.presidio import PRESIDIO_ENTITIES

_BEDROCK = """
    ADDRESS AGE CA_HEALTH_NUMBER CA_SOCIAL_INSURANCE_NUMBER CREDIT_DEBIT_CARD_CVV
    CREDIT_DEBIT_CARD_EXPIRY CREDIT_DEBIT_CARD_NUMBER DRIVER_ID EMAIL
    INTERNATIONAL_BANK_ACCOUNT_NUMBER LICENSE_PLATE NAME PHONE PIN SWIFT_CODE
    UK_NATIONAL_HEALTH_SERVICE_NUMBER UK_NATIONAL_INSURANCE_NUMBER
    UK_UNIQUE_TAXPAYER_REFERENCE_NUMBER USERNAME US_BANK_ACCOUNT_NUMBER US_BANK_ROUTING_NUMBER
    US_INDIVIDUAL_TAX_IDENTIFICATION_NUMBER US_PASSPORT_NUMBER US_SOCIAL_SECURITY_NUMBER
    VEHICLE_IDENTIFICATION_NUMBER
"""
_VAGUE = frozenset(("URL", "DATE_TIME", "CRYPTO"))
"""Presidio reports them, and they name nobody by themselves."""
LABELS = tuple(sorted(
    {*(kind.label for kind in kinds()), *PRESIDIO_ENTITIES - _VAGUE, *_BEDROCK.split(), "PII",
     "PHI"}
))  # fmt: skip
