"""`GET /v1/models`: the names this key may call, in the caller's own list format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extproc.identity import scope
from extproc.llm import strict_json

if TYPE_CHECKING:
    from extproc.exchange.request import Request

_SINCE = "2026-01-01T00:00:00Z"
_SINCE_S = 1_767_225_600
"""Models have no birthday here; the field is required by the SDKs' types."""


def models_body(request: Request) -> bytes:
    """OpenAI's list (`object: list`) or Anthropic's page (`has_more`), by the caller's family."""
    assert request.principal is not None
    names = [n for n in request.world.router.models if scope.in_scope(request.principal, n)]
    if request.family == "anthropic":
        return strict_json.dump(_anthropic_page(names))
    items = [
        {"id": n, "object": "model", "created": _SINCE_S, "owned_by": n.partition("/")[0]}
        for n in names
    ]
    return strict_json.dump({"object": "list", "data": items})


def _anthropic_page(names: list[str]) -> dict[str, Any]:
    items = [{"type": "model", "id": n, "display_name": n, "created_at": _SINCE} for n in names]
    ends = {"first_id": names[0], "last_id": names[-1]} if names else {}
    return {"data": items, "has_more": False, "first_id": None, "last_id": None, **ends}
