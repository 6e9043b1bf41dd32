"""Network addresses: IPv4, IPv6 and MAC.

Private ranges (RFC 1918, 6598, 3927, 4193, 4291) name no person and stay, unless they are asked
for. Never found: loopback, netmasks, multicast, version numbers and object identifiers.
"""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv6Address

from extproc.guardrails.detectors.pii_shape import Kind, ending, printed

# --- IPv4 ------------------------------------------------------------------------------------

_OCTET = b"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_QUAD = _OCTET + rb"(?:\." + _OCTET + b"){3}"
_VERSION = (  # AssemblyVersion("...; upgraded to ...; 8.12.8 -> ...; RFC 9110, 10.1.5: Chrome/...
    rb"(?i:version|(?<![A-Za-z])(?:ver|v|rev|revision|release|build|section|chapter|clause|article"
    rb"|firmware|patch|oid|(?:up|down)grad(?:e|ed|ing) (?:to|from)|updat(?:e|ed|ing) (?:to|from)"
    rb"|bump(?:ed)? to))s?[\"'`(\[ :.=<>~-]{0,4}"
    rb"|[=~>]="
    rb"|(?<![0-9.])\d{1,5}(?:\.\d{1,5}){1,2} (?:->|=>|to) ?"
    rb"|(?<![A-Za-z0-9./-])[A-Z][A-Za-z]{2,20}/"
)
_V4_HEAD = rb"(?<![A-Za-z0-9_.-])" + _QUAD
_V4_REST = rb"(?![A-Za-z0-9_])(?![.-]\d)"


_VERSION_MAX = 32
"""Four numbers below it are a version number more likely than one of the 0.02 % of addresses."""
_X500 = ([2, 5, 4], [2, 5, 29])
"""Object identifiers of certificates (ITU-T X.520, X.509)."""


def _v4(private: bool, value: bytes) -> bool:
    octets = [int(part) for part in value.split(b".")]
    first, second = octets[:2]
    if first in (0, 127) or first >= 224 or octets[:3] in _X500:
        return False
    inside = (
        first == 10
        or (first == 172 and 16 <= second < 32)
        or (first == 192 and second == 168)
        or (first == 100 and 64 <= second < 128)
        or (first == 169 and second == 254)
    )
    return private if inside else max(octets) >= _VERSION_MAX


def _ipv4(private: bool) -> Kind:
    return ending(
        "IP_ADDRESS",
        rb"\b" + _QUAD + rb"\b",
        _V4_HEAD,
        16,
        accept=lambda value: _v4(private, value),
        unless=_VERSION,
        rest=_V4_REST,
    )


# --- IPv6 ------------------------------------------------------------------------------------

_V6 = re.compile(rb"[0-9A-Fa-f:]{2,39}(?:(?<=:)" + _QUAD + rb")?(?![0-9A-Za-z_:])(?!\.\d)")


def _is_v6(value: bytes) -> bool:
    try:
        IPv6Address(value.decode())
    except AddressValueError:
        return False
    return True


def _ipv6(begin: bytes) -> Kind:
    """Addresses of a range, told by their first group of four digits."""
    return printed(
        "IP_ADDRESS",
        *(f"{begin.decode()}:{'[0-9A-Fa-f]' * size}:" for size in range(5)),
        accept=_is_v6,
        whole=rb"(?<![0-9A-Za-z_:.])" + begin + _V6.pattern,
        longest=48,
    )


_GLOBAL = b"[23][0-9A-Fa-f][0-9A-Fa-f][0-9A-Fa-f]"
_LOCAL = b"[Ff][c-eC-E][0-9A-Fa-f][0-9A-Fa-f]"
_HEX_TAIL = rb"(?<![0-9A-Za-z_:.])[0-9A-Fa-f]{2,4}:[0-9A-Fa-f:]{0,14}"

# --- MAC -------------------------------------------------------------------------------------

_PAIR = "[0-9A-Fa-f]" * 2
_FOUR = "[0-9A-Fa-f]" * 4
_MAC = (
    rb"(?<![0-9A-Za-z_:.-])(?:[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}|[0-9A-Fa-f]{2}"
    rb"(?:-[0-9A-Fa-f]{2}){5}|(?=[0-9.]{0,13}[A-Fa-f][0-9.]{0,12}[A-Fa-f])[0-9A-Fa-f]{4}(?:\.[0-9A-Fa-f]{4}){2})(?![0-9A-Za-z_:])"
    rb"(?![.-][0-9A-Za-z])"
)


def _mac(value: bytes) -> bool:
    """IEEE 802: no group address, so neither broadcast nor a row of digits of something else."""
    digits = value.replace(b":", b"")
    letters = b":" in value or any(digit > 57 for digit in digits)
    return letters and len(set(digits)) > 2 and not int(digits[:2], 16) & 1


def kinds(private: bool) -> tuple[Kind, ...]:
    """`private`: addresses of private ranges too."""
    v6 = [_ipv6(_GLOBAL)] + ([_ipv6(_LOCAL)] if private else [])
    return (
        _ipv4(private),
        *(Kind(kind.rule, tail=_HEX_TAIL) for kind in v6),
        Kind(
            printed(
                "MAC_ADDRESS",
                ":".join([_PAIR] * 6),
                "-".join([_PAIR] * 6),
                ".".join([_FOUR] * 3),
                accept=_mac,
                whole=_MAC,
                longest=17,
            ).rule,
            tail=_HEX_TAIL,
        ),
    )
