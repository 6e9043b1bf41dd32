"""The documents of a configuration before anything is known to be right about them.

Promises: names are gathered even from documents with mistakes, so that one mistake does not make
every reference to its document look like another one (P7: all mistakes, and only mistakes).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from extproc.config.kinds import CHANNEL, GATEWAY, KINDS, PROMPT, ROUTING, VIRTUAL_MODEL
from extproc.config.match import is_pattern
from extproc.config.mistake import Mistake
from extproc.config.routing_model import AUTO
from extproc.config.tier_model import BUILT_IN, DEFAULT
from extproc.config.yaml_tree import Node

EACH = "*each*"
Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """One document: its `type` (as far as it is known), its tree, and where it stands."""

    kind: str
    tree: Node
    file: str
    folder: str

    @property
    def name(self) -> str:
        name = self.tree.value.get("name")
        return name if isinstance(name, str) else ""

    def mistake(self, node: Node, message: str) -> Mistake:
        return Mistake(self.file, node.line, message)


def texts(node: Node, path: Path) -> Iterator[Node]:
    """Every text at `path`, where EACH stands for all entries of a list; what is not there is not
    there."""
    return (found for found in nodes(node, path) if isinstance(found.value, str))


def nodes(node: Node, path: Path) -> Iterator[Node]:
    """Every node at `path`, in order."""
    if not path:
        yield node
        return
    match node.children:
        case list() as children if path[0] == EACH:
            for child in children:
                yield from nodes(child, path[1:])
        case dict() as children if path[0] in children:
            yield from nodes(children[path[0]], path[1:])


@dataclass(frozen=True, slots=True)
class Names:
    """What may be referred to.

    `models`: account -> its model ids, None where they cannot be read. `virtual_models`: every
    other name that can be called. `guardrails`: selectors `group/name`. `channels`: name -> kind,
    '' where it cannot be read. `prompts`: `name:version`. `tiers`: of time limits. `complete` is
    False when some document or its name could not be read at all: then a missing name proves
    nothing.
    """

    models: Mapping[str, frozenset[str] | None]
    virtual_models: frozenset[str]
    teams: frozenset[str]
    virtual_accounts: frozenset[str]
    guardrails: frozenset[str]
    channels: Mapping[str, str]
    prompts: frozenset[str]
    tiers: frozenset[str]
    complete: bool


def gather(pages: Sequence[Page], complete: bool) -> Names:
    """Collect the names of all pages. `complete`: whether every file and document was readable."""
    models = {page.name: _model_ids(page.tree) for page in _of(pages, "provider-account")}
    named = (_selectors(page) for page in _of(pages, "guardrail-config-group"))
    listed = (n.value for p in _of(pages, ROUTING) for n in texts(p.tree, _WHEN_MODELS))
    own = (name for page in _of(pages, VIRTUAL_MODEL) for name, _ in own_names(page))
    return Names(
        models=models,
        virtual_models=virtual_models((AUTO, *listed, *own), models),
        teams=_names(pages, "team"),
        virtual_accounts=_names(pages, "virtual-account"),
        guardrails=frozenset(selector for group in named for selector in group),
        channels={
            page.name: next((kind.value for kind in texts(page.tree, ("kind",))), "")
            for page in _of(pages, CHANNEL)
        },
        prompts=frozenset(name for p in _of(pages, PROMPT) for name, _ in prompt_names(p)),
        tiers=frozenset((DEFAULT, *BUILT_IN, *_tiers(pages))),
        complete=complete and all(page.name and page.kind in KINDS for page in pages),
    )


_WHEN_MODELS = ("rules", EACH, "when", "models", EACH)


def virtual_models(listed: Iterable[str], accounts: Mapping[str, Any]) -> frozenset[str]:
    """Names in routing rules' `when.models` that are neither patterns nor `account/...`."""
    return frozenset(
        name for name in listed if not is_pattern(name) and not below_account(name, accounts)
    )


def own_names(page: Page) -> Iterator[tuple[str, Node]]:
    """Every name that a document of virtual models brings, and where it stands."""
    for one in nodes(page.tree, ("integrations", EACH)):
        yield from ((f"{page.name}/{node.value}", node) for node in texts(one, ("name",)))
        yield from ((node.value, node) for node in texts(one, ("slug",)))


def prompt_names(page: Page) -> Iterator[tuple[str, Node]]:
    """What one version of a prompt may be called by, and where that stands."""
    version = page.tree.child("version")
    number = 1 if version is None else version.value
    yield f"{page.name}:{number}", version or page.tree
    for alias in texts(page.tree, ("version_alias",)):
        yield f"{page.name}:{alias.value}", alias


def below_account(name: str, accounts: Mapping[str, Any]) -> bool:
    """Whether a name is `account/...` of an account that there is."""
    account, slash, _ = name.partition("/")
    return bool(slash) and account in accounts


def _of(pages: Sequence[Page], kind: str) -> Iterator[Page]:
    return (page for page in pages if page.kind == kind)


def _names(pages: Sequence[Page], kind: str) -> frozenset[str]:
    return frozenset(page.name for page in _of(pages, kind))


def _model_ids(tree: Node) -> frozenset[str] | None:
    listed = list(nodes(tree, ("models", EACH)))
    ids = [found.value for found in texts(tree, ("models", EACH, "id"))]
    return frozenset(ids) if ids and len(ids) == len(listed) else None


def _tiers(pages: Sequence[Page]) -> Iterator[str]:
    for page in _of(pages, GATEWAY):
        for found in nodes(page.tree, ("listener", "tiers")):
            yield from found.children if isinstance(found.children, dict) else ()


def _selectors(page: Page) -> Iterator[str]:
    for found in texts(page.tree, ("guardrails", EACH, "name")):
        yield f"{page.name}/{found.value}"
