# ruff: noqa: RUF001
"""Texts of a chosen size for the cost of guardrails: ordinary ones, and ones made to hurt."""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import lru_cache
from itertools import cycle
from random import Random

from bench.guardrail_quality.corpus import corpus

PROSE = (
    "Thank you for the quick answer, that already helps me a lot.",
    "We met at the station and walked along the river until it began to rain.",
    "Could you rewrite the second paragraph so that it sounds a little warmer?",
    "The committee will discuss the budget after the summer break.",
    "I tried your suggestion, but the chart still shows the old labels.",
    "In my view the novel loses its pace after the first third.",
    "Please compare both offers and tell me which one is cheaper over 3 years.",
    "She has worked in the laboratory since 2019 and leads a team of eight people.",
    "Explain to me, as you would to a child, why the sky turns red in the evening.",
    "The train leaves at 7:42 and arrives shortly before noon.",
    "What would be a good title for a talk about urban gardens?",
    "Add a pinch of salt, let it rest for 20 minutes and bake it until golden.",
)
CODE = '''
def settle(ledger: dict[str, int], account: str, amount: int) -> int:
    """Move an amount and return the new balance."""
    if amount < 0:
        raise ValueError(f"negative amount for {account!r}: {amount}")
    balance = ledger.get(account, 0) + amount
    ledger[account] = balance
    return balance


class Session:
    token_lifetime = 3600

    def __init__(self, store, clock=time.monotonic) -> None:
        self._store, self._clock = store, clock
        self._expires = clock() + self.token_lifetime

    async def refresh(self, headers: Mapping[str, str]) -> None:
        response = await self._client.post("/oauth/token", data={"grant_type": "refresh_token"})
        self._token = response.json()["access_token"]  # kept in memory only
        for key, value in sorted(headers.items()):
            logger.debug("header %s has %d bytes", key, len(value))
        query = "SELECT id, total FROM orders WHERE status = 'open' ORDER BY id LIMIT 50"
        self._rows = [row for row in self._store.execute(query) if row["total"] > 0x1F]
'''
OTHER_SCRIPTS = (
    "谢谢你的快速回复，这对我帮助很大。",
    "Мы встретились на вокзале и долго гуляли вдоль реки.",
    "第二段をもう少し柔らかい調子に書き直してもらえますか。",
    "위원회는 여름 휴가 뒤에 예산을 논의할 예정입니다.",
    "حاولت تطبيق اقتراحك لكن الرسم ما زال يعرض العناوين القديمة.",
    "Ακόμη δεν έχω λάβει απάντηση από το γραφείο.",
    "Für Größenänderungen prüfen wir zunächst die Übersicht.",
    "क्या आप दूसरे अनुच्छेद को फिर से लिख सकते हैं?",
)


def _filled(parts: tuple[str, ...] | list[str], size: int, between: str = " ") -> str:
    """Whole parts in turn until `size` bytes, then cut."""
    out, length = [], 0
    for part in cycle(parts):
        if length >= size:
            break
        out.append(part)
        length += len((part + between).encode())
    return between.join(out).encode()[:size].decode(errors="ignore")


@lru_cache(maxsize=1)
def _records() -> list[str]:
    documents = [d for d in corpus(1) if d.about in ("form", "mail", "json", "csv") and d.labels]
    Random(1).shuffle(documents)
    return [document.text for document in documents]


ORDINARY: dict[str, Callable[[int], str]] = {
    "chat prose": lambda size: _filled(PROSE, size),
    "dense personal data": lambda size: _filled(_records(), size, "\n"),
    "source code": lambda size: _filled([CODE], size, "\n"),
    "other scripts": lambda size: _filled(OTHER_SCRIPTS, size),
}
"""Name -> text of so many bytes."""


def _nested(size: int) -> str:
    """Base64 of base64 of base64 of ordinary prose."""
    inner = _filled(PROSE, max(60, size * 27 // 64)).encode()
    for _ in range(3):
        inner = base64.b64encode(inner)
    return inner[:size].decode()


_UNITS = {
    "at signs": "@",
    "addresses begun": "a.b@",
    "digits": "7",
    "digit groups": "4929 ",
    "dashes": "-",
    "phone beginnings": "+49 ",
    "IBAN beginnings": "DE89 ",
    "dots": "1.2.",
    "colons": "a:b:",
    "JWT beginnings": "eyJ",
    "JWT pieces": "eyJhbGciOi.",
    "PEM beginnings": "-----BEGIN PRIVATE KEY-----\n",
    "assignments": "password=",
    "quoted names": '"api_key": "',
    "brackets": "[[((",
    "braces": '{"a":',
    "invisible": "a\u200b",
    "look-alikes": "аеор ",
    "full width": "ｉｇｎｏｒｅ ",
    "one letter": "a",
    "hex": "deadbeef",
    "base64 words": "aWdub3JlIGFsbA== ",
    "backslashes": "\\n",
    "percent": "%69",
    "entities": "&#105;",
    "quotes": "'",
    "SQL": "1 OR 1=1; -- ",
    "system marks": "<|im_start|>system ",
    "orders": "ignore previous ",
    "spaced letters": "i g n o r e ",
    "spaces": " ",
    "lines": "\n",
    "combining": "e\u0301\u0323",
    "emoji": "👩\u200d💻",
    "slashes": "/a",
    "street": "12 Main St, ",
}
HURTFUL: dict[str, Callable[[int], str]] = {
    name: (lambda size, unit=unit: _filled([unit], size, "")) for name, unit in _UNITS.items()
} | {
    "nested base64": _nested,
    "random base64": lambda size: base64.b64encode(Random(2).randbytes(size * 3 // 4)).decode(),
    "random digits": lambda size: "".join(Random(3).choices("0123456789 -", k=size)),
}
"""Name -> text of so many bytes, of what detectors look for first."""
