"""Vectors of the topics guardrail: keywords with endings, thresholds, allowed topics."""

from typing import Any

import pytest

from extproc.guardrails.detectors import topics


def found(text: str, **config: Any) -> list[tuple[str, str]]:
    return [(s.label, text[s.start : s.end]) for s in topics.build(config).find(text)]


def deny(*keywords: str, threshold: int = 1) -> list[dict[str, Any]]:
    return [{"name": "topic", "keywords": list(keywords), "threshold": threshold}]


@pytest.mark.parametrize(("keyword", "hits", "misses"), [
    ("invest", "invest invests Invested investing investers", "investigate vest reinvest investor"),
    ("policy", "policy policies Policy's", "police policeman polity"),
    ("mortgage", "mortgage mortgages mortgaged mortgaging", "mortgagor amortgage"),
    ("planning", "plan plans planned planning", "plane planet plankton"),
    ("car", "car cars Car's", "care cargo scar card"), ("news", "news", "new newt"),
    ("lawsuits", "lawsuit lawsuits", "law suit"), ("bank account", "bank accounts bank-account",
    "bank"),
    ("Aktie", "Aktie Aktien", "Akt Aktion"), ("Kündigung", "Kündigung Kündigungen kündigen",
    "kund"),
    ("Straße", "Straße Strasse Straßen", "Strass"), ("tax", "tax taxes", "taxi syntax"),
    ("AI", "AI ai", "aim said AIs"), ("C++", "C++ c++", "C+ c"), ("*versicherung*",
     "Versicherung Krankenversicherung Versicherungsvertrag", "versichert"), ("crypto*",
     "cryptocurrency",
     "encrypto"), ("政治", "关于政治的", "政 治"), ("выборы", "выборы Выборы", "выбор"),
    ("naïve", "naive naïve", "navel"),
])  # fmt: skip
def test_keywords_tolerate_endings(keyword: str, hits: str, misses: str) -> None:
    """Contract (topics): whole words in their common endings; no look-alikes."""
    phrases = ["bank accounts", "bank-account"] if " " in keyword else hits.split()
    for hit in phrases:
        assert found(f"so {hit}, yes", deny=deny(keyword)), hit
    for miss in [misses] if " " in keyword or " " in misses else misses.split():
        assert not found(f"so {miss}, yes", deny=deny(keyword)), miss


def test_a_threshold_wants_different_keywords_near_each_other() -> None:
    """Contract (`threshold`): that many different keywords that begin within 500 characters."""
    rule = deny("lawyer", "court", "sue", threshold=2)
    assert found("my lawyer told the lawyers", deny=rule) == []
    assert found("a lawyer in court, sued", deny=rule) == [("topic", "lawyer in court")]
    assert found("lawyer" + " x" * 240 + " court", deny=rule)
    assert not found("lawyer" + " x" * 250 + " court", deny=rule)


def test_topics_of_one_guardrail_are_told_apart() -> None:
    """Contract (`deny`): a finding is called after its topic."""
    both = [
        {"name": "money", "keywords": ["loan"]},
        {"name": "health care", "keywords": ["doctor"]},
    ]
    assert found("a loan for doctors", deny=both) == [("money", "loan"), ("health care", "doctors")]


ALLOW = [{"name": "cooking", "keywords": ["recipe", "cook", "oven"]}]
LONG = "Tell me everything about the French revolution, its causes and what came of it. "


def test_a_long_text_must_be_about_an_allowed_topic() -> None:
    """Contract (`allow`): a text of `allow_min_chars` without an allowed keyword is off topic."""
    assert found("Hello there!", allow=ALLOW) == []
    assert found(LONG * 3, allow=ALLOW) == [("OFF_TOPIC", LONG * 3)]
    assert found(LONG * 3 + "And cook something.", allow=ALLOW) == []
    assert found(LONG, allow=ALLOW, allow_min_chars=50) == [("OFF_TOPIC", LONG)]
    assert found(LONG * 30 + "a recipe", allow=ALLOW)[0][0] == "OFF_TOPIC"


def test_each_text_of_a_body_is_judged_alone() -> None:
    """P4: one text about an allowed topic does not speak for another."""
    text = f"{LONG * 3}\x00my oven is hot {LONG * 3}\x00ok"
    assert found(text, allow=ALLOW) == [("OFF_TOPIC", LONG * 3)]


def test_deny_and_allow_go_together() -> None:
    """Contract (topics): an allowed topic does not allow a denied one."""
    text = "A recipe for lawyers. " + LONG * 3
    assert found(text, allow=ALLOW, deny=deny("lawyer")) == [("topic", "lawyers")]


@pytest.mark.parametrize(("config", "needle"), [
    ({}, "'deny' or 'allow'"), ({"deny": [{"name": "x", "keywords": []}]}, "keywords"),
    ({"deny": [{"name": "x", "keywords": ["a"], "threshold": 2}]}, "different keywords"),
    ({"deny": [{"name": "OFF_TOPIC", "keywords": ["a"]}]}, "OFF_TOPIC"),
    ({"deny": [{"name": "1", "keywords": ["a"]}]}, "beginning in a letter"),
    ({"deny": deny("a"), "allow": deny("b")}, "two topics"),
    ({"deny": deny("...")}, "word or phrase"),
    ({"deny": deny("a*b")}, "'*'"), ({"topics": []}, "topics"),
    ({"deny": deny(*(f"word{n}" for n in range(2001)))}, "at most 2000"),
    ({"deny": deny(*map(chr, range(0x4E00, 0x4E90)))}, "outside ASCII"),
])  # fmt: skip
def test_mistakes_are_named(config: dict[str, Any], needle: str) -> None:
    """P7: empty topics, thresholds that nothing meets, and double names are mistakes."""
    assert any(needle in mistake for mistake in topics.mistakes(config))


def test_good_settings_have_no_mistakes() -> None:
    """P7: what is right passes."""
    assert topics.mistakes({"deny": deny("loan", "debt", threshold=2)}) == []
