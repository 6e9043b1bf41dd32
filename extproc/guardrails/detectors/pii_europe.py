"""National numbers of Europe: which are told by their print, and which only beside their names.

A number that is just digits with one check digit is right once in ten or eleven by chance, so it
counts only beside a word that names it. What has a date, two check digits or letters of its own
stands alone. The rules of the check digits are in `checks_national`. The names are those of the
cards and letters themselves (the Council's PRADO glossary) and of the pages on tax numbers that
each state keeps with the OECD and the European Commission.
"""

# ruff: noqa: RUF001

from __future__ import annotations

from extproc.guardrails.detectors import checks_national as check
from extproc.guardrails.detectors.checks import luhn
from extproc.guardrails.detectors.checks_national import both, dated, not_a_time
from extproc.guardrails.detectors.pii_shape import (
    LEFT_WORD,
    PART_NUMBER,
    RIGHT_WORD,
    beside,
    printed,
)
from extproc.guardrails.detectors.pii_words import words

_ELEVEN = rb"\d{11}"
_NINE = rb"\d{3}[ .-]?\d{3}[ .-]?\d{3}"
_TEN = rb"\d{10}"
_TWO_LETTERS = rb"(?<![A-Za-z0-9_])[A-Za-z]{2} ?"
_AT_TWO_LETTERS = rb"(?<![A-Za-z0-9_])[A-Za-z]{2} "

_CODICE = (
    LEFT_WORD + b"[A-Z]{6}[0-9L-NP-V]{2}[ABCDEHLMPRST][0-9L-NP-V]{2}[A-Z][0-9L-NP-V]{3}[A-Z]"
    + RIGHT_WORD
)  # fmt: skip
_HETU_SIGN = "[A-FU-Y+-]"
_UK_LICENCE = "[A-Z][A-Z9][A-Z9][A-Z9][A-Z9]d[0156]dDdA[A-Z9]d[A-Z0-9][A-Z0-9]"

CENTRAL = (
    printed("AT_SVNR", "dddd DMdd", accept=check.at_svnr, locale="AT"),
    beside(
        "AT_SVNR",
        words("svnr", "sv nr.", "sv nummer", "sozialversicherungsnummer", "versicherungsnummer"),
        rb"\d{4}[ -]?\d{6}",
        check.at_svnr,
        locale="AT",
    ),
    printed("CH_AHV", "756.dddd.dddd.dd", "756dddddddddd", accept=check.ch_ahv, locale="CH"),
    printed("CZ_BIRTH_NUMBER", "dddddd/dddd", accept=check.cz_birth_number, locale="CZ"),
    beside(
        "CZ_BIRTH_NUMBER",
        words("rodné číslo", "rodného čísla", "r. č.", "r c"),
        rb"\d{6}/?\d{4}",
        check.cz_birth_number,
        locale="CZ",
    ),
    beside(
        "DE_TAX_ID",
        words(
            "steuer id*", "steuer identifikationsnummer", "steueridentifikationsnummer",
            "steuerliche identifikationsnummer", "idnr.", "tin", "tax id*", "steuernummer",
        ),
        rb"\d{2}[ /]?\d{3}[ /]?\d{3}[ /]?\d{3}",
        check.de_tax_id,
        locale="DE",
    ),
    printed(
        "DE_SOCIAL_SECURITY", "ddDMddAddd", "dd DMdd A ddd", "dd DMddAddd", "dd DMdd Addd",
        accept=check.de_rvnr, locale="DE",
    ),
    beside(
        "DE_ID_CARD",
        words(
            "personalausweis*", "ausweisnummer", "ausweis nr.", "personalausweis nr.", "perso nr.",
            "id card*", "identity card*",
        ),
        b"[LMNPRTVWXYlmnprtvwxy][0-9CFGHJKLMNPRTVWXYZcfghjklmnprtvwxyz]{8}[0-9]?",
        check.de_id_card,
        locale="DE",
    ),
    beside(
        "HU_TAJ",
        words("taj", "taj szám", "taj kártya*", "társadalombiztosítási azonosító*",
              "társadalombiztosítási azonosító jel"),
        _NINE,
        check.hu_taj,
        locale="HU",
    ),
    beside(
        "HU_TAX_ID",
        words("adóazonosító*", "adóazonosító jel", "adószám"),
        rb"8\d{9}",
        check.hu_tax,
        locale="HU",
    ),
    beside("PL_PESEL", words("pesel"), _ELEVEN, check.pl_pesel, locale="PL"),
    printed("PL_NIP", "ddd-ddd-dd-dd", "ddd-dd-dd-ddd", accept=check.pl_nip, locale="PL"),
    beside(
        "PL_NIP",
        words("nip", "identyfikator podatkowy", "identyfikatora podatkowego",
              "numer identyfikacji podatkowej"),
        rb"\d{10}|\d{3}[ -]\d{3}[ -]\d{2}[ -]\d{2}|\d{3}[ -]\d{2}[ -]\d{2}[ -]\d{3}",
        check.pl_nip,
        locale="PL",
    ),
    beside(
        "PL_ID_CARD",
        words("dowód*", "dowodu*", "dowód osobisty", "dowodu osobistego", "dowodem osobistym"),
        rb"[A-Za-z]{3} ?\d{6}",
        check.pl_id_card,
        locale="PL",
        lead=rb"(?<![A-Za-z0-9_])[A-Za-z]{3} ?",
        tail=rb"(?<![A-Za-z0-9_])[A-Za-z]{3} ",
    ),
)  # fmt: skip

WEST = (
    printed("BE_NATIONAL", "dd.dd.dd-ddd.dd", accept=check.be_national, locale="BE"),
    beside(
        "BE_NATIONAL",
        words(
            "rijksregister*", "rijksregisternummer", "registre national", "numéro national",
            "numéro de registre national", "niss", "insz", "nationaal nummer", "rijksregisternr",
            "nationalregister*", "nationalnummer", "national register*", "national number",
        ),
        rb"\d{2}[. ]?\d{2}[. ]?\d{2}[- ]?\d{3}[. -]?\d{2}",
        check.be_national,
        locale="BE",
    ),
    printed(
        "FR_NIR", "[12]ddMdddddddddd", "[12]ddM2[AB]dddddddd", "[12] dd M dd ddd ddd dd",
        "[12] dd M 2[AB] ddd ddd dd", "[12] dd M dd ddd ddd dd",
        accept=check.fr_nir, locale="FR",
    ),
    beside(
        "FR_TAX_ID",
        words("numéro fiscal", r"~n\? ?fiscal", "référence fiscale", "spi", "identifiant fiscal",
              "numéro d'identification fiscale"),
        rb"[0-3]\d ?\d\d ?\d{3} ?\d{3} ?\d{3}",
        check.fr_spi,
        locale="FR",
    ),
    beside(
        "IE_PPS",
        words("pps", "ppsn", "pps no.", "personal public service"),
        rb"\d{7}[A-Wa-w][A-IWa-iw]?",
        check.ie_pps,
        locale="IE",
    ),
    printed("LU_ID", "1[89]ddMDddddd", "20ddMDddddd", accept=check.lu_id, locale="LU"),
    beside(
        "NL_BSN",
        words("bsn", "burgerservicenummer", "burger service nummer", "sofinummer", "sofi nummer"),
        rb"\d{4}\.\d{2}\.\d{3}|\d{3}[ .-]?\d{3}[ .-]?\d{3}|\d{4} \d{2} \d{3}",
        check.nl_bsn,
        locale="NL",
    ),
    printed(
        "UK_NINO", "AAdddddd[A-D]", "AA dd dd dd [A-D]", accept=check.uk_nino, locale="UK",
        unless=PART_NUMBER,
    ),
    beside(
        "UK_NINO",
        words("nino", "ni number", "ni no.", "national insurance*", "national insurance number"),
        rb"[A-Za-z]{2} ?\d\d ?\d\d ?\d\d ?[A-Da-d]",
        check.uk_nino,
        locale="UK",
        lead=_TWO_LETTERS,
        tail=_AT_TWO_LETTERS,
    ),
    beside(
        "UK_UTR",
        words("utr", "unique taxpayer*", "unique taxpayer reference", "unique tax reference"),
        rb"\d{5} ?\d{5}",
        check.uk_utr,
        locale="UK",
    ),
    printed("UK_DRIVING_LICENCE", _UK_LICENCE, locale="UK"),
)  # fmt: skip

NORTH = (
    printed(
        "DK_CPR", "DMdd-dddd", accept=both(check.dk_cpr, dated(0, 2), not_a_time), locale="DK"
    ),
    beside(
        "DK_CPR",
        words("cpr", "cpr nr.", "cpr nummer", "personnummer", "cpr number"),
        rb"\d{6}[- ]?\d{4}",
        dated(0, 2),  # since 2007 there are numbers without a check digit
        locale="DK",
    ),
    beside(
        "EE_PERSONAL_CODE",
        words("isikukood*", "estonian id*", "personal code"),
        _ELEVEN,
        check.ee_or_lt,
        locale="EE",
    ),
    printed(
        "FI_HETU", f"DMdd{_HETU_SIGN}ddd[0-9A-FHJ-NPR-Y]", accept=check.fi_hetu, locale="FI"
    ),
    beside(
        "LT_PERSONAL_CODE",
        words("asmens kod*", "asmens kodą", "personal code"),
        _ELEVEN,
        check.ee_or_lt,
        locale="LT",
    ),
    printed("LV_PERSONAL_CODE", "DMdd-ddddd", accept=check.lv_code, locale="LV"),
    beside(
        "LV_PERSONAL_CODE", words("personas kod*"), rb"\d{6}-?\d{5}", check.lv_code,
        locale="LV",
    ),
    printed(
        "NO_FODSELSNUMMER", "DMddddddd", "DMdd ddddd", accept=check.no_fnr, locale="NO"
    ),
    beside(
        "NO_FODSELSNUMMER",
        words("fødselsnummer", "fødselsnr", "personnummer", "d nummer", "fnr"),
        rb"\d{6} ?\d{5}",
        check.no_fnr,
        locale="NO",
    ),
    printed(
        "SE_PERSONNUMMER", "ddMD[+-]dddd", "YMD[+-]dddd",
        accept=both(check.se_personnummer, not_a_time), locale="SE",
    ),
    beside(
        "SE_PERSONNUMMER",
        words("personnummer", "personnr", "pers nr.", "pnr", "samordningsnummer",
              "personal number"),
        rb"(?:19|20)?\d{6}[-+ ]?\d{4}",
        check.se_personnummer,
        locale="SE",
    ),
)  # fmt: skip

SOUTH_AND_EAST = (
    beside(
        "BG_EGN", words("egn", "егн", "единен граждански номер"), _TEN, check.bg_egn, locale="BG"
    ),
    printed(
        "ES_DNI", "ddddddddA", "dddddddd-A", "dd.ddd.ddd-A", "dd.ddd.dddA",
        accept=check.es_dni, locale="ES",
    ),
    beside(
        "ES_DNI",
        words("dni", "d.n.i.", "nif", "n.i.f.", "documento nacional*"),
        rb"\d{2}[. ]?\d{3}[. ]?\d{3}[ -]?[A-Za-z]",
        check.es_dni,
        locale="ES",
    ),
    printed("ES_NIE", "[XYZ]dddddddA", "[XYZ]-ddddddd-A", accept=check.es_dni, locale="ES"),
    beside(
        "ES_NIE", words("nie", "n.i.e.", "identidad de extranjero"), rb"[XYZxyz]-?\d{7}-?[A-Za-z]",
        check.es_dni, locale="ES",
    ),
    beside(
        "ES_SOCIAL_SECURITY",
        words("seguridad social", "nss", "n.s.s.", "nuss", "n.u.s.s.", "número de afiliación"),
        rb"\d{2}[ /-]?\d{8}[ /-]?\d{2}",
        check.es_nss,
        locale="ES",
    ),
    beside(
        "GR_AFM",
        words("afm", "a.f.m.", "tin", "vat", "α.φ.μ.", "αριθμός φορολογικού μητρώου",
              "φορολογικό μητρώο"),
        rb"\d{9}",
        check.gr_afm,
        locale="GR",
    ),
    beside(
        "GR_AMKA",
        words("amka", "a.m.k.a.", "α.μ.κ.α.", "αριθμός μητρώου κοινωνικής ασφάλισης"),
        _ELEVEN,
        check.gr_amka,
        locale="GR",
    ),
    beside(
        "HR_OIB",
        words("oib", "osobni identifikacijski broj", "osobnog identifikacijskog broja"),
        _ELEVEN,
        check.mod_11_10,
        locale="HR",
    ),
    printed(
        "IT_CODICE_FISCALE", "AAAAAA[0-9L-V][0-9L-V][A-T][0-9L-V][0-9L-V]A",
        accept=check.it_codice_fiscale, locale="IT", whole=_CODICE, longest=16,
    ),
    beside(
        "IT_CODICE_FISCALE",
        words("codice fiscale", "cod. fiscale", "cod. fisc.", "c.f."),
        b"[A-Za-z]{6}[0-9L-NP-Vl-np-v]{2}[A-Za-z][0-9L-NP-Vl-np-v]{2}[A-Za-z]"
        b"[0-9L-NP-Vl-np-v]{3}[A-Za-z]",
        check.it_codice_fiscale,
        locale="IT",
        lead=rb"(?<![A-Za-z0-9_])[A-Za-z]{6,8}",
    ),
    beside(
        "IT_PARTITA_IVA",
        words("partita iva", "p. iva", "p iva", "p.i."),
        rb"(?:IT ?)?\d{11}",
        lambda value: luhn(value[-11:]),
        locale="IT",
        lead=rb"(?<![A-Za-z0-9_])IT ?",
        tail=rb"(?<![A-Za-z0-9_])IT ",
    ),
    printed(
        "PT_CITIZEN_CARD", "dddddddd d AAd", "dddddddd d xxd",
        accept=check.pt_citizen_card, locale="PT",
    ),
    beside(
        "PT_CITIZEN_CARD",
        words("cartão de cidadão", "cartão cidadão", "cartão do cidadão",
              "documento de identificação",
              "citizen card*"),
        rb"\d{8} ?\d ?[A-Za-z0-9]{2}\d",
        check.pt_citizen_card,
        locale="PT",
    ),
    beside(
        "PT_NIF",
        words("nif", "n.i.f.", "contribuinte", "número de contribuinte", "identificação fiscal"),
        _NINE,
        check.pt_nif,
        locale="PT",
    ),
    beside(
        "RO_CNP",
        words("cnp", "cnp ul", "cod numeric personal", "codul numeric personal"),
        rb"\d{13}",
        check.ro_cnp,
        locale="RO",
    ),
    beside(
        "RU_INN", words("inn", "инн", "идентификационный номер налогоплательщика"), rb"\d{12}",
        check.ru_inn, locale="RU",
    ),
    printed("RU_SNILS", "ddd-ddd-ddd dd", accept=check.ru_snils, locale="RU"),
    beside(
        "RU_SNILS",
        words("snils", "снилс", "страховой номер*", "страхового номера"),
        rb"\d{3}[ -]?\d{3}[ -]?\d{3}[ -]?\d{2}",
        check.ru_snils,
        locale="RU",
    ),
    beside(
        "SI_EMSO", words("emšo", "jmbg", "matična številka"), rb"\d{13}", check.si_emso,
        locale="SI",
    ),
    beside(
        "TR_KIMLIK",
        words("kimlik*", "t.c. kimlik*", "tc no.", "tckn", "tc kimlik no.", "kimlik no.",
              "vatandaşlık no.", "vatandaşlık numarası"),
        _ELEVEN,
        check.tr_kimlik,
        locale="TR",
    ),
)  # fmt: skip

KINDS = (*CENTRAL, *WEST, *NORTH, *SOUTH_AND_EAST)
