"""Vectors of private keys, connection strings, passwords beside names, and random-looking text."""

import base64

import pytest

from extproc.guardrails.detectors import secrets
from tests.guardrails.builders import B64, PEM, SECRETS
from tests.guardrails.test_secrets_table import (
    UUID,
    Rows,
    a,
    alone,
    b,
    check_row,
    low,
    vectors,
    w,
    x,
)

PASSWORD = "tr0ub" + "4dor"
PAIR = base64.b64encode(b"deploy:" + PASSWORD.encode()).decode()
PUTTY = "Private-Lines: 2\n«" + b(64) + "\n" + b(44) + "»\nPrivate-MAC: " + x(64)
PKCS8 = base64.b64encode(PEM.replace("RSA PRIV", "PRIV").encode()).decode()
CERTIFICATE = base64.b64encode(PEM.replace("RSA PRIVATE KEY", "CERTIFICATE").encode()).decode()
HEADER = base64.urlsafe_b64encode(b'{"alg":"RS256","kid":"7"}').decode().rstrip("=")
NO_HEADER = base64.urlsafe_b64encode(b'{"a":"b","title":"nothing signed"}').decode().rstrip("=")
CLAIMS = base64.urlsafe_b64encode(b'{"sub":"1234567890"}').decode().rstrip("=")

KEYS: Rows = {
    "envelope-key": ("ek_" + a(8) + "_" + w(43), "ek_" + a(8) + "_" + w(42)),
    "pem-private-key": (PEM, PEM.replace("RSA PRIVATE", "RSA PUBLIC")),
    "pem-in-base64": ("client-key-data: «" + PKCS8 + "»", "client-cert-data: " + CERTIFICATE),
    "putty-key": (PUTTY, "Public-Lines: 2\n" + b(64) + "\n" + b(44) + "\n"),
    # age and Nostr: test vectors of C2SP/CCTV and NIP-19
    "age-key": ("AGE-SECRET-KEY-1" + "XMWWC06LY3EE5RYTXM9MFLAZ2U56JJJ36S0MYPDRWSVLUL66MV4QX3S7F6",
                "AGE-SECRET-KEY-1" + "XMWWC06LY3EE5RYTXM9MFLAZ2U56JJJ36S0MYPDRWSVLUL66MV4QX3S7F7"),
    "age-hybrid-key": ("AGE-SECRET-KEY-PQ-1" + "Q7Z3XWP9LK2VMN8RDY" + "F4HC5" * 8,
                       "AGE-SECRET-KEY-PQ-1" + "Q7Z3XWP9LK2VMN8RDY" + "F4HC5" * 6),
    "jwk-private": ('{"kty":"EC","crv":"P-256","x":"f83OJ3D2","d":"«' + w(43) + '»"}',
                    '{"kty":"EC","d":"' + w(42) + '"}'),
    "wireguard-key": (f"PrivateKey = «{b(43)}=»", f"PublicKey = {b(43)}="),
    "minisign-key": ("RWRTY0Iy" + b(204), "RWTTY0Iy" + b(204)),
    "signify-key": ("RWRCSwAAA" + b(140) + "==", "RWRCSwAAA" + b(60)),
    # BIP 32, test vector 1; a well-known wallet import format example
    "bip32-private-key": (
        "xprv" + "9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejM"
        "RNNU3TGtRBeJgk33yuGBxrMPHi",
        "xprv" + "9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejM"
        "RNNU3TGtRBeJgk33yuGBxrMPHj"),
    "bitcoin-wif": ("private key: «5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1" + "jvhTVqvbTLvyTJ»",
                    "private key: 5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1" + "jvhTVqvbTLvyTK"),
    "ethereum-key": (f"PRIVATE_KEY=«0x{x(64)}»", f"PUBLIC_ADDRESS=0x{x(40)}"),
    "nostr-key": ("nsec1" + "vl029mgpspedva04g90vltkh6fvh240zqtv9k0t9af8935ke9laqsnlfe5",
                  "npub1" + "vl029mgpspedva04g90vltkh6fvh240zqtv9k0t9af8935ke9laqsnlfe5"),
    "jwt": (HEADER + "." + CLAIMS + "." + w(86), NO_HEADER + "." + CLAIMS + "." + w(86)),
}  # fmt: skip
CONNECTIONS: Rows = {
    "postgres-url": (f"postgresql+psycopg://app:«{PASSWORD}»@db.example.com:5432/app?sslmode=require",
                     "postgres://app@db.example.com:5432/app"),
    "mysql-url": (f"mysql+pymysql://root:«p@ss@{PASSWORD}»@127.0.0.1/shop", "mysql://root:@localhost/x"),
    "mongodb-url": (f"mongodb+srv://app:«{PASSWORD}»@cluster0.ab1cd.example.net/?w=majority",
                    "mongodb+srv://<username>:<password>@cluster0.ab1cd.example.net"),
    "redis-url": (f"rediss://:«{PASSWORD}»@cache.example.com:6380/0", "redis://localhost:6379/0"),
    "amqp-url": (f"amqps://app:«{PASSWORD}»@mq.example.com/vhost", "amqp://guest:${MQ_PW}@mq:5672"),
    "mssql-url": (f"sqlserver://sa:«{PASSWORD}»@sql.example.com:1433", "mssql://sa:password@sql:1433"),
    "oracle-url": (f"oracle+oracledb://scott:«{PASSWORD}»@ora.example.com", "oracle://scott@ora"),
    "clickhouse-url": (f"clickhouse://default:«{PASSWORD}»@ch.example.com:9000/db",
                       "clickhouse://default:@ch.example.com:9000/db"),
    "snowflake-url": (f"snowflake://loader:«{PASSWORD}»@acme-eu1/db", "snowflake://loader@acme-eu1/db"),
    "neo4j-url": (f"neo4j+s://neo4j:«{PASSWORD}»@graph.example.com", "bolt://localhost:7687"),
    "nats-url": (f"nats://svc:«{PASSWORD}»@nats.example.com:4222", "nats://nats.example.com:4222"),
    "mail-url": (f"smtps://mailer:«{PASSWORD}»@smtp.example.com:465", "smtp://smtp.example.com:465"),
    "ldap-url": (f"ldaps://cn=admin:«{PASSWORD}»@ldap.example.com", "ldap://ldap.example.com:389/dc=x"),
    "ftp-url": (f"sftp://backup:«{PASSWORD}»@files.example.com/x", "ssh://git@git.example.com:7999/x"),
    "mqtt-url": (f"mqtts://sensor:«{PASSWORD}»@iot.example.com", "mqtt://iot.example.com:1883"),
    "cloudinary-url": (f"cloudinary://147253836920:«{w(27)}»@acme", "cloudinary://api_key:api_secret"),
    "proxy-url": (f"socks5h://user:«{PASSWORD}»@proxy.example.com:1080", "socks5://127.0.0.1:9050"),
    "http-url": (f"git clone https://ci:«{PASSWORD}»@git.example.com/a.git",
                 "http://localhost:8080/@scope/x and https://medium.example.com/@someone"),
    "other-url": (f"kafka://svc:«{PASSWORD}»@broker.example.com:9092", "std::vector<int>:x@y"),
    "jdbc-oracle": (f"jdbc:oracle:thin:scott/«{PASSWORD}»@//ora.example.com:1521/orcl",
                    "jdbc:oracle:thin:@//ora.example.com:1521/orcl"),
    "ado-password": ("Server=sql.example.com;Database=shop;User Id=sa;Password=«summer;»;".replace(
        ";»", "»"), "cd /srv; pwd=summer; ls"),
}  # fmt: skip
ASSIGNED: Rows = {
    "password-named": ("db_password: «s3cr3t-Value!»", "password: required"),
    "password-spoken": ("my password is «Sommer2024!», please", "the password is sha256-hashed"),
    "password-option": ("psql --password «Sommer2024!» -h db", "psql --password -h db1"),
    "netrc-password": ("machine x login bot password «Sommer2024!»", "login or password incorrect"),
    "mysql-option": ("mysqldump -u root -p«Sommer2024!» shop", "mysql -u root -p shop"),
    "curl-user": ("curl -u admin:«Sommer2024!» https://x", "docker run -u 1000:1000 img"),
    "session-cookie": (f"Cookie: lang=en; JSESSIONID=«{x(32)}»; a=b", "Cookie: lang=en; a=b"),
    "token-named": (f"client_secret=«{w(24)}»", f"next_page_token={w(24)}"),
    "token-option": (f"gh auth --api-key «{a(24)}»", "gh auth --api-key-file key.txt"),
    "bearer": (f"Authorization: Bearer «{a(24)}»", "the bearer certificates2026 of good news"),
    "authorization": (f"Authorization: Token «{x(40)}»", "Authorization: Token required here"),
    "basic-auth": (f"Authorization: Basic «{PAIR}»", "basic knowledge of mathematics"),
    "docker-auth": ('{"auths":{"r.example.com":{"auth":"«' + PAIR + '»"}}}', '{"auth":"c2lnbmVk"}'),
}  # fmt: skip
RANDOM: Rows = {"high-entropy": (f'salesKey = "«{a(32)}»"', f'contentHash = "{a(32)}"')}
ROWS: Rows = {**KEYS, **CONNECTIONS, **ASSIGNED, **RANDOM}


@pytest.mark.parametrize(("name", "text", "near"), vectors(ROWS))
def test_row(name: str, text: str, near: str) -> None:
    """P4: the value is found whole and alone, its near miss is not."""
    check_row(name, text, near)


@pytest.mark.parametrize("kind", [
    "RSA PRIVATE KEY", "EC PRIVATE KEY", "DSA PRIVATE KEY", "PRIVATE KEY", "ENCRYPTED PRIVATE KEY",
    "OPENSSH PRIVATE KEY", "PGP PRIVATE KEY BLOCK", "ENCRYPTED COSIGN PRIVATE KEY",
    "ENCRYPTED SIGSTORE PRIVATE KEY", "ANY PRIVATE KEY",
])  # fmt: skip
def test_every_kind_of_pem(kind: str) -> None:
    """P4: PEM of every kind, its lines broken or escaped, is one finding."""
    pem = f"-----BEGIN {kind}-----\n\n{B64}\n{B64}\n=njUN\n-----END {kind}-----"
    for text in (pem, pem.replace("\n", "\\n"), pem.replace("\n", "\r\n")):
        assert [(s.start, s.end, s.label) for s in SECRETS.find(text)] == [
            (0, len(text), "PRIVATE_KEY")
        ]


HASH = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
SRI = (
    "sha512-"
    + "z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+Sf"
)


@pytest.mark.parametrize("text", [
    f'"integrity": "{SRI}aPg=="', f"integrity {SRI}aPg==", f"integrity={SRI}aPg==",
    "golang.org/x/net v0.8.0 h1:Zrh2ngAOFYneWTAIAPethzeaQLuHwhuBkuV6ZiRnUaQ=",
    f"--hash=sha256:{HASH}", f"checksum = \"{HASH}\"", f"commit: {HASH[:40]}", f"sha={HASH}",
    f'"image": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk{a(20)}"',
    f"src=\"data:image/png;base64,iVBORw0KGgo{a(60)}\"", f"icon: /9j/4AAQSkZJRg{a(60)}",
    f"request_id: {UUID}", f"trace = {UUID}", f'"id": "chatcmpl-9Xb2{a(25)}"', f'"id":"{a(29)}"',
    f"https://example.com/watch?v=dQw4w9WgXcQ&list=PL{a(32)}", f"?gclid={a(60)}",
    f"&fbclid={a(60)}",
    f"https://docs.example.com/d/1{a(43)}/edit", f"endCursor: {a(40)}==", f'ETag: "{a(32)}"',
    "handler = getUserByIdAndName2FromDatabase", "type: AmazonEC2ContainerServiceforEC2Role",
    "charset=UTF-8-Encoding-ISO8859-1-Latin", "value: 2026-11-20T15-04-05Z-Backup-Of-All",
    "Content-Type: multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW",
    "greeting: SGVsbG8gd29ybGQsIHRoaXMgaXMgcGxhaW4gdGV4dA==", f"b={b(80)}", "x = a.b.c.d2(e)",
    f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{a(40)} me@example.com", f"key: {HASH}",
    "const token = await client.getAccessTokenSilently2(options)", "token = request.headers2[name]",
    "password = config.database.password1", "token: ${{ secrets.GITHUB_TOKEN_2 }}",
    "pad_token: <|endoftext-0-1-2-3|>", f"nextPageToken: \"{a(40)}\"", "salt: " + a(32),
    "api_key = os.getenv('API_KEY_NUMBER_2')", "secret_name: my/app/database2/credentials",
    "postgres://user:password@localhost/db", "redis://default:<password>@host:6379",
    "mongodb://${USER}:${PASS}@host/db", "amqp://{user}:{password}@host",
    "https://user@example.com:8443/x", "see https://example.com:8443/a@b", "12:30:45@noon",
    "npm install left-pad@1.3.0 --save", "the sk-learn package", "dp.pt. is a prefix",
    "ATTACK vectors", "EAAA", "AC" + "0" * 32, "ghp_" + "x" * 36, "sk-" + "x" * 40,
    "Order SK2048163759 shipped", "SCW, EXO, API-KEY and AKIA are prefixes", "1/2 of 3:00 to 4:00",
    "Bearer authentication2factor", "basic auth is dXNlcg==", "login with your password today",
    "The mistral wind blew at 120 km/h; the key is to hold on.", "oracle is a database",
    "use --token TOKEN or --api-key KEY", f"nonce: {a(32)}", f"model: {a(24)}",
    "v1.0-3f9a", "address: 1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "session_id: " + UUID,
    "ISBN 978-3-16-148410-0", "price: $1,299.00", "+1 (555) 123-4567",
])  # fmt: skip
def test_ordinary_text_stays(text: str) -> None:
    """Contract (secrets): hashes, ids, lock files, images, code, prose and placeholders stay."""
    assert [(s.label, text[s.start : s.end]) for s in SECRETS.find(text)] == []


@pytest.mark.parametrize("template", [
    'salesKey = "{}"', "SALES_KEY={}", "salesKey: {}", "'salesKey' => '{}',", "salesKey := `{}`",
    '{{"salesKey":"{}"}}', '{{\\"salesKey\\":\\"{}\\"}}', "export SALES_KEY='{}';",
])  # fmt: skip
def test_random_text_beside_any_name(template: str) -> None:
    """P4: what looks drawn at random is found in every way of writing an assignment."""
    for value in (a(20), a(40), a(21) + "-" + a(19) + "_Q", a(42) + "/" + a(43) + "=="):
        text = template.format(value)
        start = text.index(value)
        found = [(s.start, s.end, s.label) for s in SECRETS.find(text)]
        assert found == [(start, start + len(value), "HIGH_ENTROPY")], text


def test_half_of_a_random_value_is_not_judged() -> None:
    """Contract (`entropy`): what goes on behind 256 characters is data, not a key."""
    assert not alone("high-entropy").find("salesKey = " + a(257))
    assert alone("high-entropy").find("salesKey = " + a(256))


def test_a_made_up_header_is_no_jwt() -> None:
    """Contract (secrets): a JWT names its algorithm, whether signed, encrypted or neither."""
    jwe = base64.urlsafe_b64encode(b'{"enc":"A256GCM","alg":"dir"}').decode().rstrip("=")
    assert alone("jwt").find(f"{jwe}.{CLAIMS}.{low(20)}")
    assert alone("jwt").find(f"{HEADER}.{CLAIMS}.")
    assert not alone("jwt").find(f"{NO_HEADER}.{CLAIMS}.{low(20)}")


def test_a_url_within_an_environment() -> None:
    """P4: the scheme's own label is reported, the host and the user stay."""
    text = f"DATABASE_URL=postgres://app:{PASSWORD}@db/x REDIS_URL=redis://:{PASSWORD}@r:1"
    assert [s.label for s in SECRETS.find(text)] == ["POSTGRES_URL", "REDIS_URL"]
    assert {text[s.start : s.end] for s in secrets.build({}).find(text)} == {PASSWORD}
