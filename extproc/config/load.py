"""From texts to a whole, valid configuration, or to every mistake in it.

Promises: all mistakes at once, with file and line, or a `Config` (P7); nothing in between. Pure:
files that the configuration points to are looked at by `files.py`. Without a `gateway-config`
document its defaults hold.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from extproc.config import model as m
from extproc.config.account_budgets import budget_id, own_budgets
from extproc.config.audit_model import Anchor, CloudCredentials, Sink
from extproc.config.check import check
from extproc.config.explain import Path, explain, label
from extproc.config.guardrail_settings import GUARDRAIL_SETTINGS, read_settings
from extproc.config.json_schema_settings import JsonSchemaSettings
from extproc.config.kinds import (
    BUDGETS,
    GRANTEES,
    GUARDRAILS,
    KINDS,
    NOT_YET_KINDS,
    ROUTING,
    VIRTUAL_MODEL,
)
from extproc.config.mistake import Mistake, did_you_mean
from extproc.config.pages import EACH, Page, gather, nodes
from extproc.config.prompt_model import Prompt
from extproc.config.provider_model import ClientCertificate, Tls
from extproc.config.routing_model import FallbackConfig, GlobalSettings
from extproc.config.sources import Source, digest
from extproc.config.virtual_model import VirtualModelConfig
from extproc.config.yaml_tree import Node, compose, json_as_yaml

Priced = Callable[[m.ProviderAccount, m.ModelSpec], bool]
# Free-form JSON that is passed on to providers: there null means something.
_NULLS_WELCOME = frozenset({"override_params"})


def load(sources: Sequence[Source], priced: Priced | None = None) -> m.Config | list[Mistake]:
    """A `Config`, or all mistakes in the order of files and lines (never an empty list).

    `priced` says whether a model without `price` has one in the price table; without it (None)
    missing prices are not looked for.
    """
    pages, mistakes = _pages(sources)
    names = gather(pages, complete=not mistakes)
    documents = []
    for page in pages:
        document, wrong = _validate(page)
        documents.append(document)
        mistakes += wrong
        if isinstance(document, m.ProviderAccount) and priced is not None:
            mistakes += _unpriced(page, document, priced)
    mistakes += check(pages, names)
    if mistakes:
        return _in_order(mistakes, sources)
    return _assemble(pages, [d for d in documents if d is not None], digest(sources))


def _in_order(mistakes: list[Mistake], sources: Sequence[Source]) -> list[Mistake]:
    order = {source.name: index for index, source in enumerate(sources)}
    return sorted(dict.fromkeys(mistakes), key=lambda at: (order.get(at.file, 0), at.line))


# --- texts to pages --------------------------------------------------------------------------


def _pages(sources: Sequence[Source]) -> tuple[list[Page], list[Mistake]]:
    pages: list[Page] = []
    mistakes: list[Mistake] = []
    for source in sources:
        trees, wrong = _trees(source)
        mistakes += wrong
        for tree in trees:
            kind, complaint = _kind(tree)
            if isinstance(tree.value, dict):
                pages.append(Page(kind, tree, source.name, source.folder))
            if complaint:
                mistakes.append(Mistake(source.name, tree.at(("type",)).line, complaint))
    if not sources:
        mistakes.append(Mistake("configuration", 1, "there is none"))
    return pages, mistakes


def _trees(source: Source) -> tuple[list[Node], list[Mistake]]:
    if source.fault:
        return [], [Mistake(source.name, 1, source.fault)]
    text = json_as_yaml(source.text) if source.name.endswith(".json") else source.text
    trees, mistakes = compose(text, source.name)
    if not trees and not mistakes:
        # Perhaps a file caught while being rewritten: its rules must not silently vanish.
        mistakes = [Mistake(source.name, 1, "holds no document; remove the file or fill it")]
    return trees, mistakes


def _kind(tree: Node) -> tuple[str, str]:
    """The document's type, and what is wrong with it ('' = nothing)."""
    if not isinstance(tree.value, dict):
        return "", "a document must be a mapping with `type` and `name`"
    kind = tree.value.get("type")
    if kind is None:
        return "", f"`type` is missing; known types: {', '.join(KINDS)}"
    if not isinstance(kind, str):
        return "", "`type` must be text"
    if kind in NOT_YET_KINDS or kind.startswith("mcp-server/"):
        return kind, f"type '{kind}' is not supported by this version"
    if kind not in KINDS:
        hint = did_you_mean(kind, KINDS) or f"; known types: {', '.join(KINDS)}"
        return kind, f"unknown type '{kind}'{hint}"
    return kind, ""


# --- pages to models -------------------------------------------------------------------------


def _validate(page: Page) -> tuple[m.Document | None, list[Mistake]]:
    model = KINDS.get(page.kind)
    if model is None:
        return None, []
    nulls = dict(_nulls(page.tree, ()))
    mistakes = [
        page.mistake(node, f"`{label(path)}` has no value: fill it or leave it out")
        for path, node in nulls.items()
    ]
    mistakes += _settings(page)
    document = None
    try:
        document = _read(model, page.tree.value)
    except ValidationError as error:
        mistakes += explain(error, model, page.tree, page.file, known=nulls)
    return document, mistakes


def _read(model: type[m.Document], value: Any) -> m.Document:
    """JSON mode: there a strict tuple accepts a list (pydantic's conversion table).

    By alias alone: `in_` is Python's spelling of a key, not a second one.
    """
    return model.model_validate_json(json.dumps(value), strict=True, by_alias=True, by_name=False)


def _nulls(node: Node, path: Path) -> Iterator[tuple[Path, Node]]:
    """A key with nothing behind it: `when: {subjects: }` would else match everybody."""
    if node.value is None:
        yield path, node
    match node.children:
        case dict() as children:
            for key, child in children.items():
                if key not in _NULLS_WELCOME:
                    yield from _nulls(child, (*path, key))
        case list() as children:
            for index, child in enumerate(children):
                yield from _nulls(child, (*path, index))


def _settings(page: Page) -> Iterator[Mistake]:
    """The `config` of each guardrail, by its type."""
    if page.kind != GUARDRAILS:
        return
    for guardrail in nodes(page.tree, ("guardrails", EACH)):
        config = guardrail.child("config")
        kind = guardrail.value.get("type") if isinstance(guardrail.value, dict) else None
        model = GUARDRAIL_SETTINGS.get(kind) if isinstance(kind, str) else None
        if model is not None and (config is None or isinstance(config.value, dict)):
            try:
                _read(model, {} if config is None else config.value)
            except ValidationError as error:
                yield from explain(error, model, config or guardrail, page.file)


def _unpriced(page: Page, account: m.ProviderAccount, priced: Priced) -> Iterator[Mistake]:
    if account.unpriced == "allow":
        return
    for index, model in enumerate(account.models):
        if model.price is None and not priced(account, model):
            message = f"no price is known for '{model.id}': give `price`, or say `unpriced: allow`"
            yield page.mistake(page.tree.at(("models", index)), message)


# --- models to one configuration -------------------------------------------------------------


def _assemble(pages: Sequence[Page], documents: Sequence[m.Document], sha256: str) -> m.Config:
    resolved = [_resolved(doc, page.folder) for doc, page in zip(documents, pages, strict=True)]

    def every(kind: type[m.Document]) -> tuple[Any, ...]:
        return tuple(doc for doc in resolved if isinstance(doc, kind))

    def named(kind: type[m.Document]) -> dict[str, Any]:
        return {doc.name: doc for doc in every(kind)}

    def rules(kind: type[m.Document]) -> tuple[Any, ...]:
        return tuple(rule for doc in every(kind) for rule in doc.rules)

    groups = named(m.GuardrailGroup)
    guardrails, settings = _guardrails(pages, groups)
    return m.Config(
        digest=sha256,
        gateway=next(
            iter(named(m.GatewayConfig).values()),
            m.GatewayConfig(type="gateway-config", name="gateway"),
        ),
        accounts=named(m.ProviderAccount),
        teams=named(m.Team),
        users=named(m.User),
        virtual_accounts=named(m.VirtualAccount),
        rate_limits=rules(m.RateLimitConfig),
        budgets=(*rules(m.BudgetConfig), *own_budgets(resolved)),
        tenant_budgets=every(m.TenantBudgetConfig),
        tenant_rate_limits=every(m.TenantRateLimitConfig),
        request_caps=rules(m.RequestCapsConfig),
        channels=named(m.NotificationChannel),
        routing=(*rules(m.RoutingConfig), *rules(VirtualModelConfig)),
        fallbacks=rules(FallbackConfig),
        prompts={name: prompt for prompt in every(Prompt) for name in prompt.calls},
        retry_settings=next((s.retry_settings for s in every(GlobalSettings)), None),
        guardrails=guardrails,
        guardrail_settings=settings,
        guardrail_rules=rules(m.GuardrailsConfig),
        places={key: place for page in pages for key, place in _places(page)},
    )


def _guardrails(
    pages: Sequence[Page], groups: Mapping[str, m.GuardrailGroup]
) -> tuple[dict[str, m.Guardrail], dict[str, m.Document]]:
    """Every guardrail by selector, and its settings, with absolute paths."""
    folders = {page.name: page.folder for page in pages if page.kind == GUARDRAILS}
    found = {f"{g}/{one.name}": (g, one) for g in groups for one in groups[g].guardrails}
    settings = {name: _resolved(read_settings(one), folders[g]) for name, (g, one) in found.items()}
    return {name: one for name, (_, one) in found.items()}, settings


def _places(page: Page) -> Iterator[tuple[str, tuple[str, int]]]:
    key = f"{page.kind}/{page.name}"
    yield key, (page.file, page.tree.line)
    if page.kind in GRANTEES:
        for node in nodes(page.tree, ("budget",)):
            yield f"{BUDGETS}#{budget_id(page.kind, page.name)}", (page.file, node.line)
    for part in ("auth", "policy"):
        for node in nodes(page.tree, (part,)):
            yield f"{key}#{part}", (page.file, node.line)
    if page.kind == VIRTUAL_MODEL:
        for one in nodes(page.tree, ("integrations", EACH)):
            yield f"{ROUTING}#{page.name}/{one.value['name']}", (page.file, one.line)
    for rule in nodes(page.tree, ("rules", EACH)):
        yield f"{page.kind}#{rule.value['id']}", (page.file, rule.line)


_FILES = frozenset({"ca_file", "certificate_file", "key_file", "path", "service_account_file"})


def _resolved(document: m.Document, folder: str) -> m.Document:
    """The document with absolute paths, wherever in it one stands."""

    def absolute(path: str) -> str:
        return posixpath.normpath(posixpath.join(folder, path))

    match document:
        case m.SecretRef(file=str() as file):
            return m.SecretRef(file=absolute(file))
        case JsonSchemaSettings(file=str() as file):
            return document.model_copy(update={"file": absolute(file)})
        case m.Policy(rego=rego, shadow=shadow):
            rego = rego and tuple(map(absolute, rego))
            shadow = tuple(map(absolute, shadow))
            return document.model_copy(update={"rego": rego, "shadow": shadow})
        case Tls() | ClientCertificate() | m.Telemetry() | Sink() | Anchor() | CloudCredentials():
            files = {name: absolute(value) for name, value in document
                     if name in _FILES and isinstance(value, str)}  # fmt: skip
            document = document.model_copy(update=files)
    nested = (m.Document, Mapping, tuple)
    parts = {name: part for name, part in document if isinstance(part, nested)}
    moved = {name: _moved(part, folder) for name, part in parts.items()}
    return document.model_copy(update=moved) if moved != parts else document


def _moved(part: Any, folder: str) -> Any:
    if isinstance(part, m.Document):
        return _resolved(part, folder)
    if isinstance(part, tuple):
        documents = any(isinstance(one, m.Document) for one in part)
        return tuple(_moved(one, folder) for one in part) if documents else part
    if not isinstance(part, Mapping):
        return part
    if not any(isinstance(value, m.Document) for value in part.values()):
        return part
    return {name: _moved(value, folder) for name, value in part.items()}
