"""The presets of the `regex` guardrail that no other detector has: numbers, addresses, words.

Promises: what is only a number counts beside a word that says what it is (within LOOKBEHIND
characters before it), so order numbers and ids stay.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv6Address

from extproc.guardrails.detectors.checks import is_ssn
from extproc.guardrails.detectors.regex_words import WORDS, expression
from extproc.guardrails.values import LOOKBEHIND

REACH = 2
"""Characters to the right of a match that a judge may read."""

Accept = Callable[[bytes, int, int], bool]


@dataclass(frozen=True, slots=True)
class Preset:
    """An expression, and what its matches must be: `accept(data, start, end)`."""

    expression: str
    ignore_case: bool
    accept: Accept


def _always(_data: bytes, _start: int, _end: int) -> bool:
    return True


def _beside(words: bytes, check: Callable[[bytes], bool] = bool) -> Accept:
    """Accept what stands within LOOKBEHIND characters behind one of the words, on its own text."""
    near = re.compile(rb"(?i)(?<![A-Za-z])(?:" + words + rb")")

    def accept(data: bytes, start: int, end: int) -> bool:
        left = data[max(0, start - LOOKBEHIND) : start]
        return bool(near.search(left, left.rfind(b"\x00") + 1)) and check(data[start:end])

    return accept


_PASSPORT = rb"passports?|passeport|reisepass|pass-?(?:nr|nummer)|paspoort|pasaporte|passaporto"


def _ssn(found: bytes) -> bool:
    return is_ssn(found[:3], found[3:5], found[5:])


def _ipv4(data: bytes, start: int, end: int) -> bool:
    if data[end : end + 1] == b"." and data[end + 1 : end + 2].isdigit():
        return False
    parts = data[start:end].split(b".")
    return all(int(part) < 256 and (part == b"0" or part[:1] != b"0") for part in parts)


def _ipv6(data: bytes, start: int, end: int) -> bool:
    """RFC 4291, 2.2. `a::b` and `1::2` are code more often than addresses."""
    text = data[start:end].decode("ascii", "replace")
    try:
        IPv6Address(text)
    except AddressValueError:
        return False
    groups = [group for group in text.split(":") if group]
    whole_first = not text.startswith("::") and len(groups[0]) == 4
    return text == "::1" or len(groups) >= 3 or whole_first


def _passport(expression: str) -> Preset:
    return Preset(rf"(?<![\w-])(?:{expression})(?![\w-])", False, _beside(_PASSPORT))


PRESETS = {
    "us_ssn_no_dash": Preset(
        r"\b\d{9}\b", False, _beside(rb"ssn|ss ?#|social[ -]security|tax ?id", _ssn)
    ),
    "ipv4": Preset(r"(?<![\w.])\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?!\w)", False, _ipv4),
    "ipv6": Preset(
        r"(?<![\w:.])[0-9a-fA-F]{0,4}:[0-9a-fA-F]{0,4}:[0-9a-fA-F:]{0,29}(?![\w:])", False, _ipv6
    ),
    "url": Preset(r"(?<![\w/=?&%.-])https?://[^\s\"'<>`\\{}|^]{0,900}[\w/#=&-]", True, _always),
    # state.gov: nine digits, or a letter and eight (Next Generation Passport)
    "passport_us": _passport(r"[A-Z]?\d{8}|\d{9}"),
    "passport_uk": _passport(r"\d{9}"),  # gov.uk, HM Passport Office
    # personalausweisportal.de: a letter of CFGHJK, then no vowels, B, D, Q or S
    "passport_germany": _passport(r"[CFGHJK][CFGHJKLMNPRTVWXYZ0-9]{7}\d{1,2}"),
    "passport_france": _passport(r"\d{2}[A-Z]{2}\d{5}"),  # consilium.europa.eu/prado FRA-AO
    # rvig.nl: two letters, six letters or digits without O, a digit
    "passport_netherlands": _passport(r"[A-NP-Z]{2}[A-NP-Z0-9]{6}\d"),
    "passport_canada": _passport(r"[A-Z]{2}\d{6}|[A-Z]\d{6}[A-Z]{2}"),  # canada.ca, 2023 design too
    "passport_india": _passport(r"[A-PR-WY][1-9]\d\s?\d{4}[1-9]"),  # passportindia.gov.in
    "passport_australia": _passport(r"[A-Z]{1,2}\d{7}"),  # passports.gov.au
    "passport_china": _passport(r"[EGDSPH]\d{8}|E[A-HJ-NP-Z]\d{7}"),  # en.nia.gov.cn
    "passport_japan": _passport(r"[A-Z]{2}\d{7}"),  # mofa.go.jp
    **{name: Preset(expression(words), True, _always) for name, words in WORDS.items()},
}
