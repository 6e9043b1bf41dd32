"""The texts behind the digests of entries: configurations, policy bundles, price tables (P6).

    <state>/audit/archive/config/<digest>   the configuration's files, as `config/sources.py` says
    <state>/audit/archive/policy/<digest>   the bundle's files by name
    <state>/audit/archive/prices/<digest>   the price table

Promises: a text is there whole or not at all, under the digest that entries name it by; one that
was kept is never changed and never removed; what is read back has its digest or is refused.
Private to the gateway's user (0600). A configuration holds references to secrets and hashes of
keys, never a secret (P4). Refuses a digest that is none: entries come from outside.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from extproc.audit.disk import PRIVATE, sync_folder, write_all
from extproc.config.sources import Source, digest, sources_from_json, sources_to_json
from extproc.usage.price import Price, Rates, UnitRates
from extproc.usage.prices import PriceTable, canonical_prices, price_table_digest

if TYPE_CHECKING:
    from extproc.config.model import Config
    from extproc.exchange.world import World
    from extproc.policy.bundle import Bundle

FOLDER = "archive"
Kind = Literal["config", "policy", "prices"]
T = TypeVar("T")
_DIGEST = re.compile(r"[0-9a-f]{64}")


class NotArchived(Exception):
    """There is no such text, or it is not the one that its digest names. `kind`: which one."""

    def __init__(self, kind: Kind, why: str) -> None:
        super().__init__(why)
        self.kind = kind


class Archive:
    """Texts below one folder (`<state>/audit/archive`), which `keep_*` creates."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep_config(self, sources: Sequence[Source]) -> str:
        """Keep what a configuration was read from; its digest. Raises OSError."""
        return self._keep("config", digest(sources), sources_to_json(sources))

    def keep_policy(self, bundle: Bundle) -> str:
        """Keep a bundle's files, its tests excluded; its digest. Raises OSError."""
        return self._keep("policy", bundle.digest, json.dumps(dict(bundle.texts)))

    def keep_prices(self, table: PriceTable) -> str:
        """Keep a price table; its digest. Raises OSError."""
        return self._keep("prices", table.digest, canonical_prices(table.prices))

    def load_config(self, wanted: str) -> Config:
        """The configuration of that digest. Raises NotArchived, OSError."""
        from extproc.config.load import load

        sources = self._sources(wanted)
        loaded = load(sources)
        if isinstance(loaded, list):
            raise NotArchived("config", "an older configuration that this version does not load")
        return loaded

    def load_policy(self, wanted: str) -> Bundle:
        """The bundle of that digest. Raises NotArchived, OSError."""
        from extproc.policy.bundle import BundleRefused, of_texts

        try:
            bundle = of_texts(json.loads(self._text("policy", wanted)))
        except (ValueError, AttributeError, TypeError, BundleRefused) as error:
            raise NotArchived("policy", "not a bundle") from error
        return _same("policy", bundle, bundle.digest, wanted)

    def load_prices(self, wanted: str) -> PriceTable:
        """The price table of that digest. Raises NotArchived, OSError."""
        try:
            read = json.loads(self._text("prices", wanted))
            prices = {name: _price(said) for name, said in read.items()}
        except (ValueError, AttributeError, TypeError, KeyError) as error:
            raise NotArchived("prices", "not a price table") from error
        table = PriceTable(prices)
        return _same("prices", table, price_table_digest(prices), wanted)

    def holds(self, kind: Kind, wanted: str) -> bool:
        """Whether the text that lies under this digest has it. Raises OSError."""
        read: dict[Kind, Callable[[str], object]] = {
            "config": self._sources, "policy": self.load_policy, "prices": self.load_prices,
        }  # fmt: skip
        try:
            read[kind](wanted)
        except NotArchived:
            return False
        return True

    def _sources(self, wanted: str) -> list[Source]:
        try:
            sources = sources_from_json(self._text("config", wanted))
            found = digest(sources)
        except (ValueError, AttributeError, TypeError) as error:
            raise NotArchived("config", "not a configuration") from error
        return _same("config", sources, found, wanted)

    def _text(self, kind: Kind, wanted: str) -> str:
        if _DIGEST.fullmatch(wanted) is None:
            raise NotArchived(kind, "not a digest")
        try:
            return (self._folder / kind / wanted).read_text("utf-8")
        except FileNotFoundError:
            raise NotArchived(kind, "not in the archive") from None
        except UnicodeDecodeError:
            raise NotArchived(kind, "not a text") from None

    def _keep(self, kind: Kind, name: str, text: str) -> str:
        """Whoever comes second finds it done. A name of its own for each writer until it is whole:
        several workers keep the same text at once."""
        folder = self._folder / kind
        path = folder / name
        if path.exists():
            return name
        for one in (self._folder, folder):  # `parents=True` would leave the upper one open to all
            one.mkdir(parents=True, exist_ok=True, mode=0o700)
        aside = folder / f".{name}.{os.getpid()}.{os.urandom(4).hex()}"
        try:
            fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE)
            try:
                write_all(fd, text.encode())
                os.fsync(fd)
            finally:
                os.close(fd)
            os.replace(aside, path)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise
        sync_folder(folder)
        return name


def keep_in_force(archive: Archive, sources: Sequence[Source], world: World) -> None:
    """Keep every text whose digest an entry made in this world can name. Raises OSError.

    Call it before the world decides anything. What is kept already costs a look each.
    """
    archive.keep_config(sources)
    archive.keep_prices(world.prices)
    for engine in (world.policy, *(world.shadow_policies.engines if world.shadow_policies else ())):
        bundle = getattr(engine, "bundle", None)  # an OPA server's policies are its own
        if bundle is not None:
            archive.keep_policy(bundle)


def _same(kind: Kind, what: T, found: str, wanted: str) -> T:
    if found != wanted:
        raise NotArchived(kind, "the text is not the one that its digest names")
    return what


def _price(said: Mapping[str, Any] | None) -> Price | None:
    """Inverse of `dataclasses.asdict`."""
    if said is None:
        return None
    return Price(
        Rates(**said["base"]),
        tuple((above, Rates(**rates)) for above, rates in said["tiers"]),
        tuple((lane, _lane(price)) for lane, price in said["service_tiers"]),
        said["per_request"],
        said["per_web_search"],
        UnitRates(**said["units"]),
    )


def _lane(said: Mapping[str, Any]) -> Price:
    price = _price(said)
    if price is None:
        raise ValueError("a lane without a price")
    return price
