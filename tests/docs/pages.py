"""The pages of the documentation, as text, links and code blocks."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_INDENTED = re.compile(r"^    (envelope .*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced code block: its language, its text, the line it begins at."""

    language: str
    text: str
    line: int


def pages() -> list[Path]:
    """Every Markdown page of the project, but not what tools and tests left behind."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    ).stdout.split()  # fmt: skip
    if not listed:  # an exported tree
        found = (path.relative_to(ROOT) for path in ROOT.rglob("*.md"))
        listed = [str(path) for path in found if not any(p.startswith(".") for p in path.parts)]
    return [ROOT / name for name in sorted(listed) if (ROOT / name).is_file()]


def page(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def blocks(text: str, *languages: str) -> list[Block]:
    """The code blocks of these languages (of all, when none is named), in order."""
    return [
        Block(match[1], match[2], text.count("\n", 0, match.start()) + 1)
        for match in _BLOCK.finditer(text)
        if not languages or match[1] in languages
    ]


def links(text: str) -> list[str]:
    """Targets of links, code blocks left out."""
    return _LINK.findall(_BLOCK.sub("", text))


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as the usual hosts make them."""
    heads = re.findall(r"^#+ (.+)$", _BLOCK.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def commands(text: str) -> Iterator[str]:
    """Every `envelope ...` command line that a page shows, pipes and redirections left out."""
    lines = [m[1] for m in _INDENTED.finditer(text)]
    lines += [
        line for b in blocks(text, "sh") for line in b.text.splitlines() if line[:9] == "envelope "
    ]
    for line in lines:
        yield re.split(r"\s+[|>#]", line)[0]
