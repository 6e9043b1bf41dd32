"""The opa guardrail: what is asked, what its answers mean, and a real OPA."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from extproc.config.opa_guard_settings import OpaGuardSettings
from extproc.guardrails.services.opa import input_document, service
from extproc.guardrails.services.ports import Ports, Reply
from extproc.guardrails.values import Exam, GuardrailFault, Opinion
from tests.guardrails.checks.builders import exam, told
from tests.policy.conftest import opa, opa_binary  # noqa: F401
from tests.policy.opa_process import OpaProcess

URL = "http://127.0.0.1:8181"
EXAM = exam(
    "Hello", hook="llm_input", role="user", principal={"type": "user", "name": "ada", "team": "t"},
    subjects=frozenset(("user:ada", "team:t")), metadata={"ticket": "A-1"}, models=("smart", "a/m"),
    environment="production", traceparent="00-1-2-01",
    request={"model": "smart", "stream": True, "tools": [
        {"type": "function", "function": {"name": "f"}}, {"name": "g", "input_schema": {}},
        {"type": "web_search_20250305", "name": "web_search"}, {"type": "hosted"}, 3]},
)  # fmt: skip


class Wire:
    """An Http that remembers what it was given."""

    def __init__(self, status: int = 200, body: bytes = b'{"result": true}') -> None:
        self.reply = Reply(status, body)
        self.posted: list[tuple[str, Any, Mapping[str, str]]] = []

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        self.posted.append((url, json.loads(body), headers))
        return self.reply


class RealHttp:
    """The same over urllib, for an OPA on this machine."""

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        request = urllib.request.Request(url, body, dict(headers))
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: ASYNC210
            return Reply(response.status, response.read())


async def ask(http: Any, exam: Exam = EXAM, **fields: Any) -> Opinion:
    settings = OpaGuardSettings.model_validate(
        {"opa_url": URL, "policy_path": "envelope/guardrail", **fields}, strict=False
    )
    return await service(settings, Ports(http, "", str, int)).ask(exam)


@pytest.mark.parametrize(("body", "label"), [
    ({"result": True}, None), ({"result": {"allow": True}}, None),
    ({"result": {"allow": True, "message": "x"}}, None), ({"result": False}, "DENIED"),
    ({"result": {"allow": False}}, "DENIED"), ({}, "UNDEFINED"), ({"result": {}}, "UNDEFINED"),
    ({"result": {"deny": False}}, "UNDEFINED"), ({"warning": {"code": "x"}}, "UNDEFINED"),
])  # fmt: skip
async def test_what_answers_mean(body: Any, label: str | None) -> None:
    """P1: only a true allows; undefined refuses as false does."""
    opinion = await ask(Wire(body=json.dumps(body).encode()))
    assert [name for name, _ in told(opinion)] == ([] if label is None else [label])
    assert opinion.objects == (label is not None)


@pytest.mark.parametrize(("status", "body", "fault"), [
    (200, b"", "bad_answer"), (200, b"true", "bad_answer"), (200, b"<html>", "bad_answer"),
    (200, b'{"result": "true"}', "bad_answer"), (200, b'{"result": 1}', "bad_answer"),
    (200, b'{"result": null}', "bad_answer"), (200, b'{"result": [true]}', "bad_answer"),
    (200, b'{"result": {"allow": "true"}}', "bad_answer"), (201, b'{"result": true}', "bad_answer"),
    (200, b'{"result": {"allow": 1}}', "bad_answer"), (302, b"", "bad_answer"),
    (401, b"", "unauthorized"), (403, b"", "unauthorized"), (429, b"", "rate_limited"),
    (413, b"", "too_large"), (500, b'{"result": true}', "bad_answer"),
])  # fmt: skip
async def test_answers_that_decide_nothing(status: int, body: bytes, fault: str) -> None:
    """P1: what is neither yes nor no is a failure, and never a yes."""
    with pytest.raises(GuardrailFault) as told_of:
        await ask(Wire(status, body))
    assert told_of.value.fault == fault


async def test_the_message_is_the_policys() -> None:
    """P4: the caller hears what the policy says, up to a bound, and only with a refusal."""
    body = {"result": {"allow": False, "message": "Not here. " * 100}}
    assert len((await ask(Wire(body=json.dumps(body).encode()))).message) == 500
    body = {"result": {"allow": False, "message": 3}}
    assert (await ask(Wire(body=json.dumps(body).encode()))).message == ""


async def test_what_is_asked() -> None:
    """P6: the document is the one that policy authors were promised."""
    wire = Wire()
    await ask(wire, opa_url=URL + "/")
    url, document, headers = wire.posted[0]
    assert url == f"{URL}/v1/data/envelope/guardrail"
    assert headers == {"content-type": "application/json", "traceparent": "00-1-2-01"}
    assert document == {"input": {
        "hook": "llm_input",
        "principal": {"type": "user", "name": "ada", "team": "t", "key": None},
        "subjects": ["team:t", "user:ada"],
        "metadata": {"ticket": "A-1"},
        "environment": "production",
        "request": {"operation": "chat", "dialect": "openai", "model": "smart",
                    "models": ["smart", "a/m"], "stream": True,
                    "tools": ["f", "g", "web_search", "hosted"]},
        "texts": [{"path": "t[0]", "role": "user", "text": "Hello"}],
        "tool": None,
    }}  # fmt: skip


async def test_texts_stay_here_on_demand() -> None:
    """P4: with `send_texts: false` nothing that was said leaves."""
    wire = Wire()
    await ask(wire, send_texts=False)
    assert wire.posted[0][1]["input"]["texts"] == []
    assert "Hello" not in json.dumps(wire.posted[0][1])


async def test_a_tool_call_and_odd_values() -> None:
    """P8: a lone surrogate and a huge integer are sent as JSON has them."""
    call = exam("\ud800", hook="mcp_tool_pre_invoke", server="s", tool="t",
                arguments={"n": 10**30, "list": [1, {"a": None}]})  # fmt: skip
    wire = Wire()
    await ask(wire, call)
    assert wire.posted[0][1]["input"]["tool"] == {
        "server": "s", "name": "t", "arguments": {"n": 10**30, "list": [1, {"a": None}]},
    }  # fmt: skip


async def test_secrets_are_read_at_each_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """P4: a rotated token works at once; one that is gone is a failure without its name."""
    auth = {"bearer_token": {"env": "OPA_TOKEN"}}
    wire = Wire()
    for token in ("one", "two"):
        monkeypatch.setenv("OPA_TOKEN", token)
        await ask(wire, auth=auth)
        assert wire.posted[-1][2]["authorization"] == f"Bearer {token}"
        await ask(wire, auth={"header": "X-Key", "value": {"env": "OPA_TOKEN"}})
        assert wire.posted[-1][2]["x-key"] == token
    monkeypatch.delenv("OPA_TOKEN")
    with pytest.raises(GuardrailFault) as told_of:
        await ask(wire, auth=auth)
    assert told_of.value.fault == "unauthorized" and str(told_of.value) == "unauthorized"


@pytest.mark.parametrize("wrong", [
    {"policy_path": "/a"}, {"policy_path": "a/../b"}, {"policy_path": "a//b"}, {"policy_path": ""},
    {"policy_path": "a?x=1"}, {"opa_url": "ftp://x"}, {"opa_url": "http://u:p@x"},
    {"auth": {}}, {"auth": {"header": "X-Key"}}, {"auth": {"value": {"env": "A"}}},
    {"auth": {"header": "Host", "value": {"env": "A"}}},
    {"auth": {"header": "a b", "value": {"env": "A"}}},
    {"auth": {"header": "X", "value": {"env": "A"}, "bearer_token": {"env": "B"}}},
    {"opa_url": "http://opa.example", "auth": {"bearer_token": {"env": "A"}}}, {"timeout": 3},
])  # fmt: skip
def test_settings_that_could_not_work_are_mistakes(wrong: dict[str, Any]) -> None:
    """P7: paths outside the data API, half a credential, a secret in clear over the network."""
    with pytest.raises(ValueError):
        OpaGuardSettings.model_validate({"opa_url": URL, "policy_path": "a", **wrong}, strict=False)


POLICY = """
package envelope.guardrail

default allow := false

allow if {
    input.environment == "production"
    input.metadata.ticket != ""
    not forbidden
}

forbidden if {
    some text in input.texts
    contains(lower(text.text), "project falcon")
}

message := "Say which ticket this is for." if not input.metadata.ticket
"""


@pytest.fixture
def policy(opa: OpaProcess) -> Iterator[OpaProcess]:  # noqa: F811
    status, answer = opa.call("PUT", "/v1/policies/guardrail-test", POLICY.encode())
    assert status == 200, answer
    yield opa
    opa.call("DELETE", "/v1/policies/guardrail-test")


async def test_a_real_opa(policy: OpaProcess, tmp_path: Path) -> None:
    """P1: the documented policy permits, refuses with its message, and is undefined elsewhere."""
    said = {"principal": {"type": "user"}, "environment": "production", "metadata": {"ticket": "A"}}
    allowed = await ask(RealHttp(), exam("Hello", **said), opa_url=policy.url)
    falcon = await ask(RealHttp(), exam("On Project Falcon", **said), opa_url=policy.url)
    silent = await ask(RealHttp(), exam("Hello", **{**said, "metadata": {}}), opa_url=policy.url)
    bare = await ask(
        RealHttp(), exam("Hi", **said), opa_url=policy.url, policy_path="envelope/guardrail/allow"
    )
    nowhere = await ask(RealHttp(), exam("Hi", **said), opa_url=policy.url, policy_path="no/such")
    assert not allowed.objects and not bare.objects
    assert told(falcon) == told(silent) == [("DENIED", "")]
    assert silent.message == "Say which ticket this is for." and falcon.message == ""
    assert told(nowhere) == [("UNDEFINED", "")]


def test_the_document_is_plain_json() -> None:
    """P6: nothing in it depends on how the gateway holds its values."""
    document = input_document(EXAM)
    assert json.loads(json.dumps(document)) == document
