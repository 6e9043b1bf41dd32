"""A stage that keeps content, and what stands on its disk afterwards."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from extproc.app import build_world
from extproc.audit.content.read import read_content
from extproc.audit.content.values import Part
from extproc.audit.values import Entry
from extproc.automata_cache import keep_automata
from extproc.config.audit_model import Audit
from extproc.state import StateDir
from tests.exchange.stage import Json, Stage, configuration

keep_automata()  # compiling every kind of personal data takes seconds
CARD, EMAIL = "4111 1111 1111 1111", "ada.lovelace@example.com"
SECRET = "sk-proj-" + "Zt9Qw3Er7Ty1Ui5Op2As" * 2 + "AB"
CANARIES = (CARD, CARD.replace(" ", ""), EMAIL, SECRET)


async def keeping(stage: Stage, audit: Json, *documents: Json, **more: Any) -> Stage:
    """Open the stage (or reload it) with this `audit:`."""
    if not hasattr(stage, "adapters"):
        for name in ("audit", "secrets"):  # the stage keeps everything in one folder
            os.symlink(".", stage.folder / name)
        await stage.open(*documents, **more)
    config = configuration(stage.folder, *documents, **more)
    gateway = config.gateway.model_copy(update={"audit": Audit.model_validate(audit, strict=False)})
    config = config.model_copy(update={"gateway": gateway})
    stage.world = await build_world(config, stage.place, stage.adapters)
    return stage


def content(capture: str, **more: Any) -> Json:
    return {"content": {"capture": capture, **more}}


def shown(stage: Stage, entry: Entry, part: Part = "request") -> bytes:
    return read_content(StateDir(stage.folder), entry, part)


def on_disk(folder: Path, *words: str) -> list[str]:
    """Files below the folder that hold one of the words, as they are or as JSON writes them."""
    found = []
    for where, _, names in os.walk(folder):
        for name in names:
            data = (Path(where) / name).read_bytes() if not name.endswith(".sock") else b""
            found += [f"{name}: {word}" for word in words if word.encode() in data]
    return found
