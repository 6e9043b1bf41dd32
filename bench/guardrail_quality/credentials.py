"""Credentials of vendors as their own documentation shows them, put together at run time.

No string in this file is a credential or looks like one: prefixes are joined with random text here,
so that no scanner of this repository has anything to find.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from random import Random
from urllib.parse import quote

from bench.guardrail_quality.arithmetic import DIGITS, UPPER
from bench.guardrail_quality.kind import Kind, Make, kind, only
from bench.guardrail_quality.money import bech32

LOWER = UPPER.lower()
ALNUM = DIGITS + UPPER + LOWER
HEX = "0123456789abcdef"
URL64 = ALNUM + "-_"
B64 = ALNUM + "+/"


def _text(rng: Random, count: int, alphabet: str) -> str:
    return "".join(rng.choices(alphabet, k=count))


def shape(*parts: str | tuple[int, str]) -> Make:
    """Literals, and (length, alphabet) for random text."""
    return lambda rng: "".join(
        part if isinstance(part, str) else _text(rng, *part) for part in parts
    )


def _segment(fields: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(fields).encode()).decode().rstrip("=")


def jwt(rng: Random) -> str:
    claims: dict[str, object] = {"sub": _text(rng, 8, DIGITS), "iat": rng.randint(10**9, 2 * 10**9)}
    head = _segment({"alg": rng.choice(("HS256", "RS256", "ES256")), "typ": "JWT"})
    return f"{head}.{_segment(claims)}.{_text(rng, 43, URL64)}"


def pem(rng: Random) -> str:
    name = rng.choice(("RSA ", "EC ", "", "OPENSSH ", "ENCRYPTED "))
    body = "\n".join(_text(rng, 64, B64) for _ in range(rng.randint(3, 14)))
    title, last = f"{name}PRIVATE KEY-----", _text(rng, 30, B64)
    return f"-----BEGIN {title}\n{body}\n{last}==\n-----END {title}"


def password(rng: Random) -> str:
    """What password managers make: letters, digits and a few signs."""
    text = list(_text(rng, rng.randint(12, 20), ALNUM) + _text(rng, 3, "!#$%*-_+?") + "7k")
    rng.shuffle(text)
    return "".join(text)


def human_password(rng: Random) -> str:
    """What people make: words with capitals, digits and a sign."""
    word = rng.choice(
        ["Summer", "Dragon", "Winter", "Monkey", "Falcon", "Berlin", "Liverpool", "Sunshine"]
    )
    return (
        word
        + rng.choice(("", "!", "#", "@"))
        + _text(rng, rng.choice((2, 4)), DIGITS)
        + rng.choice(("!", "$", "x"))
    )


URL_PASSWORD = shape((18, ALNUM))


def _azure_id(rng: Random) -> str:
    return "-".join(_text(rng, n, HEX) for n in (8, 4, 4, 4, 12))


def azure_storage(rng: Random) -> str:
    """Of a connection string the key alone is the secret."""
    key = base64.b64encode(rng.randbytes(64)).decode()
    return only("DefaultEndpointsProtocol=https;AccountName=prod;Account" + "Key=", key,
                ";EndpointSuffix=core.windows.net")  # fmt: skip


def azure_sas(rng: Random) -> str:
    signature = quote(base64.b64encode(rng.randbytes(32)).decode(), safe="")
    return only(
        "https://prod.blob.core.windows.net/in?sv=2023-11-03&ss=b&sp=rl&se=2027-01-01&si" + "g=",
        signature,
    )


def age_key(rng: Random) -> str:
    return bech32("age-secret" + "-key-", rng.randbytes(32)).upper()


def discord(rng: Random) -> str:
    """Number of the bot in base64, a time, a signature."""
    number = base64.b64encode(str(rng.randint(10**18, 13 * 10**17)).encode()).decode().rstrip("=")
    return f"{number}.G{_text(rng, 5, URL64)}.{_text(rng, 38, URL64)}"


def uuid_key(rng: Random) -> str:
    return _azure_id(rng)


_GENERIC = "PASSWORD TOKEN HIGH_ENTROPY"
_ROWS_FILE = Path(__file__).with_name("credentials.txt")
_CLASSES = {
    "a": ALNUM, "b": B64, "B": UPPER + "234567", "d": DIGITS, "l": LOWER + "234567",
    "n": "123456789", "o": "12", "U": UPPER + DIGITS, "w": URL64, "x": HEX, "X": HEX.upper(),
}  # fmt: skip
_MAKERS: dict[str, Make] = {
    "age_key": age_key, "azure_sas": azure_sas, "azure_storage": azure_storage,
    "discord": discord, "jwt": jwt, "pem": pem, "uuid_key": uuid_key,
}  # fmt: skip


def made_of(written: str) -> Make:
    """The maker of a shape as `credentials.txt` writes it."""
    if written.startswith("@"):
        return _MAKERS[written[1:]]
    pieces: list[str | tuple[int, str]] = []
    for literal, count, name in re.findall(r"([^{}]+)|\{(\d+)(\w)\}", written.replace("~", "")):
        pieces.append(literal or (int(count), _CLASSES[name]))
    return shape(*pieces)


def _rows() -> Iterator[Kind]:
    for line in _ROWS_FILE.read_text().splitlines():
        if not line.startswith("#"):
            label, alone, written, cues = line.split(" | ")
            names = cues.replace(", ", " | ")
            yield kind(label, made_of(written), names, alone=alone == "alone", also=_GENERIC)


CREDENTIALS: tuple[Kind, ...] = (
    *_rows(),
    kind(
        "PASSWORD", password, "password | db_password | PASSWORD | passwd | Passwort", also=_GENERIC
    ),
    kind("PASSWORD", human_password, "password | my password | pwd | mot de passe", also=_GENERIC),
    kind("TOKEN", shape((40, ALNUM)), "api_key | apikey | secret | auth_token", also=_GENERIC),
    kind("TOKEN", shape((32, HEX)), "api_key | secret_key | client_secret | token", also=_GENERIC),
)

URLS: tuple[tuple[str, str, str], ...] = (
    ("POSTGRES_URL", "postgres" + "ql://app:", "@db.prod.internal:5432/orders"),
    ("MYSQL_URL", "my" + "sql://root:", "@mysql-1.corp:3306/shop"),
    ("MONGODB_URL", "mongodb" + "+srv://svc:", "@cluster0.ab1cd.mongodb.net/main"),
    ("REDIS_URL", "red" + "iss://:", "@cache.prod.internal:6380/0"),
    ("AMQP_URL", "amq" + "ps://worker:", "@mq.prod.internal/vhost"),
    ("BASIC_AUTH_URL", "htt" + "ps://deploy:", "@artifacts.kornfeld.io/simple"),
    ("FTP_URL", "ft" + "p://upload:", "@files.quarry.net/in"),
    (
        "CONNECTION_STRING",
        "Server=sql.corp;Database=crm;User Id=sa;Pass" + "word=",
        ";Encrypt=true",
    ),
    ("JDBC_URL", "jdbc:postgresql://db.corp:5432/x?user=app&pass" + "word=", "&ssl=true"),
    ("AUTHORIZATION", "Author" + "ization: Bearer ", ""),
    ("BASIC_AUTH", "Author" + "ization: Basic ", ""),
    ("SESSION_COOKIE", "Cookie: theme=dark; session" + "id=", "; lang=de"),
)
"""Label, what stands before the secret, what stands behind it."""


def url_secret(rng: Random, label: str) -> str:
    if label == "BASIC_AUTH":
        return base64.b64encode(f"deploy:{password(rng)}".encode()).decode()
    return _text(rng, 40 if label in ("AUTHORIZATION", "SESSION_COOKIE") else 18, ALNUM)
