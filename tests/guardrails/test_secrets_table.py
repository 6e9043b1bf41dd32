"""The secrets table as a whole, and how the vectors of its rows are checked.

A vector is (text, near miss). In the text the value stands between « and »; without them all of it
is the value. The values are put together here from the materials below, to the vendor's format and
not by the detector's patterns; no scanner can take them for leaks.
"""

from __future__ import annotations

import re
import zlib
from functools import cache
from pathlib import Path

import pytest

from extproc.config.secrets_settings import SECRET_KINDS
from extproc.guardrails.detectors import secrets_cloud
from extproc.guardrails.detectors.pattern import PatternDetector
from extproc.guardrails.detectors.secrets_kinds import KINDS
from extproc.guardrails.detectors.secrets_shape import TRIGGER_MAX, read_shape
from extproc.guardrails.values import LOOKBEHIND
from tests.guardrails.builders import SECRETS
from tests.guardrails.test_holdback import check_split

Rows = dict[str, tuple[str, str]]

_ALNUM = "q7Zt3XwPb9Lk2VmNs8RdYf4HcJg6TnKaQ5uWe1oBxCzMvDiGrEyUpShFjA0lTq3Zk7Nw9Xb2Rm5Vd8Pf4"
_HEX = "3f9a1c7e5b2d8046f1e9c3a75d0b82647ae1f3905c6d8b2417f0a9e35cd4b861"
_UPPER = "K7QF3ZP9WM2XJ5TB8RV4NC6HDGLSYE"
_LOWER = "k3f9z7q2m8x5w1c6t4b0n7h2j9d5r8v3p6g1s4"
_URLSAFE = "q7Z-3XwP_9Lk2VmN-8RdYf4H_Jg6TnKaQ5uWe1oB-CzMvDiG_EyUpShFjA0lTq3Zk7Nw9Xb2"
_BASE64 = "q7Z+3XwP/9Lk2VmN+8RdYf4H/Jg6TnKaQ5uWe1oB+CzMvDiG/EyUpShFjA0lTq3Zk7Nw9Xb2"
UUID = "7c9e6679-7425-40de-944b-e07fc1f90ae7"


def _some(material: str, size: int) -> str:
    return (material * (size // len(material) + 1))[:size]


def a(size: int) -> str:
    """Letters of both cases and digits."""
    return _some(_ALNUM, size)


def x(size: int) -> str:
    """Hex digits in lower case."""
    return _some(_HEX, size)


def u(size: int) -> str:
    """Capitals and digits."""
    return _some(_UPPER, size)


def low(size: int) -> str:
    """Small letters and digits."""
    return _some(_LOWER, size)


def w(size: int) -> str:
    """Base64url."""
    return _some(_URLSAFE, size)


def b(size: int) -> str:
    """Base64."""
    return _some(_BASE64, size)


def d(size: int) -> str:
    """Digits."""
    return _some("1047392856", size)


def sealed(payload: str) -> str:
    """The payload and its CRC-32 in six base62 digits, most significant first."""
    rest, seal = zlib.crc32(payload.encode()), ""
    while len(seal) < 6:
        digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
        rest, seal = rest // 62, digits[rest % 62] + seal
    return payload + seal


@cache
def alone(name: str) -> PatternDetector:
    """A detector of one row."""
    (rule,) = (kind.rule for kind in KINDS if kind.name == name)
    return PatternDetector([rule], lambda data: 0, {})


def check_row(name: str, text: str, near: str) -> None:
    """The value is found exactly, by this row and under its label, at every split; no near miss."""
    kind = next(kind for kind in KINDS if kind.name == name)
    marked = text if "«" in text else f"«{text}»"
    value = marked[marked.index("«") + 1 : marked.index("»")]
    arounds = ("{}", "see {} end", "line\n{}\nline") if "«" in text else (
        "{}", "the key {} end", "'{}'", "line\n{}\nline", "\\n{}\\n", "({}),", "é{}é", "x={};y",
    )  # fmt: skip
    for around in arounds:
        placed = around.format(marked)
        start = placed.index("«")
        plain = placed.replace("«", "").replace("»", "")
        spans = [(s.start, s.end, s.label) for s in SECRETS.find(plain)]
        assert (start, start + len(value), kind.label) in spans, (plain, spans)
        assert [(s.start, s.end) for s in alone(name).find(plain)] == [(start, start + len(value))]
    assert [near[s.start : s.end] for s in alone(name).find(near)] == []
    plain = f"so {marked}, 1".replace("«", "").replace("»", "")
    for at in {*range(min(len(plain), 150)), *range(max(0, len(plain) - 30), len(plain) + 1)}:
        check_split(SECRETS, plain, at)


def vectors(rows: Rows) -> list[object]:
    return [pytest.param(name, *row, id=name) for name, row in rows.items()]


# --- the table -------------------------------------------------------------------------------


def test_there_are_enough_kinds() -> None:
    """Contract (secrets): at least 150 kinds, each named once, each label in one group."""
    assert len({kind.label for kind in KINDS}) >= 150
    assert len({kind.name for kind in KINDS}) == len(KINDS)
    labels = [label for group in SECRET_KINDS.values() for label in group]
    assert len(labels) == len(set(labels))


def test_the_vocabulary_is_that_of_the_table() -> None:
    """Contract (`kinds`): what can be configured is what can be found."""
    assert {kind.label for kind in KINDS} == {n for group in SECRET_KINDS.values() for n in group}


def test_every_row_has_vectors() -> None:
    """Contract (secrets): no row without a positive and a near miss."""
    from tests.guardrails import (
        test_secrets_ai,
        test_secrets_cloud,
        test_secrets_saas,
        test_secrets_spoken,
        test_secrets_values,
        test_secrets_vcs,
    )

    modules = (test_secrets_ai, test_secrets_cloud, test_secrets_saas, test_secrets_spoken,
               test_secrets_values, test_secrets_vcs)  # fmt: skip
    rows = [name for module in modules for name in module.ROWS]
    assert sorted(rows) == sorted(kind.name for kind in KINDS)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_triggers_stay_within_bounds(kind) -> None:  # type: ignore[no-untyped-def]
    """P5: a token's start is held until its trigger is complete; a name stays in LOOKBEHIND."""
    for trigger in kind.rule.triggers:
        width = re._parser.parse(trigger.expression.decode()).getwidth()  # type: ignore[attr-defined]
        assert trigger.width <= TRIGGER_MAX
        assert width[1] <= (TRIGGER_MAX if trigger.width else LOOKBEHIND)


@pytest.mark.parametrize("shape", ["{a5", "a}b", "{?5}", "{}"])
def test_unreadable_shapes_are_refused(shape: str) -> None:
    """Contract (secrets): a row that says nothing readable does not load."""
    with pytest.raises(ValueError, match="cannot read"):
        read_shape(shape)


def test_a_shape_without_a_literal_is_no_token() -> None:
    """P8: forty letters alone are everywhere; such a row needs a name beside it."""
    with pytest.raises(ValueError, match="nothing to look for"):
        secrets_cloud.token("x", "X", "{a40}")


def test_tables_name_their_sources() -> None:
    """Contract (secrets): every file of rows says where its formats are from."""
    folder = Path(secrets_cloud.__file__).parent
    for name in ("cloud", "vcs", "ai", "saas", "keys", "values"):
        text = (folder / f"secrets_{name}.py").read_text("utf-8")
        assert re.search(r"# .*(?:\w\.(?:com|org|io|ai|dev|net|eu)\b|RFC \d)", text)
