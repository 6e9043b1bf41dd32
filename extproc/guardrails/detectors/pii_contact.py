"""How to reach a person: e-mail addresses and phone numbers.

Phone numbers count in international form (`+`, ITU-T E.123), in the forms that national numbering
plans are printed in, and as any number of 7 to 15 digits right after `phone`, `Telefon`, `fax`...
"""

from __future__ import annotations

import re

from extproc.guardrails.detectors.checks import has_calling_code, is_calling_code
from extproc.guardrails.detectors.pattern import Rule, Trigger
from extproc.guardrails.detectors.pii_shape import (
    BEGIN,
    ESCAPE,
    LEFT,
    LEFT_SPACED,
    RIGHT,
    RIGHT_SPACED,
    SEPARATORS,
    Kind,
    beside,
    printed,
    read_shape,
    refused_behind,
)
from extproc.guardrails.detectors.pii_words import words

# --- e-mail ----------------------------------------------------------------------------------

_LOCAL_REVERSED = re.compile(rb"[A-Za-z0-9._%+'-]{0,63}[A-Za-z0-9_]")
_DOMAIN = re.compile(rb"(?!\dx\.)(?:[A-Za-z0-9-]{1,63}+\.){1,8}[A-Za-z]{2,24}")
_DOMAIN_RUN = re.compile(rb"[A-Za-z0-9.-]*+\Z")
_DOMAIN_MAX = 253


_of_a_url = refused_behind(rb"[a-z][a-z0-9+.-]{1,15}://[^\s/?#@\"'<>]*")
"""RFC 3986, 3.2.1: `https://user:word@host` names an account of a service."""


def _local_start(data: bytes, sign: int) -> int | None:
    local = _LOCAL_REVERSED.match(data[max(0, sign - 64) : sign][::-1])
    return None if local is None else sign - local.end()


def _email(data: bytes, end: int) -> tuple[int, int] | None:
    sign = data.rfind(b"@", 0, end)
    start = _local_start(data, sign)
    domain = _DOMAIN.match(data, sign + 1, sign + 1 + _DOMAIN_MAX)
    if start is None or domain is None or _of_a_url(data, start):
        return None
    if data[start:sign] == b"git" and data[domain.end() : domain.end() + 1] == b":":
        return None  # `git@host:path` names a repository, not a person
    return start, domain.end()


def _email_unsettled(data: bytes, end: int) -> int | None:
    sign = data.rfind(b"@", 0, end)
    if len(data) - sign > _DOMAIN_MAX + 1 or not _DOMAIN_RUN.match(data, sign + 1):
        return None
    return _local_start(data, sign)


EMAIL_MAX = 64 + 1 + 254
"""RFC 5321, 4.5.3.1: 64 + 1 + 253 octets, and the character that ends it."""

EMAIL = Kind(
    Rule(
        "EMAIL",
        (Trigger(rb"[A-Za-z0-9._%+'\-]@[A-Za-z0-9\-]{1,63}\.[A-Za-z0-9]", 0),),
        _email,
        _email_unsettled,
    )
)

# --- phone, North American and international -------------------------------------------------

_NO_PATH = rb"(?<!/)"  # `doi.org/10.1016/0020-0190(74)90003-9`
_DIGIT = rb"(?:(?:[ ()./-]{0,2}| / )\d)"
_NUMBER_MAX = 64
_NUMBER_RUN = re.compile(rb"[0-9 ().+/-]*+\Z")
_END = rb"(?![0-9_])(?![-.]\d)"
_US_PHONE = re.compile(
    rb"(?:" + LEFT + rb"(?:1[ .-]?)?\(\d{3}\)[ .-]?\d{3}[ .-]\d{4}" + _END
    + rb"|" + LEFT + rb"(?:1-)?\d{3}-\d{3}-\d{4}" + _END
    + rb"|" + LEFT + rb"(?:1\.)?[2-9]\d\d\.\d{3}\.\d{4}" + _END
    + rb"|" + LEFT_SPACED + rb"(?:1 )?[2-9]\d\d[ -]\d{3}[ -]\d{4}" + _END + rb"(?! \d))"
)  # fmt: skip
_PLUS = rb"(?:(?<![A-Za-z0-9_+])|" + ESCAPE + rb")\+"
_NOT_A_DATE = rb"(?!(?:19|20)\d\d-[01]\d-[0-3]\d)"  # a dated line of a diff: `+2026-11-20`
_WORLD_PHONE = re.compile(
    _PLUS + _NOT_A_DATE + rb"(?:1" + _DIGIT + rb"{10}|[2-9]" + _DIGIT + rb"{7,14})(?!\d)"
    rb"(?<!\.\d)"  # `+35236450.6` is an amount
)
_ZERO_ZERO = re.compile(
    LEFT_SPACED
    + _NO_PATH
    + rb"00([1-9]\d{0,2})[ ()./-]{1,2}\d(?:[ ()./-]{0,2}\d){6,11}"
    + _END
    + rb"(?! \d)"
)
"""`0049 30 1234567`: the international prefix that ITU-T E.164 recommends, dialled."""


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
    digits = found[0].translate(None, SEPARATORS)
    bare = len(digits) == len(found[0]) - 1
    if not has_calling_code(digits) or (bare and len(digits) < 10):
        return None
    return found.span()


def _dialled_phone(data: bytes, at: int) -> tuple[int, int] | None:
    found = _ZERO_ZERO.match(data, at)
    if found is None or not is_calling_code(found[1]) or len(set(found[0])) < 5:
        return None  # a dump of memory has whole columns of the same few digits
    return found.span()


def _number_unsettled(data: bytes, at: int) -> int | None:
    if len(data) - at > _NUMBER_MAX or not _NUMBER_RUN.match(data, at):
        return None
    return max(0, at - 2)  # a leading `1-` belongs to a US number


_US_TRIGGERS = (
    Trigger(BEGIN + rb"\d{3}[ .\-]\d{3}[ .\-]\d{4}", 12),
    Trigger(rb"\(\d{3}\)\d{3}[ .\-]\d{4}", 13),
    Trigger(rb"\(\d{3}\)[ .\-]\d{3}[ .\-]\d{4}", 14),
)
_WORLD_TRIGGERS = (Trigger(rb"\+[1-9][0-9 ()./\-]{6}", 8),)
_DIALLED_TRIGGERS = tuple(
    Trigger(BEGIN + rb"00[1-9]" + rb"\d" * more + rb"[ ()./\-]", 4 + more) for more in range(3)
)

# --- phone, other national plans -------------------------------------------------------------


def _national(locale: str, *shapes: str) -> Kind:
    return printed("PHONE", *shapes, locale=locale)


def _bare(locale: str, shape: str) -> Kind:
    """A mobile number without a space; `commit/0701559336`, `pnas.0601602103` are none."""
    pattern, width = read_shape(shape)
    whole = LEFT + rb"(?<![A-Za-z][./-])" + pattern + RIGHT
    return printed("PHONE", shape, accept=_phone_like, locale=locale, whole=whole, longest=width)


def _phone_like(value: bytes) -> bool:
    """Not a row of equal digits."""
    return len(set(value)) > 2


_FRENCH = (  # five pairs, and no dump of memory: `6d 01 00 00 00 00`
    LEFT_SPACED + rb"(?<!\d[A-Fa-f] )0[1-9]([ .-])\d\d(?:\1\d\d){3}" + RIGHT_SPACED
    + rb"(?! [A-Fa-f]\d)"
)  # fmt: skip
_GERMAN = (
    LEFT_SPACED
    + _NO_PATH
    + rb"(?:0[1-9]\d{1,3}[ /-]|\(0[1-9]\d{1,3}\) ?)\d{6,8}(?:-\d{1,4})?"
    + RIGHT
)
_PHONE_WORDS = words(
    "phone*", "telephone*", "tel.", "tel nr.", "telno", "mobile*", "cell", "cell phone*", "fax",
    "call", "call me", "whatsapp", "contact", "ring", "text me", "hotline", "sms",
    "telefon*", "handy*", "mobil", "rufnummer", "durchwahl", "anrufen", "téléphone*", "portable",
    "appelez", "teléfono*", "móvil", "celular", "llamar", "llame", "telefono*", "cellulare",
    "chiamare", "telefone", "telemóvel", "telefoon*", "mobiel", "puhelin*", "telefonnummer",
    "komórka", "komórkowy", "kom.", "msisdn", "cep telefonu", "telefono", "telefone",
    "contacto", "contato", "телефон*", "тел.", "моб.", "τηλέφωνο*", "τηλ.", "κινητό", "电话*",
    "手机*", "電話*", "手機*", "携帯*", "전화*", "휴대폰*", "연락처", "फ़ोन*", "मोबाइल*", "โทร*",
    "เบอร์โทร*", "هاتف*", "الهاتف", "جوال", "الجوال", "טלפון", "נייד",
)  # fmt: skip
_A_DATE = rb"(?!(?:19|20)\d\d[-/.][01]\d[-/.][0-3]\d)(?![0-3]?\d[/.-][01]?\d[/.-](?:19|20)\d\d)"
_ANY_PHONE = _A_DATE + rb"[+(]{0,2}\d" + _DIGIT + b"{6,14}"

KINDS = (
    EMAIL,
    Kind(Rule("PHONE", _US_TRIGGERS, _us_phone, _number_unsettled), "US"),
    Kind(Rule("PHONE", _WORLD_TRIGGERS, _world_phone, _number_unsettled)),
    Kind(Rule("PHONE", _DIALLED_TRIGGERS, _dialled_phone, _number_unsettled)),
    _national(
        "UK", "0[1-9]ddd dddddd", "0[1-9]dd ddd dddd", "02d dddd dddd", "(0[1-9]ddd) dddddd",
        "(0[1-9]dd) ddd dddd", "(02d) dddd dddd",
    ),
    _bare("UK", "07[1-9]dddddddd"),
    printed(
        "PHONE", "0[1-9] dd dd dd dd", "0[1-9].dd.dd.dd.dd", "0[1-9]-dd-dd-dd-dd",
        accept=_phone_like, locale="FR", whole=_FRENCH, longest=17,
    ),
    _bare("FR", "0[67]dddddddd"),
    printed(
        "PHONE", "0[1-9]d[ /-]dddddd", "0[1-9]dd[ /-]dddddd", "0[1-9]ddd[ /-]dddddd",
        "(0[1-9]d)", "(0[1-9]dd)", "(0[1-9]ddd)", locale="DE", whole=_GERMAN, longest=22,
    ),
    _national("ES", "[6-9]dd dd dd dd"),
    _national("IT", "3dd ddddddd", "0d dddd dddd"),
    _national("NL", "06-dddddddd", "06 dddddddd", "0dd-ddddddd"),
    _national("CH", "0[1-9]d ddd dd dd"),
    _national("BE", "04dd dd dd dd", "0d ddd dd dd"),
    _national("SE", "07[02369]-ddd dd dd"),
    _national("AU", "04dd ddd ddd", "(0[2378]) dddd dddd", "0[2378] dddd dddd"),
    _national("BR", "(dd) 9dddd-dddd", "(dd) dddd-dddd"),
    _national("JP", "0[1-9]-dddd-dddd", "0[5789]0-dddd-dddd"),
    _national("KR", "01[016-9]-dddd-dddd"),
    _national("CN", "1[3-9]d dddd dddd", "1[3-9]d-dddd-dddd"),
    _national("IN", "[6-9]dddd ddddd"),
    _national("ZA", "0[1-8]d ddd dddd"),
)  # fmt: skip
"""Numbering plans: Ofcom, ARCEP, Bundesnetzagentur (DIN 5008), CNMC, AGCOM, ACM, BAKOM, BIPT, PTS,
ACMA, Anatel, MIC, MSIT, MIIT, DoT and ICASA."""

NAMED = (
    beside("PHONE", _PHONE_WORDS, _ANY_PHONE, _phone_like, lead=rb"[+(]{1,2}"),
)  # fmt: skip
"""Below all others, for the words are weak and the numbers of every kind."""
