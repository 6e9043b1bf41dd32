"""Each connection proves who calls, its provider's way, with its own credential, by real Envoy."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.dataplane.scripted import Seen
from tests.dataplane.stand import Json, Stand

REGION = "eu-west-1"
MODEL = "anthropic.claude-3-5-sonnet-20240620-v1:0"
CALLERS = {
    "authorization": "Bearer callers-own", "x-api-key": "callers-own", "x-mine": "callers-own",
    "openai-organization": "callers-own", "x-desk": "callers-own",
}  # fmt: skip
ORGANIZATION = {"openai-organization": "org-1", "x-desk": 'a "b" \\ 100%'}


def secret(folder: Path, name: str, value: str) -> Json:
    path = folder / name
    path.write_text(value + "\n")
    return {"file": str(path)}


def accounts(folder: Path, places: Mapping[str, str]) -> list[Json]:
    def account(name: str, provider: str, **fields: Any) -> Json:
        url = f"http://{places['a']}"
        return {"type": "provider-account", "name": name, "provider": provider, "base_url": url,
                "unpriced": "allow", "models": [{"id": "m"}], **fields}  # fmt: skip

    def key(name: str) -> Json:
        return {"auth": {"api_key": secret(folder, name, f"key-of-{name}")}}

    pair = {"access_key_id": secret(folder, "id", "AKIDEXAMPLE"),
            "secret_access_key": secret(folder, "sk", "wJalrXUtnFEMI/K7MDENG")}  # fmt: skip
    temporary = {**pair, "session_token": secret(folder, "st", "a-session-token")}
    return [
        account("openai", "openai", **key("openai"), headers=ORGANIZATION),
        account("anthropic", "anthropic", **key("anthropic")),
        account("azure", "azure-openai", **key("azure")),
        account("gemini", "google-gemini", **key("gemini")),
        account("bedrock-key", "aws-bedrock", **key("bedrock-key"), region=REGION),
        account("express", "google-vertex", **key("express"), project="p", region=REGION),
        account("bedrock", "aws-bedrock", auth={"aws": pair}, region=REGION),
        account("bedrock-tmp", "aws-bedrock", auth={"aws": temporary}, region=REGION),
        account("open", "openai-compatible"),
        account("many", "openai", keys=[
            {"name": n, "api_key": secret(folder, f"many-{n}", f"key-{n}")} for n in ("one", "two")
        ]),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def keys() -> Iterator[Stand]:
    folder = Path(tempfile.mkdtemp(prefix="stand-"))
    running = Stand(folder, lambda places: accounts(folder, places))
    try:
        asyncio.run(running.envoy.wait_ready())
        yield running
    finally:
        asyncio.run(running.stop())
        shutil.rmtree(folder, ignore_errors=True)


async def sent(
    stand: Stand,
    *slots: tuple[str, str],
    bodies: Mapping[int, bytes] | None = None,
    more: Mapping[str, Json] | None = None,
    script: tuple[str, ...] = (),
) -> list[Seen]:
    stand.plan(*slots, bodies=bodies, more=more)
    stand.providers["a"].script(*script)
    answer = await stand.call(CALLERS)
    assert answer.status_code == 200
    return stand.providers["a"].seen


@pytest.mark.parametrize(
    ("account", "header", "value"),
    [
        ("openai", "authorization", "Bearer key-of-openai"),
        ("anthropic", "x-api-key", "key-of-anthropic"),
        ("azure", "api-key", "key-of-azure"),
        ("gemini", "x-goog-api-key", "key-of-gemini"),
        ("bedrock-key", "authorization", "Bearer key-of-bedrock-key"),
        ("express", "x-goog-api-key", "key-of-express"),
        ("many#one", "authorization", "Bearer key-one"),
        ("many#two", "authorization", "Bearer key-two"),
        ("open", "", ""),
    ],
)
async def test_every_provider_gets_its_own_key(
    keys: Stand, account: str, header: str, value: str
) -> None:
    """P4: in the place where this provider wants it; the caller's own are gone."""
    (request,) = await sent(keys, (account, ""))
    names = ("authorization", "x-api-key", "api-key", "x-goog-api-key")
    found = {n: request.headers[n] for n in names if n in request.headers}
    assert found == ({header: value} if header else {})


async def test_a_credential_stays_on_its_connection(keys: Stand) -> None:
    """P4: an attempt at another account carries nothing of the one before."""
    slots = (("openai", "500>2:anthropic"), ("anthropic", "500>3:many.key.two"),
             ("many#two", "500>4:open"), ("open", ""))  # fmt: skip
    first, second, third, fourth = await sent(keys, *slots, script=("500", "500", "500"))
    assert first.headers["authorization"] == "Bearer key-of-openai"
    assert "authorization" not in second.headers
    assert third.headers["authorization"] == "Bearer key-two"
    assert "x-api-key" not in third.headers
    assert not {"authorization", "x-api-key"} & set(fourth.headers)


async def test_headers_of_an_account(keys: Stand) -> None:
    """Contract 2: set on this provider's connection and on no other; no caller overrides them."""
    (request,) = await sent(keys, ("openai", ""))
    assert request.headers["openai-organization"] == "org-1"
    assert request.headers["x-desk"] == 'a "b" \\ 100%'
    (request,) = await sent(keys, ("anthropic", ""))
    assert "openai-organization" not in request.headers
    assert request.headers["x-desk"] == "callers-own"


async def test_headers_do_not_wander(keys: Stand) -> None:
    """P4: what one attempt put on or took away is not there, or there again, for the next."""
    more: dict[str, Json] = {
        "envelope.attempt.1": {"headers": {"x-slot": "1", "accept": "a/b"}, "remove": ["x-mine"]}
    }
    slots = (("openai", "500>2:anthropic"), ("anthropic", "500>3:open"), ("open", ""))
    first, second, third = await sent(keys, *slots, more=more, script=("500", "500"))
    assert (first.headers["x-slot"], first.headers["accept"]) == ("1", "a/b")
    assert "x-mine" not in first.headers
    for later in (second, third):
        assert not {"openai-organization", "x-slot"} & set(later.headers)
        assert later.headers["x-desk"] == "callers-own"
        assert (later.headers["accept"], later.headers["x-mine"]) == ("*/*", "callers-own")


# --- SigV4 -----------------------------------------------------------------------------------


def signature_of(request: Seen, credentials: Credentials) -> str:
    """What botocore would have signed this request with, at the time that it names."""
    named = request.headers["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    headers = {name: request.headers[name] for name in named if name != "host"}
    made = AWSRequest("POST", f"http://{request.headers['host']}{request.path}",
                      headers=headers, data=request.body)  # fmt: skip
    made.context["timestamp"] = request.headers["x-amz-date"]
    signer = SigV4Auth(credentials, "bedrock", REGION)
    text = signer.string_to_sign(made, signer.canonical_request(made))
    return str(signer.signature(text, made))


def claimed(request: Seen) -> str:
    return request.headers["authorization"].rpartition("Signature=")[2]


PAIR = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG")
TEMPORARY = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG", "a-session-token")


@pytest.mark.parametrize("body", [None, b'{"messages":[]}', b"x" * 200_000])
@pytest.mark.parametrize(
    "path",
    [
        f"/model/{MODEL}/converse",
        f"/model/{MODEL.replace(':', '%3A')}/converse-stream",
        "/model/arn%3Aaws%3Abedrock%2Fx/converse",
    ],
)
async def test_aws_accepts_the_signature(keys: Stand, path: str, body: bytes | None) -> None:
    """Provider: SigV4 over the path and the body that this attempt sends, as botocore has it."""
    bodies = {1: body} if body else None
    (request,) = await sent(
        keys, ("bedrock", ""), bodies=bodies, more={"envelope.attempt.1": {"path": path}}
    )
    assert request.path == path
    assert request.body == (body or b'{"x":1}')
    assert f"/{REGION}/bedrock/aws4_request" in request.headers["authorization"]
    assert claimed(request) == signature_of(request, PAIR)


async def test_a_temporary_pair_names_its_session(keys: Stand) -> None:
    """Provider: the session token is sent and signed."""
    (request,) = await sent(keys, ("bedrock-tmp", ""))
    assert request.headers["x-amz-security-token"] == "a-session-token"
    assert claimed(request) == signature_of(request, TEMPORARY)


async def test_a_retry_is_signed_anew(keys: Stand) -> None:
    """Provider: another path and body, another signature; nothing of the first one is left."""
    slots = (("bedrock", "500>2:bedrock-tmp"), ("bedrock-tmp", "500>3:openai"), ("openai", ""))
    first, second, third = await sent(
        keys, *slots, bodies={2: b"second", 3: b"third"}, script=("500", "500")
    )
    assert claimed(first) == signature_of(first, PAIR)
    assert claimed(second) == signature_of(second, TEMPORARY)
    assert second.body == b"second"
    assert third.headers["authorization"] == "Bearer key-of-openai"
    assert not [name for name in third.headers if name.startswith("x-amz-")]


async def test_no_secret_outside_its_own_file(keys: Stand) -> None:
    """P4: clusters and routes name secrets; the files that hold them are their owner's alone."""
    folder = keys.envoy.folder
    for name in ("clusters.json", "routes.json", "bootstrap.json"):
        text = (folder / name).read_text()
        assert not [s for s in ("key-of-", "key-one", "wJalr", "a-session") if s in text]
    for path in (folder / "secrets").iterdir():
        assert path.stat().st_mode & 0o077 == 0
    status, page = await keys.envoy.ask("GET", "/config_dump")
    assert status == 200
    assert not [s for s in ("key-of-", "key-one", "wJalr", "a-session") if s in page]
