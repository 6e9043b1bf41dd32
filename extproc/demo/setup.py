"""What `--demo` brings: a configuration, keys, and the provider stand-in as a child process.

Everything lives in `<state>/demo`; keys are minted anew at every start and only their hashes stand
in the configuration, as in production.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from extproc.identity.keys import RANDOM_BYTES, mint
from extproc.server.child import Child, python
from extproc.state import StateDir

ACCOUNTS = ("support-bot", "research-bot", "dev-bot", "untagged-bot", "busy-bot", "broke-bot")
READY_S = 20


@dataclass(frozen=True, slots=True)
class DemoSetup:
    """`keys`: account name -> key text, shown because this is a demo."""

    config_path: Path
    provider_url: str
    keys: dict[str, str]

    def hint(self, gateway: str) -> str:
        """A first governed call, ready to paste."""
        return (
            "\nTry it:\n\n"
            f"  curl -s {gateway}/v1/chat/completions \\\n"
            f"    -H 'authorization: Bearer {self.keys['support-bot']}' \\\n"
            "    -H 'content-type: application/json' \\\n"
            '    -d \'{"model": "openai-main/gpt-4o-mini", '
            '"messages": [{"role": "user", "content": "Write to ada@example.com"}]}\'\n\n'
            "Stop with Ctrl-C.\n"
        )


@asynccontextmanager
async def prepare_demo(state: Path) -> AsyncIterator[DemoSetup]:
    """Start the provider, write the configuration; stop the provider at the end."""
    folder = StateDir(state.resolve()).prepare().root / "demo"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    ready = folder / "provider.json"
    ready.unlink(missing_ok=True)
    provider = _start_provider(folder, ready)
    try:
        url = await _url_of(provider, ready)
        minted = {name: mint(secrets.token_bytes(RANDOM_BYTES)) for name in ACCOUNTS}
        path = _write_config(folder, url, {n: k.sha256 for n, k in minted.items()})
        yield DemoSetup(path, url, {n: k.text for n, k in minted.items()})
    finally:
        await provider.stop(grace_s=3)


def _start_provider(folder: Path, ready: Path) -> Child:
    command = python("extproc.demo.provider", "--port", "0", "--ready-file", str(ready))
    return Child("provider", command, log=folder / "provider.log")


async def _url_of(provider: Child, ready: Path) -> str:
    deadline = asyncio.get_running_loop().time() + READY_S
    while not ready.exists():
        if not provider.alive or asyncio.get_running_loop().time() > deadline:
            log = ready.with_name("provider.log")
            raise RuntimeError(f"the demo provider did not start; see {log}")
        await asyncio.sleep(0.02)
    return str(json.loads(ready.read_text())["url"])


def _write_config(folder: Path, provider_url: str, hashes: dict[str, str]) -> Path:
    """The demo's configuration with this run's addresses and key hashes filled in."""
    text = files("extproc.demo").joinpath("gateway.yaml").read_text("utf-8")
    text = text.replace("PROVIDER_URL", provider_url)
    for name, sha256 in hashes.items():
        text = text.replace(f"SHA256_OF_{name}", sha256)
    secret = folder / "provider-key"
    secret.write_text("sk-demo-provider-key\n")
    os.chmod(secret, 0o600)
    path = folder / "gateway.yaml"
    path.write_text(text)
    return path
