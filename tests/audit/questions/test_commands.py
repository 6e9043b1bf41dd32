"""`envelope audit sql`, `report`, `pack`: exit codes, streams, and what they leave in the log."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from extproc.cli.main import main
from tests.audit.gateway import logged
from tests.audit.questions.ledger_of_calls import HOSTILE, write

Capture = pytest.CaptureFixture[str]
Q3 = ("--period", "2026-Q3")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    write(tmp_path / "state")
    return tmp_path / "state"


def call(capture: Capture, state: Path, *words: str) -> tuple[int, str, str]:
    code = main(["audit", *words, "--state", str(state)])
    out, err = capture.readouterr()
    return code, out, err


def test_sql_answers_as_table_json_and_csv(state: Path, capsys: Capture) -> None:
    """Contract: a table on stderr, JSON lines and CSV on stdout; `query --sql` is the same."""
    asking = "SELECT team, count(*) AS n, max(time) AS last FROM entries WHERE kind = 'call' " \
             "GROUP BY ALL ORDER BY n DESC, team LIMIT 2"  # fmt: skip
    code, out, err = call(capsys, state, "sql", asking)
    assert (code, out) == (0, "") and err.splitlines()[1].split()[:2] == ["support", "5"]
    code, out, _ = call(capsys, state, "sql", asking, "--json")
    first = json.loads(out.splitlines()[0])
    assert first == {"team": "support", "n": 5, "last": "2026-07-12T00:00:00.000Z"}
    assert call(capsys, state, "query", "--sql", asking, "--json")[1] == out
    code, out, _ = call(capsys, state, "sql", asking, "--csv")
    assert next(csv.DictReader(out.splitlines()))["team"] == "support"


def test_what_callers_wrote_stays_text(state: Path, capsys: Capture) -> None:
    """P4: no terminal is driven, no spreadsheet computes."""
    asking = "SELECT team, metadata FROM entries WHERE index = 9"
    _, _, err = call(capsys, state, "sql", asking)
    assert "\x1b" not in err and "\u202e" not in err
    _, out, _ = call(capsys, state, "sql", asking, "--csv")
    assert out.splitlines()[1].startswith("\"'=cmd()") or "'=cmd()" in out
    for form in ("table", "html"):
        _, out, err = call(capsys, state, "report", "customer-data", *Q3, "--format", form)
        assert "<script" not in out + err or form != "html"
        assert "\x1b" not in err


@pytest.mark.parametrize(
    "words",
    [["sql", "SELECT nope FROM entries"], ["sql", "DROP VIEW entries"], ["sql", ""],
     ["sql", "SELECT * FROM read_text('/etc/hostname')"], ["sql", "SELECT 1", "--records", "no*"],
     ["sql", "SELECT 1", "--records-only"], ["report", "calls", "--period", "soon"],
     ["report", "calls", "--period", "2026", "--since", "1h"], ["report", "calls", "--by", "rule"],
     ["report", "calls", "--format", "csv", "--table", "none"], ["pack"],
     ["pack", "--output", "x.zip", "--records", "y"], ["pack", "--check", __file__]],
)  # fmt: skip
def test_what_cannot_be_asked_is_usage(state: Path, capsys: Capture, words: list[str]) -> None:
    """Contract: exit 2, with a word about why, nothing on stdout."""
    code, out, err = call(capsys, state, *words)
    assert (code, out) == (2, "") and err.strip()


def test_the_first_question_has_one_answer(state: Path, capsys: Capture, tmp_path: Path) -> None:
    """P3: which teams sent customer data to which providers last quarter: one command."""
    code, out, _ = call(capsys, state, "report", "customer-data", *Q3, "--format", "json")
    found = json.loads(out)
    assert code == 0 and found["figures"]["calls sent with customer data"] == 8
    rows = found["tables"]["customer-data"]
    assert {"team": "finance", "provider": "openai"}.items() <= {
        k: v for row in rows if row["team"] == "finance" and row["provider"] == "openai"
        for k, v in row.items()
    }.items()  # fmt: skip
    page = tmp_path / "q3.html"
    assert call(capsys, state, "report", "customer-data", *Q3, "--format", "html",
                "--output", str(page))[:2] == (0, "")  # fmt: skip
    text = page.read_text("utf-8")
    assert "from 2026-07-01 to 2026-10-01" in text and str(state) not in text
    assert "14" in text and "envelope audit report customer-data --period 2026-Q3" in text


def test_a_pack_is_made_checked_and_recorded(state: Path, capsys: Capture, tmp_path: Path) -> None:
    """P3: `pack`, then `pack --check` with the key alone; the log says who took what out."""
    target = tmp_path / "evidence.zip"
    code, out, err = call(capsys, state, "pack", *Q3, "--output", str(target), "--json")
    made = json.loads(out)
    assert code == 0 and "every entry from 0 to 13" in err
    assert [p.name for p in tmp_path.iterdir() if p.name != "state"] == ["evidence.zip"]
    event = logged(state / "audit")[-1]
    assert (event["event"]["action"], event["event"]["target"]) == ("audit.pack", "evidence.zip")
    assert event["event"]["manifest_sha256"] == made["manifest_sha256"]
    key = str(state / "audit" / "verifier.pub")
    code, out, err = call(capsys, tmp_path / "nowhere", "pack", "--check", str(target),
                          "--key", key, "--json")  # fmt: skip
    assert code == 0 and json.loads(out)["holds"] is True and "holds: 14 records" in err
    target.write_bytes(target.read_bytes()[:-30])
    assert call(capsys, tmp_path / "nowhere", "pack", "--check", str(target))[0] == 2


def test_an_export_is_recorded_and_not_in_itself(state: Path, capsys: Capture) -> None:
    """P3: whoever takes entries out of the log is in it."""
    before = len(logged(state / "audit"))
    _, out, _ = call(capsys, state, "export", "--team", HOSTILE)
    assert len(out.splitlines()) == 1
    event = logged(state / "audit")[-1]["event"]
    assert event["action"] == "audit.export" and event["filters"] == {"team": HOSTILE}
    _, out, _ = call(capsys, state, "export")
    assert len(out.splitlines()) == before + 1


def test_a_copy_of_a_log_is_not_written_to(state: Path, capsys: Capture) -> None:
    """P3: an auditor's copy has no signing key: nothing is recorded there, and that is said."""
    (state / "audit" / "signing.key").unlink()
    before = (state / "audit" / "log" / "entries.jsonl").read_bytes()
    code, out, err = call(capsys, state, "export")
    assert code == 0 and len(out.splitlines()) == 14 and "not recorded" in err
    assert (state / "audit" / "log" / "entries.jsonl").read_bytes() == before


def test_records_alone_answer_and_prove_nothing(
    state: Path, capsys: Capture, tmp_path: Path
) -> None:
    """P3: a report over exported records says that it stands on no log."""
    lines = tmp_path / "lines.jsonl"
    lines.write_bytes((state / "audit" / "log" / "entries.jsonl").read_bytes())
    given = ("--records", str(lines), "--records-only")
    code, out, _ = call(capsys, tmp_path / "none", "report", "calls", *given, "--format", "html")
    assert code == 0 and "nothing here proves" in out
    code, out, _ = call(capsys, tmp_path / "none", "sql", "SELECT count(*) AS n FROM entries",
                        *given, "--json")  # fmt: skip
    assert json.loads(out) == {"n": 14}
