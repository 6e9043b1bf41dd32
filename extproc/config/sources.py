"""The text of a configuration: what stood in which file, read once and handed on as it was.

Promises: a supervisor can pass the very text that it validated to its workers
(`sources_to_json`), so that all run the same configuration even while files change. Refuses to
lose a file: one that could not be read stays in the list and carries its `fault`, which
`load` reports as a mistake (P7).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePath

SUFFIXES = (".yaml", ".yml", ".json")
SOURCE_BYTES_MAX = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Source:
    """One file. `name` as the operator gave it, `folder` absolute: relative paths start there.

    `fault`: why the text could not be had ('' = it could).
    """

    name: str
    text: str
    folder: str
    fault: str = ""


def read_sources(path: str | Path) -> list[Source]:
    """Read a file, or the `*.yaml`, `*.yml` and `*.json` of a folder in the order of their names.

    Never empty and never raises OSError: what went wrong is a source with a `fault`. Subfolders
    and dot files are not read (editors and Kubernetes keep their own things there).
    """
    path = Path(path)
    if not path.is_dir():
        return [_read(path)]
    files = config_files(path)
    if not files:
        return [_faulty(path, "the folder holds no *.yaml, *.yml or *.json")]
    return [_read(file) for file in files]


def config_files(folder: Path) -> list[Path]:
    """Files of a folder that belong to its configuration, sorted by name."""
    try:
        return sorted(
            child
            for child in folder.iterdir()
            if child.suffix in SUFFIXES and not child.name.startswith(".")
        )
    except OSError:
        return []


def digest(sources: Sequence[Source]) -> str:
    """SHA-256 (hex) of all names and texts, length-framed; folders do not count (P6)."""
    sha = hashlib.sha256()
    for source in sources:
        for part in (PurePath(source.name).name.encode(), source.text.encode()):
            sha.update(len(part).to_bytes(8, "big"))
            sha.update(part)
    return sha.hexdigest()


def sources_to_json(sources: Sequence[Source]) -> str:
    """One JSON text that `sources_from_json` turns back into equal sources."""
    return json.dumps([asdict(source) for source in sources])


def sources_from_json(text: str) -> list[Source]:
    """Inverse of `sources_to_json`. Raises ValueError or TypeError for anything else."""
    return [Source(**entry) for entry in json.loads(text)]


def _read(path: Path) -> Source:
    try:
        with path.open("rb") as file:
            raw = file.read(SOURCE_BYTES_MAX + 1)
    except FileNotFoundError:
        return _faulty(path, "there is no such file or folder")
    except OSError as error:
        return _faulty(path, f"cannot be read: {(error.strerror or 'error').lower()}")
    if len(raw) > SOURCE_BYTES_MAX:
        return _faulty(path, f"is larger than {SOURCE_BYTES_MAX // 1024 // 1024} MiB")
    try:
        return Source(str(path), raw.decode("utf-8-sig"), _folder(path))
    except UnicodeDecodeError as error:
        return _faulty(path, f"is not UTF-8 (byte {error.start})")


def _faulty(path: Path, fault: str) -> Source:
    return Source(str(path), "", _folder(path), fault)


def _folder(path: Path) -> str:
    return str(path.absolute().parent)
