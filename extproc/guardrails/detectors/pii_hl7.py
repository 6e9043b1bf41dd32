"""Health Level 7, version 2: what a field is, its place says (HL7 2.9, 3.4.2, the PID segment).

Found: the patient's number (PID-3), the date of birth (PID-7, which stands before the sex of
PID-8), addresses (PID-11 and any other field of type XAD). Phone numbers and social security
numbers are told by their shapes. Only the recommended delimiters are read. Every rule looks at its
own field and at most LOOKBEHIND characters before it, so that a stream finds what a whole message
would (P5).
"""

from __future__ import annotations

import re

from extproc.guardrails.detectors.pattern import Rule, Trigger
from extproc.guardrails.detectors.pii_shape import ESCAPE, Kind, ending

_PID_3 = re.compile(rb"(?:(?<![A-Za-z0-9_])|" + ESCAPE + rb")PID\|\d{0,4}\|[^|\r\n\x00]{0,24}\|\Z")
_NUMBER = re.compile(rb"(?=[A-Z-]{0,8}\d)[A-Za-z0-9-]{3,24}(?![A-Za-z0-9-])")
_NUMBER_RUN = re.compile(rb"[A-Za-z0-9-]{0,25}\Z")
_NUMBER_TRIGGER = Trigger(rb"PID\|\d{0,4}\|[^|\r\n\x00]{0,24}\|[A-Za-z0-9]", 1)


def _number(data: bytes, at: int) -> tuple[int, int] | None:
    found = _NUMBER.match(data, at)
    return found.span() if found and _PID_3.search(data, max(0, at - 40), at) else None


def _number_unsettled(data: bytes, at: int) -> int | None:
    return at if _NUMBER_RUN.match(data, at) else None


_NAMED_BEFORE = re.compile(rb"\^[^|\r\n\x00]{0,30}\|[^|\r\n\x00]{0,24}\|\Z")  # PID-5, PID-6
_BIRTH = re.compile(
    rb"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?=(?:\d{4}|\d{6})?\|[AFMNOU]\|)"
)
_BIRTH_MAX = 8 + 6 + 3
_BIRTH_TRIGGER = Trigger(rb"\|(?:19|20)\d\d[01]\d[0-3]\d", 8)


def _birth(data: bytes, at: int) -> tuple[int, int] | None:
    found = _BIRTH.match(data, at)
    return found.span() if found and _NAMED_BEFORE.search(data, max(0, at - 60), at) else None


def _birth_unsettled(data: bytes, at: int) -> int | None:
    return at if len(data) - at < _BIRTH_MAX else None


_STREET = rb"(?<=[|~])\d{1,5}[A-Z]? [A-Za-z0-9 .,'#/-]{2,32}"
_OTHER = rb"\^[^|^~\r\n\x00]{0,10}"
_TOWN = rb"\^[A-Za-z .'-]{2,20}"
_STATE = rb"\^[A-Za-z .]{0,14}"
_ADDRESS = ending(
    "ADDRESS",
    _STATE + rb"\^[A-Z]{0,2}\d",
    _STREET + _OTHER + _TOWN + _STATE + rb"\^[A-Z]{0,2}\d",
    92,
    rest=rb"[A-Z0-9 -]{2,9}(?![A-Za-z0-9])",
    rest_max=11,
    tail=rb"(?<=[|~])\d{1,5}[A-Z]? [A-Za-z0-9 .,'#/-]{0,32}(?:" + _OTHER + rb"(?:" + _TOWN
    + rb"(?:" + _STATE + rb")?)?)?(?:\^[A-Z]{0,2})?(?:\^[A-Za-z]?)?",
)  # fmt: skip

KINDS = (
    Kind(Rule("MEDICAL_RECORD", (_NUMBER_TRIGGER,), _number, _number_unsettled)),
    Kind(Rule("DATE_OF_BIRTH", (_BIRTH_TRIGGER,), _birth, _birth_unsettled)),
    _ADDRESS,
)
