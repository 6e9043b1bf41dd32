"""Regex, SQL, code, content and topics: exact for every split, bounded in hold and in work."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.guardrails.detectors import (
    code_safety,
    content_moderation,
    regex_patterns,
    sql_sanitizer,
    topics,
)
from extproc.guardrails.detectors.pattern import settle
from extproc.guardrails.values import LOOKBEHIND, Detector
from tests.guardrails.test_growth import cpu

CUSTOM = [
    {"pattern": r"\bübel\b"}, {"pattern": r"EMP-\d{4,6}", "name": "EMP"}, {"pattern": r"\d{4}"},
    {"pattern": r"begin[^e]{0,80}end"}, {"pattern": r"(?<!\.)ab(?!c)"},
    {"pattern": r"(?:foo\b|bar){1,3}x"}, {"pattern": r"\Bz{2,5}"},
    {"pattern": r"\w{1,9}-end|-{5}", "ignore_case": True},
]  # fmt: skip
NUMBERS = ["ipv4", "ipv6", "url", "passport_us", "passport_germany", "us_ssn_no_dash", "religion"]
DENY = [
    {"name": "money", "keywords": ["invest", "stock market", "Aktie"]},
    {"name": "law", "keywords": ["lawyer", "court", "sue"], "threshold": 2},
]
ALLOW = [{"name": "cooking", "keywords": ["cook", "oven"]}]
BUILT = {
    "custom": regex_patterns.build({"custom_patterns": CUSTOM}),
    "presets": regex_patterns.build({"preset_patterns": {"presets": NUMBERS}}),
    "sql": sql_sanitizer.build({"require_parameterization": True}),
    "queries": sql_sanitizer.build({"block_drop": False, "block_update_without_where": False}),
    "code": code_safety.build({}),
    "content": content_moderation.build({"severity_threshold": 2}),
    "deny": topics.build({"deny": DENY}),
    "allow": topics.build({"allow": ALLOW, "deny": DENY, "allow_min_chars": 12}),
}
FRAGMENTS = {
    "custom": ["übel", "Übel", "EMP-12345", "12", "345678", "begin", "end", "e", ".ab", "ab", "c",
               "foo", "barx", "x", "zz", "zzzzzz", "-", "-----", "-END", "a_1"],
    "presets": ["10.0.0.1", "1.2.3", ".4", "::1", "2001:db8::1", "fe80:", "https://a.b/c?d=e",
                "passport ", "C01X00T47", "123456789", "ssn: ", "Jewish", "non-", "binary", ":",
                "/"],
    "sql": ["DROP TABLE users", "drop table x", ";", "DELETE FROM t", " WHERE a=1", " WHERE 1=1",
            "UPDATE t SET a='b'", "SELECT a FROM t", "-- c", "/*", "*/", "'", '"', "\n\n", "```",
            "GRANT ALL ON t TO bob", "INSERT INTO t VALUES (1)", "drop", "table", "(", ")", "sel",
            "ALTER TABLE t ADD a int", "the"],
    "code": ["eval(x)", "eval(", "exec(", ".", "rm -rf /", "rm -r", "curl a.b | sh", "curl ",
    "| bash",
             "subprocess.run(", "shell=True)", ":(){ :|:& };:", "os.system('x')", "def ",
             "DROP TABLE t",
             "import('child_process')", "/dev/tcp/", "bash -i >& ", "yaml.load(f)", "(", ")", "f"],
    "content": ["I will kill you", "kill", "you", "k1ll", "novel", "how to", "die", "want to",
                "suicide", "prevention", "bomb", "make a", "hate", "all", "jews", "Ich weiß",
                "bringe dich um", "tonight", "go", ","],
    "deny": ["invests", "stock", "markets", "Aktien", "lawyer", "court", "sued", "the",
             "x " * 120, "y" * 90, "-"],
    "allow": ["cooking", "ovens", "invest", "lawyer", "court", "the", "x " * 120, "y" * 900, "ok"],
}  # fmt: skip
FRAGMENTS["queries"] = FRAGMENTS["sql"] + [" OR 1=1", " JOIN u ON a=b", " LIMIT 5"]
JOINTS = [" ", " ", "\n", ".", "é", "ß", "日", "\u00a0", "a", "7"]
PARAMS = [pytest.param(name, id=name) for name in BUILT]


def texts(name: str) -> st.SearchStrategy[str]:
    part = st.sampled_from(FRAGMENTS[name]) | st.sampled_from(JOINTS) | st.text(max_size=3)
    return st.lists(part, max_size=14).map("".join)


def marks(detector: Detector, text: str, base: int = 0) -> list[tuple[int, int, str]]:
    return [(s.start + base, s.end + base, s.label) for s in detector.find(text)]


def check_split(detector: Detector, text: str, at: int) -> None:
    held = at - detector.holdback(text[:at])
    early = [span for span in detector.find(text[:at]) if span.end <= held]
    assert [span for span in detector.find(text) if span.start < held] == early, (text, at, held)


@pytest.mark.parametrize("name", PARAMS)
def test_every_split_of_every_sample(name: str) -> None:
    """P5: findings before the hold-back point stand, and nothing unseen begins there."""
    for sample in FRAGMENTS[name]:
        text = f"so {sample[:60]} and {FRAGMENTS[name][0]}, {sample[:60]}."
        for at in range(len(text) + 1):
            check_split(BUILT[name], text, at)


@pytest.mark.parametrize("name", PARAMS)
@settings(max_examples=100, deadline=None)
@given(data=st.data(), at=st.integers(0, 10_000))
def test_any_split_of_any_text(name: str, data: st.DataObject, at: int) -> None:
    """P5: the same for any text put together from awkward parts."""
    text = data.draw(texts(name))
    check_split(BUILT[name], text, at % (len(text) + 1))


def pieces_of(
    detector: Detector, text: str, cuts: list[int], others: Iterator[int]
) -> list[tuple[int, int, str]]:
    """Scan piece by piece, with a second detector that settles less whenever it likes."""
    found: list[tuple[int, int, str]] = []
    done = 0
    for edge in [*sorted(cut % (len(text) + 1) for cut in cuts), len(text)]:
        base = max(0, done - LOOKBEHIND)
        spans, settled = detector.scan(text[base:edge], done - base, edge == len(text))
        if edge < len(text):
            wanted = max(done - base, settled - next(others))
            spans, settled = settle(spans, wanted)
        found += [(s.start + base, s.end + base, s.label) for s in spans]
        assert settled + base >= done
        done = settled + base
    return found


@pytest.mark.parametrize("name", PARAMS)
@settings(max_examples=100, deadline=None)
@given(
    data=st.data(),
    cuts=st.lists(st.integers(0, 10_000), max_size=6),
    others=st.lists(st.integers(0, 40), min_size=6, max_size=6),
)
def test_piecewise_equals_whole(
    name: str, data: st.DataObject, cuts: list[int], others: list[int]
) -> None:
    """P5: piece by piece, beside another detector that holds more, the same is found."""
    text = data.draw(texts(name))
    assert pieces_of(BUILT[name], text, cuts, iter(others)) == marks(BUILT[name], text)


@pytest.mark.parametrize("name", PARAMS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_joined_texts_do_not_touch(name: str, data: st.DataObject) -> None:
    """P4: texts joined by NUL for one scan are found in exactly as each alone."""
    parts = [t.replace("\x00", "") for t in data.draw(st.lists(texts(name), max_size=4))]
    expected, base = [], 0
    for part in parts:
        expected += marks(BUILT[name], part, base)
        base += len(part) + 1
    assert marks(BUILT[name], "\x00".join(parts)) == expected


UNITS = {
    "custom": ["1", "begin", "foo", "-", "a", "z", "é", "EMP-1"],
    "presets": ["1.", "a:", "https://", "1", "passport 123456789 ", "f::"],
    "sql": ["select ", "update t set a=b on ", "update t set a=(select ", "drop table ", "'", "/*",
            "drop table a,", "grant select on ", "delete from t using (", "-- ", "insert into t ("],
    "code": ["eval(", "rm -", "curl ", "subprocess.run(", "a|a&", "socket.socket(", "x " * 3, "("],
    "content": ["kill ", "i will ", "kill you ", "make a ", "want to die ", "_ ", "how to "],
    "deny": ["lawyer ", "invest", "stock ", "invest ", "lawyer court "],
    "allow": ["the ", "oven ", "\x00the words here", "lawyer "],
}  # fmt: skip
UNITS["queries"] = [
    "select a,",
    "select (a,",
    "update t set a='",
    "drop table a; -- \n",
    "1=1 or (",
]
CASES = [(name, unit) for name, units in UNITS.items() for unit in units]


@pytest.mark.parametrize(("name", "unit"), CASES)
def test_work_grows_linearly(name: str, unit: str) -> None:
    """P8: eight times the text costs about eight times the work, not 64."""
    small, large = (unit * (size // len(unit)) for size in (2048, 8 * 2048))
    for final in (True, False):
        base = max(cpu(lambda: BUILT[name].scan(small, 0, final)), 2e-4)  # noqa: B023
        assert cpu(lambda: BUILT[name].scan(large, 0, final)) < base * 8 * 3  # noqa: B023


@pytest.mark.parametrize(("name", "unit"), CASES)
def test_hold_back_is_bounded(name: str, unit: str) -> None:
    """P8: nothing is held longer than the detector says, whatever comes."""
    most = sql_sanitizer.HOLDBACK_MAX if name in ("sql", "queries") else 5000
    assert BUILT[name].holdback(unit * (20_000 // len(unit))) <= most


@pytest.mark.parametrize("name", ["custom", "sql", "code", "content", "deny"])
def test_plain_text_is_barely_held(name: str) -> None:
    """P5: in ordinary prose only the last word waits, if it could begin something."""
    for text in ("It rains today, and we wait for the train home ", "Der Zug kommt spät. "):
        last_word = 6 if name == "code" else 0  # it may name a fork bomb
        assert BUILT[name].holdback(text) <= last_word
