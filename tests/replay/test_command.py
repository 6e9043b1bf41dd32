"""The command `envelope policy replay`."""

from __future__ import annotations

import json
from pathlib import Path

import orjson
import pytest
import yaml

from extproc.audit.entry import canonical
from extproc.cli.main import main
from tests.ledger.conftest import PrivateStore
from tests.replay.test_what_if import STRICTER, money
from tests.replay.traffic import POLICY, documents, policy_at, traffic


@pytest.fixture
async def records(store: PrivateStore, tmp_path: Path) -> Path:
    """A folder with `records.jsonl`, its archive, and what else could be in force."""
    made = await traffic(tmp_path, store.url, documents(policy_at(tmp_path / "policy")))
    await made.mixed(60, steady=True)
    await made.unreadable()
    await made.close()
    lines = [canonical({**entry, "index": n}) for n, entry in enumerate(made.entries)]
    (tmp_path / "records.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    policy_at(tmp_path / "stricter", STRICTER)
    tight = documents(str(tmp_path / "policy"), budgets=money(0.0001))
    (tmp_path / "tight.yaml").write_text(yaml.safe_dump_all(tight))
    return tmp_path


def replay(records: Path, *more: str) -> int:
    return main(["policy", "replay", "--records", str(records / "records.jsonl"),
                 "--archive", str(records / "archive"), *more])  # fmt: skip


def test_the_same(records: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """P6: exit 0, a sentence for people, a report for machines; what is left out is counted."""
    assert replay(records, "--json") == 0
    said = capsys.readouterr()
    report = json.loads(said.out)
    assert (report["decided"], report["same"], report["calls"]) == (61, 61, 64)
    assert "61 of 61 decisions are the same" in said.err
    assert "3 of 64 calls cannot be decided again" in said.err
    assert report["left_out"] == {"caller_not_known": 1, "body_not_read": 1, "metadata_refused": 1}


def test_not_the_same(records: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """P6: exit 1 and the decision's id where an entry does not follow from what was in force."""
    path = records / "records.jsonl"
    entries = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    victim = next(entry for entry in entries if "policy" in entry)
    victim["policy"]["allow"] = not victim["policy"]["allow"]
    path.write_bytes(b"\n".join(map(canonical, entries)))
    assert replay(records) == 1
    assert f"{victim['decision_id']} policy.allow" in capsys.readouterr().err


def test_what_would_change(records: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Contract (replay): a gate that fails when a bundle would change calls, and says which."""
    assert replay(records, "--policy", str(records / "stricter"), "--json") == 0
    said = capsys.readouterr()
    report = json.loads(said.out)
    assert report["newly_refused"] > 0 and report["cost_delta_exact_nano_usd"] < 0
    assert report["changed"] == len(report["changes"])
    assert "let through, and would be refused" in said.err and "Simulated: budgets" in said.err
    assert replay(records, "--policy", str(records / "stricter"), "--fail-on-change") == 1
    assert replay(records, "--policy", str(records / "policy"), "--fail-on-change") == 0


def test_another_configuration(records: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Contract (replay): a budget, by rule."""
    assert replay(records, "--config", str(records / "tight.yaml"), "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["by_rule"]["project-day"]["newly_refused"] > 5


def test_filters(records: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Contract (replay): the filters of `audit query`; none left is not a pass."""
    assert replay(records, "--team", "d", "--json") == 0
    assert 0 < json.loads(capsys.readouterr().out)["decided"] < 61
    assert replay(records, "--team", "nobody") == 2


def test_nothing_to_decide_is_no_pass(records: Path) -> None:
    """P6: an empty archive, an empty file, a file that is none, a bundle that does not load."""
    assert main(["policy", "replay", "--records", str(records / "records.jsonl"),
                 "--archive", str(records / "nowhere")]) == 2  # fmt: skip
    (records / "records.jsonl").write_text("")
    assert replay(records) == 2
    (records / "records.jsonl").write_text("not json\n")
    assert replay(records) == 2
    (records / "records.jsonl").unlink()
    assert replay(records) == 2
    policy_at(records / "broken", POLICY + "\nallow if\n")
    assert replay(records, "--policy", str(records / "broken")) == 2
    (records / "broken.yaml").write_text("type: nothing\n")
    assert replay(records, "--config", str(records / "broken.yaml")) == 2
    assert main(["policy", "replay", "--state", str(records / "no-state")]) == 2
