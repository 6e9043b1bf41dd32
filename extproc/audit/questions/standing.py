"""What a log stands on at this moment: its key, the keys that followed, the latest checkpoint.

Promises: a checkpoint is used only if the key in force signed it; a key is in force only if each
one before it handed over. Raises NotProvable for anything else.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from extproc.audit.checkpoint import VERIFIER_KEY, KeyLine, key_lines
from extproc.audit.note import NoteInvalid, Verifier
from extproc.audit.prove import handovers, trusted_keys
from extproc.audit.publish import LATEST
from extproc.audit.questions.page import Evidence
from extproc.audit.questions.standalone_verify import Bad, checkpoint
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

    def keys_lines(self, log: Path) -> Iterator[bytes]:
        """The handovers, each with the proof that its entry is under the checkpoint that both keys
        signed. Raises NotProvable."""
        for line, link in zip(self.keys, handovers(log), strict=True):
            proof = [base64.b64encode(node).decode() for node in link.path]
            yield orjson.dumps({**asdict(line), "inclusion_proof": proof}) + b"\n"


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
    try:
        size, root = checkpoint(note, str(trusted_keys(log, Verifier.parse(first))[-1]))
    except (Bad, NoteInvalid, ValueError) as error:
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
