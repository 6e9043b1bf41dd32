"""A Presidio analyzer.

Source: Presidio REST API, `POST /analyze`: one text in, a list of findings out, each with
`entity_type`, `start` and `end` in Python's own offsets (code points) and a `score`. spaCy refuses
texts of more than 1,000,000 characters and takes about 1 GB per 100,000, hence CHARS_MAX.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from extproc.config.presidio_settings import PresidioSettings
from extproc.guardrails.services.credentials import bearer
from extproc.guardrails.services.json_call import (
    a_count,
    a_list,
    a_score,
    a_text,
    an_object,
    ask_json,
)
from extproc.guardrails.services.pieces import Piece, cut, pack
from extproc.guardrails.services.ports import Ports
from extproc.guardrails.services.together import ask_all, merged
from extproc.guardrails.values import Exam, GuardrailFault, Opinion, Span

CHARS_MAX = 50_000
OVERLAP = 500
APART_MAX = 8
_NAMES = """
    AGE AU_ABN AU_ACN AU_MEDICARE AU_TFN CREDIT_CARD CRYPTO DATE_TIME EMAIL_ADDRESS ES_NIE ES_NIF
    FI_PERSONAL_IDENTITY_CODE IBAN_CODE ID IN_AADHAAR IN_GSTIN IN_PAN IN_PASSPORT
    IN_VEHICLE_REGISTRATION IN_VOTER IP_ADDRESS IT_DRIVER_LICENSE IT_FISCAL_CODE IT_IDENTITY_CARD
    IT_PASSPORT IT_VAT_CODE KR_RRN LOCATION MAC_ADDRESS MEDICAL_LICENSE NRP ORGANIZATION PERSON
    PHONE_NUMBER PL_PESEL SG_NRIC_FIN SG_UEN TH_TNIN UK_NHS UK_NINO URL US_BANK_NUMBER
    US_DRIVER_LICENSE US_ITIN US_MBI US_NPI US_PASSPORT US_SSN
"""
PRESIDIO_ENTITIES = frozenset(_NAMES.split())
"""Of its page "PII entities supported by Presidio"; others are `OTHER` unless the settings name
them."""


def service(settings: PresidioSettings, ports: Ports) -> Presidio:
    """`endpoint`: the analyzer's URL."""
    return Presidio(settings, ports)


class Presidio:
    def __init__(self, settings: PresidioSettings, ports: Ports) -> None:
        self.endpoint = settings.url.rstrip("/")
        self._settings = settings
        self._http = ports.http
        self._known = PRESIDIO_ENTITIES | set(settings.entities or ())
        self._question: dict[str, Any] = {
            "language": settings.language, "score_threshold": settings.score_threshold,
        }  # fmt: skip
        if settings.entities:
            self._question["entities"] = list(settings.entities)

    async def ask(self, exam: Exam) -> Opinion:
        pieces = pack(cut(exam.passages, CHARS_MAX, OVERLAP), CHARS_MAX, APART_MAX)
        return await ask_all([partial(self._piece, piece) for piece in pieces])

    async def _piece(self, piece: Piece) -> Opinion:
        token = self._settings.bearer_token
        headers = {} if token is None else bearer(token)
        question = {"text": piece.text, **self._question}
        reply = await ask_json(self._http, f"{self.endpoint}/analyze", question, headers)
        found = [span for one in a_list(reply) if (span := self._span(one, len(piece.text)))]
        return Opinion(
            spans=merged(
                (passage, Span(start, end, span.label))
                for span in found
                for passage, start, end in piece.places(span.start, span.end)
            )
        )

    def _span(self, finding: Any, length: int) -> Span | None:
        one = an_object(finding)
        start, end = a_count(one.get("start")), a_count(one.get("end"))
        label, score = a_text(one.get("entity_type")), a_score(one.get("score"))
        if not start < end <= length:
            raise GuardrailFault("bad_answer")
        if score < self._settings.score_threshold:
            return None
        return Span(start, end, label if label in self._known else "OTHER")
