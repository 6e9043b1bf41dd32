"""National numbers of the Americas, Asia, Africa and Oceania, and identity numbers of the US.

The names are those that the offices print on cards and forms: ICP of the Emirates, Absher, the
Digital Agency of Japan, MOIS of Korea, DOPA of Thailand, UIDAI, NADRA, RENAPER, SII, SAT and
others; and each state's page on tax numbers with the OECD.
"""

from __future__ import annotations

import re

from extproc.guardrails.detectors import checks_world as check
from extproc.guardrails.detectors.checks import is_ssn
from extproc.guardrails.detectors.checks_national import both, dated, verhoeff
from extproc.guardrails.detectors.pattern import Rule, Trigger
from extproc.guardrails.detectors.pii_shape import (
    BEGIN,
    LEFT,
    LEFT_SPACED,
    PART_NUMBER,
    RIGHT,
    RIGHT_SPACED,
    Kind,
    beside,
    printed,
)
from extproc.guardrails.detectors.pii_words import words

_NINE = rb"\d{3}[ -]?\d{3}[ -]?\d{3}"
_TWELVE = rb"\d{4}[ -]?\d{4}[ -]?\d{4}"

# --- US social security ----------------------------------------------------------------------

_SSN = re.compile(
    rb"(?:" + LEFT + rb"(\d{3})-(\d\d)-(\d{4})" + RIGHT
    + rb"|" + LEFT_SPACED + rb"(\d{3}) (\d\d) (\d{4})" + RIGHT_SPACED + rb")"
)  # fmt: skip


def _ssn(data: bytes, at: int) -> tuple[int, int] | None:
    found = _SSN.match(data, at)
    if found and is_ssn(*(part for part in found.groups() if part is not None)):
        return found.span()
    return None


def _ssn_unsettled(data: bytes, at: int) -> int | None:
    return at if len(data) - at <= 13 else None


def _bare_ssn(value: bytes) -> bool:
    return is_ssn(value[:3], value[3:5], value[5:])


_SSN_TRIGGERS = (Trigger(BEGIN + rb"\d{3}[ \-]\d{2}[ \-]\d{4}", 11),)

# --- tables ----------------------------------------------------------------------------------

AMERICAS = (
    Kind(Rule("US_SSN", _SSN_TRIGGERS, _ssn, _ssn_unsettled), "US"),
    beside(
        "US_SSN",
        words("ssn", "ss#", "ss #", "social security*", "social security number", "soc sec"),
        rb"\d{3}[ .-]?\d{2}[ .-]?\d{4}",
        _bare_ssn,
        locale="US",
    ),
    printed("US_ITIN", "9dd-[5-9]d-dddd", "9dd [5-9]d dddd", accept=check.us_itin, locale="US"),
    beside(
        "US_ITIN",
        words("itin", "individual taxpayer*", "individual taxpayer identification number"),
        rb"9\d{2}[ -]?[5-9]\d[ -]?\d{4}",
        check.us_itin,
        locale="US",
    ),
    beside(
        "US_EIN",
        words(
            "ein", "fein", "employer identification*", "employer identification number",
            "federal tax id*", "tax id*", "tin", "employer id*",
        ),
        rb"\d{2}-\d{7}",
        check.us_ein,
        locale="US",
    ),
    printed("AR_CUIT", "dd-dddddddd-d", accept=check.ar_cuit, locale="AR"),
    beside(
        "AR_CUIT", words("cuit", "cuil", "c.u.i.t.", "c.u.i.l."), rb"\d{11}", check.ar_cuit,
        locale="AR",
    ),
    printed("BR_CPF", "ddd.ddd.ddd-dd", accept=check.br_cpf, locale="BR"),
    beside("BR_CPF", words("cpf"), rb"\d{9}-?\d{2}", check.br_cpf, locale="BR"),
    printed(  # without its signs: of one of the first nine branches
        "BR_CNPJ", "dd.ddd.ddd/dddd-dd", "dddddddd000[1-9]dd", accept=check.br_cnpj, locale="BR"
    ),
    beside("BR_CNPJ", words("cnpj"), rb"\d{14}", check.br_cnpj, locale="BR"),
    beside(
        "CA_SIN",
        words("sin", "social insurance*", "social insurance number", "nas", "assurance sociale"),
        _NINE,
        check.ca_sin,
        locale="CA",
    ),
    printed("CL_RUT", "dd.ddd.ddd-[0-9Kk]", "d.ddd.ddd-[0-9Kk]", accept=check.cl_rut, locale="CL"),
    beside(
        "CL_RUT",
        words("rut", "r.u.t.", "run", "r.u.n.", "rol único*", "rol único tributario",
              "rol único nacional"),
        rb"\d{7,8}-[0-9Kk]",
        check.cl_rut,
        locale="CL",
    ),
    printed(
        "MX_CURP", "A[AEIOUX]AAddMD[HMX]AA[B-DF-HJ-NP-TV-Z][B-DF-HJ-NP-TV-Z][B-DF-HJ-NP-TV-Z]xd",
        accept=check.mx_curp, locale="MX",
    ),
    beside(
        "MX_RFC",
        words("rfc", "r.f.c.", "r f c", "registro federal de contribuyentes"),
        rb"[A-Z&?]{4}\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])[A-Z0-9]{3}",
        locale="MX",
        lead=rb"(?<![A-Za-z0-9_])[A-Z&?]{4}",
        tail=rb"(?<![A-Za-z0-9_])[A-Z&?]{1,4}",
    ),
)  # fmt: skip

ASIA = (
    printed(
        "AE_EMIRATES_ID", "784-Y-ddddddd-d", "784 Y ddddddd d", "784Ydddddddd",
        accept=check.ae_id, locale="AE",
    ),
    printed("CN_RESIDENT_ID", "ddddddYMDddd[0-9Xx]", accept=check.cn_resident, locale="CN"),
    printed("HK_ID", "Adddddd([0-9A])", "AAdddddd([0-9A])", accept=check.hk_id, locale="HK"),
    beside(
        "HK_ID",
        words("hkid", "hkid no.", "hong kong id*", "hong kong identity card", "身份證*", "身份证*",
              "香港居民身份證"),
        rb"[A-Za-z]{1,2}\d{6}\(?[0-9Aa]\)?", check.hk_id, locale="HK",
    ),
    beside(
        "ID_NIK", words("nik", "ktp", "nomor ktp", "nomor induk kependudukan", "e ktp"), rb"\d{16}",
        check.id_nik, locale="ID",
    ),
    beside(
        "IL_ID",
        words("teudat zehut", "israeli id*", "israel id*", "mispar zehut", "tz no.", "תעודת זהות",
              "מספר זהות", "ת.ז.", 'ת"ז', "ת״ז"),
        rb"\d{8}-?\d",
        check.il_id,
        locale="IL",
    ),
    beside(
        "IN_AADHAAR",
        words("aadhaar*", "aadhar*", "adhaar*", "uidai", "uid", "आधार*"),
        rb"[2-9]\d{3}[ -]?\d{4}[ -]?\d{4}",
        verhoeff,
        locale="IN",
    ),
    printed("IN_PAN", "AAAPAddddA", locale="IN", unless=PART_NUMBER),
    beside(
        "IN_PAN",
        words("pan", "pan card*", "permanent account*", "permanent account number"),
        rb"[A-Za-z]{3}[PCHFATBLJGpchfatbljg][A-Za-z]\d{4}[A-Za-z]",
        locale="IN",
    ),
    beside(
        "JP_MY_NUMBER",
        words("my number*", "mynumber", "individual number", "kojin bango", "個人番号",
              "マイナンバー"),
        _TWELVE,
        check.jp_my_number,
        locale="JP",
    ),
    printed("KR_RRN", "ddMD-[1-8]dddddd", accept=both(check.kr_rrn, dated(4, 2)), locale="KR"),
    beside(
        "KR_RRN",
        words("rrn", "resident registration*", "resident registration number", "jumin*",
              "주민등록번호", "주민번호", "외국인등록번호"),
        rb"\d{6}-?[1-8]\d{6}",
        dated(4, 2),
        locale="KR",
    ),
    printed("MY_NRIC", "ddMD-dd-dddd", accept=check.my_nric, locale="MY"),
    beside(
        "MY_NRIC", words("mykad", "nric", "ic no.", "ic number", "kad pengenalan"),
        rb"\d{6}-?\d{2}-?\d{4}",
        check.my_nric, locale="MY",
    ),
    beside(
        "PK_CNIC",
        words("cnic", "nicop", "nic", "national identity card*", "شناختی کارڈ*"),
        rb"\d{5}-?\d{7}-?\d",
        locale="PK",
    ),
    beside(
        "SA_NATIONAL_ID",
        words("iqama*", "saudi id*", "saudi national id*", "national id*", "muqeem",
              "رقم الهوية", "الهوية الوطنية", "رقم الإقامة", "الإقامة", "السجل المدني"),
        rb"\d{10}",
        check.sa_id,
        locale="SA",
    ),
    printed("SG_NRIC", "[STFGM]dddddddA", accept=check.sg_nric, locale="SG"),
    printed("TH_ID", "[1-8]-dddd-ddddd-dd-d", accept=check.th_id, locale="TH"),
    beside(
        "TH_ID",
        words("thai id*", "citizen id*", "thai national id*", "national id*", "ประจำตัวประชาชน",
              "บัตรประชาชน"),
        rb"[1-8][ -]?\d{4}[ -]?\d{5}[ -]?\d{2}[ -]?\d",
        check.th_id, locale="TH",
    ),
    beside(
        "TW_ID",
        words("taiwan id*", "taiwanese id*", "national id*", "arc no.", "身分證*", "身分證字號",
              "統一證號", "居留證*"),
        rb"[A-Za-z][1289]\d{8}",
        check.tw_id,
        locale="TW",
    ),
)  # fmt: skip

AFRICA_AND_OCEANIA = (
    beside(
        "AU_TFN", words("tfn", "tax file*", "tax file number"), _NINE, check.au_tfn, locale="AU"
    ),
    beside("NZ_IRD", words("ird", "inland revenue"), rb"\d{2,3}[ -]?\d{3}[ -]?\d{3}",
           check.nz_ird, locale="NZ"),
    printed(
        "ZA_ID", "ddMDdddd[012][89]d", "ddMD dddd [012][89]d", "ddMD dddd [012][89] d",
        accept=check.za_id, locale="ZA",
    ),
)  # fmt: skip

KINDS = (*AMERICAS, *ASIA, *AFRICA_AND_OCEANIA)

_A_DATE = re.compile(rb"(?:19|20)\d\d[01]\d[0-3]\d")


def _no_date(value: bytes) -> bool:
    return not _A_DATE.fullmatch(value)


NAMED = (
    beside(
        "AR_DNI",
        words(
            "dni",
            "d.n.i.",
            "documento nacional de identidad",
            "documento de identidad",
            "número de documento",
            "nro. de documento",
            "nro. documento",
            "documento",
        ),
        rb"\d{1,2}\.\d{3}\.\d{3}|\d{7,8}",
        _no_date,
        locale="AR",
    ),
)
"""Without arithmetic, and named by words that other countries have too."""
