"""Numbers of people and their taxes in Europe, made as the issuing authorities describe them."""

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
    mod_11_10,
    verhoeff,
    weighted,
)
from bench.guardrail_quality.kind import kind


def de_tax_id(rng: Random) -> str:
    """Steuer-IdNr.: of the first ten digits one stands twice or thrice (Bundeszentralamt)."""
    pool = rng.sample(DIGITS, 9)
    text = [*pool, rng.choice(pool)]
    while text[0] == "0" or any(len(set(text[i : i + 3])) == 1 for i in range(8)):
        rng.shuffle(text)
    plain = "".join(text)
    full = plain + mod_11_10(plain)
    return rng.choice((full, grouped(full, (2, 3, 3, 3), " ")))


def _cross(value: int) -> int:
    return value // 10 + value % 10


def _letter_number(letter: str) -> str:
    return f"{ord(letter) - 64:02d}"


def de_social(rng: Random) -> str:
    year, month, dom = day(rng)
    area, letter, serial = (
        rng.choice(["02", "12", "13", "15", "50", "52", "65"]),
        rng.choice(UPPER),
        "07",
    )
    serial = f"{rng.randint(0, 99):02d}"
    plain = area + dom + month + year[2:] + _letter_number(letter) + serial
    weights = (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1)
    check = sum(_cross(int(d) * w) for d, w in zip(plain, weights, strict=True)) % 10
    parts = (area, dom + month + year[2:], letter, f"{serial}{check}")
    return rng.choice(("".join(parts), " ".join(parts)))


def de_kvnr(rng: Random) -> str:
    letter, number = rng.choice(UPPER), digits(rng, 8)
    plain = _letter_number(letter) + number
    check = sum(_cross(int(d) * (1 + i % 2)) for i, d in enumerate(plain)) % 10
    return f"{letter}{number}{check}"


def _mrz_check(text: str) -> str:
    return str(sum(int(c, 36) * (7, 3, 1)[i % 3] for i, c in enumerate(text)) % 10)


def de_id_card(rng: Random) -> str:
    """Personalausweis since 2010: no vowels, first letter of the issuing office; ICAO 9303."""
    text = rng.choice("LMNPRTVWXY") + letters(rng, 8, "CFGHJKLMNPRTVWXYZ" + DIGITS * 3)
    return text + _mrz_check(text)


def fr_nir(rng: Random) -> str:
    year, month, _ = day(rng)
    department = rng.choice(["75", "13", "69", "33", "59", "31", "2A", "2B", "01", "97", "99"])
    text = rng.choice("12") + year[2:] + month + department
    text += f"{rng.randint(1, 600):03d}{rng.randint(1, 999):03d}"
    number = int(text.replace("2A", "19").replace("2B", "18"))
    full = text + f"{97 - number % 97:02d}"
    return rng.choice((full, grouped(full, (1, 2, 2, 2, 3, 3, 2), " ")))


def fr_tax(rng: Random) -> str:
    """Numéro fiscal (SPI): the last three are the rest of the first ten by 511."""
    text = digits(rng, 10, "0123")
    full = f"{text}{int(text) % 511:03d}"
    return rng.choice((full, grouped(full, (2, 2, 3, 3, 3), " ")))


_ODD = dict(zip(DIGITS + UPPER, (
    1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6,
    8, 12, 14, 16, 10, 22, 25, 24, 23), strict=True))  # fmt: skip


def it_codice(rng: Random) -> str:
    year, month, dom = day(rng)
    consonants = "BCDFGLMNPRSTVZ"
    born = int(dom) + rng.choice((0, 40))
    town = rng.choice("HFGLAD") + digits(rng, 3)
    text = letters(rng, 6, consonants) + year[2:] + "ABCDEHLMPRST"[int(month) - 1]
    text += f"{born:02d}{town}"
    total = sum(
        _ODD[c] if i % 2 == 0 else (int(c) if c.isdigit() else ord(c) - 65)
        for i, c in enumerate(text)
    )
    full = text + UPPER[total % 26]
    return rng.choice((full, full, full.lower()))


def it_iva(rng: Random) -> str:
    text = digits(rng, 7) + f"{rng.randint(1, 100):03d}"
    return rng.choice(("", "IT")) + text + luhn(text)


_DNI = "TRWAGMYFPDXBNJZSQVHLCKE"


def es_dni(rng: Random) -> str:
    text = digits(rng, 8)
    letter = _DNI[int(text) % 23]
    return rng.choice(
        (f"{text}{letter}", f"{text}-{letter}", f"{text[:2]}.{text[2:5]}.{text[5:]}-{letter}")
    )


def es_nie(rng: Random) -> str:
    first, text = rng.choice("XYZ"), digits(rng, 7)
    letter = _DNI[int(str("XYZ".index(first)) + text) % 23]
    return rng.choice((f"{first}{text}{letter}", f"{first}-{text}-{letter}"))


def es_social(rng: Random) -> str:
    province, number = f"{rng.randint(1, 52):02d}", digits(rng, 8, "123456789")
    check = f"{int(province + number) % 97:02d}"
    return rng.choice((province + number + check, f"{province}/{number}/{check}",
                       f"{province} {number} {check}"))  # fmt: skip


def nl_bsn(rng: Random) -> str:
    while True:
        text = digits(rng, 8, "123456789")
        check = weighted(text, range(9, 1, -1)) % 11
        if check < 10:
            full = f"{text}{check}"
            return rng.choice(
                (full, full, grouped(full, (4, 2, 3), "."), grouped(full, (3, 3), " "))
            )


def be_national(rng: Random) -> str:
    year, month, dom = day(rng)
    text = year[2:] + month + dom + f"{rng.randint(1, 997):03d}"
    check = f"{97 - int(('2' if year >= '2000' else '') + text) % 97:02d}"
    full = text + check
    return rng.choice((full, f"{full[:2]}.{full[2:4]}.{full[4:6]}-{full[6:9]}.{check}"))


def pl_pesel(rng: Random) -> str:
    year, month, dom = day(rng)
    text = f"{year[2:]}{int(month) + (20 if year >= '2000' else 0):02d}{dom}{digits(rng, 4)}"
    return text + str(-weighted(text, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)) % 10)


def pl_nip(rng: Random) -> str:
    while True:
        text = digits(rng, 9, "123456789")
        check = weighted(text, (6, 5, 7, 2, 3, 4, 5, 6, 7)) % 11
        if check < 10:
            full = f"{text}{check}"
            return rng.choice((full, grouped(full, (3, 3, 2, 2), "-")))


def pl_id_card(rng: Random) -> str:
    series, number = "A" + letters(rng, 2, UPPER.replace("O", "")), digits(rng, 5)
    check = sum(
        int(c, 36) * (7, 3, 1, 7, 3, 1, 7, 3)[i] for i, c in enumerate(series + number)
    ) % 10  # fmt: skip
    return rng.choice((f"{series}{check}{number}", f"{series} {check}{number}"))


def se_personnummer(rng: Random) -> str:
    year, month, dom = day(rng)
    text = year[2:] + month + dom + digits(rng, 3)
    tail = text[6:] + luhn(text)
    return rng.choice(
        (f"{text[:6]}-{tail}", f"{year}{month}{dom}-{tail}", f"{year}{month}{dom}{tail}")
    )


def fi_hetu(rng: Random) -> str:
    year, month, dom = day(rng)
    serial = f"{rng.randint(2, 899):03d}"
    check = "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(dom + month + year[2:] + serial) % 31]
    sign = rng.choice("-YXWVU" if year < "2000" else "ABCDEF") if rng.random() < 0.15 else None
    return f"{dom}{month}{year[2:]}{sign or ('-' if year < '2000' else 'A')}{serial}{check}"


def dk_cpr(rng: Random) -> str:
    """Four in five hold mod 11; since 2007 not all of them do (CPR-kontoret)."""
    while True:
        year, month, dom = day(rng)
        head = dom + month + year[2:]
        tail = digits(rng, 4, "0123" if year < "2000" else "4567")
        holds = weighted(head + tail, (4, 3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0
        if holds or rng.random() < 0.02:
            return rng.choice((f"{head}-{tail}", f"{head}-{tail}", head + tail))


def no_fnr(rng: Random) -> str:
    while True:
        year, month, dom = day(rng)
        individual = rng.randint(500, 999) if year >= "2000" else rng.randint(0, 499)
        text = f"{dom}{month}{year[2:]}{individual:03d}"
        one = -weighted(text, (3, 7, 6, 1, 8, 9, 4, 5, 2)) % 11
        two = -weighted(f"{text}{one}", (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11 if one < 10 else 10
        if two < 10:
            return rng.choice((f"{text}{one}{two}", f"{text[:6]} {text[6:]}{one}{two}"))


def pt_nif(rng: Random) -> str:
    text = digits(rng, 8, "123")
    check = -weighted(text, range(9, 1, -1)) % 11
    full = f"{text}{check if check < 10 else 0}"
    return rng.choice((full, grouped(full, (3, 3), " ")))


def pt_card(rng: Random) -> str:
    text = digits(rng, 8, "1")
    civil = -weighted(text, range(9, 1, -1)) % 11 % 10
    body = f"{text}{civil}Z{rng.choice(UPPER)}"
    total = 0
    for place, char in enumerate(reversed(body)):
        value = int(char, 36) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 and place % 2 == 0 else value
    full = f"{body}{-total % 10}"
    return rng.choice((full, f"{full[:8]} {full[8]} {full[9:]}"))


def at_svnr(rng: Random) -> str:
    while True:
        year, month, dom = day(rng)
        serial, date = digits(rng, 3, "123456789"), dom + month + year[2:]
        check = weighted(serial + date, (3, 7, 9, 5, 8, 4, 2, 1, 6)) % 11
        if check < 10:
            return rng.choice((f"{serial}{check} {date}", f"{serial}{check}{date}"))


EUROPE_WEST = (
    kind("DE_TAX_ID", de_tax_id,
         "Steuer-ID | Steueridentifikationsnummer | steuerliche Identifikationsnummer | IdNr.",
         "de"),
    kind("DE_SOCIAL_SECURITY", de_social,
         "Rentenversicherungsnummer | Sozialversicherungsnummer | RV-Nummer | SV-Nummer", "de",
         alone=True),
    kind("DE_KVNR", de_kvnr, "Krankenversichertennummer | Versichertennummer | KVNR", "de"),
    kind("DE_ID_CARD", de_id_card, "Personalausweisnummer | Ausweisnummer | Ausweis-Nr.", "de"),
    kind("FR_NIR", fr_nir,
         "numéro de sécurité sociale | NIR | n° de sécu | numéro INSEE", "fr", alone=True),
    kind("FR_TAX_ID", fr_tax, "numéro fiscal | numéro SPI | référence fiscale", "fr"),
    kind("IT_CODICE_FISCALE", it_codice, "codice fiscale | C.F. | CF", "it", alone=True),
    kind("IT_PARTITA_IVA", it_iva, "partita IVA | P.IVA | P. IVA", "it"),
    kind("ES_DNI", es_dni, "DNI | NIF | documento nacional de identidad", "es", alone=True),
    kind("ES_NIE", es_nie, "NIE | número de identidad de extranjero", "es", alone=True),
    kind("ES_SOCIAL_SECURITY", es_social,
         "número de la Seguridad Social | NUSS | número de afiliación", "es"),
    kind("NL_BSN", nl_bsn, "BSN | burgerservicenummer | sofinummer", "nl"),
    kind("BE_NATIONAL", be_national, "rijksregisternummer | INSZ | nationaal nummer", "nl"),
    kind("PT_NIF", pt_nif, "NIF | número de contribuinte | contribuinte", "pt"),
    kind("PT_CITIZEN_CARD", pt_card, "cartão de cidadão | número do cartão de cidadão", "pt"),
    kind("AT_SVNR", at_svnr, "SVNR | Sozialversicherungsnummer | SV-Nr.", "de"),
    kind("PL_PESEL", pl_pesel, "PESEL | numer PESEL | nr PESEL", "pl"),
    kind("PL_NIP", pl_nip, "NIP | numer NIP | identyfikator podatkowy", "pl"),
    kind("PL_ID_CARD", pl_id_card, "numer dowodu osobistego | dowód osobisty | nr dowodu", "pl"),
    kind("SE_PERSONNUMMER", se_personnummer, "personnummer | pnr | mitt personnummer", "sv"),
    kind("FI_HETU", fi_hetu, "henkilötunnus | hetu | henkilötunnukseni", "fi", alone=True),
    kind("DK_CPR", dk_cpr, "CPR-nummer | CPR | personnummer", "da"),
    kind("NO_FODSELSNUMMER", no_fnr, "fødselsnummer | personnummer | fnr", "no"),
)  # fmt: skip


def lu_id(rng: Random) -> str:
    text = "".join(day(rng)) + digits(rng, 3)
    return text + luhn(text) + verhoeff(text)
