"""Who a key belongs to: an immutable snapshot of the configuration's keys and the store's.

Promises: one dict lookup per request, whatever the number of keys; every principal is built once.
Unknown, revoked, expired and orphaned keys are one refusal to the caller (contract, section 4).
Refuses: keys of accounts that the configuration does not have; a key listed twice
(whose would it be?); a listed key that was revoked in the store.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from extproc.config.expiry import expires_ms
from extproc.config.model import Config, KeySpec, Team, User, VirtualAccount
from extproc.errors import Code, Refusal
from extproc.identity.principal import Principal
from extproc.identity.record import KeyRecord


def _refused(reason: str) -> Refusal:
    return Refusal(Code.INVALID_API_KEY, reason=reason)


UNKNOWN_KEY = _refused("unknown key")
EXPIRED_KEY = _refused("expired key")
REVOKED_KEY = _refused("revoked key")
LISTED_TWICE = _refused("key listed twice")
NO_ACCOUNT = _refused("key of an account that is not configured")

INTERNAL_KEY_NAME = "guardrail"
"""What the gateway's own key of an account is called in the audit log."""
_NONE: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Entry:
    """One key's answer. `kept`: it lives in the store, so it needs a fresh snapshot."""

    answer: Principal | Refusal
    expires_ms: int | None
    kept: bool


@dataclass(frozen=True, slots=True)
class Directory:
    """SHA-256 (hex) -> Entry. `accounts`: virtual accounts by name, with no key in them yet."""

    accounts: Mapping[str, Principal]
    listed: Mapping[str, Entry]
    entries: Mapping[str, Entry]

    @classmethod
    def of(
        cls,
        config: Config,
        records: Iterable[KeyRecord] = (),
        internal: Mapping[str, str] = _NONE,
    ) -> Directory:
        """Build from a configuration and the store's records.

        `internal`: SHA-256 (hex) of the gateway's own keys -> the virtual account they speak for.
        """
        accounts = {
            name: _account(config, account) for name, account in config.virtual_accounts.items()
        }
        listed = _with_internal(_listed(config, accounts), accounts, internal)
        return cls(accounts, listed, listed).with_records(records)

    def with_records(self, changed: Iterable[KeyRecord]) -> Directory:
        """This directory after some records came or changed; the others stay as they are."""
        entries = dict(self.entries)
        for record in changed:
            listed = self.listed.get(record.sha256)
            # Configuration wins over the store's record, but not over a revocation.
            if listed is None or record.revoked_ms is not None:
                entries[record.sha256] = self._entry(record)
        return replace(self, entries=entries)

    def lookup(self, sha256_hex: str, now_ms: int) -> Principal | Refusal:
        """Whose key this is, or the refusal. `now_ms`: Unix time."""
        entry = self.entries.get(sha256_hex)
        return UNKNOWN_KEY if entry is None else judge(entry, now_ms)

    def _entry(self, record: KeyRecord) -> Entry:
        if record.revoked_ms is not None:
            return Entry(REVOKED_KEY, None, kept=True)
        account = self.accounts.get(record.account)
        if account is None:
            return Entry(NO_ACCOUNT, None, kept=True)
        return Entry(replace(account, key=record.id), record.expires_ms, kept=True)


def judge(entry: Entry, now_ms: int) -> Principal | Refusal:
    """The entry's answer at this moment. From `expires_ms` on, the key is refused."""
    if entry.expires_ms is not None and now_ms >= entry.expires_ms:
        return EXPIRED_KEY
    return entry.answer


def _listed(config: Config, accounts: Mapping[str, Principal]) -> dict[str, Entry]:
    owners: list[tuple[Principal, tuple[KeySpec, ...]]] = [
        (accounts[name], account.keys) for name, account in config.virtual_accounts.items()
    ]
    owners += [(_user(config, user), user.keys) for user in config.users.values()]
    entries: dict[str, Entry] = {}
    for principal, keys in owners:
        for spec in keys:
            known = spec.sha256 in entries
            entries[spec.sha256] = (
                Entry(LISTED_TWICE, None, kept=False) if known else _spec_entry(principal, spec)
            )
    return entries


def _with_internal(
    listed: dict[str, Entry], accounts: Mapping[str, Principal], internal: Mapping[str, str]
) -> dict[str, Entry]:
    for sha256, name in internal.items():
        account = accounts.get(name)
        if sha256 in listed:
            listed[sha256] = Entry(LISTED_TWICE, None, kept=False)
        elif account is not None:
            own = replace(account, key=INTERNAL_KEY_NAME, internal=True)
            listed[sha256] = Entry(own, None, kept=False)
    return listed


def _spec_entry(principal: Principal, spec: KeySpec) -> Entry:
    # A key without a name is called by the start of its hash, which tells nothing of the key.
    named = replace(principal, key=spec.name or spec.sha256[:8])
    return Entry(named, expires_ms(spec), kept=False)


def _account(config: Config, account: VirtualAccount) -> Principal:
    team = config.teams.get(account.team) if account.team else None
    tags = {**(team.tags if team else {}), **account.tags}
    if account.team:
        tags["team"] = account.team
    return Principal(
        type="virtual-account", name=account.name, key="", team=account.team,
        models=account.models, tags=tags, ceiling=team.models if team else None,
        provider_keys=None if account.provider_keys is None else frozenset(account.provider_keys),
    )  # fmt: skip


def _user(config: Config, user: User) -> Principal:
    teams = [config.teams[name] for name in user.teams if name in config.teams]
    only = user.teams[0] if len(user.teams) == 1 else None
    tags: dict[str, str] = {}
    for team in reversed(teams):  # of two teams that set one tag, the first named wins
        tags.update(team.tags)
    if len(user.teams) > 1:
        tags.pop("team", None)  # which of them it is, the caller says (`contract.py` checks)
    tags.update(user.tags)
    if only:
        tags["team"] = only
    return Principal(
        type="user", name=user.name, key="", team=only, teams=user.teams, email=user.email,
        models=user.models, tags=tags, ceiling=_joint_ceiling(user, teams),
    )  # fmt: skip


def _joint_ceiling(user: User, teams: list[Team]) -> tuple[str, ...] | None:
    """What the teams of a user allow together; None as soon as one of them sets no bound."""
    if len(teams) < len(user.teams) or not teams or any(team.models is None for team in teams):
        return None
    return tuple(glob for team in teams for glob in team.models or ())
