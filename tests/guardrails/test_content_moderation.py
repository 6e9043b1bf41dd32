"""Vectors of the moderation lexicon. WARNING: some sentences are unpleasant."""

import pytest

from extproc.config.content_moderation_settings import CONTENT_CATEGORIES
from extproc.guardrails.detectors import content_moderation
from extproc.guardrails.detectors.content_moderation_words import LEXICON


def labels(text: str, threshold: int = 2, **config: object) -> list[str]:
    detector = content_moderation.build({"severity_threshold": threshold, **config})
    return [span.label for span in detector.find(text)]


@pytest.mark.parametrize(("label", "text"), [
    ("VIOLENCE_6", "I will kill you tonight."), ("VIOLENCE_6", "i'm going to stab him"),
    ("VIOLENCE_6", "How do I poison my neighbour without getting caught?"),
    ("VIOLENCE_6", "let's shoot up the school"), ("VIOLENCE_2", "a massacre"),
    ("VIOLENCE_6", "Ich bringe dich um"), ("VIOLENCE_6", "je vais te tuer"),
    ("VIOLENCE_6", "Te voy a matar"), ("VIOLENCE_6", "I w1ll k1ll y0u"),
    ("VIOLENCE_6", "I will, kill - you"), ("VIOLENCE_6", "I WILL KÍLL YOU"),
    ("SELF_HARM_6", "sometimes I think about killing myself"), ("SELF_HARM_4", "I want to die"),
    ("SELF_HARM_6", "what is the easiest way to die"), ("SELF_HARM_6", "ich will mich umbringen"),
    ("HARASSMENT_6", "nobody needs you, go die"), ("HARASSMENT_4", "You are worthless"),
    ("HARASSMENT_4", "Ich weiß wo du wohnst"), ("HARASSMENT_2", "Stupid idiot!"),
    ("HATE_6", "kill all the immigrants"), ("HATE_4", "I hate all Muslims"),
    ("HATE_6", "refugees are vermin"), ("HATE_4", "Ausländer raus!"),
    ("SEXUAL_4", "send me nudes"), ("SEXUAL_6", "child pornography"), ("SEXUAL_2",
    "an erotic tale"),
    ("WEAPONS_6", "how to make a pipe bomb"), ("WEAPONS_4", "throw a molotov cocktail"),
    ("WEAPONS_6", "eine Bombe bauen"), ("ILLEGAL_6", "where can I hire a hitman"),
    ("ILLEGAL_4", "buy cocaine"), ("ILLEGAL_6", "hire hitman"), ("HARASSMENT_2", "f*ck you"),
    ("VIOLENCE_6", "bomb the building"), ("SELF_HARM_6", "unalive myself"),
    ("SEXUAL_6", "sex with a 12 year old"), ("SELF_HARM_6", "k\u0456ll myself"),
    ("ILLEGAL_2", "money laundering"), ("SELF_HARM_6", "#KillYourself"),
    ("SELF_HARM_6", "k1llurself"),
])  # fmt: skip
def test_phrases_have_a_severity(label: str, text: str) -> None:
    """Contract (content-moderation): a phrase is found with its category and severity."""
    assert labels(text) == [label]


@pytest.mark.parametrize("text", [
    "How do I kill a process that hangs?", "kill -9 1234", "The battery died.",
    "I could die laughing",
    "shoot me an e-mail", "we shot the scene at noon", "beat the eggs", "a killer feature",
    "That bombed at the box office", "Execute the plan and kill the lights",
    "photo shoot with Anna",
    "the assassin bug is an insect", "breast cancer screening", "sexual reproduction in plants",
    "women are underrepresented", "the Jewish museum", "black people and white people voted",
    "cut the cake myself", "hang in there", "He hurt his knee", "blow up the balloon",
    "bath bombs make a gift", "strike the right tone", "Essex, Sussex, Middlesex",
    "cockpit, scunthorpe",
    "die Katze, der Hund, das Auto", "la bombe glacée", "drug interactions of aspirin",
    "cook pasta",
    "launder the shirts", "hack week at the office", "the spice must flow",
    "a chink-free wall, spicy",
    "I will find you a seat", "we will hurry", "you are a gem", "no reason to leave", "4 5 0 1 7",
])  # fmt: skip
def test_benign_sentences_stay(text: str) -> None:
    """Contract (content-moderation): idioms, jargon, medicine and parts of words stay, at any
    threshold."""
    assert labels(text, 0) == []


@pytest.mark.parametrize(("plain", "lowered"), [
    ("He says: I will kill you", "In the novel he says: I will kill you"),
    ("a mass shooting", "police report: a mass shooting"), ("I want to die",
    "My patient says I want to die"),
    ("child porn", "convicted of child porn in court"), ("a pipe bomb",
    "a documentary about a pipe bomb"),
])  # fmt: skip
def test_surroundings_lower(plain: str, lowered: str) -> None:
    """Contract (content-moderation): medicine, news, teaching and fiction lower by two."""
    (before,) = labels(plain)
    severity = int(before[-1]) - 2
    assert labels(lowered) == ([before[:-1] + str(severity)] if severity else [])


def test_surroundings_raise() -> None:
    """Contract (content-moderation): asking for instructions or telling an intent raises by two."""
    assert labels("thermite recipe") == ["WEAPONS_4"]
    assert labels("Teach me the thermite recipe step by step") == ["WEAPONS_6"]


def test_jargon_is_no_violence() -> None:
    """Contract (content-moderation): words of computing and e-mail beside a phrase lower by four,
    and only what is about violence."""
    assert labels("I will shoot you an email") == ["VIOLENCE_2"]
    assert labels("How to kill them: find the zombie process first") == ["VIOLENCE_2"]
    assert labels("kill yourself, process 7") == ["SELF_HARM_6"]


def test_words_of_another_text_do_not_weigh() -> None:
    """P4: in a joined body only the phrase's own text is read."""
    assert labels("a novel\x00I will kill you\x00a novel") == ["VIOLENCE_6"]


def test_threshold_chooses() -> None:
    """Contract (`severity_threshold`): what is below it passes; 0 means every finding."""
    text = "money laundering. you are worthless. kill all the immigrants."
    assert [len(labels(text, t)) for t in (0, 2, 3, 4, 5, 6)] == [3, 3, 2, 2, 1, 1]


def test_categories_choose() -> None:
    """Contract (`categories`): only what is named is looked for."""
    assert labels("I will kill you; send me nudes", categories=["Sexual"]) == ["SEXUAL_4"]


def test_the_lexicon_and_the_vocabulary_agree() -> None:
    """Contract (content-moderation): each category has phrases of each severity, and no other."""
    assert set(LEXICON) == set(CONTENT_CATEGORIES)
    assert all(set(phrases) == {2, 4, 6} for phrases in LEXICON.values())


@pytest.mark.parametrize(("config", "needle"), [
    ({"severity_threshold": 7}, "severity_threshold"), ({"severity_threshold": -1}, "threshold"),
    ({"categories": ["hate"]}, "did you mean 'Hate'"), ({"categories": []}, "categories"),
    ({"threshold": 2}, "threshold"),
])  # fmt: skip
def test_mistakes_are_named(config: dict, needle: str) -> None:
    """P7: thresholds out of range, unknown categories and keys are mistakes."""
    assert any(needle in mistake for mistake in content_moderation.mistakes(config))
    assert content_moderation.mistakes({"severity_threshold": 0}) == []
