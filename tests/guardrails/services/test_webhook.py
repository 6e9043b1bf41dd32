"""The custom webhook: the contract's schema, its verdicts, its transformations."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from extproc.config.base import SecretRef
from extproc.config.webhook_settings import AuthData, WebhookSettings
from extproc.guardrails.services import webhook
from extproc.guardrails.services.ports import Ports
from extproc.guardrails.values import Exam, GuardrailFault, Opinion, Passage, Remark, Scene
from extproc.llm.anthropic_messages import ANTHROPIC_MESSAGES
from extproc.llm.openai_embeddings import OPENAI_EMBEDDINGS
from tests.guardrails.services import exams
from tests.guardrails.services.standins.webhook_target import WebhookTarget

Ask = Callable[..., Any]


@pytest.fixture
async def target() -> AsyncIterator[WebhookTarget]:
    async with WebhookTarget() as running:
        assert isinstance(running, WebhookTarget)
        yield running


@pytest.fixture
def ask(target: WebhookTarget, ports: Ports) -> Ask:
    async def ask(exam: Exam, reply: Any = None, **settings: Any) -> Opinion:
        if reply is not None:
            target.reply = reply if callable(reply) else lambda question: reply
        made = WebhookSettings(url=f"{target.url}/hook", **settings)
        return await webhook.service(made, ports).ask(exam)

    return ask


async def fault(asked: Any) -> str:
    with pytest.raises(GuardrailFault) as raised:
        await asked
    return raised.value.fault


def rewritten(old: str, new: str, body: str = "requestBody") -> Callable[[Any], Any]:
    """Replaces a text wherever it stands in the body, as a webhook of the field would."""

    def reply(question: Any) -> Any:
        result = json.loads(json.dumps(question[body]).replace(old, new))
        return {"verdict": True, "transformed": True, "result": result}

    return reply


async def test_the_question_is_the_contracts(target: WebhookTarget, ask: Ask) -> None:
    """Contract 9.7: requestBody, context and config at the input hook; responseBody besides at the
    output hook."""
    body, answer = exams.chat("hello", temperature=0.5), exams.completion("hi")
    await ask(exams.asking(body), config={"level": {"max": 3}})
    await ask(exams.answering(body, answer))
    question = target.asked[0].json
    assert question == {
        "requestBody": body,
        "context": {
            "user": {"subjectId": "ana@acme.example", "subjectType": "user",
                     "subjectSlug": "ana@acme.example", "subjectDisplayName": "ana@acme.example"},
            "metadata": {"use_case": "chat"},
        },
        "config": {"level": {"max": 3}},
    }  # fmt: skip
    assert target.asked[0].headers["traceparent"] == "00-a-b-01"
    second = target.asked[1].json
    assert (second["requestBody"], second["responseBody"]) == (body, answer)


@pytest.mark.parametrize(
    ("reply", "opinion"),
    [
        ({"verdict": True}, Opinion()),
        ({"verdict": False}, Opinion((Remark("WEBHOOK_DENIED"),))),
        ({"verdict": False, "message": "not here"},
         Opinion((Remark("WEBHOOK_DENIED"),), message="not here")),
        ({"verdict": False, "message": "x" * 900},
         Opinion((Remark("WEBHOOK_DENIED"),), message="x" * 500)),
        ({"verdict": False, "message": {"a": 1}}, Opinion((Remark("WEBHOOK_DENIED"),))),
        ({"verdict": False, "transformed": True, "result": {}},
         Opinion((Remark("WEBHOOK_DENIED"),))),
        ({"verdict": True, "transformed": False, "result": {"other": 1}}, Opinion()),
        ({"result": False}, Opinion((Remark("WEBHOOK_DENIED"),))),
        ({"result": True}, Opinion()),
        ({"result": {"other": 1}}, Opinion()),
        ({}, Opinion()),
    ],
)  # fmt: skip
async def test_a_verdict_means_what_the_contract_says(
    ask: Ask, reply: Any, opinion: Opinion
) -> None:
    """Contract 9.7: the table of replies."""
    assert await ask(exams.asking(exams.chat("hello")), reply) == opinion


@pytest.mark.parametrize(
    "reply",
    [{"verdict": None}, {"verdict": "true"}, {"verdict": 1}, {"verdict": True, "transformed": "x"},
     {"verdict": True, "transformed": True}, {"verdict": True, "transformed": True, "result": None},
     [], "pass", True, 1],
)  # fmt: skip
async def test_what_is_no_verdict_is_no_pass(ask: Ask, reply: Any) -> None:
    """P3: an answer of another shape is a failed guardrail."""
    answered = reply if reply != [] else (lambda question: [])
    assert await fault(ask(exams.asking(exams.chat("hello")), answered)) == "bad_answer"


async def test_a_null_of_the_older_template_passes(ask: Ask) -> None:
    """Contract 9.7: no verdict, and no `result` that is false."""
    assert await ask(exams.asking(exams.chat("hello")), lambda question: None) == Opinion()


async def test_credentials_are_read_at_each_use(
    target: WebhookTarget, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P4: a rotated secret works at once, a missing one is `unauthorized`."""
    auth = AuthData(type="bearer-auth", bearer_token=SecretRef(env="ENVELOPE_TEST_HOOK_TOKEN"))
    exam = exams.asking(exams.chat("hello"))
    target.authorization = "Bearer hook-token"
    assert await ask(exam, auth_data=auth) == Opinion()
    monkeypatch.setenv("ENVELOPE_TEST_HOOK_TOKEN", "rotated")
    assert await fault(ask(exam, auth_data=auth)) == "unauthorized"
    target.authorization = "Bearer rotated"
    assert await ask(exam, auth_data=auth) == Opinion()
    for bad in ("", "a\nb", "é"):
        monkeypatch.setenv("ENVELOPE_TEST_HOOK_TOKEN", bad)
        asked = len(target.asked)
        assert await fault(ask(exam, auth_data=auth)) == "unauthorized"
        assert len(target.asked) == asked


async def test_basic_auth_and_headers(target: WebhookTarget, ask: Ask) -> None:
    """Contract 9.4: `basic-auth`, and headers of the operator's, secret ones included."""
    target.authorization = "Basic Z3c6b3BlbjpzZXNhbWU="
    password = SecretRef(env="ENVELOPE_TEST_HOOK_PASSWORD")
    await ask(
        exams.asking(exams.chat("hello")),
        auth_data=AuthData(type="basic-auth", username="gw", password=password),
        headers={"X-Team": "safety"},
        secret_headers={"x-api-key": SecretRef(env="ENVELOPE_TEST_HOOK_TOKEN")},
    )
    headers = target.asked[0].headers
    assert (headers["x-team"], headers["x-api-key"]) == ("safety", "hook-token")


# --- transformations ---------------------------------------------------------------------------


async def test_texts_of_a_request_are_changed(ask: Ask) -> None:
    """P5: every text it changed, by the passage it belongs to; nothing else moves."""
    body = exams.chat("my name is Ana", "nothing", "Ana again", temperature=1.0)
    before = deepcopy(body)
    opinion = await ask(exams.asking(body), rewritten("Ana", "NAME"))
    assert opinion == Opinion(texts={0: "my name is NAME", 2: "NAME again"})
    assert body == before


async def test_texts_of_an_answer_of_another_dialect_are_changed(ask: Ask) -> None:
    """P5: the answer is in the provider's dialect, whatever the caller speaks."""
    answer = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m",
        "content": [{"type": "text", "text": "call Ana"},
                    {"type": "tool_use", "id": "t", "name": "mail", "input": {"to": ["Ana"]}}],
        "stop_reason": "tool_use", "usage": {"input_tokens": 1, "output_tokens": 1},
    }  # fmt: skip
    exam = exams.answering(exams.chat("x"), answer, provider=ANTHROPIC_MESSAGES)
    opinion = await ask(exam, rewritten("Ana", "NAME", "responseBody"))
    changed = {exam.passages[index].path: text for index, text in opinion.texts.items()}
    assert changed == {"content[0].text": "call NAME", "content[1].input": '{"to":["NAME"]}'}


async def test_all_choices_and_tool_arguments(ask: Ask) -> None:
    """P5: JSON stays JSON."""
    call = {"id": "t", "type": "function", "function": {"name": "f", "arguments": '{"to":"Ana"}'}}
    answer = json.loads(json.dumps(exams.completion("Ana", "for Ana", tool_calls=[call])))
    exam = exams.answering(exams.chat("x"), answer)
    opinion = await ask(exam, rewritten("Ana", "NAME", "responseBody"))
    changed = {exam.passages[index].path: text for index, text in opinion.texts.items()}
    assert changed == {
        "choices[0].message.content": "NAME",
        "choices[1].message.content": "for NAME",
        "choices[0].message.tool_calls[0].function.arguments": '{"to":"NAME"}',
        "choices[1].message.tool_calls[0].function.arguments": '{"to":"NAME"}',
    }
    assert await fault(ask(exam, _unquoted)) == "bad_answer"


def _unquoted(question: Any) -> Any:
    result = deepcopy(question["responseBody"])
    result["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] = '{"to":NAME}'
    return {"verdict": True, "transformed": True, "result": result}


async def test_an_embeddings_input_is_changed(ask: Ask) -> None:
    """P5: every dialect has texts."""
    body = {"model": "e", "input": ["Ana", "b"]}
    scene = replace(exams.SCENE, operation="embeddings")
    exam = exams.asking(body, OPENAI_EMBEDDINGS, scene)
    assert (await ask(exam, rewritten("Ana", "NAME"))).texts == {0: "NAME"}


async def test_a_tool_call_is_shown_by_name_and_arguments(target: WebhookTarget, ask: Ask) -> None:
    """P5: a hook without a model's body has a body too."""
    scene = Scene(server="crm", tool="find", arguments={"q": "Ana"}, dialect="mcp")
    exam = Exam("mcp_tool_pre_invoke", scene, (Passage("arguments.q", "tool_arguments", "Ana"),))
    assert (await ask(exam, rewritten("Ana", "NAME"))).texts == {0: "NAME"}
    assert target.asked[0].json["requestBody"] == {"name": "find", "arguments": {"q": "Ana"}}


def changing(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def reply(question: Any) -> Any:
        body = question.get("responseBody", question["requestBody"])
        changed = change(body)
        result = body if changed is None else changed
        return {"verdict": True, "transformed": True, "result": result}

    return reply


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.update(model="other"),
        lambda body: body.update(temperature=0.1),
        lambda body: body.update(temperature=True),
        lambda body: body.update(added="x"),
        lambda body: body.pop("temperature"),
        lambda body: body["messages"].append({"role": "user", "content": "x"}),
        lambda body: body["messages"].pop(),
        lambda body: body["messages"][0].update(role="system"),
        lambda body: body["messages"][0].update(content=["hello"]),
        lambda body: body["messages"][0].update(content=None),
        lambda body: body["messages"][1].update(content="not looked at, changed"),
        lambda body: [],
        lambda body: "hello",
    ],
)
async def test_anything_but_a_text_that_was_looked_at_stays(ask: Ask, change: Any) -> None:
    """P1: a webhook may not choose another model, nor write what nobody looked at."""
    body = exams.chat("hello", "other role", temperature=1)
    exam = exams.asking(body)
    seen = replace(exam, passages=exam.passages[:1])
    assert await fault(ask(seen, changing(change))) == "bad_answer"


async def test_a_number_written_otherwise_is_the_same(ask: Ask) -> None:
    """P5: JavaScript writes 1.0 as 1."""
    body = exams.chat("hello", temperature=1.0)
    opinion = await ask(exams.asking(body), changing(lambda body: body.update(temperature=1)))
    assert opinion == Opinion()


async def test_two_texts_of_one_path_cannot_be_told_apart(ask: Ask) -> None:
    """P1: what cannot be matched is not changed."""
    answer = exams.completion("Ana", "Ana")
    answer["choices"][1]["index"] = 0
    exam = exams.answering(exams.chat("x"), answer)
    change = rewritten("Ana", "NAME", "responseBody")
    assert await fault(ask(exam, change)) == "bad_answer"
    one = changing(lambda body: body["choices"][0]["message"].update(content="NAME"))
    assert await fault(ask(exam, one)) == "bad_answer"


async def test_a_passage_that_is_not_what_stands_in_the_body_stays(ask: Ask) -> None:
    """P1: what the hook looked at and what the webhook was shown must be the same text."""
    exam = exams.asking(exams.chat("my name is Ana"))
    other = (replace(exam.passages[0], text="my name is [NAME]"),)
    change = rewritten("Ana", "NAME")
    assert await fault(ask(replace(exam, passages=other), change)) == "bad_answer"


async def test_a_request_on_its_way_cannot_be_changed(target: WebhookTarget, ask: Ask) -> None:
    """P1: `target: request` at the output hook judges and does not write."""
    exam = exams.answering(exams.chat("Ana"), exams.completion("hi"))
    assert await ask(exam, {"verdict": True}, target="request") == Opinion()
    assert "responseBody" not in target.asked[0].json
    change = rewritten("Ana", "NAME")
    assert await fault(ask(exam, change, target="request")) == "bad_answer"


async def test_there_is_no_answer_to_judge_before_the_call(ask: Ask) -> None:
    """P3: a rule that names the wrong hook is no pass."""
    assert await fault(ask(exams.asking(exams.chat("x")), target="response")) == "defect"


# --- streams -----------------------------------------------------------------------------------

OPENAI_CHANNELS = (
    Passage("choices[0].reasoning_content", "reasoning", "think of Ana"),
    Passage("choices[0].content", "assistant", "dear Ana"),
    Passage("choices[0].tool_calls[0].name", "tool_arguments", "mail"),
    Passage("choices[0].tool_calls[0].arguments", "tool_arguments", '{"to": "Ana"}', True),
    Passage("choices[1].content", "assistant", "second"),
    Passage("choices[1].refusal", "refusal", "no, Ana"),
)
ANTHROPIC_CHANNELS = (
    Passage("content[0].text", "assistant", "dear Ana"),
    Passage("content[1].name", "assistant", "mail"),
    Passage("content[1].input", "tool_arguments", '{"to": "Ana"}', True),
    Passage("content[2].text", "assistant", "yours"),
)


async def test_a_stream_is_shown_as_a_chat_completion(target: WebhookTarget, ask: Ask) -> None:
    """P5: one choice per choice of the stream, fields by role."""
    await ask(exams.streaming(exams.chat("x"), *OPENAI_CHANNELS))
    assert target.asked[0].json["responseBody"] == {
        "object": "chat.completion",
        "choices": [
            {"index": 0, "finish_reason": None, "message": {
                "role": "assistant", "content": "dear Ana", "reasoning_content": "think of Ana",
                "tool_calls": [{"type": "function", "function": {
                    "name": "mail", "arguments": '{"to": "Ana"}'}}]}},
            {"index": 1, "finish_reason": None, "message": {
                "role": "assistant", "content": "second", "refusal": "no, Ana"}},
        ],
    }  # fmt: skip


async def test_a_stream_of_another_dialect_is_shown_alike(target: WebhookTarget, ask: Ask) -> None:
    """P5: a webhook of the field needs to know one shape."""
    await ask(exams.streaming(exams.chat("x"), *ANTHROPIC_CHANNELS))
    assert target.asked[0].json["responseBody"]["choices"] == [
        {"index": 0, "finish_reason": None, "message": {
            "role": "assistant",
            "content": [{"type": "text", "text": "dear Ana"}, {"type": "text", "text": "yours"}],
            "tool_calls": [{"type": "function", "function": {
                "name": "mail", "arguments": '{"to": "Ana"}'}}]}},
    ]  # fmt: skip


@pytest.mark.parametrize("channels", [OPENAI_CHANNELS, ANTHROPIC_CHANNELS])
async def test_texts_of_a_stream_are_changed(ask: Ask, channels: tuple[Passage, ...]) -> None:
    """P5: by channel, and every one that was changed."""
    opinion = await ask(
        exams.streaming(exams.chat("x"), *channels), rewritten("Ana", "NAME", "responseBody")
    )
    assert opinion.texts == {
        index: passage.text.replace("Ana", "NAME")
        for index, passage in enumerate(channels)
        if "Ana" in passage.text
    }
