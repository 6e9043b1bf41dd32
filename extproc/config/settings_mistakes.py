"""The mistakes of one guardrail's settings as sentences, for whoever builds it without the loader.

Promises: quotes no value (P4).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from extproc.config.base import Document


def settings_mistakes(model: type[Document], config: Mapping[str, Any]) -> list[str]:
    """What is wrong with `config`; empty when nothing is."""
    try:
        model.model_validate(dict(config), strict=False)
    except ValidationError as error:
        return list(_sentences(error))
    return []


def _sentences(error: ValidationError) -> Iterator[str]:
    for one in error.errors(include_url=False, include_input=False):
        place = ".".join(map(str, one["loc"]))
        faults = one.get("ctx", {}).get("faults", ((one["msg"], ""),))
        for text, at in faults:
            yield f"'{'.'.join(filter(None, (place, at)))}': {text}"
