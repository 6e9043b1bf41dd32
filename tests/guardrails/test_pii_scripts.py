# ruff: noqa: RUF001
"""Personal data named in other scripts, inside `likeThis`, in addresses of many countries, in HL7.

`<...>` marks what must be found. Numbers are specimens from the offices' pages or fit their
arithmetic; persons and houses are invented or public. HL7: the shape of the standard's examples.
"""

from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.guardrails.detectors import pii
from extproc.guardrails.detectors.pii_fold import fold
from extproc.guardrails.detectors.pii_words import words
from extproc.guardrails.values import LOOKBEHIND
from tests.guardrails.test_holdback import check_split

ALL = pii.build({"categories": ["ALL"]})
DEFAULT = pii.build({})

NAMED = {
    "RU_INN": ("ИНН <500100732259>", "ИНН: <500100732259>.", '"инн": "<500100732259>"'),
    "RU_SNILS": ("СНИЛС <11223344595>",),
    "GR_AFM": ("ΑΦΜ: <094259216>", "Α.Φ.Μ. <094259216>", "αφμ=<094259216>"),
    "BG_EGN": ("ЕГН <7523169263>",),
    "KR_RRN": ("주민등록번호는 <9001011234568>입니다",),
    "JP_MY_NUMBER": ("個人番号は<123456789018>です", "マイナンバー：<1234 5678 9018>"),
    "TW_ID": ("身分證字號：<A123456789>", "國民身分證 <A123456789>"),
    "HK_ID": ("香港身份證號碼 <A1234563>",),
    "TH_ID": ("เลขประจำตัวประชาชน <1 2345 45678 78 1>",),
    "SA_NATIONAL_ID": ("رقم الهوية الوطنية: <1000000008>", "رقم الهوية <١٠٠٠٠٠٠٠٠٨>"),
    "IL_ID": ("ת.ז. <123456782>", "תעודת זהות: <123456782>"),
    "IN_AADHAAR": ("आधार संख्या <2341 2341 2346>",),
    "PASSPORT": ("паспорт <4509 123456>", "护照号码：<E12345678>", "여권번호 <M12345678>"),
    "DATE_OF_BIRTH": ("дата рождения: <12.03.1985>", "出生日期：<1985年3月12日>",
                      "생년월일 <1985년 3월 12일>", "bornOn: '<3/12/1985>'",
                      "customerDateOfBirth = '<1985-03-12>'"),
    "PHONE": ("тел.: <5551234>", "电话 <021 6543 2100>", '"userPhone": "<5551234>"',
              "Tel. <089 / 177 23 60>", "kom. <543 708 013>"),
    "US_SSN": ('customerSsn="<219099998>"', "userSSN: <219099998>"),
    "PL_PESEL": ('"numerPesel": "<44051401359>"',),
    "PL_NIP": ("identyfikator podatkowy: <8567346215>", "numerNip=<8567346215>"),
    "HR_OIB": ("osobni identifikacijski broj: <94577403194>",),
    "IT_CODICE_FISCALE": ("cod. fiscale <rssmra85t10a562s>",),
    "ZA_ID": ("<800101 5009 08 7>",),
    "SWIFT_BIC": ("**BIC**: <DEUTDEFF>", "SWIFT:\t<CHASUS33XXX>", "swiftCode='<DEUTDEFF>'"),
    "POSTAL_CODE": ("邮政编码：<100080>", "ZIP code: <K1A 0B1>", "почтовый индекс <125009>"),
    "GPS": ("location: <48.85837, 2.29448>", '"at": "<48°51\'30\\"N 2°17\'40\\"E>"'),
    "ICD10": ("icd_10=<F32.1>", "icd_10_code: '<S72.001A>'"),
    "AR_DNI": ("documento: <30.123.456>",),
    "US_ABA_ROUTING": ("My routing no. is <111000025>",),
}  # fmt: skip

ADDRESSES = (
    "mieszka: <ul. Prosta 5/7, 00-838 Warszawa>.", "<ul. Żwirki 12> jest",
    "przy <al. Jerozolimskie 4, 00-024 Warszawa>", "mora na <Rua Augusta 12, 1100-048 Lisboa>.",
    "<Rua Augusta, 91 - apto 12 - Consolação, 01305-000 São Paulo - SP>",
    "vive en <Calle Mayor 5, 3º B, 28013 Madrid>", "<Avda. de América 12, 2º izq, 28002 Madrid>",
    "<Str. Mihai Eminescu nr. 12>", "bor på <Storgatan 12, 111 22 Stockholm>",
    "<Vestergade 3, 1456 København>", "<Mannerheimvägen 5> är", "<PO Box 2016, Austin, TX 78769>",
    "<Postfach 12 34>", "<1600 PENNSYLVANIA AVE NW, WASHINGTON, DC 20500>",
    "<Kossuth Lajos utca 12, 1055 Budapest> az", "<Gül Sok. No: 5 Daire: 3>",
    "живёт: <ул. Тверская, д. 7, кв. 12>.", "<улица Ленина 5> это",
    "<Bahnhofstrasse 12, 8001 Zürich>",
)  # fmt: skip

PID = (
    "MSH|^~\\&|LAB|WEST|EHR|EAST|202611200941||ORU^R01|M7|P|2.5.1\rPID|1||<PATID1234>^5^M11^ADT1^MR"
    "||JONES^WILLIAM^A^III||<19610615>|M||C|<1200 N ELM STREET^^GREENSBORO^NC^27401-1020>|GL"
    "|<(919)379-1212>|(919)271-3434||S||PATID12345001\r"
)

STAYS = (
    "длинный 123456789012", "инновация 500100732259", "индекс 123456", "身体 123456789018",
    "beginning 094259216", "et al. Nature 521, 436", "os. Foo 3",
    "et al. Smith 12, 00-838 Warszawa", "Investigate 5", "Watergate 2", "Colgate 12", "Brigade 3",
    "30 SOME LOUD WORDS ST", "Box 12", "C/ 5", "position: 0.123, 4.567", "location: 12, 34",
    "документ. Тел. нет", "ИНН. Далее 500100732258", "身份。110105", "documento 20240115",
    "AssemblyVersion(\"106.58.43.27\")", "Chrome/39.73.112.28 Safari", "upgraded to 32.53.73.99",
    "openssl 8.12.8 -> 67.112.7.45", "numpy==31.45.66.2", "part no. GE536125A",
    "https://deploy:IUa9fHIdisWTl4JbRC@artifacts.example.org/simple",
    "https://98dadab4ca@o134535.ingest.example.org/6577136", "EAN 4176783097615",
    "7817 7275 4473 6494 5200 5504 4397 0032 7817", "|20240101|F|", "RAPID|1||ABC123^", "PID|1||",
    "zip_offset('0123', 'abcdef')", "[*020D.0020.0002]", "SWIFT: LANGUAGES", "",
)  # fmt: skip


def marked_spans(marked: str) -> tuple[str, list[str]]:
    values = [part.partition(">")[0] for part in marked.split("<")[1:]]
    return marked.replace("<", "").replace(">", ""), values


def found(text: str) -> list[tuple[str, str]]:
    return [(span.label, text[span.start : span.end]) for span in ALL.find(text)]


CASES = [(label, text) for label, texts in NAMED.items() for text in texts]


@pytest.mark.parametrize(("label", "marked"), CASES)
def test_found_beside_its_name(label: str, marked: str) -> None:
    """P4: a name in any script, and as people join it in code, names the value behind it."""
    text, values = marked_spans(marked)
    assert found(text) == [(label, value) for value in values]


@pytest.mark.parametrize("marked", ADDRESSES)
def test_addresses_are_found_whole(marked: str) -> None:
    """P4: an address in its country's order, with its unit, postal code and town."""
    text, values = marked_spans(marked)
    assert found(text) == [("ADDRESS", value) for value in values]


def test_a_patient_in_hl7() -> None:
    """P4: of a PID segment the number, the birth date, the address and the phone number go."""
    text, values = marked_spans(PID)
    labels = ["MEDICAL_RECORD", "DATE_OF_BIRTH", "ADDRESS", "PHONE"]
    assert found(text)[:4] == list(zip(labels, values, strict=True))


@pytest.mark.parametrize("text", STAYS)
def test_look_alikes_stay(text: str) -> None:
    """Contract (pii): parts of words, versions, accounts of services, goods and rows stay."""
    assert found(text) == []


def test_cards_in_a_row_are_cards() -> None:
    """P4: whole cards in front of a card do not hide it."""
    text = "4111 1111 1111 1111 5500 0000 0000 0004 4012 8888 8888 1881"
    assert [label for label, _value in found(text)] == ["CARD"] * 3


SAMPLES = [
    marked_spans(marked)[0] for marked in chain(*NAMED.values(), ADDRESSES, (PID,))
]  # fmt: skip
PARTS = [
    "ИНН ", "身份证", "号码：", "ул. ", "Ленина, ", "д. ", "PID|1||", "^^^", "|", "19610615", "F|",
    "Rua ", "Calle ", "de la ", "PO ", "Box ", " utca ", "No: ", "Storgatan ", "12 ELM ", "STREET",
    "^NC^2", "AB ",
    "II", "IT ", "numer", "Nip", "。", "١٢", "1", "a", " ", "ª", "’", "é",
]  # fmt: skip
TEXTS = st.lists(
    st.sampled_from(SAMPLES) | st.sampled_from(PARTS) | st.text(max_size=2), max_size=7
).map("".join)


@pytest.mark.parametrize("detector", [ALL, DEFAULT], ids=["all", "default"])
def test_every_split_of_every_sample(detector: pii.PiiDetector) -> None:
    """P5: findings before the hold-back point stand, and nothing unseen begins there."""
    for sample in SAMPLES:
        text = f"so {sample} x@y.com, 1 {sample}."
        for at in range(len(text) + 1):
            check_split(detector, text, at)


@pytest.mark.parametrize("label", sorted({*NAMED, "ADDRESS", "MEDICAL_RECORD"}))
def test_every_split_with_one_kind_only(label: str) -> None:
    """P5: what one kind has to hold back, it holds without the help of others."""
    detector = pii.build({"categories": [label]})
    for marked in (*NAMED.get(label, ()), *(ADDRESSES if label == "ADDRESS" else ()), PID):
        text = f"so {marked_spans(marked)[0]} x, 1."
        for at in range(len(text) + 1):
            check_split(detector, text, at)


@settings(max_examples=500, deadline=None)
@given(text=TEXTS, cuts=st.lists(st.integers(0, 10_000), max_size=5))
def test_any_split_and_any_pieces(text: str, cuts: list[int]) -> None:
    """P5: the same for any text of awkward parts; in pieces, with LOOKBEHIND characters before."""
    spans, done = [], 0
    for edge in [*sorted(cut % (len(text) + 1) for cut in cuts), len(text)]:
        check_split(ALL, text, edge)
        base = max(0, done - LOOKBEHIND)
        new, settled = ALL.scan(text[base:edge], done - base, edge == len(text))
        spans += [(s.start + base, s.end + base, s.label) for s in new]
        done = settled + base
    assert spans == [(s.start, s.end, s.label) for s in ALL.find(text)]


@settings(max_examples=300, deadline=None)
@given(st.text() | TEXTS)
def test_folding_is_by_character(text: str) -> None:
    """P5: as many bytes as characters, each of its own character alone."""
    assert fold(text) == b"".join(map(fold, text))


def test_every_script_can_be_told() -> None:
    """Style 8: letters of one word differ; what folding does not know is refused."""
    assert len(set(fold("паспорт"))) == 6 and b"?" not in fold("身份证号ת.ז.हिन्दीไทย여권ΑΦΜ")
    with pytest.raises(ValueError, match="told from other"):
        words("პასპორტი")


@pytest.mark.parametrize(("text", "most"), [
    ("hi ", 0), ("We met in January ", 8), ("she sent it to NASA and then ", 0), ("ИНН ", 0),
    ("born in January ", 8), ("in 2008 the market fell and ", 0),
])  # fmt: skip
def test_plain_words_leave_at_once(text: str, most: int) -> None:
    """P5: a whole word that can begin nothing is not held; only its name makes it wait."""
    assert DEFAULT.holdback(text) == 0 and ALL.holdback(text) <= most


@pytest.mark.parametrize("text", [
    "9Gül Sok. No: 5 Daire: 3", "0улица Ленина 5 это",
    "53 001600 PENNSYLVANIA AVE NW, WASHINGTON, DC 20500",
])  # fmt: skip
def test_digits_before_an_address(text: str) -> None:
    """P5: digits that belong to an address, or stand in front of it, are held like its words."""
    for at in range(len(text) + 1):
        check_split(ALL, text, at)
