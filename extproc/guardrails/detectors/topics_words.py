"""A keyword as an expression that tolerates endings: a light stemmer for English and German.

Promises: only endings of a closed list are tolerated, so `car` finds `cars` and not `cargo`.
`*` at a keyword's edge stands for up to 20 letters. Words of scripts that put no spaces between
words (Chinese, Japanese, Thai...) are found anywhere. Does not know umlaut plurals, irregular verbs
and the inner parts of compounds; `*` is for those.
"""

from __future__ import annotations

import re

_GAP = r"[^\w\n]{1,3}\n?"
_STEM_MIN = 4
_INFLECTIONS = ("ungen", "ings", "ung", "ing", "ers", "ern", "er", "es", "en", "em", "ed", "s")
_AFTER_CONSONANT = "s|e|es|ed|en|em|er|ers|ern|n|ing|ings|ung|ungen|'s|\u2019s"
_AFTER_E = "e|es|ed|en|em|er|ers|ern|ing|ings|e's|e\u2019s"
_AFTER_Y = "y|ys|ies|ied|ier|iers|ying|y's|y\u2019s"
_AFTER_DOUBLED = "e|es|ed|en|em|er|ers|ern|ing|ings"
_PLURAL = "s|es|'s|\u2019s"
_DOUBLED = re.compile(r"(?:bb|dd|gg|ll|mm|nn|pp|rr|tt)\Z")
_ONE_SYLLABLE = re.compile(r"[^aeiouy]{1,3}[aeiou][bdgklmnprt]")
"""Their consonant is doubled before a vowel: `plan`, `planning`; so `plane` is another word."""
_NO_SPACES = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]"
)


def keyword_expression(keyword: str) -> str:
    """The expression, in the syntax of `regex_syntax`, that finds a keyword."""
    words = re.findall(r"[\w'\u2019*+#.&]+", keyword)
    inner = _GAP.join(_word(word) for word in words)
    if _NO_SPACES.search(keyword):
        return inner
    left = "" if words[0].startswith("*") else _edge(words[0].strip("*")[:1], "<!")
    right = "" if words[-1].endswith("*") else _edge(words[-1].strip("*")[-1:], "!")
    return left + f"(?:{inner})" + right


def _edge(char: str, sign: str) -> str:
    return r"\b" if char.isalnum() or char == "_" else rf"(?{sign}\w)"


def _word(word: str) -> str:
    core = word.strip("*")
    front = r"\w{0,20}" if word.startswith("*") else ""
    if word.endswith("*"):
        return front + _escaped(core) + r"\w{0,20}"
    return front + _inflected(core)


def _escaped(text: str) -> str:
    spelt = "".join("\\" + c if c in "\\.+*?()[]{}|^$" else c for c in text)
    return spelt.replace("ß", "(?:ß|ss)")


def _inflected(word: str) -> str:
    """The word in the forms that its own ending lets expect."""
    lower = word.casefold() if "ß" not in word else word.lower()
    if not lower.isalpha() or _NO_SPACES.search(word) or (word.isupper() and len(word) > 1):
        return _escaped(lower)
    if len(lower) < _STEM_MIN:
        endings = f"{_PLURAL}|d" if lower.endswith("e") else _PLURAL
        return f"{_escaped(lower)}(?:{endings})?"
    for ending in ("ies", "ied", "y"):
        stem = lower.removesuffix(ending)
        if stem != lower and len(stem) >= 3 and stem[-1] not in "aeiou":
            return f"{_escaped(stem)}(?:{_AFTER_Y})"
    if lower.endswith("e") and len(lower) > _STEM_MIN:
        return f"{_escaped(lower[:-1])}(?:{_AFTER_E})"
    stem = _stem(lower)
    if _ONE_SYLLABLE.fullmatch(stem):
        return f"{_escaped(stem)}(?:{_PLURAL}|{stem[-1]}(?:{_AFTER_DOUBLED}))?"
    doubled = f"{stem[-1]}?" if stem[-1] in "bdgklmnprt" and stem[-2] in "aeiou" else ""
    return f"{_escaped(stem)}{doubled}(?:{_AFTER_CONSONANT})?"


def _stem(word: str) -> str:
    """The word without one inflection, where enough of it is left."""
    for ending in _INFLECTIONS:
        stem = word.removesuffix(ending)
        if stem == word:
            continue
        if len(stem) >= _STEM_MIN or (ending == "s" and len(stem) == 3 and stem != "new"):
            doubled = ending not in ("s", "es") and _DOUBLED.search(stem)
            return stem[:-1] if doubled and len(stem) > _STEM_MIN else stem
    return word
