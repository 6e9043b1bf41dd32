"""Reads the folders below `vectors/`: the folder's name is the outcome."""

from dataclasses import replace
from pathlib import Path

from extproc.config.sources import Source, read_sources

VECTORS = Path(__file__).parent / "vectors"


def cases(outcome: str) -> list[str]:
    return sorted(folder.name for folder in (VECTORS / outcome).iterdir())


def sources_of(outcome: str, case: str) -> list[Source]:
    """The case's files under their bare names, so that expectations hold anywhere."""
    found = read_sources(VECTORS / outcome / case)
    return [replace(source, name=Path(source.name).name) for source in found]


def one(text: str, name: str = "a.yaml", folder: str = "/etc/envelope") -> list[Source]:
    return [Source(name, text, folder)]
