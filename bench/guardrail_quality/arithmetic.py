"""Check digits as the standards define them; only for making values, never for finding them.

Sources: ISO/IEC 7812-1 (Luhn), ISO 7064 (mod 97-10, 11-10, 11-2), ISO 13616 (IBAN), and the issuing
authority's own publication for a national number.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

DIGITS = "0123456789"
UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def digits(rng: Random, count: int, first: str = DIGITS) -> str:
    return rng.choice(first) + "".join(rng.choices(DIGITS, k=count - 1)) if count else ""


def letters(rng: Random, count: int, alphabet: str = UPPER) -> str:
    return "".join(rng.choices(alphabet, k=count))


def weighted(text: str, weights: Sequence[int]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(text, weights, strict=False))


def luhn(text: str) -> str:
    """The check digit that follows `text` (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, digit in enumerate(reversed(text)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def mod_97_10(text: str) -> str:
    """Two check digits of an IBAN's rearranged text, letters as 10 to 35 (ISO 7064)."""
    return f"{98 - int(''.join(str(int(c, 36)) for c in text) + '00') % 97:02d}"


def mod_11_10(text: str) -> str:
    product = 10
    for digit in text:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return str((11 - product) % 10)


_D = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
_P = (
    "0123456789", "1576283094", "5803796142", "8916043527",
    "9453126870", "4286573901", "2793806415", "7046913258",
)  # fmt: skip
_INVERSE = "0432156789"


def verhoeff(text: str) -> str:
    """The check digit that follows `text` (Verhoeff, 1969): Aadhaar, Luxembourg."""
    check = 0
    for place, digit in enumerate(reversed(text), start=1):
        check = int(_D[check][int(_P[place % 8][int(digit)])])
    return _INVERSE[check]


def ean(text: str) -> str:
    total = sum(int(d) * (3 if place % 2 == 0 else 1) for place, d in enumerate(reversed(text)))
    return str(-total % 10)


def day(rng: Random, first: int = 1935, last: int = 2007) -> tuple[str, str, str]:
    """A date of birth: year (four digits), month, day."""
    return str(rng.randint(first, last)), f"{rng.randint(1, 12):02d}", f"{rng.randint(1, 28):02d}"


def grouped(text: str, sizes: Sequence[int], between: str) -> str:
    parts, at = [], 0
    for size in sizes:
        parts.append(text[at : at + size])
        at += size
    return between.join([*parts, text[at:]] if at < len(text) else parts)
