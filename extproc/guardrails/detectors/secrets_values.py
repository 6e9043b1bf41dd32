"""Rows of the secrets table: values that only their place gives away, and random-looking ones.

Passwords and tokens beside their names, in URLs, connection strings, headers, cookies and commands.
Promises: only the value is found. What code or documentation puts in such a place (variables,
calls, `<your-key>`, `${KEY}`, cursors, hashes, images) stays.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from extproc.guardrails.detectors.pattern import Rule, Trigger
from extproc.guardrails.detectors.secrets_checks import (
    JUDGED,
    has_bits,
    high_entropy,
    is_basic_pair,
    mixed,
    of_all_classes,
    wordy,
)
from extproc.guardrails.detectors.secrets_shape import GAP, GAP_MAX, SIGN, Kind, behind, named

VALUE_MAX = 2048

Judge = Callable[[bytes, int, bytes, bytes], bool]
"""Of (text, where the trigger ended, quote or b'', value): whether it is a secret."""

# --- a value beside its name -----------------------------------------------------------------

_END = rb"\s\"'`\\\x00-\x1f"
_STOP = rb",;<>(){}\[\]|"
_AND = rb"&(?![\w.\-]{1,40}[=;]|&)"
"""In a password; not before the next field of a query or form, nor in an entity."""
_PLACEHOLDER = re.compile(
    rb"(?i)(?:your|my|the|some)?[_-]?(?:pass(?:word|wd)?|pwd|pw|secret|token|key|user(?:name)?)"
    rb"|\$?\{.*\}?|\$\(.*|\$[A-Z_]+|%\(?\w*\)?s?|\*+|x+|\.+|<.*|\[.*\]?|change_?me|redacted|example"
)
_CONSTANT = re.compile(rb"(?=(?:[A-Z_]*\d){0,2}[A-Z_]*\Z)_*[A-Z\d]+(?:_[A-Z\d]+)+")
_PATH_OF_NAMES = re.compile(rb"[*&]?[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")
_NAME_REVERSED = re.compile(
    rb"[=:>|(\s\"'`\\*\]]{0,8}(?:>?-[ \t][\"'`\\*_\]]{0,4}|(?:si|saw|era)[ \t][\"'`*]{0,3})?"
    rb"([\w.-]{1,40})"
)
NO_CREDENTIAL = re.compile(  # in lower case
    rb"(?:next|page|prev|previous|continuation|cursor|sync|sos|bos|eos|pad|unk|mask|stop|cancel"
    rb"|cancellation|design|first|last|type|parse)[_.-]?token\Z"
)


def name_before(data: bytes, at: int) -> bytes:
    """The identifier before a sign (its last 40 characters), b'' when there is none."""
    found = _NAME_REVERSED.match(data[max(0, at - 48) : at][::-1])
    return found[1][::-1] if found else b""


def _word(least: int, most: int, rest: bytes) -> bytes:
    """A value of `least` characters or more; in quotes it may hold brackets and separators."""
    bounds = b"{%d,%d}" % (least - 1, most)
    first = b"[^" + _END + _STOP + b"$&]"
    # `(?>x{m,n})` is `x{m,n}+`, which is wrong for groups before Python 3.11.5 (gh-106052).
    return first + b"(?(1)[^" + _END + b"]" + bounds + b"+|(?>" + rest + bounds + b"))"


_PLAIN = b"[^" + _END + _STOP + b"&]"
_WITH_AND = b"(?:" + _PLAIN + b"|" + _AND + b")"
_WORD_REST = b"(?(1)[^" + _END + b"]*+|[^" + _END + _STOP + b"]*+)"
_WORD_RUN = b"(?>(?:[^" + _END + _STOP + b"$&]" + _WORD_REST + b")?)"
_CALLS = (b"(", b"[")
_BEHIND_A_PLACEHOLDER = (b"@", b":", b"/", b".", b"-")
"""`<password>@host` is no tag."""


def assigned(name: str, label: str, names: bytes, least: int, judge: Judge) -> Kind:
    """A value behind what `names` finds; the trigger ends after the sign, the value is found.

    The first JUDGED characters are read and judged before the rest of a long value is.
    """
    short, wide, exact = (  # groups: the opening quote, the value
        re.compile(GAP + b"(" + _word(least, most, rest) + b")")
        for most, rest in ((JUDGED, _PLAIN), (JUDGED, _WITH_AND), (VALUE_MAX, _WITH_AND))
    )
    tail = re.compile(GAP + b"(" + _WORD_RUN + rb")\Z")

    def read(data: bytes, at: int) -> tuple[int, int] | None:
        found = short.match(data, at)
        near = at + GAP_MAX + least if found is None else found.end() + 1
        if data.find(b"&", at if found is None else near - 1, near) >= 0:
            found = wide.match(data, at)
        if found is None:
            return None
        quote, value = found[1] or b"", found[2].rstrip(b".")
        if data[at - 1 : at] == b">" and value.startswith(_BEHIND_A_PLACEHOLDER):
            return None
        if not judge(data, at, quote, value[:JUDGED]):
            return None
        if len(found[2]) > JUDGED:
            found = exact.match(data, at) or found
            value = found[2].rstrip(b".")
        start, end = found.span(2)
        if not quote and _goes_on(data, end):
            return None
        return start, start + len(value)

    def unsettled(data: bytes, at: int) -> int | None:
        found = tail.match(data, at) if len(data) - at <= VALUE_MAX + GAP_MAX + 60 else None
        return found.start(2) if found else None

    return Kind(name, label, Rule(label, (Trigger(b"(?i)" + names, 0),), read, unsettled))


def _goes_on(data: bytes, end: int) -> bool:
    """A call, an index, or a variable of a shell: `find(`, `keys[`, `abc${`."""
    follows = data[end : end + 1]
    return follows in _CALLS or (follows == b"{" and data[end - 1 : end] == b"$")


_NAMES_OF_TYPES = (b"Key", b"Token", b"Secret", b"Credential", b"Credentials", b"Password")


def is_code(quote: bytes, value: bytes) -> bool:
    """`config.database.pass1`, `Ed25519PrivateKey`, `FOR_TOKEN_2`: names, outside of quotes."""
    if quote not in (b"", b"`"):
        return False
    if value.endswith(_NAMES_OF_TYPES) or _CONSTANT.fullmatch(value):
        return True
    if b"." not in value or not _PATH_OF_NAMES.fullmatch(value):
        return False
    return len(value) - len(value.translate(None, b"0123456789")) <= 2


def varied(quote: bytes, value: bytes, bits: float) -> bool:
    return (
        mixed(value)
        and b"://" not in value
        and not value.startswith((b"/", b"~/", b"./", b"../"))
        and has_bits(value, bits)
        and not is_code(quote, value)
        and not _PLACEHOLDER.fullmatch(value)
    )


def _password(_data: bytes, _at: int, quote: bytes, value: bytes) -> bool:
    return varied(quote, value, 2.5)


def _token(data: bytes, at: int, quote: bytes, value: bytes) -> bool:
    if not varied(quote, value, 3.0) or wordy(value):
        return False
    return not NO_CREDENTIAL.search(name_before(data, at).lower())


PASSWORD_NAMES = (  # of several languages; `?` stands for a letter beyond ASCII
    rb"(?:passwor[dt]|passwd|passphrase|pwd|passcode|kennwort|mot[ _]?de[ _]?passe|contrase[n?]a"
    rb"|senha|wachtwoord|has[l?]o|l[o?]senord|adgangskode|heslo|salasana)"
)
CREDENTIAL_KEY = (
    rb"(?:api|access|secret|private|account|auth|signing|encryption|master|admin|client|server"
    rb"|service|webhook|license|deploy|consumer|app(?:lication)?|shared|subscription|jwt|hmac|ssh)"
    rb"[_\- ]?key"
)
_COOKIES = (  # names that frameworks give: Java, PHP, ASP.NET, Express, Django, Rails, Next.js...
    rb"(?:JSESSIONID|PHPSESSID|ASP\.NET_SessionId|ASPSESSIONID[A-Z]{8}|connect\.sid|sessionid"
    rb"|(?:laravel|ci)_session|\b_[a-z][a-z0-9_]{1,24}_session|wordpress_logged_in_[0-9a-f]{32}"
    rb"|\.AspNetCore\.(?:Cookies|Session|Identity\.Application)|__session"
    rb"|(?:next-auth|authjs)\.session-token)="
)
ASSIGNED = (
    assigned("password-named", "PASSWORD", PASSWORD_NAMES + SIGN, 6, _password),
    assigned("mysql-option", "PASSWORD", rb"\bmysql(?:dump|admin)?[ \t](?:[^\n]{0,40}[ \t])?-p", 6,
             _password),
    assigned("curl-user", "PASSWORD",
             rb"(?:[ \t]-u|--user)[ \t=][\"']?[A-Za-z0-9_.@+%\-]{1,32}:", 4, _password),
    assigned("session-cookie", "SESSION_COOKIE", _COOKIES, 16, _token),
    assigned("token-named", "TOKEN", rb"(?:secret|" + CREDENTIAL_KEY
             + rb"|token|credentials?)(?:" + SIGN + rb"|[ \t]\()", 16, _token),
    assigned("token-option", "TOKEN",
             rb"--(?:(?:api|access|secret|auth)-?(?:key|token)|token|secret)[ \t]", 16,
             _token),
    assigned("bearer", "TOKEN", rb"\bbearer[ \t]", 20, _token),
    # RFC 9110, 11.6.2: schemes that vendors made up
    assigned("authorization", "AUTHORIZATION",
             rb"authorization" + SIGN + rb"[ \t]{0,3}[\"'\\]{0,2}"
             rb"(?:token|api-?key|key|apitoken|genie-?key|splunk|klaviyo-api-key|ssws)[ \t]",
             16, _token),
    behind("basic-auth", "BASIC_AUTH", rb"(?i)\bbasic[ \t]", "{b8-512}{e0-2}", is_basic_pair),
    # docs.docker.com/reference/cli/docker/login
    named("docker-auth", "BASIC_AUTH", rb"\"_?auth", "{b8-512}{e0-2}", is_basic_pair, full=True),
)  # fmt: skip

# --- a password inside a URL (RFC 3986, 3.2.1) or a connection string -------------------------

_USERINFO = re.compile(rb"([^\s/?#\"'`<>\\\x00-\x1f]{1,160})@(?=[A-Za-z0-9\[_%-])")
_USERINFO_RUN = re.compile(rb"[^\s/?#\"'`<>\\\x00-\x1f]*+\Z")
_ADO_VALUE = re.compile(rb"[^;\"'`\s\\\x00-\x1f]{3,160}")
_ADO_RUN = re.compile(rb"[^;\"'`\s\\\x00-\x1f]*+\Z")
_ADO_CONTEXT = re.compile(
    rb"(?i)(?:server|data source|host|user(?: id|name)?|uid|database|initial catalog|address|port)"
    rb"[ \t]?="
)
_ORACLE_VALUE = re.compile(rb"([^\s@/\"'`\\\x00-\x1f]{1,64})@")


def _real(value: bytes) -> bool:
    return len(value) >= 3 and not _PLACEHOLDER.fullmatch(value)


def _placed(
    name: str,
    label: str,
    expression: bytes,
    value: re.Pattern[bytes],
    run: re.Pattern[bytes],
    context: re.Pattern[bytes] | None = None,
) -> Kind:
    """A password right behind what `expression` finds; the last group of `value` is it."""
    group = value.groups

    def read(data: bytes, at: int) -> tuple[int, int] | None:
        found = value.match(data, at)
        if found is None or not _real(found[group]):
            return None
        if context is not None and not context.search(data, max(0, at - 60), at):
            return None
        return found.span(group)

    def unsettled(data: bytes, at: int) -> int | None:
        return at if len(data) - at <= 164 and run.match(data, at) else None

    return Kind(name, label, Rule(label, (Trigger(b"(?i)" + expression, 0),), read, unsettled))


def _url(name: str, label: str, schemes: bytes) -> Kind:
    user = rb"://[^\s:/?#@\"'`<>\\]{0,32}:"
    return _placed(name, label, rb"\b(?:" + schemes + b")" + user, _USERINFO, _USERINFO_RUN)


_DRIVER = rb"(?:\+[a-z0-9_]{1,12})?"
CONNECTIONS = (
    # postgresql.org/docs/current/libpq-connect.html, 32.1.1.2
    _url("postgres-url", "POSTGRES_URL", rb"(?:postgres(?:ql)?|cockroachdb)" + _DRIVER),
    _url("mysql-url", "MYSQL_URL", rb"(?:mysqlx?|mariadb)" + _DRIVER),
    _url("mongodb-url", "MONGODB_URL", rb"mongodb(?:\+srv)?"),  # mongodb.com/docs/manual
    _url("redis-url", "REDIS_URL", rb"(?:redis|rediss|valkey|valkeys)"),  # iana.org provisional
    _url("amqp-url", "AMQP_URL", rb"amqps?"),  # rabbitmq.com/docs/uri-spec
    _url("mssql-url", "MSSQL_URL", rb"(?:mssql|sqlserver)" + _DRIVER),
    _url("oracle-url", "ORACLE_URL", rb"oracle" + _DRIVER),
    _url("clickhouse-url", "CLICKHOUSE_URL", rb"clickhouse" + _DRIVER),
    _url("snowflake-url", "SNOWFLAKE_URL", rb"snowflake"),
    _url("neo4j-url", "NEO4J_URL", rb"(?:neo4j|bolt)(?:\+s|\+ssc)?"),
    _url("nats-url", "NATS_URL", rb"(?:nats|tls)"),
    _url("mail-url", "SMTP_URL", rb"(?:smtps?|imaps?|pop3s?)"),
    _url("ldap-url", "LDAP_URL", rb"ldaps?"),
    _url("ftp-url", "FTP_URL", rb"(?:s?ftps?|ssh|scp)"),
    _url("mqtt-url", "MQTT_URL", rb"mqtts?"),
    _url("cloudinary-url", "CLOUDINARY_URL", rb"cloudinary"),  # cloudinary.com/documentation
    _url("proxy-url", "PROXY_URL", rb"socks[45]?[ah]?"),
    _url("http-url", "BASIC_AUTH_URL", rb"https?"),
    _url("other-url", "URL_PASSWORD", rb"[a-z][a-z0-9+.\-]{1,15}"),
    _placed("jdbc-oracle", "JDBC_URL", rb"jdbc:oracle:thin:[a-z0-9_$#]{1,30}/", _ORACLE_VALUE,
            _USERINFO_RUN),
    # learn.microsoft.com/dotnet/framework/data/adonet/connection-string-syntax
    _placed("ado-password", "CONNECTION_STRING", rb";[ \t]?(?:password|pwd)=", _ADO_VALUE, _ADO_RUN,
            _ADO_CONTEXT),
)  # fmt: skip

# --- random text beside any name ---------------------------------------------------------------

_RANDOM_LEAST, _RANDOM_MAX = 20, 256
_RANDOM = re.compile(
    rb"(?<![A-Za-z0-9+/_-])([A-Za-z0-9+/_-]{20,256}+={0,2}+)(?![A-Za-z0-9+/_=(\[-]|\.[A-Za-z0-9])"
)
_RANDOM_RUN = re.compile(rb"[A-Za-z0-9+/_=.-]*+\Z")
_ENDS_OF_IDS = (b"id", b"ids", b"sig")  # uuid and guid as well
_NO_SECRET_NAME = re.compile(  # in lower case
    rb"[_.-]id[_-]?\d\Z|\A(?:.{0,2}|list|mac)\Z"
    rb"|hash|sha-?\d|md5|crc|checksum|digest|integrity|etag|finger|thumb|commit|rev|version|nonce|salt"
    rb"|boundary|cursor|page|next|url|uri|href|src|path|file|image|img|icon|photo|avatar|logo|data"
    rb"|content|body|payload|blob|html|class|style|font|pub|cert|x5|modulus|exponent|signature|trace"
    rb"|span|request|correlation|session|encrypted|cipher|embedding|vector|base64|query|websocket"
    rb"|snapshot|slug|name|title|text|message|script|model|language|locale|addr|wallet|challenge|agent"
)
_NO_SECRET_VALUE = re.compile(  # images, certificates and public keys, integrity, paths, ports
    rb"iVBORw0KGgo|/|R0lGOD|UklGR|PHN2Zy|AAABAAE|MI[GI]|AAAA[BCE]|sha\d+-|\d{2,5}/"
)


def _read_random(data: bytes, at: int) -> tuple[int, int] | None:
    found = _RANDOM.match(data, at)
    if found is None or not of_all_classes(found[1]):
        return None  # most candidates, cheaply
    name = name_before(data, at)
    lower = name.lower()
    if lower.endswith(_ENDS_OF_IDS) or _NO_SECRET_NAME.search(lower):
        return None
    if _NO_SECRET_VALUE.match(found[1]) or not high_entropy(found[1]):
        return None
    before = data[max(0, at - 60) : at]
    place = before.rfind(name)
    in_a_query = before[max(0, place - 1) : place] in (b"?", b"&")
    return None if in_a_query else found.span(1)


def _random_unsettled(data: bytes, at: int) -> int | None:
    return at if len(data) - at <= _RANDOM_MAX + 4 and _RANDOM_RUN.match(data, at) else None


RANDOM = Kind("high-entropy", "HIGH_ENTROPY", Rule(
    "HIGH_ENTROPY", (Trigger(rb"[=:]>?[\"'` \t\\]{0,4}[A-Za-z0-9+/_\-]{20}", _RANDOM_LEAST),),
    _read_random, _random_unsettled, alone=True))  # fmt: skip

KINDS = (*CONNECTIONS, *ASSIGNED, RANDOM)
