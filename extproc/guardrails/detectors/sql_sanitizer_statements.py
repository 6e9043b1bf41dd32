"""SQL statements in any text: what each does, and where it ends.

Promises: a statement is one by its grammar (`DROP TABLE name` and an end that SQL allows), not by a
word: "drop the table" and "the DROP TABLE command removes" are prose.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from extproc.guardrails.detectors.sql_sanitizer_beginnings import Sure, beginning
from extproc.guardrails.detectors.sql_sanitizer_conditions import is_always_true
from extproc.guardrails.detectors.sql_sanitizer_reader import (
    BRACKETS_MAX,
    STATEMENTS_PASSED,
    Reader,
)
from extproc.guardrails.detectors.sql_sanitizer_tokens import Kind
from extproc.guardrails.detectors.sql_sanitizer_words import (
    ALTERS,
    DELETE_NEXT,
    FROM_NEXT,
    JOINS,
    LEADS,
    LIST_WORDS,
    NEXT,
    OBJECTS,
    PRIVILEGES,
    STATEMENT_WORDS,
    WORDS,
)


@dataclass(frozen=True, slots=True)
class Statement:
    """`kind`: its keyword. `where`: it has a condition that can be false. `literals`: values are
    written into it instead of placeholders. `comments`: it has some."""

    kind: str
    start: int
    end: int
    where: bool
    literals: bool
    comments: bool


def read_statement(data: bytes, at: int, word: str, final: bool) -> tuple[Statement | None, bool]:
    """The statement whose keyword stands at `at`, and whether text to come could change that."""
    sure, quote = beginning(data, at, word)
    reader = _StatementReader(data, at, sure, quote, final)
    found = reader.statement(word)
    return found, reader.tokens.waits


class _StatementReader(Reader):
    """One method for each keyword."""

    def statement(self, word: str) -> Statement | None:
        self._step()
        if not _HEADS[word](self):
            return None
        end = self._at + len(self._data[self._at : self._token.start].rstrip())
        where = self._where and not is_always_true(self._condition)
        comments = any(stop <= end for _, stop in self.tokens.comments)
        return Statement(word, self._at, end, where, self._literals, comments)

    def _object(self) -> bool:
        """`TABLE [IF EXISTS] name`, for any kind of object."""
        if not self._is_word(*OBJECTS):
            return False
        self._capitals()
        self._step()
        while self._accept(*LEADS, *OBJECTS):
            pass
        return self._name()

    def _drop(self) -> bool:
        if not self._object():
            return False
        if self._token.word == "(":
            self._brackets()
        while self._token.word == ",":
            self._step()
            if not self._name():
                return False
        if self._is_word("on") and self._accept("on") and not self._name():
            return False
        return self._ends()

    def _truncate(self) -> bool:
        named = self._is_word("table")
        if named:
            self._capitals()
            self._step()
        self._accept("only")
        if not self._name() or not (named or self._sure is not Sure.WEAK):
            return False
        return self._ends() and (named or self._sure is Sure.SURE or self._token.word == ";")

    def _alter(self) -> bool:
        if self._is_word("system"):
            self._capitals()
            self._step()
            return self._is_word("set", "reset") and self._altered()
        return self._object() and self._is_word(*ALTERS) and self._altered()

    def _altered(self) -> bool:
        self._step()
        if self._sure is Sure.WEAK:
            return self._body()
        self._body()
        return True

    def _grant(self) -> bool:
        return self._privileges("to")

    def _revoke(self) -> bool:
        if self._accept("grant", "admin") and not (self._accept("option") and self._accept("for")):
            return False
        return self._privileges("from")

    def _privileges(self, whom: str) -> bool:
        """`SELECT, UPDATE (a) ON name TO name`; a role instead only in capitals."""
        known = self._is_word(*PRIVILEGES)
        if not known and self._sure is Sure.WEAK:
            return False
        if known:
            self._capitals()
        for _ in range(40):
            if self._is_word("on", whom) or self._token.kind in (Kind.END, Kind.CLOSING):
                break
            self._step()
        if not self._is_word("on"):
            return self._role(whom)
        for _ in range(12):
            if self._accept(whom):
                return self._name() and (self._body() or self._sure > Sure.WEAK)
            if self._token.kind in (Kind.END, Kind.CLOSING):
                break
            self._step()
        return False

    def _role(self, whom: str) -> bool:
        """`GRANT role TO name`; in small letters the `;` has to be there."""
        if self._sure is Sure.WEAK or not self._accept(whom) or not self._name():
            return False
        return self._ends() and (self._sure is Sure.SURE or self._token.word == ";")

    def _delete(self) -> bool:
        self._accept("low_priority", "quick", "ignore")
        if self._accept("top"):
            self._brackets()
        if not self._is_word("from") and not self._deleted_names():
            return False
        self._capitals()
        self._step()
        self._accept("only")
        if not self._name():
            return False
        self._accept("as")
        if self._token.kind is Kind.WORD and self._token.word not in DELETE_NEXT | NEXT:
            self._step()
        if self._is_word(*DELETE_NEXT) or self._token.word == ",":
            return self._body()
        return self._ends()

    def _deleted_names(self) -> bool:
        """`DELETE a, b.* FROM`, of which only capitals make a statement."""
        for _ in range(8):
            if self._sure is not Sure.SURE or not self._name():
                return False
            if self._token.word not in (",", "."):
                return self._is_word("from")
            self._step()
        return False

    def _update(self) -> bool:
        self._accept("only", "low_priority", "ignore")
        if self._accept("top"):
            self._brackets()
        if not self._name():
            return False
        self._accept("as")
        if not self._is_word("set", *JOINS):
            self._one_name()
        if self._is_word(*JOINS) or self._token.word == ",":
            self._joined()
        if not self._is_word("set"):
            return False
        self._step()
        if self._token.word != "(" and not (self._name() and self._token.word == "="):
            return False
        self._sure = max(self._sure, Sure.OPEN)
        return self._literal_body("set")

    def _joined(self) -> None:
        """`JOIN b ON ...` up to SET, of a statement whose keyword is in capitals."""
        for _ in range(BRACKETS_MAX):
            if self._sure is not Sure.SURE or self._is_word("set", *WORDS):
                return
            if self._token.kind in (Kind.END, Kind.CLOSING) or self._token.word == ";":
                return
            self._step()

    def _literal_body(self, place: str) -> bool:
        """The body of a statement that is one by its shape already; its first value is told."""
        first = self._token
        if first.word == "=":
            self._step()
            self._note(self._token, 0, place)
        self._body()
        return True

    def _insert(self) -> bool:
        if not self._is_word("into"):
            return False
        self._capitals()
        self._step()
        if not self._name():
            return False
        depth = 0
        for _ in range(400):
            depth += {"(": 1, ")": -1}.get(self._token.word, 0)
            if depth <= 0 and self._is_word("values", "select", "default", "set", "overriding"):
                self._sure = max(self._sure, Sure.OPEN)
                return self._literal_body("values") if not self._is_word("select") else True
            if self._token.kind in (Kind.END, Kind.CLOSING) or self._token.word == ";":
                break
            if (depth <= 0 and self._token.word != ")") or self._token.word in WORDS:
                break
            self._step()
        return False

    def _select(self) -> bool:
        if self._sure is Sure.WEAK:
            return False
        depth = run = passed = 0
        while passed <= STATEMENTS_PASSED:
            token = self._token
            passed += token.word in WORDS
            if depth <= 0 and self._is_word("from"):
                return self._from()
            plain = token.kind is Kind.WORD and token.word not in LIST_WORDS
            run = run + 1 if plain else 0
            if run > 2 or self._stops(depth) or (token.word in WORDS and depth <= 0):
                return False
            depth += {"(": 1, ")": -1}.get(token.word, 0)
            self._step()
        return False

    def _from(self) -> bool:
        self._capitals()
        self._step()
        if self._token.word == "(":
            self._body()
            return True
        if self._sure is Sure.WEAK or not self._name():
            return False
        if self._token.kind is Kind.WORD and self._token.word not in FROM_NEXT | NEXT:
            self._step()
        if self._is_word(*FROM_NEXT) or self._token.word == ",":
            self._body()
            return True
        return self._ends()


_HEADS: Mapping[str, Callable[[_StatementReader], bool]] = {
    word: getattr(_StatementReader, f"_{word}") for word in STATEMENT_WORDS
}
