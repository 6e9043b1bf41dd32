"""May this principal call this model: globs over `account/model` and virtual model names.

Promises: an empty list grants nothing; matching is case-sensitive and of the whole name. `*` also
crosses '/' (`openai-main/*` covers `openai-main/team/finetune`, `*` covers everything), `?` is one
character, `[...]` a class: the same patterns as `when.models` of a rule. Each list is compiled once
per process; no name, however long, makes a match backtrack (fnmatch uses atomic groups).
"""

from __future__ import annotations

from functools import lru_cache

from extproc.config.match import compile_models
from extproc.identity.principal import Principal

_matcher = lru_cache(maxsize=8192)(compile_models)


def may_call(globs: tuple[str, ...], name: str) -> bool:
    """Whether one of the globs covers this name."""
    return bool(globs) and bool(name) and _matcher(globs)(name)


def in_scope(principal: Principal, name: str) -> bool:
    """Whether this principal's own list and its team's bound both cover this name."""
    ceiling = principal.ceiling
    return may_call(principal.models, name) and (ceiling is None or may_call(ceiling, name))
