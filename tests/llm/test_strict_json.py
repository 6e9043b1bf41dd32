"""What strict JSON lets through means one thing only."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.errors import Code, Refusal
from extproc.llm import strict_json

REFUSED = {
    "empty": b"",
    "blank": b" \n",
    "array": b"[1]",
    "string": b'"a"',
    "null": b"null",
    "duplicate": b'{"a":1,"a":2}',
    "duplicate, same value": b'{"a":1,"a":1}',
    "duplicate, nested": b'{"x":[{"y":{"a":1,"b":0,"a":2}}]}',
    "duplicate, escaped key": b'{"a":1,"\\u0061":2}',
    "duplicate hidden behind an escaped colon": b'{"a":1,"a":2,"b":"\\u003a"}',
    "duplicate hidden behind an upper-case escape": b'{"a":1,"a":2,"b":"\\u003A"}',
    "duplicate of a key that holds a colon": b'{"a:":1,"a\\u003a":2}',
    "duplicate, empty key": b'{"":1,"":2}',
    "NaN": b'{"a":NaN}',
    "Infinity": b'{"a":-Infinity}',
    "1e999": b'{"a":1e999}',
    "integer of 65 bits": b'{"a":18446744073709551616}',
    "negative integer of 65 bits": b'{"a":-9223372036854775809}',
    "integer of 400 digits": b'{"a":' + b"1" * 400 + b"}",
    "lone high surrogate": b'{"a":"\\ud800"}',
    "lone low surrogate": b'{"a":"\\udc00"}',
    "lone surrogate in a key": b'{"\\ud800":1}',
    "surrogate as bytes": b'{"a":"\xed\xa0\x80"}',
    "overlong UTF-8": b'{"a":"\xc0\xaf"}',
    "UTF-8 BOM": b"\xef\xbb\xbf{}",
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "UTF-16 without BOM": '{"a":1}'.encode("utf-16-le"),
    "trailing data": b"{} {}",
    "trailing comma": b'{"a":1,}',
    "comment": b'{"a":1}//x',
    "control character": b'{"a":"\n"}',
    "unquoted key": b"{a:1}",
    "single quotes": b"{'a':1}",
    "leading zero": b'{"a":01}',
    "deep lists": b'{"a":' + b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "deep value hidden as a lost duplicate": b'{"a":'
    + b"[" * 1020
    + b"]" * 1020
    + b',"a":"\\u003a"}',
    "65 deep": b'{"a":' * 65 + b"1" + b"}" * 65,
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED.keys())
def test_refuses(body: bytes) -> None:
    """P1: what parsers might read differently is `invalid_request`."""
    refusal = strict_json.parse(body)
    assert isinstance(refusal, Refusal)
    assert refusal.code is Code.INVALID_REQUEST
    assert refusal.detail


ACCEPTED = {
    "64 deep": b'{"a":' * 64 + b"1" + b"}" * 64,
    "largest integers": b'{"a":[18446744073709551615,-9223372036854775808]}',
    "large float": b'{"maximum":1.7976931348623157E+308,"minimum":-1e300}',
    "surrogate pair": b'{"a":"\\ud83d\\ude00"}',
    "same key in two objects": b'[{"a":1},{"a":1}]'.join([b'{"x":', b"}"]),
    "colons everywhere": b'{"a:b":"::\\u003a\\u003A","c":":"}',
    "escaped NUL": b'{"a":"\\u0000"}',
    "white space": b' { "a" : [ ] } \r\n\t',
}


@pytest.mark.parametrize("body", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_accepts(body: bytes) -> None:
    """P1: sound JSON is read as the standard library reads it."""
    assert strict_json.parse(body) == json.loads(body)


def test_a_refusal_tells_the_place_and_never_the_content() -> None:
    """P4: neither detail nor reason echo the body."""
    for body in (b'{"secret-word": tru}', b'{"secret-word":1,"secret-word":2}', b'"secret-word"'):
        refusal = strict_json.parse(body)
        assert isinstance(refusal, Refusal)
        assert "secret-word" not in refusal.message + refusal.reason
    refusal = strict_json.parse(b'{\n "a": tru}')
    assert isinstance(refusal, Refusal)
    assert "line 2" in refusal.detail


TEXT = st.text(
    st.sampled_from(['"', "\\", ":", "{", "a", "b", "\u00e9", "\n", "\U0001f600"]), max_size=4
)
SCALAR = st.one_of(
    st.none(),
    st.booleans(),
    TEXT,
    st.integers(-(2**66), 2**66),
    st.floats(allow_nan=False, allow_infinity=False),
)


class Pairs(list):  # type: ignore[type-arg]
    """An object as the list of its pairs, duplicates and all."""


TREE = st.recursive(
    SCALAR,
    lambda below: st.one_of(
        st.lists(below, max_size=3),
        st.lists(st.tuples(TEXT, below), max_size=4).map(Pairs),
    ),
    max_leaves=12,
)


def spell(text: str, escape: bool) -> str:
    """A JSON string; with `escape`, every character as \\uXXXX, which hides its colons."""
    if not escape:
        return json.dumps(text, ensure_ascii=False)
    units = text.encode("utf-16-be")
    return (
        '"' + "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2)) + '"'
    )


def write(tree: object, escape: bool) -> str:
    if isinstance(tree, Pairs):
        return "{" + ",".join(f"{spell(k, escape)}:{write(v, escape)}" for k, v in tree) + "}"
    if isinstance(tree, list):
        return "[" + ",".join(write(item, escape) for item in tree) + "]"
    return spell(tree, escape) if isinstance(tree, str) else json.dumps(tree)


def is_sound(tree: object) -> bool:
    if isinstance(tree, Pairs):
        keys = [key for key, _ in tree]
        return len(set(keys)) == len(keys) and all(is_sound(value) for _, value in tree)
    if isinstance(tree, list):
        return all(is_sound(item) for item in tree)
    return type(tree) is not int or -(2**63) <= tree < 2**64


@settings(max_examples=600, deadline=None)
@given(st.lists(st.tuples(TEXT, TREE), max_size=4).map(Pairs), st.booleans())
def test_exactly_the_sound_objects_pass(tree: Pairs, escape: bool) -> None:
    """P1: no duplicate and no oversized integer slips through, nothing sound is refused."""
    body = write(tree, escape).encode()
    read = strict_json.parse(body)
    if is_sound(tree):
        assert read == json.loads(body)
    else:
        assert isinstance(read, Refusal)


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=40))
def test_no_bytes_make_it_raise(body: bytes) -> None:
    """P1: any bytes are a tree or a refusal."""
    assert isinstance(strict_json.parse(body), dict | Refusal)


def test_within_depth_is_exact() -> None:
    """P1: the bound is on containers, counted from one."""
    tree: object = 1
    for _ in range(64):
        tree = [tree]
    assert strict_json.within_depth(tree)
    assert not strict_json.within_depth([tree])


def test_dump_is_read_back() -> None:
    """P1: what the gateway writes passes its own reader."""
    tree = {"a": ["\u00e9", 1.5, None, {"b": True}]}
    assert strict_json.parse(strict_json.dump(tree)) == tree
