"""The exchange's stage, with an `audit:` of the test's own."""

from __future__ import annotations

from tests.exchange.conftest import own_store, stage, store

__all__ = ["own_store", "stage", "store"]
