"""Keys: made, recognised, presented. Case numbers: identity cases of the behaviour reference."""

from __future__ import annotations

import hashlib
import re
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.errors import Code, Refusal
from extproc.identity import keys
from extproc.identity.keys import KEY_HEADERS, hash_key, looks_minted, mint, present

RANDOM = bytes(range(40))
KEY = mint(RANDOM).text


def shown(header: str, key: str) -> dict[str, str]:
    return {header: f"Bearer {key}" if header == "authorization" else key}


def test_the_format_is_the_contracts() -> None:
    """Contract, section 5: ek_ + 8 id + _ + 43 secret + checksum."""
    key = mint(RANDOM)
    match = re.fullmatch(r"ek_([0-9A-Za-z]{8})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})", key.text)
    assert match is not None
    assert match[1] == key.id
    assert key.sha256 == hashlib.sha256(key.text.encode()).hexdigest() == hash_key(key.text)


def test_the_checksum_is_crc32_in_base62() -> None:
    """Contract, section 5: anybody's scanner can check it; computed here by other means."""
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    value = 0
    for char in KEY[-6:]:
        value = value * 62 + digits.index(char)
    assert value == zlib.crc32(KEY[:-6].encode())


@given(st.binary(min_size=40, max_size=40), st.binary(min_size=40, max_size=40))
def test_different_secrets_are_different_keys(one: bytes, other: bytes) -> None:
    """P4: no bit of the 256 is lost on the way into the text."""
    assert looks_minted(mint(one).text)
    if one[8:] != other[8:]:
        assert mint(one).text[12:55] != mint(other).text[12:55]


@pytest.mark.parametrize("length", [0, 32, 39, 41])
def test_too_little_randomness_makes_no_key(length: int) -> None:
    """P4: a short read from the random source is an error, never a weak key."""
    with pytest.raises(ValueError, match="40"):
        mint(bytes(length))


@given(st.integers(0, len(KEY) - 1), st.characters(codec="ascii"))
def test_one_wrong_character_is_noticed(at: int, char: str) -> None:
    """Contract, section 5: a mistyped key is told from a key without asking the store."""
    wrong = KEY[:at] + char + KEY[at + 1 :]
    assert looks_minted(wrong) == (wrong == KEY)


@given(st.text(max_size=80))
def test_no_text_breaks_the_recognition(text: str) -> None:
    """P1: any text is answered, and random text is no key."""
    assert not looks_minted(text)


def test_the_secret_is_not_in_the_repr() -> None:
    """P4: a minted key that ends up in a log line or traceback shows its id alone."""
    assert KEY not in repr(mint(RANDOM))
    assert KEY[12:] not in repr(mint(RANDOM))


@pytest.mark.parametrize("header", KEY_HEADERS)
def test_each_header_presents_a_key(header: str) -> None:
    """Contract, section 3 (cases 1, 10): all five headers are alike, for keys of any shape."""
    assert present(shown(header, KEY)) == KEY
    assert present(shown(header, "sk-any.shape/1=")) == "sk-any.shape/1="


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer "])
def test_the_scheme_is_case_insensitive(scheme: str) -> None:
    """Contract, section 3: RFC 9110, 11.1."""
    assert present({"authorization": f"{scheme} {KEY}"}) == KEY


def test_the_same_key_in_all_headers_is_one_key() -> None:
    """Contract, section 3: SDKs send one key in two headers."""
    headers = {name: value for h in KEY_HEADERS for name, value in shown(h, KEY).items()}
    assert present(headers) == KEY


@pytest.mark.parametrize("first", KEY_HEADERS)
@pytest.mark.parametrize("second", KEY_HEADERS)
def test_two_that_differ_are_refused(first: str, second: str) -> None:
    """Contract, section 3 (case 11): one answer whatever the headers and their order."""
    if first == second:
        return
    other = mint(bytes(40)).text
    assert present({**shown(first, KEY), **shown(second, other)}) == keys.KEYS_DIFFER


REFUSED = [
    {},
    {"authorization": ""},
    {"authorization": "Bearer"},
    {"authorization": "Bearer "},
    {"authorization": KEY},
    {"authorization": f"Basic {KEY}"},
    {"authorization": f"Bearer\t{KEY}"},
    {"authorization": f"Bearer {KEY} {KEY}"},
    {"authorization": f"Bearer {KEY},Bearer {KEY}"},
    {"authorization": "Basic dTpw", "x-api-key": KEY},
    {"authorization": "Bearer ", "x-api-key": KEY},
    {"x-api-key": f"{KEY},{KEY}"},
    {"x-api-key": f"{KEY}, {KEY}"},
    {"x-api-key": f" {KEY}"},
    {"x-api-key": f"{KEY}\n"},
    {"x-api-key": f"{KEY}\x00"},
    {"x-api-key": f"{KEY}\x7f"},
    {"x-api-key": "kéy"},
    {"x-api-key": "\udcff"},
    {"x-api-key": "k" * 513},
    {"x-other": KEY},
    {"x-api-key": KEY, "x-bf-vk": "other"},
]


@pytest.mark.parametrize("headers", REFUSED)
def test_whatever_is_not_one_key_is_refused(headers: dict[str, str]) -> None:
    """P1 (cases 2, 4, 5): refused, never anonymous, with one public answer for all."""
    refusal = present(headers)
    assert isinstance(refusal, Refusal)
    public = (refusal.code, refusal.status, refusal.message, refusal.param, refusal.rule_id)
    none = keys.NO_KEY
    assert public == (Code.INVALID_API_KEY, 401, none.message, None, "")
    assert refusal.reason


@given(st.dictionaries(st.sampled_from(KEY_HEADERS), st.text(max_size=60)))
def test_a_refusal_never_holds_what_was_sent(headers: dict[str, str]) -> None:
    """P4: whatever stands in the headers, refusals are fixed values."""
    answer = present(headers)
    fixed = (keys.NO_KEY, keys.NOT_BEARER, keys.MALFORMED, keys.KEYS_DIFFER)
    assert isinstance(answer, str) or any(answer is refusal for refusal in fixed)


def test_the_longest_key_passes() -> None:
    """Contract, section 2: a listed key is accepted whatever its shape, up to 512 characters."""
    assert present({"x-api-key": "k" * 512}) == "k" * 512
