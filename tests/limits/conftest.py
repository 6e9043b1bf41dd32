"""The store and the ledger of `tests/ledger`."""

from tests.ledger.conftest import client, clock, ledger, own_store, store

__all__ = ["client", "clock", "ledger", "own_store", "store"]
