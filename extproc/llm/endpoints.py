"""Which path speaks which dialect. What is not in this table is not governed, hence refused (P1).

Paths are compared exactly (no decoding, no trailing slash, no case folding): a spelling that some
server might understand differently than the gateway is an unknown route.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

from extproc.llm.anthropic_messages import ANTHROPIC_MESSAGES
from extproc.llm.call import Dialect, Family, Operation
from extproc.llm.openai_chat import OPENAI_CHAT
from extproc.llm.openai_embeddings import OPENAI_EMBEDDINGS


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One governed route. `dialect` is None where no model is called (the list of models).

    `model_id`: the one model that `GET /v1/models/{id}` asks for, decoded; may hold slashes.
    """

    dialect: Dialect | None
    operation: Operation
    family: Family
    model_id: str | None = None


def _calls(prefix: str, path: str, dialect: Dialect) -> dict[tuple[str, str], Endpoint]:
    endpoint = Endpoint(dialect, dialect.operation, dialect.family)
    return {("POST", path): endpoint, ("POST", prefix + path): endpoint}


_MODELS = Endpoint(None, "models", "openai")
_TABLE: dict[tuple[str, str], Endpoint] = {
    **_calls("/openai", "/v1/chat/completions", OPENAI_CHAT),
    **_calls("/openai", "/v1/embeddings", OPENAI_EMBEDDINGS),
    **_calls("/anthropic", "/v1/messages", ANTHROPIC_MESSAGES),
    ("GET", "/v1/models"): _MODELS,
    ("GET", "/openai/v1/models"): _MODELS,
    ("GET", "/anthropic/v1/models"): Endpoint(None, "models", "anthropic"),
}
_ONE_MODEL: dict[str, Family] = {
    "/v1/models/": "openai",
    "/openai/v1/models/": "openai",
    "/anthropic/v1/models/": "anthropic",
}


def resolve(method: str, path: str) -> Endpoint | None:
    """The endpoint of a request line, query string ignored; None is `unknown_route`."""
    route = path.partition("?")[0]
    found = _TABLE.get((method, route))
    if found is None and method == "GET":
        for prefix, family in _ONE_MODEL.items():
            if route.startswith(prefix) and len(route) > len(prefix):
                return Endpoint(None, "models", family, unquote(route[len(prefix) :]))
    return found


def family_of(path: str) -> Family:
    """Whose error shape a caller of this path expects, known route or not."""
    route = path.partition("?")[0]
    if route == "/anthropic" or route.startswith("/anthropic/") or "/v1/messages" in route:
        return "anthropic"
    return "openai"
