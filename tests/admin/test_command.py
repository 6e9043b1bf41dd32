"""`envelope admin` where there is nothing to serve."""

from __future__ import annotations

from pathlib import Path

import pytest

from extproc.cli import main as cli


def test_without_a_running_gateway_it_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Contract 1, `envelope admin`: exit code 2 and the state folder it looked at."""
    assert cli.main(["admin", "--state", str(tmp_path)]) == 2
    assert f"no gateway runs on {tmp_path}" in capsys.readouterr().err


def test_help_needs_no_server(capsys: pytest.CaptureFixture[str]) -> None:
    """Contract 1: every command explains itself."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["admin", "--help"])
    assert ended.value.code == 0
    assert "--state" in capsys.readouterr().out
