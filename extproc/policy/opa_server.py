"""An OPA server decides: `POST /v1/data/envelope/authz`, over TCP or a unix socket.

Promises: whatever is not a well-formed answer of an OPA in time is no decision (PolicyUnavailable)
or a denial, never allow; every decision carries a digest of what the server had loaded. Refuses to
retry, to follow redirects, to use a proxy, and to read more than ANSWER_BYTES_MAX.

The digest: SHA-256 over the server's policies (id and text, fetched at start and every
REFRESH_SECONDS) and the revisions of its bundles (which come with each answer). Data pushed
through OPA's data API outside any bundle is not in it; serve data in bundles with a revision. A
server that answers but keeps its list of policies to itself (`system.authz`) still decides; then
`reports_policies` is False and only bundle revisions move the digest.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import orjson

from extproc.policy.bundle import digest_of
from extproc.policy.decision import BAD_INPUT, FAILED, UNDEFINED, encode, read_decision
from extproc.policy.values import Decision, PolicyUnavailable

ANSWER_BYTES_MAX: Final = 1024 * 1024
POLICIES_BYTES_MAX: Final = 64 * 1024 * 1024
REFRESH_SECONDS: Final = 2.0

_DECIDE: Final = "/v1/data/envelope/authz?provenance=true"
_HEADERS: Final = {"content-type": "application/json", "accept-encoding": "identity"}
_BROKEN: Final = (aiohttp.ClientError, OSError, ValueError)


class OpaEngine:
    """A `PolicyEngine` over an OPA server. Use within one event loop; `start()` is optional."""

    def __init__(self, url: str, timeout_ms: int, refresh_seconds: float = REFRESH_SECONDS) -> None:
        """`url`: `http://host:port`, `https://...` or `unix:///path/to/socket`.

        `timeout_ms` bounds one `decide`, all its inputs together. Raises ValueError for a bad URL.
        """
        self._base, self._socket = _address(url)
        self._timeout = timeout_ms / 1000
        self._refresh_seconds = refresh_seconds
        self._session: aiohttp.ClientSession | None = None
        self._refresher: asyncio.Task[None] | None = None
        self._policies = ""
        self._revisions = ""
        self.reports_policies = False
        self.bundle_digest = ""

    async def start(self) -> None:
        """Fetch the digest and keep it fresh. An absent server is no error here, but in decide."""
        if self._refresher is None:
            await self._refresh()
            self._refresher = asyncio.create_task(self._keep_fresh())

    async def close(self) -> None:
        if self._refresher is not None:
            self._refresher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._refresher
            self._refresher = None
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def decide(self, inputs: Sequence[Mapping[str, Any]]) -> list[Decision]:
        """One decision per input, asked at once. Raises PolicyUnavailable."""
        try:
            async with asyncio.timeout(self._timeout):
                await self._know_policies()
                answers = await asyncio.gather(
                    *(self._ask(document) for document in inputs), return_exceptions=True
                )
        except TimeoutError:
            raise PolicyUnavailable("OPA did not answer in time") from None
        decisions = [answer for answer in answers if isinstance(answer, Decision)]
        if len(decisions) < len(answers):
            raise PolicyUnavailable("OPA gave no usable answer")
        return decisions

    async def _ask(self, document: Mapping[str, Any]) -> Decision:
        encoded = encode(document)
        if encoded is None:
            return BAD_INPUT
        body = b'{"input":' + encoded + b"}"
        status, answer = await self._send("POST", _DECIDE, body, ANSWER_BYTES_MAX)
        return self._read(status, orjson.loads(answer))

    def _read(self, status: int, answer: Any) -> Decision:
        """A denial or an answer; ValueError when this is not how OPA answers."""
        if status == 500 and _is_evaluation_error(answer):
            return FAILED
        if status != 200 or not isinstance(answer, dict):
            raise ValueError("not an OPA answer")
        self._learn_revisions(answer.get("provenance"))
        return read_decision(answer["result"]) if "result" in answer else UNDEFINED

    async def _send(self, method: str, path: str, body: bytes | None, limit: int
                    ) -> tuple[int, bytes]:  # fmt: skip
        """Status and body. Raises one of _BROKEN; ValueError for a body over the limit."""
        session = self._open()
        async with session.request(
            method, self._base + path, data=body, headers=_HEADERS, allow_redirects=False
        ) as response:
            answer = bytearray()
            async for chunk in response.content.iter_chunked(64 * 1024):
                answer += chunk
                if len(answer) > limit:
                    response.close()
                    raise ValueError("answer too large")
            return response.status, bytes(answer)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector: aiohttp.BaseConnector = (
                aiohttp.UnixConnector(self._socket, limit=0)
                if self._socket
                else aiohttp.TCPConnector(limit=0)
            )
            self._session = aiohttp.ClientSession(
                connector=connector, auto_decompress=False, trust_env=False,
                timeout=aiohttp.ClientTimeout(total=None), cookie_jar=aiohttp.DummyCookieJar(),
            )  # fmt: skip
        return self._session

    # --- which policy decides --------------------------------------------------------------

    async def _know_policies(self) -> None:
        if not self.bundle_digest:
            await self.start()
            if not self.bundle_digest:
                await self._refresh()
        if not self.bundle_digest:
            raise PolicyUnavailable("OPA cannot be reached")

    async def _keep_fresh(self) -> None:
        while True:
            await asyncio.sleep(self._refresh_seconds)
            await self._refresh()

    async def _refresh(self) -> None:
        """Learn the policies' digest; an unreachable server leaves the last one."""
        try:
            async with asyncio.timeout(max(self._timeout, self._refresh_seconds)):
                status, body = await self._send("GET", "/v1/policies", None, POLICIES_BYTES_MAX)
        except (*_BROKEN, TimeoutError):
            return
        found = await asyncio.to_thread(_policies_digest, body) if status == 200 else None
        self.reports_policies = found is not None
        self._policies = found or ""
        self._combine()

    def _learn_revisions(self, provenance: Any) -> None:
        """Bundle revisions change in the very answer that a new bundle gave."""
        bundles = provenance.get("bundles") if isinstance(provenance, dict) else None
        revisions = orjson.dumps(bundles, option=orjson.OPT_SORT_KEYS).decode() if bundles else ""
        if revisions != self._revisions:
            self._revisions = revisions
            self._combine()

    def _combine(self) -> None:
        self.bundle_digest = digest_of({"policies": self._policies, "bundles": self._revisions})


def _address(url: str) -> tuple[str, str | None]:
    """Base URL for requests, and the path of a unix socket if it is one."""
    parts = urlsplit(url)
    match parts.scheme:
        case "unix" if parts.path:
            return "http://opa", parts.path
        case "http" | "https" if parts.netloc and not parts.query and not parts.fragment:
            return url.rstrip("/"), None
    raise ValueError("policy.opa.url is http://host:port, https://host:port or unix:///path")


def _is_evaluation_error(answer: Any) -> bool:
    """OPA evaluated and failed: conflicting values and the like (`eval_*_error`)."""
    if not isinstance(answer, dict) or answer.get("code") != "internal_error":
        return False
    errors = answer.get("errors")
    if not isinstance(errors, list) or not errors:
        return False
    codes = [e.get("code") if isinstance(e, dict) else None for e in errors]
    return all(isinstance(c, str) and c.startswith("eval_") for c in codes)


def _policies_digest(body: bytes) -> str | None:
    """Digest over ids and texts, whatever their order; None when this is no list of policies."""
    try:
        return digest_of({p["id"]: p["raw"] for p in orjson.loads(body)["result"]})
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
