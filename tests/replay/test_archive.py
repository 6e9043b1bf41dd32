"""The archive of what decisions were made under."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from extproc.audit.archive import Archive, NotArchived
from extproc.config.sources import digest
from extproc.policy.bundle import read
from extproc.usage.prices import PriceTable
from tests.replay.traffic import configured, documents, policy_at, sources


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "archive")


def test_what_is_kept_comes_back(archive: Archive, tmp_path: Path) -> None:
    """P6: a configuration, a bundle and a price table come back under their digests, equal."""
    policy = policy_at(tmp_path / "policy")
    (tmp_path / "policy" / "authz_test.rego").write_text("package envelope.authz_test\n")
    (tmp_path / "policy" / "data.json").write_text('{"closed": ["p1"]}')
    made = documents(policy)
    config, bundle = configured(made, tmp_path), read([policy])
    prices = PriceTable.of(config)
    kept = archive.keep_config(sources(made, tmp_path))
    assert kept == config.digest == digest(sources(made, tmp_path))
    assert archive.load_config(kept) == config
    found = archive.load_policy(archive.keep_policy(bundle))
    assert (found.digest, found.files, found.data) == (bundle.digest, bundle.files, bundle.data)
    assert not found.tests
    table = archive.load_prices(archive.keep_prices(prices))
    assert (table.digest, table.prices) == (prices.digest, prices.prices)


def test_list_prices_come_back(archive: Archive, tmp_path: Path) -> None:
    """P6: prices with tiers and lanes, as the bundled list has them, keep their digest."""
    from extproc.usage.price_list import listed_price

    names = {"openai": "gpt-5", "anthropic": "claude-sonnet-4-5", "google": "gemini-2.5-pro"}
    table = PriceTable(
        {f"{p}/{m}": listed_price(p, "", m) for p, m in names.items()} | {"a/b": None}
    )
    assert any(price and (price.tiers or price.service_tiers) for price in table.prices.values())
    assert archive.load_prices(archive.keep_prices(table)).prices == table.prices


def test_kept_once_and_private(archive: Archive, tmp_path: Path) -> None:
    """P4: only its user may read it; keeping it again changes nothing and leaves nothing behind."""
    made = sources(documents("p"), tmp_path)
    kept = archive.keep_config(made)
    path = tmp_path / "archive" / "config" / kept
    before = path.stat()
    archive.keep_config(made)
    assert stat.S_IMODE(before.st_mode) == 0o600
    for folder in (path.parent, tmp_path / "archive"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert [one.name for one in path.parent.iterdir()] == [kept]


@pytest.mark.parametrize("kind", ["config", "policy", "prices"])
def test_another_text_is_refused(archive: Archive, tmp_path: Path, kind: str) -> None:
    """P6: a text that was changed, or is missing, or is none, is not what a digest names."""
    policy = policy_at(tmp_path / "policy")
    made = documents(policy)
    kept = {
        "config": archive.keep_config(sources(made, tmp_path)),
        "policy": archive.keep_policy(read([policy])),
        "prices": archive.keep_prices(PriceTable.of(configured(made, tmp_path))),
    }[kind]
    load = {"config": archive.load_config, "policy": archive.load_policy,
            "prices": archive.load_prices}[kind]  # fmt: skip
    path = tmp_path / "archive" / kind / kept
    text = path.read_text()
    for other in (text.replace("a", "b"), text[:-9], "[]", "null", "", "\udcff"):
        path.write_bytes(other.encode("utf-8", "surrogateescape"))
        with pytest.raises(NotArchived) as refused:
            load(kept)
        assert refused.value.kind == kind
    path.unlink()
    for digest_ in (kept, "../../etc/passwd", "", "A" * 64):
        with pytest.raises(NotArchived):
            load(digest_)


def test_a_write_that_fails_leaves_nothing(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P6: a disk that is full keeps no half of a text under a digest."""

    def full(fd: int, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("extproc.audit.archive.write_all", full)
    with pytest.raises(OSError, match="No space"):
        archive.keep_config(sources(documents("p"), tmp_path))
    assert not list((tmp_path / "archive" / "config").iterdir())
