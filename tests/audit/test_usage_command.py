"""`envelope usage`: exit codes, streams, and what it prints."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from extproc.cli.main import main
from tests.audit.gateway import NOON, build, entry, sequencer, spool

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state folder whose log has 12 entries, the last one refused."""
    root = tmp_path / "audit"
    build(root, 11)
    writer = spool(root, "w9")
    refused = {"outcome": "refused", "code": "budget_exceeded", "http_status": 429}
    writer.close(entry(11, decision=refused, metadata={"ticket_id": "=T"}, cost_nano_usd=0))
    with sequencer(root) as worker:
        worker.poll(NOON)
    return tmp_path


def usage(capture: Capture, state: Path, *words: str) -> tuple[int, str, str]:
    code = main(["usage", *words, "--state", str(state)])
    out, err = capture.readouterr()
    return code, out, err


def test_json(state: Path, capsys: Capture) -> None:
    """Contract: `usage --json`: exact sums, on stdout alone."""
    code, out, err = usage(capsys, state, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == [{
        "team": "support-ai", "model": "prod/assistant", "requests": 12, "refused": 1,
        "refused_by_limit": 1, "degraded": 0,
        "input_tokens": sum(10 + n for n in range(12)), "cached_input_tokens": 0,
        "cache_write_tokens": 0, "output_tokens": 36, "total_tokens": 222,
        "cost_nano_usd": 55_000, "cost_usd": "0.000055",
    }]  # fmt: skip


def test_what_retention_took_is_told(state: Path, capsys: Capture) -> None:
    """P3: a sum over a pruned log does not pass for all that was spent."""
    days = {"exchange": 1, "refusal": 1}
    with sequencer(state / "audit", segment_bytes=1, retention=days) as worker:
        worker.poll(NOON + 900 * 86_400_000)
    code, out, err = usage(capsys, state, "--json")
    assert (code, json.loads(out)) == (0, [])
    assert "removed 12 entries" in err


def test_csv_by_ticket_and_team(state: Path, capsys: Capture) -> None:
    """Contract: any metadata key; no value is a formula in a spreadsheet."""
    _, out, _ = usage(capsys, state, "--by", "ticket_id,team", "--csv")
    table = list(csv.DictReader(out.splitlines()))
    assert [(r["ticket_id"], r["team"], r["requests"], r["refused_by_limit"]) for r in table] == [
        ("-", "support-ai", "11", "0"), ("'=T", "support-ai", "1", "1"),
    ]  # fmt: skip


def test_table_has_a_line_for_the_whole(state: Path, capsys: Capture) -> None:
    """Contract: for people, on stderr; what `--top` hides is in the total."""
    _, out, err = usage(capsys, state, "--by", "outcome,team", "--top", "1")
    header, row, total, hidden = err.splitlines()
    assert out == ""
    assert header.split()[:3] == ["OUTCOME", "TEAM", "REQUESTS"]
    assert row.split()[:3] == ["allowed", "support-ai", "11"]
    assert total.split()[:3] == ["total", "-", "12"]
    assert hidden == "1 more rows are not shown (--top 1)"


def test_period(state: Path, capsys: Capture) -> None:
    """Contract: `--since` is inclusive, `--until` is not."""
    _, out, _ = usage(capsys, state, "--json", "--since", "2026-11-20T12:00:00.011Z")
    assert json.loads(out)[0]["requests"] == 1
    _, out, _ = usage(capsys, state, "--json", "--until", "2026-11-20T12:00:00.011Z")
    assert json.loads(out)[0]["requests"] == 11
    assert usage(capsys, state, "--json", "--since", "2030-01-01")[:2] == (0, "[]\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--since", "soon"), "'soon' is neither a duration"),
        (("--since", "2026-11-21", "--until", "2026-11-20"), "is not before"),
        (("--by", "tema"), "no dimension and no metadata key 'tema'; did you mean 'team'?"),
        (("--by", "team,team"), "names 'team' twice"),
        (("--by", "requests"), "is a figure"),
    ],
)
def test_what_means_nothing_is_a_mistake(
    state: Path, capsys: Capture, words: tuple[str, ...], said: str
) -> None:
    """Contract: exit 2 and what is wrong, nothing on stdout."""
    code, out, err = usage(capsys, state, *words, "--json")
    assert (code, out) == (2, "")
    assert err.startswith("envelope usage: ") and said in err


def test_key_that_nobody_used_is_said(state: Path, capsys: Capture) -> None:
    """Contract: the sums stand, but a misspelt key does not go unnoticed."""
    code, out, err = usage(capsys, state, "--by", "sprint", "--json")
    assert (code, [row["sprint"] for row in json.loads(out)]) == (0, ["-"])
    assert err == "envelope usage: no entry has the metadata key 'sprint'\n"
    code, _, err = usage(capsys, state, "--by", "metadata.tema", "--json")
    assert (code, err) == (0, "envelope usage: no entry has the metadata key 'tema'\n")


def test_no_log(tmp_path: Path, capsys: Capture) -> None:
    """Contract: exit 2."""
    assert usage(capsys, tmp_path / "none")[0] == 2


@pytest.mark.parametrize("words", [("--top", "0"), ("--json", "--csv")])
def test_options_that_cannot_be(state: Path, words: tuple[str, ...]) -> None:
    """Contract: exit 2."""
    with pytest.raises(SystemExit) as ended:
        main(["usage", *words, "--state", str(state)])
    assert ended.value.code == 2
