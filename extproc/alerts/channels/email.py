"""An e-mail: plain text, over SMTP with TLS.

Promises: `tls` and `starttls` are never given up for plain text, and the server's certificate is
checked; the `message-id` is the same for every delivery of one alert. Refuses a mail to nobody.
`security: none` is for this machine only: the configuration says so.

`smtplib` blocks, so `send` runs in a thread; whoever waits for it can end it with `Line.cut`.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
from contextlib import suppress
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime

from extproc.alerts.message import facts, title
from extproc.alerts.text import clean
from extproc.alerts.values import Again, Alert, Delivered, Outcome, Refused
from extproc.config.alert_model import Smtp


def message(alert: Alert, from_email: str, to_emails: tuple[str, ...], now_s: int) -> EmailMessage:
    """Raises ValueError for addresses that no header can hold (line ends)."""
    mail = EmailMessage()
    mail["Subject"] = title(alert)
    mail["From"] = from_email
    mail["To"] = ", ".join(to_emails)
    mail["Date"] = format_datetime(datetime.fromtimestamp(now_s, UTC))
    mail["Message-ID"] = f"<{alert.id}@{clean(from_email).rpartition('@')[2].strip('<> ')}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
    mail.set_content("\n".join(f"{label}: {value}" for label, value in facts(alert)) + "\n")
    return mail


class Line:
    """The connection of one attempt, so that it can be cut from outside."""

    def __init__(self) -> None:
        self.client: smtplib.SMTP | None = None

    def cut(self) -> None:
        """A server that answers a byte now and then would else hold the thread for ever."""
        sock = getattr(self.client, "sock", None)
        if sock is not None:
            with suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)


def send(
    line: Line, smtp: Smtp, password: str | None, mail: EmailMessage, tls: ssl.SSLContext,
    timeout_s: float,
) -> Outcome:  # fmt: skip
    """Blocking: one attempt, `timeout_s` for each of its steps."""
    if not mail["To"]:
        return Refused("nobody to send to")
    try:
        kind = _Tls if smtp.security == "tls" else _Plain
        client = kind(line, smtp, tls, timeout_s)
        try:
            return _deliver(client, smtp, password, mail, tls)
        finally:
            client.close()
    except Exception as error:  # smtplib lets much through: sockets, TLS, encodings
        return _judged(error)


def _deliver(
    client: smtplib.SMTP, smtp: Smtp, password: str | None, mail: EmailMessage,
    tls: ssl.SSLContext,
) -> Delivered:  # fmt: skip
    if smtp.security == "starttls":
        client.starttls(context=tls)
    if smtp.username is not None and password is not None:
        client.login(smtp.username, password)
    refused = client.send_message(mail)
    # It is delivered: whatever the server says to QUIT must not send it a second time.
    with suppress(OSError):
        client.putcmd("quit")
    # Another attempt would reach the others twice.
    return Delivered(f"{len(refused)} of the recipients were refused" if refused else "")


class _Plain(smtplib.SMTP):
    def __init__(self, line: Line, smtp: Smtp, _: ssl.SSLContext, timeout_s: float) -> None:
        line.client = self
        super().__init__(smtp.host, smtp.port, timeout=timeout_s)


class _Tls(smtplib.SMTP_SSL):
    def __init__(self, line: Line, smtp: Smtp, tls: ssl.SSLContext, timeout_s: float) -> None:
        line.client = self
        super().__init__(smtp.host, smtp.port, timeout=timeout_s, context=tls)


def _judged(error: Exception) -> Outcome:
    """Replies are not quoted: they may hold addresses (P4). RFC 5321 4.2.1: 4yz may pass."""
    match error:
        case smtplib.SMTPRecipientsRefused(recipients=recipients):
            codes = [code for code, _ in recipients.values()]
        case smtplib.SMTPResponseException(smtp_code=int(code)):
            codes = [code]
        case smtplib.SMTPNotSupportedError():
            return Refused("the server lacks TLS, log-in or an encoding that is needed")
        case ssl.SSLCertVerificationError():
            return Refused("the server's certificate is not trusted")
        case ValueError():
            return Refused("an address or the password cannot be sent")
        case _:
            return Again(f"no answer ({type(error).__name__})")
    if codes and all(500 <= code < 600 for code in codes):
        return Refused(f"refused with {codes[0]}")
    return Again(f"refused with {codes[0] if codes else 0}")
