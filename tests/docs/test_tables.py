"""Tables that say what the code says."""

from __future__ import annotations

import pytest

from extproc.llm import endpoints
from extproc.llm.dialects import CALLER_DIALECTS
from tests.docs import tables
from tests.docs.pages import page


@pytest.mark.parametrize(
    ("name", "table"),
    [("docs/dialects.md", tables.matrix()), ("docs/providers.md", tables.providers())],
)
def test_the_page_has_the_table(name: str, table: str) -> None:
    """Contract, docs: who reaches whom, and which providers there are, is what the code does."""
    assert table in page(name)


def test_every_dialect_has_its_path() -> None:
    """Contract 3: each dialect that callers speak stands beside its path."""
    text = page("docs/dialects.md").partition("## Who reaches whom")[0]
    for name in CALLER_DIALECTS:
        assert f"`{name}`" in text, name
    for path in (*endpoints._OPENAI, *endpoints._ANTHROPIC):
        assert path in text, path
