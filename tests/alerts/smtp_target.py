"""A small SMTP server on loopback (RFC 5321, STARTTLS, AUTH PLAIN) with faults on demand."""

from __future__ import annotations

import asyncio
import base64
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate for 127.0.0.1 that vouches for itself. `path`: it, and its key."""

    path: Path

    def server_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path)
        return context


def make_certificate(folder: Path) -> Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
    return Certificate(path)


@dataclass
class SmtpTarget:
    """Use `async with`. `replies`: verb -> its answer, e.g. {"rcpt": "550 no"}; "" = none at all.

    `tls`: from the first byte. `starttls`: offered. `drips`: where there is no answer, a byte now
    and then, to keep the caller waiting. `cut`: a connection has ended.
    """

    certificate: Certificate
    tls: bool = False
    starttls: bool = True
    replies: dict[str, str] = field(default_factory=dict)
    drips: bool = False
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    logins: list[bytes] = field(default_factory=list)
    port: int = 0

    async def __aenter__(self) -> SmtpTarget:
        self.cut = asyncio.Event()
        context = self.certificate.server_context() if self.tls else None
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._say(reader, writer, self.replies.get("greeting", "220 ready"))
            while line := await reader.readline():
                await self._command(line.strip(), reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self.cut.set()
            writer.close()

    async def _command(
        self, line: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        verb = line.split(b" ")[0].split(b":")[0].decode().lower()
        secure = writer.get_extra_info("ssl_object") is not None
        usual = {"data": "354 go on", "quit": "221 bye", "auth": "235 in"}.get(verb, "250 ok")
        if verb == "ehlo":
            offers = ["250-here", *(["250-STARTTLS"] if self.starttls and not secure else [])]
            usual = "\r\n".join([*offers, "250 AUTH PLAIN"])
        if verb == "starttls":
            usual = "220 go on"
        if verb == "auth":
            self.logins.append(base64.b64decode(line.split(b" ")[-1]))
        if verb == "rcpt":
            self.recipients.append(line.decode())
            usual = self.replies.get(line.decode().lower().split("<")[-1].rstrip(">"), usual)
        await self._say(reader, writer, self.replies.get(verb, usual))
        if verb == "starttls":
            await writer.start_tls(self.certificate.server_context())
        if verb == "data":
            await self._take(reader, writer)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = []
        while (line := await reader.readline()) not in (b".\r\n", b""):
            lines.append(line)
        mail = message_from_bytes(b"".join(lines), policy=default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        await self._say(reader, writer, self.replies.get("end", "250 taken"))

    async def _say(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, text: str
    ) -> None:
        while not text and self.drips:
            writer.write(b"2")
            await writer.drain()
            await asyncio.sleep(0.01)
        while not text:
            if not await reader.read(64):
                raise ConnectionError("the caller is gone")
        writer.write(text.encode() + b"\r\n")
        await writer.drain()
