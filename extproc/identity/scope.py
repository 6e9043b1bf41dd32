"""May this principal call this model: globs over `account/model` and virtual model names.

Promises: an empty list grants nothing; matching is case-sensitive and of the whole name. `*` also
crosses '/' (`openai-main/*` covers `openai-main/team/finetune`, `*` covers everything), `?` is one
character, `[...]` a class. Each list of globs is compiled once per process.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import translate
from functools import lru_cache

from extproc.identity.principal import Principal


@lru_cache(maxsize=8192)
def _matcher(globs: tuple[str, ...]) -> Callable[[str], re.Match[str] | None]:
    # translate() uses atomic groups: no name, however long, makes the match backtrack.
    return re.compile("|".join(translate(glob) for glob in globs)).match


def may_call(globs: tuple[str, ...], name: str) -> bool:
    """Whether one of the globs covers this name."""
    if not globs or not name:
        return False
    return _matcher(globs)(name) is not None


def in_scope(principal: Principal, name: str) -> bool:
    """Whether this principal's own list and its team's bound both cover this name."""
    ceiling = principal.ceiling
    return may_call(principal.models, name) and (ceiling is None or may_call(ceiling, name))
