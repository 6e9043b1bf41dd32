"""Credentials: provider keys, tokens, private keys, passwords beside their names, our own keys.

Promises: a credential is found whole, over line breaks (PEM) and JSON escapes; only its value is
replaced, never the name beside it. Nothing longer than HOLDBACK_MAX characters is held back from
a stream, and only behind something that began like a credential.
Refuses: a replacement that could break JSON (quotes, backslashes, control characters).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from math import log2
from typing import Any

from extproc.guardrails.detectors.pattern import PatternDetector, Rule, Trigger

REDACTION = "[REDACTED]"
HOLDBACK_MAX = 20_000

_LEFT = rb"(?:(?<![A-Za-z0-9])|(?<=\\[nrt]))"
_ALONE = rb"(?:(?<![A-Za-z0-9_-])|(?<=\\[nrt]))"  # where most look-alikes are refused: stay cheap


def _always(_found: bytes) -> bool:
    return True


def _key_like(found: bytes) -> bool:
    """`sk-` also begins CSS classes and package names; keys have a long mixed run."""
    return any(any(c in b"0123456789" for c in run) for run in re.findall(rb"\w{12,}", found))


def _shaped(
    label: str,
    trigger: tuple[bytes, int],
    shape: bytes,
    longest: int,
    accept: Callable[[bytes], bool] = _always,
    run: bytes = rb"[A-Za-z0-9_.-]*+\Z",
    left: bytes = _LEFT,
) -> Rule:
    """A rule for one token: `shape` with a prefix of its own, at most `longest` characters.

    `run`: what the token's characters, and only they, may be up to the end of the text.
    """
    exact, tail = re.compile(left + shape), re.compile(left + run)

    def read(data: bytes, at: int) -> tuple[int, int] | None:
        found = exact.match(data, at)
        return found.span() if found and accept(found[0]) else None

    def unsettled(data: bytes, at: int) -> int | None:
        return at if len(data) - at <= longest + 1 and tail.match(data, at) else None

    return Rule(label, (Trigger(*trigger),), read, unsettled)


# --- a value beside its name -----------------------------------------------------------------

_GAP = rb"(?>[>=]?[ \t]{0,3}\\?)([\"'`])?+"
_VALUE_MAX = 2048
_JUDGED = 64
"""A value is judged by its first characters, so that judging many long ones stays cheap."""


def _assigned(
    label: str, names: bytes, value: bytes, run: bytes, accept: Callable[[bytes], bool] = _always
) -> Rule:
    """A rule for `name = value`; the trigger ends after the sign, the finding is the value."""
    exact = re.compile(_GAP + b"(" + value + b")")  # group 1: the opening quote, 2: the value
    tail = re.compile(_GAP + b"(" + run + rb")\Z")

    def read(data: bytes, at: int) -> tuple[int, int] | None:
        found = exact.match(data, at)
        if found is None or not accept(found[2].rstrip(b".")[:_JUDGED]):
            return None
        return found.start(2), found.start(2) + len(found[2].rstrip(b"."))

    def unsettled(data: bytes, at: int) -> int | None:
        found = tail.match(data, at) if len(data) - at <= _VALUE_MAX + 16 else None
        return found.start(2) if found else None

    return Rule(label, (Trigger(b"(?i)" + names, 0),), read, unsettled)


_SIGN = rb"[\"'\\]{0,2}[ \t]{0,3}[=:]"
_END = rb"\s\"'`\\\x00-\x1f"
_STOP = rb",;<>(){}\[\]&|$"


def _word(least: int) -> bytes:
    """A value of `least` characters or more; in quotes it may hold brackets and separators."""
    bounds = b"{%d,%d}+" % (least - 1, _VALUE_MAX)
    first = b"[^" + _END + _STOP + b"]"
    return first + b"(?(1)[^" + _END + b"]" + bounds + b"|" + first + bounds + b")"


_WORD_RUN = b"(?:[^" + _END + _STOP + b"](?(1)[^" + _END + b"]*+|[^" + _END + _STOP + b"]*+))?+"


def _bits_per_character(value: bytes) -> float:
    total = len(value)
    return -sum(n / total * log2(n / total) for n in Counter(value).values())


def _mixed(value: bytes) -> bool:
    digit, letter = re.search(rb"\d", value), re.search(rb"[A-Za-z]", value)
    symbol = re.search(rb"[^A-Za-z0-9_.-]", value)
    cases = re.search(rb"[a-z]", value) and re.search(rb"[A-Z]", value)
    return bool((digit and letter) or (cases and symbol))


def _password_like(value: bytes) -> bool:
    return _mixed(value) and b"://" not in value and _bits_per_character(value) >= 2.5


def _token_like(value: bytes) -> bool:
    return _mixed(value) and b"://" not in value and _bits_per_character(value) >= 3.0


# --- private keys (RFC 7468, RFC 4880 armour) ------------------------------------------------

_PEM_MAX = 16_384
_PEM_LINE = rb"(?:\s|\\[nr])+"
_PEM_HEADS = rb"(?:" + _PEM_LINE + rb"[A-Za-z-]{3,24}: [^\r\n\\\x00]{0,200}){0,4}"
_PEM_BODY = rb"[A-Za-z0-9+/=\s\\>#*|,]{0,%d}+" % _PEM_MAX
_PEM_NAME = rb"[A-Z0-9 ]{0,40}"
_PEM = re.compile(
    rb"-----BEGIN " + _PEM_NAME + rb"-----" + _PEM_HEADS + _PEM_BODY
    + rb"(-----END " + _PEM_NAME + rb"-----)?"
)  # fmt: skip
_PEM_OPEN = re.compile(
    rb"-----BEGIN " + _PEM_NAME + rb"(?:-{0,4}\Z|-----" + _PEM_HEADS + _PEM_BODY
    + rb"(?:-?[A-Za-z-]{0,24}(?:: ?[^\r\n\\\x00]{0,200})?\Z|-----[A-Z0-9 ]{0,44}-{0,5}\Z))"
)  # fmt: skip
_PEM_MATERIAL = re.compile(rb"[A-Za-z0-9+/=]{32}")
_PEM_TAIL = re.compile(rb"-----(?:B(?:E(?:G(?:I(?:N[A-Z0-9 ]*)?)?)?)?)?\Z")


def _pem(data: bytes, end: int) -> tuple[int, int] | None:
    found = _PEM.match(data, data.rfind(b"-----BEGIN", 0, end))
    if found and (found[1] or _PEM_MATERIAL.search(found[0])):
        return found.span()
    return None


def _pem_unsettled(data: bytes, end: int) -> int | None:
    start = data.rfind(b"-----BEGIN", 0, end)
    near = len(data) - start <= _PEM_MAX + 1200
    return start if near and _PEM_OPEN.match(data, start) else None


# --- the detector ----------------------------------------------------------------------------

_HEX_RUN = rb"[A-Za-z0-9]*+\Z"
_RULES = (
    _shaped("ANTHROPIC_KEY", (rb"sk-ant-[A-Za-z0-9_\-]{20}", 27),
            rb"sk-ant-[A-Za-z0-9_-]{20,200}", 207),
    _shaped("OPENAI_KEY", (rb"sk-[A-Za-z0-9_\-]{20}", 23),
            rb"sk-[A-Za-z0-9_-]{20,250}", 253, _key_like, left=_ALONE),
    _shaped("ENVELOPE_KEY", (rb"ek_[A-Za-z0-9]{8}_[A-Za-z0-9_\-]{43}", 55),
            rb"ek_[A-Za-z0-9]{8}_[A-Za-z0-9_-]{43,64}", 76),
    _shaped("AWS_ACCESS_KEY_ID", (rb"(?:A(?:KIA|SIA|GPA|IDA|ROA|IPA|NPA|NVA))[A-Z0-9]{16}", 20),
            rb"A(?:KIA|SIA|GPA|IDA|ROA|IPA|NPA|NVA)[A-Z0-9]{16}(?![A-Za-z0-9])", 20),
    _shaped("GITHUB_TOKEN", (rb"gh[opusr]_[A-Za-z0-9]{36}", 40),
            rb"gh[opusr]_[A-Za-z0-9]{36,255}", 259),
    _shaped("GITHUB_TOKEN", (rb"github_pat_[A-Za-z0-9_]{22}", 33),
            rb"github_pat_[A-Za-z0-9_]{22,255}", 266),
    _shaped("GITLAB_TOKEN", (rb"gl(?:pat|oas|ptt|rrt|cbt|imt|ffc)-[A-Za-z0-9_\-]{20}", 26),
            rb"gl[a-z]{3}-[A-Za-z0-9_.-]{20,300}", 306),
    _shaped("GITLAB_TOKEN", (rb"gl(?:ft|dt|rt)-[A-Za-z0-9_\-]{20}", 25),
            rb"gl[a-z]{2}-[A-Za-z0-9_.-]{20,300}", 305),
    _shaped("SLACK_TOKEN", (rb"(?:xox[abeoprs]|xapp)-[A-Za-z0-9\-]{10}", 15),
            rb"(?:xox[abeoprs]|xapp)-[A-Za-z0-9-]{10,250}", 255),
    _shaped("STRIPE_KEY", (rb"[rs]k_(?:live|test)_[A-Za-z0-9]{16}", 24),
            rb"[rs]k_(?:live|test)_[A-Za-z0-9]{16,247}", 255),
    _shaped("STRIPE_KEY", (rb"whsec_[A-Za-z0-9+/]{24}", 30),
            rb"whsec_[A-Za-z0-9+/=]{24,100}", 106, run=rb"[A-Za-z0-9_+/=]*+\Z"),
    _shaped("GOOGLE_API_KEY", (rb"AIza[A-Za-z0-9_\-]{35}", 39),
            rb"AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])", 39),
    _shaped("NPM_TOKEN", (rb"npm_[A-Za-z0-9]{36}", 40), rb"npm_[A-Za-z0-9]{36,100}", 104),
    _shaped("SENDGRID_KEY", (rb"SG\.[A-Za-z0-9_\-]{16}", 19),
            rb"SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{16,64}", 100),
    _shaped("TWILIO_KEY", (rb"(?:SK|AC)[0-9a-f]{32}", 34),
            rb"(?:SK|AC)[0-9a-f]{32}(?![A-Za-z0-9])", 34, run=_HEX_RUN),
    _shaped("JWT", (rb"eyJ[A-Za-z0-9_\-]{8}", 11),
            rb"eyJ[A-Za-z0-9_-]{8,2048}\.eyJ[A-Za-z0-9_-]{8,16000}(?:\.[A-Za-z0-9_-]{0,1024})?",
            19_100, left=_ALONE),
    Rule("PRIVATE_KEY", (Trigger(rb"-----BEGIN [A-Z0-9 ]{0,24}PRIVATE KEY", 0),),
         _pem, _pem_unsettled),
    _assigned("AZURE_STORAGE_KEY", rb"(?:Account|SharedAccess)Key=",
              rb"[A-Za-z0-9+/]{43}=|[A-Za-z0-9+/]{86}==", rb"[A-Za-z0-9+/=]*"),
    _assigned("AWS_SECRET_KEY", rb"secret_?(?:access)?_?key" + _SIGN,
              rb"[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])", rb"[A-Za-z0-9/+=]*"),
    _assigned("SLACK_TOKEN", rb"hooks\.slack\.com/services/",
              rb"T[A-Z0-9]{8,14}/B[A-Z0-9]{8,14}/[A-Za-z0-9]{16,32}", rb"[A-Za-z0-9/]*"),
    _assigned("PASSWORD", rb"(?:password|passwd|passphrase|pwd)" + _SIGN,
              _word(6), _WORD_RUN, _password_like),
    _assigned("TOKEN", rb"(?:secret|(?:api|access|secret|private|account)[_\-]?key|token"
                       rb"|credentials?)" + _SIGN,
              _word(16), _WORD_RUN, _token_like),
    _assigned("TOKEN", rb"\bbearer[ \t]",
              _word(20), _WORD_RUN, _token_like),
)  # fmt: skip

_TOKEN_REVERSED = re.compile(rb"[A-Za-z0-9_./+=-]*")


def _tail(data: bytes) -> int:
    """Start of the last word (at most 64 characters), or of a PEM marker not yet complete."""
    held = len(data) - _TOKEN_REVERSED.match(data[:-65:-1]).end()  # type: ignore[union-attr]
    marker = data.find(b"-----", max(0, len(data) - 64))
    if marker >= 0 and (found := _PEM_TAIL.search(data, marker)):
        held = min(held, found.start())
    return held


def mistakes(config: Mapping[str, Any]) -> list[str]:
    """What is wrong with this type's `config:`; empty when nothing is."""
    found = [f"unknown key '{k}' (known: redaction_text)" for k in config if k != "redaction_text"]
    text = config.get("redaction_text", REDACTION)
    if not isinstance(text, str) or len(text) > 64:
        return [*found, "'redaction_text' must be a text of at most 64 characters"]
    if any(c in "\"'\\" or not c.isprintable() for c in text):
        found.append("'redaction_text' must not hold quotes, backslashes or control characters")
    return found


def build(config: Mapping[str, Any]) -> PatternDetector:
    """The detector of a `config` without mistakes."""
    text = config.get("redaction_text", REDACTION)
    return PatternDetector(_RULES, _tail, {rule.label: text for rule in _RULES})
