"""`envelope audit` and `envelope usage`: exit codes, streams, and what they print."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

import pytest

from extproc.audit.checkpoint import Checkpoint, load_verifier, read_checkpoint
from extproc.audit.log import Log
from extproc.audit.merkle import leaf_hash, verify_inclusion
from extproc.audit.note import unbase64
from extproc.audit.read import follow, last_lines
from extproc.audit.sequencer import LOG
from extproc.cli.main import main
from tests.audit.gateway import NOON, build, entry, sequencer, spool

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state folder whose log has 12 entries, the last one refused."""
    root = tmp_path / "audit"
    build(root, 4, 11)
    writer = spool(root, "w9")
    refused = {"outcome": "refused", "code": "budget_exceeded", "http_status": 429}
    writer.close(entry(11, decision=refused, metadata={"project_id": "p1"}, cost_nano_usd=0))
    with sequencer(root) as worker:
        worker.poll(NOON)
    return tmp_path


def call(capture: Capture, state: Path, *words: str) -> tuple[int, str, str]:
    code = main([*words, "--state", str(state)])
    out, err = capture.readouterr()
    return code, out, err


def rows(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_tail_shows_the_latest(state: Path, capsys: Capture) -> None:
    """Contract: a table on stderr, JSON lines on stdout."""
    code, out, err = call(capsys, state, "audit", "tail", "-n", "2")
    assert (code, out) == (0, "")
    assert [line.split()[0] for line in err.splitlines()] == ["INDEX", "10", "11"]
    assert "budget_exceeded" in err
    code, out, err = call(capsys, state, "audit", "tail", "-n", "2", "--json")
    assert (code, err) == (0, "")
    assert [row["index"] for row in rows(out)] == [10, 11]
    assert len(rows(call(capsys, state, "audit", "tail", "--json")[1])) == 12
    assert rows(call(capsys, state, "audit", "tail", "-n", "0", "--json")[1]) == []


def test_state_may_stand_before_the_part(state: Path, capsys: Capture) -> None:
    """Contract: all take `--state DIR`."""
    assert main(["audit", "--state", str(state), "verify"]) == 0
    assert "intact: 12 entries" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--decision", "d-3"], [3]),
        (["--code", "budget_exceeded"], [11]),
        (["--outcome", "allowed", "--limit", "2"], [0, 1]),
        (["--where", "metadata.project_id=p1"], [11]),
        (["--where", "request.operation=chat", "--where", "cost_nano_usd=5000"], [5]),
        (["--principal", "support-bot", "--team", "support-ai", "--limit", "1"], [0]),
        (["--model", "prod/*", "--limit", "1"], [0]),
        (["--model", "other/*"], []),
        (["--since", "2026-11-20T12:00:00.010Z"], [10, 11]),
        (["--until", "2026-11-20T12:00:00.002Z"], [0, 1]),
        (["--team", "nobody"], []),
    ],
)  # fmt: skip
def test_query_filters(state: Path, capsys: Capture, words: list[str], expected: list[int]) -> None:
    """Contract: `audit query`."""
    code, out, _ = call(capsys, state, "audit", "query", "--json", *words)
    assert code == 0
    assert [row["index"] for row in rows(out)] == expected


@pytest.mark.parametrize(
    "words",
    [["query", "--since", "never"], ["query", "--where", "x"], ["verify", "--key", "nowhere"],
     ["verify", "--checkpoint", "nowhere"]],
)  # fmt: skip
def test_what_cannot_be_understood_is_usage(state: Path, capsys: Capture, words: list[str]) -> None:
    """Contract: exit 2, with a word about why."""
    code, out, err = call(capsys, state, "audit", *words)
    assert (code, out) == (2, "") and err


def test_verify_says_intact(state: Path, capsys: Capture) -> None:
    """P3: exit 0, also against a checkpoint that was saved."""
    saved = state / "saved"
    saved.write_text((state / "audit" / LOG / "checkpoint").read_text())
    code, out, err = call(capsys, state, "audit", "verify", "--checkpoint", str(saved), "--json")
    report = json.loads(out)
    assert code == 0 and "intact: 12 entries" in err
    assert (report["intact"], report["size"], report["covered"]) == (True, 12, 12)


def test_verify_names_the_first_bad_index(state: Path, capsys: Capture) -> None:
    """P3: exit 1."""
    path = state / "audit" / LOG / "entries.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"cost_nano_usd":7000', b'"cost_nano_usd":7'))
    code, out, err = call(capsys, state, "audit", "verify")
    assert (code, out) == (1, "")
    assert "first bad index 7" in err
    code, out, _ = call(capsys, state, "audit", "verify", "--json")
    assert code == 1 and json.loads(out)["first_bad_index"] == 7


def test_verify_uses_the_key_it_is_given(state: Path, tmp_path: Path, capsys: Capture) -> None:
    """P3: a verifier key kept elsewhere is not fooled by a replaced one."""
    other = tmp_path / "other"
    build(other, 1)
    key = str(other / "verifier.pub")
    assert call(capsys, state, "audit", "verify", "--key", key)[0] == 1


@pytest.mark.parametrize("part", [["tail"], ["query"], ["export"], ["verify"], ["prove", "0"]])
def test_without_a_log_there_is_no_answer(tmp_path: Path, capsys: Capture, part: list[str]) -> None:
    """P3: exit 2, never 'intact'."""
    code, out, err = call(capsys, tmp_path, "audit", *part)
    assert (code, out) == (2, "") and "no audit log" in err


def test_an_empty_log_is_not_intact(tmp_path: Path, capsys: Capture) -> None:
    """P3: verify over nothing is exit 2."""
    with sequencer(tmp_path / "audit") as worker:
        worker.poll(NOON)
    code, _, err = call(capsys, tmp_path, "audit", "verify")
    assert code == 2 and "empty" in err
    assert call(capsys, tmp_path, "audit", "tail")[::2] == (0, "no entries\n")


@pytest.mark.parametrize("which", ["6", "d-6"])
def test_a_proof_holds_by_itself(state: Path, capsys: Capture, which: str) -> None:
    """P3: entry, path, root and signed checkpoint are all that a stranger needs."""
    code, out, _ = call(capsys, state, "audit", "prove", which)
    proof = json.loads(out)
    root, leaf = unbase64(proof["root"]), leaf_hash(proof["entry"].encode())
    path = [unbase64(h) for h in proof["inclusion_proof"]]
    assert code == 0 and json.loads(proof["entry"])["decision_id"] == "d-6"
    assert unbase64(proof["leaf_hash"]) == leaf
    assert verify_inclusion(leaf, proof["index"], proof["tree_size"], path, root)
    verifier = load_verifier(state / "audit" / "verifier.pub")
    assert read_checkpoint(proof["checkpoint"], verifier) == Checkpoint("envelope", 12, root)


def test_what_is_not_there_has_no_proof(state: Path, capsys: Capture) -> None:
    """P3: exit 1, on stderr."""
    for which in ("12", "d-99", "-"):
        code, out, err = call(capsys, state, "audit", "prove", which)
        assert (code, out) == (1, "") and "no entry" in err


def test_export_writes_what_matches(state: Path, capsys: Capture) -> None:
    """Contract: JSON lines or CSV, safe for spreadsheets."""
    assert len(rows(call(capsys, state, "audit", "export")[1])) == 12
    root = state / "audit"
    writer = spool(root, "w10")
    writer.close(entry(12, request={"model": "=1+cmd()"}))
    with sequencer(root) as worker:
        worker.poll(NOON)
    _, out, _ = call(capsys, state, "audit", "export", "--format", "csv", "--decision", "d-12")
    table = list(csv.DictReader(out.splitlines()))
    assert [(row["decision"], row["model"]) for row in table] == [("d-12", "'=1+cmd()")]


def test_follow_goes_on_as_entries_come(state: Path) -> None:
    """Contract: `tail --follow`, across several waits, without repeating or tearing a line."""
    root = state / "audit"
    writer = spool(root, "w11")
    turns = iter(range(4))

    def wait() -> bool:
        turn = next(turns)
        if turn == 0:
            writer.close(entry(20))
            writer.close(entry(21))
        elif turn == 1:
            with (root / LOG / "entries.jsonl").open("ab") as file:
                file.write(b'{"half')
        elif turn == 2:
            os.truncate(root / LOG / "entries.jsonl", end)
            writer.close(entry(22))
        if turn != 1:
            with sequencer(root) as worker:
                worker.poll(NOON)
        return turn < 3

    last, offset = last_lines(root / LOG, 1)
    found = []
    for line in follow(root / LOG, offset, wait):
        found.append(json.loads(line)["decision_id"])
        end = (root / LOG / "entries.jsonl").stat().st_size
    assert json.loads(last[0])["decision_id"] == "d-11"
    assert found == ["d-20", "d-21", "d-22"]


def test_last_lines_of_a_long_log(tmp_path: Path) -> None:
    """Contract: the end is found without reading the beginning, whatever the lines' length."""
    log = Log(tmp_path)
    log.append([entry(n, text="x" * 9_000) for n in range(60)])
    log.close()
    for count in (0, 1, 7, 59, 60, 61):
        found, index = last_lines(tmp_path, count)
        assert [json.loads(line)["index"] for line in found] == list(range(max(0, 60 - count), 60))
        assert index == 60
