"""Numbers of people, companies and taxes outside continental Europe."""

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
    verhoeff,
    weighted,
)
from bench.guardrail_quality.kind import kind


def us_ssn(rng: Random) -> str:
    area = rng.choice([n for n in range(1, 900) if n != 666])
    parts = f"{area:03d}", f"{rng.randint(1, 99):02d}", f"{rng.randint(1, 9999):04d}"
    return rng.choice(("-", "-", "-", " ")).join(parts)


def us_itin(rng: Random) -> str:
    group = rng.choice([*range(50, 66), *range(70, 89), *range(90, 93), *range(94, 100)])
    return f"9{digits(rng, 2)}-{group}-{digits(rng, 4)}"


def us_ein(rng: Random) -> str:
    office = rng.choice(("04", "10", "20", "27", "36", "46", "58", "61", "82", "95"))
    return f"{office}-{digits(rng, 7)}"


def uk_nino(rng: Random) -> str:
    while True:
        prefix = rng.choice("ABCEGHJKLMNOPRSTWXYZ") + rng.choice("ABCEGHJKLMNPRSTWXYZ")
        if prefix not in ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ"):
            break
    number, suffix = digits(rng, 6), rng.choice("ABCD")
    full = prefix + number + suffix
    return rng.choice((full, grouped(full, (2, 2, 2, 2, 1), " ")))


def uk_utr(rng: Random) -> str:
    text = digits(rng, 9)
    check = "21987654321"[weighted(text, (6, 7, 8, 9, 10, 5, 4, 3, 2)) % 11]
    return rng.choice((check + text, grouped(check + text, (5, 5), " ")))


def ca_sin(rng: Random) -> str:
    text = digits(rng, 8, "1234567")
    full = text + luhn(text)
    return rng.choice((grouped(full, (3, 3), " "), grouped(full, (3, 3), "-"), full))


def au_tfn(rng: Random) -> str:
    while True:
        text = digits(rng, 9, "123456789")
        if weighted(text, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0:
            return rng.choice((text, grouped(text, (3, 3), " ")))


def nz_ird(rng: Random) -> str:
    while True:
        text = f"{rng.randint(10_000_000, 15_000_000):08d}"
        check = -weighted(text, (3, 2, 7, 6, 5, 4, 3, 2)) % 11
        if check == 10:
            check = -weighted(text, (7, 4, 3, 2, 5, 2, 7, 6)) % 11
        if check < 10:
            full = f"{text}{check}"
            return rng.choice((full, grouped(full, (3, 3), "-")))


def in_aadhaar(rng: Random) -> str:
    text = digits(rng, 11, "23456789")
    return grouped(text + verhoeff(text), (4, 4), rng.choice((" ", " ", "-", "")))


def in_pan(rng: Random) -> str:
    holder = rng.choice("PPPPCHF") + letters(rng, 1)
    return letters(rng, 3) + holder + digits(rng, 4) + letters(rng, 1)


def cn_id(rng: Random) -> str:
    area = rng.choice(("110105", "310104", "440305", "510107", "330106", "420111"))
    text = area + "".join(day(rng)) + digits(rng, 3)
    weights = [2 ** (17 - i) % 11 for i in range(17)]
    return text + "10X98765432"[weighted(text, weights) % 11]


def jp_my_number(rng: Random) -> str:
    text = digits(rng, 11)
    rest = weighted(text[::-1], (2, 3, 4, 5, 6, 7, 2, 3, 4, 5, 6)) % 11
    full = text + str(0 if rest <= 1 else 11 - rest)
    return rng.choice((full, grouped(full, (4, 4), " ")))


def kr_rrn(rng: Random) -> str:
    year, month, dom = day(rng)
    text = year[2:] + month + dom + rng.choice("34" if year >= "2000" else "12")
    text += f"{rng.randint(0, 95):02d}{digits(rng, 3)}"
    check = (11 - weighted(text, (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)) % 11) % 10
    return f"{text[:6]}-{text[6:]}{check}"


def _br_check(text: str, weights: range | tuple[int, ...]) -> str:
    rest = weighted(text, weights) % 11
    return str(0 if rest < 2 else 11 - rest)


def br_cpf(rng: Random) -> str:
    text = digits(rng, 9)
    text += _br_check(text, range(10, 1, -1))
    text += _br_check(text, range(11, 1, -1))
    dotted = f"{text[:3]}.{text[3:6]}.{text[6:9]}-{text[9:]}"
    return rng.choice((dotted, dotted, text))


def br_cnpj(rng: Random) -> str:
    text = digits(rng, 8) + "0001"
    text += _br_check(text, (5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2))
    text += _br_check(text, (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2))
    dotted = f"{text[:2]}.{text[2:5]}.{text[5:8]}/{text[8:12]}-{text[12:]}"
    return rng.choice((dotted, dotted, text))


def ar_cuit(rng: Random) -> str:
    while True:
        text = rng.choice(("20", "23", "27", "30")) + digits(rng, 8, "1234")
        check = -weighted(text, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
        if check < 10:
            return rng.choice((f"{text[:2]}-{text[2:]}-{check}", f"{text}{check}"))


def ar_dni(rng: Random) -> str:
    text = digits(rng, 8, "1234")
    return rng.choice((text, f"{text[:2]}.{text[2:5]}.{text[5:]}"))


def cl_rut(rng: Random) -> str:
    text = str(rng.randint(5_000_000, 27_000_000))
    rest = 11 - weighted(text[::-1], (2, 3, 4, 5, 6, 7, 2, 3)) % 11
    check = {10: "K", 11: "0"}.get(rest, str(rest))
    return rng.choice((f"{int(text):,}".replace(",", ".") + f"-{check}", f"{text}-{check}"))


def mx_curp(rng: Random) -> str:
    year, month, dom = day(rng, 1950, 1999)
    text = letters(rng, 1) + rng.choice("AEIOU") + letters(rng, 2, "BCDFGHLMRST") + year[2:]
    text += month + dom + rng.choice("HM") + rng.choice(("DF", "JC", "NL", "OC", "VZ", "MC"))
    text += letters(rng, 3, "BCDFGHJKLMNPRSTVZ") + rng.choice(DIGITS)
    order = "0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ"
    total = sum(order.index(c) * (18 - i) for i, c in enumerate(text))
    return text + str(-total % 10)


def mx_rfc(rng: Random) -> str:
    year, month, dom = day(rng)
    return (
        f"{letters(rng, 4, 'BCDGLMRSTAEO')}{year[2:]}{month}{dom}{letters(rng, 3, UPPER + DIGITS)}"
    )


def za_id(rng: Random) -> str:
    year, month, dom = day(rng)
    text = year[2:] + month + dom + digits(rng, 4) + rng.choice("01") + "8"
    full = text + luhn(text)
    return rng.choice((full, full, grouped(full, (6, 4, 2, 1), " ")))


def sg_nric(rng: Random) -> str:
    first, text = rng.choice("STFG"), digits(rng, 7)
    total = weighted(text, (2, 7, 6, 5, 4, 3, 2)) + (4 if first in "TG" else 0)
    return first + text + ("JZIHGFEDCBA" if first in "ST" else "XWUTRQPNMLK")[total % 11]


def hk_id(rng: Random) -> str:
    first, text = rng.choice(UPPER), digits(rng, 6)
    total = 9 * 36 + 8 * (UPPER.index(first) + 10) + weighted(text, range(7, 1, -1))
    check = "0123456789A"[-total % 11]
    return rng.choice((f"{first}{text}({check})", f"{first}{text}({check})", first + text + check))


def tw_id(rng: Random) -> str:
    first, text = rng.choice("ABCDEFGHKNPQT"), rng.choice("12") + digits(rng, 7)
    number = "ABCDEFGHJKLMNPQRSTUVXYWZIO".index(first) + 10
    total = number // 10 + number % 10 * 9 + weighted(text, range(8, 0, -1))
    return first + text + str(-total % 10)


def th_id(rng: Random) -> str:
    text = digits(rng, 12, "1234567")
    full = text + str((11 - weighted(text, range(13, 1, -1)) % 11) % 10)
    return rng.choice(
        (full, grouped(full, (1, 4, 5, 2, 1), "-"), grouped(full, (1, 4, 5, 2, 1), " "))
    )


def il_id(rng: Random) -> str:
    text = digits(rng, 8, "0234")
    return text + luhn(text)


def id_nik(rng: Random) -> str:
    year, month, dom = day(rng)
    born = int(dom) + rng.choice((0, 40))
    return (
        rng.choice(("317104", "327301", "357801"))
        + f"{born:02d}{month}{year[2:]}"
        + "0"
        + digits(rng, 3)
    )


def my_nric(rng: Random) -> str:
    year, month, dom = day(rng)
    full = year[2:] + month + dom + rng.choice(("01", "07", "10", "14")) + digits(rng, 4)
    return rng.choice((grouped(full, (6, 2, 4), "-"), full))


def pk_cnic(rng: Random) -> str:
    return f"{digits(rng, 5, '1234567')}-{digits(rng, 7)}-{rng.choice('123456789')}"


def sa_id(rng: Random) -> str:
    text = digits(rng, 9, "12")
    return text + luhn(text)


def ae_id(rng: Random) -> str:
    text = "784" + day(rng)[0] + digits(rng, 7)
    full = text + luhn(text)
    return rng.choice((grouped(full, (3, 4, 7, 1), "-"), full))


WORLD = (
    kind(
        "US_SSN", us_ssn, "SSN | social security number | Social Security No. | social", alone=True
    ),
    kind("US_ITIN", us_itin, "ITIN | individual taxpayer identification number", alone=True),
    kind("US_EIN", us_ein, "EIN | employer identification number | federal tax ID"),
    kind("UK_NINO", uk_nino, "National Insurance number | NI number | NINO", alone=True),
    kind("UK_UTR", uk_utr, "UTR | Unique Taxpayer Reference | UTR number"),
    kind("CA_SIN", ca_sin, "SIN | social insurance number | SIN number"),
    kind("AU_TFN", au_tfn, "TFN | tax file number"),
    kind("NZ_IRD", nz_ird, "IRD number | IRD no."),
    kind("IN_AADHAAR", in_aadhaar, "Aadhaar | Aadhaar number | Aadhar no | UIDAI number"),
    kind("IN_PAN", in_pan, "PAN | PAN card | permanent account number"),
    kind("CN_RESIDENT_ID", cn_id, "身份证号 | 身份证号码 | 居民身份证", "zh", alone=True),
    kind("JP_MY_NUMBER", jp_my_number, "マイナンバー | 個人番号", "ja"),
    kind("KR_RRN", kr_rrn, "주민등록번호 | 주민번호", "ko", alone=True),
    kind("BR_CPF", br_cpf, "CPF | CPF nº | número do CPF", "pt", alone=True),
    kind("BR_CNPJ", br_cnpj, "CNPJ | CNPJ nº", "pt", alone=True),
    kind("AR_CUIT", ar_cuit, "CUIT | CUIL | CUIT/CUIL", "es"),
    kind("AR_DNI", ar_dni, "DNI | documento | DNI N°", "es"),
    kind("CL_RUT", cl_rut, "RUT | RUN | rol único tributario", "es"),
    kind("MX_CURP", mx_curp, "CURP | clave única de registro de población", "es", alone=True),
    kind("MX_RFC", mx_rfc, "RFC | R.F.C. | registro federal de contribuyentes", "es"),
    kind("ZA_ID", za_id, "ID number | SA ID | South African ID number"),
    kind("SG_NRIC", sg_nric, "NRIC | NRIC/FIN | FIN", alone=True),
    kind("HK_ID", hk_id, "HKID | Hong Kong ID | 香港身份證號碼"),
    kind("TW_ID", tw_id, "身分證字號 | 國民身分證", "zh"),
    kind("TH_ID", th_id, "เลขบัตรประชาชน | เลขประจำตัวประชาชน", "th"),
    kind("IL_ID", il_id, "תעודת זהות | ת.ז. | מספר זהות", "he"),
    kind("ID_NIK", id_nik, "NIK | nomor KTP | No. KTP", "id"),
    kind("MY_NRIC", my_nric, "MyKad | NRIC | no. kad pengenalan | IC number"),
    kind("PK_CNIC", pk_cnic, "CNIC | CNIC number | NIC no."),
    kind("SA_NATIONAL_ID", sa_id, "رقم الهوية الوطنية | رقم الهوية | رقم الإقامة", "ar"),
    kind("AE_EMIRATES_ID", ae_id, "Emirates ID | رقم الهوية الإماراتية", alone=True),
)
