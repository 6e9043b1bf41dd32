"""What a `pii` guardrail can be told: categories, countries, values that are no secret."""

from typing import Any

import pytest

from extproc.config.pii_names import OTHER_NAMES
from extproc.config.pii_settings import DEFAULT_LABELS, LOCALES, PII_KINDS, PiiSettings, locale_of
from extproc.guardrails.detectors import pii
from extproc.guardrails.detectors.pii_kinds import kinds
from extproc.guardrails.detectors.pii_words import words

LABELS = {label for labels in PII_KINDS.values() for label in labels}
SSN, NINO, MAIL, BIRTH = "219-09-9998", "AB123456C", "a@b.io", "DOB: 1985-03-12"


def labels(config: dict[str, Any], text: str) -> list[str]:
    return [span.label for span in pii.build(config).find(text)]


def test_vocabulary_and_table_are_the_same() -> None:
    """P7: every label that can be configured has a row, and every row a label."""
    assert {kind.label for kind in kinds()} == LABELS
    assert {locale_of(label) for label in LABELS} == {*LOCALES, ""}
    national = {kind.label: kind.locale for kind in kinds() if locale_of(kind.label)}
    assert national == {label: locale_of(label) for label in national}


def test_a_label_is_replaced_by_its_name() -> None:
    """Contract (pii): a finding becomes its label in brackets."""
    for kind in kinds():
        detector = pii.build({"categories": [kind.label]})
        assert detector._texts == {kind.label: f"[{kind.label}]"}


def test_default_is_contacts_and_arithmetic() -> None:
    """Contract (pii): without `categories` the weaker kinds stay, the five of the sample do not."""
    assert {"EMAIL", "PHONE", "CARD", "IBAN", "US_SSN"} <= DEFAULT_LABELS < LABELS
    assert labels({}, f"{SSN} {NINO} {MAIL} {BIRTH} ip 8.8.4.40") == ["US_SSN", "UK_NINO", "EMAIL"]


@pytest.mark.parametrize(("categories", "expected"), [
    (["EMAIL"], ["EMAIL"]), (["email"], ["EMAIL"]), (["national_id"], ["US_SSN", "UK_NINO"]),
    (["PHI"], ["DATE_OF_BIRTH"]), (["ALL"], ["US_SSN", "UK_NINO", "EMAIL", "DATE_OF_BIRTH"]),
    (["*"], ["US_SSN", "UK_NINO", "EMAIL", "DATE_OF_BIRTH"]),
    (["uknationalinsurancenumber"], ["UK_NINO"]), (["USSocialSecurityNumber"], ["US_SSN"]),
    (["UKNationalInsuranceNumber", "Email"], ["UK_NINO", "EMAIL"]), (["FINANCIAL"], []),
])  # fmt: skip
def test_categories_choose(categories: list[str], expected: list[str]) -> None:
    """Contract (`categories`): labels, groups and the names that others use, in one list."""
    assert labels({"categories": categories}, f"{SSN} {NINO} {MAIL} {BIRTH}") == expected


def test_names_of_others_are_labels_of_ours() -> None:
    """Contract (`pii_categories` of the reference): each name means kinds that exist."""
    assert {label for names in OTHER_NAMES.values() for label in names.split()} <= LABELS


@pytest.mark.parametrize(("locales", "expected"), [
    (["US"], ["US_SSN", "EMAIL"]), (["UK"], ["UK_NINO", "EMAIL"]), (["gb"], ["UK_NINO", "EMAIL"]),
    (["DE", "FR"], ["EMAIL"]), (["UK", "US"], ["US_SSN", "UK_NINO", "EMAIL"]),
])  # fmt: skip
def test_locales_choose_countries(locales: list[str], expected: list[str]) -> None:
    """`locales`: national kinds of other countries stay; what has no country is found anywhere."""
    assert labels({"locales": locales}, f"{SSN} {NINO} {MAIL}") == expected


def test_a_number_of_two_countries() -> None:
    """`locales`: the Czech and the Slovak birth number are one kind."""
    for locales in (["CZ"], ["SK"]):
        assert labels({"locales": locales}, "710319/2745") == ["CZ_BIRTH_NUMBER"]
    assert labels({"locales": ["PL"]}, "710319/2745") == []


def test_phone_formats_follow_the_country() -> None:
    """`locales`: national formats are their country's, international form is everybody's."""
    text = "555-123-4567, 01 42 68 53 00, +49 30 1234567"
    assert labels({"locales": ["FR"]}, text) == ["PHONE", "PHONE"]
    assert labels({"locales": ["JP"]}, text) == ["PHONE"]


def test_allowed_values_are_never_reported() -> None:
    """`allow`: whole values however they are written, and e-mail domains, not their neighbours."""
    config = {"allow": ["@corp.example", "+1 800 555 0199", "Info@shop.example"]}
    text = "me@corp.example me@CORP.example info@shop.example +1-800-555-0199"
    assert labels(config, text) == []
    text = "me@sub.corp.example me@corp.example.com x@shop.example +1-800-555-0198"
    assert labels(config, text) == ["EMAIL", "EMAIL", "EMAIL", "PHONE"]


@pytest.mark.parametrize(("config", "needle"), [
    ({"categories": ["EMAIL", "SHOE_SIZE"]}, "'categories.1': must be a label"),
    ({"categories": ["EMIAL"]}, "did you mean 'EMAIL'?"),
    ({"categories": ["Person"]}, "no pattern"),
    ({"categories": ["FRSocialSecurityNumbr"]}, "did you mean 'FRSocialSecurityNumber'?"),
    ({"categories": ["FINANCAL"]}, "did you mean 'FINANCIAL'?"),
    ({"categories": []}, "at least 1 item"), ({"categories": "EMAIL"}, "'categories'"),
    ({"kategories": ["EMAIL"]}, "kategories"), ({"locales": ["XX"]}, "'locales.0': must be one of"),
    ({"locales": []}, "at least 1 item"), ({"allow": ["@"]}, "'allow.0': must be a whole value"),
    ({"categories": ["UK_NINO"], "locales": ["US"]}, "leaves no kind"),
    ({"private_addresses": "yes please"}, "'private_addresses'"),
])  # fmt: skip
def test_mistakes_are_named(config: dict[str, Any], needle: str) -> None:
    """P7: each mistake is named by its place; P4: no value is quoted."""
    assert any(needle in mistake for mistake in pii.mistakes(config)), pii.mistakes(config)
    assert not any("SHOE_SIZE" in mistake for mistake in pii.mistakes(config))


def test_right_settings_have_no_mistakes() -> None:
    """P7: what is documented is accepted."""
    assert pii.mistakes({}) == []
    config = {"categories": ["EMAIL", "PHI", "FRSocialSecurityNumber"], "locales": ["FR", "DE"]}
    assert pii.mistakes({**config, "allow": ["@b.io"], "private_addresses": True}) == []
    assert PiiSettings.model_validate(config, strict=False).labels > {"FR_NIR", "DE_KVNR", "EMAIL"}


def test_words_of_unknown_scripts_are_refused() -> None:
    """Style 8: a word that folding makes the same as others is refused when the table is built."""
    with pytest.raises(ValueError, match="told from other"):
        words("პასპორტი")
