"""Check digits of national numbers: each function says whether a number could have been issued.

Values come without separators and in capitals, of the length their kind's shape has; a length that
differs is refused. The rule of each is named beside it. Pure functions, no table from anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from extproc.guardrails.detectors.checks import luhn

_BASE36 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

Check = Callable[[bytes], bool]


def weighted(digits: bytes, weights: Sequence[int]) -> int:
    return sum((digit - 48) * weight for digit, weight in zip(digits, weights, strict=False))


def zero(modulus: int, *weights: int) -> Check:
    """The weighted sum of all digits, the check digit among them, is 0."""

    def check(value: bytes) -> bool:
        return len(value) == len(weights) and weighted(value, weights) % modulus == 0

    return check


def both(*checks: Check) -> Check:
    return lambda value: all(check(value) for check in checks)


def is_date(day: bytes, month: bytes) -> bool:
    """Two digits each; 29 February is a day, for the century may be unknown."""
    return 1 <= int(month) <= 12 and 1 <= int(day) <= _DAYS[int(month) - 1]


def dated(day: int, month: int, *, days: int = 0, months: Sequence[int] = ()) -> Check:
    """Two digits at index `day` and two at `month` are a date.

    `days`, `months`: what some numbers add to either, as for women or the unregistered.
    """

    def check(value: bytes) -> bool:
        dd, mm = int(value[day : day + 2]), int(value[month : month + 2])
        mm -= max((more for more in months if more < mm), default=0)
        dd -= days if dd > days else 0
        return 1 <= mm <= 12 and 1 <= dd <= _DAYS[mm - 1]

    return check


def not_a_time(value: bytes) -> bool:
    """`20261120-1504` is more likely a moment than a person."""
    return not (value[-4:-2] < b"24" and value[-2:] < b"60")


def mod_11_10(value: bytes) -> bool:
    """ISO/IEC 7064, MOD 11,10 (DE tax number, HR OIB)."""
    rest = 10
    for digit in value[:-1]:
        rest = ((digit - 48 + rest) % 10 or 10) * 2 % 11
    return (11 - rest) % 10 == value[-1] - 48


_VERHOEFF_P = ("0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901",
               "2793806415", "7046913258")  # fmt: skip
_VERHOEFF_D = ("0123456789", "1234067895", "2340178956", "3401289567", "4012395678", "5987604321",
               "6598710432", "7659821043", "8765932104", "9876543210")  # fmt: skip


def verhoeff(value: bytes) -> bool:
    """Verhoeff 1969: all errors of one digit and all swaps of neighbours (IN Aadhaar, LU)."""
    rest = 0
    for index, digit in enumerate(reversed(value)):
        rest = int(_VERHOEFF_D[rest][int(_VERHOEFF_P[index % 8][digit - 48])])
    return rest == 0


def letter_at(letters: str, modulus: int, number: int) -> int:
    """The check letter of a number."""
    return ord(letters[number % modulus])


# --- Europe ----------------------------------------------------------------------------------

at_svnr = both(zero(11, 3, 7, 9, -1, 5, 8, 4, 2, 1, 6), dated(4, 6, months=(12,)))
bg_date = dated(4, 2, months=(20, 40))
ch_ahv = zero(10, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1)  # EAN-13
dk_cpr = zero(11, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)
hu_taj = zero(10, 3, 7, 3, 7, 3, 7, 3, 7, -1)
hu_tax = zero(11, 1, 2, 3, 4, 5, 6, 7, 8, 9, -1)
nl_bsn = both(zero(11, 9, 8, 7, 6, 5, 4, 3, 2, -1), lambda value: value != b"000000000")
pl_nip = zero(11, 6, 5, 7, 2, 3, 4, 5, 6, 7, -1)
pl_pesel = both(
    zero(10, 1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1), dated(4, 2, months=(20, 40, 60, 80))
)  # fmt: skip
si_emso = both(zero(11, 7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1), dated(0, 2))
uk_nhs = zero(11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1)


def be_national(value: bytes) -> bool:
    """97 less the rest of the first nine digits; 2 stands in front of them from 2000 on."""
    number, check = int(value[:9]), int(value[9:])
    month = int(value[2:4]) % 20  # 20 or 40 is added where the sex is not known
    known = month <= 12 and int(value[4:6]) <= 31
    return known and check in (97 - number % 97, 97 - (2_000_000_000 + number) % 97)


def bg_egn(value: bytes) -> bool:
    rest = weighted(value[:9], (2, 4, 8, 5, 10, 9, 7, 3, 6)) % 11 % 10
    return bg_date(value) and rest == value[9] - 48


def cz_birth_number(value: bytes) -> bool:
    """Act 133/2000: ten digits, divisible by 11; 20, 50 or 70 may be added to the month."""
    return dated(4, 2, months=(20, 50, 70))(value) and int(value) % 11 == 0


def de_tax_id(value: bytes) -> bool:
    """Of the first ten digits one comes twice or three times, no other more than once."""
    often = sorted(value[:10].count(b"%d" % digit) for digit in range(10))
    once = often[-1] in (2, 3) and often[-2] <= 1
    return value[:1] != b"0" and once and mod_11_10(value)


def de_id_card(value: bytes) -> bool:
    """Nine characters, and a check digit where the machine-readable zone has one (ICAO 9303)."""
    return len(value) == 9 or icao(value[:9]) == value[9] - 48


def icao(value: bytes) -> int:
    """Check digit of ICAO Doc 9303, part 3, 4.9."""
    return sum(int(chr(c), 36) * (7, 3, 1)[i % 3] for i, c in enumerate(value)) % 10


def _crossed(digits: str, weights: Sequence[int]) -> int:
    """The sum of the digits of the products."""
    products = (int(digit) * weight for digit, weight in zip(digits, weights, strict=True))
    return sum(product // 10 + product % 10 for product in products)


def _spread(letter: int) -> str:
    """A is 01, Z is 26."""
    return f"{letter - 64:02}"


def de_rvnr(value: bytes) -> bool:
    """VKVV, section 2: the German pension insurance number."""
    digits = value[:8].decode() + _spread(value[8]) + value[9:11].decode()
    weights = (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1)
    return dated(2, 4)(value) and _crossed(digits, weights) % 10 == value[11] - 48


def de_kvnr(value: bytes) -> bool:
    """Section 290 SGB V: the number of the insured person."""
    digits = _spread(value[0]) + value[1:9].decode()
    return _crossed(digits, (1, 2) * 5) % 10 == value[9] - 48


def ee_or_lt(value: bytes) -> bool:
    """Estonian isikukood and Lithuanian asmens kodas."""
    rest = weighted(value[:10], (1, 2, 3, 4, 5, 6, 7, 8, 9, 1)) % 11
    if rest == 10:
        rest = weighted(value[:10], (3, 4, 5, 6, 7, 8, 9, 1, 2, 3)) % 11 % 10
    return value[0] in b"123456" and dated(5, 3)(value) and rest == value[10] - 48


def es_dni(value: bytes) -> bool:
    """Real Decreto 1553/2005; X, Y and Z of a NIE count as 0, 1 and 2."""
    number = int(value[:-1].translate(bytes.maketrans(b"XYZ", b"012")))
    return letter_at("TRWAGMYFPDXBNJZSQVHLCKE", 23, number) == value[-1]


def es_nss(value: bytes) -> bool:
    """Province, number and the rest of both by 97."""
    province, number = int(value[:2]), int(value[2:10])
    joined = province * 10_000_000 + number if number < 10_000_000 else int(value[:10])
    return joined % 97 == int(value[10:])


def fi_hetu(value: bytes) -> bool:
    """Act 661/2009: day, month and year, a sign of the century, a number and its rest by 31."""
    number = int(value[:6] + value[-4:-1])
    return dated(0, 2)(value) and (
        letter_at("0123456789ABCDEFHJKLMNPRSTUVWXY", 31, number) == value[-1]
    )


def fr_nir(value: bytes) -> bool:
    """INSEE: 97 less the rest by 97; Corsica's 2A is 19 and 2B is 18."""
    digits = value[:13].replace(b"2A", b"19").replace(b"2B", b"18")
    return digits.isdigit() and 97 - int(digits) % 97 == int(value[13:])


def fr_spi(value: bytes) -> bool:
    return int(value[:10]) % 511 == int(value[10:])


def gr_afm(value: bytes) -> bool:
    rest = weighted(value[:8], (256, 128, 64, 32, 16, 8, 4, 2)) % 11 % 10
    return value != b"000000000" and rest == value[8] - 48


def gr_amka(value: bytes) -> bool:
    return dated(0, 2)(value) and luhn(value)


def ie_pps(value: bytes) -> bool:
    """Seven digits, a check letter, and since 2013 a second letter that counts nine times."""
    second = value[8] - 64 if len(value) == 9 and value[8:] != b"W" else 0
    total = weighted(value[:7], (8, 7, 6, 5, 4, 3, 2)) + 9 * second
    return letter_at("WABCDEFGHIJKLMNOPQRSTUV", 23, total) == value[7]


_CF_ODD = dict(zip(_BASE36, (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21,
                             2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23),
                   strict=True))  # fmt: skip


def it_codice_fiscale(value: bytes) -> bool:
    """DM 23 December 1976: odd and even places count by different tables."""
    text = value.decode()
    odd = sum(_CF_ODD[char] for char in text[0:15:2])
    even = sum(int(char) if char.isdigit() else ord(char) - 65 for char in text[1:15:2])
    return (odd + even) % 26 == value[15] - 65


def lu_id(value: bytes) -> bool:
    """Eleven digits, then a Luhn digit and a Verhoeff digit of them."""
    return dated(6, 4)(value) and luhn(value[:12]) and verhoeff(value[:11] + value[12:])


def lv_code(value: bytes) -> bool:
    rest = (1 + weighted(value[:10], (10, 5, 8, 4, 2, 1, 6, 3, 7, 9))) % 11 % 10
    return dated(0, 2)(value) and rest == value[10] - 48


def no_fnr(value: bytes) -> bool:
    """Folkeregisterforskriften 2-2-1: two check digits; 40 is added to the day of a D number."""
    return (
        dated(0, 2, days=40)(value)
        and weighted(value, (3, 7, 6, 1, 8, 9, 4, 5, 2, 1)) % 11 == 0
        and weighted(value, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0
    )


def pl_id_card(value: bytes) -> bool:
    weights = (7, 3, 1, 9, 7, 3, 1, 7, 3)
    total = sum(int(chr(c), 36) * w for c, w in zip(value, weights, strict=True))
    return total % 10 == 0


def pt_nif(value: bytes) -> bool:
    rest = weighted(value[:8], (9, 8, 7, 6, 5, 4, 3, 2)) % 11
    return value[0] in b"1235689" and (11 - rest) % 11 % 10 == value[8] - 48


def pt_citizen_card(value: bytes) -> bool:
    """Luhn over twelve letters and digits, A being 10."""
    total = 0
    for index, char in enumerate(reversed(value)):
        amount = int(chr(char), 36) * (1 + index % 2)
        total += amount - 9 if index % 2 and amount > 9 else amount
    return total % 10 == 0


def ro_cnp(value: bytes) -> bool:
    rest = weighted(value[:12], (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)) % 11
    return value[0] != 48 and dated(5, 3)(value) and (1 if rest == 10 else rest) == value[12] - 48


def ru_inn(value: bytes) -> bool:
    """Twelve digits, a person's; the ten digits of a company are left alone."""
    first = weighted(value[:10], (7, 2, 4, 10, 3, 5, 9, 4, 6, 8)) % 11 % 10
    second = weighted(value[:11], (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)) % 11 % 10
    return (first, second) == (value[10] - 48, value[11] - 48)


def ru_snils(value: bytes) -> bool:
    return weighted(value[:9], (9, 8, 7, 6, 5, 4, 3, 2, 1)) % 101 % 100 == int(value[9:])


def se_personnummer(value: bytes) -> bool:
    """Luhn over the last ten digits; 60 is added to the day of a samordningsnummer."""
    short = value[-10:]
    return dated(4, 2, days=60)(short) and luhn(short)


def tr_kimlik(value: bytes) -> bool:
    digits = [char - 48 for char in value]
    tenth = (7 * sum(digits[0:9:2]) - sum(digits[1:8:2])) % 10
    return digits[0] != 0 and tenth == digits[9] and sum(digits[:10]) % 10 == digits[10]


_NO_NINO = (b"BG", b"GB", b"KN", b"NK", b"NT", b"TN", b"ZZ")


def uk_nino(value: bytes) -> bool:
    """HMRC manual NIM39110: letters that are never used. There is no check digit."""
    letters = value[0] not in b"DFIQUV" and value[1] not in b"DFIOQUV"
    return letters and value[:2] not in _NO_NINO


def uk_utr(value: bytes) -> bool:
    rest = weighted(value[1:], (6, 7, 8, 9, 10, 5, 4, 3, 2)) % 11
    return b"21987654321"[rest] == value[0]
