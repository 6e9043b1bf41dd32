"""The first steps of a request: what it is, who sends it, what it asks for, where it may go.

Each step stores what it found in the Request, or returns the Refusal that ends it. Nothing here
touches money or content; an unknown caller costs no more than one look-up.
"""

from __future__ import annotations

import hashlib

from extproc.errors import Code, Refusal
from extproc.exchange.bounds import lane
from extproc.exchange.request import Request
from extproc.identity import contract, keys, scope
from extproc.llm import endpoints, strict_json
from extproc.llm.translate import provider_dialect
from extproc.routing.values import Target


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
    media = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/json":
        return Refusal(Code.UNSUPPORTED_MEDIA_TYPE)
    return None


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
    body = strict_json.parse(request.incoming.body)
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
    return None


def route(request: Request) -> Refusal | None:
    """Scope first: a model that is not granted and one that is not there look the same."""
    assert request.principal is not None
    if not scope.in_scope(request.principal, request.model):
        return Refusal(Code.PERMISSION_DENIED, reason="model not in the key's scope")
    routed = request.world.router.route(
        request.model, request.principal.subjects, request.metadata, request.world.draw()
    )
    if routed is None:
        return Refusal(Code.PERMISSION_DENIED, reason="no such model")
    if routed.rule_id:
        request.record.rule_ids.append(routed.rule_id)
    request.targets = tuple(t for t in routed.targets if _speaks(request, t))
    if not request.targets:
        return Refusal(Code.INVALID_REQUEST, f"This model does not offer {request.operation}.",
                       param="model")  # fmt: skip
    return None


def _speaks(request: Request, target: Target) -> bool:
    return provider_dialect(request.operation, target.account.dialect) is not None
