"""The rivals' environment, made when it is first needed, and their workers as child processes.

Promises: exactly the versions of `requirements.txt`, each checked against its hash; nothing of it
reaches Envelope's own environment; texts go over pipes, one JSON line each.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import venv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from bench.guardrail_quality.mapping import DETECT_SECRETS, PRESIDIO
from bench.guardrail_quality.matching import Finding

HERE = Path(__file__).parent
REQUIREMENTS = HERE / "requirements.txt"
FOLDER = HERE.parents[2] / ".bench"
INSTALL_S = 900


class CannotRun(Exception):
    """The rivals cannot be installed or started here."""


def installed(folder: Path = FOLDER) -> Path:
    """The environment's Python; the environment is made now if it is not there. About 400 MB."""
    pins = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]
    place = folder / f"guardrails-{pins}"
    done = place / "installed"
    if not done.exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".gitignore").write_text("*\n")
        print(f"installing Presidio and detect-secrets into {place} ...", file=sys.stderr)
        venv.create(place, clear=True, with_pip=True)
        _pip(place / "bin" / "python")
        done.touch()
    return place / "bin" / "python"


def _pip(python: Path) -> None:
    command = [
        str(python), "-m", "pip", "install", "--quiet", "--no-input",
        "--disable-pip-version-check", "--only-binary", ":all:", "--require-hashes",
        "-r", str(REQUIREMENTS),
    ]  # fmt: skip
    try:
        subprocess.run(command, check=True, timeout=INSTALL_S, capture_output=True, text=True)
    except subprocess.TimeoutExpired as error:
        raise CannotRun(f"pip did not finish within {INSTALL_S} s") from error
    except subprocess.CalledProcessError as error:
        raise CannotRun(f"pip could not install them:\n{error.stderr[-2000:]}") from error


def ask(python: Path, worker: str, arguments: Sequence[str], texts: Iterable[str]) -> list[Any]:
    """One answer per text. Raises CannotRun."""
    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    done = subprocess.run(
        [str(python), str(HERE / worker), *arguments], input=lines, capture_output=True, text=True
    )
    if done.returncode != 0:
        raise CannotRun(f"{worker}:\n{done.stderr[-2000:]}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def presidio(python: Path, texts: Sequence[str]) -> list[list[tuple[Finding, float]]]:
    """Findings in our labels with Presidio's score; kinds we have no label for are left out."""
    answers = ask(python, "presidio_worker.py", ["find"], texts)
    return [
        [(Finding(s, e, PRESIDIO[name]), score) for s, e, name, score in one if name in PRESIDIO]
        for one in answers
    ]


def detect_secrets(python: Path, texts: Sequence[str], name: str) -> list[list[Finding]]:
    """A type of theirs that spans several of our labels gives one finding with all of them."""
    answers = ask(python, "detect_secrets_worker.py", [name], texts)
    return [
        [Finding(s, e, DETECT_SECRETS[kind]) for s, e, kind, _ in one if kind in DETECT_SECRETS]
        for one in answers
    ]
