"""Amazon Bedrock Guardrails, without a model.

Source: Bedrock Runtime API reference, "ApplyGuardrail" (POST
/guardrail/{id}/version/{version}/apply): `content` blocks in, `action` out. With
GUARDRAIL_INTERVENED `assessments` say what was found. What was only anonymized comes back masked,
one output per block; what was blocked comes back as the guardrail's own message.

Promises: an intervention is an objection whatever else the answer holds; it can be mended only
where every output has its block. Texts longer than `call_chars_max` are cut; what stands on a cut
is looked at once more, and if it would be masked, the text is refused instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Any
from urllib.parse import quote

import orjson

from extproc.config.bedrock_guardrails_settings import BedrockGuardrailsSettings
from extproc.guardrails.services.aws_request import AwsAccess, signed_headers
from extproc.guardrails.services.bedrock_findings import found_in
from extproc.guardrails.services.json_call import a_list, a_text, an_object, answer_of
from extproc.guardrails.services.pieces import PIECES_MAX, Part, Piece, cut
from extproc.guardrails.services.ports import Ports
from extproc.guardrails.services.target import ON_REQUESTS
from extproc.guardrails.services.together import MESSAGE_CHARS_MAX, as_objection, ask_all
from extproc.guardrails.values import Exam, GuardrailFault, Opinion, Passage, Remark

AT_ONCE = 4
SEAM = 400
"""Characters on each side of a cut that are looked at once more."""


@dataclass(frozen=True, slots=True)
class Block:
    """`number`: of the piece it is, None for what stands on a cut."""

    number: int | None
    piece: Piece


def service(settings: BedrockGuardrailsSettings, ports: Ports) -> BedrockGuardrails:
    """`endpoint`: of the region, or as configured."""
    return BedrockGuardrails(settings, ports)


class BedrockGuardrails:
    def __init__(self, settings: BedrockGuardrailsSettings, ports: Ports) -> None:
        self.endpoint = settings.base_url
        self._settings = settings
        self._http = ports.http
        self._access = AwsAccess(settings)
        name, version = quote(settings.guardrail_id, safe=""), settings.guardrail_version
        self._url = f"{self.endpoint}/guardrail/{name}/version/{version}/apply"

    async def ask(self, exam: Exam) -> Opinion:
        pieces = cut(exam.passages, self._settings.call_chars_max)
        calls = list(_calls(_blocks(exam.passages, pieces), self._settings.call_chars_max))
        if len(calls) > PIECES_MAX:
            raise GuardrailFault("too_large")
        heard = await ask_all([partial(self._call, exam, call) for call in calls], AT_ONCE)
        return replace(heard, texts=_whole(pieces, heard.texts))

    async def _call(self, exam: Exam, blocks: Sequence[Block]) -> Opinion:
        """`texts` of the opinion: number of a piece -> masked."""
        question = {
            "source": "INPUT" if exam.hook in ON_REQUESTS else "OUTPUT",
            "content": [{"text": {"text": block.piece.text}} for block in blocks],
        }
        body = orjson.dumps(question)
        credentials = await self._access.credentials()
        region = self._settings.region
        headers = signed_headers(self._url, body, credentials, region, "bedrock")
        reply = an_object(answer_of(await self._http.post(self._url, body, headers)))
        return judged(reply, blocks, exam.passages)


def judged(reply: dict[str, Any], blocks: Sequence[Block], passages: Sequence[Passage]) -> Opinion:
    """What an answer says of its blocks."""
    match a_text(reply.get("action")):
        case "NONE":
            return Opinion()
        case "GUARDRAIL_INTERVENED":
            pass
        case _:
            raise GuardrailFault("bad_answer")
    owners = {part.passage for block in blocks for part in block.piece.parts}
    path = passages[owners.pop()].path if len(owners) == 1 else ""
    findings = found_in(reply.get("assessments"))
    remarks = tuple(Remark(f.label, path, f.score) for f in findings) or (Remark("OTHER", path),)
    outputs = _outputs(reply)
    if not findings or any(finding.blocks for finding in findings):
        return Opinion(remarks, message=_message(outputs, passages))
    return _masked(Opinion(remarks), outputs, blocks)


def _masked(opinion: Opinion, outputs: Sequence[str], blocks: Sequence[Block]) -> Opinion:
    if len(outputs) != len(blocks):
        return opinion
    changed = [(b, out) for b, out in zip(blocks, outputs, strict=True) if out != b.piece.text]
    if any(block.number is None for block, _ in changed):
        return as_objection(opinion)
    return replace(opinion, texts={b.number: out for b, out in changed if b.number is not None})


def _outputs(reply: Mapping[str, Any]) -> list[str]:
    """Empty where they cannot be read: the intervention stands all the same."""
    try:
        return [a_text(an_object(one).get("text")) for one in a_list(reply.get("outputs"))]
    except GuardrailFault:
        return []


def _message(outputs: Sequence[str], passages: Sequence[Passage]) -> str:
    """The guardrail's own words for the caller; never a text that it was shown."""
    if len(outputs) != 1 or len(outputs[0]) > MESSAGE_CHARS_MAX:
        return ""
    return "" if any(outputs[0] in passage.text for passage in passages) else outputs[0]


def _blocks(passages: Sequence[Passage], pieces: Sequence[Piece]) -> Iterator[Block]:
    for number, piece in enumerate(pieces):
        yield Block(number, piece)
    for before, after in pairwise(piece.parts[0] for piece in pieces):
        if before.passage == after.passage:
            start, end = max(before.start, before.end - SEAM), min(after.end, after.start + SEAM)
            seam = Part(before.passage, start, end)
            yield Block(None, Piece(passages[before.passage].text[start:end], (seam,)))


def _calls(blocks: Iterator[Block], chars_max: int) -> Iterator[list[Block]]:
    call: list[Block] = []
    size = 0
    for block in blocks:
        if call and size + len(block.piece.text) > chars_max:
            yield call
            call, size = [], 0
        call.append(block)
        size += len(block.piece.text)
    if call:
        yield call


def _whole(pieces: Sequence[Piece], masked: Mapping[int, str]) -> dict[int, str]:
    """Index of a passage -> its text, put together again from masked and other pieces."""
    changed = {pieces[number].parts[0].passage for number in masked}
    texts = dict.fromkeys(sorted(changed), "")
    for number, piece in enumerate(pieces):
        owner = piece.parts[0].passage
        if owner in texts:
            texts[owner] += masked.get(number, piece.text)
    return texts
