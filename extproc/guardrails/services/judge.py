"""A model judges what the patterns cannot: grounded, to the point, on topic, by one's own rules.

Promises: the model is asked through this gateway's own listener, as a virtual account: routing,
fallbacks, prices, budgets and an audit entry come with that, and the cost is that account's. The
judge's entry names the judged call (`envelope_judged` in its metadata) and continues its trace.
What it may object with is a closed set of labels; nothing of the texts or of the judge's reasoning
goes anywhere else.
Refuses: to judge the judge's own call; to cut what is to be judged (`too_large`); to object where
the objection rests on context that had to be cut (`too_large`).
"""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from extproc.config.judge_settings import CONTEXT_CUT, JudgeSettings
from extproc.guardrails.services import judge_answer, judge_prompts
from extproc.guardrails.services.judge_prompts import Marks, Rubric, Shown
from extproc.guardrails.services.ports import Ports
from extproc.guardrails.values import Exam, GuardrailFault, Opinion, Passage, Remark, Scene
from extproc.llm.call import Json

PATH = "/v1/chat/completions"
JUDGED = "envelope_judged"
"""Metadata key of a judge's call: the decision id of the call it judges."""


def service(settings: JudgeSettings, ports: Ports) -> Judge:
    """The judge of one guardrail."""
    return Judge(settings, ports)


class Judge:
    """`endpoint`: judges of one account and model fail together, and not with the others."""

    def __init__(self, settings: JudgeSettings, ports: Ports) -> None:
        self.endpoint = f"judge:{settings.account}:{settings.model}"
        self._settings = settings
        self._ports = ports
        self._rubric: Rubric = judge_prompts.rubric(settings)
        self._response_format = judge_prompts.schema(self._rubric)

    async def ask(self, exam: Exam) -> Opinion:
        """One question to the model; none where there is nothing to judge."""
        if exam.scene.internal:
            raise GuardrailFault("defect")  # the engine leaves judges out of a judge's own call
        judged = tuple(one for one in exam.passages if one.text.strip())
        if not judged or (self._settings.needs_answer and exam.hook != "llm_output"):
            return Opinion()
        if sum(len(one.text) for one in judged) > self._settings.max_text_chars:
            raise GuardrailFault("too_large")
        context = self._context(exam)
        marks = self._marks(exam, (*context.passages, *judged))
        body = orjson.dumps(self._body(context, judged, marks))
        url = self._ports.gateway_url.rstrip("/") + PATH
        reply = await self._ports.http.post(url, body, self._headers(exam.scene))
        scores = judge_answer.read(reply, self._rubric.questions, marks.token)
        return self._opinion(scores, context.cut or bool(exam.unscanned))

    def _context(self, exam: Exam) -> Shown:
        if not self._rubric.context:
            return Shown()
        return judge_prompts.context_of(exam.asked, self._settings.max_context_chars)

    def _marks(self, exam: Exam, shown: tuple[Passage, ...]) -> Marks:
        parts: Iterator[str] = (part for one in shown for part in (one.role, one.text))
        labels = ",".join(self._rubric.questions)
        key = self._ports.internal_key(self._settings.account)
        return judge_prompts.marks(key, (exam.scene.decision_id, exam.hook, labels, *parts))

    def _body(self, context: Shown, judged: tuple[Passage, ...], marks: Marks) -> Json:
        body: Json = {
            "model": self._settings.model,
            "messages": judge_prompts.messages(self._rubric, context, judged, marks),
            "temperature": self._settings.temperature,
            "max_completion_tokens": self._settings.max_output_tokens,
        }
        if self._settings.structured:
            body["response_format"] = self._response_format
        return body

    def _headers(self, scene: Scene) -> dict[str, str]:
        headers = {
            "authorization": f"Bearer {self._ports.internal_key(self._settings.account)}",
            "content-type": "application/json",
            "x-tfy-metadata": orjson.dumps({JUDGED: scene.decision_id[:128]}).decode(),
        }
        if scene.traceparent:
            headers["traceparent"] = scene.traceparent
        return headers

    def _opinion(self, scores: dict[str, float], cut: bool) -> Opinion:
        threshold = self._settings.threshold
        found = [Remark(label, "", score) for label, score in scores.items() if score >= threshold]
        if found and cut and self._rubric.needs_context:
            raise GuardrailFault("too_large")
        if found and cut:
            found.append(Remark(CONTEXT_CUT))
        return Opinion(tuple(found))
