"""The language guardrail: other languages found; code, short and close ones left alone."""
# ruff: noqa: RUF001

from typing import Any

import pycld2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.config.language_settings import LANGUAGES, LanguageSettings
from extproc.guardrails.checks.language import _CODES, check
from extproc.guardrails.checks.prose import letters, prose
from tests.guardrails.checks.builders import exam, told

TEXTS = {
    "en": "I would like to return a pair of shoes that I bought last month, as they do not fit.",
    "de": "Ich möchte ein Paar Schuhe zurückgeben, das ich letzten Monat gekauft habe.",
    "fr": "Je voudrais rendre une paire de chaussures achetée le mois dernier, elle ne me va pas.",
    "es": "Quisiera devolver un par de zapatos que compré el mes pasado porque no me quedan bien.",
    "it": "Vorrei restituire un paio di scarpe che ho comprato il mese scorso perché non mi vanno.",
    "pt": "Gostaria de devolver um par de sapatos que comprei no mês passado porque não me servem.",
    "nl": "Ik wil graag een paar schoenen terugbrengen dat ik vorige maand heb gekocht.",
    "sv": "Jag skulle vilja lämna tillbaka ett par skor som jag köpte förra månaden.",
    "fi": "Haluaisin palauttaa viime kuussa ostamani kengät, koska ne eivät sovi minulle.",
    "pl": "Chciałbym zwrócić parę butów, które kupiłem w zeszłym miesiącu, bo nie pasują.",
    "cs": "Chtěl bych vrátit boty, které jsem koupil minulý měsíc, protože mi nesedí.",
    "tr": "Geçen ay aldığım ayakkabıyı bana uymadığı için iade etmek istiyorum.",
    "ru": "Я хотел бы вернуть пару обуви, которую купил в прошлом месяце, она не подходит.",
    "uk": "Я хотів би повернути пару взуття, яку купив минулого місяця, бо вона не підходить.",
    "el": "Θα ήθελα να επιστρέψω ένα ζευγάρι παπούτσια που αγόρασα τον περασμένο μήνα.",
    "ar": "أود إرجاع زوج من الأحذية اشتريته الشهر الماضي لأنه لا يناسبني على الإطلاق.",
    "he": "אני רוצה להחזיר זוג נעליים שקניתי בחודש שעבר כי הן לא מתאימות לי.",
    "hi": "मैं पिछले महीने खरीदे हुए जूते वापस करना चाहता हूँ क्योंकि वे मुझे ठीक नहीं आते।",
    "zh": "我想退掉上个月在你们商店买的一双鞋,因为这双鞋不合我的脚。",
    "ja": "先月買った靴が足に合わないので、返品したいのですがどうすればいいですか。",
    "ko": "지난달에 산 신발이 발에 맞지 않아서 반품하고 싶은데 어떻게 해야 하나요?",
    "vi": "Tôi muốn trả lại đôi giày mua tháng trước vì chúng không vừa với chân của tôi.",
}
CODE = [
    "def add(a, b):\n    return a + b\n\nprint(add(1, 2))\nfor i in items:\n    total += i.price",
    "SELECT id, name FROM users WHERE id = 3 ORDER BY name; UPDATE users SET name = 'x';",
    '{"id": 12, "name": "foo", "tags": ["a", "b"], "ok": true, "next": null, "total_count": 4}',
    "docker run -it --rm -v $PWD:/work python:3.11 bash -c 'pytest -q' && echo $STATUS",
    "ERROR 2026-01-01T12:00:00Z worker[3]: connection refused (errno=111) host=db-1 port=5432",
    "https://example.com/please/read/this/before/you/continue?with=the&next=step#and-so-on",
    "550e8400-e29b-41d4-a716-446655440000 4111 1111 1111 1111 +49 30 1234567 192.168.0.1",
    "```python\nimport os\n# remove the whole folder when nobody needs it\nos.rmdir(p)\n```",
    "Zürich, São Paulo, München, Kraków, Łódź",
]


def judged(*texts: str, allowed: tuple[str, ...] = ("de",), **fields: Any) -> list[Any]:
    settings = LanguageSettings(allowed=allowed, **fields)
    return told(check(settings).examine(exam(*texts)))


@pytest.mark.parametrize("language", TEXTS)
def test_a_language_is_told_from_every_other(language: str) -> None:
    """P3: a sentence passes where its language is allowed, and nowhere else."""
    text = TEXTS[language]
    assert judged(text, allowed=(language,)) == []
    assert judged(text, text, allowed=("eo",)) == [("OTHER_LANGUAGE", f"t[{i}]") for i in (0, 1)]


@pytest.mark.parametrize("code", CODE)
def test_code_is_no_language(code: str) -> None:
    """P3: programs, data, addresses and names raise no alarm, alone or among German prose."""
    assert judged(code) == []
    assert judged(f"Hier ist, was Sie wollten:\n\n{code}\n\n{TEXTS['de']}") == []


def test_mixed_texts_go_by_their_share() -> None:
    """P3: a quoted sentence is fine; where most of a text is in another language it is not."""
    quote = f"Sie schrieben: „{TEXTS['en']}“ " + TEXTS["de"] * 4
    assert judged(quote) == []
    assert judged(TEXTS["en"] * 3 + TEXTS["de"]) == [("OTHER_LANGUAGE", "t[0]")]
    assert judged(quote, share=0.1) == [("OTHER_LANGUAGE", "t[0]")]


def test_short_texts_are_not_judged() -> None:
    """P3: an 'OK' is no language; `min_letters` says from where on."""
    assert judged("OK, thank you!", allowed=("ja",)) == []
    assert judged("Thank you very much, see you soon!", allowed=("ja",), min_letters=20) != []


def test_shouting_is_language() -> None:
    """P3: capitals are no way around."""
    assert judged(TEXTS["en"].upper()) == [("OTHER_LANGUAGE", "t[0]")]


@pytest.mark.parametrize(("text", "allowed"), [
    ("Saya ingin mengembalikan sepasang sepatu yang saya beli bulan lalu karena tidak pas.", "ms"),
    ("Jeg vil gjerne returnere et par sko som jeg kjøpte forrige måned for de passer ikke.", "da"),
    ("Sretan rođendan svima, nadam se da ćete uživati u ovom prekrasnom danu.", "sr"),
])  # fmt: skip
def test_close_languages_count_as_one(text: str, allowed: str) -> None:
    """P3: what a short text cannot tell apart is not held against it."""
    assert judged(text, allowed=(allowed,)) == []
    assert judged(text, allowed=("fi",)) != []


def test_the_settings_know_every_language_that_can_be_found() -> None:
    """P7: the table of settings is that of the detector."""
    names = dict(pycld2.LANGUAGES)
    found = {names[name] for name in pycld2.DETECTED_LANGUAGES if name in names}
    codes = {_CODES.get(code, code) for code in found}
    assert {code for code in codes if len(code) == 2} == LANGUAGES


@settings(max_examples=200, deadline=None)
@given(text=st.text(st.characters(), max_size=300))
def test_any_text_can_be_judged(text: str) -> None:
    """P8: surrogates, controls and noncharacters do not stop the detector."""
    judged(text + TEXTS["en"], min_letters=10)
    prose(text).encode("utf-8")


@pytest.mark.parametrize("unit", ["a", "a ", "`", "```\n", "ab.", "A", "1", " \n", "x`", "日本"])
def test_work_grows_with_the_text(unit: str) -> None:
    """P8: a hundred thousand characters of anything are judged; the time limit is the test's."""
    text = unit * (100_000 // len(unit))
    assert letters(prose(text)) <= 3 * len(text)
    judged(text)


@pytest.mark.parametrize("wrong", [
    {"allowed": []}, {"allowed": ["english"]}, {"allowed": ["de", "de"]}, {"allowed": ["EN"]}, {},
    {"allowed": ["de"], "share": 0},
])  # fmt: skip
def test_languages_nobody_can_detect_are_mistakes(wrong: dict[str, Any]) -> None:
    """P7: a code that could never be found would refuse every text."""
    with pytest.raises(ValueError):
        LanguageSettings.model_validate(wrong, strict=False)
