"""Kept prompts of one exchange: the caller's, and those that a rule puts in its place for a target.

Promises: every rendering is counted and guarded like words of the caller's own; a target whose
prompt cannot be rendered falls out of the plan.
"""

from __future__ import annotations

from collections.abc import Iterator

from extproc.errors import Code, Refusal
from extproc.exchange.request import Request
from extproc.llm import prompts
from extproc.llm.call import Json, TextSlot
from extproc.llm.openai_chat import OPENAI_CHAT
from extproc.routing.values import Target


def fill_in(request: Request, body: Json) -> Json | Refusal:
    """The body with the caller's prompt in it; the body itself where it names none."""
    request.prompt_variables = body.get(prompts.VARIABLES)
    if prompts.VERSION not in body:
        if prompts.VARIABLES not in body:
            return body
        return {key: value for key, value in body.items() if key != prompts.VARIABLES}
    if request.caller is not OPENAI_CHAT:
        return _refuse("is for Chat Completions")
    name = prompts.called(body[prompts.VERSION])
    prompt = None if name is None else request.world.config.prompts.get(name)
    if prompt is None:
        return _refuse("names no prompt")
    messages = prompts.rendered(prompt, request.prompt_variables)
    if isinstance(messages, Refusal):
        return messages
    request.own_messages = body.get("messages") or []
    return prompts.filled_in(body, prompt, messages)


def for_targets(request: Request) -> Refusal | None:
    """What each target's own prompt makes of the request."""
    request.renderings = {}
    wanted = {_version(t) for t in request.targets if _has(t)}
    if not wanted:
        return _unused(request)
    for name in wanted:
        found = _rendering(request, name)
        if isinstance(found, Refusal):
            refusal = found
            request.targets = tuple(t for t in request.targets if _version(t) != name)
            if not request.targets:
                return refusal
        else:
            request.renderings[name] = found
    return None


def _unused(request: Request) -> Refusal | None:
    """Variables that stand in no prompt: somebody has forgotten to name one."""
    if request.prompt_variables is None or request.own_messages is not None:
        return None
    return Refusal(
        Code.INVALID_REQUEST, f"'{prompts.VARIABLES}' needs '{prompts.VERSION}'.",
        param=prompts.VARIABLES,
    )  # fmt: skip


def _rendering(request: Request, name: str) -> list[Json] | Refusal:
    """The messages that a target's prompt puts in front."""
    prompt = request.world.config.prompts.get(prompts.called(name) or "")
    assert prompt is not None, "the loader checks every prompt"
    if request.caller is not OPENAI_CHAT:
        return _refuse("of the target is for Chat Completions")
    return prompts.rendered(prompt, request.prompt_variables)


def body_for(request: Request, target: Target) -> Json:
    """The request's body as this target is to be asked."""
    if not _has(target):
        return request.body
    own = request.body["messages"] if request.own_messages is None else request.own_messages
    return {**request.body, "messages": [*request.renderings[_version(target)], *own]}


def bodies(request: Request) -> list[Json]:
    """Every form of the request that a target may be asked with."""
    if not request.renderings:
        return [request.body]
    return [body_for(request, target) for target in request.targets]


def slots(request: Request) -> Iterator[TextSlot]:
    """Every text of the request, those of the targets' own prompts too."""
    assert request.caller is not None
    yield from request.caller.request_texts(request.body)
    for messages in request.renderings.values():
        yield from request.caller.request_texts({"messages": messages})


def _has(target: Target) -> bool:
    return prompts.VERSION in target.override_params


def _version(target: Target) -> str:
    return str(target.override_params.get(prompts.VERSION))


def _refuse(what: str) -> Refusal:
    return Refusal(Code.INVALID_REQUEST, f"'{prompts.VERSION}' {what}.", param=prompts.VERSION)
