"""The `opa` guardrail: an OPA server decides. What it does not allow is refused.

Promises: undefined refuses as `false` does (a package misspelt, a rule that did not hold); an
answer that is neither is a failure, `bad_answer`, and never an allow. Only `result` is read, and of
it `allow`, and `message` for the caller.

    POST {opa_url}/v1/data/{policy_path}    {"input": {...}}    (OPA's "Data API")
    {"result": true}    {"result": {"allow": false, "message": "Not in this region."}}

The input document:

    hook         llm_input, llm_output, mcp_tool_pre_invoke, mcp_tool_post_invoke
    principal    type, name, team, key
    subjects     all of the caller's subjects, sorted
    metadata     effective metadata
    environment  null where the gateway has none
    request      operation, dialect, model, models (every name it goes by), stream, tools (names)
    texts        path, role, text of each; [] with `send_texts: false`
    tool         null, or server, name, arguments of a tool call
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from extproc.config.opa_guard_settings import OpaAuth, OpaGuardSettings
from extproc.config.secrets import SecretMissing, resolve
from extproc.guardrails.services.ports import Http, Ports, Reply
from extproc.guardrails.values import Exam, Fault, GuardrailFault, Opinion, Remark, Scene, Service

DENIED = "DENIED"
UNDEFINED = "UNDEFINED"
MESSAGE_MAX = 500

_FAULTS: Mapping[int, Fault] = {
    401: "unauthorized", 403: "unauthorized", 413: "too_large", 429: "rate_limited",
}  # fmt: skip


def service(settings: OpaGuardSettings, ports: Ports) -> Service:
    return _Opa(settings, ports.http)


class _Opa:
    def __init__(self, settings: OpaGuardSettings, http: Http) -> None:
        self.endpoint = settings.opa_url.rstrip("/")
        self._url = f"{self.endpoint}/v1/data/{settings.policy_path}"
        self._auth = settings.auth
        self._send_texts = settings.send_texts
        self._http = http

    async def ask(self, exam: Exam) -> Opinion:
        body = _encoded({"input": input_document(exam, self._send_texts)})
        headers = {"content-type": "application/json", **_credentials(self._auth)}
        if exam.scene.traceparent:
            headers["traceparent"] = exam.scene.traceparent
        return read_reply(await self._http.post(self._url, body, headers))


def _encoded(document: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(document, default=dict)
    except TypeError:  # a lone surrogate, an integer beyond 64 bit: OPA reads either in its way
        return json.dumps(document, default=dict).encode()


def input_document(exam: Exam, send_texts: bool = True) -> dict[str, Any]:
    """What policies see; see above."""
    scene = exam.scene
    return {
        "hook": exam.hook,
        "principal": {key: scene.principal.get(key) for key in ("type", "name", "team", "key")},
        "subjects": sorted(scene.subjects),
        "metadata": dict(scene.metadata),
        "environment": scene.environment or None,
        "request": _request(scene, exam.request),
        "texts": [
            {"path": one.path, "role": one.role, "text": one.text} for one in exam.passages
        ] if send_texts else [],
        "tool": _tool(scene) if exam.hook.startswith("mcp_") else None,
    }  # fmt: skip


def _request(scene: Scene, request: Mapping[str, Any]) -> dict[str, Any]:
    model = request.get("model")
    return {
        "operation": scene.operation,
        "dialect": scene.dialect,
        "model": model if isinstance(model, str) else next(iter(scene.models), None),
        "models": list(scene.models),
        "stream": request.get("stream") is True,
        "tools": list(_tool_names(request.get("tools"))),
    }


def _tool_names(tools: Any) -> Iterator[str]:
    """Declared tools: OpenAI's `function.name`, Anthropic's `name`, a hosted tool's type."""
    for tool in tools if isinstance(tools, list) else ():
        if not isinstance(tool, Mapping):
            continue
        inner = tool.get(tool.get("type") or "")
        named = inner if isinstance(inner, Mapping) else tool
        name = named.get("name") or tool.get("type")
        if isinstance(name, str):
            yield name


def _tool(scene: Scene) -> dict[str, Any]:
    return {"server": scene.server, "name": scene.tool, "arguments": dict(scene.arguments)}


def _credentials(auth: OpaAuth | None) -> dict[str, str]:
    """Read at each use, so that a rotated secret works at once."""
    if auth is None:
        return {}
    try:
        if auth.bearer_token is not None:
            return {"authorization": f"Bearer {resolve(auth.bearer_token).decode()}"}
        assert auth.header is not None and auth.value is not None
        return {auth.header.lower(): resolve(auth.value).decode()}
    except (SecretMissing, UnicodeDecodeError):
        raise GuardrailFault("unauthorized") from None


def read_reply(reply: Reply) -> Opinion:
    """Raises GuardrailFault where the answer decides nothing."""
    if reply.status != 200:
        raise GuardrailFault(_FAULTS.get(reply.status, "bad_answer"))
    try:
        answer = orjson.loads(reply.body)
    except orjson.JSONDecodeError:
        raise GuardrailFault("bad_answer") from None
    if not isinstance(answer, dict):
        raise GuardrailFault("bad_answer")
    if "result" not in answer:
        return Opinion((Remark(UNDEFINED),))
    return _opinion(answer["result"])


def _opinion(result: Any) -> Opinion:
    match result:
        case bool():
            allow, message = result, ""
        case dict() if "allow" not in result:
            return Opinion((Remark(UNDEFINED),), message=_message(result))
        case {"allow": bool(allow)}:
            message = _message(result)
        case _:
            raise GuardrailFault("bad_answer")
    return Opinion() if allow else Opinion((Remark(DENIED),), message=message)


def _message(result: Mapping[str, Any]) -> str:
    message = result.get("message")
    return message[:MESSAGE_MAX] if isinstance(message, str) else ""
