"""Check digits of numbers outside Europe, of health and bank numbers, and of vehicles.

Values come without separators and in capitals, as in `checks_national`.
"""

from __future__ import annotations

from extproc.guardrails.detectors.checks import luhn
from extproc.guardrails.detectors.checks_national import both, dated, weighted, zero

au_medicare_ten = zero(10, 1, 3, 7, 9, 1, 3, 7, 9, -1)
au_tfn = zero(11, 1, 4, 3, 7, 5, 8, 6, 9, 10)
us_aba = zero(10, 3, 7, 1, 3, 7, 1, 3, 7, 1)
za_id = both(luhn, dated(4, 2))
sa_id = both(luhn, lambda value: value[0] in b"12")
ae_id = both(luhn, lambda value: value[3:5] in (b"19", b"20"))


def ar_cuit(value: bytes) -> bool:
    rest = weighted(value[:10], (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    known = value[:2] in (b"20", b"23", b"24", b"27", b"30", b"33", b"34")
    return known and b"012345678990"[11 - rest] == value[10]


def au_medicare(value: bytes) -> bool:
    return value[0] in b"23456" and au_medicare_ten(value[:9])


def _br_digit(value: bytes, size: int, most: int) -> bool:
    """Weights rise from 2 at the right end to `most`, again and again."""
    weights = [2 + index % (most - 1) for index in range(size)][::-1]
    return (11 - weighted(value[:size], weights) % 11) % 11 % 10 == value[size] - 48


def br_cpf(value: bytes) -> bool:
    real = value != value[:1] * 11
    return real and _br_digit(value, 9, 10) and _br_digit(value, 10, 11)


def br_cnpj(value: bytes) -> bool:
    real = value != value[:1] * 14
    return real and _br_digit(value, 12, 9) and _br_digit(value, 13, 9)


def ca_sin(value: bytes) -> bool:
    return value[:1] != b"8" and luhn(value)


def cl_rut(value: bytes) -> bool:
    weights = [2 + index % 6 for index in range(len(value) - 1)][::-1]
    return b"0K987654321"[weighted(value[:-1], weights) % 11] == value[-1]


def cn_resident(value: bytes) -> bool:
    """GB 11643-1999, ISO/IEC 7064 MOD 11-2."""
    rest = weighted(value[:17], (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)) % 11
    return dated(12, 10)(value) and b"10X98765432"[rest] == value[17]


def hk_id(value: bytes) -> bool:
    text = value.decode().rjust(9)
    total = sum((36 if char == " " else int(char, 36)) * weight
                for char, weight in zip(text, range(9, 0, -1), strict=True))  # fmt: skip
    return total % 11 == 0


def id_nik(value: bytes) -> bool:
    """Place, birth date (40 is added to a woman's day) and a number; no check digit."""
    return value[:2] >= b"11" and dated(6, 8, days=40)(value) and value[12:] != b"0000"


def il_id(value: bytes) -> bool:
    return luhn(value) and value != b"000000000"


def jp_my_number(value: bytes) -> bool:
    rest = weighted(value[:11], (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return (0 if rest <= 1 else 11 - rest) == value[11] - 48


def kr_rrn(value: bytes) -> bool:
    """The check digit of numbers issued until October 2020."""
    rest = weighted(value[:12], (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)) % 11
    return (11 - rest) % 10 == value[12] - 48


def mx_curp(value: bytes) -> bool:
    known = "0123456789ABCDEFGHIJKLMN?OPQRSTUVWXYZ"
    total = sum(known.index(chr(c)) * (18 - index) for index, c in enumerate(value[:17]))
    return dated(8, 6)(value) and -total % 10 == value[17] - 48


_MY_PLACES = frozenset((*range(1, 17), *range(21, 60), 82, *range(60, 69), 71, 72, 74, *range(75,
80),
                        *range(83, 94), 98, 99))  # fmt: skip


def my_nric(value: bytes) -> bool:
    """Birth date and place of birth; no check digit."""
    return dated(4, 2)(value) and int(value[6:8]) in _MY_PLACES


def nz_ird(value: bytes) -> bool:
    number = int(value)
    digits = b"%08d" % (number // 10)
    rest = -weighted(digits, (3, 2, 7, 6, 5, 4, 3, 2)) % 11
    if rest == 10:
        rest = -weighted(digits, (7, 4, 3, 2, 5, 2, 7, 6)) % 11
    return 10_000_000 < number < 150_000_000 and rest == number % 10


def nz_nhi(value: bytes) -> bool:
    """HISO 10046: three letters without I and O, three digits and a check digit or letter."""
    letters = b"ABCDEFGHJKLMNPQRSTUVWXYZ"
    amounts = [letters.find(c) + 1 if c > 57 else c - 48 for c in value[:6]]
    total = sum(amount * weight for amount, weight in zip(amounts, range(7, 1, -1), strict=True))
    if value[6] > 57:
        return letters[22 - total % 23] == value[6]
    return total % 11 != 0 and (11 - total % 11) % 10 == value[6] - 48


def sg_nric(value: bytes) -> bool:
    more = {83: 0, 70: 0, 84: 4, 71: 4, 77: 3}[value[0]]
    letters = {83: b"JZIHGFEDCBA", 84: b"JZIHGFEDCBA", 77: b"XWUTRQPNJLK"}
    rest = (weighted(value[1:8], (2, 7, 6, 5, 4, 3, 2)) + more) % 11
    return letters.get(value[0], b"XWUTRQPNMLK")[rest] == value[8]


def th_id(value: bytes) -> bool:
    rest = weighted(value[:12], range(13, 1, -1)) % 11
    return (11 - rest) % 10 == value[12] - 48


_TW = dict(zip(b"ABCDEFGHJKLMNPQRSTUVXYWZIO", range(10, 36), strict=True))


def tw_id(value: bytes) -> bool:
    place = _TW[value[0]]
    total = place // 10 + place % 10 * 9 + weighted(value[1:], (8, 7, 6, 5, 4, 3, 2, 1, 1))
    return total % 10 == 0


# --- the United States, health and vehicles --------------------------------------------------


def us_itin(value: bytes) -> bool:
    """IRS Publication 1915: 9xx, and a group of 50 to 65, 70 to 88, 90 to 92 or 94 to 99."""
    group = int(value[3:5])
    known = 50 <= group <= 65 or 70 <= group <= 88 or 90 <= group <= 99
    return value[:1] == b"9" and known and group != 93


_NO_EIN = frozenset((0, 7, 8, 9, 17, 18, 19, 28, 29, 49, 69, 70, 78, 79, 89, 96, 97))


def us_ein(value: bytes) -> bool:
    """IRS: campus prefixes in use."""
    return int(value[:2]) not in _NO_EIN


def us_npi(value: bytes) -> bool:
    """45 CFR 162.406: ISO/IEC 7812 Luhn with 80840 in front."""
    return value[0] in b"12" and luhn(b"80840" + value)


def us_dea(value: bytes) -> bool:
    total = weighted(value[2:8], (1, 2, 1, 2, 1, 2))
    return total % 10 == value[8] - 48


_VIN = bytes.maketrans(b"ABCDEFGHJKLMNPRSTUVWXYZ", b"12345678123457923456789")


def vin(value: bytes) -> bool:
    """49 CFR 565.15: the ninth character; the last four are digits, as both kinds are somewhere."""
    rest = (
        weighted(value.translate(_VIN), (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)) % 11
    )
    return b"0123456789X"[rest] == value[8] and value[13:].isdigit() and not value.isdigit()
