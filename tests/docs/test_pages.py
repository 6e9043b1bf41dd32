"""What the pages say about files, links, commands and tables is true."""

from __future__ import annotations

import argparse
import importlib
import re
import shlex
import tomllib
from pathlib import Path

import pytest

from extproc.errors import TABLE
from tests.docs.pages import ROOT, anchors, commands, links, page, pages

PAGES = pages()
NAMES = [str(path.relative_to(ROOT)) for path in PAGES]
EVERY_COMMAND = sorted({(name, line) for name in NAMES for line in commands(page(name))})
FILES = re.compile(
    r"`((?:extproc|tests|protos|envoy|bench|docs|opa-policies)/[\w./-]*\w)(?:::(\w+))?`"
)
_PRIVATE = re.compile(
    r"(?<![\w.])/(?:home|root|Users|work|mnt|srv)/|/tmp/|"
    r"\b(?:index-url|pypi|artifactory|nexus)\b|https?://[^/\s]*registry",
    re.IGNORECASE,
)


def test_there_are_pages() -> None:
    """Contract, docs: the tests below are not about nothing."""
    assert {"README.md", "extproc/README.md", "docs/promises.md", "CHANGELOG.md"} <= set(NAMES)
    assert len(EVERY_COMMAND) > 15


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name: str) -> None:
    """Contract, docs: every link inside the project leads to a file, and to a heading of it."""
    here = ROOT / name
    for link in links(page(name)):
        if "://" in link:
            continue
        target, _, anchor = link.partition("#")
        path = (here.parent / target).resolve() if target else here
        assert path.exists(), f"{name}: {link}"
        if anchor:
            assert anchor in anchors(path.read_text("utf-8")), f"{name}: {link}"


@pytest.mark.parametrize("name", NAMES)
def test_files_and_tests_that_are_named_exist(name: str) -> None:
    """Contract, docs: a page that names a file or a test is wrong as soon as it is gone."""
    for path, test in FILES.findall(page(name)):
        found = ROOT / path
        assert found.exists(), f"{name}: {path}"
        if test:
            assert f"def {test}(" in found.read_text("utf-8"), f"{name}: {path}::{test}"


def test_the_life_of_a_request_names_real_files() -> None:
    """Contract, docs: `extproc/README.md` can be followed file by file."""
    named = re.findall(r"`([\w/]+\.(?:py|lua))`", page("extproc/README.md"))
    assert len(named) > 40
    assert not [path for path in named if not (ROOT / "extproc" / path).is_file()]


@pytest.mark.parametrize("name", NAMES)
def test_no_page_tells_of_this_machine(name: str) -> None:
    """P4: no path of a machine, no package registry."""
    assert not _PRIVATE.findall(page(name))


@pytest.mark.parametrize(("name", "line"), EVERY_COMMAND)
def test_commands_are_understood(name: str, line: str) -> None:
    """Contract 1: each command line that a page shows is one that the program takes."""
    _, command, *rest = shlex.split(line)
    module = importlib.import_module(f"extproc.cli.{command}_command")
    parser = argparse.ArgumentParser(exit_on_error=False)
    module.configure(parser)
    try:
        parser.parse_args(rest)
    except (SystemExit, argparse.ArgumentError) as error:
        pytest.fail(f"{name}: {line}: {error}")


def test_every_refusal_is_explained() -> None:
    """Contract 4: `docs/refusals.md` has the closed table: code, status, text."""
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \| ([^|]+) \|", page("docs/refusals.md"), re.MULTILINE)
    table = [(code.value, str(row.status), row.text) for code, row in TABLE.items()]
    assert sorted(rows) == sorted(table)


def test_every_dependency_is_explained() -> None:
    """Contract, docs: one line for each direct dependency, and none for others."""
    project = tomllib.loads(page("pyproject.toml"))["project"]
    listed = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    rows = re.findall(r"^\| `([^`]+)` \| .+ \|$", page("docs/dependencies.md"), re.MULTILINE)
    assert sorted(rows) == sorted(listed)


def test_every_decision_is_listed() -> None:
    """Contract, docs: the list of decisions has each of them, numbered without a gap."""
    folder = ROOT / "docs" / "decisions"
    files = sorted(p.name for p in folder.glob("[0-9]*.md"))
    assert [int(name[:4]) for name in files] == list(range(1, len(files) + 1))
    assert sorted(Path(link).name for link in links(page("docs/decisions/README.md"))) == files


def test_every_promise_names_its_tests() -> None:
    """Contract, docs: P1 to P8, each with what keeps it, what checks it, what is missing."""
    sections = re.split(r"^## ", page("docs/promises.md"), flags=re.MULTILINE)[1:]
    assert [s[:2] for s in sections] == [f"P{n}" for n in range(1, 9)]
    for section in sections:
        assert section.count("Kept by\n") == section.count("Checked by\n") == 1
        assert "tests/" in section
        assert "Not covered yet" in section
