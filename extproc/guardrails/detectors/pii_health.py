"""Health: records, insured persons, prescribers and diagnoses (PHI)."""

from __future__ import annotations

from extproc.guardrails.detectors import checks_national, checks_world
from extproc.guardrails.detectors.checks import luhn
from extproc.guardrails.detectors.pii_shape import beside, printed
from extproc.guardrails.detectors.pii_words import words

_MBI = "[1-9][AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]d-[AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]d-{two}dd"
_MBI = _MBI.replace("{two}", "[AC-HJKMNP-RT-Y]" * 2)
_BARE_MBI = (
    rb"[1-9][AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]\d-?[AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]\d-?"
    rb"[AC-HJKMNP-RT-Y]{2}\d\d"
)
_ICD = rb"[A-TV-Z]\d[0-9AB](?:\.[0-9A-Z]{1,4})?"
_ICD_WITH_DOT = rb"[A-TV-Z]\d[0-9AB]\.[0-9A-Z]{1,4}"


def _several(value: bytes) -> bool:
    """Not a row of equal digits."""
    return len(set(value)) > 1


def _four_digits(value: bytes) -> bool:
    return sum(48 <= char <= 57 for char in value) >= 4


KINDS = (
    beside(
        "UK_NHS",
        words("nhs", "nhs number", "nhs no.", "national health*"),
        rb"\d{3}[ -]?\d{3}[ -]?\d{4}",
        checks_national.uk_nhs,
        locale="UK",
    ),
    beside("US_NPI", words("npi", "national provider*"), rb"[12]\d{9}", checks_world.us_npi,
           locale="US"),
    beside(
        "US_DEA",
        words("dea", "dea #", "dea registration", "dea reg"),
        rb"[A-HJ-PR-UXa-hj-pr-ux][A-Za-z9]\d{7}",
        checks_world.us_dea,
        locale="US",
        lead=rb"(?<![A-Za-z0-9_])[A-Za-z]{1,2}",
    ),
    printed("US_MBI", _MBI, locale="US"),
    beside("US_MBI", words("mbi", "medicare*", "beneficiary*"), _BARE_MBI, locale="US"),
    beside(
        "DE_KVNR",
        words("kvnr", "krankenversicherten*", "versichertennummer", "krankenversicherung*",
              "versicherten nr.", "krankenkasse*", "gesundheitskarte", "egk"),
        rb"[A-Za-z]\d{9}",
        checks_national.de_kvnr,
        locale="DE",
    ),
    beside(
        "AU_MEDICARE",
        words("medicare", "medicare card*", "medicare number"),
        rb"[2-6]\d{3}[ -]?\d{5}[ -]?\d(?:[ /-]?\d)?",
        checks_world.au_medicare,
        locale="AU",
    ),
    beside("CA_OHIP", words("ohip", "health card*", "ohip number"),
           rb"\d{4}[ -]?\d{3}[ -]?\d{3}(?:[ -]?[A-Z]{2})?",
           lambda value: luhn(value[:10]), locale="CA"),
    beside("NZ_NHI", words("nhi", "nhi number", "national health index"),
           rb"[A-HJ-NP-Za-hj-np-z]{3}\d\d[0-9][0-9]|[A-HJ-NP-Za-hj-np-z]{3}\d\d[A-Z][A-Z]",
           checks_world.nz_nhi, locale="NZ"),
    beside(
        "ICD10",
        words("icd", "~icd[ _-]?10(?:[ _-]?(?:cm|gm|am|ca))?(?:[ _-]?code)?", "icd code*"),
        _ICD,
        lead=b"(?<![A-Za-z0-9_])[A-TV-Z]",
    ),
    beside(
        "ICD10",
        words("diagnosis*", "diagnoses", "diagnosed", "dx", "diagnose", "diagnostic*",
              "diagnóstico*", "diagnosi", "diagnosecode", "rozpoznanie", "диагноз", "诊断", "診断",
              "진단", "διάγνωση"),
        _ICD_WITH_DOT,
        lead=b"(?<![A-Za-z0-9_])[A-TV-Z]",
    ),
    beside(
        "MEDICAL_RECORD",
        words(
            "mrn", "medical record*", "medical record number", "health record*", "patient id*",
            "patient number", "patient no.", "patient #", "hospital number", "chart number",
            "hospital no.", "chart no.", "patienten id*", "patientennummer", "fallnummer",
            "numéro de patient", "numéro de dossier", "historia clínica", "expediente clínico",
            "expediente médico", "cartella clinica",
            "patiëntnummer", "número de prontuário", "prontuário", "processo clínico",
            "numer pacjenta", "номер пациента", "медицинской карты", "病历号", "病歷號", "患者番号",
            "診察券番号", "환자번호", "رقم المريض", "מספר מטופל",
        ),
        rb"[A-Za-z]{0,4}-?\d{4,12}(?:-\d{1,4})?",
        _several,
    ),
    beside(
        "HEALTH_INSURANCE",
        words(
            "health insurance*", "health insurance number", "health plan*", "insurance id*",
            "insurance number", "insurance no.", "member id*", "member number", "member no.",
            "member #", "subscriber id*", "policy number", "policy no.", "group number",
            "medicaid*", "beneficiary number", "versicherungsnummer", "numéro d'assuré", "mutuelle",
            "tarjeta sanitaria",
            "tessera sanitaria",
        ),
        rb"[A-Za-z]{0,4}-?\d{5,14}(?:-\d{1,4})?",
        _four_digits,
    ),
)  # fmt: skip
