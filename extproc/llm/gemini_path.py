"""Gemini's paths: the model stands in them, and whether the answer is streamed.

Source: ai.google.dev, "Generating content". Google's SDK keeps the slashes of a model's name
(`models/openai-main/gpt-4o-mini:generateContent`); others encode them: both are read. Refuses
`tunedModels/...`, which is a resource of Google's and no model of this gateway.
"""

from __future__ import annotations

from urllib.parse import parse_qsl, unquote_to_bytes

from extproc.errors import Refusal
from extproc.llm import fields

_PREFIXES = tuple(f"{below}/{version}/models/" for below in ("", "/genai")
                  for version in ("v1beta", "v1"))  # fmt: skip
_METHODS = {"generateContent": False, "streamGenerateContent": True}
_SILENT = frozenset(("key", "prettyPrint", "$prettyPrint"))
"""Parameters without effect on what is said: a key counts only in a header."""


def model_in(path: str) -> tuple[str, bool] | None:
    """(model, whether streamed) of a request line's path; None when it is not of this dialect."""
    route = path.partition("?")[0]
    prefix = next((p for p in _PREFIXES if route.startswith(p)), None)
    if prefix is None:
        return None
    name, colon, method = route[len(prefix) :].rpartition(":")
    if not (name and colon and method in _METHODS):
        return None
    try:
        model = unquote_to_bytes(name).decode()
    except UnicodeDecodeError:
        return None
    return model, _METHODS[method]


def query_fault(path: str, *, stream: bool) -> Refusal | None:
    """Nothing a caller asks for in the query is passed over in silence."""
    form = None
    for name, value in parse_qsl(path.partition("?")[2], keep_blank_values=True):
        if name in ("alt", "$alt"):
            form = value
        elif name not in _SILENT:
            return fields.refuse(f"?{name}", "is no query parameter of this gateway")
    if stream and form != "sse":
        return fields.refuse("?alt", "must be 'sse' for a stream: add 'alt=sse' to the query")
    if not stream and form not in (None, "json"):
        return fields.refuse("?alt", "must be 'json', or be left out, for a whole answer")
    return None
