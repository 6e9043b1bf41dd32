"""Vectors of national numbers: published examples, and the same with one character wrong.

`<...>` marks what must be found. Sources: the offices and laws named beside the checks, their
printed specimens, and the worked examples of each number's article in Wikipedia.
"""

import pytest

from extproc.guardrails.detectors import pii

ALL = pii.build({"categories": ["ALL"], "private_addresses": True})
DEFAULT = pii.build({})

ALONE = {
    "AE_EMIRATES_ID": ("784-1980-1234567-8",),
    "AR_CUIT": ("20-05536168-2",),
    "AT_SVNR": ("1237 010180",),
    "BE_NATIONAL": ("85.07.30-033.28",),
    "BR_CNPJ": ("16.727.230/0001-97",),
    "BR_CPF": ("390.533.447-05",),
    "CH_AHV": ("756.9217.0769.85", "7569217076985"),
    "CL_RUT": ("12.531.909-2", "76.086.428-5"),
    "CN_RESIDENT_ID": ("11010519491231002X",),
    "CZ_BIRTH_NUMBER": ("710319/2745",),
    "DE_SOCIAL_SECURITY": ("65 170839 J 003", "65170839J003"),
    "DK_CPR": ("211062-5629",),
    "ES_DNI": ("54362315K", "12.345.678-Z"),
    "ES_NIE": ("X2482300W", "X-1234567-L"),
    "FI_HETU": ("131052-308T", "311280-888Y"),
    "FR_NIR": ("2 95 10 99 126 111 93", "295109912611193", "253072B07300470"),
    "HK_ID": ("G123456(A)", "A123456(3)"),
    "IN_PAN": ("ACUPA7085R",),
    "IT_CODICE_FISCALE": ("RCCMNL83S18D969H", "RSSMRA85T10A562S"),
    "KR_RRN": ("900101-1234568",),
    "LU_ID": ("1893120105732",),
    "LV_PERSONAL_CODE": ("161175-19997",),
    "MX_CURP": ("BOXW310820HNERXN09",),
    "MY_NRIC": ("770305-02-1234",),
    "NO_FODSELSNUMMER": ("15108695088", "151086 95088"),
    "PL_NIP": ("856-734-62-15",),
    "PT_CITIZEN_CARD": ("00000000 0 ZZ4",),
    "RU_SNILS": ("112-233-445 95",),
    "SE_PERSONNUMMER": ("811218-9876", "19811218-9876"),
    "SG_NRIC": ("S1234567D", "T1234567J", "F1234567N", "G1234567X", "M1234567K"),
    "TH_ID": ("1-2345-45678-78-1",),
    "UK_DRIVING_LICENCE": ("MORGA657054SM9IJ",),
    "UK_NINO": ("AB123456C", "JG 10 37 59 A"),
    "US_ITIN": ("912-70-1234",),
    "US_MBI": ("1EG4-TE5-MK73",),
    "US_SSN": ("219-09-9998",),
    "ZA_ID": ("8001015009087", "7503305044089"),
}

NAMED = {
    "AR_CUIT": ("CUIL: <20055361682>",),
    "AT_SVNR": ("SV-Nummer <1237010180>",),
    "AU_TFN": ("TFN: <123 456 782>", "Her tax file number is <123456782>."),
    "AU_MEDICARE": ("Medicare card no. <2123 45670 1>",),
    "BE_NATIONAL": ("rijksregisternummer <85073003328>", "NISS: <850730-033-28>"),
    "BG_EGN": ("EGN <7523169263>",),
    "BR_CPF": ('{"cpf": "<39053344705>"}',),
    "BR_CNPJ": ("CNPJ <16727230000197>",),
    "CA_SIN": ("SIN: <046 454 286>", "social insurance number <130-692-544>"),
    "CL_RUT": ("RUT <12531909-2>",),
    "CA_OHIP": ("Health card <9876-543-217-AB>",),
    "CZ_BIRTH_NUMBER": ("rodné číslo <7103192745>",),
    "DE_ID_CARD": ("Personalausweis-Nr. <L01X00T471>", "Ausweisnummer: <T22000129>"),
    "DE_KVNR": ("Krankenversichertennummer: <A123456780>",),
    "DE_TAX_ID": ("Steuer-ID: <36 574 261 809>", "Meine Steueridentifikationsnummer <86095742719>",
                  "IdNr. <47 036 892 816>"),
    "DK_CPR": ("CPR-nr. <211062-5629>", "cpr <0101075001>"),
    "EE_PERSONAL_CODE": ("Isikukood <36805280109>",),
    "ES_DNI": ("DNI <54362315k>", "mi dni es <54.362.315-K>"),
    "ES_SOCIAL_SECURITY": ("Número de la Seguridad Social: <28/12345678/40>",),
    "FR_TAX_ID": ("Numéro fiscal : <30 23 217 600 053>", "n° fiscal <3023217600053>"),
    "GR_AFM": ("AFM: <094259216>",),
    "GR_AMKA": ("AMKA <01013099997>",),
    "HK_ID": ("HKID: <A1234563>",),
    "HR_OIB": ("OIB: <33392005961>",),
    "HU_TAJ": ("TAJ szám: <111 111 110>",),
    "HU_TAX_ID": ("adóazonosító jel: <8071592153>",),
    "ID_NIK": ("NIK: <3171011708450001>",),
    "IE_PPS": ("PPS No: <6433435F>", "ppsn <1234567FA>"),
    "IL_ID": ("Teudat Zehut <039337423>",),
    "IN_AADHAAR": ("Aadhaar: <2341 2341 2346>", "my aadhar number is <234123412346>"),
    "IN_PAN": ("PAN card <AAACR5055K>",),
    "IT_PARTITA_IVA": ("P.IVA <IT00743110157>", "Partita IVA: <00743110157>"),
    "JP_MY_NUMBER": ("My Number: <1234 5678 9018>",),
    "KR_RRN": ("resident registration number <201120-3999999>",),
    "LT_PERSONAL_CODE": ("Asmens kodas <33309240064>",),
    "MX_RFC": ("RFC: <GODE561231GR8>",),
    "MY_NRIC": ("MyKad <770305021234>",),
    "NL_BSN": ("BSN <111222333>", "burgerservicenummer: <1112.22.333>"),
    "NO_FODSELSNUMMER": ("fødselsnummer: <15108695088>",),
    "NZ_IRD": ("IRD number <49-091-850>", "ird <136410132>"),
    "NZ_NHI": ("NHI: <ZZZ0016>", "NHI number <ZBN77VL>"),
    "PK_CNIC": ("CNIC <35202-1234567-1>",),
    "PL_ID_CARD": ("dowód osobisty <ABA 300000>", "nr dowodu ABA: <ABA300000>"),
    "PL_NIP": ("NIP <8567346215>",),
    "PL_PESEL": ("PESEL: <44051401359>", "pesel <02070803628>"),
    "PT_NIF": ("NIF <501964843>", "Contribuinte n.º <501 964 843>"),
    "RO_CNP": ("CNP <1630615123457>",),
    "RU_INN": ("INN <123456789047>",),
    "SA_NATIONAL_ID": ("Iqama no. <1101798278>",),
    "SE_PERSONNUMMER": ("personnummer <198112189876>",),
    "SI_EMSO": ("EMŠO: <0101006500006>",),
    "TH_ID": ("Thai ID <1234545678781>",),
    "TR_KIMLIK": ("T.C. Kimlik No: <10000000146>", "TCKN <17291716060>"),
    "TW_ID": ("Taiwan ID <A123456789>",),
    "UK_NHS": ("NHS number: <943 476 5919>", "nhs_number=<9434765919>"),
    "UK_NINO": ("NI number <jg 10 37 59 a>",),
    "UK_UTR": ("UTR: <19558 39661>",),
    "US_EIN": ("EIN <12-3456789>", "Federal Tax ID: <04-2103594>"),
    "US_ITIN": ("ITIN: <912701234>",),
    "US_MBI": ("Medicare number <1EG4TE5MK73>",),
    "US_SSN": ('{"ssn": "<219099998>"}', "| SSN | <219099998> |", "SSN: <219 09 9998>",
               "<ssn>219099998</ssn>".replace("<ssn>2", "[ssn]<2").replace("8</ssn>", "8>[/ssn]")),
}  # fmt: skip

ALONE_CASES = [(label, value) for label, values in ALONE.items() for value in values]
NAMED_CASES = [(label, text) for label, texts in NAMED.items() for text in texts]
AROUND = (
    "{}",
    "see {} please",
    "[{}]",
    "x: {}, y",
    "line\n{}\nline",
    'a "{}"',
    "é {}.",
    "\\n{}\\n",
)


def found(text: str) -> list[tuple[str, str]]:
    return [(span.label, text[span.start : span.end]) for span in ALL.find(text)]


def unmarked(marked: str) -> tuple[str, str]:
    value = marked[marked.index("<") + 1 : marked.index(">")]
    return marked.replace("<", "").replace(">", ""), value


def spoilt(value: str) -> str:
    """The last letter or digit is another one: `9` becomes `0`, `Z` becomes `A`."""
    at = max(index for index, char in enumerate(value) if char.isalnum())
    last = value[at]
    other = str((int(last) + 1) % 10) if last.isdigit() else chr((ord(last) - 64) % 26 + 65)
    return value[:at] + other + value[at + 1 :]


@pytest.mark.parametrize(("label", "value"), ALONE_CASES)
def test_found_by_its_own_arithmetic(label: str, value: str) -> None:
    """P4: a number that its own arithmetic tells is found whole and alone, with no word near."""
    for around in AROUND:
        text = around.format(value)
        assert found(text) == [(label, value)], text


@pytest.mark.parametrize(("label", "marked"), NAMED_CASES)
def test_found_beside_its_name(label: str, marked: str) -> None:
    """P4: of `name value` the value is found, and the name stays."""
    text, value = unmarked(marked)
    assert found(text) == [(label, value)]


WITHOUT_CHECK_DIGITS = {
    "IN_PAN", "MY_NRIC", "UK_DRIVING_LICENCE", "UK_NINO", "US_ITIN", "US_MBI", "US_SSN",
}  # fmt: skip


@pytest.mark.parametrize(
    ("label", "value"), [case for case in ALONE_CASES if case[0] not in WITHOUT_CHECK_DIGITS]
)
def test_a_wrong_digit_is_no_number(label: str, value: str) -> None:
    """Contract (pii): what fails its own arithmetic stays, so order numbers do."""
    assert label not in {name for name, _text in found(f"see {spoilt(value)} please")}


ENDS_WITH_MORE = ("AU_MEDICARE", "CA_OHIP")  # a card's issue, a letter of its version
UNNAMED = ("AR_DNI", "PK_CNIC", "MX_RFC", "KR_RRN", "US_MBI", "US_EIN", "DK_CPR", "DE_ID_CARD")


@pytest.mark.parametrize(
    ("label", "marked"), [case for case in NAMED_CASES if case[0] not in ALONE]
)
def test_without_its_name_it_stays(label: str, marked: str) -> None:
    """Contract (pii): one check digit is right by chance once in ten; without a word it stays."""
    _text, value = unmarked(marked)
    assert label not in {name for name, _text in found(f"see {value} please")}


@pytest.mark.parametrize(
    ("label", "marked"),
    [
        case
        for case in NAMED_CASES
        if case[0] not in (*WITHOUT_CHECK_DIGITS, *UNNAMED, *ENDS_WITH_MORE, "ID_NIK")
    ],
)
def test_beside_its_name_arithmetic_still_counts(label: str, marked: str) -> None:
    """Contract (pii): a word does not make a wrong number right."""
    _text, value = unmarked(marked)
    text = marked.replace(f"<{value}>", spoilt(value.upper()))
    assert label not in {name for name, _value in found(text)}
