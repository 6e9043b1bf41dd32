"""The key under which this gateway calls itself, for a guardrail that asks a model.

    ei_<43: HMAC-SHA256 of the account's name under this gateway's own secret, base64url>

Promises: every worker that shares the state folder makes the same key and knows it again by its
SHA-256; nothing is stored but the secret (mode 0600), so nothing is listed, minted or revoked. The
key is made where it is sent, and is in no log, no error and no repr (P4). A key says for which
account it was made: one account's key opens no other, and the directory takes only the keys of
accounts that a judge guardrail names.
Refuses: a secret of another length, and one that other users of the machine may read.
"""

from __future__ import annotations

import base64
import hmac
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from extproc.identity.keys import hash_key

PREFIX = "ei_"
SECRET_BYTES = 32
FILE_NAME = "guardrail-key"
_PURPOSE = b"envelope guardrail key 1\0"


class SecretUnusable(Exception):
    """The secret's file is not what `secret_at` wrote. The text names the file, never content."""


class InternalKeys:
    """Keys by virtual account. `secret`: SECRET_BYTES random bytes, the same in every worker."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) != SECRET_BYTES:
            raise ValueError(f"the secret must have exactly {SECRET_BYTES} bytes")
        self._secret = secret

    def key(self, account: str) -> str:
        """The key for calls on behalf of this account. A secret: send it, keep it nowhere."""
        digest = hmac.digest(self._secret, _PURPOSE + account.encode(), "sha256")
        return PREFIX + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def digests(self, accounts: Iterable[str]) -> dict[str, str]:
        """SHA-256 (hex) of each account's key -> the account, for the directory."""
        return {hash_key(self.key(account)): account for account in accounts}


def secret_at(folder: Path) -> bytes:
    """This gateway's secret; made on first use. Raises SecretUnusable, OSError.

    Processes that start together get the same one: it is written aside and linked to its name,
    which only the first can do, and it is on disk before it has that name.
    """
    path = folder / FILE_NAME
    try:
        return _read(path)
    except FileNotFoundError:
        _place_new(path)
    return _read(path)


def _read(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    with open(descriptor, "rb") as file:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode) or stat.S_IMODE(mode) & 0o077:
            raise SecretUnusable(f"{path} must be a file with mode 0600; delete it for a new one")
        secret = file.read(SECRET_BYTES + 1)
    if len(secret) != SECRET_BYTES:
        raise SecretUnusable(f"{path} is damaged; delete it for a new one")
    return secret


def _place_new(path: Path) -> None:
    aside = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        with open(os.open(aside, flags, 0o600), "wb") as file:
            file.write(os.urandom(SECRET_BYTES))
            file.flush()
            os.fsync(file.fileno())
        os.link(aside, path)
    except FileExistsError:
        pass  # another process was first: its secret counts
    finally:
        aside.unlink(missing_ok=True)
