"""The gateway's own keys: known to every worker, good for the accounts of judges, and no others."""

from __future__ import annotations

import asyncio
import os
import re
import stat
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from extproc.config.judge_settings import JudgeSettings
from extproc.config.model import Config
from extproc.identity import directory as d
from extproc.identity.directory import Directory
from extproc.identity.internal_key import FILE_NAME, InternalKeys, SecretUnusable, secret_at
from extproc.identity.key_cache import KeyCache
from extproc.identity.keys import hash_key, looks_minted, present
from extproc.identity.principal import Principal
from tests.identity.given import NOW_MS, Clock, config, minted, record

SECRET = bytes(range(32))
KEYS = InternalKeys(SECRET)


def judged(*accounts: str, owners: tuple[str, ...] = ("judges", "bot")) -> Config:
    """A configuration whose judges name these accounts."""
    settings = {
        f"house/{name}": JudgeSettings(account=name, model="m/x", criteria="groundedness")
        for name in accounts
    }
    base = config(tuple({"name": name, "models": ("m/*",)} for name in owners))
    return base.model_copy(update={"guardrail_settings": settings})


class Gone:
    """A store that is away."""

    def __getattr__(self, _: str) -> object:
        raise AssertionError("no question to the store is needed")


def cache(of: Config, keys: InternalKeys | None = KEYS) -> KeyCache:
    return KeyCache(Gone(), of, Clock(), keys)  # type: ignore[arg-type]


def authenticated(worker: KeyCache, key: str) -> object:
    return asyncio.run(worker.authenticate(key, NOW_MS))


# --- the key -------------------------------------------------------------------------------------


def test_a_key_is_one_accounts_under_one_secret() -> None:
    """P1: nobody makes another account's key out of one's own."""
    made = {KEYS.key("a"), KEYS.key("b"), InternalKeys(SECRET[::-1]).key("a")}
    assert len(made) == 3
    assert KEYS.key("a") == InternalKeys(SECRET).key("a")
    assert KEYS.key("a") == "ei_EePPCxas6Dn_xNXgSXbGidZmlSckw0SrV66E5iKglfI"


@pytest.mark.parametrize("account", ["a", "judges", "ü/ß@x:y", "n" * 128])
def test_a_key_can_be_presented_and_looks_like_none_of_a_callers(account: str) -> None:
    """P1: it passes the reader of headers, and no look-up in the store ever begins with it."""
    key = KEYS.key(account)
    assert re.fullmatch(r"ei_[A-Za-z0-9_-]{43}", key)
    assert present({"authorization": f"Bearer {key}"}) == key
    assert not looks_minted(key)
    assert KEYS.digests([account]) == {hash_key(key): account}


@pytest.mark.parametrize("secret", [b"", b"x" * 31, b"x" * 33])
def test_a_short_secret_is_none(secret: bytes) -> None:
    """P4: 256 bits or nothing."""
    with pytest.raises(ValueError, match="32 bytes"):
        InternalKeys(secret)


def test_neither_secret_nor_key_is_shown() -> None:
    """P4: what is printed of it by accident tells nothing."""
    shown = repr(KEYS) + str(KEYS) + repr(cache(judged("judges")))
    assert "ei_" not in shown and repr(SECRET) not in shown


# --- whose it is ---------------------------------------------------------------------------------


def test_the_gateway_knows_its_own_key() -> None:
    """P1: it speaks for the account, with its scope and tags, and says that it is the gateway."""
    found = authenticated(cache(judged("judges")), KEYS.key("judges"))
    assert isinstance(found, Principal)
    assert (found.type, found.name, found.key) == ("virtual-account", "judges", "guardrail")
    assert (found.internal, found.models) == (True, ("m/*",))


def test_only_for_accounts_that_a_judge_names() -> None:
    """P1: any other account's key of the gateway opens nothing, though the account is there."""
    worker = cache(judged("judges", "not-there"))
    for account in ("bot", "not-there", "nobody", ""):
        assert authenticated(worker, KEYS.key(account)) == d.UNKNOWN_KEY


def test_another_gateways_key_is_unknown() -> None:
    """P1: one secret a gateway; a worker without one knows no such key at all."""
    other = InternalKeys(SECRET[::-1])
    assert authenticated(cache(judged("judges")), other.key("judges")) == d.UNKNOWN_KEY
    assert authenticated(cache(judged("judges"), None), KEYS.key("judges")) == d.UNKNOWN_KEY


def test_a_reload_grants_and_takes_away() -> None:
    """P1: with the judge its account's key comes, and goes."""
    worker = cache(judged())
    assert authenticated(worker, KEYS.key("judges")) == d.UNKNOWN_KEY
    worker.use(judged("judges"))
    assert isinstance(authenticated(worker, KEYS.key("judges")), Principal)
    worker.use(judged("judges", owners=("bot",)))
    assert authenticated(worker, KEYS.key("judges")) == d.UNKNOWN_KEY


def test_no_callers_key_is_internal() -> None:
    """P5: who could say so of itself would be looked at by no judge."""
    listed = {"name": "guardrail", "sha256": hash_key("listed")}
    own = config(({"name": "judges", "keys": (listed,)},))
    directory = Directory.of(own, [record(1, account="judges")], KEYS.digests(["judges"]))
    for sha256 in (hash_key("listed"), minted(1).sha256):
        found = directory.lookup(sha256, NOW_MS)
        assert isinstance(found, Principal) and not found.internal


def test_a_listed_copy_makes_it_nobodys() -> None:
    """P1: it is not for the gateway to guess whose permissions apply."""
    digests = KEYS.digests(["judges"])
    stolen = ({"sha256": next(iter(digests))},)
    own = config(({"name": "judges"}, {"name": "bot", "keys": stolen}))
    assert Directory.of(own, internal=digests).lookup(stolen[0]["sha256"], NOW_MS) == d.LISTED_TWICE


def test_it_needs_no_store() -> None:
    """P5: a judge works on while the key store is away: its key is kept nowhere."""
    worker = cache(judged("judges"))
    assert not worker.fresh()
    assert isinstance(authenticated(worker, KEYS.key("judges")), Principal)


def test_the_principal_is_built_once() -> None:
    """P8: one dict lookup per request, the same object each time."""
    directory = Directory.of(judged("judges"), internal=KEYS.digests(["judges"]))
    sha256 = hash_key(KEYS.key("judges"))
    assert directory.lookup(sha256, NOW_MS) is directory.lookup(sha256, NOW_MS)
    assert isinstance(directory.with_records([record(1)]).lookup(sha256, NOW_MS), Principal)


# --- the secret ----------------------------------------------------------------------------------


def test_the_first_use_makes_a_private_secret(tmp_path: Path) -> None:
    """P4: 32 bytes for the owner's eyes alone, whatever the umask, and the same ever after."""
    before = os.umask(0)
    try:
        secret = secret_at(tmp_path)
    finally:
        os.umask(before)
    path = tmp_path / FILE_NAME
    assert (len(secret), path.read_bytes()) == (32, secret)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert secret_at(tmp_path) == secret
    assert os.listdir(tmp_path) == [FILE_NAME]


def test_each_folder_has_its_own(tmp_path: Path) -> None:
    """P1: two gateways on one machine do not open each other's doors."""
    folders = [tmp_path / name for name in "ab"]
    for folder in folders:
        folder.mkdir()
    assert secret_at(folders[0]) != secret_at(folders[1])


def _race(folder: Path, go: Path) -> bytes:
    while not go.exists():
        pass
    return secret_at(folder)


def test_workers_that_start_together_agree(tmp_path: Path) -> None:
    """P1: of all who find no secret one makes it; nothing else is left behind."""
    with ProcessPoolExecutor(4, mp_context=get_context("fork")) as pool:
        for turn in range(10):
            folder = tmp_path / str(turn)
            folder.mkdir()
            go = tmp_path / f"go-{turn}"
            asked = [pool.submit(_race, folder, go) for _ in range(4)]
            go.touch()
            assert len({one.result() for one in asked}) == 1
            assert os.listdir(folder) == [FILE_NAME]


def test_whoever_comes_second_takes_the_first_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P1: the very moment between looking and linking, by hand."""
    first = b"f" * 32
    link = os.link

    def beaten(source: Path, target: Path) -> None:
        target.write_bytes(first)
        target.chmod(0o600)
        link(source, target)

    monkeypatch.setattr(os, "link", beaten)
    assert secret_at(tmp_path) == first
    assert os.listdir(tmp_path) == [FILE_NAME]


@pytest.mark.parametrize("content", [b"", b"x" * 31, b"x" * 33])
def test_a_damaged_secret_is_refused(tmp_path: Path, content: bytes) -> None:
    """P4: no key is made of half a secret, and the message holds none of it."""
    path = tmp_path / FILE_NAME
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(SecretUnusable, match="is damaged; delete it"):
        secret_at(tmp_path)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_secret_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    """P4: what others could have read is no secret."""
    secret_at(tmp_path)
    (tmp_path / FILE_NAME).chmod(mode)
    with pytest.raises(SecretUnusable, match="mode 0600"):
        secret_at(tmp_path)


def test_a_link_elsewhere_is_refused(tmp_path: Path) -> None:
    """P4: nobody points the gateway at a secret of theirs."""
    (tmp_path / "theirs").write_bytes(SECRET)
    (tmp_path / "theirs").chmod(0o600)
    (tmp_path / FILE_NAME).symlink_to(tmp_path / "theirs")
    with pytest.raises(OSError, match="symbolic links"):
        secret_at(tmp_path)


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """P1: no secret, no start: a gateway without one would refuse its own judges."""
    with pytest.raises(FileNotFoundError):
        secret_at(tmp_path / "missing")
