"""`config` of a `regex` guardrail: presets by name, and patterns of your own.

Promises: a pattern that this gateway could not run on every text, whole or streamed, in linear time
is a mistake at load that says what to write instead. Refuses: nothing to look for, two patterns of
one name, replacements that could break the JSON around them.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from extproc.config.base import Document
from extproc.config.fields import complain, complaint
from extproc.config.mistake import did_you_mean
from extproc.guardrails.detectors.regex_syntax import parse
from extproc.guardrails.detectors.regex_tree import PatternMistake

REGEX_PRESETS = (
    "us_ssn", "us_ssn_no_dash", "email", "us_phone", "visa", "mastercard", "amex", "discover",
    "credit_card", "aws_access_key", "aws_secret_key", "github_token", "slack_token",
    "generic_api_key", "ipv4", "ipv6", "url", "passport_us", "passport_uk", "passport_germany",
    "passport_france", "passport_netherlands", "passport_canada", "passport_india",
    "passport_australia", "passport_china", "passport_japan", "gender_sexual_orientation",
    "race_ethnicity_national_origin", "religion", "age_discrimination", "disability",
    "marital_family_status", "military_status", "public_assistance", "weapons_firearms",
    "weapons_other", "explosives", "violence_threats", "terrorism", "self_harm_suicide",
    "illegal_activities", "harassment_hate",
)  # fmt: skip
PATTERNS_MAX = 100
PATTERN_MAX = 1024


def _preset(value: str) -> str:
    if value not in REGEX_PRESETS:
        near = did_you_mean(value, REGEX_PRESETS)
        raise complaint(f"must be one of: {', '.join(REGEX_PRESETS)}{near}")
    return value


def _label(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,47}", value):
        raise complaint("must be 1 to 48 letters, digits, '_' or '-' and begin with a letter")
    return value


def _harmless(value: str) -> str:
    if any(char in "\"'\\" or not char.isprintable() for char in value):
        raise complaint("must not hold quotes, backslashes or control characters")
    return value


class PresetPatterns(Document):
    """Patterns this gateway brings along, by name."""

    presets: tuple[Annotated[str, AfterValidator(_preset)], ...] = Field(min_length=1)


class CustomPattern(Document):
    """A pattern of your own. `name` is what findings are called."""

    pattern: str = Field(min_length=1, max_length=PATTERN_MAX)
    redaction_text: Annotated[str, AfterValidator(_harmless)] = Field(
        default="[REDACTED]", max_length=64
    )
    name: Annotated[str, AfterValidator(_label)] | None = None
    ignore_case: bool = False

    @model_validator(mode="after")
    def _can_be_run(self) -> Self:
        try:
            parse(self.pattern, self.ignore_case)
        except PatternMistake as mistake:
            raise complaint(str(mistake), "pattern") from mistake
        return self


class RegexSettings(Document):
    """`config` of a `regex` guardrail."""

    preset_patterns: PresetPatterns | None = None
    custom_patterns: tuple[CustomPattern, ...] = Field(default=(), max_length=PATTERNS_MAX)

    @property
    def presets(self) -> tuple[str, ...]:
        return self.preset_patterns.presets if self.preset_patterns else ()

    @property
    def labels(self) -> tuple[str, ...]:
        """What the findings of each custom pattern are called, in their order."""
        return tuple(
            one.name or f"CUSTOM_{number}" for number, one in enumerate(self.custom_patterns, 1)
        )

    @model_validator(mode="after")
    def _something_is_looked_for(self) -> Self:
        if not self.presets and not self.custom_patterns:
            raise complaint("needs 'preset_patterns' or 'custom_patterns'")
        counted = Counter((*self.labels, *{name.upper() for name in self.presets}))
        complain(
            (f"has more than one pattern of the name '{label}'", "custom_patterns")
            for label, count in counted.items()
            if count > 1
        )
        return self
