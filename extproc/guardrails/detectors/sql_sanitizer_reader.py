"""The parts that all SQL statements have: names, brackets, a body with conditions, an end.

Promises: reads at most STATEMENT_MAX characters and STATEMENTS_PASSED further statement words, so
many beginnings stay linear.
"""

from __future__ import annotations

from extproc.guardrails.detectors.sql_sanitizer_beginnings import Sure
from extproc.guardrails.detectors.sql_sanitizer_conditions import CONDITION_MAX, Word
from extproc.guardrails.detectors.sql_sanitizer_tokens import Kind, Token, Tokens
from extproc.guardrails.detectors.sql_sanitizer_words import (
    CONDITION_ENDS,
    ENDINGS,
    LITERAL_PLACES,
    NEXT,
    PLAIN_NUMBERS,
    TAKES_STATEMENT,
    WORDS,
)

STATEMENTS_PASSED = 4
BRACKETS_MAX = 60


class Reader:
    """Reads on from a statement's keyword. A method that returns False has met what is no SQL."""

    def __init__(self, data: bytes, at: int, sure: Sure, quote: bytes, final: bool) -> None:
        self.tokens = Tokens(data, at, quote, final)
        self._data = data
        self._at = at
        self._sure = sure
        self._token = self.tokens.next()
        self._where = self._conditioned = False
        self._literals = False
        self._condition: list[Word] = []

    def _step(self) -> Token:
        self._token = self.tokens.next()
        return self._token

    def _is_word(self, *words: str) -> bool:
        return self._token.kind is Kind.WORD and self._token.word in words

    def _accept(self, *words: str) -> bool:
        found = self._is_word(*words)
        if found:
            self._step()
        return found

    def _capitals(self) -> bool:
        """A second keyword in small letters takes a sure beginning's sureness away."""
        if (
            self._sure is Sure.SURE
            and not self._data[self._token.start : self._token.end].isupper()
        ):
            self._sure = Sure.WEAK
        return True

    def _name(self) -> bool:
        """A name, dotted or not, or an account (`'bob'@'%'`)."""
        if not self._one_name():
            return False
        if self._token.word == "@":
            self._step()
            return self._one_name()
        while self._token.word == "." and self._data[self._token.end : self._token.end + 1] > b" ":
            self._step()
            if not self._one_name():
                return False
        return True

    def _brackets(self) -> None:
        """Read over `(...)`, if there is one."""
        depth = 0
        for _ in range(BRACKETS_MAX):
            depth += {"(": 1, ")": -1}.get(self._token.word, 0)
            if self._token.kind in (Kind.END, Kind.CLOSING) or self._token.word in WORDS:
                return
            if depth > 0 or self._token.word == ")":
                self._step()
            if depth <= 0:
                return

    def _one_name(self) -> bool:
        found = self._token.kind in (Kind.WORD, Kind.NAME, Kind.PLACEHOLDER, Kind.STRING)
        if found:
            self._step()
        return found

    # --- ends ------------------------------------------------------------------------------

    def _ends(self) -> bool:
        """Whether SQL may end before the token that comes, as sure as the beginning was."""
        token = self._token
        if token.kind is Kind.CLOSING:
            return True
        if token.word == ";":
            return self._sure is not Sure.WEAK or self._goes_on_as_sql()
        if self._sure is Sure.WEAK:
            return False
        if token.kind is Kind.END or token.broken or token.word in (")", "\\", "`", "<"):
            return True
        if token.kind is Kind.WORD and token.word in ENDINGS:
            return self._body()
        return token.line and (self._sure is Sure.SURE or token.word in NEXT)

    def _goes_on_as_sql(self) -> bool:
        """Whether what follows a `;` is no sentence."""
        after = self.tokens.next()
        return after.kind in (Kind.END, Kind.CLOSING) or after.line or after.word in NEXT

    def _body(self) -> bool:
        """Read on to the statement's end; note conditions and literals on the way."""
        depth = passed = 0
        place, last = "", ""
        while not self._stops(depth):
            token = self._token
            if token.word in WORDS and token.kind is Kind.WORD:
                passed += 1
                inside = depth > 0 or last in TAKES_STATEMENT
                if not inside or passed > STATEMENTS_PASSED:
                    break
            depth += {"(": 1, ")": -1}.get(token.word, 0)
            place = self._note(token, depth, place)
            last = token.word
            self._step()
        return self._ends() or (self._sure > Sure.WEAK and self._token.word in WORDS)

    def _stops(self, depth: int) -> bool:
        token = self._token
        return (
            token.kind in (Kind.END, Kind.CLOSING)
            or token.broken
            or token.word == ";"
            or (token.word == ")" and depth <= 0)
        )

    def _note(self, token: Token, depth: int, place: str) -> str:
        word = token.kind is Kind.WORD
        if word and depth <= 0 and token.word in CONDITION_ENDS:
            self._conditioned = False
        if self._conditioned and len(self._condition) < CONDITION_MAX:
            text = token.word or self._data[token.start : token.end].decode("ascii").lower()
            self._condition.append((token.kind, text))
        if word and token.word in LITERAL_PLACES:
            if token.word == "where" and depth <= 0:
                self._where = self._conditioned = True
            return token.word
        if word and token.word in PLAIN_NUMBERS:
            return ""
        if place and token.kind in (Kind.STRING, Kind.NUMBER):
            self._literals = True
        return place
