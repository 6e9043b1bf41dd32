"""The first steps of a request: what it is, who sends it, what it asks for, where it may go.

Each step stores what it found in the Request, or returns the Refusal that ends it. Nothing here
touches money or content; an unknown caller costs no more than one look-up.
"""

from __future__ import annotations

import hashlib
from functools import partial

from extproc.errors import Code, Refusal
from extproc.exchange import pacing, prompting
from extproc.exchange.bounds import lane
from extproc.exchange.request import Request
from extproc.identity import contract, keys, scope
from extproc.llm import endpoints, multipart, strict_json
from extproc.llm.call import Json
from extproc.llm.dialects import dialect_for
from extproc.routing.values import Ask, Target


def endpoint(request: Request) -> Refusal | None:
    """Which dialect and operation the path stands for; anything else is not governed."""
    request.family = endpoints.family_of(request.incoming.path)
    found = endpoints.resolve(request.incoming.method, request.incoming.path)
    if found is None:
        return Refusal(Code.UNKNOWN_ROUTE)
    request.family, request.caller, request.operation = found.family, found.dialect, found.operation
    request.model_id = found.model_id
    request.record.operation = found.operation
    request.record.dialect = found.dialect.name if found.dialect else found.family
    return None


def framing(request: Request) -> Refusal | None:
    """What can be judged by headers alone: size, encoding, media type."""
    headers = request.incoming.headers
    if request.operation == "models":
        return None
    limit = request.world.config.gateway.listener.request_body_bytes_max
    stated = headers.get("content-length", "")
    if stated.isdigit() and int(stated) > limit:
        return Refusal(Code.REQUEST_TOO_LARGE, f"The limit is {limit} bytes.")
    if headers.get("content-encoding", "identity").lower() != "identity":
        return Refusal(Code.UNSUPPORTED_MEDIA_TYPE)
    assert request.caller is not None
    media = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != _MEDIA[request.caller.body]:
        return Refusal(Code.UNSUPPORTED_MEDIA_TYPE, f"Send {_MEDIA[request.caller.body]}.")
    return None


_MEDIA = {"json": "application/json", "multipart": "multipart/form-data"}


async def authenticate(request: Request) -> Refusal | None:
    presented = keys.present(request.incoming.headers)
    if isinstance(presented, Refusal):
        return presented
    found = await request.world.keys.authenticate(presented, request.record.started_at_ms)
    if isinstance(found, Refusal):
        return found
    request.principal = request.record.principal = found
    return None


def agree_metadata(request: Request) -> Refusal | None:
    assert request.principal is not None
    gateway = request.world.config.gateway
    agreed = contract.agree(
        request.incoming.headers.get("x-tfy-metadata"),
        request.principal,
        gateway.metadata,
        gateway.environment,
    )
    if isinstance(agreed, Refusal):
        return agreed
    request.metadata = request.record.metadata = agreed
    return None


def read_body(request: Request) -> Refusal | None:
    if not request.incoming.body:
        return Refusal(Code.INVALID_REQUEST, "The body is empty.")
    limit = request.world.config.gateway.listener.request_body_bytes_max
    if len(request.incoming.body) > limit:
        return Refusal(Code.REQUEST_TOO_LARGE, f"The limit is {limit} bytes.")
    request.record.request_sha256 = hashlib.sha256(request.incoming.body).hexdigest()
    body = _parsed(request)
    if not isinstance(body, Refusal):
        body = prompting.fill_in(request, body)
    if isinstance(body, Refusal):
        return body
    assert request.caller is not None
    call = request.caller.read_call(request.incoming.path, body)
    if isinstance(call, Refusal):
        return call
    request.body, request.call = body, call
    request.lane = lane(request.caller.family, body)
    options = body.get("stream_options")
    request.asked_for_usage = isinstance(options, dict) and options.get("include_usage") is True
    request.record.call, request.record.stream = call, call.stream
    request.record.basis.lane = request.lane
    return pacing.read(request)


def _parsed(request: Request) -> Json | Refusal:
    assert request.caller is not None and request.incoming.body is not None
    if request.caller.body == "multipart":
        return multipart.parse(request.incoming.body, request.incoming.headers["content-type"])
    return strict_json.parse(request.incoming.body)


def route(request: Request) -> Refusal | None:
    """Scope first: a model that is not granted and one that is not there look the same."""
    assert request.principal is not None
    if not scope.in_scope(request.principal, request.model):
        return Refusal(Code.PERMISSION_DENIED, reason="model not in the key's scope")
    routed = request.world.router.route(asking(request, request.model))
    if routed is None:
        return Refusal(Code.PERMISSION_DENIED, reason="no such model")
    request.record.rule_ids += [name for name in (routed.rule_id, routed.fallback_id) if name]
    request.routed = routed
    basis = request.record.basis
    basis.rule_id, basis.fallback_id = routed.rule_id, routed.fallback_id
    speaking = tuple(t for t in routed.targets if _speaks(request, t))
    if not speaking and request.operation == "count_tokens":
        # Nobody bills or keeps anything here: our own count will do.
        request.counts_itself, speaking = True, routed.targets
    request.targets = pacing.retried(request, speaking)
    if not request.targets:
        return Refusal(Code.INVALID_REQUEST, f"This model does not offer {request.operation}.",
                       param="model")  # fmt: skip
    return None


def asking(request: Request, model: str) -> Ask:
    """What the router is told of a request for this model."""
    principal, world = request.principal, request.world
    assert principal is not None
    return Ask(
        model=model,
        subjects=principal.subjects,
        metadata=request.metadata,
        headers=request.incoming.headers,
        draw=world.draw(),
        now_ms=request.record.started_at_ms,
        caller_id=principal.name,
        in_scope=partial(scope.in_scope, principal),
        operation=request.operation,
    )


def _speaks(request: Request, target: Target) -> bool:
    assert request.caller is not None
    return dialect_for(request.caller, target.account, target.model) is not None
