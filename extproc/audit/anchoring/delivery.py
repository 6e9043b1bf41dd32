"""One attempt at one target. The only place here that reads secrets and talks to others.

Promises: every attempt ends within the target's `timeout_ms`; secrets are read anew for each and
go nowhere but into the request (P4); what blocks runs in a thread of its target's own. Nothing is
raised: whatever goes wrong is an outcome, in words that quote no address, no path and no answer.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import aiohttp

from extproc.alerts.backoff import retry_after_ms
from extproc.alerts.post import open_session, post
from extproc.audit.anchoring import cosigned, kept_files, object_storage, webhook
from extproc.audit.anchoring.blocking import Blocking, Busy
from extproc.audit.anchoring.cosignature import WitnessKey
from extproc.audit.anchoring.head import HashesShort, Head, stored_proof, stored_root
from extproc.audit.anchoring.kept_files import errno_name
from extproc.audit.anchoring.values import Again, Conflict, Delivered, Outcome, Refused
from extproc.audit.anchoring.witness import (
    ANSWER_BYTES_MAX,
    Answer,
    Cosigned,
    StandsAt,
    next_size,
    read_answer,
    request_body,
    request_url,
)
from extproc.audit.note import NoteInvalid
from extproc.config.audit_model import Anchor, Witness
from extproc.config.secrets import SecretMissing, resolve

Target = Anchor | Witness
THREADS_MAX = 8
"""For look-ups of names."""
ASK_AGAIN_MAX = 2
"""A witness that stands elsewhere is asked from there; and once more, should it have moved."""


class Delivery:
    """Owns the connections and threads. `folder`: the log's. `clock_ms`: Unix time."""

    def __init__(self, folder: Path, clock_ms: Callable[[], int]) -> None:
        self._folder, self._clock_ms = folder, clock_ms
        self._resolving = ThreadPoolExecutor(THREADS_MAX, thread_name_prefix="anchors")
        self.threads = Blocking()
        self._cosigned = asyncio.Lock()
        self._session: aiohttp.ClientSession | None = None

    async def send(self, target: Target, head: Head, old: int) -> Outcome:
        """`old`: entries of the newest checkpoint it has taken, 0 when that is not known."""
        try:
            async with asyncio.timeout(target.timeout_ms / 1000):
                if isinstance(target, Witness):
                    return await self._witness(target, head, old)
                return await self._anchor(target, head)
        except TimeoutError:
            return Again("no answer in time")
        except Busy:
            return Again("the last attempt still hangs")
        except HashesShort:
            return Conflict("the stored hashes end before the latest checkpoint")
        except OSError as error:
            return Again(f"cannot be written ({errno_name(error)})")
        except (SecretMissing, UnicodeDecodeError):
            return Refused("a secret of it cannot be read")
        except Exception as error:
            return Refused(f"cannot be asked ({type(error).__name__})")

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
        self._resolving.shutdown(wait=False, cancel_futures=True)

    # --- anchors ------------------------------------------------------------------------------

    async def _anchor(self, anchor: Anchor, head: Head) -> Outcome:
        match anchor.type:
            case "file":
                root_of = partial(stored_root, self._folder)
                work = partial(kept_files.keep_in, Path(anchor.path or ""), head, root_of)
                return await self.threads.run(name_of(anchor), work)
            case "object-storage":
                return await self.threads.run(name_of(anchor), partial(_put, anchor, head))
            case "webhook":
                return await self._post(anchor, head)

    async def _post(self, anchor: Anchor, head: Head) -> Outcome:
        assert anchor.url is not None and anchor.hmac_secret is not None
        secret = await self.threads.run(name_of(anchor), partial(resolve, anchor.hmac_secret))
        now_ms = self._clock_ms()
        request = webhook.request(head, anchor.url, secret, now_ms // 1000)
        return await post(await self._open(), request, anchor.timeout_ms / 1000, now_ms)

    # --- witnesses ----------------------------------------------------------------------------

    async def _witness(self, witness: Witness, head: Head, old: int) -> Outcome:
        try:
            key = WitnessKey.parse(witness.key)
        except NoteInvalid:
            return Refused("its configured key is not one of a witness")
        answer = await self._ask(witness, key, head, old)
        for _ in range(ASK_AGAIN_MAX):
            if not isinstance(answer, StandsAt):
                break
            known = next_size(answer, old, head.size)
            if not isinstance(known, int):
                return known
            old, answer = known, await self._ask(witness, key, head, known)
        return await self._kept(answer, head)

    async def _kept(self, answer: Answer, head: Head) -> Outcome:
        match answer:
            case Cosigned(signatures=signatures):
                keep = partial(cosigned.append, self._folder, head, signatures)
                async with self._cosigned:
                    await self.threads.run(cosigned.COSIGNED, keep)
                return Delivered()
            case StandsAt():
                return Again("it keeps naming other sizes")
            case _:
                return answer

    async def _ask(self, witness: Witness, key: WitnessKey, head: Head, old: int) -> Answer:
        prove = partial(stored_proof, self._folder, old, head.size)
        body = request_body(old, await self.threads.run(name_of(witness), prove), head.note)
        session = await self._open()
        headers = {"content-type": "text/plain; charset=utf-8", "user-agent": "envelope-audit"}
        try:
            async with session.post(
                request_url(witness.url), data=body, headers=headers, allow_redirects=False
            ) as reply:
                said = await _read(reply)
                answer = read_answer(reply.status, reply.content_type, said, head, key)
                if isinstance(answer, Again):
                    asked = retry_after_ms(reply.headers.get("retry-after"), self._clock_ms())
                    return Again(answer.why, asked)
                return answer
        except aiohttp.ClientConnectorCertificateError:
            return Refused("its certificate is not trusted")
        except (aiohttp.ClientError, OSError) as error:
            return Again(f"cannot be reached ({type(error).__name__})")

    async def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            # Reading the machine's certificates takes a while.
            tls = await asyncio.to_thread(ssl.create_default_context)
            if self._session is None:
                self._session = open_session(tls, self._resolving)
        return self._session


def name_of(target: Target) -> str:
    """`witness-NAME` or `anchor-NAME`: no two targets share one."""
    return f"{'witness' if isinstance(target, Witness) else 'anchor'}-{target.name}"


async def _read(reply: aiohttp.ClientResponse) -> bytes:
    """Its body, cut where no honest one ends."""
    said = b""
    while piece := await reply.content.read(ANSWER_BYTES_MAX - len(said)):
        said += piece
    return said


def _put(anchor: Anchor, head: Head) -> Outcome:
    assert anchor.location is not None
    bucket = object_storage.bucket_of(
        anchor.location, resolve, endpoint=anchor.endpoint, region=anchor.region,
        credentials=anchor.credentials,
    )  # fmt: skip
    return object_storage.put(bucket, head, anchor.timeout_ms)
