"""Text without anything to find that looks as if there were: order numbers, hashes, code, lists.

Each maker gives a document of a few lines; any alarm in it is false. `placeholders` is apart:
values that standards reserve for documentation (RFC 2606, RFC 5737, RFC 3849, 555-01xx, card
networks' test numbers). A detector may report them or not: they are counted apart and neither
way."""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Callable
from random import Random

from bench.guardrail_quality.arithmetic import DIGITS, UPPER, digits, ean, letters, luhn
from bench.guardrail_quality.words import FAMILY, FILLER, GIVEN

Make = Callable[[Random], str]
_HEX = "0123456789abcdef"


def _hex(rng: Random, count: int) -> str:
    return "".join(rng.choices(_HEX, k=count))


def _uuid(rng: Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def _lines(
    rng: Random, shapes: tuple[str, ...], fill: Callable[[Random], dict[str, object]]
) -> str:
    return "\n".join(rng.choice(shapes).format(**fill(rng)) for _ in range(rng.randint(3, 6)))


def orders(rng: Random) -> str:
    shapes = (
        "Order {a} shipped, invoice {b}",
        "order no. {c} / item {a}",
        "Bestellung {b} vom {d}",
        "Ticket #{a} merged into #{c}",
        "PO {e} ref {a}",
        "Kundennummer {f}, Vorgang {b}",
        "commande n° {c}",
        "SKU {e}-{a}",
        "customer id: {f}",
        "batch {g} lot {b}",
    )
    return _lines(rng, shapes, lambda r: {
        "a": digits(r, 9, "123456789"), "b": digits(r, 10, "123456789"), "c": digits(r, 11, "123"),
        "d": f"{r.randint(1, 28)}.{r.randint(1, 12)}.2025", "e": letters(r, 2) + digits(r, 6),
        "f": digits(r, 8), "g": f"{digits(r, 4)}-{digits(r, 4)}-{digits(r, 4)}",
    })  # fmt: skip


def identifiers(rng: Random) -> str:
    shapes = (
        "id: {u}",
        "trace_id={h32} span_id={h16}",
        'etag: "{h40}"',
        "sha256:{h64}",
        "request {u} retried",
        '{{"uuid": "{u}", "rev": "1-{h32}"}}',
        "integrity: sha512-{b}==",
        "commit {h40}",
        "image: app@sha256:{h64}",
        "md5 {h32}",
    )
    return _lines(rng, shapes, lambda r: {
        "u": _uuid(r), "h16": _hex(r, 16), "h32": _hex(r, 32), "h40": _hex(r, 40),
        "h64": _hex(r, 64), "b": base64.b64encode(r.randbytes(64)).decode().rstrip("="),
    })  # fmt: skip


def times(rng: Random) -> str:
    shapes = (
        "{i} job started",
        "created_at: {e}",
        "ts={m} dur={s}ms",
        "[{a}] GET /health 200",
        "Updated {i} (epoch {e})",
        "expires={e}",
        '{{"at": {m}}}',
        '{a} - - "GET / HTTP/1.1" 304',
    )
    return _lines(
        rng,
        shapes,
        lambda r: {
            "i": f"2026-{r.randint(1, 12):02d}-{r.randint(1, 28):02d}"
            f"T{r.randint(0, 23):02d}:15:30+02:00",
            "e": r.randint(1_500_000_000, 1_900_000_000),
            "m": r.randint(1_500_000_000_000, 1_900_000_000_000),
            "s": f"{r.uniform(1, 900):.3f}",
            "a": f"{r.randint(1, 28):02d}/Mar/2026:10:{r.randint(10, 59)}:07 +0000",
        },
    )


def versions(rng: Random) -> str:
    shapes = ("upgraded to {v4}", "Chrome/{v4} Safari/537.36", "openssl {v3} -> {v4}", "build {v4}",
              "firmware {v4} (rev {n})", "AssemblyVersion(\"{v4}\")", "section {s} of the manual",
              "file version: {v4}", "numpy=={v3}", "release {v4} fixes CVE-2024-{n}")  # fmt: skip
    return _lines(
        rng,
        shapes,
        lambda r: {
            "v4": ".".join(str(r.randint(0, 120)) for _ in range(4)),
            "v3": f"{r.randint(1, 9)}.{r.randint(0, 20)}.{r.randint(0, 9)}",
            "n": r.randint(10_000, 99_999),
            "s": f"{r.randint(1, 9)}.{r.randint(1, 9)}.{r.randint(1, 9)}.{r.randint(1, 9)}",
        },
    )


def prices(rng: Random) -> str:
    shapes = (
        "Total: {a} EUR",
        "{b} USD (was {a})",
        "Q3 revenue was {c} against {c} last year",
        "Rs. {d} only",
        "1 BTC = {a} USD",
        "balance {c},00 kr",
        "{b} x {n} = {a}",
        "R$ {a}",
    )
    return _lines(
        rng,
        shapes,
        lambda r: {
            "a": f"{r.uniform(1000, 99999):,.2f}",
            "b": f"{r.uniform(1, 999):.2f}",
            "c": f"{r.randint(10**6, 10**9):,}".replace(",", r.choice((" ", ",", "."))),
            "d": f"{r.randint(1, 9)},{r.randint(10, 99)},{r.randint(100, 999)}.00",
            "n": r.randint(2, 900),
        },
    )


def numbers(rng: Random) -> str:
    width = rng.choice((3, 4, 5, 9))
    rows = [" ".join(digits(rng, width) for _ in range(8)) for _ in range(8)]
    return "counts per bin\n" + "\n".join(rows)


def matrix(rng: Random) -> str:
    return "[" + ", ".join(f"{rng.gauss(0, 40):.{rng.choice((3, 5, 8))}f}" for _ in range(60)) + "]"


def codes(rng: Random) -> str:
    """ISBN-10, ISBN-13, EAN, DOI, ISSN, UPC: check digits of their own."""
    isbn = "978" + digits(rng, 9)
    ten = digits(rng, 9)
    last = sum((i + 1) * int(d) for i, d in enumerate(ten)) % 11
    return "\n".join(
        (
            f"ISBN {isbn[:3]}-{isbn[3]}-{isbn[4:8]}-{isbn[8:]}-{ean(isbn)}",
            f"ISBN-13: {isbn}{ean(isbn)}",
            f"ISBN {ten}{'X' if last == 10 else last}",
            f"EAN {(e := digits(rng, 12, '4'))}{ean(e)}",
            f"doi:10.{digits(rng, 4, '1')}/{letters(rng, 4).lower()}.{digits(rng, 6)}",
            f"ISSN {digits(rng, 4)}-{digits(rng, 3)}X",
            f"GTIN {digits(rng, 14)}",
        )
    )


def tracking(rng: Random) -> str:
    imei = digits(rng, 14, "3")
    return "\n".join(
        (
            f"UPS tracking 1Z{letters(rng, 6, UPPER + DIGITS)}{digits(rng, 10)}",
            f"FedEx {digits(rng, 12)}",
            f"USPS {digits(rng, 20, '9')}{digits(rng, 2)}",
            f"DHL {digits(rng, 10)}",
            f"RR{digits(rng, 9)}DE",
            f"container MSKU{digits(rng, 7)}",
            f"flight LH{digits(rng, 4)} PNR {letters(rng, 6)}",
            f"sendungsnummer {digits(rng, 20, '0')}",
            f"device serial {imei}{luhn(imei)[:0]}X",
        )
    )


def git_log(rng: Random) -> str:
    return (
        "\n".join(
            f"{_hex(rng, rng.choice((7, 40)))} {rng.choice(('fix', 'feat', 'chore'))}: "
            f"{rng.choice(FILLER)}"
            for _ in range(6)
        )
        + f"\nindex {_hex(rng, 7)}..{_hex(rng, 7)} 100644\n"
        + f"@@ -{rng.randint(1, 900)},7 +{rng.randint(1, 900)},9 @@"
    )


def images(rng: Random) -> str:
    return (
        "![](data:image/png;base64,iVBORw0KGgo"
        + base64.b64encode(rng.randbytes(900)).decode()
        + ")"
    )


def minified(rng: Random) -> str:
    parts = [
        f"function {letters(rng, 1).lower()}(e,t)"
        f"{{return e[{rng.randint(0, 9999)}]^t<<{rng.randint(1, 31)}}}"
        f'var {letters(rng, 2).lower()}="{letters(rng, 12, UPPER + UPPER.lower())}",'
        f"{letters(rng, 1).lower()}=0x{_hex(rng, 8)};"
        for _ in range(10)
    ]
    return "!" + "".join(parts) + f"//# sourceMappingURL=app.{_hex(rng, 20)}.js.map"


_CODE = (
    "password = getpass.getpass('Password: ')",
    "if not check_password(user.password, password_hash):",
    "token = request.headers.get('Authorization')",
    "const apiKey = process.env.API_KEY;",
    "secret: ${{ secrets.DEPLOY_TOKEN }}",
    "PASSWORD=${DB_PASSWORD}",
    "def reset_password(token: str) -> None:",
    'api_key="<your-api-key>"',
    "client_secret: !vault kv/prod/client_secret",
    "raise ValueError('invalid token')",
    "password: str = Field(min_length=12)",
    "tokens = tokenizer.encode(text, max_tokens=4096)",
    "private_key_path = '/etc/ssl/private/server.key'",
    "export TOKEN=$(cat /run/secrets/token)",
    "assert response.json()['token_type'] == 'bearer'",
    "password_reset_timeout = 86400",
    "self.secret_name = 'prod/database/credentials'",
    "os.environ['AWS_SECRET_ACCESS_KEY']",
    'curl -H "Authorization: Bearer $TOKEN" https://api.kornfeld.io/v1',
    "Bearer {access_token}",
    "key = f'{user_id}:{session_id}:{version}'",
    "passwordField.setAttribute('type', 'password')",
    "postgres://user:${PGPASSWORD}@localhost:5432/app",
    "api_key: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "secretKeyRef: {name: db-credentials, key: password}",
    'password="changeme"',
    "token: null",
    "# TODO: rotate the api_key before 2026-06-30",
    "publicKey = loadKey('keys/id_ed25519.pub')",
    "csrf_token = form.hidden_tag()",
    "max_tokens: 1024, stop_token: '</s>'",
    "key: value",
)


def source_code(rng: Random) -> str:
    return "\n".join(rng.sample(_CODE, 6))


_PROSE = (
    "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor ut labore.",
    "The reaction proceeds at 310.15 K with k = 3.27e-4 s^-1 (n = 12, p < 0.001; Fig. 3b).",
    "We aligned 12,004,551 reads to GRCh38 (chr7:55,019,017-55,211,628) with a mean depth of 38.4.",
    "Never share your password or your PIN with anyone, not even with our support staff.",
    "What is the difference between an API key and an access token? Explain it to a beginner.",
    "A social security number has nine digits, an IBAN has up to 34 characters.",
    "Born in Ulm in 1879, Einstein published four papers in 1905.",
    "The passport office opens at 9.",
    "The Treaty of 24.10.1648 ended the war; see pp. 201-245 and note 17.",
    "He ran 10 km in 41:07.",
    "Our phone menu: press 1 for sales, 2 for support, 0 to hear it again.",
    "Call option strike 4500 exp 2026-12-18.",
    "The address bar shows a padlock. Street art on Main Street is not allowed after 8.",
    "ATG GCC ATT GTA ATG GGC CGC TGA AAG GGT GCC CGA TAG",
    "E = mc^2 and 1.602176634e-19 C.",
    "Resolution 1920x1080 at 60 Hz, 8-bit, 4:2:0, 24 Mbit/s.",
    "Win 3-2, 1-0, 2-2; table: 34 17 9 8 61:40 60.",
    "Route 66, gate B12, seat 34A, platform 9 3/4, room 4.117.",
    "iPhone 15 Pro Max, RTX 4090, DDR5-6000, M.2 2280",
    "The patient portal explains what an MRN is and where to find it.",
    "Verse 3:16, RFC 5321 section 4.5.3.1.1",
)


def prose(rng: Random) -> str:
    return " ".join(rng.sample(_PROSE, 4))


def mentions(rng: Random) -> str:
    """At signs that are no addresses: handles, decorators, packages, ssh remotes."""
    name = rng.choice(GIVEN).lower()
    return "\n".join(
        (
            f"thanks @{name} and @{rng.choice(FAMILY).lower()}!",
            "@pytest.mark.parametrize('x', [1, 2])",
            "npm install @types/node@20.11.5 react@18.2.0",
            "git clone git@github.com:acme/app.git",
            f"meet @ {rng.randint(1, 12)}pm @ cafe",
            "actions/checkout@v4",
            "pip install git+https://x.io/y@v1.2",
            "user@host:~$ ls -la",
            "5 apples @ 0.99 each",
            "image: nginx@sha256:" + _hex(rng, 64),
        )
    )


def technical(rng: Random) -> str:
    """Ranges, hex dumps, colours, ports, MAC-like and IPv6-like text."""
    return "\n".join(
        (
            f"0x{_hex(rng, 8)} 0x{_hex(rng, 8)} 0x{_hex(rng, 16)}",
            f"color: #{_hex(rng, 6)};",
            f"std::vector<int>::iterator it = a::b::c(); "
            f"// {rng.randint(10, 99)}:{rng.randint(10, 59)}:{rng.randint(10, 59)}",
            f"bind 0.0.0.0:{rng.randint(1024, 65535)} and [::1]:8080",
            f"hosts 10.0.{rng.randint(0, 255)}.7, 192.168.1.1",
            f"00000010: {' '.join(_hex(rng, 4) for _ in range(8))}",
            f"ratio 16:9, score {rng.randint(0, 9)}:{rng.randint(0, 9)}",
            f"pid {rng.randint(1, 99999)} rss {rng.randint(10**5, 10**9)} uptime 12 days, 03:14:15",
            f"rgb({rng.randint(0, 255)}, {rng.randint(0, 255)}, {rng.randint(0, 255)})",
            f"part no. {letters(rng, 2)}{digits(rng, 6)}{letters(rng, 1)}",
            f"model {letters(rng, 1)}{digits(rng, 8)}",
        )
    )


def cursors(rng: Random) -> str:
    def blob(n: int) -> str:
        return base64.urlsafe_b64encode(rng.randbytes(n)).decode().rstrip("=")

    return "\n".join(
        (
            f'{{"next_cursor": "{blob(30)}", "has_more": true}}',
            f"nextPageToken: {blob(24)}",
            f'{{"id": "chatcmpl-{blob(21)}", "object": "chat.completion"}}',
            f"tool_call_id: call_{blob(18)}",
            f"https://cdn.quarry.net/a/{_hex(rng, 32)}/main.css?v={rng.randint(10**9, 2 * 10**9)}",
            f"s3://bucket/year=2026/part-{rng.randint(0, 9999):05d}-{_uuid(rng)}.parquet",
            f"publishable key: pk_test_{letters(rng, 24, UPPER)}"[:0] + f'etag W/"{blob(16)}"',
            f"session started, visit {blob(12)}",
            f"hash: {hashlib.sha256(rng.randbytes(4)).hexdigest()}",
        )
    )


HAM: tuple[Make, ...] = (
    orders, identifiers, times, versions, prices, numbers, matrix, codes, tracking, git_log, images,
    minified, source_code, prose, mentions, technical, cursors,
)  # fmt: skip

PLACEHOLDERS = (
    "user@example.com", "jane.doe@example.org", "me@test.invalid", "192.0.2.14", "198.51.100.7",
    "203.0.113.9", "2001:db8::1", "(555) 010-0123", "+1 202-555-0143", "4111 1111 1111 1111",
    "4242424242424242", "5555555555554444", "378282246310005", "078-05-1120", "219-09-9999",
    "DE89 3704 0044 0532 0130 00", "GB82 WEST 1234 5698 7654 32",
)  # fmt: skip
