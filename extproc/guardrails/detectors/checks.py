"""Arithmetic that tells real numbers from look-alikes: Luhn, mod 97, SSN areas, calling codes.

Pure functions of ASCII digits; no table is fetched from anywhere.
"""

from __future__ import annotations

import re

_DOUBLED = bytes.maketrans(b"0123456789", b"\x00\x02\x04\x06\x08\x01\x03\x05\x07\x09")

_NETWORKS = re.compile(  # issuer prefixes and lengths, ISO/IEC 7812-1
    rb"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}"  # Visa, Mastercard
    rb"|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}"  # Mastercard, Amex
    rb"|3(?:0[0-5]|[689]\d)\d{11,13}|35(?:2[89]|[3-8]\d)\d{12}"  # Diners, JCB
    rb"|62\d{14,17}|(?:50(?:18|20|38)|5893|6304|6759|676[1-3])\d{8,15}"  # UnionPay, Maestro
    rb"|(?:5[06-8]|6\d)\d{11,14}"  # Discover, RuPay and others; longer ones are mostly row ids
)

IBAN_LENGTHS = {  # SWIFT IBAN registry
    country: int(length)
    for country, length in (
        pair.split(b":")
        for pair in (
            b"AD:24 AE:23 AL:28 AT:20 AZ:28 BA:20 BE:16 BG:22 BH:22 BI:27 BR:29 BY:28 CH:21 CR:22 "
            b"CY:28 CZ:24 DE:22 DJ:27 DK:18 DO:28 EE:20 EG:29 ES:24 FI:18 FK:18 FO:18 FR:27 GB:22 "
            b"GE:22 GI:23 GL:18 GR:27 GT:28 HR:21 HU:28 IE:22 IL:23 IQ:23 IS:26 IT:27 JO:30 KW:30 "
            b"KZ:20 LB:28 LC:32 LI:21 LT:20 LU:20 LV:21 LY:25 MC:27 MD:24 ME:22 MK:19 MN:20 MR:27 "
            b"MT:31 MU:30 NI:28 NL:18 NO:15 OM:23 PK:24 PL:28 PS:29 PT:25 QA:29 RO:24 RS:22 RU:33 "
            b"SA:24 SC:31 SD:18 SE:24 SI:19 SK:24 SM:27 SO:23 ST:25 SV:28 TL:23 TN:24 TR:26 UA:29 "
            b"VA:22 VG:24 XK:20 YE:30"
        ).split()
    )
}

_CALLING_CODE = re.compile(  # ITU-T E.164 country codes in use
    rb"1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]"
    rb"|2[1-689]\d|3[578]\d|42\d|5[09]\d|6[789]\d|8[0578]\d|9[679]\d"
)


def luhn(digits: bytes) -> bool:
    """Whether the check digit is right (ISO/IEC 7812-1, annex B)."""
    odd = sum(digits[-1::-2]) - 48 * len(digits[-1::-2])
    return (odd + sum(digits[-2::-2].translate(_DOUBLED))) % 10 == 0


def is_card(digits: bytes) -> bool:
    """Whether 13 to 19 digits are a payment card number of a known network."""
    return _NETWORKS.fullmatch(digits) is not None and luhn(digits)


def is_iban(compact: bytes) -> bool:
    """Whether letters and digits without separators are an IBAN (ISO 13616, mod 97 = 1)."""
    compact = compact.upper()
    if IBAN_LENGTHS.get(compact[:2]) != len(compact):
        return False
    return int("".join(str(int(chr(c), 36)) for c in compact[4:] + compact[:4])) % 97 == 1


def is_ssn(area: bytes, group: bytes, serial: bytes) -> bool:
    """Whether the US Social Security Administration could have issued it."""
    return area not in (b"000", b"666") and area < b"900" and group != b"00" and serial != b"0000"


def has_calling_code(digits: bytes) -> bool:
    return _CALLING_CODE.match(digits) is not None


def is_calling_code(digits: bytes) -> bool:
    return _CALLING_CODE.fullmatch(digits) is not None
