"""The conversation with a witness (C2SP tlog-witness, `add-checkpoint`): what is said, and what the
answers mean. Pure.

Promises: a cosignature is believed only if the configured key made it; a witness that knows
another size is asked once more, from there. A witness that holds a longer log, another tree of
the same size, or one that ours does not extend is a conflict: that is what it is there for.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from extproc.audit.anchoring.cosignature import Cosignature, WitnessKey, read_cosignatures
from extproc.audit.anchoring.head import Head
from extproc.audit.anchoring.values import Again, Conflict, Refused
from extproc.audit.note import Note, NoteInvalid

SIZE_TYPE = "text/x.tlog.size"
ANSWER_BYTES_MAX = 64 * 1024
_SIZE_DIGITS_MAX = 20
_PASSING = frozenset((408, 425, 429))
_MEANINGS = {
    400: "answered 400: it cannot read the checkpoint",
    403: "answered 403: it does not trust this log's key",
    404: "answered 404: it does not know this log's origin",
}


@dataclass(frozen=True, slots=True)
class Cosigned:
    """It has signed; at least one line."""

    signatures: tuple[Cosignature, ...]


@dataclass(frozen=True, slots=True)
class StandsAt:
    """The latest checkpoint it has signed for this log is of `size` entries."""

    size: int


Answer = Cosigned | StandsAt | Again | Refused | Conflict


def request_url(url: str) -> str:
    """`url`: the witness's submission prefix."""
    return url.rstrip("/") + "/add-checkpoint"


def request_body(old: int, proof: Sequence[bytes], note: str) -> bytes:
    """`proof`: from `old` entries to the note's size; empty for `old` 0."""
    lines = [f"old {old}", *(base64.b64encode(one).decode() for one in proof), "", note]
    return "\n".join(lines).encode()


def read_answer(
    status: int, content_type: str, body: bytes, head: Head, key: WitnessKey
) -> Answer:  # fmt: skip
    """What an answer means. `content_type`: without parameters."""
    if status == 200:
        return _cosigned(body, head, key)
    if status == 409:
        return _stands_at(content_type, body)
    if status == 422:
        return Conflict("answered 422: this log does not extend the one it has signed")
    if status in _PASSING or status >= 500:
        return Again(f"answered {status}")
    return Refused(_MEANINGS.get(status, f"answered {status}"))


def next_size(stands: StandsAt, old: int, size: int) -> int | Conflict | Refused:
    """From where to ask again, after `old` was not what a witness of `size` knows."""
    if stands.size > size:
        return Conflict(f"it has signed {stands.size} entries, this log has {size}")
    if stands.size == old == size:
        return Conflict(f"it has signed another log of {size} entries")
    if stands.size == old:
        return Refused("answered 409, but stands where it was asked from")
    return stands.size


def _cosigned(body: bytes, head: Head, key: WitnessKey) -> Cosigned | Refused:
    """The lines are read as the checkpoint's own (C2SP tlog-witness), and must not change it."""
    try:
        note = Note.parse(f"{head.text}\n{body.decode()}")
        found = read_cosignatures(note, key) if note.text == head.text else ()
    except UnicodeDecodeError:
        return Refused("its answer is not text")
    except NoteInvalid as error:
        return Refused(f"not believed: {error}")
    if not found:
        return Refused("not believed: its answer holds no signature of the configured key")
    return Cosigned(found)


def _stands_at(content_type: str, body: bytes) -> StandsAt | Conflict | Refused:
    text = body.removesuffix(b"\n").decode("ascii", "replace")
    if content_type != SIZE_TYPE:
        return Refused("answered 409 without saying its size")
    if not text.isdigit() or len(text) > _SIZE_DIGITS_MAX or str(int(text)) != text:
        return Refused("answered 409 with a size that cannot be read")
    return StandsAt(int(text))
