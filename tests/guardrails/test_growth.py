"""Linear work on text made to hurt: counted calls and compared CPU times, never absolute ones."""

import gc
from collections.abc import Callable
from time import thread_time

import pytest

from extproc.guardrails.gate import Scanner
from extproc.guardrails.scanning import look
from tests.guardrails import builders
from tests.guardrails.builders import PEM, frame, guard, guardrail, selection

UNITS = [
    "a", "a@", "a@a.", "@a.b", "1", "1 ", "1-", "1234 ", "+1111111", "(555)", "555-123-", "sk-",
    "eyJ",
    ".eyJaaaaaaaa", "-----BEGIN PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----\nA", "password=",
    "-",
    "token: '", "A1b2 ", "DE89 ", "DE89",
    "\\", "\\n", "é", "ghp_", "=", "AC0", "bearer ", "password=a1",
]  # fmt: skip
BOTH = selection(p=guardrail(operation="mutate"), s=guardrail("secrets", operation="mutate"))
SMALL, FACTOR = 8 * 1024, 16


def cpu(work: Callable[[], object]) -> float:
    """The least CPU time of three runs: what the work costs when nobody disturbs it."""
    times = []
    gc.disable()
    for _ in range(3):
        begin = thread_time()
        work()
        times.append(thread_time() - begin)
    gc.enable()
    return min(times)


@pytest.mark.parametrize("unit", UNITS)
def test_scan_grows_linearly(unit: str) -> None:
    """P8: sixteen times the text costs about sixteen times the work, not 256."""
    small, large = (unit * (size // len(unit)) for size in (SMALL, SMALL * FACTOR))
    scanners: tuple[Scanner, ...] = BOTH.scanners
    for final in (True, False):
        ratio = cpu(lambda: look(scanners, large, 0, final)) / max(  # noqa: B023
            cpu(lambda: look(scanners, small, 0, final)), 1e-4)  # noqa: B023  # fmt: skip
        assert ratio < FACTOR * 4


def test_a_megabyte_of_text_is_scanned() -> None:
    """P8: a megabyte with one finding at its end is scanned whole."""
    text = "lorem ipsum 12 " * 70_000 + "john@example.com"
    assert [s.label for s in builders.PII.find(text)] == ["EMAIL"]


@pytest.mark.parametrize("text", [PEM * 40, "A1b2" * 8_000, "eyJ" + "a" * 32_000, "x1 " * 8_000])
def test_streamed_work_grows_linearly(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """P8: however long something is held, twice the text is about twice the looking."""
    looked = [0]
    from extproc.guardrails import window

    def counting(scanners, text, start, final):  # type: ignore[no-untyped-def]
        looked[0] += len(text)
        return look(scanners, text, start, final)

    monkeypatch.setattr(window, "look", counting)
    work = []
    for size in (len(text) // 2, len(text)):
        looked[0] = 0
        stream = guard(BOTH)
        for at in range(0, size, 20):
            stream.feed([frame(text[at : at + 20])])
        stream.finish()
        work.append(looked[0])
    assert work[1] < work[0] * 2.6
