"""Street addresses in Spanish, Portuguese, Italian and Romanian: street, name, number.

Floor and door, postal code and town belong to one when they follow. Orders and shapes: Correos
(`Calle Mayor 5, 3.º B, 28013 Madrid`), CTT (`Rua Augusta 12, 2.º Esq., 1100-048 Lisboa`), Correios
(`Rua Augusta, 91 - apto 12 - Consolação, 01305-000 São Paulo - SP`), Poste Italiane, Poșta Română.
Text is folded: what is not ASCII is `?`.
"""

from __future__ import annotations

from extproc.guardrails.detectors.pii_shape import Kind, ending

_PART = (
    rb"(?:de|del|della|delle|dei|di|da|do|das|dos|la|las|los|el|y|e"
    rb"|(?:d')?[A-Z?][A-Za-z?'.-]{0,20})"
)
_NO_JOURNEY = (  # `Via Gate 12` is English
    rb"(?! (?:Gate|Route|Port|Exit|Interstate|Highway|Terminal|Flight|Platform|Track|Channel|Line))"
)
_NUMBER = rb",? (?:[nN](?:r|um)?[.?]{0,2} ?)?\d"
_HOUSE = rb"\d{0,4}(?:[/-]?[A-Za-z](?![A-Za-z]))?(?![A-Za-z0-9_])(?!\.\d)"
_NAME = rb"[A-Z?][A-Za-z?'-]{1,20}"
_TOWN = _NAME + rb"(?: (?:d[aeo]s? |del )?[A-Z?][A-Za-z?'-]{1,20}){0,2}"

_DOOR_WORD = (
    rb"(?:[Pp]iso|[Pp]lanta|[Pp]uerta|[Pp]ta|[Ee]sc|[Ee]scalera|[Ii]nt|[Ii]nterno|[Ss]cala|[Ap]to"
    rb"|[Aa]pto|[Aa]pt|[Aa]p|[Aa]ndar|[Bb]loco|[Bb]l|[Bb]loque|[Ss]ala|[Ll]oja|[Cc]asa|[Ss]c|[Ee]t)"
)
_DOOR = (
    rb"(?:(?:,| -)? ?(?:" + _DOOR_WORD + rb"\.? ?[A-Za-z0-9?-]{1,5}|\d{1,2}\.?[?oa]{1,2}\.?"
    rb"(?: ?-? ?(?:[A-Z]|[Ii]zq(?:da)?|[Dd]cha|[Ee]sq|[Dd]ir|[Dd]to|[Ff]te|[Dd]er|\d?\??)\.?)?)"
    rb"(?![A-Za-z0-9])){0,2}"
)
_BEFORE_TOWN = rb"(?:(?:,| -)?[ \n]{1,2}"


def _romance(street: bytes, locale: str, post: bytes) -> Kind:
    """`post`: the postal code and, within the number of characters there are, the town."""
    begin = rb"(?<![A-Za-z0-9_.-])" + street + _NO_JOURNEY
    return ending(
        "ADDRESS",
        street + rb" [A-Za-z?'. \-]{2,44}" + _NUMBER,
        begin + rb"(?: " + _PART + rb"){1,5}" + _NUMBER,
        80,
        rest=_HOUSE + _DOOR + post + rb"(?![A-Za-z0-9_])",
        rest_max=150,
        locale=locale,
        tail=begin + rb"(?: " + _PART + rb"){0,5}(?:,? ?(?:[nN](?:r|um)?[.?]{0,2} ?"
        rb"|[A-Za-z?'.]{0,20}))?",
    )


_CALLE = (
    rb"(?:Calle|C/|Avenida|Avda\.?|Av\.|Plaza de|Plaza del|Paseo|Carrer|Camino|Ronda|Calzada"
    rb"|Traves\?a)"
)
_VIA = rb"(?:Via|Viale|Piazza|Piazzale|Corso|Vicolo|Strada|Largo)"
_RUA = rb"(?:Rua|Travessa|Pra\?a|Largo|Estrada|Alameda|Rodovia|Beco|Cal\?ada|Avenida|Av\.)"
_STRADA = rb"(?:Str\.|Bulevardul|B-dul|Bd\.|Calea|Aleea|\?oseaua|Soseaua)"

_FIVE_BEFORE = _BEFORE_TOWN + rb"\d{5},? " + _TOWN + rb")?"
_COLONY = rb"(?:,? [Cc]ol(?:onia|\.) " + _TOWN + rb")?"
_DISTRICT = rb"(?:(?:,| -) " + _TOWN + rb")?"
_CODE_PT = (
    _DISTRICT + rb"(?:(?:,| -)?[ \n]{1,2}(?:CEP:? )?(?:\d{4}-\d{3}|\d{5}-?\d{3}))?"
    rb"(?:(?:,| -)?[ \n]{1,2}" + _TOWN + rb")?(?:(?:,| -|/)? ?[A-Z]{2})?"
)
_CODE_RO = rb"(?:,? (?:bl|sc|et|ap)\. ?[A-Z0-9]{1,4}){0,4}(?:,? \d{6})?(?:,? " + _TOWN + rb")?"

SOUTH = (
    _romance(_CALLE, "ES", _COLONY + _FIVE_BEFORE),
    _romance(_VIA, "IT", _FIVE_BEFORE + rb"(?: \(?[A-Z]{2}\)?)?"),
    _romance(_RUA, "PT", _CODE_PT),
    _romance(_STRADA, "RO", _CODE_RO),
)
