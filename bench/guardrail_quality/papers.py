"""Passports, licences, health numbers and birth: ICAO 9303, DVLA, NHS, CMS, DEA."""

from __future__ import annotations

from random import Random

from bench.guardrail_quality.arithmetic import (
    DIGITS,
    UPPER,
    day,
    digits,
    grouped,
    letters,
    luhn,
    weighted,
)
from bench.guardrail_quality.kind import Make, kind
from bench.guardrail_quality.words import FAMILY


def fill(rng: Random, shape: str) -> str:
    """`#` any digit, `*` 1 to 9, `&` 2 to 9."""
    pools = {"#": DIGITS, "*": "123456789", "&": "23456789"}
    return "".join(rng.choice(pools[char]) if char in pools else char for char in shape)


def passport(shapes: str) -> Make:
    """`A` a capital, the rest as in `fill`."""

    def make(rng: Random) -> str:
        shape = rng.choice(shapes.split())
        return "".join(rng.choice(UPPER) if c == "A" else c for c in fill(rng, shape))

    return make


def german_passport(rng: Random) -> str:
    return rng.choice("CFGHJK") + letters(rng, 8, "CFGHJKLMNPRTVWXYZ" + DIGITS * 2)


def uk_licence(rng: Random) -> str:
    year, month, dom = day(rng)
    name = (rng.choice(FAMILY).upper().replace("-", "") + "99999")[:5]
    month = f"{int(month) + rng.choice((0, 50)):02d}"
    initials = letters(rng, 1) + rng.choice((letters(rng, 1), "9"))
    return f"{name}{year[2]}{month}{dom}{year[3]}{initials}9{letters(rng, 2)}"


def nhs(rng: Random) -> str:
    while True:
        text = digits(rng, 9, "4679")
        check = -weighted(text, range(10, 1, -1)) % 11
        if check < 10:
            full = f"{text}{check}"
            return rng.choice((full, grouped(full, (3, 3), " "), grouped(full, (3, 3), "-")))


def npi(rng: Random) -> str:
    text = digits(rng, 9, "12")
    return text + luhn("80840" + text)


def dea(rng: Random) -> str:
    text = digits(rng, 6)
    check = (weighted(text[::2], (1, 1, 1)) + 2 * weighted(text[1::2], (1, 1, 1))) % 10
    return rng.choice("ABFGMPR") + letters(rng, 1) + text + str(check)


def mbi(rng: Random) -> str:
    """CMS: no S, L, O, I, B, Z."""
    shape, pool = "9A*#A*#AA##", "ACDEFGHJKMNPQRTUVWXY"
    text = ""
    for char in shape:
        text += {"A": rng.choice(pool), "9": rng.choice("123456789"), "#": rng.choice(DIGITS),
                 "*": rng.choice(pool + DIGITS)}[char]  # fmt: skip
    return rng.choice((text, grouped(text, (4, 3), "-")))


def au_medicare(rng: Random) -> str:
    text = digits(rng, 8, "23456")
    full = f"{text}{weighted(text, (1, 3, 7, 9, 1, 3, 7, 9)) % 10}{rng.choice('123')}"
    return rng.choice((full, grouped(full, (4, 5), " ")))


def ohip(rng: Random) -> str:
    text = digits(rng, 9, "123456789")
    full = text + luhn(text)
    return grouped(full, (4, 3), "-") + rng.choice(("", f"-{letters(rng, 2)}"))


def nhi(rng: Random) -> str:
    alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZ"
    while True:
        text = letters(rng, 3, alphabet) + digits(rng, 3)
        values = [alphabet.index(c) + 1 if c.isalpha() else int(c) for c in text]
        rest = sum(v * w for v, w in zip(values, range(7, 1, -1), strict=True)) % 11
        if rest:
            return text + str((11 - rest) % 10)


def mrn(rng: Random) -> str:
    return rng.choice(("", "MR-", "H")) + digits(rng, rng.choice((6, 7, 8)), "123456789")


def insurance(rng: Random) -> str:
    return rng.choice(("XYZ", "W", "U", "ABC")) + digits(rng, 9)


def icd10(rng: Random) -> str:
    return rng.choice(
        ["E11.9", "I10", "J45.909", "F32.1", "M54.5", "C50.911", "K21.9", "G43.709", "S72.001A"]
    )


def birth(style: str) -> Make:
    def make(rng: Random) -> str:
        year, month, dom = day(rng)
        names = [
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
        ]
        english = (*names, "December")[int(month) - 1]
        return rng.choice(
            {
                "us": (
                    f"{month}/{dom}/{year}",
                    f"{english} {int(dom)}, {year}",
                    f"{year}-{month}-{dom}",
                    f"{english[:3]} {int(dom)} {year}",
                    f"{int(month)}/{int(dom)}/{year[2:]}",
                ),
                "dots": (f"{dom}.{month}.{year}", f"{int(dom)}.{int(month)}.{year}"),
                "slashes": (f"{dom}/{month}/{year}", f"{dom}-{month}-{year}"),
            }[style]
        )

    return make


PAPERS = (
    kind(
        "PASSPORT",
        passport("######### A########"),
        "passport | passport number | passport no.",
        also="UK_PASSPORT",
    ),
    kind("PASSPORT", german_passport, "Reisepass | Reisepassnummer | Passnummer", "de"),
    kind("PASSPORT", passport("##AA#####"), "passeport | numéro de passeport", "fr"),
    kind("PASSPORT", passport("AA#######"), "passaporto | numero di passaporto", "it"),
    kind("PASSPORT", passport("AAA######"), "pasaporte | número de pasaporte", "es"),
    kind(
        "DRIVING_LICENCE",
        passport("A####### A######## AA######"),
        "driver's license | driver license number | DL number",
    ),
    kind(
        "UK_DRIVING_LICENCE",
        uk_licence,
        "driving licence | driving licence number",
        alone=True,
        also="DRIVING_LICENCE",
    ),
    kind("UK_NHS", nhs, "NHS number | NHS no."),
    kind("US_NPI", npi, "NPI | National Provider Identifier"),
    kind("US_DEA", dea, "DEA number | DEA | DEA no."),
    kind("US_MBI", mbi, "MBI | Medicare number | Medicare beneficiary identifier"),
    kind("AU_MEDICARE", au_medicare, "Medicare number | Medicare card | Medicare no."),
    kind("CA_OHIP", ohip, "OHIP | health card number | OHIP number"),
    kind("NZ_NHI", nhi, "NHI | NHI number"),
    kind("MEDICAL_RECORD", mrn, "MRN | medical record number | patient ID | chart number"),
    kind(
        "HEALTH_INSURANCE",
        insurance,
        "member ID | insurance ID | policy number | health insurance number",
    ),
    kind("ICD10", icd10, "ICD-10 | diagnosis code | ICD-10 code"),
    kind("DATE_OF_BIRTH", birth("us"), "DOB | date of birth | born on | birthday"),
    kind("DATE_OF_BIRTH", birth("dots"), "Geburtsdatum | geb. | geboren am", "de"),
    kind("DATE_OF_BIRTH", birth("slashes"), "date de naissance | né le | née le", "fr"),
    kind("DATE_OF_BIRTH", birth("slashes"), "fecha de nacimiento | nacido el", "es"),
)
