"""Beginning a log again whose files are lost or damaged for good.

    1  begin.json says what is going to happen
    2  the log's folder becomes `log.lost-<time>`, its public key goes with it
    3  a new key under a new origin, `<origin>/2`, `<origin>/3`, ...; the old one is overwritten
    4  the cursor starts at nothing, but keeps how far each spool was read
    5  the new log begins with an entry `audit.log.begin`: why, and the last checkpoint before

Promises: a kill between any two is finished by the next start (`finish_begin`) or by asking again;
nothing is deleted but the old private key; never are two histories signed under one origin and key.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from extproc.audit.checkpoint import (
    SIGNING_KEY,
    VERIFIER_KEY,
    key_lines,
    load_signer,
    read_checkpoint,
)
from extproc.audit.cursor import Cursor
from extproc.audit.disk import replace_file, replace_secret, sync_folder
from extproc.audit.entry import rfc3339
from extproc.audit.event import event_entry
from extproc.audit.log import Log
from extproc.audit.note import NoteInvalid, Signer, Verifier
from extproc.audit.publish import HISTORY, LATEST, Publisher, history_notes
from extproc.audit.rotate import NEXT_KEY
from extproc.audit.tombstone import LOG_BEGIN

PLAN = "begin.json"
_LOST = "log.lost-"


@dataclass(frozen=True, slots=True)
class Beginning:
    """What was decided, before anything is done. `aside`: the lost log's new name."""

    origin: str
    aside: str
    reason: str
    actor: str
    at_ms: int
    event_id: str
    previous: str


def begin(
    folder: Path, reason: str, *, now_ms: int, actor: str, event_id: str, origin: str = "envelope",
    random_bytes: Callable[[int], bytes] = os.urandom,
) -> Beginning:  # fmt: skip
    """Set the log of the audit folder aside and begin another; the sequencer's lock must be held.

    `origin`: used only where no key is left that tells. Raises OSError.
    """
    finish_begin(folder, random_bytes)
    aside = _LOST + rfc3339(now_ms).replace(":", "").replace(".", "-")
    previous = _last_checkpoint(folder)
    name = _next_origin(folder, origin)
    plan = Beginning(name, aside, reason, actor, now_ms, event_id, previous)
    replace_file(folder / PLAN, orjson.dumps(asdict(plan)))
    finish_begin(folder, random_bytes)
    return plan


def finish_begin(folder: Path, random_bytes: Callable[[int], bytes] = os.urandom) -> None:
    """Do what begin.json says, as far as it is not done; nothing where there is none."""
    try:
        plan = Beginning(**orjson.loads((folder / PLAN).read_bytes()))
    except FileNotFoundError:
        return
    _set_aside(folder, plan)
    _change_key(folder, plan, random_bytes)
    cursor = Cursor.load(folder)
    Cursor(0, cursor.offsets, cursor.finished).save(folder)
    _write_first_entry(folder, plan)
    os.unlink(folder / PLAN)
    sync_folder(folder)


def _set_aside(folder: Path, plan: Beginning) -> None:
    aside, log = folder / plan.aside, folder / "log"
    if not aside.exists():
        if log.exists():
            os.rename(log, aside)
        else:
            aside.mkdir(mode=0o700)
        sync_folder(folder)
    if _name_in(folder / VERIFIER_KEY) not in (None, plan.origin):
        os.replace(folder / VERIFIER_KEY, aside / VERIFIER_KEY)
        sync_folder(aside)
        sync_folder(folder)


def _change_key(folder: Path, plan: Beginning, random_bytes: Callable[[int], bytes]) -> None:
    for name in (NEXT_KEY, "rotate.request"):
        (folder / name).unlink(missing_ok=True)
    if _name_in(folder / SIGNING_KEY) != plan.origin:
        signer = Signer(plan.origin, random_bytes(32))
        made = folder / f"{SIGNING_KEY}.made"
        replace_file(made, signer.secret_text().encode() + b"\n")
        replace_secret(folder / SIGNING_KEY, made)


def _write_first_entry(folder: Path, plan: Beginning) -> None:
    publisher = Publisher(folder / "log", load_signer(folder, plan.origin))
    try:
        log = Log(folder / "log", publisher.covered)
        try:
            if log.size == 0:
                log.append([_entry(plan)])
            publisher.publish(log)
        finally:
            log.close()
    finally:
        publisher.close()


def _entry(plan: Beginning) -> dict[str, object]:
    details = {"reason": plan.reason, "origin": plan.origin, "set_aside": plan.aside}
    return event_entry(
        LOG_BEGIN,
        event_id=plan.event_id,
        at_ms=plan.at_ms,
        actor=("operator", plan.actor),
        target=plan.origin,
        details=details | ({"previous": plan.previous} if plan.previous else {}),
    )


def _next_origin(folder: Path, origin: str) -> str:
    """The next name under the first log's origin; a number that was used is never used again."""
    lost = [path for path in folder.glob(f"{_LOST}*") if path.is_dir()]
    now = _name_in(folder / SIGNING_KEY) or _name_in(folder / VERIFIER_KEY)
    base = now or origin
    if lost and base.rpartition("/")[2].isdigit():
        base = base.rpartition("/")[0]
    names = [now, *(_name_in(path / VERIFIER_KEY) for path in lost)]
    numbers = [int(n) for name in names if (n := (name or "").removeprefix(base + "/")).isdigit()]
    return f"{base}/{max([1, len(lost) + 1, *numbers]) + 1}"


def _name_in(path: Path) -> str | None:
    """The key name in a key file, private or public; None when there is no such key."""
    try:
        text = path.read_text(errors="replace").strip()
        if text.startswith("PRIVATE+KEY+"):
            return Signer.parse(text).name
        return Verifier.parse(text).name
    except (FileNotFoundError, NoteInvalid):
        return None


def _last_checkpoint(folder: Path) -> str:
    """The latest checkpoint that a known key of the log signed; '' when none is left."""
    log = folder / "log"
    keys = list(_known_keys(folder))
    for note in (*_notes(log / LATEST), *reversed(_notes(log / HISTORY))):
        for key in keys:
            try:
                read_checkpoint(note, key)
                return note
            except NoteInvalid:
                continue
    return ""


def _known_keys(folder: Path) -> Iterator[Verifier]:
    texts = [line.verifier for line in key_lines(folder / "log")]
    if (folder / VERIFIER_KEY).exists():
        texts.append((folder / VERIFIER_KEY).read_text(errors="replace"))
    for text in texts:
        try:
            yield Verifier.parse(text)
        except NoteInvalid:
            continue


def _notes(path: Path) -> list[str]:
    if not path.exists():
        return []
    data = path.read_bytes()
    if path.name == LATEST:
        return [data.decode(errors="replace")]
    return [note for note in history_notes(data) if note is not None]


__all__ = ["PLAN", "Beginning", "begin", "finish_begin"]
