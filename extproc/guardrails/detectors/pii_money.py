"""Money: payment cards, bank accounts and who holds them, tax numbers of the US, wallets."""

# ruff: noqa: RUF001

from __future__ import annotations

import re

from extproc.guardrails.detectors.checks import IBAN_LENGTHS, is_card, is_iban
from extproc.guardrails.detectors.checks_wallet import base58check, bech32
from extproc.guardrails.detectors.checks_world import us_aba
from extproc.guardrails.detectors.pattern import Rule, Trigger
from extproc.guardrails.detectors.pii_shape import (
    BEGIN,
    LEFT,
    LEFT_WORD,
    RIGHT,
    RIGHT_WORD,
    SEPARATORS,
    Kind,
    beside,
    printed,
    refused_behind,
)
from extproc.guardrails.detectors.pii_words import words

_NUMBER_MAX = 48
_NUMBER_RUN = re.compile(rb"[0-9 ().+/-]*+\Z")

# --- cards -----------------------------------------------------------------------------------

_CARDS = (
    re.compile(LEFT + rb"(?:\d{13,19}|\d{4}([ .-])\d{6}\1\d{4,5})" + RIGHT),
    re.compile(LEFT + rb"\d{4}([ .-])\d{4}\1\d{4}\1\d{4}\1\d{1,3}" + RIGHT),
    re.compile(LEFT + rb"\d{4}([ .-])\d{4}\1\d{4}\1\d{1,4}" + RIGHT),
)


_of_goods = refused_behind(  # GS1 numbers and those of books, and of devices (ITU-T, 3GPP)
    rb"(?i:(?<![A-Za-z])(?:ean|gtin|upc|isbn|issn|ismn|sscc|imei|iccid))(?:-?1[0-9])?"
    rb"(?:[ :#=]{1,2}|[ -]?(?i:no\.?|number|code)){0,3}"
)


_ROW = re.compile(rb"(?:(?<![A-Za-z0-9_.-])\d{4} )?(?:\d{4} ){0,11}\Z")


def _inside_a_row(data: bytes, at: int) -> bool:
    """Cards in a row have whole cards before them; a row of other numbers mostly does not."""
    found = _ROW.search(data, max(0, at - 60), at)
    return found is not None and len(found[0]) // 5 % 4 != 0


def _card(data: bytes, at: int) -> tuple[int, int] | None:
    for shape in _CARDS:
        found = shape.match(data, at)
        if found and is_card(found[0].translate(None, SEPARATORS)):
            spaced = b" " in found[0]
            other = _of_goods(data, at) or (spaced and _inside_a_row(data, at))
            return None if other else found.span()
    return None


def _card_unsettled(data: bytes, at: int) -> int | None:
    return at if len(data) - at <= _NUMBER_MAX and _NUMBER_RUN.match(data, at) else None


_CARD = Kind(
    Rule(
        "CARD",
        (
            Trigger(BEGIN + rb"\d{13}", 13),
            Trigger(BEGIN + rb"\d{4}[ .\-]\d{4}[ .\-]\d{4}", 14),
            Trigger(BEGIN + rb"\d{4}[ .\-]\d{6}[ .\-]\d{4}", 16),
        ),
        _card,
        _card_unsettled,
    )
)

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
_IBAN_TAIL = rb"(?<![A-Za-z0-9_])[A-Za-z]{2}\d\d[ -][A-Za-z0-9]{0,4}[ -]?[A-Za-z0-9]{0,4}"


def _iban(data: bytes, at: int) -> tuple[int, int] | None:
    shape = _IBANS.get(data[at : at + 2].upper())
    found = shape.match(data, at) if shape else None
    if found and is_iban(found[0].translate(None, SEPARATORS)):
        return found.span()
    return None


def _iban_unsettled(data: bytes, at: int) -> int | None:
    run = _IBAN_RUNS.get(data[at : at + 2].upper())
    return at if run and run.match(data, at) else None


_IBAN = Kind(
    Rule(
        "IBAN",
        (
            Trigger(rb"\b[A-Za-z]{2}\d{2}[A-Za-z0-9]{11}", 15),
            Trigger(rb"\b[A-Za-z]{2}\d{2}[ \-][A-Za-z0-9]{4}[ \-][A-Za-z0-9]{4}", 14),
        ),
        _iban,
        _iban_unsettled,
    ),
    tail=_IBAN_TAIL,
)

# --- banks -----------------------------------------------------------------------------------

_COUNTRIES = frozenset(IBAN_LENGTHS) | frozenset(  # ISO 3166-1 alpha-2 without an IBAN
    b"AU CA CN HK ID IN JP KR MX MY NZ PH SG TH TW US VN ZA AR CL CO PE KE NG MA".split()
)
_BIC = re.compile(rb"[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?" + RIGHT_WORD)
_BIC_NAMED = rb"\b(?:(?i:swift|bic)[/ _\-]?)?(?i:swift|bic)(?:[ _\-]?(?i:code|no\.?|number))?"
_BIC_GAP = (
    rb"[\"'*_`)\]]{0,3}(?:[ \t]?[:=|#>-]{1,2}[ \t\"'*`]{0,4}"
    rb"|[ _-](?i:is|ist|est|code)[ \t:\"'`]{1,4}"
    rb"|[ \t]{1,2})"
)


def _bic(data: bytes, at: int) -> tuple[int, int] | None:
    """ISO 9362: four letters of the bank, two of the country, two to five of the place."""
    found = _BIC.match(data, at)
    return found.span() if found and found[0][4:6] in _COUNTRIES else None


def _bic_unsettled(data: bytes, at: int) -> int | None:
    return at if len(data) - at <= 13 else None


_SWIFT = Kind(
    Rule(
        "SWIFT_BIC",
        (Trigger(_BIC_NAMED + _BIC_GAP + b"[A-Z]{6}[A-Z0-9]{2}", 8),),
        _bic,
        _bic_unsettled,
    )
)

_ACCOUNT_WORDS = words(
    "account number", "account no.", "account #", "acct", "acct no.", "acct number", "a/c no.",
    "a/c", "bank account*", "checking account*", "savings account*", "kontonummer", "konto nr.",
    "bankkonto", "numéro de compte", "compte bancaire", "cuenta bancaria", "número de cuenta",
    "conto corrente", "numero di conto", "rekeningnummer", "número da conta", "conta corrente",
    "beneficiary account*", "numer konta", "nr konta", "rachunek bankowy", "číslo účtu",
    "bankszámla*", "hesap no.", "hesap numarası", "tilinumero", "kontonr.", "номер счета",
    "расчетный счет", "р/с", "αριθμός λογαριασμού", 
    "银行账号", "银行账户", "银行卡号", "銀行帳號", "口座番号",
    "계좌번호", "खाता संख्या", "เลขบัญชี", "رقم الحساب", "חשבון בנק", "מספר חשבון",
)  # fmt: skip


def _account(value: bytes) -> bool:
    return len(set(value)) > 1


# --- wallets ---------------------------------------------------------------------------------

_BASE58 = b"[1-9A-HJ-NP-Za-km-z]"
_BECH32 = b"[02-9ac-hj-np-z]"


def _wallet_58(data: bytes, at: int) -> tuple[int, int] | None:
    found = _WALLET_58.match(data, at)
    return found.span() if found and base58check(found[0]) else None


def _wallet_32(data: bytes, at: int) -> tuple[int, int] | None:
    found = _WALLET_32.match(data, at)
    return found.span() if found and bech32(found[0]) else None


def _wallet_unsettled(data: bytes, at: int) -> int | None:
    return at if len(data) - at <= 80 and _WALLET_RUN.match(data, at) else None


_WALLET_58 = re.compile(LEFT_WORD + b"[13LMDAXT9]" + _BASE58 + b"{24,34}(?![A-Za-z0-9_])")
_WALLET_32 = re.compile(LEFT_WORD + b"(?:bc|ltc)1" + _BECH32 + b"{39,59}(?![A-Za-z0-9_])")
_WALLET_RUN = re.compile(rb"[A-Za-z0-9]*+\Z")
_WALLET_TRIGGERS = (Trigger(BEGIN + b"[13LMDAXT9]" + _BASE58 + b"{24}", 25),)
_BECH32_TRIGGERS = (
    Trigger(BEGIN + b"bc1" + _BECH32 + b"{11}", 14),
    Trigger(BEGIN + b"ltc1" + _BECH32 + b"{11}", 15),
)

KINDS = (
    _IBAN,
    _CARD,
    _SWIFT,
    Kind(Rule("CRYPTO_WALLET", _WALLET_TRIGGERS, _wallet_58, _wallet_unsettled)),
    Kind(Rule("CRYPTO_WALLET", _BECH32_TRIGGERS, _wallet_32, _wallet_unsettled)),
    printed("CRYPTO_WALLET", "0[x]" + "[0-9A-Fa-f]" * 40),  # Ethereum; EIP-55 has no cheap check
    beside(
        "US_ABA_ROUTING",
        words("routing*", "aba", "aba routing*", "rtn", "transit number", "aba/rtn"),
        rb"\d{4}-?\d{4}-?\d",
        us_aba,
        locale="US",
    ),
    beside("UK_SORT_CODE", words("sort code*"), rb"\d\d[ -]?\d\d[ -]?\d\d", locale="UK"),
    beside("IN_IFSC", words("ifsc", "ifsc code"), b"[A-Z]{4}0[A-Z0-9]{6}", locale="IN"),
    beside("AU_BSB", words("bsb", "bsb code"), rb"\d{3}[ -]?\d{3}", locale="AU"),
)

NAMED = (beside("BANK_ACCOUNT", _ACCOUNT_WORDS, rb"\d(?:[ -]?\d){5,16}", _account),)
