"""What every rerank dialect has in common: a query and documents in, an order out.

Wire: docs.cohere.com, "Rerank API" (v1 and v2); the pages of Jina, Together and vLLM follow v1.
Billed by search units (Cohere, "How does pricing work"): a query with up to 100 documents is one;
a document is cut into pieces of 500 tokens, the query included, each a document of its own. Others
bill tokens, the query's once a document.
"""

from __future__ import annotations

from typing import Any

from extproc.errors import Refusal
from extproc.llm import fields
from extproc.llm.billable import Billable
from extproc.llm.call import Json
from extproc.llm.leaves import MACHINE_KEYS, Found, add_text, is_name, walk
from extproc.llm.token_counts import MISSHAPEN, count, fault, stated
from extproc.llm.whole_answer import read_rest
from extproc.usage.usage import Reported, Units, Usage

DOCUMENTS_MAX = 10_000
DOCUMENTS_PER_UNIT = 100
PIECE_BYTES = 1_000
"""500 tokens of two bytes: fewer bytes a token no tokenizer is sold with, but for odd scripts."""
PIECE_BYTES_MIN = 100
_READ = frozenset(("model", "query", "documents"))
_ANSWER_NAMES = MACHINE_KEYS | frozenset(("model",))


def rerank_fault(body: Json) -> Refusal | None:
    """Documents are strings or objects; which fields those may have is the provider's to say."""
    if type(body.get("query")) is not str or not body["query"]:
        return fields.refuse("query", "must be a non-empty string")
    documents = body.get("documents")
    if type(documents) is not list or not documents or len(documents) > DOCUMENTS_MAX:
        return fields.refuse("documents", f"must be a list of 1 to {DOCUMENTS_MAX:,}")
    for at, document in enumerate(documents):
        if type(document) is not str and (type(document) is not dict or not document):
            return fields.refuse(f"documents[{at}]", "must be a string or an object")
    return (
        fields.count_fault(body, "top_n")
        or fields.count_fault(body, "max_tokens_per_doc")
        or fields.count_fault(body, "max_chunks_per_doc")
        or fields.flag_fault(body, "return_documents")
    )


def read_request(body: Json) -> Found:
    found = Found()
    add_text(body, "query", "query", "user", found)
    for at in range(len(body["documents"])):
        add_text(body["documents"], at, f"documents[{at}]", "input", found)
    read_rest(body, found, _READ, frozenset())
    return found


def read_answer(body: Json) -> Found:
    """Documents that come back are the caller's own; whatever else is text is read too."""
    found = Found()
    for key, value in body.items():
        if type(value) in (str, list, dict) or not is_name(key):
            walk(body, key, key, "tool", found, _ANSWER_NAMES)
    return found


def rerank_billable(body: Json) -> Billable:
    out, query = Billable(parts=len(body["documents"])), body["query"]
    for document in body["documents"]:
        if type(document) is str:
            out.texts.append(document)
        else:
            out.add_json(document)
    units = search_units(query, out.texts)
    out.units = Units(searches=units)
    out.texts += [query] * len(body["documents"])
    return out


def search_units(query: str, documents: list[str]) -> int:
    """The most that Cohere can bill."""
    piece = max(PIECE_BYTES - len(query.encode("utf-8", "replace")), PIECE_BYTES_MIN)
    pieces = sum(max(1, -(-len(d.encode("utf-8", "replace")) // piece)) for d in documents)
    return -(-pieces // DOCUMENTS_PER_UNIT)


def read_rerank_usage(body: Json) -> Reported:
    """Cohere's `meta.billed_units.search_units`, or others' `usage.total_tokens`."""
    meta = body.get("meta")
    billed: Any = meta.get("billed_units") if type(meta) is dict else None
    if stated(billed, "search_units"):
        units = whole(billed, "search_units")
        unsound = fault(units)
        return unsound or Usage(units=Units(searches=units))
    usage = body.get("usage")
    if usage is None:
        return None
    if not stated(usage, "total_tokens"):
        return MISSHAPEN
    total = count(usage, "total_tokens")
    return fault(total) or Usage(total)


def whole(holder: Json, key: str) -> int:
    """A count that JSON may write as a fraction: Cohere's SDK declares its units as floats."""
    value = holder[key]
    if type(value) is float and value.is_integer():
        return count({key: int(value)}, key)
    return count(holder, key)
