"""Names of Gemini's fields: Google reads `generationConfig` and `generation_config` alike.

Protocol buffers in JSON take both spellings ("ProtoJSON format", names), and Google's own SDK sends
both in one body. Promises: whoever asks for a field here finds it under either spelling. Refuses a
body that spells one field in both ways (`spelt_twice`): nobody says which one a provider reads.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from extproc.llm.call import Json

_OPEN = frozenset(
    ("args", "response", "parameters", "parametersJsonSchema", "responseSchema",
     "responseJsonSchema", "labels", "partMetadata", "headers")
)  # fmt: skip
"""Fields whose keys somebody other than Google chose."""
_ONE_TEXT = frozenset(("text",))
"""Most parts."""


@lru_cache(maxsize=4096)
def camel(name: str) -> str:
    """The field's name as Google writes it: `lowerCamelCase`."""
    if "_" not in name or len(name) > 64:
        return name
    head, *rest = name.split("_")
    return head + "".join(word[:1].upper() + word[1:] for word in rest)


@lru_cache(maxsize=4096)
def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name)


def spelling(holder: Json, name: str) -> str:
    """The key under which `holder` has this field; `name` itself where it has none."""
    if name in holder:
        return name
    other = _snake(name)
    return other if other in holder else name


def get(holder: Json, name: str) -> Any:
    """The field under either spelling; None when absent."""
    value = holder.get(name)
    return value if value is not None else holder.get(_snake(name))


def named(holder: Json) -> Json:
    """The same fields under Google's own names."""
    return {camel(key): value for key, value in holder.items()}


def listed(value: Any) -> list[Any]:
    """A repeated field; Google takes one value where a list is due (its own samples do so)."""
    if value is None:
        return []
    return value if type(value) is list else [value]


def standard(base64: str) -> str:
    """RFC 4648's first alphabet: ProtoJSON takes both, and Google's SDK sends the second."""
    return base64.replace("-", "+").replace("_", "/")


def spelt_twice(tree: Any, path: str = "") -> str | None:
    """Path of a field that is there under both of its names; None when there is none."""
    if type(tree) is list:
        for position, item in enumerate(tree):
            if (type(item) is dict and not _ONE_TEXT.issuperset(item)) or type(item) is list:
                found = spelt_twice(item, f"{path}[{position}]")
                if found:
                    return found
        return None
    for key, value in tree.items():
        name = camel(key) if "_" in key else key
        if name != key and name in tree:
            return f"{path}.{key}" if path else key
        kind = type(value)
        if (kind is dict or kind is list) and name not in _OPEN:
            found = spelt_twice(value, f"{path}.{key}" if path else key)
            if found:
                return found
    return None
