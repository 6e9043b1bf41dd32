"""Kinds of text and number that configuration fields hold, each with its own plain complaint.

Promises: what can be judged from one field alone is judged here, so that every mistake of a
document shows at once. Refuses, by name, what would be read as something else: credentials inside
URLs, empty lists in `when`, subjects that can never match.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from extproc.config.expiry import instant_ms
from extproc.config.mistake import did_you_mean, one_of

NANO_USD = 1_000_000_000
COST_USD_MAX = 9_000_000
TOKENS_MAX = 2**53 - 1
SUBJECT_KINDS = ("user", "team", "virtualaccount", "serviceaccount", "external-identity")
APPLIES_PER = ("user", "team", "key", "model", "virtualaccount")
_METADATA_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_EMPTY_KEY_SHA256 = hashlib.sha256(b"").hexdigest()


Fault = tuple[str, str]
"""A sentence, and the dotted path of what it is about, from the model judged (`''` = all of it)."""


def complaint(text: str, at: str = "") -> PydanticCustomError:
    """A mistake as pydantic wants it; `at` names the field when a whole model is judged."""
    return _complaints(((text, at),))


def complain(faults: Iterable[Fault]) -> None:
    """Raise all faults of a model at once, for pydantic keeps one error of each (P7).

    A model is judged as a whole once its fields are right: half of one says nothing for sure.
    """
    if found := tuple(faults):
        raise _complaints(found)


def _complaints(faults: tuple[Fault, ...]) -> PydanticCustomError:
    return PydanticCustomError("complaint", "{faults}", {"faults": faults})


def exact_nano_usd(usd: float) -> int | None:
    """Nano-USD of an amount in USD; None when it has more than nine decimal places (P2)."""
    nano = Decimal(repr(usd)) * NANO_USD
    return int(nano) if nano == nano.to_integral_value() else None


def is_loopback(host: str) -> bool:
    """Whether what is sent to this host stays on this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _number_as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _status_code(value: str) -> str:
    # A 2xx here would repeat calls that succeeded, and were paid for.
    if not re.fullmatch(r"[45][0-9]{2}", value):
        raise complaint("must be a status from 400 to 599")
    return value


def _lower_hex(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _key_hash(value: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{64}", value):
        raise complaint("must be the 64 hex digits of the key's SHA-256, never the key itself")
    if value == _EMPTY_KEY_SHA256:
        raise complaint("is the SHA-256 of an empty key")
    return value


def _expires(value: str) -> str:
    try:
        instant_ms(value)
    except ValueError as error:
        raise complaint(str(error)) from None
    return value


def _subject(value: str) -> str:
    kind, colon, name = value.partition(":")
    if value == "*":
        return value
    if kind == "virtual-account":
        raise complaint("write 'virtualaccount:' without a hyphen")
    if not colon or kind not in SUBJECT_KINDS:
        kinds = one_of([f"'{known}:'" for known in SUBJECT_KINDS])
        raise complaint(f"must be '*' or start with {kinds}{did_you_mean(kind, SUBJECT_KINDS)}")
    if not name or name != name.strip() or "*" in name:
        raise complaint(f"needs one exact name after '{kind}:'")
    return value


def _applies_per(value: str) -> str:
    key = value.removeprefix("metadata.")
    if value not in APPLIES_PER and (key == value or not _METADATA_KEY.fullmatch(key)):
        known = (*APPLIES_PER, "metadata.<key>")
        raise complaint(f"must be {one_of(known)}{did_you_mean(value, APPLIES_PER)}")
    return value


def no_repeats(values: tuple[str, ...]) -> tuple[str, ...]:
    repeated = sorted({value for value in values if values.count(value) > 1})
    if repeated:
        raise complaint(f"names '{repeated[0]}' twice")
    return values


def not_empty(value: Sequence[str] | Mapping[str, str]) -> Any:
    # An empty list could be read as "nothing" or as "everything"; neither is guessed.
    if not value:
        raise complaint("is empty: leave it out to match everything, or name what it matches")
    return value


def _metadata_key(value: str) -> str:
    if not _METADATA_KEY.fullmatch(value):
        raise complaint("is no metadata key: up to 64 letters, digits and _ . - are accepted")
    return value


def _metadata_keys(value: Mapping[str, Any]) -> Mapping[str, Any]:
    for key in value:
        if not _METADATA_KEY.fullmatch(key):
            raise complaint(f"'{key[:64]}' is no metadata key (letters, digits and _ . -)")
    return value


def _path(value: str) -> str:
    if not value or "\0" in value:
        raise complaint("must be a path")
    return value


def _split(value: str, schemes: tuple[str, ...]) -> SplitResult:
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise complaint("is not a URL") from None
    if parts.scheme not in schemes:
        raise complaint(f"must start with {one_of([f'{s}://' for s in schemes])}")
    if port == 0 or re.search(r"[\s\x00-\x1f\x7f]", value):
        raise complaint("is not a URL")
    return parts


def _http_url(value: str) -> str:
    # The value is never quoted: it may hold a password (P4).
    parts = _split(value, ("http", "https"))
    if not parts.hostname:
        raise complaint("names no host")
    if "@" in parts.netloc:
        raise complaint("must not carry credentials; use `auth`")
    if parts.query or parts.fragment or value.endswith(("?", "#")):
        raise complaint("must not carry a query or a fragment")
    return value


def _opa_url(value: str) -> str:
    return value if value.startswith("unix:") and len(value) > 5 else _http_url(value)


def _store_url(value: str) -> str:
    _split(value, ("redis", "rediss", "unix"))
    return value


_NAME = r"^[A-Za-z0-9][A-Za-z0-9._@:/-]*$"
Name = Annotated[str, Field(min_length=1, max_length=128, pattern=_NAME)]
# A name that is the first part of `account/model` or `group/guardrail`.
PlainName = Annotated[
    str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._@:-]*$")
]
# `*`, `?` and `[` would make a model's name a pattern.
ModelId = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\s*?\[\]]+$")]
# `*` is the one wildcard: limits, key scopes and routes must read a pattern alike.
ModelPattern = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\s?\[\]]+$")]
EnvName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
FilePath = Annotated[str, AfterValidator(_path)]
StatusCode = Annotated[str, BeforeValidator(_number_as_text), AfterValidator(_status_code)]
KeyHash = Annotated[str, BeforeValidator(_lower_hex), AfterValidator(_key_hash)]
Expires = Annotated[str, AfterValidator(_expires)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
OpaUrl = Annotated[str, AfterValidator(_opa_url)]
StoreUrl = Annotated[str, AfterValidator(_store_url)]
MetadataKey = Annotated[str, AfterValidator(_metadata_key)]
MetadataValue = Annotated[str, Field(max_length=128)]
Tags = Annotated[Mapping[str, MetadataValue], AfterValidator(_metadata_keys)]
Subjects = Annotated[
    tuple[Annotated[str, AfterValidator(_subject)], ...], AfterValidator(not_empty)
]
Models = Annotated[tuple[ModelPattern, ...], AfterValidator(not_empty)]
WhenMetadata = Annotated[Tags, AfterValidator(not_empty)]
AppliesPer = Annotated[
    tuple[Annotated[str, AfterValidator(_applies_per)], ...],
    Field(max_length=2),
    AfterValidator(no_repeats),
]
Selectors = Annotated[tuple[str, ...], AfterValidator(no_repeats)]
