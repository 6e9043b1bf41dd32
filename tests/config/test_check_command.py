"""`envelope check`."""

import json

import pytest

from extproc.cli.main import main
from tests.config.vectors import VECTORS, cases


@pytest.fixture(autouse=True)
def secrets(monkeypatch):
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(name, "sk")


@pytest.mark.parametrize("case", cases("mistakes"))
def test_mistakes_exit_2(case, capsys):
    """Contract, section 1: every mistake as `file:line: message`, exit code 2."""
    folder = VECTORS / "mistakes" / case
    assert main(["check", "--config", str(folder)]) == 2
    out, err = capsys.readouterr()
    expected = (folder / "mistakes.txt").read_text().splitlines()
    printed = err.splitlines()[:-1]
    assert out == ""
    assert len(printed) == len(expected)
    for line, wanted in zip(printed, expected, strict=True):
        assert line.startswith(f"{folder}/{wanted.split(': ')[0]}: ")


def test_a_good_configuration_exits_0(capsys):
    """Contract, section 1: exit code 0, and one line about what was loaded."""
    assert main(["check", "--config", str(VECTORS / "ok" / "seed-routing")]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    *warnings, last = err.splitlines()
    assert last == "fine: accounts 3, models 5, virtual models 1, keys 0, rules 3"
    # Its models have invented names, which no price list knows.
    assert all("has no price: its calls are refused" in line for line in warnings)


def test_missing_secrets_are_mistakes_unless_asked(capsys, monkeypatch):
    """Contract, section 1: what `up` would refuse, `check` refuses."""
    monkeypatch.delenv("OPENAI_API_KEY")
    path = str(VECTORS / "ok" / "seed-routing" / "gateway.yaml")
    assert main(["check", "--config", path]) == 2
    assert f"{path}:8: secret of 'openai-main'" in capsys.readouterr().err
    assert main(["check", "--config", path, "--no-secrets"]) == 0


def test_json_goes_to_stdout(capsys):
    """Contract, section 1: machine output goes to stdout, everything else to stderr."""
    assert main(["check", "--config", str(VECTORS / "ok" / "seed-rate-limits"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is True and found["mistakes"] == []
    assert found["counts"]["rules"] == 4
    (warning,) = found["warnings"]
    assert "'project-hourly-cap' never runs" in warning["message"]

    assert main(["check", "--config", str(VECTORS / "mistakes" / "syntax"), "--json"]) == 2
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is False
    assert [mistake["line"] for mistake in found["mistakes"]] == [6, 1]


def test_no_path_is_a_usage_mistake(capsys):
    """Contract, section 1: exit code 2 for usage."""
    with pytest.raises(SystemExit) as stopped:
        main(["check"])
    assert stopped.value.code == 2
    assert main(["check", "--config", "/no/such/place"]) == 2
    assert "/no/such/place:1: there is no such file or folder" in capsys.readouterr().err
