"""Bedrock Guardrails against its stand-in, and the signature against botocore's own client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import botocore.auth
import pytest
from botocore.config import Config
from botocore.session import Session

from extproc.config.base import SecretRef
from extproc.config.bedrock_guardrails_settings import AwsCredentials, BedrockGuardrailsSettings
from extproc.guardrails.services import bedrock_guardrails as module
from extproc.guardrails.services.bedrock_guardrails import BedrockGuardrails
from extproc.guardrails.services.ports import Ports, Reply
from extproc.guardrails.values import Exam, GuardrailFault, Opinion, Remark
from tests.guardrails.services.exams import texts
from tests.guardrails.services.standins.bedrock_guardrails import (
    BLOCKED,
    KEY_ID,
    REGION,
    SECRET,
    BedrockGuardrailsStandIn,
)
from tests.guardrails.services.standins.loopback import Asked
from tests.guardrails.services.standins.sigv4 import signed_by

FIRST = "messages[0].content"
ARN = "arn:aws:bedrock:eu-central-1:123456789012:guardrail/abc123"
NAMED = AwsCredentials(
    access_key_id=SecretRef(env="ENVELOPE_TEST_AWS_ID"),
    secret_access_key=SecretRef(env="ENVELOPE_TEST_AWS_SECRET"),
)


@pytest.fixture
async def bedrock(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> AsyncIterator[BedrockGuardrailsStandIn]:
    """Nothing of this machine's own AWS configuration is in reach."""
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
                 "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_EC2_METADATA_DISABLED",
                 "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                 "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    async with BedrockGuardrailsStandIn() as running:
        assert isinstance(running, BedrockGuardrailsStandIn)
        yield running


def made(bedrock: BedrockGuardrailsStandIn, ports: Ports, **other: Any) -> BedrockGuardrails:
    given = {"guardrail_id": "abc123", "guardrail_version": "7", "region": REGION,
             "endpoint": bedrock.url, "credentials": NAMED, **other}  # fmt: skip
    return module.service(BedrockGuardrailsSettings(**given), ports)


async def fault(service: BedrockGuardrails, exam: Exam) -> str:
    with pytest.raises(GuardrailFault) as raised:
        await service.ask(exam)
    return raised.value.fault


# --- verdicts ----------------------------------------------------------------------------------


async def test_a_clean_text_passes(bedrock: BedrockGuardrailsStandIn, ports: Ports) -> None:
    """P5: one call, one block per text, the hook's side as source."""
    service = made(bedrock, ports)
    assert await service.ask(texts("hello", " ", "there")) == Opinion()
    assert await service.ask(texts("hi", hook="llm_output")) == Opinion()
    assert bedrock.asked[0].json == {
        "source": "INPUT",
        "content": [{"text": {"text": "hello"}}, {"text": {"text": "there"}}],
    }
    assert bedrock.asked[1].json["source"] == "OUTPUT"


@pytest.mark.parametrize(
    ("text", "label"),
    [("a bomb", "VIOLENCE"), ("my horoscope", "TOPIC"), ("darn", "PROFANITY"),
     ("pin 1234", "PIN")],
)  # fmt: skip
async def test_what_is_blocked_is_refused_with_its_message(
    bedrock: BedrockGuardrailsStandIn, ports: Ports, text: str, label: str
) -> None:
    """P4: names of topics, words and matches are no labels; the message is the guardrail's own."""
    assert await made(bedrock, ports).ask(texts(text)) == Opinion(
        (Remark(label, FIRST),), message=BLOCKED
    )


async def test_what_is_anonymized_comes_back_masked(
    bedrock: BedrockGuardrailsStandIn, ports: Ports
) -> None:
    """P4: every text by its own output; those that did not change are left alone."""
    opinion = await made(bedrock, ports).ask(texts("mail a@b.io", "clean", "see TICKET-7, x@y.org"))
    assert opinion.texts == {0: "mail {EMAIL}", 2: "see {ticket}, {EMAIL}"}
    assert opinion.remarks == (Remark("EMAIL"), Remark("REGEX"))
    assert opinion.message == ""


async def test_what_is_blocked_too_is_not_mended(
    bedrock: BedrockGuardrailsStandIn, ports: Ports
) -> None:
    """P3: a masked bomb is a bomb."""
    opinion = await made(bedrock, ports).ask(texts("mail a@b.io a bomb"))
    assert (opinion.texts, set(opinion.remarks)) == (
        {}, {Remark("EMAIL", FIRST), Remark("VIOLENCE", FIRST)},
    )  # fmt: skip


def intervened(assessment: Any, *outputs: str) -> dict[str, Any]:
    return {"action": "GUARDRAIL_INTERVENED", "assessments": [assessment],
            "outputs": [{"text": text} for text in outputs]}  # fmt: skip


ANONYMIZED = {"sensitiveInformationPolicy": {"piiEntities": [
    {"type": "EMAIL", "action": "ANONYMIZED", "match": "m"}]}}  # fmt: skip


@pytest.mark.parametrize(
    ("reply", "remark"),
    [
        (intervened(ANONYMIZED), "EMAIL"),
        (intervened(ANONYMIZED, "one", "too many"), "EMAIL"),
        ({**intervened(ANONYMIZED), "outputs": None}, "EMAIL"),
        ({**intervened(ANONYMIZED), "outputs": [{"text": 1}]}, "EMAIL"),
        (intervened({}), "OTHER"),
        (intervened({}, "masked"), "OTHER"),
        (intervened({"newPolicy": {"x": 1}}, "masked"), "OTHER"),
        (intervened("?"), "OTHER"),
        ({"action": "GUARDRAIL_INTERVENED"}, "OTHER"),
        (intervened({"sensitiveInformationPolicy": {"piiEntities": [
            {"type": "SHOE_SIZE", "action": "SOMETHING_NEW"}]}}, "masked"), "OTHER"),
        (intervened({"contextualGroundingPolicy": {"filters": [
            {"type": "GROUNDING", "action": "BLOCKED", "score": 0.2}]}}, "x"), "GROUNDING"),
    ],
)  # fmt: skip
async def test_an_intervention_is_an_objection_whatever_else_the_answer_holds(
    bedrock: BedrockGuardrailsStandIn, ports: Ports, reply: Any, remark: str
) -> None:
    """P3: it is never a pass, never a mere failure, and mended only where all is understood."""
    bedrock.faults.append(reply)
    opinion = await made(bedrock, ports).ask(texts("a@b.io"))
    assert (opinion.texts, [one.label for one in opinion.remarks]) == ({}, [remark])


async def test_what_is_only_detected_passes(
    bedrock: BedrockGuardrailsStandIn, ports: Ports
) -> None:
    """P5: a filter whose action is NONE makes no objection beside one that anonymizes."""
    seen = {"contentPolicy": {"filters": [
        {"type": "HATE", "action": "NONE", "detected": True, "confidence": "LOW"}]}}  # fmt: skip
    bedrock.faults.append(intervened({**ANONYMIZED, **seen}, "masked"))
    opinion = await made(bedrock, ports).ask(texts("a@b.io"))
    assert opinion == Opinion((Remark("EMAIL", FIRST),), texts={0: "masked"})


@pytest.mark.parametrize("reply", [{}, {"action": None}, {"action": "ALLOWED"}, {"outputs": []}])
async def test_an_answer_without_an_action_is_no_pass(
    bedrock: BedrockGuardrailsStandIn, ports: Ports, reply: dict[str, Any]
) -> None:
    """P3: NONE is written out."""
    bedrock.faults.append(reply)
    assert await fault(made(bedrock, ports), texts("x")) == "bad_answer"


async def test_a_blocked_text_is_never_told_as_a_message(
    bedrock: BedrockGuardrailsStandIn, ports: Ports
) -> None:
    """P4: an output that is the text itself stays here."""
    blocks = {"wordPolicy": {"customWords": [{"match": "w", "action": "BLOCKED"}]}}
    bedrock.faults.append(intervened(blocks, "the secret plan"))
    opinion = await made(bedrock, ports).ask(texts("hear the secret plan now"))
    assert opinion == Opinion((Remark("WORD", FIRST),))


# --- long texts --------------------------------------------------------------------------------


async def test_long_texts_are_cut_masked_and_put_together(
    bedrock: BedrockGuardrailsStandIn, ports: Ports
) -> None:
    """P3: no call is longer than allowed, and the text comes back whole."""
    bedrock.text_max = 2_000
    lines = [f"line {n} 😀 é\n" for n in range(600)]
    lines[3], lines[590] = "mail a@b.io\n", "mail x@y.org\n"
    opinion = await made(bedrock, ports, call_chars_max=2_000).ask(texts("first", "".join(lines)))
    masked = "".join(lines).replace("a@b.io", "{EMAIL}").replace("x@y.org", "{EMAIL}")
    assert opinion.texts == {1: masked}
    assert len(bedrock.asked) > 4 and bedrock.most_at_once > 1


async def test_what_is_blocked_in_one_call_is_not_mended_by_another(
    bedrock: BedrockGuardrailsStandIn, ports: Ports
) -> None:
    """P3: a long text with an address here and a bomb there is refused."""
    service = made(bedrock, ports, call_chars_max=1_000)
    opinion = await service.ask(texts("mail a@b.io " + "x " * 490, "a bomb " + "y " * 490))
    assert len(bedrock.asked) > 1
    assert (opinion.texts, opinion.message) == ({}, BLOCKED)
    assert {remark.label for remark in opinion.remarks} == {"EMAIL", "VIOLENCE"}


async def test_what_stands_on_a_cut_is_refused_not_missed(
    bedrock: BedrockGuardrailsStandIn, ports: Ports
) -> None:
    """P3: it cannot be masked piece by piece, so it is not let through either."""
    bedrock.text_max = 1_000
    service = made(bedrock, ports, call_chars_max=1_000)
    mail = "someone@example.org"
    for at in range(1_000 - len(mail) - 1, 1_001, 3):
        text = "x " * (at // 2) + mail + " y" * 300
        opinion = await service.ask(texts(text))
        assert opinion.objects and mail not in str(opinion.texts)
        assert opinion.texts == {} or opinion.texts == {0: text.replace(mail, "{EMAIL}")}
    elsewhere = await service.ask(texts("-" * 990 + mail + "-" * 90 + " mail a@b.io"))
    assert elsewhere.objects and elsewhere.texts == {}
    hard = await service.ask(texts("-" * 990 + " " + "é" * 200 + mail + "é" * 300))
    assert hard.objects and hard.texts in ({}, {0: "-" * 990 + " " + "{EMAIL}"})


# --- signature and credentials -----------------------------------------------------------------


@pytest.mark.parametrize("name", ["abc123", ARN])
async def test_the_request_is_the_one_botocores_client_sends(
    bedrock: BedrockGuardrailsStandIn, ports: Ports, name: str
) -> None:
    """Same path, same body, and a signature that an independent verifier accepts of both."""
    await made(bedrock, ports, guardrail_id=name).ask(texts("hello é 😀"))

    def call() -> Any:
        client = Session().create_client(
            "bedrock-runtime", region_name=REGION, endpoint_url=bedrock.url,
            aws_access_key_id=KEY_ID, aws_secret_access_key=SECRET,
            config=Config(proxies={}, retries={"max_attempts": 0}),
        )  # fmt: skip
        return client.apply_guardrail(
            guardrailIdentifier=name, guardrailVersion="7", source="INPUT",
            content=[{"text": {"text": "hello é 😀"}}],
        )  # fmt: skip

    assert (await asyncio.to_thread(call))["action"] == "NONE"
    ours, theirs = bedrock.asked
    assert (ours.path, ours.query, ours.json) == (theirs.path, theirs.query, theirs.json)
    for asked in (ours, theirs):
        assert signed_by(asked, {KEY_ID: SECRET}, REGION, "bedrock") == KEY_ID


async def test_the_signature_is_botocores_at_that_second(
    bedrock: BedrockGuardrailsStandIn, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fixed time gives a fixed signature, over exactly the bytes that left."""
    at = datetime(2026, 11, 21, 15, 4, 5, tzinfo=UTC)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: at)
    await made(bedrock, ports).ask(texts("hello"))
    await made(bedrock, ports).ask(texts("hello"))
    first, second = bedrock.asked
    assert first.headers["x-amz-date"] == "20261121T150405Z"
    assert first.headers["authorization"] == second.headers["authorization"]


@pytest.mark.parametrize("part", ["path", "query", "body", "x-amz-date", "host", "content-type"])
async def test_the_verifier_sees_every_change(
    bedrock: BedrockGuardrailsStandIn, ports: Ports, part: str
) -> None:
    """The check above can fail: what is signed cannot be changed."""
    await made(bedrock, ports).ask(texts("hello"))
    asked = bedrock.asked[0]
    headers = dict(asked.headers)
    path, query, body = asked.path, asked.query, asked.body
    match part:
        case "path":
            path += "/"
        case "query":
            query = "a=b"
        case "body":
            body += b" "
        case _:
            headers[part] = headers[part][:-1] + "x"
    changed = Asked(path, query, headers, body)
    assert signed_by(changed, {KEY_ID: SECRET}, REGION, "bedrock") is None


async def test_named_credentials_are_read_at_each_use(
    bedrock: BedrockGuardrailsStandIn, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P4: a rotated secret works at once; a wrong or missing one is `unauthorized`."""
    service = made(bedrock, ports)
    monkeypatch.setenv("ENVELOPE_TEST_AWS_SECRET", "wrong")
    assert await fault(service, texts("x")) == "unauthorized"
    monkeypatch.setenv("ENVELOPE_TEST_AWS_SECRET", SECRET)
    assert await service.ask(texts("x")) == Opinion()
    monkeypatch.delenv("ENVELOPE_TEST_AWS_SECRET")
    assert await fault(service, texts("x")) == "unauthorized"


async def test_a_session_token_is_sent_and_signed(
    bedrock: BedrockGuardrailsStandIn, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Temporary credentials have three parts."""
    monkeypatch.setenv("ENVELOPE_TEST_AWS_TOKEN", "session/token==")
    bedrock.session = "session/token=="
    token = SecretRef(env="ENVELOPE_TEST_AWS_TOKEN")
    given = NAMED.model_copy(update={"session_token": token})
    assert await made(bedrock, ports, credentials=given).ask(texts("x")) == Opinion()


async def test_awss_own_chain(
    bedrock: BedrockGuardrailsStandIn, ports: Ports, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without `credentials`: the environment, or the shared file; neither is `unauthorized`, at
    once, for nobody asks a metadata service that is not there."""
    assert await fault(made(bedrock, ports, credentials=None), texts("x")) == "unauthorized"
    lines = f"[default]\naws_access_key_id={KEY_ID}\naws_secret_access_key={SECRET}\n"
    (tmp_path / "credentials").write_text(lines)
    assert await made(bedrock, ports, credentials=None).ask(texts("x")) == Opinion()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    assert await fault(made(bedrock, ports, credentials=None), texts("x")) == "unauthorized"
    monkeypatch.setenv("AWS_PROFILE", "does-not-exist")
    assert await fault(made(bedrock, ports, credentials=None), texts("x")) == "unauthorized"


async def test_the_metadata_service_is_asked_only_when_told(
    bedrock: BedrockGuardrailsStandIn, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P5: off EC2 it is a network that does not answer."""
    asked: list[str] = []

    def metadata(self: Any) -> dict[str, str]:
        asked.append("metadata")
        return {}

    monkeypatch.setattr(
        "botocore.utils.InstanceMetadataFetcher.retrieve_iam_role_credentials", metadata
    )
    assert await fault(made(bedrock, ports, credentials=None), texts("x")) == "unauthorized"
    assert asked == []
    told = made(bedrock, ports, credentials=None, instance_metadata=True)
    assert await fault(told, texts("x")) == "unauthorized"
    assert asked == ["metadata"]


async def test_the_public_endpoint_of_a_region(ports: Ports) -> None:
    """Where the settings name none."""
    urls: list[str] = []

    class Nowhere:
        async def post(self, url: str, body: bytes, headers: Any) -> Reply:
            urls.append(url)
            return Reply(200, b'{"action": "NONE"}')

    nowhere = Ports(Nowhere(), "", lambda name: "", lambda: 0)
    for region in ("eu-central-1", "cn-north-1"):
        settings = BedrockGuardrailsSettings(
            guardrail_id=ARN, guardrail_version="DRAFT", region=region, credentials=NAMED
        )
        await module.service(settings, nowhere).ask(texts("x"))
    name = "arn%3Aaws%3Abedrock%3Aeu-central-1%3A123456789012%3Aguardrail%2Fabc123"
    path = f"/guardrail/{name}/version/DRAFT/apply"
    assert urls == [
        f"https://bedrock-runtime.eu-central-1.amazonaws.com{path}",
        f"https://bedrock-runtime.cn-north-1.amazonaws.com.cn{path}",
    ]
