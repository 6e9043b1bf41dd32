"""Cards, accounts and wallets: ISO 13616's registry, issuer ranges, ABA, ISO 9362, Base58Check."""

from __future__ import annotations

import hashlib
from random import Random

from bench.guardrail_quality.arithmetic import (
    DIGITS,
    UPPER,
    digits,
    grouped,
    letters,
    luhn,
    mod_97_10,
    weighted,
)
from bench.guardrail_quality.kind import kind

IBAN_REGISTRY = {
    "AE": "3n16n", "AT": "16n", "BE": "12n", "BG": "4a6n8c", "BR": "23n1a1c", "CH": "5n12c",
    "CY": "8n16c", "CZ": "20n", "DE": "18n", "DK": "14n", "EE": "16n", "ES": "20n", "FI": "14n",
    "FR": "10n11c2n", "GB": "4a14n", "GR": "7n16c", "HR": "17n", "HU": "24n", "IE": "4a14n",
    "IL": "19n", "IS": "22n", "IT": "1a10n12c", "LI": "5n12c", "LT": "16n", "LU": "3n13c",
    "LV": "4a13c", "MT": "4a5n18c", "NL": "4a10n", "NO": "11n", "PL": "24n", "PT": "21n",
    "RO": "4a16c", "SA": "2n18c", "SE": "20n", "SI": "15n", "SK": "20n", "TR": "5n1n16c",
    "UA": "6n19c", "XK": "16n", "QA": "4a21c", "KW": "4a22c", "JO": "4a4n18c",
}  # fmt: skip
"""Country -> its account number: lengths of n digits, a capitals, c either."""

_ISSUERS = (
    ("4", 16), ("4", 16), ("51", 16), ("55", 16), ("2221", 16), ("2720", 16), ("34", 15),
    ("37", 15), ("6011", 16), ("65", 16), ("3528", 16), ("3589", 16), ("300", 14), ("36", 14),
    ("6212", 16), ("6229", 16),
)  # fmt: skip
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def _bban(rng: Random, shape: str) -> str:
    out, number = "", ""
    alphabets = {"n": DIGITS, "a": UPPER, "c": DIGITS * 3 + UPPER}
    for char in shape:
        if char.isdigit():
            number += char
        else:
            out += letters(rng, int(number), alphabets[char])
            number = ""
    return out


def iban(rng: Random) -> str:
    country = rng.choice([*IBAN_REGISTRY, "DE", "FR", "GB", "ES", "NL", "IT"])
    account = _bban(rng, IBAN_REGISTRY[country])
    full = country + mod_97_10(account + country) + account
    return rng.choice((full, grouped(full, [4] * (len(full) // 4), " ")))


def card(rng: Random) -> str:
    prefix, length = rng.choice(_ISSUERS)
    text = prefix + digits(rng, length - len(prefix) - 1)
    text += luhn(text)
    sizes = {16: (4, 4, 4, 4), 15: (4, 6, 5), 14: (4, 6, 4)}[length]
    return rng.choice((text, grouped(text, sizes, " "), grouped(text, sizes, "-")))


def us_routing(rng: Random) -> str:
    while True:
        text = rng.choice(("02", "03", "05", "07", "11", "12", "26", "31")) + digits(rng, 7)
        if weighted(text, (3, 7, 1) * 3) % 10 == 0:
            return text


def account(rng: Random) -> str:
    return digits(rng, rng.choice((8, 9, 10, 12)), "123456789")


def swift(rng: Random) -> str:
    bank = rng.choice(
        ["DEUT", "COBA", "BNPA", "CHAS", "BARC", "INGB", "RABO", "UBSW", "NORD", "DBSS"]
    )
    place = rng.choice(("DEFF", "FRPP", "US33", "GB22", "NL2A", "CHZZ", "SESS", "SGSG"))
    return bank + place + rng.choice(("", "XXX", "500"))


def sort_code(rng: Random) -> str:
    return f"{digits(rng, 2)}-{digits(rng, 2)}-{digits(rng, 2)}"


def bsb(rng: Random) -> str:
    return f"{rng.choice(('01', '03', '06', '08', '73'))}{digits(rng, 1)}-{digits(rng, 3)}"


def ifsc(rng: Random) -> str:
    return f"{rng.choice(['HDFC', 'ICIC', 'SBIN', 'UTIB', 'PUNB'])}0{digits(rng, 6)}"


def _base58check(payload: bytes) -> str:
    raw = payload + hashlib.sha256(hashlib.sha256(payload).digest()).digest()[:4]
    number, out = int.from_bytes(raw), ""
    while number:
        number, rest = divmod(number, 58)
        out = _BASE58[rest] + out
    return "1" * (len(raw) - len(raw.lstrip(b"\0"))) + out


_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def _polymod(values: list[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for place, generator in enumerate(
            (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
        ):
            check ^= generator if top >> place & 1 else 0
    return check


def bech32(name: str, payload: bytes, version: int | None = None) -> str:
    """BIP 173: five bits a letter, six letters of check; with a version an address."""
    bits = "".join(f"{byte:08b}" for byte in payload)
    bits += "0" * (-len(bits) % 5)
    data = [int(bits[i : i + 5], 2) for i in range(0, len(bits), 5)]
    data = data if version is None else [version, *data]
    spread = [ord(c) >> 5 for c in name] + [0] + [ord(c) & 31 for c in name]
    check = _polymod([*spread, *data, *[0] * 6]) ^ 1
    data += [check >> 5 * (5 - i) & 31 for i in range(6)]
    return f"{name}1" + "".join(_BECH32[value] for value in data)


def wallet(rng: Random) -> str:
    body = rng.randbytes(20)
    return rng.choice(
        (
            _base58check(b"\0" + body),
            _base58check(b"\x05" + body),
            bech32("bc", body, 0),
            "0x" + body.hex(),
        )
    )


MONEY = (
    kind("IBAN", iban, "IBAN | account (IBAN) | bank account", "en", alone=True),
    kind("IBAN", iban, "IBAN | Kontonummer | Bankverbindung", "de", alone=True),
    kind("CARD", card, "card number | credit card | card no. | Visa", "en", alone=True),
    kind("CARD", card, "numéro de carte | carte bancaire", "fr", alone=True),
    kind("US_ABA_ROUTING", us_routing, "routing number | ABA | routing no. | ABA routing number"),
    kind(
        "BANK_ACCOUNT",
        account,
        "account number | bank account number | acct no. | checking account",
    ),
    kind("SWIFT_BIC", swift, "BIC | SWIFT | SWIFT/BIC | SWIFT code"),
    kind("UK_SORT_CODE", sort_code, "sort code | Sort Code"),
    kind("AU_BSB", bsb, "BSB | BSB number"),
    kind("IN_IFSC", ifsc, "IFSC | IFSC code"),
    kind("CRYPTO_WALLET", wallet, "wallet | BTC address | deposit address", alone=True),
)
