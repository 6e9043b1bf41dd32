"""A syslog receiver on loopback that reads RFC 5424 strictly, over TCP, TLS or UDP."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

# RFC 5424 6: the grammar, as it stands there.
_SD_NAME = r'[^\x00-\x20\x7f-\uffff=\]"]{1,32}'
_PARAM = rf'({_SD_NAME})="((?:[^"\\\]]|\\["\\\]])*)"'
_MESSAGE = re.compile(
    r"<(0|[1-9][0-9]{0,2})>1 "
    r"(-|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:[0-9]{2})) "
    r"([\x21-\x7e]{1,255}) ([\x21-\x7e]{1,48}) ([\x21-\x7e]{1,128}) ([\x21-\x7e]{1,32}) "
    rf"(-|(?:\[{_SD_NAME}(?: {_PARAM})*\])+)"
    r"(?: (.*))?",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Message:
    """One message as its receiver understands it; parameters without their escapes."""

    priority: int
    timestamp: str
    hostname: str
    app_name: str
    message_id: str
    parameters: dict[str, str]
    text: str


def read_message(data: bytes) -> Message:
    """Raises ValueError for what is not RFC 5424, control characters included."""
    text = data.decode()
    found = _MESSAGE.fullmatch(text)
    if found is None or int(found[1]) > 191 or re.search(r"[\x00-\x1f\x7f]", text):
        raise ValueError(text)
    pairs = re.findall(_PARAM, found[7])
    parameters = {name: re.sub(r'\\(["\\\]])', r"\1", value) for name, value in pairs}
    return Message(int(found[1]), found[2], found[3], found[4], found[6], parameters,
                   found[10] or "")  # fmt: skip


class Receiver:
    """In a thread, with plain sockets, so that what is unread is unread in the kernel.

    `script`: what the next connections meet; then they are read to their end. `dies`: its process
    ends after a few bytes; `refuse`: it closes at once; `silent`: it reads nothing; `hold`: it
    reads everything and keeps its end open. `messages`: whole ones.
    """

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        self.messages: list[Message] = []
        self.script: list[str] = []
        self.faults: list[Exception] = []
        self._tls = tls
        self._kept: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            mishap = self.script.pop(0) if self.script else ""
            try:
                self._one(line, mishap)
            except ssl.SSLError:
                line.close()
            except Exception as error:
                self.faults.append(error)

    def _one(self, line: socket.socket, mishap: str) -> None:
        if mishap == "refuse":
            line.close()
            return
        if self._tls is not None:
            line = self._tls.wrap_socket(line, server_side=True)
        if mishap == "silent":
            self._kept.append(line)
            return
        if mishap == "dies":
            line.recv(10)
            line.close()
            return
        data = b""
        while piece := line.recv(65_536):
            data += piece
        self._read(data)
        if mishap == "hold":
            self._kept.append(line)
        elif isinstance(line, ssl.SSLSocket):
            line.unwrap().close()
        else:
            line.close()

    def _read(self, data: bytes) -> None:
        """RFC 6587 3.4.1: MSG-LEN SP SYSLOG-MSG, to the end of the connection."""
        while data:
            length, _, data = data.partition(b" ")
            assert re.fullmatch(rb"[1-9][0-9]*", length), length
            self.messages.append(read_message(data[: int(length)]))
            data = data[int(length) :]

    def end(self) -> None:
        # Not only `close`: a thread that waits in accept(2) is not woken by that.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for line in self._kept:
            line.close()
        assert not self.faults

    @property
    def indexes(self) -> list[int]:
        return [int(m.parameters["index"]) for m in self.messages]


@contextmanager
def receiving(tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    receiver = Receiver(tls)
    try:
        yield receiver
    finally:
        receiver.end()


class Datagrams(asyncio.DatagramProtocol):
    """What came over UDP, read strictly."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def datagram_received(self, data: bytes, _: object) -> None:
        self.messages.append(read_message(data))


def certificate(folder: Path, name: str = "127.0.0.1") -> tuple[Path, ssl.SSLContext]:
    """A receiver's own certificate as a file to trust, and its context."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "receiver")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(name))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    ca_file, both = folder / "ca.pem", folder / "both.pem"
    pem = made.public_bytes(serialization.Encoding.PEM)
    ca_file.write_bytes(pem)
    both.write_bytes(pem + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ))  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    return ca_file, context
