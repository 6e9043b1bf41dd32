"""A plan: the ordered targets of one request, and what each attempt does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from extproc.config.model import ModelSpec, ProviderAccount


@dataclass(frozen=True, slots=True)
class Target:
    """One model of one account that may serve the request.

    `retries`: further attempts on this same target; `retry_codes` / `fallback_codes`: HTTP
    statuses that lead to them and to the next target.
    """

    account: ProviderAccount
    model: ModelSpec
    retries: int = 0
    retry_codes: tuple[int, ...] = ()
    fallback_codes: tuple[int, ...] = ()
    override_params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.account.name}/{self.model.id}"

    @property
    def path_prefix(self) -> str:
        """What stands before the dialect's own path. Anthropic's already begins with `/v1`."""
        prefix = urlsplit(self.account.base_url).path.rstrip("/")
        return prefix.removesuffix("/v1") if self.account.dialect == "anthropic" else prefix
