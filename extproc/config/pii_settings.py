"""`config` of a `pii` guardrail: which kinds of personal data, of which countries.

Promises: `PII_KINDS` is the closed vocabulary of labels, by group; the detector's table has no
other and a test holds them equal. Refuses: kinds nobody knows or no pattern can find, and a choice
that leaves none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from extproc.config.base import Document
from extproc.config.fields import complaint
from extproc.config.mistake import did_you_mean
from extproc.config.pii_names import OTHER_NAMES, WITHOUT_A_PATTERN

PII_KINDS: Mapping[str, tuple[str, ...]] = {
    group: tuple(labels.split())
    for group, labels in {
        "CONTACT": "EMAIL PHONE",
        "FINANCIAL": """
            AU_BSB BANK_ACCOUNT CARD CRYPTO_WALLET IBAN IN_IFSC SWIFT_BIC UK_SORT_CODE
            US_ABA_ROUTING
        """,
        "NATIONAL_ID": """
            AE_EMIRATES_ID AR_DNI AT_SVNR BE_NATIONAL BG_EGN BR_CPF CA_SIN CH_AHV CL_RUT
            CN_RESIDENT_ID CZ_BIRTH_NUMBER DE_ID_CARD DE_SOCIAL_SECURITY DK_CPR EE_PERSONAL_CODE
            ES_DNI ES_NIE ES_SOCIAL_SECURITY FI_HETU FR_NIR GR_AMKA HK_ID HR_OIB HU_TAJ ID_NIK
            IE_PPS IL_ID IN_AADHAAR IT_CODICE_FISCALE JP_MY_NUMBER KR_RRN LT_PERSONAL_CODE LU_ID
            LV_PERSONAL_CODE MX_CURP MY_NRIC NL_BSN NO_FODSELSNUMMER PK_CNIC PL_ID_CARD PL_PESEL
            PT_CITIZEN_CARD RO_CNP RU_SNILS SA_NATIONAL_ID SE_PERSONNUMMER SG_NRIC SI_EMSO TH_ID
            TR_KIMLIK TW_ID UK_NINO US_SSN ZA_ID
        """,
        "TAX_ID": """
            AR_CUIT AU_TFN BR_CNPJ DE_TAX_ID FR_TAX_ID GR_AFM HU_TAX_ID IN_PAN IT_PARTITA_IVA MX_RFC
            NZ_IRD PL_NIP PT_NIF RU_INN UK_UTR US_EIN US_ITIN
        """,
        "DOCUMENT": "DRIVING_LICENCE PASSPORT UK_DRIVING_LICENCE",
        "PHI": """
            AU_MEDICARE CA_OHIP DATE_OF_BIRTH DE_KVNR HEALTH_INSURANCE ICD10 MEDICAL_RECORD NZ_NHI
            UK_NHS US_DEA US_MBI US_NPI
        """,
        "BIRTH": "DATE_OF_BIRTH",
        "LOCATION": "ADDRESS GPS POSTAL_CODE",
        "NETWORK": "IP_ADDRESS MAC_ADDRESS",
        "VEHICLE": "VIN",
    }.items()
}
"""Group -> labels. A label that begins with a country belongs to it."""

_LABELS = frozenset(label for labels in PII_KINDS.values() for label in labels)
_NOT_BY_ITSELF = """
    ADDRESS BANK_ACCOUNT CRYPTO_WALLET DATE_OF_BIRTH DRIVING_LICENCE GPS HEALTH_INSURANCE ICD10
    IP_ADDRESS MAC_ADDRESS MEDICAL_RECORD PASSPORT POSTAL_CODE SWIFT_BIC VIN
    AR_DNI AU_BSB IN_IFSC UK_SORT_CODE PK_CNIC MX_RFC
"""
DEFAULT_LABELS = _LABELS.difference(_NOT_BY_ITSELF.split())
"""Looked for without `categories`: contacts, and numbers that their own arithmetic tells."""

_LOCALES = """
    AE AR AT AU BE BG BR CA CH CL CN CZ DE DK EE ES FI FR GR HK HR HU ID IE IL IN IT JP KR LT LU LV
    MX MY NL NO NZ PK PL PT RO RU SA SE SG SI TH TR TW UK US ZA
"""
LOCALES = tuple(_LOCALES.split())
_SHARED = {"CZ": ("CZ", "SK")}
"""Countries that kept a number of a state they once were."""
_LOCALE_NAMES = {"GB": "UK", "EL": "GR"}
_ALL = ("*", "ALL")
_SPELLED = {name.upper(): name for name in (*OTHER_NAMES, *PII_KINDS, *_LABELS, *_ALL)}
"""Any name in capitals -> how it is written; where two are alike, ours."""


def locale_of(label: str) -> str:
    """The country a label names, '' for none."""
    country = label[:2]
    return country if label[2:3] == "_" and country in LOCALES else ""


def written(value: str) -> str:
    """A value as `allow` compares it: no separators, no capitals."""
    return value.lower() if "@" in value else re.sub(r"[\s().+/-]", "", value).lower()


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


def _category(value: Any) -> Any:
    """Labels, groups and the names of others, each as it is written here."""
    return _SPELLED.get(value.upper(), value) if isinstance(value, str) else value


def _known(value: str) -> str:
    if value in _SPELLED.values():
        return value
    if value.upper() in WITHOUT_A_PATTERN:
        raise complaint("names something that no pattern can find")
    near = (
        did_you_mean(value, OTHER_NAMES)
        or did_you_mean(value.upper(), PII_KINDS)
        or did_you_mean(value.upper(), _LABELS)
    )
    raise complaint(f"must be a label of personal data or one of: {', '.join(PII_KINDS)}{near}")


def _locale(value: str) -> str:
    value = _LOCALE_NAMES.get(value, value)
    if value not in LOCALES and value not in _SHARED["CZ"]:
        raise complaint(f"must be one of: {', '.join(LOCALES)}")
    return value


def _allowed(value: str) -> str:
    if not written(value).strip("@"):
        raise complaint("must be a whole value, or a domain behind an @")
    return value


PiiCategory = Annotated[str, BeforeValidator(_category), AfterValidator(_known)]
PiiLocale = Annotated[str, BeforeValidator(_upper), AfterValidator(_locale)]
Allowed = Annotated[str, AfterValidator(_allowed)]


class PiiSettings(Document):
    """`config` of a `pii` guardrail; no `categories` means `DEFAULT_LABELS`, no `locales` all.

    `allow`: values that are never reported, and e-mail domains as `@example.com`.
    `private_addresses`: IP addresses of private ranges are reported too.
    """

    categories: tuple[PiiCategory, ...] | None = Field(default=None, min_length=1)
    locales: tuple[PiiLocale, ...] | None = Field(default=None, min_length=1)
    allow: tuple[Allowed, ...] = Field(default=(), max_length=10_000)
    private_addresses: bool = False

    @cached_property
    def labels(self) -> frozenset[str]:
        """The labels that are looked for."""
        wanted = DEFAULT_LABELS if self.categories is None else _spread(self.categories)
        return frozenset(label for label in wanted if self._here(locale_of(label)))

    @cached_property
    def allowed(self) -> frozenset[str]:
        return frozenset(map(written, self.allow))

    def wants(self, label: str, locale: str) -> bool:
        """Whether a row is looked for: its label and its country are."""
        return label in self.labels and self._here(locale)

    def _here(self, country: str) -> bool:
        locales = self.locales
        if not country or locales is None:
            return True
        return any(here in locales for here in _SHARED.get(country, (country,)))

    @model_validator(mode="after")
    def _something_is_looked_for(self) -> Self:
        if not self.labels:
            raise complaint("leaves no kind of personal data to look for", "locales")
        return self


def _spread(categories: Iterable[str]) -> frozenset[str]:
    """Labels of labels, of groups, and of what others call them."""
    named = [name for one in categories for name in OTHER_NAMES.get(one, one).split()]
    if any(name in _ALL for name in named):
        return _LABELS
    return frozenset(label for name in named for label in PII_KINDS.get(name, (name,)))
