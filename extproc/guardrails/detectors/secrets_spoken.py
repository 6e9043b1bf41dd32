"""Rows of the secrets table: a password or a token that a sentence tells.

`change the API_TOKEN on file to ...`, `my password is ...`, `could you check client_secret ...`.
Promises: name and value stand in one line, at most LOOKBEHIND characters apart. The further the
value from its name, the more it must look like one: words, versions, paths, mail addresses and
hashes stay.
"""

from __future__ import annotations

import re

from extproc.guardrails.detectors.pattern import Rule, Trigger
from extproc.guardrails.detectors.secrets_checks import JUDGED, high_entropy, random_key, wordy
from extproc.guardrails.detectors.secrets_shape import NAME_END, Kind
from extproc.guardrails.detectors.secrets_values import (
    CREDENTIAL_KEY,
    NO_CREDENTIAL,
    PASSWORD_NAMES,
    VALUE_MAX,
    assigned,
    is_code,
    name_before,
    varied,
)

_VERB = rb"(?:is|was|to|as|ist|war|lautet|est|es|jest)"
_WORDS_BETWEEN = rb"((?:[ \t][\w']{1,12}){0,5}?)[ \t](?:(" + _VERB + rb")[ \t]{1,2})?"
_NEAR = 60
"""With the quote before the value no more than LOOKBEHIND."""

# --- passwords -------------------------------------------------------------------------------

_TECHNICAL = re.compile(  # "the password is sha256 ...", "is 12-digit ..."
    rb"(?i)(?:sha|md|aes|rsa|base|utf|oauth|argon|pbkdf|bcrypt|scrypt|http|tls|x|p|v)-?\d+[\w-]*"
    rb"|\d+[-+]?[a-z]+(?:-[a-z]+)*"
)
_ADDRESS = re.compile(rb"[\w.+-]+@[A-Za-z][\w.:/-]*")
_SIGNS = re.compile(rb"[!#$%^&*?+@~](?!\Z)|[!#$%^&]\Z")
_PASSWORD_SENTENCE = re.compile(PASSWORD_NAMES + NAME_END + _WORDS_BETWEEN + rb"\Z")


def _strong(value: bytes, told: bool) -> bool:
    """What people and managers make: letters, digits and a sign; both cases where a verb tells."""
    digits = len(value) - len(value.translate(None, b"0123456789"))
    if len(value) < 8 or not digits or b"/" in value or _ADDRESS.fullmatch(value):
        return False
    if _SIGNS.search(value):
        return told or value[:1].isupper() or not wordy(value)
    cases = value.upper() != value and value.lower() != value
    return told and digits >= 2 and cases


def spoken_password(_data: bytes, _at: int, quote: bytes, value: bytes) -> bool:
    """Behind an option or a sign that only a password follows."""
    return varied(quote, value, 2.5) and not _TECHNICAL.fullmatch(value)


def _password(data: bytes, at: int, quote: bytes, value: bytes) -> bool:
    if not spoken_password(data, at, quote, value.rstrip(b":;?")):
        return False
    found = _PASSWORD_SENTENCE.search(data[max(0, at - _NEAR) : at].lower())
    if found is None:
        return False
    told = found[2] is not None and found[2] not in (b"to", b"as")
    return (told and not found[1]) or _strong(value, told)


# --- tokens ----------------------------------------------------------------------------------

_TOKEN_NAMES = rb"(?:secret|" + CREDENTIAL_KEY + rb"|token|credential|_pat|\bssws)s?"
_TOKEN_SENTENCE = re.compile(_TOKEN_NAMES + b"()" + NAME_END + _WORDS_BETWEEN + rb"[\"'`]{0,2}\Z")
_LEAST = 16
_CHARS = rb"[A-Za-z0-9+/_=.~\-]"
_VALUE = re.compile(_CHARS + b"{%d,%d}+" % (_LEAST, VALUE_MAX))
_VALUE_RUN = re.compile(_CHARS + rb"*+\Z")
_NO_END = (b"(", b"[", b"{", b"<", b":", b"@", b"\\")
_OF_SOMETHING_ELSE = re.compile(
    rb"[ \t](?:ids?|uuid|guid|hash|digest|checksum|commit|revision|version|name|path|url)\b"
)
_BORDER = re.compile(rb"[A-Za-z](?=\d)|\d(?=[A-Za-z])")
_HEX = re.compile(rb"[0-9a-fA-F-]+")
_OF_ACCESS = re.compile(rb"\b(?:api|app|auth|access|bot|client|login|refresh|service)[ \t]\Z")
_ACCESS_KEY = re.compile(rb"(?:api|access|secret|client)[ -]?key")
_OF_A_COMMIT = re.compile(rb"(?i)commit|hash|digest|sha\d|checksum|revision")
_IDENTIFIER = re.compile(rb"[A-Z_.]|[a-z]-[a-z]")


def _shuffled(value: bytes) -> bool:
    """Letters and digits change often, as words, paths and versions never do."""
    if not random_key(value) or value.count(b"/") + value.count(b".") > 1 + len(value) // 16:
        return False
    return len(_BORDER.findall(value)) >= 4 or high_entropy(value)


def _told(data: bytes, at: int, value: bytes) -> bool:
    if not _shuffled(value) or is_code(b"", value):
        return False
    begin = max(0, at - _NEAR)
    found = _TOKEN_SENTENCE.search(data[begin:at].lower())
    if found is None or _OF_SOMETHING_ELSE.search(found[2]):
        return False
    name = name_before(data, begin + found.start(1))
    if name.startswith(b"--") or NO_CREDENTIAL.search(name.lower()):
        return False  # `--lock-token`: what options hold is told by rows of their own
    if _HEX.fullmatch(value) and not _is_of_access(data[begin:at].lower(), found.start(), name):
        return found[3] in (b"is", b"was") and not _OF_A_COMMIT.search(data, begin, at)
    return True


def _is_of_access(before: bytes, start: int, name: bytes) -> bool:
    """Whether the name at `start` is more than the bare word `token` or `secret`."""
    return bool(
        _IDENTIFIER.search(name)
        or _OF_ACCESS.search(before, 0, start)
        or _ACCESS_KEY.match(before, start)
    )


def _read(data: bytes, at: int) -> tuple[int, int] | None:
    found = _VALUE.match(data, at)
    if found is None or data[found.end() : found.end() + 1] in _NO_END:
        return None
    value = found[0].rstrip(b".")
    return (at, at + len(value)) if _told(data, at, value[:JUDGED]) else None


def _unsettled(data: bytes, at: int) -> int | None:
    return at if len(data) - at <= VALUE_MAX + 1 and _VALUE_RUN.match(data, at) else None


KINDS = (
    assigned("password-spoken", "PASSWORD",
             PASSWORD_NAMES + NAME_END + rb"(?:[\w' \t]{0,30}[ \t]" + _VERB + rb")?[ \t]", 6,
             _password),
    assigned("password-option", "PASSWORD", rb"--(?:password|passwd|passphrase|pass)[ \t]", 6,
             spoken_password),
    assigned("netrc-password", "PASSWORD",
             rb"\blogin[ \t\r\n]{1,4}[^\s]{1,32}[ \t\r\n]{1,4}password[ \t]", 6, spoken_password),
    Kind("token-spoken", "TOKEN", Rule("TOKEN", (Trigger(
        b"(?i)" + _TOKEN_NAMES + NAME_END + rb"[\w' \t]{0,32}[ \t][\"'`]{0,2}"
        + _CHARS + b"{%d}" % _LEAST, _LEAST),), _read, _unsettled)),
)  # fmt: skip
