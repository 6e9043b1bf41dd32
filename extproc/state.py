"""The state folder: what a gateway on one machine keeps between runs, and where it finds itself.

    store/      the private Valkey's append-only file
    ledger/     this gateway's copy of what was spent, and its workers' slates
    secrets/    what this gateway's own keys are made from (mode 0600)
    audit/      spool, Merkle log, checkpoints, signing key
    envoy/      rendered configuration, and the providers' secrets (mode 0600) for Envoy alone
    run.json    while a gateway runs: its pid, its run folder, its ports

Unix sockets live in a short-named private run folder instead, because a socket path may not be
longer than 107 bytes (unix(7), sun_path).
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

DEFAULT_STATE = Path(".envelope")
RUN_PREFIX = "envelope-"


@dataclass(frozen=True, slots=True)
class StateDir:
    """Paths below one state folder. `prepare()` creates them, private to their owner."""

    root: Path

    @property
    def store(self) -> Path:
        return self.root / "store"

    @property
    def ledger(self) -> Path:
        return self.root / "ledger"

    @property
    def audit(self) -> Path:
        return self.root / "audit"

    @property
    def secrets(self) -> Path:
        return self.root / "secrets"

    @property
    def envoy(self) -> Path:
        return self.root / "envoy"

    @property
    def run_file(self) -> Path:
        return self.root / "run.json"

    def prepare(self) -> StateDir:
        for folder in (
            self.root, self.store, self.ledger, self.audit, self.secrets, self.envoy
        ):  # fmt: skip
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self

    def remove_old_run(self) -> None:
        """The run folder of a gateway that was killed; only one that a gateway made by itself."""
        try:
            old = Path(json.loads(self.run_file.read_text())["run"])
        except (OSError, ValueError, KeyError, TypeError):
            return
        ours = old.parent == Path(tempfile.gettempdir()) and old.name.startswith(RUN_PREFIX)
        if ours and self.running() is None and not old.is_symlink():
            shutil.rmtree(old, ignore_errors=True)

    def running(self) -> dict[str, object] | None:
        """What a live gateway wrote about itself; None when none runs here."""
        try:
            record: dict[str, object] = json.loads(self.run_file.read_text())
            os.kill(int(str(record["pid"])), 0)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return record
