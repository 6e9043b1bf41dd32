"""Changing the signing key of a log that goes on.

    1  the next key is made: signing.key.next
    2  an entry `audit.key.rotate` says which key comes and which one it retires
    3  the checkpoint that first covers this entry is signed by both keys
    4  the log's `keys` file tells where that was
    5  signing.key.next becomes signing.key; the old private key is overwritten

Promises: a kill between any two of them is finished at the next start (`finish`), before anything
else is written; from 3 on no checkpoint is signed by the old key alone.
"""

from __future__ import annotations

from pathlib import Path

import orjson

from extproc.audit.checkpoint import KEYS, SIGNING_KEY, KeyLine, key_lines
from extproc.audit.disk import replace_file, replace_secret
from extproc.audit.event import event_entry
from extproc.audit.log import Log, LogRefused
from extproc.audit.note import Note, NoteInvalid, Signer
from extproc.audit.publish import Publisher
from extproc.audit.tombstone import KEY_ROTATE
from extproc.audit.values import Entry

NEXT_KEY = "signing.key.next"


def rotate(
    folder: Path, log: Log, publisher: Publisher, *, now_ms: int, event_id: str,
    actor: tuple[str, str], seed: bytes,
) -> Signer:  # fmt: skip
    """Give the log of the audit folder another key; returns it once it is in force.

    `seed`: 32 random bytes for the new key. Raises OSError; then open everything again.
    """
    if (done := finish(folder, log, publisher)) is not None:
        return done
    new = Signer(publisher.signer.name, seed)
    replace_file(folder / NEXT_KEY, new.secret_text().encode() + b"\n")
    log.append([rotation_entry(publisher.signer, new, now_ms, event_id, actor)])
    finished = finish(folder, log, publisher)
    if finished is None:
        raise LogRefused("the entry that announces the next key is not there")
    return finished


def finish(folder: Path, log: Log, publisher: Publisher) -> Signer | None:
    """Finish a rotation whose entry is in the log; None when there is none.

    The entry alone decides: a line in a note that names a key may be written by anybody.
    """
    new = _next_key(folder)
    if new is None or not _is_announced(log, new):
        return None
    if not _signed_by(publisher.note, new):
        publisher.publish(log, successor=new)
    _record(folder / "log", new, publisher)
    replace_secret(folder / SIGNING_KEY, folder / NEXT_KEY)
    publisher.signer = new
    return new


def rotation_entry(
    old: Signer, new: Signer, now_ms: int, event_id: str, actor: tuple[str, str]
) -> Entry:
    """What the log says about a change of its key."""
    return event_entry(
        KEY_ROTATE,
        event_id=event_id,
        at_ms=now_ms,
        actor=actor,
        target=new.verifier.key_hash.hex(),
        details={
            "verifier": str(new.verifier),
            "previous": str(old.verifier),
            "retires": old.verifier.key_hash.hex(),
        },
    )


def _next_key(folder: Path) -> Signer | None:
    try:
        return Signer.parse((folder / NEXT_KEY).read_text())
    except (FileNotFoundError, NoteInvalid, ValueError):
        return None


def _signed_by(note: str, key: Signer) -> bool:
    try:
        return Note.parse(note).names(key.verifier)
    except NoteInvalid:
        return False


def _is_announced(log: Log, new: Signer) -> bool:
    """Nothing is ever written behind the announcement before both keys have signed it."""
    last = next(log.entries_since(log.size - 1), {}) if log.size else {}
    event = last.get("event") or {}
    return event.get("action") == KEY_ROTATE and event.get("verifier") == str(new.verifier)


def _record(folder: Path, new: Signer, publisher: Publisher) -> None:
    lines = key_lines(folder)
    verifier = str(new.verifier)
    if not any(line.verifier == verifier for line in lines):
        lines.append(KeyLine(verifier, publisher.covered - 1, publisher.note))
        replace_file(folder / KEYS, b"".join(line.line() for line in lines))


# --- asking a running gateway ---

REQUEST, ANSWER = "rotate.request", "rotate.answer"


def ask(folder: Path, request_id: str, actor_name: str, expires_ms: int) -> None:
    """Leave a request for the sequencer that works on this log; it holds until `expires_ms`."""
    said = {"id": request_id, "actor": actor_name, "expires_ms": expires_ms}
    replace_file(folder / REQUEST, orjson.dumps(said))


def asked(folder: Path, now_ms: int) -> tuple[str, str] | None:
    """The (id, actor) of a request that still holds; one that does not is removed."""
    path = folder / REQUEST
    if not path.exists():
        return None
    try:
        said = orjson.loads(path.read_bytes())
        if now_ms <= int(said["expires_ms"]):
            return str(said["id"]), str(said["actor"])
    except (ValueError, KeyError, TypeError, FileNotFoundError):
        pass
    path.unlink(missing_ok=True)
    return None


def answer(folder: Path, request_id: str, verifier: str) -> None:
    """Tell the asker that it was done."""
    replace_file(folder / ANSWER, orjson.dumps({"id": request_id, "verifier": verifier}))
    (folder / REQUEST).unlink(missing_ok=True)


def answered(folder: Path, request_id: str) -> str | None:
    """The new verifier key, once the request was done."""
    try:
        said = orjson.loads((folder / ANSWER).read_bytes())
        return str(said["verifier"]) if said["id"] == request_id else None
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
