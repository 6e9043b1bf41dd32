"""How long questions to ten million entries take, beside the least that reading them can cost.

    python -m bench.audit_questions [--entries 10000000] [--json FILE]

Makes entries in DuckDB as Parquet files like those that the log's closed segments become, asks, and
deletes everything. `x` is the time over that of a plain `count(*)` with one column read, measured
in the same run: compare it, not the seconds. Also: making the rows from JSON lines, per entry, and
bytes per entry. Needs about 350 bytes of disk per entry (in $TMPDIR) and one to two minutes per
million on two cores, most of it making entries.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

from extproc.audit.questions.database import Questions, open_questions
from extproc.audit.questions.reports import REPORTS
from extproc.audit.questions.reports.scope import Scope
from extproc.audit.questions.sources import lines_to_rows

PER_FILE, ROUNDS = 500_000, 3
_ENTRY = """SELECT printf('{"at":"%s","config_digest":"%s","cost_nano_usd":%d,"decision":{%s},
"decision_id":"%s","index":%d,"metadata":{"data_class":"%s","project_id":"p%d"},"guardrails":
{"llm_input":{"coverage":{"characters":900,"texts":2},"findings":[%s],"outcomes":{"pii/all":"%s"}}},
"plan":["openai-main/gpt-4.1","aws-eu/claude"],"policy":{"allow":true,"bundle_digest":"%s",
"engine":"embedded","reasons":[],"targets":{"openai-main/gpt-4.1":{"allow":true,"faults":[],
"reasons":[]}}},"principal":{"key":"k%d","name":"bot-%d","team":"team-%d","type":"virtual-account"},
"request":{"content_digest":"%s","dialect":"openai","input_tokens":812,"max_tokens":400,"method":
"POST","model":"prod/assistant","operation":"chat","path":"/v1/chat/completions","stream":true},
"response":{"content_digest":"%s","status":200},"served":{"attempts":1,"model":"acc-%d/gpt-4.1",
"provider":"provider-%d","region":"region-%d"},"usage":{"input_tokens":%d,"output_tokens":%d}}',
strftime(TIMESTAMP '2026-07-01' + to_milliseconds(i * 777), '%Y-%m-%dT%H:%M:%S.%gZ'),
repeat('c', 64), i % 9000000, CASE WHEN i % 20 = 0 THEN
'"code":"budget_exceeded","outcome":"refused"' ELSE
'"http_status":200,"outcome":"allowed"' END, uuid(), i,
CASE WHEN i % 3 = 0 THEN 'customer_pii' ELSE 'public' END, i % 50,
CASE WHEN i % 5 = 0 THEN '{"count":2,"guardrail":"pii/all","label":"EMAIL","path":"messages[1]"}'
ELSE '' END, CASE WHEN i % 5 = 0 THEN 'mutate' ELSE 'pass' END, repeat('b', 64), i % 200, i % 200,
i % 24, sha256(i::VARCHAR), sha256((-i)::VARCHAR), i % 6, i % 4, i % 3, i % 3000, i % 900)
FROM range({low}, {high}) t(i)"""
QUESTIONS = {
    "team, provider: calls and cost": "SELECT team, provider, count(*), sum(cost_usd) FROM entries "
    "GROUP BY ALL",
    "one week of one team": "SELECT count(*), sum(total_tokens) FROM entries WHERE team = 'team-3' "
    "AND time BETWEEN '2026-07-20' AND '2026-07-27'",
    "one decision, whole": "SELECT entry FROM entries WHERE index = 7",
    "by a metadata key": "SELECT metadata['project_id'], count(*) FROM entries GROUP BY ALL",
    "findings by label": "SELECT label, sum(count) FROM findings GROUP BY ALL",
    "in the JSON of every entry": "SELECT entry->>'$.request.max_tokens', count(*) FROM entries "
    "GROUP BY ALL",
}
FLOOR = "SELECT count(cost_nano_usd) FROM entries"


def make(folder: Path, entries: int) -> dict[str, float]:
    """Parquet files in `folder`; what one entry cost and takes."""
    spent = lines_bytes = 0.0
    with duckdb.connect() as maker:
        for low in range(0, entries, PER_FILE):
            high = min(low + PER_FILE, entries)
            text, rows = folder / "entries.jsonl", folder / f"{low:012d}.parquet"
            sql = _ENTRY.replace("\n", "").replace("{low}", str(low)).replace("{high}", str(high))
            maker.execute(
                f"COPY ({sql}) TO '{text}' "
                "(FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01')"
            )
            lines_bytes += text.stat().st_size
            started = time.perf_counter()
            lines_to_rows(maker, [str(text)], rows, "envelope")
            spent += time.perf_counter() - started
            text.unlink()
            print(f"\r{high:,} entries", end="", file=sys.stderr)
    print(file=sys.stderr)
    kept = sum(path.stat().st_size for path in folder.glob("*.parquet"))
    return {
        "us to make one row": spent / entries * 1e6,
        "bytes of one line": lines_bytes / entries,
        "bytes of one row": kept / entries,
    }


def least(act: Callable[[], object]) -> float:
    """The least seconds of some rounds."""
    found = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        act()
        found.append(time.perf_counter() - started)
    return min(found)


def measure(questions: Questions) -> dict[str, float]:
    """Seconds of each question and report; the floor under `floor`."""
    found = {"floor": least(lambda: questions.rows(FLOOR))}
    for name, sql in QUESTIONS.items():
        found[name] = least(lambda sql=sql: list(questions.ask(sql).rows))  # type: ignore[misc]
    for name, make_report in REPORTS.items():
        started = time.perf_counter()
        make_report(questions, Scope())
        found[f"report {name}"] = time.perf_counter() - started
    return found


def show(entries: int, made: dict[str, float], found: dict[str, float]) -> None:
    print(f"### {entries:,} entries\n\n| | |\n|---|---:|")
    for name, value in made.items():
        print(f"| {name} | {value:,.1f} |")
    print("\n| question | s | x |\n|---|---:|---:|")
    for name, value in found.items():
        print(f"| {name} | {value:.2f} | {value / found['floor']:.1f} |")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.audit_questions")
    parser.add_argument("--entries", type=int, default=10_000_000)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="envelope-bench-") as name:
        made = make(Path(name), arguments.entries)
        with open_questions(None, [name]) as questions:
            found = measure(questions)
    show(arguments.entries, made, found)
    if arguments.json is not None:
        result: dict[str, Any] = {"entries": arguments.entries, "made": made, "seconds": found}
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
