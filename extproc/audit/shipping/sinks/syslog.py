"""Syslog over TLS (RFC 5425), TCP (RFC 6587, octet counting) or UDP (RFC 5426).

Promises: TLS verifies the receiver. Syslog has no acknowledgement; the nearest to one is used: a
connection per batch, our end closed after the last message, and the batch counts when the receiver
has closed its end in turn, as it does once it has read everything (RFC 5425 4.4). Over TLS it must
say so (close_notify); over TCP a receiver that dies with bytes unread resets the connection. One
that keeps its end open gets the batch again. Over UDP nothing more is known than that it was sent.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import socket
import ssl
import struct
import termios
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from extproc.audit.shipping.values import (
    Again,
    Batch,
    Item,
    Misconfigured,
    Outcome,
    Taken,
    Unacceptable,
)

Encode = Callable[[Item, str], bytes]
"""(entry, origin) -> one message."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where it is. `tls`: the context that verifies it, for transport `tls` alone."""

    host: str
    port: int
    transport: Literal["tls", "tcp", "udp"]
    tls: ssl.SSLContext | None
    timeout_s: float


class Syslog:
    """One batch at a time, in a thread of its own."""

    def __init__(self, receiver: Receiver, encode: Encode) -> None:
        self._receiver, self._encode = receiver, encode
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="syslog")
        self._lock = threading.Lock()
        self._line: socket.socket | None = None
        self._closed = False

    async def send(self, batch: Batch) -> Outcome:
        loop = asyncio.get_running_loop()
        messages = [self._encode(item, batch.origin) for item in batch.items]
        return await loop.run_in_executor(self._threads, self._send, messages)

    async def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._line is not None:
                with suppress(OSError):
                    # The plain one: SSLSocket's would drop the encryption before the line.
                    socket.socket.shutdown(self._line, socket.SHUT_RDWR)
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _send(self, messages: list[bytes]) -> Outcome:
        try:
            if self._receiver.transport == "udp":
                return self._datagrams(messages)
            return self._stream(b"".join(b"%d %b" % (len(m), m) for m in messages))
        except ssl.SSLCertVerificationError:
            return Misconfigured("its certificate is not trusted")
        except TimeoutError:
            return Again("no answer in time")
        except OSError as error:
            what = errno.errorcode.get(error.errno or 0, type(error).__name__)
            return Again(f"cannot be reached ({what})")

    # --- datagrams ----------------------------------------------------------------------------

    def _datagrams(self, messages: list[bytes]) -> Outcome:
        receiver = self._receiver
        found = socket.getaddrinfo(receiver.host, receiver.port, type=socket.SOCK_DGRAM)
        family, kind, protocol, _, address = found[0]
        with socket.socket(family, kind, protocol) as line:
            line.settimeout(receiver.timeout_s)
            line.connect(address)  # so that "port unreachable" comes back to us
            try:
                for message in messages:
                    line.send(message)
            except OSError as error:
                if error.errno != errno.EMSGSIZE:
                    raise
                return Unacceptable("too-long-for-udp")
        return Taken()

    # --- streams ------------------------------------------------------------------------------

    def _stream(self, content: bytes) -> Outcome:
        to = self._receiver
        line: socket.socket = socket.create_connection((to.host, to.port), to.timeout_s)
        if to.tls is not None:
            # The handshake comes once `close` can cut it.
            line = to.tls.wrap_socket(line, server_hostname=to.host, do_handshake_on_connect=False)
        with line:
            self._hold(line)
            try:
                if isinstance(line, ssl.SSLSocket):
                    line.do_handshake()
                line.sendall(content)
                return _ended(line)
            finally:
                self._hold(None)

    def _hold(self, line: socket.socket | None) -> None:
        with self._lock:
            if self._closed and line is not None:
                raise OSError(errno.ECONNABORTED, "closed")
            self._line = line


def _ended(line: socket.socket) -> Outcome:
    """Close our end and wait until the receiver closes its own. Raises OSError: it broke off."""
    if isinstance(line, ssl.SSLSocket):
        # Returns with the receiver's close_notify, which nobody sends who dies.
        line.unwrap()
        return Taken()
    line.shutdown(socket.SHUT_WR)
    while line.recv(4096):
        pass
    deadline = time.monotonic() + (line.gettimeout() or 0)
    while _unacknowledged(line):
        # It closed before it had our bytes: its reset is on the way.
        if time.monotonic() > deadline:
            return Again("did not acknowledge every byte in time")
        time.sleep(0.01)
    error = line.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return Again(f"broke off ({errno.errorcode.get(error, 'error')})") if error else Taken()


def _unacknowledged(line: socket.socket) -> int:
    """Bytes that the receiver's machine has not acknowledged (tcp(7), SIOCOUTQ)."""
    answer = fcntl.ioctl(line.fileno(), termios.TIOCOUTQ, struct.pack("i", 0))
    return int(struct.unpack("i", answer)[0])
