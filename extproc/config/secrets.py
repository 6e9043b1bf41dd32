"""Resolve secret references. Used where Envoy's secret files are written, and nowhere else (P4)."""

from __future__ import annotations

import os
from pathlib import Path

from extproc.config.model import SecretRef


class SecretMissing(Exception):
    """The reference leads to nothing. The text names the variable or file, never a value."""


def resolve(ref: SecretRef) -> bytes:
    """The secret, without the line end that editors leave behind."""
    if ref.env is not None:
        value = os.environ.get(ref.env, "")
        if not value:
            raise SecretMissing(f"the environment variable {ref.env} is not set")
        return value.strip().encode()
    assert ref.file is not None
    try:
        value_bytes = Path(ref.file).read_bytes().strip()
    except OSError as error:
        raise SecretMissing(
            f"the secret file {ref.file} cannot be read: {error.strerror}"
        ) from None
    if not value_bytes:
        raise SecretMissing(f"the secret file {ref.file} is empty")
    return value_bytes
