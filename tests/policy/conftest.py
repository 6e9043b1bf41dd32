"""A real OPA for the tests that compare with one."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.policy.opa_process import OpaProcess

ROOT = Path(__file__).resolve().parents[2]
VERSION = "v1.20.2"


@pytest.fixture(scope="session")
def opa_binary() -> str:
    """OPA_BINARY, or `opa` on PATH, or .tools/opa, or built with Go into .tools; else skip."""
    cached = ROOT / ".tools" / "opa"
    for found in (os.environ.get("OPA_BINARY"), shutil.which("opa"), str(cached)):
        if found and os.access(found, os.X_OK):
            return found
    go = shutil.which("go")
    if go is None:
        pytest.skip("NO OPA: set OPA_BINARY or put `opa` or Go on PATH; engines NOT compared")
    print(f"building OPA {VERSION} into {cached.parent} (minutes, once)")
    done = subprocess.run(
        [go, "install", f"github.com/open-policy-agent/opa@{VERSION}"],
        env={**os.environ, "GOBIN": str(cached.parent)}, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode != 0:
        pytest.skip(f"NO OPA: `go install` failed, engines NOT compared: {done.stderr[-300:]}")
    return str(cached)


@pytest.fixture(scope="session")
def opa(opa_binary: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpaProcess]:
    """One OPA server for the session, on a unix socket and on a loopback port."""
    server = OpaProcess(opa_binary, tmp_path_factory.mktemp("opa"))
    try:
        yield server
    finally:
        server.stop()
