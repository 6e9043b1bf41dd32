"""`docs/clients.md`: the examples that need a package which is not in the locked environment.

Blocks of `python` are run by `tests/docs/test_examples.py`; those of `py` here, when their packages
are there: LangChain's and PydanticAI's Google classes want google-genai below 3. Point
`ENVELOPE_GENAI2` at a folder that has them (`pip install --target FOLDER ...`); it goes first on
the path of the example.
"""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from tests.docs.pages import Block, blocks, page
from tests.e2e.harness import ROOT, GatewayUnderTest
from tests.e2e.provider_child import child_environment

pytestmark = pytest.mark.e2e

SHOWN = "http://127.0.0.1:10000"
ELSEWHERE = os.environ.get("ENVELOPE_GENAI2", "")
LISTED = [
    (block, after.text)
    for block, after in pairwise(blocks(page("docs/clients.md"), "py", "text"))
    if block.language == "py" and after.language == "text"
]


def environment(gateway: GatewayUnderTest) -> dict[str, str]:
    found = {**child_environment(ROOT), "ENVELOPE_KEY": gateway.key("all-bot"), "NO_PROXY": "*"}
    return {**found, "PYTHONPATH": os.pathsep.join(filter(None, (ELSEWHERE, found["PYTHONPATH"])))}


@pytest.mark.parametrize(("block", "wanted"), LISTED, ids=[f"line-{b.line}" for b, _ in LISTED])
def test_an_example_does_what_it_says(
    gateway_process: GatewayUnderTest, block: Block, wanted: str, tmp_path: Path
) -> None:
    """Contract 3, docs: base URL and key alone."""
    text = block.text.replace(SHOWN, gateway_process.url)
    text = text.replace("openai-main/gpt-4o-mini", "openai/gpt-4o-mini")
    done = subprocess.run(
        [sys.executable, "-c", text], cwd=tmp_path, env=environment(gateway_process), text=True,
        check=False, timeout=60, capture_output=True,
    )  # fmt: skip
    missing = ("ModuleNotFoundError", "ImportError")
    if done.returncode and any(word in done.stderr for word in missing) and not ELSEWHERE:
        pytest.skip(f"a package of this example is not installed: {done.stderr.splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    assert done.stdout == wanted


def test_there_are_such_examples() -> None:
    """Contract, docs: the page has them, each with what it prints."""
    assert len(LISTED) == 2
