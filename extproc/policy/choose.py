"""Which engine a configuration asks for: an OPA server, its own Rego, or the shipped bundle."""

from __future__ import annotations

from extproc.config.mistake import Mistake
from extproc.config.model import Policy
from extproc.policy.bundle import BundleRefused, read, shipped
from extproc.policy.values import PolicyEngine


def policy_mistakes(policy: Policy) -> list[Mistake]:
    """Why the Rego a configuration names would not load, each shadow bundle by itself (P7). An OPA
    server judges its own."""
    bundles: list[tuple[str, ...]] = [(path,) for path in policy.shadow]
    if policy.opa is None and policy.rego is not None:
        bundles.insert(0, policy.rego)
    if not bundles:
        return []
    from extproc.policy.embedded import mistakes

    return [mistake for paths in bundles for mistake in mistakes(paths)]


def policy_digest(policy: Policy) -> str:
    """Digest of the Rego that a configuration names, as entries have it; '' for an OPA server's own
    and for policies that do not load. Reads files."""
    if policy.opa is not None:
        return ""
    try:
        return read(policy.rego if policy.rego is not None else (shipped(),)).digest
    except (BundleRefused, OSError):
        return ""


def engine_for(policy: Policy) -> PolicyEngine:
    """Build the engine. Raises BundleRefused (Rego) or ValueError (a bad `opa.url`).

    `opa` wins over `rego`. An empty `rego` list is refused, never the shipped bundle: somebody
    meant to name a policy.
    """
    if policy.opa is not None:
        from extproc.policy.opa_server import OpaEngine

        return OpaEngine(policy.opa.url, policy.timeout_ms)
    from extproc.policy.embedded import load

    return load(policy.rego if policy.rego is not None else (shipped(),))
