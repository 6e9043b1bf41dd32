"""E-mail over a real SMTP server on loopback, with faults."""

from __future__ import annotations

from typing import Any

import pytest

from extproc.alerts.backoff import REST_MS
from extproc.alerts.desk import AlertDesk
from tests.alerts.desks import Stage
from tests.alerts.smtp_target import Certificate, SmtpTarget


@pytest.fixture
def trusted(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> Certificate:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.path))
    return certificate


async def told(stage: Stage, target: SmtpTarget, timeout_s: float = 5, **smtp: Any) -> AlertDesk:
    """A desk that has noticed 76 %; its first mail is on the way."""
    given = {"host": "127.0.0.1", "port": target.port, "from_email": "gateway@example.com"}
    document = {"type": "notification-channel", "name": "mail", "kind": "email"}
    config = stage.config({**document, "smtp": {**given, **smtp}})
    desk = await stage.desk(config, timeout_s=timeout_s)
    stage.observe(desk, 76)
    return desk


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_mail_arrives_encrypted(stage: Stage, trusted: Certificate, security: str) -> None:
    """P4, alerts: STARTTLS, or TLS from the first byte; log-in with the secret."""
    async with SmtpTarget(trusted, tls=security == "tls") as target:
        password = stage.secret("smtp.password", "the-password")
        desk = await told(stage, target, security=security, username="u", password=password)
        await desk.idle()
    (mail,) = target.mails
    assert mail["Subject"] == "Budget team-month: 75 % spent"
    assert mail["To"] == "ops@example.com, cfo@example.com"
    assert "Spent: 76.00 USD (76.0 %)" in mail.get_content()
    assert [r.split("<")[1].split(">")[0] for r in target.recipients] == [
        "ops@example.com", "cfo@example.com",
    ]  # fmt: skip
    assert target.logins == [b"\0u\0the-password"]
    assert desk.figures.sent == {"email": 1}


async def test_this_machine_may_do_without(stage: Stage, certificate: Certificate) -> None:
    """Contract 2, alerts: `security: none`, to loopback."""
    async with SmtpTarget(certificate) as target:
        desk = await told(stage, target, security="none")
        await desk.idle()
    assert len(target.mails) == 1
    assert target.logins == []


async def test_a_server_without_starttls_gets_nothing(
    stage: Stage, trusted: Certificate, caplog: pytest.LogCaptureFixture
) -> None:
    """P4, alerts: no downgrade: neither the password nor the mail goes out in the clear."""
    stage.time.hold()
    async with SmtpTarget(trusted, starttls=False) as target:
        password = stage.secret("smtp.password", "the-password")
        desk = await told(stage, target, username="u", password=password)
        await stage.time.asleep()
    assert (target.mails, target.logins, target.recipients) == ([], [], [])
    assert desk.figures.failed == {"email": 1}
    assert "channel 'mail'" in caplog.text
    assert "the-password" not in caplog.text


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_certificate_nobody_vouches_for_is_refused(
    stage: Stage, certificate: Certificate, caplog: pytest.LogCaptureFixture, security: str
) -> None:
    """P4, alerts: the server's certificate is checked."""
    stage.time.hold()
    async with SmtpTarget(certificate, tls=security == "tls") as target:
        await told(stage, target, security=security)
        await stage.time.asleep()
    assert target.mails == []
    assert "certificate is not trusted" in caplog.text


@pytest.mark.parametrize(
    ("replies", "again_at_once"),
    [({"greeting": "421 busy"}, True), ({"mail": "451 later"}, True), ({"rcpt": "450 grey"}, True),
     ({"end": "452 full"}, True), ({"mail": "550 no"}, False), ({"rcpt": "550 who"}, False),
     ({"auth": "535 wrong"}, False), ({"end": "554 spam"}, False)],
)  # fmt: skip
async def test_replies_say_whether_to_try_again(
    stage: Stage, certificate: Certificate, replies: dict[str, str], again_at_once: bool
) -> None:
    """Contract, alerts: RFC 5321 4.2.1: 4yz may pass, 5yz will not by itself."""
    stage.time.hold()
    async with SmtpTarget(certificate, replies=replies) as target:
        password = stage.secret("smtp.password", "the-password")
        desk = await told(stage, target, security="none", username="u", password=password)
        await stage.time.asleep()
        assert (stage.time.slept[0] < 2) is again_at_once
        assert (stage.time.slept[0] * 1000 == REST_MS) is not again_at_once
        taken = len(target.mails)
        target.replies.clear()
        await stage.time.advance(REST_MS)
        await desk.idle()
    assert len(target.mails) == taken + 1
    assert desk.figures.sent == {"email": 1}


async def test_one_wrong_recipient_does_not_keep_it_from_the_others(
    stage: Stage, certificate: Certificate, caplog: pytest.LogCaptureFixture
) -> None:
    """Contract, alerts: it is sent once; the log says that somebody did not get it."""
    async with SmtpTarget(certificate, replies={"cfo@example.com": "550 left us"}) as target:
        desk = await told(stage, target, security="none")
        await desk.idle()
    assert len(target.mails) == 1
    assert "channel 'mail': 1 of the recipients were refused" in caplog.text
    assert "cfo" not in caplog.text


async def test_what_comes_after_the_mail_cannot_send_it_twice(
    stage: Stage, certificate: Certificate
) -> None:
    """P2, alerts: a server that hangs after it took the mail has taken it."""
    async with SmtpTarget(certificate, replies={"quit": ""}) as target:
        desk = await told(stage, target, security="none")
        await desk.idle()
    assert len(target.mails) == 1
    assert stage.time.slept == []


@pytest.mark.parametrize("drips", [False, True], ids=["silent", "a byte now and then"])
@pytest.mark.parametrize("verb", ["greeting", "rcpt"])
async def test_a_server_that_hangs_is_cut_off(
    stage: Stage, certificate: Certificate, verb: str, drips: bool
) -> None:
    """P8, alerts: the attempt ends in time, and so does its thread: the connection is cut."""
    stage.time.hold()
    async with SmtpTarget(certificate, replies={verb: ""}, drips=drips) as target:
        desk = await told(stage, target, 0.3, security="none")
        await stage.time.asleep()
        await target.cut.wait()
        target.replies.clear()
        await stage.time.advance(1_000)
        await desk.idle()
    assert len(target.mails) == 1
