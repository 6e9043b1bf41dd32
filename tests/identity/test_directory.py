"""Whose key it is, from one snapshot."""

from __future__ import annotations

import pytest

from extproc.errors import Code, Refusal
from extproc.identity import directory as d
from extproc.identity.directory import Directory
from extproc.identity.keys import hash_key
from extproc.identity.principal import Principal
from tests.identity.given import NOW_MS, config, minted, record

LISTED = hash_key("any shape at all!")


def bot(**more: object) -> dict[str, object]:
    return {"name": "bot", "models": ("m/*",), **more}


def found(directory: Directory, sha256: str, now_ms: int = NOW_MS) -> Principal:
    principal = directory.lookup(sha256, now_ms)
    assert isinstance(principal, Principal)
    return principal


def test_a_listed_key_is_accepted_whatever_its_shape() -> None:
    """Contract, section 2: `sha256` of the string that applications send."""
    keys = ({"name": "first", "sha256": LISTED},)
    principal = found(Directory.of(config((bot(keys=keys),))), LISTED)
    assert (principal.type, principal.name, principal.key) == ("virtual-account", "bot", "first")
    assert principal.models == ("m/*",)


def test_a_key_without_a_name_is_called_by_its_hash() -> None:
    """P4: what names a key in the audit log tells nothing of its secret."""
    assert found(Directory.of(config((bot(keys=({"sha256": LISTED},)),))), LISTED).key == LISTED[:8]


def test_a_store_key_speaks_for_its_account() -> None:
    """Contract, section 5: the store knows account and id, the configuration what they may do."""
    directory = Directory.of(config((bot(team="t"),)), [record(1)])
    principal = found(directory, minted(1).sha256)
    assert (principal.name, principal.team, principal.key) == ("bot", "t", minted(1).id)
    assert principal.models == ("m/*",)


def test_all_refusals_look_alike() -> None:
    """Contract, section 4 (cases 4, 6 to 9): unknown, revoked, expired, orphaned: one text."""
    records = [
        record(1, revoked_ms=NOW_MS),
        record(2, expires_ms=NOW_MS),
        record(3, account="gone"),
    ]
    keys = ({"sha256": LISTED, "expires": "2026-01-01"},)
    directory = Directory.of(config((bot(keys=keys),)), records)
    answers = [directory.lookup(minted(n).sha256, NOW_MS) for n in (1, 2, 3, 4)]
    answers.append(directory.lookup(LISTED, NOW_MS))
    expected = [d.REVOKED_KEY, d.EXPIRED_KEY, d.NO_ACCOUNT, d.UNKNOWN_KEY, d.EXPIRED_KEY]
    assert answers == expected
    assert len({(r.code, r.message, r.param) for r in expected}) == 1
    assert len({r.reason for r in expected}) == 4


def test_a_key_ends_at_its_moment() -> None:
    """Contract, section 4 (case 7): accepted before, refused from then on, and when extended."""
    conf = config((bot(),))
    sha256 = minted(1).sha256
    directory = Directory.of(conf, [record(1, expires_ms=NOW_MS + 10)])
    assert isinstance(directory.lookup(sha256, NOW_MS + 9), Principal)
    assert directory.lookup(sha256, NOW_MS + 10) == d.EXPIRED_KEY
    longer = directory.with_records([record(1, expires_ms=NOW_MS + 20)])
    assert isinstance(longer.lookup(sha256, NOW_MS + 10), Principal)


def test_a_date_ends_a_key_at_its_first_instant() -> None:
    """Contract, section 2: `expires: 2027-01-15` is over when that day begins, in UTC."""
    keys = ({"sha256": LISTED, "expires": "2027-01-15"},)
    directory = Directory.of(config((bot(keys=keys),)))
    midnight_ms = 1_799_971_200_000
    assert isinstance(directory.lookup(LISTED, midnight_ms - 1), Principal)
    assert directory.lookup(LISTED, midnight_ms) == d.EXPIRED_KEY


def test_a_key_listed_for_two_is_nobodys() -> None:
    """P1: it is not for the gateway to guess whose permissions apply."""
    keys = ({"sha256": LISTED},)
    users = ({"name": "ann", "keys": keys},)
    directory = Directory.of(config((bot(keys=keys),), users))
    assert directory.lookup(LISTED, NOW_MS) == d.LISTED_TWICE


def test_a_revocation_beats_the_configuration() -> None:
    """P1: a minted key that is also listed ends when it is revoked, and not before."""
    keys = ({"name": "listed", "sha256": minted(1).sha256},)
    directory = Directory.of(config((bot(keys=keys),)), [record(1)])
    assert found(directory, minted(1).sha256).key == "listed"
    after = directory.with_records([record(1, revoked_ms=NOW_MS)])
    assert after.lookup(minted(1).sha256, NOW_MS) == d.REVOKED_KEY


def test_snapshots_do_not_change() -> None:
    """P1: a request that has begun goes by one snapshot to its end."""
    before = Directory.of(config((bot(),)), [record(1)])
    before.with_records([record(1, revoked_ms=1), record(2)])
    assert isinstance(before.lookup(minted(1).sha256, NOW_MS), Principal)
    assert before.lookup(minted(2).sha256, NOW_MS) == d.UNKNOWN_KEY


def test_the_principal_is_built_once() -> None:
    """P8: one dict lookup per request, the same object each time."""
    directory = Directory.of(config((bot(),)), [record(1)])
    assert found(directory, minted(1).sha256) is found(directory, minted(1).sha256)


def test_an_account_without_models_is_known_and_may_nothing() -> None:
    """P1 (case 15): an empty list grants nothing."""
    directory = Directory.of(config(({"name": "bot", "keys": ({"sha256": LISTED},)},)))
    assert found(directory, LISTED).models == ()


def test_team_tags_lie_under_the_accounts_and_the_team_itself_wins() -> None:
    """Contract, section 2: tags win over the caller's metadata; nobody tags a foreign team."""
    teams = ({"name": "t", "tags": {"environment": "production", "cost_center": "1"}},)
    account = bot(team="t", tags={"cost_center": "2", "team": "other"})
    directory = Directory.of(config((account,), teams=teams), [record(1)])
    assert found(directory, minted(1).sha256).tags == {
        "environment": "production",
        "cost_center": "2",
        "team": "t",
    }


def test_a_teams_models_bound_its_members() -> None:
    """P1: a team's list takes away and never grants; a team that has none sets no bound."""
    teams = ({"name": "t", "models": ("m/small",)}, {"name": "u"})
    accounts = (bot(team="t"), {"name": "free", "team": "u"})
    directory = Directory.of(config(accounts, teams=teams), [record(1), record(2, account="free")])
    assert found(directory, minted(1).sha256).ceiling == ("m/small",)
    assert found(directory, minted(2).sha256).ceiling is None


@pytest.mark.parametrize(
    ("member_of", "team", "ceiling"),
    [(("a",), "a", ("m/1",)), (("a", "b"), None, ("m/1", "m/2")), (("a", "c"), None, None),
     (("a", "not-a-document"), None, None), ((), None, None)],
)  # fmt: skip
def test_a_user_and_its_teams(
    member_of: tuple[str, ...], team: str | None, ceiling: tuple[str, ...] | None
) -> None:
    """Contract, section 2: a personal token stands for its user, in all the user's teams."""
    teams = (
        {"name": "a", "models": ("m/1",), "tags": {"x": "a", "team": "spoof"}},
        {"name": "b", "models": ("m/2",), "tags": {"x": "b"}},
        {"name": "c"},
    )
    user = {"name": "ann", "email": "a@x.y", "teams": member_of, "keys": ({"sha256": LISTED},)}
    principal = found(Directory.of(config((), (user,), teams)), LISTED)
    assert (principal.type, principal.email, principal.teams) == ("user", "a@x.y", member_of)
    assert (principal.team, principal.ceiling) == (team, ceiling)
    assert principal.tags.get("team") == team
    assert principal.tags.get("x") == ("a" if member_of else None)


def test_refusals_are_authentication_failures() -> None:
    """Contract, section 4: 401 `invalid_api_key`."""
    refusal = Directory.of(config()).lookup("0" * 64, NOW_MS)
    assert isinstance(refusal, Refusal)
    assert (refusal.status, refusal.code) == (401, Code.INVALID_API_KEY)
