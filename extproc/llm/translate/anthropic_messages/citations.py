"""Citations on Anthropic's text blocks ("Citations").

Read are all kinds: where a page or a search result is cited there is a URL, where a document is,
its position in the request. Written are those with a URL, as results of a web search; their
`encrypted_index` is empty, for only Anthropic's own search has one.
"""

from __future__ import annotations

from typing import Any

from extproc.llm.call import Json
from extproc.llm.translate.conversation import Citation

_WEB = ("https://", "http://")


def read_citation(citation: Any, start: int | None = None, end: int | None = None) -> Citation:
    """`start`, `end`: where the cited text stands. Raises TypeError on what is no citation."""
    if type(citation) is not dict:
        raise TypeError("a citation is not an object")
    url = citation.get("url") or citation.get("source") or ""
    title = citation.get("title") or citation.get("document_title") or ""
    document = citation.get("document_index")
    return Citation(
        url if type(url) is str and url.startswith(_WEB) else "",
        title if type(title) is str else "",
        str(citation.get("cited_text") or ""),
        start,
        end,
        document if type(document) is int else None,
    )


def write_citation(citation: Citation) -> Json | None:
    """None for one that has no URL."""
    if not citation.url:
        return None
    return {
        "type": "web_search_result_location",
        "url": citation.url,
        "title": citation.title or None,
        "cited_text": citation.cited,
        "encrypted_index": "",
    }
