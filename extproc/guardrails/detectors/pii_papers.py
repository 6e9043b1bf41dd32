"""Papers and what stands on them: passports, driving licences, dates of birth, vehicles.

Passport and licence numbers have no check digit to tell them by; they count beside their names, as
these are printed on the documents (ICAO 9303, the Council's PRADO glossary, Directive 2006/126/EC).
"""

from __future__ import annotations

from extproc.guardrails.detectors.checks_world import vin
from extproc.guardrails.detectors.pii_shape import beside, printed
from extproc.guardrails.detectors.pii_words import words

_PASSPORT = (
    rb"[A-Za-z]{0,3}-?\d[0-9A-Za-z]{4,8}|\d{2} ?\d{2} \d{6}"  # the latter: Russia's internal one
)
_LICENCE = rb"[A-Za-z]{0,5}-?\d(?:[ -]?[0-9A-Za-z]){4,17}"


def _has_digits(least: int, value: bytes) -> bool:
    return sum(48 <= char <= 57 for char in value) >= least


_MONTH = (
    rb"(?i:(?:jan|feb|m.r|apr|ma[yijg]|mei|ju[nilg]|jui|aug|ao|ago|sep|set|o[kc]t|out|nov|de[czs]"
    rb"|d.c|ene|gen|giu|lug|fe[v?]|f.v|avr|abr|mag|sty|lut|kwi|cze|lip|sie|wrz|pa[z?]|lis|gru)"
    rb"[a-z?]{0,8})"
)
_DAY = rb"(?:0?[1-9]|[12]\d|3[01])"
_MON = rb"(?:0?[1-9]|1[0-2])"
_YEAR = rb"(?:19|20)\d\d"
_SIGN = rb" ?[\x80-\xff] ?"  # year, month and day of Chinese, Japanese and Korean
_DATE = (
    rb"(?:"
    + _YEAR + rb"(?P<sep>[-/.])" + _MON + rb"(?P=sep)" + _DAY
    + rb"|(?:" + _DAY + rb"[-/. ]{1,2}" + _MON + rb"|" + _MON + rb"[-/]" + _DAY + rb")[-/. ]{1,2}"
    + rb"(?:" + _YEAR + rb"|\d\d)"
    + rb"|" + _DAY + rb"(?:st|nd|rd|th|er|\.|\?)?[ -](?:of |de |d')?" + _MONTH
    + rb"\.?,?[ -](?:de |del )?(?:" + _YEAR + rb"|\d\d)"
    + rb"|" + _YEAR + _SIGN + _MON + _SIGN + _DAY + rb"[\x80-\xff]?"
    + rb"|" + _MONTH + rb"\.? " + _DAY + rb"(?:st|nd|rd|th)?,? " + _YEAR
    + rb"|" + _YEAR + rb"(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
    + rb")"
)  # fmt: skip
_BIRTH_WORDS = words(
    "dob", "d.o.b.", "date of birth", "birth date", "birthdate", "birthday", "bday", "born",
    "geboren", "geb.", "geburtsdatum", "geburtstag", "geb. datum",
    r"~n\?e?\??|ne\?e?\??|n\?\(e\)", "date de naissance", "ne le", "nee le",
    "nacido", "nacida", "fecha de nacimiento", "f. nac.", "nacimiento",
    "nato il", "nata il", "nato", "nata", "data di nascita",
    "geboren op", "geboortedatum", "nascido", "nascida", "data de nascimento",
    "født", "fødselsdato", "född", "födelsedatum", "fødselsdag", "syntynyt", "syntymäaika",
    "urodzony", "urodzona", "data urodzenia", r"~ur\.", "datum narození", "narozen", "narozena",
    "născut", "data nașterii", "született", "születési idő", "doğum tarihi", "born on",
    "geboren am", "nacido el", "nacida el", "nascido em", "nascida em", "dt. nasc.", "rođen*",
    "datum rođenja", "syntymäpäivä", "sünniaeg", "gimimo data", "dzimšanas datums",
    "дата рождения", "родил*", "дата на раждане", "дата народження", "ημερομηνία γέννησης",
    "γεννήθηκε", "出生*", "出生日期", "生日", "生年月日", "誕生日", "생년월일",
    "जन्म तिथि", "जन्मतिथि",
    "วันเกิด", "تاريخ الميلاد", "תאריך לידה",
)  # fmt: skip

KINDS = (
    beside(
        "DATE_OF_BIRTH",
        _BIRTH_WORDS,
        _DATE,
        lead=rb"(?<![A-Za-z0-9_])" + _MONTH + rb"\.? ?",
        tail=rb"(?<![A-Za-z0-9_])" + _MONTH + rb"\.? ",
    ),
    beside(
        "PASSPORT",
        words(
            "passport*", "passport no.", "passport number", "passport #", "reisepass*", "pass nr.",
            "passnummer", "passeport*", "pasaporte*", "passaporto*", "paspoort*", "passaporte*",
            "paszport*", "pasaport*", "pasnummer", "passi", "putovnic*", "cestovní pas",
            "paşaport*", "pașaport*", "útlevél*", "паспорт*", "διαβατήριο", "διαβατηρίου", "护照*",
            "護照*", "旅券*", "パスポート", "여권*", "पासपोर्ट*", "หนังสือเดินทาง", "جواز السفر",
            "جواز سفر", "דרכון",
        ),
        _PASSPORT,
        lambda value: _has_digits(4, value) and 6 <= len(value) <= 10,
    ),
    beside(  # Germany's: no vowels, so nothing that reads as a word (PassV, annex)
        "PASSPORT",
        words("reisepass*", "pass nr.", "passnummer", "passport no.", "ausweis nr."),
        b"[CFGHJKLMNPRTVWXYZ][0-9CFGHJKLMNPRTVWXYZ]{8}[0-9]?",
        lambda value: _has_digits(1, value),
        locale="DE",
    ),
    beside(
        "DRIVING_LICENCE",
        words(
            "driver's license*", "drivers license*", "driver license*", "driving licence*",
            "driving license*", "driver's licence*", r"~dl\"? ?[#:]", "dl no.", "dln",
            "license no.",
            "licence no.", "license number", "licence number", "führerschein*",
            "führerscheinnummer", "permis de conduire", "permiso de conducir", "carnet de conducir",
            "licencia de conducir", "patente di guida", "rijbewijs*", "carta de condução", "cnh",
            "prawo jazdy", "prawa jazdy", "körkort*", "kørekort*", "førerkort*", "ajokortti",
            "dl number", "carteira de motorista", "carteira de habilitação", "řidičský průkaz",
            "vezetői engedély", "sürücü belgesi", "водительское удостоверение",
            "водительского удостоверения", "δίπλωμα οδήγησης", "驾驶证*", "駕駛執照", "運転免許*",
            "운전면허*", "رخصة القيادة", "רישיון נהיגה",
        ),
        _LICENCE,
        lambda value: _has_digits(5, value) and len(value) <= 18,
    ),
    printed("VIN", "[A-HJ-NPR-Z0-9]" * 17, accept=vin),
    beside(
        "VIN",
        words("vin", "vehicle identification*", "vin number", "chassis*", "fahrgestellnummer",
              "fin", "fahrzeug identifizierungsnummer", "numéro de châssis", "bastidor", "telaio"),
        rb"[A-HJ-NPR-Za-hj-npr-z0-9]{17}",
        lambda value: _has_digits(5, value),
        lead=rb"(?<![A-Za-z0-9_])[A-Za-z]{1,11}",
    ),
)  # fmt: skip
