"""README and `docs/clients.md`: each example is run, and gives what stands below it.

A block of `sh` or `python` is run against a gateway of the page's own (`envelope up --demo`), in
the page's order; the `text` block behind it is what it must print. `...` stands for anything.
"""

from __future__ import annotations

import asyncio
import doctest
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from extproc.server.child import Child, python
from tests.docs.pages import Block, blocks, page
from tests.e2e.harness import ROOT
from tests.e2e.provider_child import child_environment

pytestmark = pytest.mark.e2e

PAGES = ("README.md", "docs/clients.md")
START_S, RUN_S, SETTLED_S = 60, 60, 15
SHOWN_GATEWAY = "http://127.0.0.1:10000"
_SHOWN_KEY = re.compile(r"\bek_\w+\.\.\.")
_SHOWN_ID = re.compile(r"\b[0-9a-f]{8}-\.\.\.")
_FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@dataclass(frozen=True, slots=True)
class Demo:
    """A running demo gateway; `folder` is where a reader would stand."""

    folder: Path
    gateway: str
    key: str

    def run(self, block: Block) -> str:
        """What a block prints, both streams together, in order."""
        text = _SHOWN_KEY.sub(self.key, block.text.replace(SHOWN_GATEWAY, self.gateway))
        if block.language == "python":
            command = [sys.executable, "-c", text]
        else:
            envelope = f'envelope() {{ "{sys.executable}" -m extproc "$@"; }}\n'
            command = ["bash", "-euc", envelope + text]
        environment = {**child_environment(ROOT), "ENVELOPE_KEY": self.key, "NO_PROXY": "*"}
        done = subprocess.run(
            command, cwd=self.folder, env=environment, text=True, check=False, timeout=RUN_S,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        return done.stdout


@pytest.fixture(params=PAGES)
def demo(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Demo]]:
    """The page's name, and a gateway with nothing in its log."""
    ready, log = tmp_path / "ready.json", tmp_path / "up.log"
    command = python("extproc", "up", "--demo", "--port", "0", "--admin-port", "0",
                     "--workers", "1", "--state", str(tmp_path / ".envelope"),
                     "--ready-file", str(ready))  # fmt: skip
    child = Child("gateway", command, env=child_environment(ROOT), log=log)
    try:
        deadline = time.monotonic() + START_S
        while not ready.exists():
            assert child.alive and time.monotonic() < deadline, log.read_text()
            time.sleep(0.02)
        facts = json.loads(ready.read_text())
        yield request.param, Demo(tmp_path, facts["gateway"], facts["keys"]["support-bot"])
    finally:
        asyncio.run(child.stop(grace_s=45))


def examples(name: str) -> list[tuple[Block, str]]:
    """Blocks that are run, each with what it must print."""
    found = blocks(page(name), "sh", "python", "text")
    return [
        (b, after.text) for b, after in pairwise(found) if b.language != "text" == after.language
    ]


def test_the_examples_do_what_they_say(demo: tuple[str, Demo]) -> None:
    """Contract 3, docs: an official SDK works after changing base URL and key alone."""
    name, gateway = demo
    listed = examples(name)
    assert len(listed) == len(blocks(page(name), "sh", "python")) > 2
    for block, wanted in listed:
        said = _until_it_says(gateway, block, wanted)
        assert _same(wanted, said), f"{name}:{block.line} prints\n{said}"


def _until_it_says(gateway: Demo, block: Block, wanted: str) -> str:
    """Questions about the log may be asked again: it follows the calls by up to a second."""
    only_asks = all(line.startswith("envelope ") for line in block.text.splitlines())
    deadline = time.monotonic() + SETTLED_S
    while True:
        said = gateway.run(block)
        if not only_asks or _same(wanted, said) or time.monotonic() > deadline:
            return said


def _same(wanted: str, said: str) -> bool:
    pattern = _SHOWN_ID.sub("...", wanted)  # a decision id is another one each time
    return doctest.OutputChecker().check_output(pattern, said.replace("\r", ""), _FLAGS)


def test_a_wrong_output_is_noticed() -> None:
    """Contract, docs: the comparison above can fail."""
    assert _same("id: 1...\nsame  text\n", "id: 1234\r\nsame text\r\n")
    assert not _same("400\n", "401\n")
