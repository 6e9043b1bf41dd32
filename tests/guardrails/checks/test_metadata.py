"""The metadata guardrail: required, allowed and unknown keys; patterns in linear time."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.config.metadata_guard_settings import MetadataGuardSettings
from extproc.guardrails.checks.metadata import check
from extproc.guardrails.checks.whole_value import compile_whole
from tests.guardrails.checks.builders import exam, told

TEAM = {"team": {"required": True}}
STAGE = {"stage": {"value": {"constraint": "allowed_values", "allowed_values": ["dev", "prod"]}}}
TICKET = {"ticket": {"required": True, "value": {"constraint": "regex", "regex": "[A-Z]+-[0-9]+"}}}


def judged(metadata: dict[str, str], keys: dict[str, Any], **fields: Any) -> list[tuple[str, str]]:
    settings = MetadataGuardSettings.model_validate({"keys": keys, **fields}, strict=False)
    return told(check(settings).examine(exam(hook="llm_input", metadata=metadata)))


@pytest.mark.parametrize(("keys", "metadata", "label"), [
    (TEAM, {"team": "a"}, None), (TEAM, {"team": ""}, None), (TEAM, {}, "METADATA_MISSING"),
    (STAGE, {}, None), (STAGE, {"stage": "dev"}, None), (STAGE, {"stage": "Dev"}, "METADATA_VALUE"),
    (STAGE, {"stage": ""}, "METADATA_VALUE"), (TICKET, {"ticket": "AB-12"}, None),
    (TICKET, {"ticket": "AB-12x"}, "METADATA_VALUE"),
    (TICKET, {"ticket": "AB-12\n"}, "METADATA_VALUE"),
    (TICKET, {"ticket": "xAB-12"}, "METADATA_VALUE"), (TICKET, {}, "METADATA_MISSING"),
    (TICKET, {"ticket": "AB-\ud800"}, "METADATA_VALUE"),
])  # fmt: skip
def test_keys(keys: dict[str, Any], metadata: dict[str, str], label: str | None) -> None:
    """P3: optional means it may be absent; what is there must fit, the whole of it."""
    path = f"metadata.{next(iter(keys))}"
    assert judged(metadata, keys) == ([] if label is None else [(label, path)])


def test_unknown_keys_are_refused_unless_allowed() -> None:
    """P4: an unknown key is an objection by default; what the caller called it is not repeated."""
    metadata = {"team": "a", "my-secret-name": "x"}
    assert judged(metadata, TEAM) == [("METADATA_UNKNOWN", "metadata")]
    assert judged(metadata, TEAM, allow_unknown_keys=True) == []


def test_everything_wrong_is_told_at_once() -> None:
    """P7: one remark for each key, not the first alone."""
    found = judged({"stage": "x", "y": "z"}, {**TEAM, **STAGE, **TICKET})
    assert [label for label, _ in found] == [
        "METADATA_MISSING", "METADATA_MISSING", "METADATA_VALUE", "METADATA_UNKNOWN",
    ]  # fmt: skip


@pytest.mark.parametrize("pattern", [
    "(a)\\1", "(?=a)b", "(?<!a)b", "(", "a)|(b", "\\Qa", "(?x)a #", "a{1000}{1000}",
])  # fmt: skip
def test_patterns_that_cannot_be_run_are_mistakes(pattern: str) -> None:
    """P7: back-references, look-around, what is no pattern and what explodes."""
    value = {"constraint": "regex", "regex": pattern}
    with pytest.raises(ValueError, match="pattern that runs in linear time"):
        MetadataGuardSettings.model_validate({"keys": {"a": {"value": value}}}, strict=False)


@pytest.mark.parametrize("keys", [
    {}, {"a": {}}, {"a": {"value": {"constraint": "regex"}}}, {"": {"required": True}},
    {"a": {"value": {"constraint": "allowed_values", "allowed_values": []}}},
    {"a": {"value": {"constraint": "regex", "regex": "a", "allowed_values": ["a"]}}},
    {"a": {"value": {"constraint": "other"}}}, {"a": {"require": True}},
])  # fmt: skip
def test_settings_that_say_nothing_are_mistakes(keys: dict[str, Any]) -> None:
    """P7: nothing asked for, nothing allowed, two constraints, unknown keys."""
    with pytest.raises(ValueError):
        MetadataGuardSettings.model_validate({"keys": keys}, strict=False)


@pytest.mark.parametrize(("pattern", "yes", "no"), [
    ("prod|dev", "dev", "devil"), ("^a.*$", "abc", "bac"), ("a*", "", "b"),
    ("\\w+", "Zürich", "a b"), (".", "日", "日本"), ("(?i)abc", "ABC", "ABCD"),
])  # fmt: skip
def test_the_whole_value_has_to_match(pattern: str, yes: str, no: str) -> None:
    """P3: a pattern says all that a value may be, anchored or not."""
    fits = compile_whole(pattern)
    assert fits(yes) and not fits(no)


@given(value=st.text(max_size=130))
def test_any_value_can_be_judged(value: str) -> None:
    """P8: no value breaks a pattern that others would take forever on."""
    plain = not any("\ud800" <= char <= "\udfff" for char in value)
    assert compile_whole("(?s).*")(value) == plain
    assert not compile_whole("(a+)+!")(value.replace("!", ""))
