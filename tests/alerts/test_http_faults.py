"""Targets that misbehave: real HTTP on loopback, a clock that jumps over the waits."""

from __future__ import annotations

import logging

import pytest

from extproc.alerts.backoff import ATTEMPTS, REST_MS
from tests.alerts.desks import HMAC_SECRET, Stage
from tests.alerts.http_target import HANG, HttpTarget
from tests.alerts.smtp_target import Certificate


async def test_an_alert_arrives(stage: Stage) -> None:
    """Contract, alerts: a POST, signed with the channel's secret, read when it is sent."""
    target = await stage.target()
    desk = await stage.desk(stage.config(stage.channel("ops", target.url)))
    stage.observe(desk, 76)
    got = await target.next()
    await desk.idle()
    assert got.json["type"] == "budget.threshold"
    assert got.headers["x-envelope-timestamp"] == str(stage.time.now_ms // 1000)
    assert HMAC_SECRET not in got.body
    assert desk.figures.sent == {"webhook": 1}
    assert stage.time.slept == []


async def test_names_are_resolved(stage: Stage) -> None:
    """P8, alerts: host names too, by threads of the desk's own."""
    target = await stage.target()
    url = target.url.replace("127.0.0.1", "localhost")
    desk = await stage.desk(stage.config(stage.channel("ops", url)))
    stage.observe(desk, 76)
    await desk.idle()
    assert target.got[0].headers["host"].startswith("localhost")


@pytest.mark.parametrize("status", [500, 502, 503, 408, 425, 429])
async def test_what_may_pass_is_tried_again(stage: Stage, status: int) -> None:
    """Contract, alerts: a few attempts, with waits that grow; the same id each time."""
    target = await stage.target()
    target.answers.extend([status, status])
    desk = await stage.desk(stage.config(stage.channel("ops", target.url)))
    stage.observe(desk, 76)
    await desk.idle()
    assert len(target.got) == 3
    assert len({got.headers["idempotency-key"] for got in target.got}) == 1
    assert 0.5 <= stage.time.slept[0] <= 1 <= stage.time.slept[1] <= 2
    assert (desk.figures.sent, desk.figures.failed) == ({"webhook": 1}, {})


async def test_retry_after_is_obeyed(stage: Stage) -> None:
    """Contract, alerts: not earlier than the target asks for, be it seconds or minutes."""
    target = await stage.target()
    target.answers.extend([(429, {"retry-after": "17"}), (503, {"retry-after": "3000"})])
    desk = await stage.desk(stage.config(stage.channel("ops", target.url)))
    stage.observe(desk, 76)
    await desk.idle()
    assert stage.time.slept == [17, 3_000]
    assert len(target.got) == 3


async def test_a_target_that_is_down_gets_it_later(stage: Stage) -> None:
    """Contract, alerts: after some attempts it rests, then it is tried again: nothing is lost."""
    target = await stage.target()
    target.answers.extend([500] * (ATTEMPTS + 1))
    desk = await stage.desk(stage.config(stage.channel("ops", target.url)))
    stage.observe(desk, 76)
    await desk.idle()
    assert len(target.got) == ATTEMPTS + 2
    assert stage.time.slept[ATTEMPTS - 1] == REST_MS / 1000
    assert (desk.figures.sent, desk.figures.failed) == ({"webhook": 1}, {"webhook": 1})


async def test_it_ends_with_the_window(stage: Stage) -> None:
    """Contract, alerts: nobody is told about a window that is over."""
    target = await stage.target()
    target.answers.extend([404] * 1_000)
    desk = await stage.desk(stage.config(stage.channel("ops", target.url)))
    stage.observe(desk, 76)
    await desk.idle()
    assert 50 < len(target.got) < 150
    assert desk.figures.failed["webhook"] == len(target.got)
    assert desk.figures.sent == {}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
async def test_what_will_not_pass_is_not_repeated_at_once(stage: Stage, status: int) -> None:
    """Contract, alerts: a wrong address or key waits for the operator."""
    target = await stage.target()
    target.answers.append(status)
    desk = await stage.desk(stage.config(stage.channel("ops", target.url)))
    stage.observe(desk, 76)
    await desk.idle()
    assert stage.time.slept == [REST_MS / 1000]


async def test_redirects_are_refused(stage: Stage) -> None:
    """P4, alerts: an alert goes where the configuration says, or nowhere."""
    target, elsewhere = await stage.target(), await stage.target()
    target.answers.append((307, {"location": elsewhere.url}))
    desk = await stage.desk(stage.config(stage.channel("ops", target.url)))
    stage.observe(desk, 76)
    await desk.idle()
    assert elsewhere.got == []
    assert desk.figures.failed == {"webhook": 1}


async def test_one_that_hangs_is_given_up(stage: Stage) -> None:
    """Contract, alerts: every attempt is bounded; the next one may succeed."""
    target = await stage.target()
    target.answers.append(HANG)
    desk = await stage.desk(stage.config(stage.channel("ops", target.url)), timeout_s=0.2)
    stage.observe(desk, 76)
    await desk.idle()
    assert len(target.got) == 2
    assert desk.figures.sent == {"webhook": 1}


async def test_a_dead_target_delays_nobody(stage: Stage) -> None:
    """P8, alerts: each target has its own lane; the others do not even notice."""
    dead, alive = await stage.target(), await stage.target()
    dead.answers.extend([HANG] * 100)
    channels = (stage.channel("dead", dead.url), stage.channel("alive", alive.url))
    desk = await stage.desk(stage.config(*channels), timeout_s=60)
    for spent_usd in (76, 91, 96, 100):
        stage.observe(desk, spent_usd)
    for percent in (75, 90, 95, 100):
        assert (await alive.next()).json["threshold"] == percent
    assert len(dead.got) == 1
    assert desk.waiting >= 4


async def test_nobody_there(stage: Stage) -> None:
    """Contract, alerts: connection refused is a failure like others."""
    async with HttpTarget() as gone:
        url, port = gone.url, gone.port
    desk = await stage.desk(stage.config(stage.channel("ops", url)))
    stage.time.hold()
    stage.observe(desk, 76)
    await stage.time.asleep()
    again = await stage.target(port=port)
    await stage.time.advance(1_000)
    await again.next()
    await desk.idle()
    assert desk.figures.sent == {"webhook": 1}


async def test_a_certificate_nobody_vouches_for_is_refused(
    stage: Stage, certificate: Certificate, caplog: pytest.LogCaptureFixture
) -> None:
    """P4, alerts: TLS is checked; the alert's text never reaches such a server."""
    target = await stage.target(tls=certificate.server_context())
    desk = await stage.desk(stage.config(stage.channel("ops", target.url)))
    stage.time.hold()
    stage.observe(desk, 76)
    await stage.time.asleep()
    assert target.got == []
    assert desk.figures.failed == {"webhook": 1}
    assert "its certificate is not trusted" in caplog.text


async def test_a_certificate_that_is_known_is_taken(
    stage: Stage, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P4, alerts: the check above refuses the certificate, not TLS."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.path))
    target = await stage.target(tls=certificate.server_context())
    desk = await stage.desk(stage.config(stage.channel("ops", target.url)))
    stage.observe(desk, 76)
    await desk.idle()
    assert len(target.got) == 1


@pytest.mark.parametrize("kind", ["webhook", "slack-webhook", "ms-teams-webhook", "pagerduty"])
async def test_errors_name_the_channel_and_no_secret(
    stage: Stage, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """P4: whoever has the URL can post; it is in no log line, whatever goes wrong."""
    caplog.set_level(logging.DEBUG)
    target = await stage.target()
    target.answers.extend([500, 404, (302, {"location": "http://x/token-abc"}), 204])
    url = target.url + "/token-abc"
    desk = await stage.desk(stage.config(stage.channel("the-ops-channel", url, kind)))
    stage.observe(desk, 76)
    await desk.idle()
    assert target.got[0].path == "/hook/token-abc"
    ours = [record.getMessage() for record in caplog.records if record.name == "envelope"]
    assert len(ours) == desk.figures.failed[kind] == 2
    assert all("the-ops-channel" in line for line in ours)
    whole = "\n".join(r.getMessage() for r in caplog.records if r.name != "aiohttp.access")
    for secret in ("token-abc", HMAC_SECRET.decode(), "key-of-the-ops-channel", "alice"):
        assert secret not in whole


async def test_a_url_that_is_none_is_refused(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    """P4, alerts: a secret that holds something else is not quoted."""
    desk = await stage.desk(stage.config(stage.channel("ops", "not-a-url-but-secret")))
    stage.time.hold()
    stage.observe(desk, 76)
    await stage.time.asleep()
    assert desk.figures.failed == {"webhook": 1}
    assert "not-a-url-but-secret" not in caplog.text


async def test_a_secret_is_read_when_it_is_needed(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    """P4, alerts: one that is missing costs an attempt; one that comes later is used."""
    target = await stage.target()
    config = stage.config(stage.channel("ops", target.url))
    (stage.secrets / "ops.hmac").unlink()
    desk = await stage.desk(config)
    stage.time.hold()
    stage.observe(desk, 76)
    await stage.time.asleep()
    assert "a secret of it cannot be read" in caplog.text
    stage.secret("ops.hmac", "another")
    await stage.time.advance(REST_MS)
    await target.next()
    await desk.idle()
    assert desk.figures.sent == {"webhook": 1}
