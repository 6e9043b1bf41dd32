"""Which entries make up the next batch. Pure.

Promises: a batch is a range without a gap, and holds every entry of it that the sink wants; the
same lines always give the same batch. Skipped, and counted: entries that retention has removed
(their tombstone stays in the log), and lines that are not JSON.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import orjson

from extproc.audit.event import record_class
from extproc.audit.shipping.values import Batch, Item, Shape
from extproc.audit.tombstone import is_tombstone
from extproc.audit.values import Entry


def batch_of(
    lines: Sequence[bytes],
    first: int,
    *,
    classes: Collection[str],
    shape: Shape,
    origin: str,
    log_id: str,
) -> Batch:
    """The batch that begins at entry `first`; `lines` are the entries from there on, at least one.

    `classes`: () = all. At least one entry, whatever its size.
    """
    items: list[Item] = []
    unreadable: list[int] = []
    pruned, weight, last = 0, 0, first
    for index, line in enumerate(lines, start=first):
        entry = _entry(line)
        gone = is_tombstone(line)
        if entry is not None and not gone and _is_of(entry, classes):
            fits = weight + len(line) <= shape.bytes_max
            if items and not (fits and shape.together(entry) == shape.together(items[0].entry)):
                break
            items.append(Item(index, line, entry))
            weight += len(line)
        elif entry is None:
            unreadable.append(index)
        else:
            pruned += gone
        last = index
    return Batch(origin, log_id, first, last, tuple(items), pruned, tuple(unreadable))


def _is_of(entry: Entry, classes: Collection[str]) -> bool:
    return not classes or record_class(entry) in classes


def _entry(line: bytes) -> Entry | None:
    try:
        entry = orjson.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None
