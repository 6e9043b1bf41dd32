"""Reading files: nothing is lost, nothing is read that is no configuration."""

from dataclasses import replace
from pathlib import Path

import pytest

from extproc.config.load import load
from extproc.config.sources import (
    Source,
    digest,
    read_sources,
    sources_from_json,
    sources_to_json,
)


def test_a_folder_is_read_in_the_order_of_names(tmp_path):
    """Contract, section 2: a folder of YAML and JSON files; dot files are not read."""
    for name in ("b.yml", "a.yaml", "c.json", "notes.txt", ".#a.yaml"):
        (tmp_path / name).write_text(f"# {name}\n")
    (tmp_path / "..data").mkdir()
    found = read_sources(tmp_path)
    assert [Path(source.name).name for source in found] == ["a.yaml", "b.yml", "c.json"]
    assert {source.folder for source in found} == {str(tmp_path)}


@pytest.mark.parametrize(
    ("make", "fault"),
    [
        (lambda path: None, "there is no such file or folder"),
        (lambda path: path.mkdir(), "the folder holds no *.yaml"),
        (lambda path: path.write_bytes(b"name: \xff\n"), "is not UTF-8 (byte 6)"),
        (lambda path: path.write_bytes(b"#" * (16 * 1024 * 1024 + 1)), "is larger than 16 MiB"),
        (lambda path: path.symlink_to(path), "cannot be read: "),
    ],
)
def test_what_cannot_be_read_is_a_mistake(tmp_path, make, fault):
    """P7: a file that cannot be read is told, never skipped."""
    path = tmp_path / "config.yaml"
    make(path)
    mistakes = load(read_sources(path))
    assert isinstance(mistakes, list) and len(mistakes) == 1
    assert str(mistakes[0]).startswith(f"{path}:1: ")
    assert fault in mistakes[0].message


def test_an_unreadable_file_in_a_folder_stops_the_whole(tmp_path):
    """P7: one unreadable file among good ones is a mistake, not a smaller configuration."""
    (tmp_path / "a.yaml").write_text("type: team\nname: a\n")
    (tmp_path / "b.yaml").symlink_to(tmp_path / "gone.yaml")
    mistakes = load(read_sources(tmp_path))
    assert isinstance(mistakes, list)
    assert [mistake.message for mistake in mistakes] == ["there is no such file or folder"]


def test_a_byte_order_mark_is_no_text(tmp_path):
    """Contract, section 2: UTF-8 with a byte order mark is UTF-8."""
    (tmp_path / "a.yaml").write_bytes(b"\xef\xbb\xbfname: a\n")
    assert read_sources(tmp_path)[0].text == "name: a\n"


def test_the_digest_is_of_names_and_texts():
    """P6: the digest names the configuration, wherever its folder is."""
    a, b = Source("/x/a.yaml", "one", "/x"), Source("/x/b.yaml", "two", "/x")
    assert digest([a, b]) == digest([replace(a, name="a.yaml", folder="/y"), b])
    others = [
        [b, a],
        [a],
        [replace(a, text="onetwo"), replace(b, text="")],
        [a, replace(b, name="c")],
    ]
    assert len({digest(other) for other in others} | {digest([a, b])}) == 5


def test_sources_survive_the_way_to_a_worker():
    """P7: workers get the exact text that was validated."""
    sources = [Source("a.yaml", "text: é\u2028\n", "/x"), Source("b.yaml", "", "/x", "is gone")]
    assert sources_from_json(sources_to_json(sources)) == sources
