"""What an object store gets: a name that a batch gives, and its bytes as JSON lines or Parquet.

    origin=<origin>/date=YYYY-MM-DD/<first>-<last>-<log>.jsonl.gz | .parquet

Promises: names follow from the batch alone, so that a batch that goes twice is there once; `<log>`
keeps two logs of one name apart. Entries of a file are of one day (UTC, of `at`), so that `date=`
is true of each. A JSON line is the leaf's exact bytes: proofs hold for it. The columns of Parquet
are those of `audit/columns.py`.
"""

from __future__ import annotations

import gzip
import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import orjson

from extproc.audit.columns import COLUMNS, instant, row
from extproc.audit.shipping.values import Batch, Item
from extproc.audit.values import Entry

Format = Literal["jsonl", "parquet"]
SUFFIX: dict[Format, str] = {"jsonl": "jsonl.gz", "parquet": "parquet"}
CONTENT_TYPE: dict[Format, str] = {
    "jsonl": "application/gzip",
    "parquet": "application/vnd.apache.parquet",
}
ASIDE = ".parquet-"
"""How folders begin in which a file is made."""
_PARQUET_MEMORY = "512MB"


class Unwritable(Exception):
    """These entries cannot be made into a file; others could."""


@dataclass(frozen=True, slots=True)
class Object:
    """`name`: below the location's prefix."""

    name: str
    content: bytes
    content_type: str


def object_of(batch: Batch, form: Format, folder: Path) -> Object:
    """`folder`: where a file may stand while it is made. Raises OSError, Unwritable."""
    make: dict[Format, Callable[[], bytes]] = {
        "jsonl": lambda: json_lines(batch.items),
        "parquet": lambda: parquet(batch.items, batch.origin, folder),
    }
    return Object(name_of(batch, form), make[form](), CONTENT_TYPE[form])


def day(entry: Entry) -> str:
    """`YYYY-MM-DD` (UTC), `unknown` for an entry without a time."""
    at = instant(entry)
    return at.date().isoformat() if at is not None else "unknown"


def name_of(batch: Batch, form: Format) -> str:
    """Indexes with twelve digits, so that names sort as entries do."""
    place = f"origin={safe(batch.origin)}/date={day(batch.items[0].entry)}"
    return f"{place}/{batch.first:012}-{batch.last:012}-{batch.log_id[:8]}.{SUFFIX[form]}"


def safe(origin: str) -> str:
    """An origin as one part of a path, `_xx` for other bytes; different ones stay different."""
    return re.sub(r"[^A-Za-z0-9.-]", lambda m: "".join(f"_{b:02x}" for b in m[0].encode()), origin)


def json_lines(items: Sequence[Item]) -> bytes:
    """gzip, the same bytes for the same entries."""
    return gzip.compress(b"".join(item.line + b"\n" for item in items), 6, mtime=0)


def parquet(items: Sequence[Item], origin: str, folder: Path) -> bytes:
    """Written by DuckDB, compressed with zstd. Raises OSError, Unwritable."""
    import duckdb  # takes a tenth of a second, and most gateways need none of it

    columns = ", ".join(f"'{name}': '{kind}'" for name, (kind, _) in COLUMNS.items())
    with tempfile.TemporaryDirectory(dir=folder, prefix=ASIDE) as aside:
        rows, made = Path(aside, "rows.jsonl"), Path(aside, "made.parquet")
        with rows.open("wb") as file:
            file.writelines(orjson.dumps(row(item.entry, origin)) + b"\n" for item in items)
        database = duckdb.connect(":memory:", config=_SETTINGS)
        try:
            database.execute(
                f"COPY (SELECT * FROM read_json(?, format='newline_delimited', "
                f"columns={{{columns}}})) TO '{_quoted(made)}' "
                "(FORMAT parquet, COMPRESSION zstd)",
                [str(rows)],
            )
        except duckdb.DataError:
            raise Unwritable from None
        finally:
            database.close()
        return made.read_bytes()


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "threads": 1,
    "memory_limit": _PARQUET_MEMORY,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
"""Nothing is loaded from anywhere, and one core is the most that it takes from the workers."""
