"""One rerank request and one answer in nobody's dialect."""

from __future__ import annotations

from dataclasses import dataclass, field

from extproc.usage.usage import Usage


@dataclass(slots=True)
class RerankRequest:
    """`top_n` None: all. `left_out`: as in `ChatRequest`."""

    query: str
    documents: list[str]
    top_n: int | None = None
    max_tokens_per_doc: int | None = None
    stream: bool = False
    left_out: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Rank:
    """`index`: of a document in the request. `score`: as the provider says it."""

    index: int
    score: float


@dataclass(slots=True)
class RerankAnswer:
    """Best first. `usage` None: the provider told none."""

    answer_id: str
    ranks: list[Rank]
    usage: Usage | None = None
    left_out: list[str] = field(default_factory=list)
