"""A stand-in witness that keeps to C2SP tlog-witness and tlog-cosignature, on loopback.

Written from the two specifications, beside the client and not from it: it reads requests, checks
proofs and signs by itself, so that a mistake of one is not repeated by the other.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from extproc.audit.checkpoint import Checkpoint, read_checkpoint
from extproc.audit.merkle import verify_consistency
from extproc.audit.note import NoteInvalid, Verifier

NOW_S = 1_795_176_000


@dataclass
class StandInWitness:
    """`trusted`: origin -> keys of the log. `latest`: origin -> (size, root) it has signed last.

    `broken`: answer this instead, as (status, content type, body). `asked`: the old sizes.
    """

    name: str = "witness.example/w1"
    seed: bytes = b"w" * 32
    trusted: dict[str, tuple[Verifier, ...]] = field(default_factory=dict)
    latest: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    broken: tuple[int, str, bytes] | None = None
    stray: str = ""
    asked: list[int] = field(default_factory=list)
    url: str = ""

    @property
    def key(self) -> str:
        """As witnesses publish it: type 0x04."""
        return vkey(self.name, self.seed, b"\x04")

    def answer(self, body: bytes) -> web.Response:
        head, _, note = body.decode().partition("\n\n")
        first, *proof = head.split("\n")
        found = re.fullmatch(r"old (0|[1-9][0-9]*)", first)
        if found is None or len(proof) > 63:
            return web.Response(status=400)
        old = int(found[1])
        self.asked.append(old)
        verifiers = self.trusted.get(note.partition("\n")[0])
        if verifiers is None:
            return web.Response(status=404)
        read = [c for v in verifiers if (c := _read(note, v)) is not None]
        if not read:
            return web.Response(status=403)
        checkpoint = read[0]
        if old > checkpoint.size:
            return web.Response(status=400)
        size, root = self.latest.get(checkpoint.origin, (0, b""))
        if old != size or (size == checkpoint.size and root != checkpoint.root):
            return web.Response(
                status=409, body=b"%d\n" % size, headers={"content-type": "text/x.tlog.size"}
            )
        hashes = [base64.b64decode(line, validate=True) for line in proof]
        consistent = not hashes if not size else verify_consistency(
            size, checkpoint.size, root, checkpoint.root, hashes
        )  # fmt: skip
        if not consistent:
            return web.Response(status=422)
        self.latest[checkpoint.origin] = (checkpoint.size, checkpoint.root)
        text = note[: note.index("\n\n") + 1]
        return web.Response(body=(self.stray + cosign(self.name, self.seed, text)).encode())

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        if self.broken is not None:
            status, kind, said = self.broken
            return web.Response(status=status, body=said, headers={"content-type": kind})
        return self.answer(body)


def _read(note: str, verifier: Verifier) -> Checkpoint | None:
    try:
        return read_checkpoint(note, verifier)
    except NoteInvalid:
        return None


def cosign(name: str, seed: bytes, text: str, at_s: int = NOW_S) -> str:
    """One signature line, with its newline."""
    private = Ed25519PrivateKey.from_private_bytes(seed)
    message = b"cosignature/v1\ntime %d\n" % at_s + text.encode()
    raw = key_id(name, seed, b"\x04") + at_s.to_bytes(8, "big") + private.sign(message)
    return f"\u2014 {name} {base64.b64encode(raw).decode()}\n"


def vkey(name: str, seed: bytes, kind: bytes) -> str:
    encoded = base64.b64encode(kind + _public(seed)).decode()
    return f"{name}+{key_id(name, seed, kind).hex()}+{encoded}"


def key_id(name: str, seed: bytes, kind: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + kind + _public(seed)).digest()[:4]


def _public(seed: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


@asynccontextmanager
async def serving(witness: StandInWitness, port: int = 0) -> AsyncIterator[StandInWitness]:
    """The witness listens while inside; `url` is its submission prefix."""
    app = web.Application()
    app.router.add_post("/prefix/add-checkpoint", witness.handle)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    witness.url = f"http://127.0.0.1:{runner.addresses[0][1]}/prefix"
    try:
        yield witness
    finally:
        await runner.cleanup()
