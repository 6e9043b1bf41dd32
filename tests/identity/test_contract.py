"""Metadata: read strictly, owned by the tags, held against pin and contract."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.config.model import MetadataContract
from extproc.errors import Code, Refusal
from extproc.identity.contract import agree, check, effective, read_metadata
from extproc.identity.principal import Principal

OPEN = MetadataContract()
SAMPLE = MetadataContract(required=("team",), allowed={"environment": ("production",)})

names = st.from_regex(r"[A-Za-z0-9_.-]{1,64}", fullmatch=True)
values = st.text(max_size=128).filter(str.isprintable)


def code(answer: Any) -> Code | None:
    return answer.code if isinstance(answer, Refusal) else None


def account(**tags: str) -> Principal:
    return Principal(type="virtual-account", name="bot", key="k", tags=tags)


@given(st.dictionaries(names, values, max_size=64))
def test_an_object_of_strings_is_read(data: dict[str, str]) -> None:
    """Contract, section 3: x-tfy-metadata is a JSON object of strings."""
    for escape in (True, False):
        assert read_metadata(json.dumps(data, ensure_ascii=escape)) == data


@pytest.mark.parametrize("header", [None, "", "{}"])
def test_none_is_none(header: str | None) -> None:
    """Contract, section 3: the header may be left out."""
    assert read_metadata(header) == {}


@pytest.mark.parametrize(
    "header",
    [" ", "null", "[]", '"x"', "1", "{", '{"a":"b"}x', '{"a":"b"}{"a":"b"}', '{"a":1}', "{'a':'b'}",
     '{"a":null}', '{"a":true}', '{"a":["b"]}', '{"a":{"b":"c"}}', '{"a":NaN}', '{"a":"b",}',
     '{"a":"1","a":"2"}', '{"a":"1","a":"1"}', '{"a":"1","\\u0061":"2"}', '{"":"b"}',
     '{"a b":"c"}', '{"ä":"c"}', '{"a\\n":"c"}', '{"%s":"c"}' % ("k" * 65),
     '{"a":"%s"}' % ("v" * 129), '{"a":"x\\ny"}', '{"a":"x\\u0000"}', '{"a":"\\ud800"}',
     '{"a":"\\u202e"}', '{"a":"x\ty"}', "[" * 20_000, '{"a":' * 5_000, '{"a":%s}' % ("9" * 9_000),
     json.dumps({f"k{n}": "v" for n in range(65)}), '{"a":"%s"}' % ("v" * 40_000)],
)  # fmt: skip
def test_anything_else_is_refused(header: str) -> None:
    """Contract, section 4: 400 `metadata_contract_violation`, whatever is wrong."""
    answer = read_metadata(header)
    assert code(answer) == Code.METADATA_CONTRACT_VIOLATION


@given(st.text())
def test_no_header_breaks_the_reader(header: str) -> None:
    """P1: any text is an object of strings or a refusal."""
    answer = read_metadata(header)
    assert isinstance(answer, Refusal) or all(isinstance(v, str) for v in answer.values())


def test_a_refusal_names_the_key_and_not_its_value() -> None:
    """P4: metadata may hold personal data; refusals go to logs and callers."""
    answer = read_metadata(json.dumps({"ticket_id": "s3cret" * 40}))
    assert isinstance(answer, Refusal)
    assert answer.param == "ticket_id"
    assert "s3cret" not in repr(answer)


@given(st.dictionaries(names, values), st.dictionaries(names, values))
def test_tags_win(caller: dict[str, str], tags: dict[str, str]) -> None:
    """Contract, section 2: `tags` win over the caller's metadata, key by key."""
    result = effective(caller, tags)
    assert result.keys() == caller.keys() | tags.keys()
    assert all(result[key] == tags.get(key, caller.get(key)) for key in result)


PRODUCTION, DEV = {"environment": "production"}, {"environment": "dev"}


@pytest.mark.parametrize(
    ("gateway", "tags", "caller", "refused"),
    [
        ("production", PRODUCTION, {}, False),
        ("production", PRODUCTION, DEV, False),  # the tag wins, the claim is void
        ("production", DEV, {}, True),
        ("production", DEV, PRODUCTION, True),  # the dev build at the wrong URL
        ("production", {}, PRODUCTION, False),  # an account that is not pinned: its claim counts
        ("production", {}, DEV, True),
        ("production", {}, {}, True),  # nobody said production
        ("production", {"environment": ""}, PRODUCTION, True),
        ("production", {}, {"environment": "Production"}, True),
        (None, DEV, {}, False),
        (None, {}, {}, False),
    ],
)
def test_the_environment_pin(
    gateway: str | None, tags: dict[str, str], caller: dict[str, str], refused: bool
) -> None:
    """Contract, section 4: 403 `permission_denied` in the wrong environment."""
    answer = agree(json.dumps(caller), account(**tags), OPEN, gateway)
    assert code(answer) == (Code.PERMISSION_DENIED if refused else None)


def test_the_pin_comes_before_the_contract() -> None:
    """Contract, section 4: the wrong environment is 403, also where the contract would say 400."""
    answer = agree(None, account(environment="dev"), SAMPLE, "production")
    assert code(answer) == Code.PERMISSION_DENIED


@pytest.mark.parametrize(
    ("metadata", "param"),
    [
        ({"team": "a"}, None),
        ({"team": "a", "environment": "production"}, None),
        ({"team": "a", "more": "x"}, None),
        ({}, "team"),
        ({"team": ""}, "team"),
        ({"team": "  "}, "team"),
        ({"team": "a", "environment": "dev"}, "environment"),
        ({"team": "a", "environment": ""}, "environment"),
    ],
)
def test_required_and_allowed(metadata: dict[str, str], param: str | None) -> None:
    """Contract, section 4: required metadata missing, or a value that is not allowed: 400."""
    refusal = check(metadata, SAMPLE, None)
    assert (refusal.param if refusal else None) == param
    assert code(refusal) == (Code.METADATA_CONTRACT_VIOLATION if param else None)


def test_an_empty_list_of_values_allows_none() -> None:
    """P1: defaults deny, empty lists refuse."""
    contract = MetadataContract.model_construct(required=(), allowed={"x": ()})
    assert check({"x": "y"}, contract, None) is not None
    assert check({}, contract, None) is None


@pytest.mark.parametrize(
    ("claim", "refused"), [("a", False), ("b", False), ("c", True), ("", True), (None, False)]
)
def test_a_user_of_several_teams_chooses_among_them(claim: str | None, refused: bool) -> None:
    """P2: spend goes to a team of the user's own, never to another one's budget."""
    user = Principal(type="user", name="ann", key="k", teams=("a", "b"))
    header = None if claim is None else json.dumps({"team": claim})
    answer = agree(header, user, OPEN, None)
    assert code(answer) == (Code.METADATA_CONTRACT_VIOLATION if refused else None)


def test_an_accounts_team_cannot_be_claimed_away() -> None:
    """P2: the team that pays is the account's, whatever the caller says."""
    answer = agree('{"team": "rich", "x": "y"}', account(team="poor"), SAMPLE, None)
    assert answer == {"team": "poor", "x": "y"}


def test_a_malformed_header_is_refused_for_everybody() -> None:
    """Contract, section 4: tags do not make a broken header good."""
    answer = agree("{", account(team="a", environment="production"), SAMPLE, "production")
    assert code(answer) == Code.METADATA_CONTRACT_VIOLATION
