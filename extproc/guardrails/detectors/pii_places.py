"""Places: postal codes, coordinates, and street addresses, which `pii_streets` has.

A postal code alone counts only beside its name.
"""

from __future__ import annotations

from extproc.guardrails.detectors.pii_shape import beside, ending
from extproc.guardrails.detectors.pii_streets import STREETS, UK_CODE
from extproc.guardrails.detectors.pii_words import words

# --- coordinates -----------------------------------------------------------------------------

_DEGREES = rb"\.\d{2,8} ?\?? ?"
_SECONDS = rb"(?:\d{1,2}(?:\.\d{1,4})? ?(?:\\?\"|\?|''|\?\?) ?)?"
_MINUTES = rb" ?\? ?\d{1,2}(?:\.\d{1,5})? ?['?] ?" + _SECONDS
_POINT_END = (  # from the last digit of the degrees on; every sign but ASCII is `?`
    rb"\d(?:" + _DEGREES + rb"[NS][,;]? ?\d{1,3}" + _DEGREES
    + rb"|" + _MINUTES + rb"[NS][,;]? ?\d{1,3}" + _MINUTES + rb")[EWO]\b"
)  # fmt: skip
_POINT = rb"\d{0,2}" + _POINT_END
_GPS_TAIL = (
    rb"(?<![A-Za-z0-9_.])\d{1,3}(?:\.\d{0,8})?(?: ?\?)?[0-9 .'\\\"?]{0,16}"
    rb"(?:[NS][,;]? ?[0-9 .'\\\"?]{0,22})?"
)
_DECIMAL = rb"[-+]?\d{1,3}\.\d{3,15}"
_PAIR = rb"[-+]?(?:[0-8]?\d)\.\d{4,12}[,;] ?[-+]?(?:1[0-7]\d|\d{1,2})\.\d{4,12}"

_CA_CODE = rb"[A-Z]\d[A-Z] ?\d[A-Z]\d"

KINDS = (
    *STREETS,
    beside("POSTAL_CODE", words("zip", "zip code*"),
           rb"\d{5}(?:-\d{4})?|" + UK_CODE + rb"|" + _CA_CODE,
           lead=rb"(?<![A-Za-z0-9_])[A-Z]{1,2}"),
    beside("POSTAL_CODE", words("pin code", "pincode", "почтовый индекс", "邮编", "邮政编码"),
           rb"[1-9]\d{2} ?\d{3}"),
    beside(
        "POSTAL_CODE",
        words(
            "postal code*", "postcode*", "post code*", "plz", "postleitzahl*", "code postal",
            "código postal", "código de endereçamento postal", "psč",
            "irányítószám", "ταχυδρομικός κώδικας", "τ.κ.", "郵便番号", "우편번호", "郵遞區號",
            "รหัสไปรษณีย์", "الرمز البريدي", "מיקוד", r"~c\.a\.p\.", "~cap ?:", "codice postale",
            "cep", "postnummer",
            "kod pocztowy",
        ),
        rb"\d{5}(?:-\d{3,4})?|" + UK_CODE + rb"|" + _CA_CODE + rb"|\d{4}(?: ?[A-Z]{2})?"
        rb"|\d{2}-\d{3}|\d{3}-\d{4}|\d{3} \d{2}",
        lead=rb"(?<![A-Za-z0-9_])[A-Z]{1,2}",
    ),
    ending(
        "GPS", _POINT_END, rb"(?<![A-Za-z0-9_.])-?" + _POINT, 70, rest=rb"(?![A-Za-z0-9_])",
        tail=_GPS_TAIL,
    ),
    beside(
        "GPS",
        words("lat", "latitude*", "lng", "lon", "longitude*", "gps*", "coordinates*", "coords*",
              "coordonnées*", "koordinaten*", "coordenadas*", "coordinate*", "współrzędne*", "geo",
              "geolocation*", "latlng*", "координаты", "συντεταγμένες", "坐标", "座標", "좌표"),
        _DECIMAL + rb"(?:[,;] ?" + _DECIMAL + rb")?",
        lead=rb"[-+]",
    ),
    beside(
        "GPS",
        words("location", "ubicación", "localização", "posizione", "standort", "localisation",
              "lokalizacja", "местоположение", "位置"),
        _PAIR,
        lead=rb"[-+]",
    ),
)  # fmt: skip
