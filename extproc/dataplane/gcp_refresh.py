"""Keeps the tokens of Google accounts fresh, each in its connection's secret file.

A refresh that fails keeps the token before it, is logged without content (P4), and is tried again
soon. Nothing waits for it: a call without a valid token is refused by Google, or not sent at all.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path

import aiohttp

from extproc.config.model import ProviderAccount
from extproc.config.secrets import SecretMissing, resolve
from extproc.dataplane.credentials import (
    Connection,
    connections,
    discovered_secret,
    token_file,
)
from extproc.dataplane.gcp_token import (
    METADATA_HEADERS,
    METADATA_PATH,
    NotGoogle,
    ServiceAccount,
    Token,
    grant,
    read_answer,
    wait_s,
)
from extproc.dataplane.secret_files import write_if_changed

log = logging.getLogger("envelope")

_TIMEOUT_S = 10
_ANSWER_BYTES_MAX = 64 * 1024


class TokenKeeper:
    """One task for each account that takes tokens. `folder`: above the `secrets` that Envoy reads.

    `metadata_host`: where the machine's own identity is asked for.
    """

    def __init__(self, folder: Path, metadata_host: str | None = None) -> None:
        self._folder = folder
        self._metadata_host = metadata_host or os.environ.get(
            "GCE_METADATA_HOST", "metadata.google.internal"
        )
        self._tasks: dict[str, tuple[ProviderAccount, asyncio.Task[None]]] = {}

    def use(self, accounts: Mapping[str, ProviderAccount]) -> None:
        """Keep these, no others. One that is as it was goes on undisturbed."""
        wanted = {c.name: c for a in accounts.values() for c in _fetched(a)}
        for name, (account, task) in list(self._tasks.items()):
            if name not in wanted or wanted[name].account.auth != account.auth:
                task.cancel()
                del self._tasks[name]
        for name, connection in wanted.items():
            if name not in self._tasks:
                task = asyncio.create_task(self._keep(connection))
                self._tasks[name] = (connection.account, task)

    async def close(self) -> None:
        tasks = [task for _, task in self._tasks.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep(self, connection: Connection) -> None:
        token: Token | None = None
        failures = 0
        while True:
            try:
                token = await self.fetch(connection)
                self._write(connection, token)
                failures = 0
            except (NotGoogle, SecretMissing, aiohttp.ClientError, OSError, TimeoutError) as error:
                failures += 1
                text = str(error) if isinstance(error, NotGoogle | SecretMissing) else ""
                log.warning("no new token for `%s`: %s %s", connection.name,
                            type(error).__name__, text)  # fmt: skip
            await asyncio.sleep(wait_s(token, failures, time.time()))

    async def fetch(self, connection: Connection) -> Token:
        """A new token. Raises NotGoogle, SecretMissing, and what the way there may raise."""
        auth = connection.account.auth
        assert auth is not None and auth.gcp is not None
        now_s = time.time()
        if auth.gcp.service_account is None:
            url, form, headers = (
                f"http://{self._metadata_host}{METADATA_PATH}",
                None,
                METADATA_HEADERS,
            )
        else:
            account = ServiceAccount.read(resolve(auth.gcp.service_account))
            url, form = account.token_url, grant(account, now_s)
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.request(
                "POST" if form else "GET", url, data=form, headers=headers, allow_redirects=False
            ) as answer,
        ):
            body = await answer.content.read(_ANSWER_BYTES_MAX)
            return read_answer(answer.status, body, now_s)

    def _write(self, connection: Connection, token: Token) -> None:
        secret = discovered_secret(connection.name, token.value.encode())
        write_if_changed(token_file(self._folder, connection), json.dumps(secret))


def _fetched(account: ProviderAccount) -> tuple[Connection, ...]:
    return connections(account) if account.auth_style == "gcp" else ()
