"""Google's access tokens: what is asked for, what is believed, and what a failure leaves."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from aiohttp import web
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from extproc.config.model import Config, ProviderAccount
from extproc.dataplane.credentials import connections, token_file
from extproc.dataplane.gcp_refresh import TokenKeeper
from extproc.dataplane.gcp_token import (
    GRANT,
    SCOPE,
    NotGoogle,
    ServiceAccount,
    Token,
    grant,
    read_answer,
    wait_s,
)
from tests.dataplane.stand import configured

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = KEY.private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.NoEncryption(),
).decode()


def key_file(uri: str | None = "https://oauth2.googleapis.com/token", **more: Any) -> bytes:
    return json.dumps({"type": "service_account", "client_email": "g@p.iam.gserviceaccount.com",
                       "private_key_id": "kid-1", "private_key": PEM,
                       "token_uri": uri, **more}).encode()  # fmt: skip


def unpadded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def test_the_grant_is_signed_by_the_account() -> None:
    """Provider: RFC 7523 with RS256; the claims are those of Google's page, for one hour."""
    form = parse_qs(grant(ServiceAccount.read(key_file()), 1_000.7))
    assert form["grant_type"] == [GRANT]
    head, claims, signature = form["assertion"][0].split(".")
    KEY.public_key().verify(
        unpadded(signature), f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256()
    )
    assert json.loads(unpadded(head)) == {"alg": "RS256", "typ": "JWT", "kid": "kid-1"}
    assert json.loads(unpadded(claims)) == {
        "iss": "g@p.iam.gserviceaccount.com", "scope": SCOPE,
        "aud": "https://oauth2.googleapis.com/token", "iat": 1000, "exp": 4600,
    }  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [b"", b"[]", b"{}", b"\xff", key_file(private_key="x"), key_file(client_email=7),
     key_file(None), key_file("http://tokens.example/token")],
)  # fmt: skip
def test_a_bad_key_file_is_refused_without_its_content(text: bytes) -> None:
    """P4: the complaint names the file's fault, never what is in it."""
    with pytest.raises(NotGoogle) as found:
        ServiceAccount.read(text)
    assert "PRIVATE" not in str(found.value)
    assert found.value.__cause__ is None


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, b"{}"), (200, b"[]"), (200, b"no"), (401, b'{"access_token":"t","expires_in":9}'),
     (200, b'{"access_token":"t","expires_in":0}'), (200, b'{"access_token":"","expires_in":9}'),
     (200, b'{"access_token":"a\\nb","expires_in":9}'),
     (200, b'{"access_token":7,"expires_in":9}')],
)  # fmt: skip
def test_an_answer_without_a_token(status: int, body: bytes) -> None:
    """P1: nothing that could break out of a header is taken for a token."""
    with pytest.raises(NotGoogle):
        read_answer(status, body, 0)


def test_metadata_tokens_lose_their_filling() -> None:
    """Provider: the metadata server fills its tokens up with dots."""
    body = b'{"access_token":"ya29.x.....","expires_in":100}'
    assert read_answer(200, body, 50) == Token("ya29.x", 150)


@pytest.mark.parametrize("life_s", [1, 10, 299, 300, 600, 601, 3600])
def test_a_token_is_fetched_before_it_ends(life_s: int) -> None:
    """Provider: five minutes before, or at half of a short life; never without a pause."""
    wait = wait_s(Token("t", 1000 + life_s), 0, 1000)
    assert 1 <= wait <= max(1, life_s - min(300, life_s / 2))
    assert [wait_s(None, n, 0) for n in (1, 2, 3, 4, 9)] == [10, 20, 40, 60, 60]


class TokenServer:
    """Hands out `token-1`, `token-2`, ... or answers 500; a metadata server too."""

    def __init__(self) -> None:
        self.forms: list[dict[str, list[str]]] = []
        self.flavors: list[str] = []
        self.failing = False
        self.port = 0
        self.asked = asyncio.Event()

    async def answer(self, request: web.Request) -> web.Response:
        self.flavors.append(request.headers.get("Metadata-Flavor", ""))
        self.forms.append(parse_qs(await request.text()))
        self.asked.set()
        if self.failing:
            return web.Response(status=500, text="secret-details")
        said = {"access_token": f"token-{len(self.forms)}", "expires_in": 2}
        return web.json_response(said)


@pytest.fixture
async def server() -> AsyncIterator[TokenServer]:
    found = TokenServer()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", found.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    found.port = runner.addresses[0][1]
    try:
        yield found
    finally:
        await runner.cleanup()


def vertex(gcp: dict[str, Any]) -> Config:
    return configured([
        {"type": "provider-account", "name": "vertex", "provider": "google-vertex", "project": "p",
         "base_url": "http://127.0.0.1:9", "unpriced": "allow", "auth": {"gcp": gcp},
         "models": [{"id": "m"}]}
    ])  # fmt: skip


def stored(folder: Path, account: ProviderAccount) -> str:
    (connection,) = connections(account)
    path = token_file(folder, connection)
    assert path.stat().st_mode & 0o077 == 0
    secret = json.loads(path.read_text())["resources"][0]["generic_secret"]["secret"]
    return base64.b64decode(secret["inline_bytes"]).decode()


async def until(said: Any) -> None:
    async with asyncio.timeout(10):
        while not said():
            await asyncio.sleep(0.02)


async def test_a_token_is_kept_and_renewed(server: TokenServer, tmp_path: Path) -> None:
    """Provider: fetched with the account's grant, stored for Envoy, fetched again in time; one that
    cannot be renewed stays, and what the server said is in no log (P4)."""
    path = tmp_path / "key.json"
    path.write_bytes(key_file(f"http://127.0.0.1:{server.port}/token"))
    config = vertex({"service_account": {"file": str(path)}})
    account = config.accounts["vertex"]
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("envelope").addHandler(handler)
    keeper = TokenKeeper(tmp_path)
    try:
        keeper.use(config.accounts)
        await until(lambda: (tmp_path / "secrets" / "vertex.json").exists())
        assert stored(tmp_path, account).startswith("token-")
        await until(lambda: stored(tmp_path, account) == "token-2")
        server.failing = True
        server.asked.clear()
        await server.asked.wait()
        await until(lambda: lines)
        assert stored(tmp_path, account).startswith("token-")
    finally:
        await keeper.close()
        logging.getLogger("envelope").removeHandler(handler)
    assert lines == ["no new token for `vertex`: NotGoogle the token server answered 500"]
    assert {form["grant_type"][0] for form in server.forms} == {GRANT}


async def test_the_machines_own_identity(server: TokenServer, tmp_path: Path) -> None:
    """Provider: `gcp: {}` asks the metadata server, which wants to be asked on purpose."""
    config = vertex({})
    keeper = TokenKeeper(tmp_path, f"127.0.0.1:{server.port}")
    (connection,) = connections(config.accounts["vertex"])
    token = await keeper.fetch(connection)
    assert token.value == "token-1"
    assert server.flavors == ["Google"]


async def test_an_account_that_went_is_kept_no_more(server: TokenServer, tmp_path: Path) -> None:
    """P4: no token is fetched for an account that the configuration does not name."""
    keeper = TokenKeeper(tmp_path, f"127.0.0.1:{server.port}")
    keeper.use(vertex({}).accounts)
    await server.asked.wait()
    keeper.use({})
    asked = len(server.forms)
    await keeper.close()
    assert asked == len(server.forms) == 1
