# ruff: noqa: RUF001
"""Numbers of people in central, eastern and south-eastern Europe, Ireland and Switzerland."""

from __future__ import annotations

from random import Random

from bench.guardrail_quality.arithmetic import (
    UPPER,
    day,
    digits,
    ean,
    grouped,
    luhn,
    mod_11_10,
    weighted,
)
from bench.guardrail_quality.europe import lu_id
from bench.guardrail_quality.kind import kind


def ch_ahv(rng: Random) -> str:
    text = "756" + digits(rng, 9)
    full = text + ean(text)
    return rng.choice((f"{full[:3]}.{full[3:7]}.{full[7:11]}.{full[11:]}",) * 3 + (full,))


def cz_birth(rng: Random) -> str:
    while True:
        year, month, dom = day(rng, 1955)
        month = f"{int(month) + rng.choice((0, 50)):02d}"
        text = year[2:] + month + dom + digits(rng, 3)
        check = int(text) % 11
        if check < 10:
            return rng.choice((f"{text[:6]}/{text[6:]}{check}", f"{text}{check}"))


def bg_egn(rng: Random) -> str:
    year, month, dom = day(rng)
    text = f"{year[2:]}{int(month) + (40 if year >= '2000' else 0):02d}{dom}{digits(rng, 3)}"
    return text + str(weighted(text, (2, 4, 8, 5, 10, 9, 7, 3, 6)) % 11 % 10)


def ro_cnp(rng: Random) -> str:
    year, month, dom = day(rng)
    sex = rng.choice("56" if year >= "2000" else "12")
    county, serial = rng.randint(1, 46), rng.randint(1, 999)
    text = sex + year[2:] + month + dom + f"{county:02d}{serial:03d}"
    check = weighted(text, (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)) % 11
    return text + str(1 if check == 10 else check)


def hr_oib(rng: Random) -> str:
    text = digits(rng, 10)
    return text + mod_11_10(text)


def si_emso(rng: Random) -> str:
    while True:
        year, month, dom = day(rng)
        text = dom + month + year[1:] + "50" + digits(rng, 3)
        check = -weighted(text, (7, 6, 5, 4, 3, 2) * 2) % 11
        if check < 10:
            return f"{text}{check}"


def baltic(rng: Random) -> str:
    """Estonia and Lithuania share the arithmetic (EVS 585)."""
    year, month, dom = day(rng)
    text = rng.choice("56" if year >= "2000" else "34") + year[2:] + month + dom + digits(rng, 3)
    check = weighted(text, (1, 2, 3, 4, 5, 6, 7, 8, 9, 1)) % 11
    if check == 10:
        check = weighted(text, (3, 4, 5, 6, 7, 8, 9, 1, 2, 3)) % 11 % 10
    return f"{text}{check}"


def lv_code(rng: Random) -> str:
    while True:
        year, month, dom = day(rng)
        text = dom + month + year[2:] + ("2" if year >= "2000" else "1") + digits(rng, 3)
        check = (1101 - weighted(text, (1, 6, 3, 7, 9, 10, 5, 8, 4, 2))) % 11
        if check < 10:
            return f"{text[:6]}-{text[6:]}{check}"


def hu_taj(rng: Random) -> str:
    text = digits(rng, 8, "01")
    full = f"{text}{weighted(text, (3, 7) * 4) % 10}"
    return rng.choice((full, grouped(full, (3, 3), " "), grouped(full, (3, 3), "-")))


def hu_tax(rng: Random) -> str:
    while True:
        text = digits(rng, 9, "8")
        check = weighted(text, range(1, 10)) % 11
        if check < 10:
            return f"{text}{check}"


def gr_afm(rng: Random) -> str:
    text = digits(rng, 8, "01")
    return text + str(weighted(text, [2 ** (8 - i) for i in range(8)]) % 11 % 10)


def gr_amka(rng: Random) -> str:
    year, month, dom = day(rng)
    text = dom + month + year[2:] + digits(rng, 4)
    return text + luhn(text)


def ie_pps(rng: Random) -> str:
    text, second = digits(rng, 7), rng.choice(("", "A", "W", "B"))
    extra = 9 * (UPPER.index(second) + 1) if second and second != "W" else 0
    letter = "WABCDEFGHIJKLMNOPQRSTUV"[(weighted(text, range(8, 1, -1)) + extra) % 23]
    return text + letter + second


def tr_kimlik(rng: Random) -> str:
    text = digits(rng, 9, "123456789")
    ten = (sum(map(int, text[::2])) * 7 - sum(map(int, text[1::2]))) % 10
    return f"{text}{ten}{(sum(map(int, text)) + ten) % 10}"


def ru_inn(rng: Random) -> str:
    text = f"{rng.randint(1, 89):02d}" + digits(rng, 8)
    one = weighted(text, (7, 2, 4, 10, 3, 5, 9, 4, 6, 8)) % 11 % 10
    two = weighted(f"{text}{one}", (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)) % 11 % 10
    return f"{text}{one}{two}"


def ru_snils(rng: Random) -> str:
    text = digits(rng, 9, "1")
    check = weighted(text, range(9, 0, -1)) % 101 % 100
    return f"{text[:3]}-{text[3:6]}-{text[6:]} {check:02d}"


EUROPE_EAST = (
    kind("CH_AHV", ch_ahv, "AHV-Nummer | AHV-Nr. | Sozialversicherungsnummer", "de", alone=True),
    kind("CZ_BIRTH_NUMBER", cz_birth, "rodné číslo | RČ | r. č.", "cs"),
    kind("BG_EGN", bg_egn, "ЕГН | единен граждански номер", "bg"),
    kind("RO_CNP", ro_cnp, "CNP | cod numeric personal | CNP-ul", "ro"),
    kind("HR_OIB", hr_oib, "OIB | osobni identifikacijski broj", "hr"),
    kind("SI_EMSO", si_emso, "EMŠO | enotna matična številka občana", "sl"),
    kind("EE_PERSONAL_CODE", baltic, "isikukood | isikukoodiga", "et", also="LT_PERSONAL_CODE"),
    kind("LT_PERSONAL_CODE", baltic, "asmens kodas | asmens kodą", "lt", also="EE_PERSONAL_CODE"),
    kind("LV_PERSONAL_CODE", lv_code, "personas kods | personas kodu", "lv"),
    kind("HU_TAJ", hu_taj, "TAJ-szám | TAJ szám | társadalombiztosítási azonosító jel", "hu"),
    kind("HU_TAX_ID", hu_tax, "adóazonosító jel | adóazonosító", "hu"),
    kind("GR_AFM", gr_afm, "ΑΦΜ | Α.Φ.Μ. | αριθμός φορολογικού μητρώου", "el"),
    kind("GR_AMKA", gr_amka, "ΑΜΚΑ | Α.Μ.Κ.Α.", "el"),
    kind("IE_PPS", ie_pps, "PPS number | PPSN | PPS no."),
    kind("LU_ID", lu_id, "numéro d'identification national | matricule", "fr"),
    kind("TR_KIMLIK", tr_kimlik, "TC kimlik no | T.C. Kimlik Numarası | TCKN", "tr"),
    kind("RU_INN", ru_inn, "ИНН | идентификационный номер налогоплательщика", "ru"),
    kind("RU_SNILS", ru_snils, "СНИЛС | страховой номер", "ru"),
)
