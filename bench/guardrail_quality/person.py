"""Mail, telephones, places, networks and vehicles: RFC 5321, E.164, RFC 4291, ISO 3779."""

from __future__ import annotations

from random import Random

from bench.guardrail_quality.arithmetic import (
    digits,
    letters,
)
from bench.guardrail_quality.kind import Make, kind
from bench.guardrail_quality.papers import PAPERS, fill
from bench.guardrail_quality.words import FAMILY, GIVEN, HOSTS

_TLDS = [
    "com",
    "net",
    "org",
    "de",
    "fr",
    "it",
    "es",
    "nl",
    "pl",
    "co.uk",
    "com.br",
    "io",
    "dev",
    "eu",
    "info",
    "se",
    "fi",
    "ch",
    "gov.au",
    "ac.uk",
]


def email(rng: Random) -> str:
    given, family = rng.choice(GIVEN), rng.choice(FAMILY)
    local = rng.choice(
        (
            f"{given}.{family}",
            f"{given[0]}{family}",
            f"{family}_{given}",
            f"{given}{rng.randint(1, 99)}",
            f"{given}+{rng.choice(('news', 'shop', 'bank'))}",
            f"{given}-{family}",
            f"{given[0]}.o'{family}",
            f"{given}.{family}.{rng.randint(1960, 2005)}",
            f"info%{family}",
            f"{given}/{family}",
        )
    ).lower()
    host = rng.choice(HOSTS) + rng.choice(("", "", f"-{rng.choice(HOSTS)}"))
    host = rng.choice(("", "", "mail.", "eu.corp.")) + host
    address = f"{local}@{host}.{rng.choice(_TLDS)}"
    return rng.choice((address, address, address, address.upper(), address.title()))


_PHONES = {
    "en": (
        "(&##) &##-####",
        "&##-&##-####",
        "+1 &## &##-####",
        "+1&##&######",
        "1-&##-&##-####",
        "&##.&##.####",
        "+44 20 7### ####",
        "07*## ######",
        "020 7### ####",
        "+44 7*## ######",
        "+61 4## ### ###",
        "+91 9#### #####",
        "+65 8### ####",
        "+353 8# ### ####",
    ),
    "de": (
        "+49 30 *######",
        "030 *######",
        "0171 *######",
        "+49 (0)89 *######",
        "0171/*######",
        "+49-171-*######",
        "0049 171 *######",
        "089 / *## ## ##",
        "+4917*########",
    ),
    "fr": (
        "+33 6 ## ## ## ##",
        "06 ## ## ## ##",
        "01.4#.##.##.##",
        "+336########",
        "06########",
        "+33 (0)1 4# ## ## ##",
    ),
    "es": ("+34 6## ## ## ##", "6## ### ###", "91 *## ## ##", "+34 6## ### ###", "6########"),
    "it": ("+39 3## #######", "3## #######", "06 ########", "+39 02 ########", "3## ## ## ###"),
    "nl": ("+31 6 *#######", "06-*#######", "06 *#######", "020-*######", "+316*#######"),
    "pl": ("+48 5## ### ###", "5## ### ###", "+485########", "22 *## ## ##"),
    "pt": (
        "+351 9## ### ###",
        "+55 11 9####-####",
        "(11) 9####-####",
        "21 *## ####",
        "91# ### ###",
    ),
    "sv": ("+46 70 ### ## ##", "070-### ## ##", "08-*## ## ##"),
}


def _phone(language: str, international: bool) -> Make:
    shapes = [s for s in _PHONES[language] if s.startswith("+") == international]
    return lambda rng: fill(rng, rng.choice(shapes))


def address(language: str) -> Make:
    def make(rng: Random) -> str:
        n, name = rng.randint(1, 240), rng.choice(FAMILY)
        return rng.choice(
            {
                "us": (
                    f"{n * 7} {name} Street, Springfield, IL {digits(rng, 5, '6')}",
                    f"{n} W {rng.randint(2, 90)}th Ave Apt {rng.randint(1, 30)},"
                    f" Denver, CO 80{digits(rng, 3)}",
                    f"{n * 3} Old {name} Rd",
                    f"PO Box {n * 9}, Austin, TX 787{digits(rng, 2)}",
                ),
                "uk": (
                    f"{n} {name} Road, London SW1A 2AA",
                    f"Flat {rng.randint(1, 9)}, {n} High Street, Leeds LS1 4DY",
                ),
                "de": (
                    f"{name}straße {n}, 10{digits(rng, 3)} Berlin",
                    f"Am {name}platz {n}a",
                    f"{name}str. {n}, 80{digits(rng, 3)} München",
                ),
                "fr": (
                    f"{n} rue {name}, 750{rng.randint(10, 20)} Paris",
                    f"{n} bis avenue de la {name}, 69003 Lyon",
                ),
                "es": (
                    f"Calle {name} {n}, 3º B, 28{digits(rng, 3)} Madrid",
                    f"Avda. de {name}, {n}",
                ),
                "it": (f"Via {name} {n}, 00{digits(rng, 3)} Roma", f"Piazza {name} {n}"),
                "nl": (f"{name}straat {n}, 10{digits(rng, 2)} AB Amsterdam", f"{name}laan {n}"),
                "pl": (f"ul. {name} {n}/4, 00-{digits(rng, 3)} Warszawa",),
                "pt": (f"Rua {name}, {n}, 01310-{digits(rng, 3)} São Paulo", f"Avenida {name} {n}"),
            }[language]
        )

    return make


def gps(rng: Random) -> str:
    lat, lon = rng.uniform(-60, 65), rng.uniform(-170, 170)
    return rng.choice(
        (
            f"{lat:.5f}, {lon:.5f}",
            f"{lat:.6f},{lon:.6f}",
            f"{abs(int(lat))}°{rng.randint(0, 59)}'{rng.randint(0, 59)}\"N "
            f"{abs(int(lon))}°{rng.randint(0, 59)}'{rng.randint(0, 59)}\"E",
        )
    )


def postal(rng: Random) -> str:
    return rng.choice(
        (
            "SW1A 1AA",
            "EC1V 9LT",
            "K1A 0B1",
            "M5V 3L9",
            digits(rng, 5),
            f"{digits(rng, 5)}-{digits(rng, 4)}",
        )
    )


def ip_address(rng: Random) -> str:
    """Addresses of the global unicast space only: private and reserved ones name nobody."""
    first = rng.choice((5, 23, 31, 46, 62, 78, 81, 91, 104, 130, 151, 178, 185, 194, 212))
    four = f"{first}.{rng.randint(0, 255)}.{rng.randint(0, 255)}.{rng.randint(1, 254)}"
    groups = [f"{rng.randint(0, 65535):x}" for _ in range(8)]
    groups[0] = rng.choice(("2a01", "2a02", "2600", "2607", "2408"))
    six = rng.choice(
        (
            ":".join(groups),
            f"{':'.join(groups[:4])}::{groups[7]}",
            f"{':'.join(groups[:2])}::{groups[7]}",
        )
    )
    return rng.choice((four, four, six))


def mac(rng: Random) -> str:
    pairs = [
        rng.choice(("00", "3c", "a4", "f0")),
        *(f"{rng.randint(0, 255):02x}" for _ in range(5)),
    ]
    return rng.choice((":".join(pairs), "-".join(pairs).upper(), ":".join(pairs).upper()))


def vin(rng: Random) -> str:
    """North American check digit at place nine (49 CFR 565)."""
    values = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", map(int, "12345678123457923456789"), strict=True))
    pool = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"
    text = (
        rng.choice(("1HG", "1FT", "5YJ", "2T1", "3VW"))
        + letters(rng, 5, pool)
        + "0"
        + letters(rng, 2, "FGHJKLMN")
    )
    text = (text + digits(rng, 6))[:17]
    weights = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
    check = (
        sum((values[c] if c.isalpha() else int(c)) * w for c, w in zip(text, weights, strict=True))
        % 11
    )
    return text[:8] + ("X" if check == 10 else str(check)) + text[9:]


_CALL = {
    "en": "phone | tel | mobile | cell | call me at",
    "de": "Telefon | Tel. | Handy | Mobil",
    "fr": "téléphone | tél. | portable",
    "es": "teléfono | móvil | tel.",
    "it": "telefono | cellulare | cell.",
    "nl": "telefoon | mobiel | tel",
    "pl": "telefon | tel. | kom.",
    "pt": "telefone | celular | telemóvel",
    "sv": "telefon | mobil | tel",
}
_HOME = {
    "us": ("en", "address | home address | shipping address"),
    "uk": ("en", "address | billing address"),
    "de": ("de", "Adresse | Anschrift"),
    "fr": ("fr", "adresse | adresse postale"),
    "es": ("es", "dirección | domicilio"),
    "it": ("it", "indirizzo"),
    "nl": ("nl", "adres"),
    "pl": ("pl", "adres"),
    "pt": ("pt", "endereço | morada"),
}

PERSON = (
    *(
        kind("EMAIL", email, "email | e-mail | mail", lang, alone=True)
        for lang in ("en", "de", "fr")
    ),
    *(kind("PHONE", _phone(lang, True), cues, lang, alone=True) for lang, cues in _CALL.items()),
    *(kind("PHONE", _phone(lang, False), cues, lang) for lang, cues in _CALL.items()),
    *PAPERS,
    *(
        kind("ADDRESS", address(place), cues, lang, alone=True)
        for place, (lang, cues) in _HOME.items()
    ),
    kind("GPS", gps, "location | GPS | coordinates | lat/long"),
    kind("POSTAL_CODE", postal, "postcode | ZIP | ZIP code | postal code"),
    kind("IP_ADDRESS", ip_address, "IP | IP address | client_ip | remote address", alone=True),
    kind("MAC_ADDRESS", mac, "MAC | MAC address | device", alone=True),
    kind("VIN", vin, "VIN | chassis number | vehicle identification number"),
)
