"""Strict YAML: values by the 1.2 core schema, lines, refusals."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.config.yaml_tree import EXACT_INT_MAX, compose


def value(text: str):
    documents, mistakes = compose(text, "f")
    assert not mistakes
    return documents[0].value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no", "no"), ("on", "on"), ("Yes", "Yes"), ("y", "y"), ("true", True), ("FALSE", False),
        ("2026-12-31", "2026-12-31"), ("12:30:45", "12:30:45"), ("1_000", "1_000"),
        ("0755", 755), ("0o17", 15), ("0x1F", 31), ("1e3", 1000.0), (".5", 0.5), ("-3", -3),
        ("'5'", "5"), ('"true"', "true"), ("-", "-"), ("1.2.3", "1.2.3"), ("<<", "<<"),
    ],
)  # fmt: skip
def test_scalars_follow_the_core_schema(text, expected):
    """Contract, section 2: YAML 1.2; nothing turns into a boolean or a date by surprise."""
    found = value(f"k: {text}" if text != "-" else "k: ['-', -]")["k"]
    if text == "-":
        found = found[1]
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "key 'a' stands here twice (first on line 1)"),
        ("a: 1\nb: !!python/object:os.system x\n", 2, "tags such as"),
        ("a: .nan\n", 1, "not a finite number"),
        ("a: -.inf\n", 1, "not a finite number"),
        ("a: 1e999\n", 1, "too large"),
        (f"a: {EXACT_INT_MAX + 1}\n", 1, "too large"),
        ("a: " + "9" * 5000, 1, "too large"),
        ("a:\n  - b\n c: d\n", 3, "not YAML"),
        ("ok: 1\nbell: \x07\n", 2, "not YAML"),
        ("a: &x [*x]\n", 1, "alias"),
        ("? [a]\n: b\n", 1, "a key must be"),
        ("[" * 100, 1, "nested deeper"),
    ],
)
def test_refusals_name_their_line(text, line, part):
    """P7: every refusal of the text itself has a line."""
    _, mistakes = compose(text, "f")
    assert len(mistakes) == 1
    assert mistakes[0].line == line
    assert part in mistakes[0].message


def test_documents_before_a_syntax_mistake_are_kept():
    """P7: mistakes of the earlier documents can still be told."""
    documents, mistakes = compose("a: 1\n---\nb: [\n", "f")
    assert [document.value for document in documents] == [{"a": 1}]
    assert len(mistakes) == 1


def test_lines_of_keys_and_entries():
    """P7: a mistake is reported where its key stands."""
    (document,), _ = compose("a:\n  b:\n    - x\n    - {c: 1,\n       d: 2}\n", "f")
    assert document.at(("a", "b", 1, "d")).line == 5
    assert document.at(("a", "b", 0)).line == 3
    assert document.at(("a", "b", 7)).line == 2
    assert document.at(("a", "missing")).line == 1


def test_aliases_are_written_out():
    """Contract, section 2: plain YAML reuse works, and mistakes point at the place of use."""
    (document,), _ = compose("a: &x {k: v}\nb: *x\n", "f")
    assert document.value == {"a": {"k": "v"}, "b": {"k": "v"}}
    assert document.at(("b",)).line == 2


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-EXACT_INT_MAX, EXACT_INT_MAX)
    | st.floats(-1e15, 1e15, allow_nan=False)
    | st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), max_codepoint=0xD7FF)),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text("abc.-é", max_size=4), inner),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.text("abc", min_size=1), JSON_VALUES, min_size=1))
def test_json_is_read_as_itself(document):
    """Contract, section 2: JSON documents load; strict YAML does not change their values."""
    assert value(json.dumps(document)) == document


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_any_text_gives_documents_or_mistakes(text):
    """P7: no text at all makes the loader fail in another way."""
    documents, mistakes = compose(text, "f")
    assert all(document.value is not None for document in documents)
    assert all(mistake.line >= 1 for mistake in mistakes)
