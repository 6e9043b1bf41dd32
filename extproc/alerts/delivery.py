"""One attempt to deliver one alert through one channel. The only place that reads its secrets.

Promises: secrets are read anew for each attempt (a rotated one works at once) and go nowhere but
into the request (P4); every attempt ends within its time.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import aiohttp

from extproc.alerts.channels import (
    email,
    ms_teams_webhook,
    pagerduty,
    slack_webhook,
    webhook,
)
from extproc.alerts.post import open_session, post
from extproc.alerts.values import Again, Alert, HttpPost, Outcome, Refused
from extproc.config.alert_model import NotificationChannel, NotificationTarget
from extproc.config.base import SecretRef
from extproc.config.secrets import SecretMissing, resolve

HTTP_TIMEOUT_S = 10.0
MAIL_TIMEOUT_S = 30.0
MAIL_STEP_S = 10.0
THREADS_MAX = 64
"""Name look-ups and mail servers: one that hangs must not keep the others from a thread."""


class Delivery:
    """Owns the connections and threads of all channels. `clock_ms`: Unix time.

    `timeout_s`: replaces both time limits of an attempt.
    """

    def __init__(self, clock_ms: Callable[[], int], timeout_s: float | None = None) -> None:
        self._clock_ms = clock_ms
        self._http_s = timeout_s or HTTP_TIMEOUT_S
        self._mail_s = timeout_s or MAIL_TIMEOUT_S
        self._tls = ssl.create_default_context()
        self._threads = ThreadPoolExecutor(THREADS_MAX, thread_name_prefix="alerts")
        self._session: aiohttp.ClientSession | None = None

    async def send(
        self, channel: NotificationChannel, target: NotificationTarget, alert: Alert
    ) -> Outcome:
        """Never raises but for cancellation."""
        try:
            if channel.kind == "email":
                return await self._mail(channel, target, alert)
            request = prepared(channel, alert, self._clock_ms() // 1000)
            return await post(self._open(), request, self._http_s, self._clock_ms())
        except SecretMissing:
            return Refused("a secret of it cannot be read")
        except Exception as error:
            return Refused(f"its message cannot be made ({type(error).__name__})")

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = open_session(self._tls, self._threads)
        return self._session

    async def _mail(
        self, channel: NotificationChannel, target: NotificationTarget, alert: Alert
    ) -> Outcome:
        smtp, line = channel.smtp, email.Line()
        if smtp is None:
            return Refused("it has no `smtp`")
        password = resolve(smtp.password).decode() if smtp.password is not None else None
        mail = email.message(alert, smtp.from_email, target.to_emails, self._clock_ms() // 1000)
        step_s = min(MAIL_STEP_S, self._mail_s)
        sending = asyncio.get_running_loop().run_in_executor(
            self._threads, email.send, line, smtp, password, mail, self._tls, step_s
        )
        try:
            async with asyncio.timeout(self._mail_s):
                return await sending
        except TimeoutError:
            return Again("no answer in time")
        finally:
            if not sending.done() or sending.cancelled():
                line.cut()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
        self._threads.shutdown(wait=False, cancel_futures=True)


def prepared(channel: NotificationChannel, alert: Alert, now_s: int) -> HttpPost:
    """The request of every channel but e-mail, with its secrets. Raises SecretMissing."""
    match channel.kind:
        case "webhook":
            secret = _secret(channel.hmac_secret)
            return webhook.request(alert, _text(channel.url), secret, now_s)
        case "slack-webhook":
            return slack_webhook.request(alert, _text(channel.url))
        case "ms-teams-webhook":
            return ms_teams_webhook.request(alert, _text(channel.url))
        case "pagerduty":
            key = _text(channel.integration_key)
            return pagerduty.request(alert, channel.integration_url, key)
        case _:
            raise ValueError(channel.kind)


def _secret(ref: SecretRef | None) -> bytes:
    if ref is None:
        raise SecretMissing("not configured")
    return resolve(ref)


def _text(ref: SecretRef | None) -> str:
    return _secret(ref).decode()
