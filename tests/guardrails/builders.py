"""Builders for guardrail tests: real detectors, an engine of one rule, streams of small frames.

Sample credentials are put together from halves, so that no scanner takes this file for a leak.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from extproc.config.model import Guardrail, GuardrailRule
from extproc.guardrails.compile import compile_guardrails
from extproc.guardrails.detectors import pii, secrets
from extproc.guardrails.engine import Engine
from extproc.guardrails.gate import Gate
from extproc.guardrails.selection import Selection, arrange
from extproc.guardrails.stream import StreamGuard
from extproc.guardrails.values import Span
from extproc.llm.call import Frame, TextSlot

PII = pii.build({})
SECRETS = secrets.build({})
HEX40 = "da39a3ee5e6b4b0d3255bfef95601890afd80709"
B64 = "MIIEpAIBAAKCAQEA0Z3VS5JJcds3xfn/ygWyF8PbnGy0AHB7MaXsJ"
PEM = f"-----BEGIN RSA PRIVATE KEY-----\n{B64}\n{B64}\nAQ==\n-----END RSA PRIVATE KEY-----"
A36 = "0123456789abcdefghijABCDEFGHIJ012345"

PII_SAMPLES = {
    "EMAIL": ("john.doe+tag@mail.example.co.uk", "O'Brien@example.com", "a@b.io"),
    "PHONE": (
        "+1 (555) 123-4567", "555-123-4567", "(555) 123-4567", "+49 30 1234567", "1-800-555-0199",
        "+442079460958", "415.555.2671", "415 555 2671", "+44 (0)20 7946 0958", "+33 1 42 68 53 00",
    ),
    "CARD": (
        "4111 1111 1111 1111", "4111-1111-1111-1111", "5555555555554444", "378282246310005",
        "3782 822463 10005", "6011111111111117", "30569309025904", "2223003122003222",
    ),
    "IBAN": ("DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432", "NO93 8601 1117 947",
             "CH93 0076 2011 6238 5295 7",
             "FR14 2004 1010 0505 0001 3M02 606", "de89370400440532013000"),
    "US_SSN": ("123-45-6789", "123 45 6789", "899-99-9999"),
}  # fmt: skip

SECRET_SAMPLES = {
    "OPENAI_KEY": ("sk-" + "proj-abc123DEF456ghi789jklMNO", "sk-" + A36),
    "ANTHROPIC_KEY": ("sk-" + "ant-api03-" + A36,),
    "AWS_ACCESS_KEY_ID": ("AKIA" + "IOSFODNN7EXAMPLE", "ASIA" + "IOSFODNN7EXAMPLE"),
    "GITHUB_TOKEN": ("ghp_" + A36, "github_pat_" + A36),
    "GITLAB_TOKEN": ("glpat-" + A36[:20], "glrt-" + A36[:20]),
    "SLACK_TOKEN": ("xoxb-" + "123456789012-abcdefABCDEF",),
    "STRIPE_KEY": ("sk_" + "live_" + A36[:24], "whsec_" + A36),
    "GOOGLE_API_KEY": ("AIza" + A36[:35],),
    "JWT": ("eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0NTY3ODkwIn0." + "dozjgNryP4J3jVmNHl0w5N",),
    "PRIVATE_KEY": (PEM, PEM.replace("\n", "\\n"), PEM.replace("RSA PRIV", "OPENSSH PRIV")),
    "ENVELOPE_KEY": ("ek_" + "aB3dE6gH_" + "x" * 20 + "0123456789" + "y" * 13 + "cafe12",),
    "NPM_TOKEN": ("npm_" + A36,),
    "SENDGRID_KEY": ("SG." + A36[:22] + "." + A36 + "abcdefg",),
    "TWILIO_KEY": ("SK" + HEX40[:32],),
}  # fmt: skip

ASSIGNED = {  # text with the value marked by angle brackets
    "PASSWORD": ('password = "<hunter2>"', "DB_PASSWORD=<s3cr3t-Value!>",
    '"passwd": "<Tr0ub4dor,&3>"',
                 "url?pwd=<abc123>&x=1", "pwd: <P@ssword>"),
    "TOKEN": ("api_key: <9f8e7d6c5b4a39281706abcd>",
    "Authorization: Bearer <abcDEF0123456789abcDEF01>",
              'client_secret="<Zm9vYmFyMTIzNDU2Nzg5MA>"',
              'x-api-key\\": \\"<9f8e7d6c5b4a39281706abcd>\\"'),
    "AWS_SECRET_KEY": ("aws_secret_access_key = <wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY>",),
    "AZURE_STORAGE_KEY": ("Name=x;AccountKey=<" + "aB3+" * 21 + "aB==>;EndpointSuffix=core",),
    "SLACK_TOKEN": ("https://hooks.slack.com/services/<T00000000/B00000000/" + A36[:24] + ">",),
}  # fmt: skip

FRAGMENTS = [
    *(s for group in PII_SAMPLES.values() for s in group),
    *(s for group in SECRET_SAMPLES.values() for s in group),
    *(s.replace("<", "").replace(">", "") for group in ASSIGNED.values() for s in group),
    " ", "  ", "\n", ".", ",", "-", "+", "@", "(", ")", ":", "=",
    '"', "_", "/", "\\n", "é", "\u00a0",
    "hello", "the", "7", "42", "1234", "sk-", "eyJ", "gh", "AK", "password", "token: ", "-----",
    "DE89",
    "-----BEGIN PRIVATE", " KEY-----", "x@", "@y.com", "2026-11-20T15:04:05Z", "1700000000123",
    HEX40,
    "550e8400-e29b-41d4-a716-446655440000", "+1 ", "555", "😀", "\u2011", "\uff11\uff12",
]  # fmt: skip


class Broken:
    """A detector whose binding fails, as a BaseException that is no Exception."""

    class Panic(BaseException):
        pass

    def __init__(self, after: int = 0) -> None:
        self.after = after

    def scan(self, text: str, start: int, final: bool) -> tuple[list[Span], int]:
        self.after -= 1
        if self.after < 0:
            raise self.Panic("secret text must not travel in here")
        return [], len(text)

    def find(self, text: str) -> list[Span]:
        raise self.Panic

    def holdback(self, text: str) -> int:
        raise self.Panic

    def replacement(self, span: Span, found: str) -> str:
        raise self.Panic


def guardrail(kind: str = "pii", **fields: Any) -> Guardrail:
    return Guardrail(name="x", type=kind, **fields)


def selection(**guardrails: Guardrail) -> Selection:
    registry = compile_guardrails({f"g/{name}": g for name, g in guardrails.items()})
    return arrange(list(registry.values()))


def broken(strategy: str, operation: str = "validate", after: int = 0) -> Selection:
    gate = Gate("g/broken", operation, strategy, scans=((Broken(after), None),))  # type: ignore[arg-type]
    return arrange([gate])


def engine(rule: Mapping[str, Any], **guardrails: Guardrail) -> Engine:
    registry = compile_guardrails({f"g/{name}": g for name, g in guardrails.items()})
    return Engine(registry, [GuardrailRule.model_validate({"id": "r", **rule}, strict=False)])


def slot(text: str, path: str = "messages[0].content", json_text: bool = False) -> TextSlot:
    return TextSlot({"t": text}, "t", path, "user", path, json_text)


def frame(text: str, channel: str = "c0", json_text: bool = False) -> Frame:
    data = {"channel": channel, "json": json_text, "t": text}
    return Frame("", data, json.dumps(data).encode())


def frame_texts(frame: Frame) -> Iterator[TextSlot]:
    if frame.data is not None:
        data = frame.data
        yield TextSlot(data, "t", "delta", "assistant", data["channel"], data["json"])


def guard(chosen: Selection) -> StreamGuard:
    return StreamGuard(chosen, frame_texts)


def pieces(text: str, cuts: Sequence[int]) -> list[str]:
    edges = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    return [text[a:b] for a, b in pairwise(edges)]


def streamed(
    chosen: Selection, parts: Sequence[str], json_text: bool = False
) -> tuple[str, StreamGuard]:
    """The text that leaves, all of it, when `parts` arrive one frame at a time."""
    stream = guard(chosen)
    out = [f for part in parts for f in stream.feed([frame(part, json_text=json_text)])]
    out += stream.finish()
    return "".join(f.data["t"] for f in out), stream  # type: ignore[index]
