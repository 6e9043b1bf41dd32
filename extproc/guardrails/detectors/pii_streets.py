"""Street addresses as they are written in English, German, Dutch, the Nordic languages and French.

The order is each country's own (Universal Postal Union, `Postal addressing systems`); the south
and the east of Europe stand in `pii_streets_south` and `pii_streets_east`.

An address is a number, a name and a word for a street, in the order of its country; unit, town and
postal code belong to it when they follow. Text is folded: what is not ASCII is `?` (see `pattern`).
"""

from __future__ import annotations

from extproc.guardrails.detectors.pii_shape import Kind, ending
from extproc.guardrails.detectors.pii_streets_east import EAST
from extproc.guardrails.detectors.pii_streets_south import SOUTH

# --- English: number, name, street -----------------------------------------------------------

UK_CODE = rb"[A-Z]{1,2}\d[0-9A-Z]? ?\d[A-Z]{2}"

_STREET = (
    rb"(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Place|Square|Sq"
    rb"|Terrace|Parkway|Pkwy|Highway|Hwy|Circle|Crescent|Gardens|Grove|Mews|Close|Way|Walk|Quay)"
)
_NAME = rb"(?:[A-Z][A-Za-z'.-]{0,17}|\d{1,3}(?:st|nd|rd|th)) "
_HOUSE = rb"\d{1,5}[A-Za-z]?(?:-\d{1,5})? "
_NO_YEAR = rb"(?!(?:19|20)\d\d )"  # `In 2008 Wall Street` is no address
_EN_HEAD = rb"(?<![A-Za-z0-9_.,$#-])" + _NO_YEAR + _HOUSE + rb"(?:" + _NAME + rb"){1,3}" + _STREET
_UNIT = (
    rb"(?:,? (?:Apt|Apartment|Suite|Ste|Unit|Flat|Floor|#)\.? ?[A-Za-z0-9-]{1,6}(?![A-Za-z0-9])"
    rb"|,? [A-Z0-9][a-z0-9]{1,9} Floor)?"
)
_ZIP = rb"\d{5}(?:-\d{4})?"
_STATE = rb"[A-Z][a-z]{3,12}(?: [A-Z][a-z]{3,9})?"
_TOWN = rb"(?:,? ?\n?[A-Z][A-Za-z'.-]{1,17}(?: [A-Z][A-Za-z'.-]{1,17})?)?"
_EN_REST = (
    rb"(?![A-Za-z0-9_])\.?" + _UNIT + rb"(?:" + _TOWN
    + rb",?[ \n]{1,2}(?:[A-Z]{2}(?:,? " + _ZIP + rb")?|" + _STATE + rb",? " + _ZIP
    + rb"|" + UK_CODE + rb"|" + _ZIP + rb")(?![A-Za-z0-9_]))?"
)  # fmt: skip
_EN_TAIL = (
    rb"(?<![A-Za-z0-9_.,$#-])\d{1,5}[A-Za-z]?(?:-\d{0,5})? (?:[A-Z0-9][A-Za-z0-9'.-]{0,17} ){0,3}"
    rb"[A-Z0-9]?[A-Za-z0-9'.-]{0,17}"
)

_ENGLISH = ending(
    "ADDRESS",
    _HOUSE + rb"(?:[A-Z0-9][A-Za-z0-9'.\-]{0,17} ){1,3}" + _STREET + rb"\b",
    _EN_HEAD,
    80,
    rest=_EN_REST,
    rest_max=110,
    tail=_EN_TAIL,
)

_STREET_CAPITALS = (
    rb"(?:STREET|ST|AVENUE|AVE|ROAD|RD|BOULEVARD|BLVD|LANE|LN|DRIVE|DR|COURT|CT|PLACE|PL|SQUARE|SQ"
    rb"|TERRACE|TER|PARKWAY|PKWY|HIGHWAY|HWY|CIRCLE|CIR|WAY)"
)
_CAPITALS = ending(  # as the US Postal Service asks for: Publication 28, 212 and 221
    "ADDRESS",
    _HOUSE + rb"(?:[A-Z0-9][A-Z0-9'\-]{0,17} ){1,3}" + _STREET_CAPITALS + rb"\b",
    rb"(?<![A-Za-z0-9_.,$#-])" + _HOUSE + rb"(?:[A-Z0-9][A-Z0-9'-]{0,17} ){1,3}" + _STREET_CAPITALS,
    80,
    rest=rb"(?![A-Za-z0-9_])(?: [NS]?[EW]?)?(?:,? (?:APT|STE|UNIT|FL|#) ?[A-Z0-9-]{1,6})?"
    rb",?[ \n]{1,2}[A-Z][A-Z'.-]{1,17}(?: [A-Z][A-Z'.-]{1,17}){0,2},? [A-Z]{2},? " + _ZIP
    + rb"(?![A-Za-z0-9_-])",
    rest_max=110,
    locale="US",
    tail=_EN_TAIL,
)  # fmt: skip

# --- German and Dutch: name and street in one word, number -----------------------------------

_STRASSE = rb"(?:(?i:str)(?:a(?:\?|ss)e|\.)|(?i:weg|platz|allee|gasse|chaussee|damm))"
_DE_NAME = (
    rb"(?:[A-Z?][A-Za-z?.-]{0,24}" + _STRASSE + rb"|[A-Z?][A-Za-z?.-]{1,20}(?:er|en|es|e|-)[ -]"
    + _STRASSE + rb")"
)  # fmt: skip
_DE_REST = (
    rb"\d{0,2}(?: ?[a-z](?![A-Za-z]))?(?:[-/]\d{1,3})?(?![A-Za-z0-9_])(?!\.\d)"
    rb"(?:,?[ \n]{1,2}(?:D-|A-|CH-)?\d{4,5} [A-Z?][A-Za-z?-]{1,20}"
    rb"(?: (?:am|an der|im|a\.) [A-Z][a-z]{2,12})?)?"
)
_DE_TAIL = rb"(?<![A-Za-z0-9_?.-])[A-Z?][A-Za-z?.-]{0,30}(?: " + _STRASSE + rb")? ?"

_STRAAT = rb"[a-z?](?:straat|laan|weg|plein|gracht|singel|dijk)"
_NL_REST = (
    rb"\d{0,3}(?: ?[A-Za-z](?![A-Za-z]))?(?:-\d{1,3})?(?![A-Za-z0-9_])(?!\.\d)"
    rb"(?:,?[ \n]{1,2}\d{4} ?[A-Z]{2},?[ \n]{1,2}[A-Z][A-Za-z?-]{1,20}(?![A-Za-z]))?"
)

_GERMAN = ending(
    "ADDRESS", _STRASSE + rb" \d", rb"(?<![A-Za-z0-9_?.-])" + _DE_NAME + rb" \d", 60,
    rest=_DE_REST, rest_max=64, locale="DE", tail=_DE_TAIL,
)  # fmt: skip
_DUTCH = ending(
    "ADDRESS", _STRAAT + rb" \d",
    rb"(?<![A-Za-z0-9_?.-])[A-Z?][A-Za-z?.-]{1,24}" + _STRAAT + rb" \d", 48,
    rest=_NL_REST, rest_max=50, locale="NL",
    tail=rb"(?<![A-Za-z0-9_?.-])[A-Z?][A-Za-z?.-]{1,33} ",
)  # fmt: skip

# --- Nordic: name and street in one word, number ----------------------------------------------

_NORDIC_POST = rb",?[ \n]{1,2}(?:S-|SE-|DK-|N-|FI-)?(?:\d{3} \d\d|\d{4,5}) [A-Z?][A-Za-z?-]{1,20}"
_NORDIC_HOUSE = rb"\d{0,3}(?: ?[A-Za-z](?![A-Za-z]))?(?:, ?\d\.? ?(?:t[vh]|mf)\.?)?(?![A-Za-z0-9_])"


def _nordic(street: bytes, post: bytes, more: bytes = b"") -> Kind:
    """`post`: how often the postal code stands behind."""
    return ending(
        "ADDRESS", street + rb" \d",
        rb"(?<![A-Za-z0-9_?.-])[A-Z?][A-Za-z?.-]{1,24}" + more + street + rb" \d", 52,
        rest=_NORDIC_HOUSE + rb"(?!\.\d)(?:" + _NORDIC_POST + rb"(?![A-Za-z0-9_]))" + post,
        rest_max=52,
        tail=rb"(?<![A-Za-z0-9_?.-])[A-Z?][A-Za-z?.-]{1,34}" + more + rb"[a-z]{0,4} ?",
    )  # fmt: skip


NORTH = (
    _nordic(rb"[a-z?](?:gatan|v(?:\?|a)gen|veien|vegen|vej|katu|kuja)", b"?"),
    _nordic(rb"(?:[a-z?](?:gata|gade|gate)|s gate)", b"", b"(?: [A-Z?][A-Za-z?]{1,16})?"),
)
"""Without its postal code `gate` ends other words: `investigate 5`, `Watergate 2`."""

# --- French: number, street, name ------------------------------------------------------------

_RUE = (
    rb"(?i:rue|avenue|av\.|boulevard|bd|place|chemin|impasse|all(?:\?|e)e|quai|cours|route|square"
    rb"|passage|faubourg)"
)
_FR_HEAD = rb"(?<![A-Za-z0-9_.,-])\d{1,4}(?: ?(?:bis|ter))?,? " + _RUE + rb" "
_FR_REST = (
    rb"(?:(?:de la|de|du|des|la|le|les|aux?|d'|l'|de l') ?)?(?:[A-Z?][A-Za-z?'-]{1,20})"
    rb"(?: (?:(?:de|du|des|la|et) )?[A-Z?][A-Za-z?'-]{1,20}){0,3}(?![A-Za-z0-9_])"
    rb"(?:,?[ \n]{1,2}(?:F-|L-)?\d{4,5} [A-Z?][A-Za-z?'-]{1,25}(?: \d{1,2}(?:er?)?)?)?"
)
_FR_TAIL = (
    rb"(?<![A-Za-z0-9_.,-])\d{1,4}(?: ?(?:bis|ter|bi|te|b|t))?,? ?(?:[A-Za-z?.]{1,9} ?)?"
)  # fmt: skip

_FRENCH = ending(
    "ADDRESS", rb"\d(?: ?(?:bis|ter))?,? " + _RUE + rb" ", _FR_HEAD, 24, rest=_FR_REST,
    rest_max=160, locale="FR", tail=_FR_TAIL,
)  # fmt: skip

# --- post office boxes ------------------------------------------------------------------------

_BOX = (
    rb"(?:[Pp]\.? ?[Oo]\.? ?[Bb][Oo][Xx]|Post Office Box|Postfach|Postbus|Postboks|Box postal"
    rb"|Apartado(?: de [Cc]orreos)?|Apartado [Pp]ostal|Caixa [Pp]ostal|Casella [Pp]ostale"
    rb"|Case [Pp]ostale|Bo\?te [Pp]ostale)"
)
_BOX_REST = (
    rb"(?: ?\d){0,6}(?![A-Za-z0-9_])(?:" + _TOWN
    + rb",?[ \n]{1,2}(?:[A-Z]{2},? " + _ZIP + rb"|" + UK_CODE + rb"|" + _ZIP
    + rb" [A-Z?][A-Za-z?-]{1,20}|" + _ZIP + rb")(?![A-Za-z0-9_]))?"
)  # fmt: skip
_BOXES = ending(
    "ADDRESS", _BOX + rb":? (?:n[.?]{1,2} ?)?\d",
    rb"(?<![A-Za-z0-9_])" + _BOX + rb":? (?:n[.?]{1,2} ?)?\d", 34, rest=_BOX_REST, rest_max=80,
    tail=rb"(?:P\.? ?(?:O\.? ?(?:B(?:ox?)?)?)?|p\.? ?o\.? ?b?o?x?|" + _BOX + rb"|Post Office ?"
    rb"|(?:Apartado|Apartado de|Box|Caixa|Casella|Case|Bo\?te) ?):? ?(?:n[.?]{0,2} ?)?",
)  # fmt: skip

STREETS = (_ENGLISH, _CAPITALS, _GERMAN, _DUTCH, *NORTH, _FRENCH, _BOXES, *SOUTH, *EAST)
