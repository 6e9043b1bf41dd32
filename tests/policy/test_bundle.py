"""Loading bundles."""

from __future__ import annotations

from pathlib import Path

import pytest

from extproc.policy.bundle import BundleRefused, judge, read, shipped
from extproc.policy.embedded import load

ALLOW = "package envelope.authz\n\nallow := true\n"


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def refused(*paths: Path) -> list[str]:
    with pytest.raises(BundleRefused) as caught:
        load(paths)
    return [m.message for m in caught.value.mistakes]


def test_data_lies_below_its_folder(tmp_path: Path) -> None:
    """Contract, policies: JSON and YAML documents beside the policy are `data`, as OPA does."""
    write(tmp_path, p_DOT_rego=ALLOW, top_DOT_json='{"a": 1}', eu__models_DOT_yaml="x: [b]",
          eu__more_DOT_yml="y: 2")  # fmt: skip
    assert read([tmp_path]).data == {"a": 1, "eu": {"x": ["b"], "y": 2}}


def test_tests_and_dot_files_are_not_enforced(tmp_path: Path) -> None:
    """P6: neither tests nor what an editor leaves behind can move a decision or its digest."""
    write(tmp_path, p_DOT_rego=ALLOW)
    before = read([tmp_path])
    write(tmp_path, p_test_DOT_rego="package t\n", _DOT_swp__q_DOT_rego="junk")
    after = read([tmp_path])
    assert after.digest == before.digest
    assert list(after.files) == list(before.files)
    assert len(after.tests) == 1


@pytest.mark.parametrize("change", [
    {"p_DOT_rego": ALLOW + "\n"}, {"d_DOT_json": '{"a": 2}'}, {"q_DOT_rego": "package q\n"},
])  # fmt: skip
def test_the_digest_follows_every_byte(tmp_path: Path, change: dict[str, str]) -> None:
    """P6: another policy, document or file is another digest."""
    write(tmp_path, p_DOT_rego=ALLOW, d_DOT_json='{"a": 1}')
    before = read([tmp_path]).digest
    assert before == read([tmp_path]).digest
    assert read([write(tmp_path, **change)]).digest != before


def test_the_digest_does_not_depend_on_where_the_folder_lies(tmp_path: Path) -> None:
    """P6: the same bundle on two machines has one digest."""
    first = write(tmp_path / "a" / "policies", p_DOT_rego=ALLOW)
    second = write(tmp_path / "b" / "policies", p_DOT_rego=ALLOW)
    assert read([first]).digest == read([second]).digest


@pytest.mark.parametrize("name,text,why", [
    ("d.json", '{"a": 1, "a": 2}', "stands twice"),
    ("d.yaml", "a: 1\na: 2", "stands twice"),
    ("d.yaml", "day: 2026-11-20", "put it in quotes"),
    ("d.yaml", "1: x", "keys must be texts"),
    ("d.json", "[1]", "an object at its top"),
    ("d.json", '{"a": NaN}', "finite"),
    ("d.json", "{", "not valid"),
    ("d.yaml", "a: !!python/object:os.system {}", "not valid"),
])  # fmt: skip
def test_documents_that_are_not_plain_data_are_refused(
    tmp_path: Path, name: str, text: str, why: str
) -> None:
    """P7: a document that would be read in two ways does not load."""
    write(tmp_path, p_DOT_rego=ALLOW)
    (tmp_path / name).write_text(text)
    assert [why in m for m in refused(tmp_path)] == [True]


def test_two_values_for_one_key_are_refused(tmp_path: Path) -> None:
    """P7: which of two documents wins must not depend on their order."""
    write(tmp_path, p_DOT_rego=ALLOW, a_DOT_json='{"x": 1}', b_DOT_json='{"x": 2}')
    assert "stands in two documents" in refused(tmp_path)[0]


@pytest.mark.parametrize("text,why", [
    ("package other\n\nallow := true\n", "no rule in package envelope.authz"),
    ("package envelope.authz\n\nalow := true\n", "defines no rule `allow`"),
    ("package envelope.authz\n\nallow contains 1\n", "must be a boolean rule"),
    ("package envelope_entry\n\nallow := true\n", "the gateway's own"),
])  # fmt: skip
def test_a_bundle_must_define_allow(tmp_path: Path, text: str, why: str) -> None:
    """P7: a policy that can never decide is a mistake of configuration, found at load."""
    write(tmp_path, p_DOT_rego=text)
    assert any(why in m for m in refused(tmp_path))


def test_an_empty_or_absent_bundle_is_refused(tmp_path: Path) -> None:
    """P1: no policy is no permission; it does not load."""
    assert refused(tmp_path)
    assert "cannot be read" in refused(tmp_path / "absent.rego")[0]
    assert "not a folder" in refused(tmp_path / "absent")[0]
    assert refused() == ["no policy path is named"]


def test_all_mistakes_come_at_once_under_the_paths_given(tmp_path: Path) -> None:
    """P7: all mistakes at once, with file and line."""
    write(tmp_path, a_DOT_rego="package envelope.authz\n\nallow if x == 1\n",
          b_DOT_rego="package envelope.authz\n\n\nq if nope(1)\n")  # fmt: skip
    found = judge(read([tmp_path])).mistakes
    assert [(m.file, m.line) for m in found] == [
        (str(tmp_path / "a.rego"), 3), (str(tmp_path / "b.rego"), 4)
    ]  # fmt: skip


def test_what_the_engine_finds_only_when_it_runs_is_found_at_load(tmp_path: Path) -> None:
    """P7: the embedded engine does not take this shadowing; better no load than no service."""
    write(tmp_path, p_DOT_rego="package envelope.authz\n\nallow := true\n\n"
          'x := [y | y := [y | some y in ["a"]]]\n')  # fmt: skip
    assert "the embedded engine refuses" in refused(tmp_path)[0]


def test_the_shipped_bundle_and_the_example_load() -> None:
    """Contract, configuration: no `policy` document means the shipped bundle."""
    assert len(load([shipped()]).bundle_digest) == 64
    assert load([shipped().parent / "examples" / "first-seed"])
