"""Personal data: e-mail addresses, phone numbers, payment cards, IBANs, US social security numbers.

Promises: numbers count only in the shapes people write them in and only when their own arithmetic
holds (Luhn, mod 97, issued areas), so order numbers, timestamps, UUIDs and hashes stay untouched.
Nothing longer than HOLDBACK_MAX characters is ever held back from a stream.
Refuses: categories it does not know, and an empty list of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from extproc.guardrails.detectors.checks import (
    IBAN_LENGTHS,
    has_calling_code,
    is_card,
    is_iban,
    is_ssn,
)
from extproc.guardrails.detectors.pattern import PatternDetector, Rule, Trigger

CATEGORIES = ("EMAIL", "IBAN", "CARD", "US_SSN", "PHONE")
HOLDBACK_MAX = 64 + 1 + 254
"""An e-mail address (RFC 5321, 4.5.3.1: 64 + 1 + 253 octets) is the longest thing looked for."""

_NUMBER_MAX = 48
_ESCAPE = rb"(?<=\\[nrt])"  # source code and JSON in prose: `\n4111...` begins a number
_LEFT = rb"(?:(?<![A-Za-z0-9_])(?<!\d[-.])|" + _ESCAPE + rb")"
_LEFT_SPACED = rb"(?:(?<![A-Za-z0-9_])(?<!\d[-. ])|" + _ESCAPE + rb")"
_RIGHT = rb"(?![A-Za-z0-9_])(?![-.]\d)"
_RIGHT_SPACED = _RIGHT + rb"(?! \d)"
_BEGIN = rb"(?:\b|\\[nrt])"

_SEPARATORS = b" -.()/+"
_NUMBER_RUN = re.compile(rb"[0-9 ().+/-]*+\Z")

# --- e-mail ----------------------------------------------------------------------------------

_LOCAL_REVERSED = re.compile(rb"[A-Za-z0-9._%+'-]{0,63}[A-Za-z0-9_]")
_DOMAIN = re.compile(rb"(?!\dx\.)(?:[A-Za-z0-9-]{1,63}+\.){1,8}[A-Za-z]{2,24}")
_DOMAIN_RUN = re.compile(rb"[A-Za-z0-9.-]*+\Z")
_DOMAIN_MAX = 253


def _local_start(data: bytes, sign: int) -> int | None:
    local = _LOCAL_REVERSED.match(data[max(0, sign - 64) : sign][::-1])
    return None if local is None else sign - local.end()


def _email(data: bytes, end: int) -> tuple[int, int] | None:
    sign = data.rfind(b"@", 0, end)
    start = _local_start(data, sign)
    domain = _DOMAIN.match(data, sign + 1, sign + 1 + _DOMAIN_MAX)
    if start is None or domain is None:
        return None
    if data[start:sign] == b"git" and data[domain.end() : domain.end() + 1] == b":":
        return None  # `git@host:path` names a repository, not a person
    return start, domain.end()


def _email_unsettled(data: bytes, end: int) -> int | None:
    sign = data.rfind(b"@", 0, end)
    if len(data) - sign > _DOMAIN_MAX + 1 or not _DOMAIN_RUN.match(data, sign + 1):
        return None
    return _local_start(data, sign)


# --- numbers ---------------------------------------------------------------------------------

_CARDS = (
    re.compile(_LEFT + rb"(?:\d{13,19}|\d{4}([ .-])\d{6}\1\d{4,5})" + _RIGHT),
    re.compile(_LEFT + rb"\d{4}([ .-])\d{4}\1\d{4}\1\d{4}\1\d{1,3}" + _RIGHT),
    re.compile(_LEFT + rb"\d{4}([ .-])\d{4}\1\d{4}\1\d{1,4}" + _RIGHT),
)
_SSN = re.compile(
    rb"(?:" + _LEFT + rb"(\d{3})-(\d\d)-(\d{4})" + _RIGHT
    + rb"|" + _LEFT_SPACED + rb"(\d{3}) (\d\d) (\d{4})" + _RIGHT_SPACED + rb")"
)  # fmt: skip
_US_PHONE = re.compile(
    rb"(?:" + _LEFT + rb"(?:1[ .-]?)?\(\d{3}\)[ .-]?\d{3}[ .-]\d{4}(?![0-9_])(?![-.]\d)"
    + rb"|" + _LEFT + rb"(?:1-)?\d{3}-\d{3}-\d{4}(?![0-9_])(?![-.]\d)"
    + rb"|" + _LEFT + rb"(?:1\.)?[2-9]\d\d\.\d{3}[.-]\d{4}(?![0-9_])(?![-.]\d)"
    + rb"|" + _LEFT_SPACED + rb"(?:1 )?[2-9]\d\d[ -]\d{3}[ -]\d{4}(?![0-9_])(?![-.]\d)(?! \d))"
)  # fmt: skip
_PLUS = rb"(?:(?<![A-Za-z0-9_+])|" + _ESCAPE + rb")\+"
_NOT_A_DATE = rb"(?!(?:19|20)\d\d-[01]\d-[0-3]\d)"  # a dated line of a diff: `+2026-11-20`
_WORLD_PHONE = re.compile(
    _PLUS + _NOT_A_DATE + rb"(?:1(?:[ ()./-]{0,2}\d){10}|[2-9](?:[ ()./-]{0,2}\d){7,14})(?!\d)"
)


def _card(data: bytes, at: int) -> tuple[int, int] | None:
    for shape in _CARDS:
        found = shape.match(data, at)
        if found and is_card(found[0].translate(None, _SEPARATORS)):
            return found.span()
    return None


def _ssn(data: bytes, at: int) -> tuple[int, int] | None:
    found = _SSN.match(data, at)
    if found and is_ssn(*(part for part in found.groups() if part is not None)):
        return found.span()
    return None


def _us_phone(data: bytes, at: int) -> tuple[int, int] | None:
    for start in (at - 2, at - 1, at):
        found = _US_PHONE.match(data, start) if start >= 0 else None
        if found:
            return found.span()
    return None


def _world_phone(data: bytes, at: int) -> tuple[int, int] | None:
    found = _WORLD_PHONE.match(data, at)
    if found is None:
        return None
    digits = found[0].translate(None, _SEPARATORS)
    bare = len(digits) == len(found[0]) - 1
    if not has_calling_code(digits) or (bare and len(digits) < 10):
        return None
    return found.span()


def _number_unsettled(data: bytes, at: int) -> int | None:
    if len(data) - at > _NUMBER_MAX or not _NUMBER_RUN.match(data, at):
        return None
    return max(0, at - 2)  # a leading `1-` belongs to a US number


# --- IBAN ------------------------------------------------------------------------------------

_IBAN_SHAPE = rb"(?<![A-Za-z0-9_])[A-Za-z]{2}\d\d(?:[ -]?[A-Za-z0-9])"
_IBANS = {
    country: re.compile(_IBAN_SHAPE + b"{%d}(?![A-Za-z0-9_])" % (length - 4))
    for country, length in IBAN_LENGTHS.items()
}
_IBAN_RUNS = {
    country: re.compile(_IBAN_SHAPE + rb"{0,%d}[ -]?\Z" % (length - 4))
    for country, length in IBAN_LENGTHS.items()
}
_IBAN_TAIL = re.compile(rb"(?<![A-Za-z0-9_])[A-Za-z]{2}\d\d[ -][A-Za-z0-9]{0,4}[ -]?[A-Za-z0-9]*\Z")


def _iban(data: bytes, at: int) -> tuple[int, int] | None:
    shape = _IBANS.get(data[at : at + 2].upper())
    found = shape.match(data, at) if shape else None
    if found and is_iban(found[0].translate(None, _SEPARATORS)):
        return found.span()
    return None


def _iban_unsettled(data: bytes, at: int) -> int | None:
    run = _IBAN_RUNS.get(data[at : at + 2].upper())
    return at if run and run.match(data, at) else None


# --- the detector ----------------------------------------------------------------------------

_RULES = (
    Rule(
        "EMAIL",
        (Trigger(rb"[A-Za-z0-9._%+'\-]@[A-Za-z0-9\-]{1,63}\.[A-Za-z0-9]", 0),),
        _email,
        _email_unsettled,
    ),
    Rule(
        "IBAN",
        (
            Trigger(rb"\b[A-Za-z]{2}\d{2}[A-Za-z0-9]{11}", 15),
            Trigger(rb"\b[A-Za-z]{2}\d{2}[ \-][A-Za-z0-9]{4}[ \-][A-Za-z0-9]{4}", 14),
        ),
        _iban,
        _iban_unsettled,
    ),
    Rule(
        "CARD",
        (
            Trigger(_BEGIN + rb"\d{13}", 13),
            Trigger(_BEGIN + rb"\d{4}[ .\-]\d{4}[ .\-]\d{4}", 14),
            Trigger(_BEGIN + rb"\d{4}[ .\-]\d{6}[ .\-]\d{4}", 16),
        ),
        _card,
        _number_unsettled,
    ),
    Rule(
        "US_SSN",
        (Trigger(_BEGIN + rb"\d{3}[ \-]\d{2}[ \-]\d{4}", 11),),
        _ssn,
        _number_unsettled,
    ),
    Rule(
        "PHONE",
        (
            Trigger(_BEGIN + rb"\d{3}[ .\-]\d{3}[ .\-]\d{4}", 12),
            Trigger(rb"\(\d{3}\)\d{3}[ .\-]\d{4}", 13),
            Trigger(rb"\(\d{3}\)[ .\-]\d{3}[ .\-]\d{4}", 14),
        ),
        _us_phone,
        _number_unsettled,
    ),
    Rule("PHONE", (Trigger(rb"\+[1-9][0-9 ()./\-]{6}", 8),), _world_phone, _number_unsettled),
)

_WORD_REVERSED = re.compile(rb"[A-Za-z0-9._%+'@-]*")
_NUMBER_REVERSED = re.compile(  # back to where a number may begin: not inside a word
    rb"[0-9 ().+/-]*[0-9(+](?:(?![A-Za-z0-9_])|(?=[nrt]\\))"
)


def _tail(data: bytes) -> int:
    """Start of the last word or number: the part of it that may begin an unseen trigger."""
    length = len(data)
    last = data[: -132 - 1 : -1]
    word = length - _WORD_REVERSED.match(last).end()  # type: ignore[union-attr]
    sign = data.find(b"@", max(word, length - 66))
    held = max(word, sign - 64 if sign >= 0 else length - 65)
    number = _NUMBER_REVERSED.match(last, 0, 20)
    if number is not None:
        held = min(held, length - number.end())
    iban = _IBAN_TAIL.search(data, max(0, length - 15))
    return min(held, iban.start()) if iban else held


def mistakes(config: Mapping[str, Any]) -> list[str]:
    """What is wrong with this type's `config:`; empty when nothing is."""
    found = [f"unknown key '{key}' (known: categories)" for key in config if key != "categories"]
    categories = config.get("categories", CATEGORIES)
    if not isinstance(categories, list | tuple) or not categories:
        return [*found, "'categories' must be a list with at least one category"]
    unknown = [str(name) for name in categories if name not in CATEGORIES]
    return found + [f"unknown category '{n}' (known: {', '.join(CATEGORIES)})" for n in unknown]


def build(config: Mapping[str, Any]) -> PatternDetector:
    """The detector of a `config` without mistakes."""
    wanted = config.get("categories", CATEGORIES)
    rules = [rule for rule in _RULES if rule.label in wanted]
    return PatternDetector(rules, _tail, {label: f"[{label}]" for label in CATEGORIES})
