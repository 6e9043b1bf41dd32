"""Files of secrets and other files for Envoy: private to their owner, replaced by rename.

Envoy watches for moves (its path_config_source); a file that is written in place would be read half
written, or not at all.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from pathlib import Path
from secrets import token_hex
from typing import Any

from extproc.config.secrets import SecretMissing, resolve
from extproc.dataplane.credentials import (
    Connection,
    aws_file,
    discovered_secret,
    has_key_file,
    token_file,
)


def write_atomically(path: Path, content: Any) -> None:
    """Write JSON, private to its owner, by rename."""
    _write(path, json.dumps(content))


def write_if_changed(path: Path, content: str) -> None:
    if _read(path) != content:
        _write(path, content)


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        return None


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_name(f".{path.name}.new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    beside.replace(path)


_MARK = "~"  # which stands in no name


class SecretFiles:
    """The secret of each connection in a file of its own, whose name changes with its content."""

    def __init__(self, folder: Path) -> None:
        self._above, self._folder = folder, folder / "secrets"
        self._newest: dict[str, Path] = {}
        for path in sorted(_listed(self._folder), key=lambda path: path.stat().st_mtime_ns):
            self._newest[path.name.partition(_MARK)[0]] = path

    def put(self, connection: Connection) -> Path | None:
        """The file that holds its secret as it is now; None = it has none. Raises SecretMissing.

        A token that was not fetched yet (`gcp_refresh.py`) is an empty answer: its cluster waits
        for it, and no call leaves without.
        """
        if connection.account.auth_style == "gcp":
            token = token_file(self._above, connection)
            if not token.exists():
                write_atomically(token, discovered_secret(connection.name, None))
            return token
        if not has_key_file(connection):
            return None
        content, path = _content(connection), self._newest.get(connection.name)
        if path is None or _read(path) != content:
            path = self._folder / f"{connection.name}{_MARK}{token_hex(4)}"
            _write(path, content)
            self._newest[connection.name] = path
        return path

    def find(self, connection: Connection) -> Path | None:
        """The newest file of this connection."""
        if connection.account.auth_style == "gcp":
            path = token_file(self._above, connection)
            return path if path.exists() else None
        return self._newest.get(connection.name)

    def keep(self, paths: Collection[Path]) -> None:
        """Remove all others: what nobody is bound to has no secret here (P4)."""
        for path in _listed(self._folder):
            if path not in paths:
                path.unlink(missing_ok=True)


def _listed(folder: Path) -> list[Path]:
    return [path for path in folder.glob("*") if not path.name.startswith(".")]


def _content(connection: Connection) -> str:
    auth = connection.account.auth
    if auth is not None and auth.aws is not None:
        token = auth.aws.session_token
        return aws_file(
            _plain(connection, resolve(auth.aws.access_key_id)),
            _plain(connection, resolve(auth.aws.secret_access_key)),
            _plain(connection, resolve(token)) if token is not None else None,
        )
    assert connection.api_key is not None
    return _plain(connection, resolve(connection.api_key))


def _plain(connection: Connection, secret: bytes) -> str:
    """A secret that a header can carry. Raises SecretMissing."""
    text = secret.decode("latin-1")
    if not (text.isascii() and text.isprintable()):
        raise SecretMissing(f"a secret of `{connection.name}` is no plain text (printable ASCII)")
    return text
