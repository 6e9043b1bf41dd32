"""`envelope key ...` as an operator uses it, against the real store."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from extproc.cli.main import main
from extproc.identity.keys import hash_key, looks_minted
from extproc.state import StateDir
from extproc.store import PrivateStore, connect

CONFIG = """
type: provider-account
name: m
provider: openai
base_url: http://127.0.0.1:9/v1
auth: {api_key: {env: NOT_NEEDED_HERE}}
models: [{id: small, max_output_tokens: 10, price: {input_per_mtok: 1, output_per_mtok: 1}}]
---
type: virtual-account
name: support-bot
team: support-ai
models: ["*"]
"""

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run one command: its exit code, stdout, stderr."""

    def command(*arguments: object) -> tuple[int, str, str]:
        try:
            code = main(["key", *map(str, arguments)])
        except SystemExit as stop:
            code = int(stop.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return command


@pytest.fixture
def store(private_store: PrivateStore) -> tuple[str, str]:
    return "--store", private_store.url


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "envelope.yaml"
    path.write_text(CONFIG)
    return path


def test_the_life_of_a_key(run: Run, store: tuple[str, str], tmp_path: Path) -> None:
    """Contract, section 1: create, list, rotate, revoke; JSON on stdout."""
    state = ("--state", tmp_path)
    code, out, _ = run("create", "--account", "bot", "--name", "n", "--expires", "30d", "--json",
                       *store, *state)  # fmt: skip
    made = json.loads(out)
    assert code == 0
    assert looks_minted(made["key"])
    assert (made["account"], made["name"], made["state"]) == ("bot", "n", "active")

    code, out, _ = run("rotate", made["id"], "--grace", "24h", "--json", *store, *state)
    new = json.loads(out)
    assert (code, new["rotated_from"]) == (0, made["id"])
    assert new["key"] != made["key"]

    code, out, _ = run("revoke", made["id"], "--json", *store, *state)
    assert (code, json.loads(out)["state"]) == (0, "revoked")

    code, out, err = run("list", "--json", *store, *state)
    states = {row["id"]: row["state"] for row in json.loads(out)}
    assert (code, states[made["id"]], states[new["id"]]) == (0, "revoked", "active")
    for key in (made["key"], new["key"]):
        assert key not in out + err
        assert hash_key(key) not in out + err


def test_people_read_stderr(run: Run, store: tuple[str, str], tmp_path: Path) -> None:
    """Contract, section 1: stdout is for machines; the secret is shown once."""
    state = ("--state", tmp_path)
    code, out, err = run("create", "--account", "bot", *store, *state)
    key = re.search(r"^ek_\S+$", err, re.MULTILINE)
    assert (code, out) == (0, "")
    assert key is not None
    assert looks_minted(key[0])
    code, out, err = run("list", *store, *state)
    assert (code, out) == (0, "")
    assert "bot" in err
    assert key[0] not in err


def test_the_state_folder_alone_is_enough(run: Run, tmp_path: Path) -> None:
    """Contract, section 1: no gateway, no store: the key waits in the state folder."""
    code, out, _ = run("create", "--account", "bot", "--json", "--state", tmp_path)
    assert code == 0
    code, listed, _ = run("list", "--json", "--state", tmp_path)
    assert [row["id"] for row in json.loads(listed)] == [json.loads(out)["id"]]


def test_an_account_that_is_not_there(
    run: Run, store: tuple[str, str], config: Path, tmp_path: Path
) -> None:
    """P7: no key for an account that the configuration lacks; the nearest name is told."""
    place = (*store, "--state", tmp_path, "--config", config)
    code, out, err = run("create", "--account", "suport-bot", "--json", *place)
    assert (code, out) == (2, "")
    assert "did you mean 'support-bot'" in err
    assert run("create", "--account", "support-bot", "--json", *place)[0] == 0


def test_the_running_gateway_names_store_and_configuration(
    run: Run, private_store: PrivateStore, config: Path, tmp_path: Path
) -> None:
    """Contract, section 1: beside a running gateway no further option is needed."""
    record = {"pid": os.getpid(), "store": private_store.url, "config": str(config)}
    StateDir(tmp_path).run_file.write_text(json.dumps(record))
    code, _, err = run("create", "--account", "nobody", "--state", tmp_path)
    assert (code, "no virtual account 'nobody'" in err) == (2, True)
    assert run("create", "--account", "support-bot", "--state", tmp_path)[0] == 0
    assert not (tmp_path / "store").exists()


def test_an_unchecked_account_is_said_to_be(
    run: Run, store: tuple[str, str], tmp_path: Path
) -> None:
    """P7: without a configuration at hand the key is made, and the doubt is told."""
    code, _, err = run("create", "--account", "bot", *store, "--state", tmp_path)
    assert code == 0
    assert "not checked" in err


def test_a_configuration_with_mistakes_checks_nothing(
    run: Run, store: tuple[str, str], tmp_path: Path
) -> None:
    """P7: the first mistake is named with file and line."""
    broken = tmp_path / "broken.yaml"
    broken.write_text("type: virtual-account\nnam: x\n")
    code, _, err = run("create", "--account", "x", *store, "--config", broken)
    assert code == 2
    assert "broken.yaml:" in err


@pytest.mark.parametrize("action", ["revoke", "rotate"])
def test_no_such_key(run: Run, store: tuple[str, str], action: str) -> None:
    """Contract, section 1: exit 1; and a whole key given by mistake is not repeated (P4)."""
    code, out, err = run(action, "ek_abcdefgh_secret", *store)
    assert (code, out) == (1, "")
    assert "no such key" in err
    assert "secret" not in err


@pytest.mark.parametrize(
    "arguments",
    [(), ("create",), ("create", "--account", "a", "--expires", "soon"), ("revoke",),
     ("create", "--account", "a", "--expires", "0"), ("create", "--account", "a", "--name", "\n"),
     ("list", "--store", "ftp://x"), ("list", "--store", "unix:///nowhere/x.sock"),
     ("rotate", "x", "--grace", "1.5h")],
)  # fmt: skip
def test_usage(run: Run, arguments: tuple[str, ...], tmp_path: Path) -> None:
    """Contract, section 1: exit 2 for usage and configuration, with a reason."""
    where = ("--state", tmp_path) if arguments else ()
    code, out, err = run(*arguments, *where)
    assert (code, out) == (2, "")
    assert err


def test_a_forgetful_store_gets_no_key(
    run: Run, private_store: PrivateStore, tmp_path: Path
) -> None:
    """P2: a store that may evict keys is refused before anything is put into it."""

    async def set_policy(policy: str) -> None:
        client = await connect(private_store.url, 2_000)
        await client.config_set("maxmemory-policy", policy)
        await client.aclose()

    asyncio.run(set_policy("allkeys-lru"))
    try:
        code, _, err = run("create", "--account", "a", "--store", private_store.url)
    finally:
        asyncio.run(set_policy("noeviction"))
    assert code == 2
    assert "noeviction" in err
