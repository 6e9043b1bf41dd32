"""Street addresses in Polish, Czech, Hungarian, Turkish and Russian.

A street has its word in front (`ul. Prosta 5/7, 00-838 Warszawa`) or behind (`Kossuth Lajos utca
12`, `Gül Sok. No: 5`). Orders and shapes: Poczta Polska, Česká pošta, Magyar Posta, PTT, Pochta
Rossii. Latin letters with an accent are `?`; those of Russian have bytes (see `pii_fold`).
"""

from __future__ import annotations

from extproc.guardrails.detectors.pii_shape import Kind, ending
from extproc.guardrails.detectors.pii_words import spelled

_WORD = rb"[A-Z?][A-Za-z?'.-]{0,20}"
_TOWN = rb"[A-Z?][A-Za-z?-]{1,20}(?: [A-Z?][a-z?]{2,15})?(?: \d{1,2}(?!\d))?"
_HOUSE = (
    rb"\d{0,4}[A-Za-z]?(?:/\d{1,4}[A-Za-z]?)?(?: (?:m|lok|kv)\. ?\d{1,4})?(?![A-Za-z0-9_])(?!\.\d)"
)


def _in_front(street: bytes, space: bytes, post: bytes) -> Kind:
    """`post`: the postal code with its town, behind a comma or a line's end."""
    begin = rb"(?<![A-Za-z0-9_.-])(?<!et )" + street + space
    parts = rb"(?:(?:\d{1,2} |gen\. |[\x3f]w\. |ks\. )?" + _WORD + rb" ){0,3}"
    return ending(
        "ADDRESS",
        street + space + rb"[A-Za-z?'. \-]{2,44} \d",
        begin + parts + _WORD + rb" \d",
        80,
        rest=_HOUSE + post + rb"(?![A-Za-z0-9_])",
        rest_max=64,
        tail=begin.removesuffix(b" ") + rb" ?" + parts + rb"(?:" + _WORD + rb" ?)?",
    )


_POST = rb",?[ \n]{1,2}(?:\d\d-\d{3}|\d{3} \d\d) " + _TOWN
_UL = rb"(?:[uU]l\.|[uU]lica|[uU]licy|[tT]?\?\.|[nN]\?m\.|[nN]\?m\?st\?)"
_AL = rb"(?:[aA]l\.|[aA]leja|[aA]leje|[oO]s\.|[oO]siedle|[pP]l\.|[pP]lac)"
_POLISH = _in_front(_UL, rb" ?", rb"(?:" + _POST + rb")?")
_POLISH_ALLEY = _in_front(_AL, rb" ", _POST)  # `et al. Nature 521` is none

_UTCA = rb"(?:utca|u\.|k\?r\?t|t\?r|\?t)"
_HUNGARIAN = ending(
    "ADDRESS",
    rb" " + _UTCA + rb" \d",
    rb"(?<![A-Za-z0-9_?.-])(?:\d{4} [A-Z?][A-Za-z?]{1,16}, )?[A-Z?][A-Za-z?.-]{2,20}"
    rb"(?: [A-Z?][A-Za-z?.-]{1,20}){0,2} " + _UTCA + rb" \d",
    96,
    rest=rb"\d{0,3}(?:/[A-Za-z])?\.?(?![A-Za-z0-9_])(?:,?[ \n]{1,2}\d{4} [A-Z?][A-Za-z?]{1,16})?"
    rb"(?![A-Za-z0-9_])",
    rest_max=40,
    locale="HU",
    tail=rb"(?<![A-Za-z0-9_?.-])(?:\d{4} [A-Z?][A-Za-z?]{1,16}, )?"
    rb"(?:[A-Z?][A-Za-z?.-]{0,20} ?){1,3}"
    rb"(?:" + _UTCA + rb" ?|[a-z?]{1,4})?",
)

_CADDE = rb"(?:Cad(?:desi)?|Sok(?:a\?\?|ak)?|Bulvar\?|Blv|Mah(?:allesi)?)"
_TURKISH = ending(
    "ADDRESS",
    _CADDE + rb"\.?,? [Nn]o ?[:.]? ?\d",
    rb"(?<![A-Za-z0-9_?.-])(?:[A-Z?0-9][A-Za-z?.]{0,20} ){1,5}"
    + _CADDE
    + rb"\.?,? [Nn]o ?[:.]? ?\d",
    90,
    rest=rb"\d{0,3}(?:/\d{1,3}|/?[A-Z])?(?:,? ?(?:Daire|D|Kat|K) ?[:.]? ?\d{1,3}){0,2}"
    rb"(?![A-Za-z0-9_])"
    rb"(?:,? \d{5})?(?:,? [A-Z?][A-Za-z?]{2,16}(?:/[A-Z?][A-Za-z?]{2,16})?)?(?![A-Za-z0-9_])",
    rest_max=80,
    locale="TR",
    tail=rb"(?<![A-Za-z0-9_?.-])[A-Z?0-9][A-Za-z?.]{0,20}(?: [A-Z?0-9][A-Za-z?.]{0,20}){0,6}"
    rb",? ?(?:[Nn]o? ?[:.]? ?)?",
)

_OTHER = rb"\x80-\xff"
_ULITSA = b"|".join(
    spelled(word)
    for word in ("ул.", "улица", "пр-т", "проспект", "просп.", "переулок", "шоссе", "бульвар")
)
_RUSSIAN_BEGIN = (
    rb"(?<![A-Za-z0-9_" + _OTHER + rb"])(?:" + _ULITSA + rb") (?:[" + _OTHER + rb"-]{1,20} ){0,2}"
)
_DOM = rb"(?:" + spelled("дом") + rb" |" + spelled("д.") + rb" ?)?"
_RUSSIAN = ending(
    "ADDRESS",
    rb"(?:" + _ULITSA + rb") [" + _OTHER + rb" \-]{2,40},? " + _DOM + rb"\d",
    _RUSSIAN_BEGIN + rb"[" + _OTHER + rb"-]{1,20},? " + _DOM + rb"\d",
    80,
    rest=rb"\d{0,3}(?:/\d{1,3})?[" + _OTHER + rb"]?(?:,? (?:" + spelled("кв.") + rb"|"
    + spelled("к.") + rb"|" + spelled("корп.") + rb"|" + spelled("стр.") + rb") ?\d{1,4}){0,3}"
    rb"(?![A-Za-z0-9_])",
    rest_max=48,
    locale="RU",
    tail=rb"(?<![" + _OTHER + rb"])(?:(?:" + _ULITSA + rb") ?(?:[" + _OTHER
    + rb"-]{1,20} ?){0,3},? ?(?:[" + _OTHER + rb"]{1,4}\.? ?)?|[" + _OTHER + rb"-]{1,9})",
)  # fmt: skip

EAST = (_POLISH, _POLISH_ALLEY, _HUNGARIAN, _TURKISH, _RUSSIAN)
