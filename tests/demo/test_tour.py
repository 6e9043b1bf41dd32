"""The guided tour: the whole of it through real Envoy, its end on Ctrl-C, and its honesty."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from extproc.audit.checkpoint import VERIFIER_KEY, load_verifier
from extproc.audit.sequencer import LOG
from extproc.audit.verify import verify
from extproc.demo import tour_table
from extproc.demo.tour import outcome_of
from extproc.demo.tour_ask import MINI, SONNET, Answer, Heard, caller_read, provider_read, verdict
from extproc.demo.tour_chapters import CALLS, EVIDENCE, SECRET, STEPS
from extproc.demo.tour_provider import Seen
from extproc.demo.tour_stage import Overdue
from extproc.demo.tour_step import Outcome, Row, Step
from extproc.state import StateDir

ROOT = Path(__file__).resolve().parents[2]
WITHIN_S = 90


@asynccontextmanager
async def demo(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """`envelope demo` as a child; killed if the test did not see it end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "extproc", "demo", *arguments, cwd=ROOT,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def until_exists(path: Path) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not path.exists():
            await asyncio.sleep(0.02)


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


# --- the whole of it ------------------------------------------------------------------------------


@pytest.mark.e2e
async def test_the_tour_goes_as_expected(tmp_path: Path) -> None:
    """Contract, section 1: `envelope demo` exits 0 only if all went as expected; JSON on stdout."""
    async with demo("--json", "--state", str(tmp_path)) as process:
        out, err = await asyncio.wait_for(process.communicate(), WITHIN_S)
    rows: list[dict[str, Any]] = json.loads(out)
    assert [row for row in rows if not row["ok"]] == []
    assert process.returncode == 0, err.decode()
    assert [row["number"] for row in rows] == list(range(1, STEPS + 1))
    assert err.decode().strip().startswith(f"{STEPS} of {STEPS} as expected")
    calls = rows[: -len(EVIDENCE.steps)]
    assert len({row["decision_id"] for row in calls}) == len(calls)
    charged = [row for row in calls if "charged" in row["expected"]]
    assert charged
    assert all(row["cost_nano_usd"] > 0 for row in charged)
    report = verify(tmp_path / "audit" / LOG, load_verifier(tmp_path / "audit" / VERIFIER_KEY))
    assert report.intact
    assert rows[-2]["note"] == f"{report.size} entries"


@pytest.mark.e2e
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_everything_stops_when_it_is_stopped(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    """Contract, section 1: stopped midway, the tour leaves no process behind."""
    state = StateDir(tmp_path)
    async with demo("--state", str(tmp_path)) as process:
        await until_exists(state.run_file)
        running = json.loads(state.run_file.read_text())
        provider = json.loads((tmp_path / "demo" / "provider.json").read_text())
        process.send_signal(number)
        await asyncio.wait_for(process.communicate(), WITHIN_S)
    assert process.returncode == code
    pids = [running["pid"], provider["pid"], *running["workers"]]
    assert [pid for pid in pids if lives(pid)] == []
    assert not state.run_file.exists(), "the gateway was not drained, but killed"
    assert not (tmp_path / "ready.json").exists(), "it holds keys"


@pytest.mark.e2e
async def test_a_gateway_that_does_not_start_is_a_failure(tmp_path: Path) -> None:
    """Contract, section 1: exit 2 where it cannot start, with the reason, and no table of lies."""
    (tmp_path / "store").write_text("no folder")
    async with demo("--state", str(tmp_path), "--json") as process:
        out, err = await asyncio.wait_for(process.communicate(), WITHIN_S)
    assert (process.returncode, out) == (2, b"")
    assert "the gateway did not start" in err.decode()


# --- its honesty ----------------------------------------------------------------------------------

ALLOWED = Answer(200, {"x-envelope-decision-id": "d", "x-tfy-resolved-model": MINI}, "Hello.")
REFUSED = Answer(403, {"x-envelope-decision-id": "d"}, code="permission_denied")


def seen(model: str = "gpt-4o-mini", status: int = 200, prompt: str = "hi") -> Seen:
    return Seen(model, status, json.dumps({"messages": [{"content": prompt}]}), 0)


def test_a_refusal_that_reached_a_provider_is_told() -> None:
    """P1: the provider's own word counts, not the gateway's answer."""
    assert verdict(Heard(REFUSED, [], {})) == "403 permission_denied, nothing sent"
    assert verdict(Heard(REFUSED, [seen()], {})) == "403 permission_denied, but 1 requests sent"


@pytest.mark.parametrize(
    ("requests", "entry", "words"),
    [
        ([seen()], {"cost_nano_usd": 5}, f"200 from {MINI}, charged"),
        ([seen()], {"cost_nano_usd": 0}, f"200 from {MINI}, not charged"),
        ([seen()], {}, f"200 from {MINI}, not charged"),
        ([seen(status=500), seen()], {"cost_nano_usd": 5},
         f"200 from {MINI} after 1 failures, charged"),
        ([seen(SONNET.partition("/")[2])], {"cost_nano_usd": 5},
         f"200 from {MINI}, but the provider saw another model, charged"),
        ([], {"cost_nano_usd": 5},
         f"200 from {MINI}, but the provider saw another model, charged"),
    ],
)  # fmt: skip
def test_an_answer_is_told_from_all_sides(
    requests: list[Seen], entry: dict[str, Any], words: str
) -> None:
    """P2, P3: model, failures and cost come from whoever knows them best."""
    assert verdict(Heard(ALLOWED, requests, entry)) == words


def test_an_answer_without_a_decision_id_is_told() -> None:
    """Contract, section 3: `x-envelope-decision-id` always."""
    assert verdict(Heard(Answer(200, {}), [seen()], {})) == "200 without a decision id"


def test_a_leak_would_show() -> None:
    """P4: what provider and caller read is told word for word, so that no leak looks expected."""
    steps = {step.call: step for chapter in CALLS for step in chapter.steps}
    leaked = Heard(Answer(200, ALLOWED.headers, f"Use {SECRET} to sign in."), [seen()], {})
    streamed = steps["a secret in a streamed reply, cut into frames of 3 characters"]
    assert caller_read(leaked) != streamed.expected
    assert caller_read(leaked).replace(SECRET, "[REDACTED]") == streamed.expected
    assert provider_read(Heard(ALLOWED, [seen(prompt="Ada")], {})) == "the provider read: Ada"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (Overdue("no audit entry of d"), "no audit entry of d"),
        (ValueError("the text may hold a key"), "failed: ValueError"),
    ],
)
async def test_a_step_that_breaks_is_a_row(error: Exception, words: str) -> None:
    """P4: the tour goes on, and an error's own text is not shown."""

    async def broken(_: object) -> Outcome:
        raise error

    step = Step("a call", "200", broken)
    outcome = await outcome_of(step, None)  # type: ignore[arg-type]
    assert outcome == Outcome(words)
    assert not Row(1, "", step, outcome).ok


# --- its table ------------------------------------------------------------------------------------


async def _nothing(_: object) -> Outcome:
    return Outcome("")


def row(got: str, expected: str = "200", number: int = 12, cost: int | None = None) -> Row:
    return Row(
        number, "Chapter", Step("a call", expected, _nothing), Outcome(got, "abcdefghij", cost)
    )


@pytest.mark.parametrize("chapter", [*CALLS, EVIDENCE], ids=lambda chapter: chapter.title)
def test_no_line_is_wider_than_100_columns(chapter: Any) -> None:
    """Contract, section 1: the table is for people; no line of it breaks in a narrow terminal."""
    for step in chapter.steps:
        outcome = Outcome(step.expected, "d" * 36, 9_999_999_990, "a note")
        text = tour_table.row_text(Row(99, chapter.title, step, outcome))
        assert max(map(len, text.splitlines())) <= 100
        for word in step.expected.replace("_", " ").replace("/", " ").split():
            assert text.count(word) >= 2, f"{word} is cut"


def test_a_row_shows_its_failure() -> None:
    """Contract, section 1: a row that did not go as expected is marked."""
    good, bad = tour_table.row_text(row("200")), tour_table.row_text(row("500", number=3))
    assert "!" not in good
    assert "\n" not in good
    assert bad.splitlines()[1].strip() == "!"
    assert tour_table.summary([row("200"), row("500", number=3)], 3) == (
        "1 of 3 as expected, 0.00 USD spent; look at 3"
    )


def test_costs_are_exact() -> None:
    """P2: money is integers until it is shown."""
    assert row("200", cost=2_700).to_json()["cost_usd"] == "0.0000027"
    assert row("200").to_json()["cost_usd"] is None
    assert tour_table.row_text(row("200", cost=2_700)).endswith("abcdefgh 0.00000270")
