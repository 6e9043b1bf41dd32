"""Check sums of wallet addresses: Base58Check and Bech32. Pure functions of ASCII bytes."""

from __future__ import annotations

from hashlib import sha256

_BASE58 = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_DIGITS58 = {char: index for index, char in enumerate(_BASE58)}
_VERSIONS = frozenset((0x00, 0x05, 0x1E, 0x16, 0x30, 0x32, 0x41, 0x4C))
"""Bitcoin, Dogecoin, Litecoin, Tron and Dash, to keys and to scripts."""

_BECH32 = {char: index for index, char in enumerate(b"qpzry9x8gf2tvdw0s3jn54khce6mua7l")}
_STEPS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_ENDS = (1, 0x2BC830A3)
"""Bech32 (BIP 173) and Bech32m (BIP 350)."""


def base58check(address: bytes) -> bool:
    """One byte of version, twenty of a hash, four of the double SHA-256 of both."""
    number = 0
    for char in address:
        number = number * 58 + _DIGITS58[char]
    if number.bit_length() > 200:
        return False
    raw = number.to_bytes(25, "big")
    return raw[0] in _VERSIONS and sha256(sha256(raw[:21]).digest()).digest()[:4] == raw[21:]


def bech32(address: bytes) -> bool:
    """Lower case or upper case, never both."""
    if address not in (address.lower(), address.upper()):
        return False
    prefix, _one, data = address.lower().rpartition(b"1")
    amounts = [*(char >> 5 for char in prefix), 0, *(char & 31 for char in prefix)]
    check = 1
    for amount in (*amounts, *(_BECH32.get(char, 0) for char in data)):
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ amount
        for bit, step in enumerate(_STEPS):
            check ^= step if top >> bit & 1 else 0
    return check in _ENDS
