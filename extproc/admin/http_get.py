"""One bounded request to a part of this gateway: Envoy's private admin socket, an OPA server."""

from __future__ import annotations

import aiohttp

TIMEOUT_S = 1.0
UNIX = "unix:"


class NoAnswer(Exception):
    """It did not answer in time; the text says how, and quotes no address."""


async def get(base: str, path: str) -> tuple[int, str]:
    """Status and text of `base` + `path`. `base`: http(s)://..., or unix:/path/of/a/socket.

    Raises NoAnswer.
    """
    return await _ask("GET", base, path)


async def post(base: str, path: str) -> tuple[int, str]:
    """A POST without a body; otherwise as `get`."""
    return await _ask("POST", base, path)


async def _ask(method: str, base: str, path: str) -> tuple[int, str]:
    socket = _socket_path(base)
    connector = aiohttp.UnixConnector(socket) if socket else aiohttp.TCPConnector()
    url = f"http://local{path}" if socket else base.rstrip("/") + path
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    try:
        async with (
            aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
            session.request(method, url, allow_redirects=False) as reply,
        ):
            return reply.status, await reply.text(errors="replace")
    except TimeoutError:
        raise NoAnswer("no answer in time") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise NoAnswer(f"cannot be reached ({type(error).__name__})") from None


def _socket_path(base: str) -> str:
    """`unix:/run/opa.sock` and `unix:///run/opa.sock` name the same file."""
    if not base.startswith(UNIX):
        return ""
    path = base.removeprefix(UNIX)
    return "/" + path.lstrip("/") if path.startswith("//") else path
