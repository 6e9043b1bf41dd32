"""LiteLLM in a virtual environment of its own, made when the benchmark first needs it.

Promises: exactly the versions of `requirements.txt`, each checked against its hash; nothing of it
reaches Envelope's own environment. The folder is named after the pins, so that new pins make a new
one. About 720 MB.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import sys
import venv
from pathlib import Path

from bench.spend.product import CannotRun

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
INSTALL_S = 900


def version() -> str:
    """The pinned version of LiteLLM itself."""
    found = re.search(r"^litellm==(\S+)", REQUIREMENTS.read_text(), re.MULTILINE)
    assert found is not None
    return found[1]


async def install(folder: Path) -> Path:
    """The environment's `bin`; made now if it is not there. Raises CannotRun."""
    pins = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]
    place = folder / f"litellm-{pins}"
    done = place / "installed"
    if not done.exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".gitignore").write_text("*\n")
        print(f"installing LiteLLM {version()} into {place} ...", file=sys.stderr)
        await asyncio.to_thread(venv.create, place, clear=True, with_pip=True)
        await _pip(place)
        done.touch()
    return place / "bin"


async def _pip(place: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-input",
        "--disable-pip-version-check", "--only-binary", ":all:", "--require-hashes",
        "-r", str(REQUIREMENTS), stdout=sys.stderr, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        _, errors = await asyncio.wait_for(process.communicate(), INSTALL_S)
    except TimeoutError as error:
        process.kill()
        raise CannotRun(f"pip did not finish within {INSTALL_S} s") from error
    if process.returncode != 0:
        raise CannotRun(f"pip could not install LiteLLM:\n{errors.decode()[-2000:]}")
