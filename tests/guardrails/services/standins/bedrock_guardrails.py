"""Bedrock Runtime's ApplyGuardrail, with a signature that is verified.

Its guardrail anonymizes e-mail addresses (`{EMAIL}`) and ticket numbers (a regular expression),
blocks `bomb` (VIOLENCE), `pin 1234` (a PII entity that is blocked), the topic `horoscope`, the word
`darn`. One output per block when it anonymizes, its own message when it blocks.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

from tests.guardrails.services.standins.loopback import Answer, Asked, StandIn
from tests.guardrails.services.standins.sigv4 import signed_by

KEY_ID, SECRET = "AKIDSTANDIN", "stand/in+secret"
REGION = "eu-central-1"
BLOCKED = "Sorry, our guardrail does not allow this."
EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.\w+")
TICKET = re.compile(r"TICKET-\d+")
_USAGE = dict.fromkeys(
    ("topicPolicyUnits", "contentPolicyUnits", "wordPolicyUnits",
     "sensitiveInformationPolicyUnits", "sensitiveInformationPolicyFreeUnits",
     "contextualGroundingPolicyUnits"), 1,
)  # fmt: skip


class BedrockGuardrailsStandIn(StandIn):
    """`text_max`: characters of one call (25 text units). `session`: the token it wants."""

    def __init__(self) -> None:
        super().__init__()
        self.text_max = 25_000
        self.session = ""

    def answer(self, asked: Asked) -> Answer:
        if signed_by(asked, {KEY_ID: SECRET}, REGION, "bedrock") != KEY_ID:
            return 403, {"message": "The request signature we calculated does not match"}
        if asked.headers.get("x-amz-security-token", "") != self.session:
            return 403, {"message": "The security token included in the request is invalid"}
        found = re.fullmatch(r"/guardrail/([^/]+)/version/([^/]+)/apply", asked.path)
        if found is None or unquote(found[1]).rpartition("/")[2] != "abc123" or found[2] != "7":
            return 404, {"message": "The guardrail identifier or version does not exist"}
        question = asked.json
        texts = [block["text"]["text"] for block in question["content"]]
        if question["source"] not in ("INPUT", "OUTPUT") or sum(map(len, texts)) > self.text_max:
            return 400, {"message": "Input is too long"}
        return 200, _applied(texts)

    def refusal(self, status: int) -> Any:
        return {"message": "Too many requests" if status == 429 else "no"}


def _applied(texts: list[str]) -> dict[str, Any]:
    joined = "\n".join(texts)
    assessment, blocked = _assessed(joined)
    masked = [TICKET.sub("{ticket}", EMAIL.sub("{EMAIL}", text)) for text in texts]
    outputs = [BLOCKED] if blocked else masked if assessment else []
    return {
        "usage": _USAGE,
        "action": "GUARDRAIL_INTERVENED" if assessment else "NONE",
        "outputs": [{"text": text} for text in outputs],
        "assessments": [{**assessment, "invocationMetrics": {"guardrailProcessingLatency": 9}}],
    }


def _assessed(text: str) -> tuple[dict[str, Any], bool]:
    out: dict[str, Any] = {}
    if "bomb" in text:
        out["contentPolicy"] = {
            "filters": [
                {"type": "VIOLENCE", "confidence": "HIGH", "action": "BLOCKED", "detected": True}
            ]
        }
    if "horoscope" in text:
        out["topicPolicy"] = {
            "topics": [{"name": "Astrology for Jane", "type": "DENY", "action": "BLOCKED"}]
        }
    if "darn" in text:
        out["wordPolicy"] = {
            "customWords": [],
            "managedWordLists": [{"match": "darn", "type": "PROFANITY", "action": "BLOCKED"}],
        }
    blocked = bool(out)
    entities = [{"match": m, "type": "EMAIL", "action": "ANONYMIZED"} for m in EMAIL.findall(text)]
    if "pin 1234" in text:
        entities.append({"match": "1234", "type": "PIN", "action": "BLOCKED"})
        blocked = True
    regexes = [{"name": "ticket", "match": m, "regex": TICKET.pattern, "action": "ANONYMIZED"}
               for m in TICKET.findall(text)]  # fmt: skip
    if entities or regexes:
        out["sensitiveInformationPolicy"] = {"piiEntities": entities, "regexes": regexes}
    return out, blocked
