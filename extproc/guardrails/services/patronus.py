"""Patronus AI's evaluators.

Source: API reference, "Evaluate" (POST /v1/evaluate): `evaluators`, the texts under
`evaluated_model_*`; `results`, one per evaluator, in order, each with a `status` and, when that is
`success`, an `evaluation_result` whose `pass` is the verdict. `capture: none`: nothing is kept
there. Evaluators such as toxicity and PII read `evaluated_model_output` alone; so a request's texts
are sent as input and as output, for whichever of the two an evaluator reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from extproc.config.patronus_settings import PatronusSettings
from extproc.guardrails.services.credentials import secret_text
from extproc.guardrails.services.json_call import a_flag, a_list, a_text, an_object, ask_json
from extproc.guardrails.services.ports import Ports
from extproc.guardrails.services.target import ON_REQUESTS, judges_request
from extproc.guardrails.values import Exam, GuardrailFault, Opinion, Passage, Remark

CHARS_MAX = 400_000
CONTEXTS_MAX = 50
_LABELS: Mapping[str, str] = {
    "answer-relevance": "ANSWER_RELEVANCE", "context-relevance": "CONTEXT_RELEVANCE",
    "context-sufficiency": "CONTEXT_SUFFICIENCY", "glider": "GLIDER", "judge": "JUDGE",
    "lynx": "HALLUCINATION", "hallucination": "HALLUCINATION", "phi": "PHI", "pii": "PII",
    "toxicity": "TOXICITY",
}  # fmt: skip


def service(settings: PatronusSettings, ports: Ports) -> Patronus:
    """`endpoint`: the URL of the API."""
    return Patronus(settings, ports)


class Patronus:
    def __init__(self, settings: PatronusSettings, ports: Ports) -> None:
        self.endpoint = settings.base_url.rstrip("/")
        self._url = f"{self.endpoint}/v1/evaluate"
        self._settings = settings
        self._http = ports.http
        self._evaluators = [
            {"evaluator": one.evaluator, "explain_strategy": "never"}
            | ({"criteria": one.criteria} if one.criteria else {})
            for one in settings.evaluators
        ]

    async def ask(self, exam: Exam) -> Opinion:
        texts = _texts(exam, judges_request(exam, self._settings.target))
        if not texts["evaluated_model_output"]:
            return Opinion()
        if sum(len(t) for text in texts.values() for t in text) > CHARS_MAX:
            raise GuardrailFault("too_large")
        question = {"evaluators": self._evaluators, "capture": "none", **texts}
        key = {"x-api-key": secret_text(self._settings.api_key)}
        reply = an_object(await ask_json(self._http, self._url, question, key))
        return Opinion(tuple(self._remarks(a_list(reply.get("results")))))

    def _remarks(self, results: Sequence[Any]) -> Iterator[Remark]:
        heard = [_verdict(result) for result in results]
        for passed, evaluator in zip(heard, self._settings.evaluators, strict=False):
            if passed is False:
                yield Remark(_label(evaluator.evaluator))
        if False in heard:
            return
        if None in heard or len(heard) != len(self._evaluators):
            raise GuardrailFault("bad_answer")


def _texts(exam: Exam, of_request: bool) -> dict[str, Any]:
    asked = exam.passages if exam.hook in ON_REQUESTS else exam.asked
    judged = _joined(asked if of_request else exam.passages)
    conversation = [p for p in asked if p.role not in ("system", "tool")]
    texts: dict[str, Any] = {
        "evaluated_model_input": judged if of_request else _joined(conversation),
        "evaluated_model_output": judged,
    }
    if system := _joined([p for p in asked if p.role == "system"]):
        texts["evaluated_model_system_prompt"] = system
    if context := [p.text for p in asked if p.role == "tool"]:
        texts["evaluated_model_retrieved_context"] = context[-CONTEXTS_MAX:]
    return texts


def _verdict(result: Any) -> bool | None:
    """None: this evaluator could not say."""
    one = an_object(result)
    if a_text(one.get("status")) != "success":
        return None
    evaluation = an_object(one.get("evaluation_result"))
    return None if evaluation.get("pass") is None else a_flag(evaluation["pass"])


def _label(evaluator: str) -> str:
    """By what the evaluator's name begins with: `lynx-large-2024-07-23` is a `lynx`."""
    name = evaluator.rpartition("/")[2].lower()
    fitting = [known for known in _LABELS if name.startswith(known)]
    return _LABELS[max(fitting, key=len)] if fitting else "OTHER"


def _joined(passages: Sequence[Passage]) -> str:
    return "\n\n".join(p.text for p in passages if p.text.strip())
