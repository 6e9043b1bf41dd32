"""What stands in a finding's place: its type, a mask, a keyed hash, or a pseudonym that comes back.

Promises: the same value of the same tenant gets the same placeholder in every call, and nobody
else's value does: placeholders are keyed (HMAC-SHA256), so they can be neither guessed nor matched
across tenants. The mapping back lives in the memory of one call, and nowhere else (P4).
"""

from __future__ import annotations

import hmac
import re
from base64 import b32encode

from extproc.guardrails.values import Span

_SHORT = 8
_LONG = 24
_LABEL = re.compile(r"[^A-Z0-9_]")
_KEPT = 4
_WORTH_KEEPING = 8
_CORE = re.compile(r"(?<![A-Z0-9_])[A-Z][A-Z0-9_]{8,78}(?![A-Z0-9_])")
_TAIL = re.compile(r"\[?[A-Z0-9_]*\Z")
_CORE_MAX = 80
_LABEL_MAX = 48


def tenant_key(master: bytes, tenant: str) -> bytes:
    """The key of one tenant's placeholders."""
    return hmac.digest(master, b"envelope guardrail tenant\0" + tenant.encode(), "sha256")


class Vault:
    """One call's placeholders. `key`: the tenant's."""

    __slots__ = ("_key", "known")

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.known: dict[str, str] = {}
        """Placeholder without its brackets -> the value it stands for."""

    def redact(self, style: str, label: str, value: str, default: str) -> str:
        """`value`, in a style: `replace` (then it is `default`), `mask`, `hash`, `pseudonym`."""
        match style:
            case "mask":
                return masked(value)
            case "hash":
                return f"[{_clean(label)}:{self._token(label, value)[:_SHORT].lower()}]"
            case "pseudonym":
                return f"[{self._pseudonym(label, value)}]"
        return default

    def _token(self, label: str, value: str) -> str:
        digest = hmac.digest(self._key, f"{label}\0{value}".encode("utf-8", "replace"), "sha256")
        return b32encode(digest).decode()

    def _pseudonym(self, label: str, value: str) -> str:
        token = self._token(label, value)
        for size in (_SHORT, _LONG):
            name = f"{_clean(label)}_{token[:size]}"
            if self.known.setdefault(name, value) == value:
                return name
        raise ValueError("two values with one 120-bit placeholder")


def _clean(label: str) -> str:
    return _LABEL.sub("_", label.upper())[:_LABEL_MAX].strip("_") or "VALUE"


def masked(value: str) -> str:
    """Letters and digits become `*`, but for the last quarter, at most four, of a long value, and
    an e-mail's first letter and top-level domain. Signs between them stay: the shape can be read.
    """
    local, at, domain = value.rpartition("@")
    if at and local and "." in domain:
        host, dot, top = domain.rpartition(".")
        return local[0] + "*" * (len(local) - 1) + at + _stars(host) + dot + top
    letters = sum(map(str.isalnum, value))
    keep = min(_KEPT, letters // 4) if letters >= _WORTH_KEEPING else 0
    out: list[str] = []
    for char in reversed(value):
        if not char.isalnum():
            out.append(char)
        elif keep:
            keep -= 1
            out.append(char)
        else:
            out.append("*")
    return "".join(reversed(out))


def _stars(text: str) -> str:
    return "".join("*" if char.isalnum() else char for char in text)


class Revealer:
    """Finds this call's pseudonyms in an answer and puts the values back: a `Detector`.

    Also without the brackets, which models sometimes leave out. A placeholder that this call did
    not make stays as it is.
    """

    def __init__(self, known: dict[str, str]) -> None:
        self._known = known

    def find(self, text: str) -> list[Span]:
        return self.scan(text, 0, True)[0]

    def holdback(self, text: str) -> int:
        return len(text) - self.scan(text, 0, False)[1]

    def replacement(self, span: Span, found: str) -> str:
        return self._known[found.strip("[]")]

    def scan(self, text: str, start: int, final: bool) -> tuple[list[Span], int]:
        settled = len(text) if final else max(start, _tail(text))
        spans = []
        for match in _CORE.finditer(text, start):
            if match.group() in self._known:
                begin, end = match.span()
                bracketed = text[begin - 1 : begin] == "[" and text[end : end + 1] == "]"
                if bracketed and begin > start:
                    begin, end = begin - 1, end + 1
                if end <= settled:
                    spans.append(Span(begin, end, "PSEUDONYM"))
        return spans, settled


def _tail(text: str) -> int:
    """Where a placeholder that is not complete yet may begin; a longer run is none."""
    window = text[-(_CORE_MAX + 2) :]
    match = _TAIL.search(window)
    begin = match.start() if match else len(window)
    return len(text) if begin == 0 and len(text) > len(window) else len(text) - len(window) + begin
