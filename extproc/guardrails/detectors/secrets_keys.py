"""Rows of the secrets table: private keys, wallets, signed tokens, and this gateway's own keys.

Promises: a private key is found whole, over line breaks and JSON escapes, cut off or not; nothing
longer than HOLDBACK_MAX characters is held for one.
"""

from __future__ import annotations

import re

from extproc.guardrails.detectors.pattern import Rule, Trigger
from extproc.guardrails.detectors.secrets_checks import (
    is_base58check,
    is_bech32,
    is_jwt,
    two_cases,
)
from extproc.guardrails.detectors.secrets_shape import ALONE, Kind, named, token

HOLDBACK_MAX = 20_000

# --- PEM (RFC 7468) and OpenPGP armour (RFC 9580, 6.2) -----------------------------------------

_PEM_MAX = 16_384
_LINE = rb"(?:\s|\\[nr])+"
_HEADS = rb"(?:" + _LINE + rb"[A-Za-z-]{3,24}: [^\r\n\\\x00]{0,200}){0,4}"
_BODY = rb"[A-Za-z0-9+/=\s\\>#*|,]{0,%d}+" % _PEM_MAX
_NAME = rb"[A-Z0-9 ]{0,40}"
_PEM = re.compile(
    rb"-----BEGIN " + _NAME + rb"-----" + _HEADS + _BODY + rb"(-----END " + _NAME + rb"-----)?"
)
_PEM_OPEN = re.compile(
    rb"-----BEGIN " + _NAME + rb"(?:-{0,4}\Z|-----" + _HEADS + _BODY
    + rb"(?:-?[A-Za-z-]{0,24}(?:: ?[^\r\n\\\x00]{0,200})?\Z|-----[A-Z0-9 ]{0,44}-{0,5}\Z))"
)  # fmt: skip
_JUDGED = 256
_MATERIAL = re.compile(rb"[A-Za-z0-9+/=]{32}")
PEM_TAIL = re.compile(rb"-----(?:B(?:E(?:G(?:I(?:N[A-Z0-9 ]*)?)?)?)?)?\Z")
"""A marker not yet complete, at the end of a text."""


def _read_pem(data: bytes, at: int) -> tuple[int, int] | None:
    found = _PEM.match(data, data.rfind(b"-----BEGIN", 0, at))
    if found is None or not (found[1] or _MATERIAL.search(found[0])):
        return None
    end = found.start(1) if found[1] else found.end()
    body = data[data.find(b"-----", found.start() + 11) + 5 : end][:_JUDGED]
    return found.span() if len(set(body)) >= 12 else None  # the documentation's XXXX is no key


def _pem_unsettled(data: bytes, end: int) -> int | None:
    start = data.rfind(b"-----BEGIN", 0, end)
    near = len(data) - start <= _PEM_MAX + 1200
    return start if near and _PEM_OPEN.match(data, start) else None


# --- PuTTY (the.earth.li/~sgtatham/putty/0.81/htmldoc/AppendixC.html) --------------------------

_BREAK = rb"(?:\r?\n|(?:\\r)?\\n)"
_PUTTY = re.compile(
    rb"(?:[A-Za-z0-9+/]{64}" + _BREAK + rb"){0,60}[A-Za-z0-9+/]{4,64}={0,2}(?![A-Za-z0-9+/=-])"
)
_PUTTY_RUN = re.compile(rb"[A-Za-z0-9+/=\r\n\\]*+\Z")
_PUTTY_MAX = 60 * 68 + 70


def _read_putty(data: bytes, at: int) -> tuple[int, int] | None:
    found = _PUTTY.match(data, at)
    return found.span() if found else None


def _putty_unsettled(data: bytes, at: int) -> int | None:
    return at if len(data) - at <= _PUTTY_MAX and _PUTTY_RUN.match(data, at) else None


# --- JSON web tokens (RFC 7519; RFC 7515, 3.1) -------------------------------------------------

_JWT = re.compile(
    ALONE + rb"eyJ[A-Za-z0-9_-]{8,2048}\.eyJ[A-Za-z0-9_-]{8,16000}(?:\.[A-Za-z0-9_-]{0,1024})?"
)
_JWT_RUN = re.compile(ALONE + rb"[A-Za-z0-9_.-]*+\Z")
_JWT_MAX = 3 + 2048 + 4 + 16_000 + 1 + 1024


def _read_jwt(data: bytes, at: int) -> tuple[int, int] | None:
    found = _JWT.match(data, at)
    return found.span() if found and is_jwt(found[0]) else None


def _jwt_unsettled(data: bytes, at: int) -> int | None:
    return at if len(data) - at <= _JWT_MAX + 1 and _JWT_RUN.match(data, at) else None


_PEM_BEGINNINGS = "|".join(  # after base64 of "-----BEGIN": PKCS 8, RSA, EC, OpenSSH, PGP...
    ("BQUklWQVR", "BSU0EgUFJ", "BFQyBQUkl", "BPUEVOU1N", "BFTkNSWVB", "BQR1AgUFJ", "BEU0EgUFJ")
)

KINDS = (
    # extproc/identity/keys.py
    token("envelope-key", "ENVELOPE_KEY", "ek_{a8}_{w43-64}", lambda _found: True),
    Kind("pem-private-key", "PRIVATE_KEY", Rule(
        "PRIVATE_KEY", (Trigger(rb"-----BEGIN [A-Z0-9 ]{0,24}PRIVATE KEY", 0),),
        _read_pem, _pem_unsettled)),
    # kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig (client-key-data)
    token("pem-in-base64", "PRIVATE_KEY",
          "LS0tLS1CRUdJTi{" + _PEM_BEGINNINGS + "}{b60-12000}{e0-2}"),
    Kind("putty-key", "PUTTY_KEY", Rule(
        "PUTTY_KEY", (Trigger(rb"Private-Lines: \d{1,3}(?:\r?\n|(?:\\r)?\\n)", 0),),
        _read_putty, _putty_unsettled)),
    token("age-key", "AGE_KEY", "AGE-SECRET-KEY-1{C58}", is_bech32),  # age-encryption.org/v1
    token("age-hybrid-key", "AGE_KEY", "AGE-SECRET-KEY-PQ-1{C58}"),
    named("jwk-private", "JWK_PRIVATE_KEY", rb"\"d", "{w43-700}", two_cases, full=True),  # RFC 7517
    named("wireguard-key", "WIREGUARD_KEY", rb"(?:private|preshared)_?key", "{b43}=", two_cases,
          full=True),  # man7.org/linux/man-pages/man8/wg.8.html
    token("minisign-key", "MINISIGN_KEY", "RWRTY0Iy{b140-300}{e0-2}"),  # jedisct1.github.io
    token("signify-key", "SIGNIFY_KEY", "RWRCSwAAA{b120-200}{e0-2}"),  # man.openbsd.org/signify
    # BIP 32; Bitcoin wallet import format
    token("bip32-private-key", "BITCOIN_KEY", "{x|t|y|z}prv{s107}", is_base58check),
    named("bitcoin-wif", "BITCOIN_KEY", rb"priv(?:ate)?[ _]?key|\bwif", "{s51-52}", is_base58check,
          full=True),
    # ethereum.org/developers/docs/accounts
    named("ethereum-key", "ETHEREUM_KEY", rb"priv(?:ate)?[ _]?key", "0x{X64}", full=True),
    token("nostr-key", "NOSTR_KEY", "nsec1{c58}", is_bech32),  # NIP-19
    Kind("jwt", "JWT", Rule(
        "JWT", (Trigger(rb"(?:^|[^A-Za-z0-9_\-]|\\[nrt])eyJ[A-Za-z0-9_\-]{8}", 11),),
        _read_jwt, _jwt_unsettled)),
)  # fmt: skip
