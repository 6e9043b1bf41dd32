"""What the gateway tells its admin process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from extproc.admin.spec import Spec

RAW = {
    "port": 10080, "host": "127.0.0.1", "store_url": "redis://:hunter2@127.0.0.1:6379/0",
    "sockets": ["/run/w0.sock"], "envoy_socket": "", "metrics_folder": "/run/metrics",
    "audit_folder": "/state/audit", "config_file": "/run/config.json",
}  # fmt: skip


def _write(path: Path, raw: object) -> Path:
    path.write_text(json.dumps(raw))
    return path


def test_reads_what_the_gateway_writes(tmp_path: Path) -> None:
    """Contract 1, `envelope up`: the shape of `admin.json`."""
    spec = Spec.read(_write(tmp_path / "admin.json", RAW))
    assert (spec.port, spec.sockets) == (10080, ("/run/w0.sock",))
    assert spec.config_file == Path("/run/config.json")


@pytest.mark.parametrize("name", sorted(RAW))
def test_part_of_a_spec_is_refused(tmp_path: Path, name: str) -> None:
    """P7: a spec that is not whole is a mistake, never a default."""
    part = {key: value for key, value in RAW.items() if key != name}
    with pytest.raises(ValueError, match="not a whole spec"):
        Spec.read(_write(tmp_path / "admin.json", part))


def test_password_of_the_store_is_not_shown(tmp_path: Path) -> None:
    """P4: a spec in a traceback or a log line tells nothing."""
    spec = Spec.read(_write(tmp_path / "admin.json", RAW))
    assert "hunter2" not in f"{spec} {spec!r}"
