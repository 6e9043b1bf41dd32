"""What a log stands on at this moment: its key, the keys that followed, the latest checkpoint.

Promises: a checkpoint is used only if the key in force signed it; a key is in force only if each
one before it handed over. Raises NotProvable for anything else.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

from extproc.audit.checkpoint import VERIFIER_KEY, KeyLine, key_lines
from extproc.audit.publish import LATEST
from extproc.audit.questions.page import Evidence
from extproc.audit.questions.standalone_verify import Bad, checkpoint, current_key
from extproc.audit.read import NotProvable
from extproc.audit.sequencer import LOG


@dataclass(frozen=True, slots=True)
class Standing:
    """`key`: the first verifier key, as text. `note`: the signed checkpoint."""

    origin: str
    key: str
    keys: tuple[KeyLine, ...]
    note: str
    size: int
    root: bytes

    @property
    def root_base64(self) -> str:
        return base64.b64encode(self.root).decode()

    @property
    def keys_text(self) -> bytes:
        """The handovers, as the log's own file has them."""
        return b"".join(line.line() for line in self.keys)


def standing(audit: Path, key: str = "") -> Standing:
    """Of the log below `audit`, under its latest checkpoint. `key`: instead of the folder's own.

    Raises NotProvable.
    """
    log = audit / LOG
    try:
        first = (key or (audit / VERIFIER_KEY).read_text()).strip()
        keys = tuple(key_lines(log))
        note = (log / LATEST).read_text()
    except FileNotFoundError:
        raise NotProvable("no checkpoint has been signed yet, or the key is missing") from None
    handovers = [{"checkpoint": line.checkpoint, "verifier": line.verifier} for line in keys]
    try:
        size, root = checkpoint(note, current_key(first, handovers))
    except (Bad, ValueError) as error:
        raise NotProvable(f"the latest checkpoint does not verify: {error}") from None
    return Standing(first.partition("+")[0], first, keys, note, size, root)


def evidence(
    found: Standing | None, *, made_at: str, period: str, asked: str,
    sources: tuple[str, ...] = (), notices: tuple[str, ...] = (),
) -> Evidence:  # fmt: skip
    """What a page says it stands on."""
    if found is None:
        return Evidence(made_at, period, asked, sources, notices=notices)
    return Evidence(
        made_at, period, asked, sources, found.origin, found.size, found.root_base64, found.note,
        found.key, notices,
    )  # fmt: skip
