"""The routes: ways in, one for each time-out tier, one way on.

Promises: a request's tier is what the processor said with its verdict and nothing else; a tier that
these routes do not know has the listener's own times. Every route runs the request's own plan.

What the times mean, tried on Envoy 1.40: `timeout` bounds all attempts together. `per_try_timeout`
matters until the head of an attempt's answer has left for the caller, then no more: for a stream
it is the time to its first sign. `per_try_idle_timeout` runs between any two signs of life, the
wait for the head included; before the head it leads on like `per_try_timeout`, behind it the
answer ends.
"""

from __future__ import annotations

from typing import Any

from extproc.config.model import Listener
from extproc.config.tier_model import DEFAULT, Tier
from extproc.dataplane.local_reply import DECISION_ID
from extproc.dataplane.typed import TYPE, seconds
from extproc.routing.plan import ATTEMPTS_MAX

Json = dict[str, Any]

NAMESPACE = "envelope"
TIER = "tier"
"""The key of the verdict's dynamic metadata that names the tier."""
ROUTES = "envelope"


def route_configuration(limits: Listener) -> Json:
    return {"name": ROUTES, "virtual_hosts": [_virtual_host(limits)]}


def _plan() -> Json:
    """The route's cluster is the request's own plan; the configured default leads nowhere."""
    nowhere = [{"cluster_name": "envelope.nowhere", "weight": 1}]
    return {
        "extension": {
            "name": "envelope.plan",
            "typed_config": {
                "@type": TYPE
                + "router.cluster_specifiers.priority_group.v3.PriorityGroupClusterSpecifier",
                "priority_groups": [{"name": "nowhere", "clusters": nowhere}],
                "override_metadata_namespace": NAMESPACE,
            },
        }
    }


def _action(tier: Tier) -> Json:
    assert tier.request_timeout_ms and tier.first_token_timeout_ms and tier.stream_idle_timeout_ms
    return {
        "inline_cluster_specifier_plugin": _plan(),
        "timeout": seconds(tier.request_timeout_ms),
        # Of the caller's side, which hears nothing of a second attempt: never the first to end.
        "idle_timeout": seconds(tier.request_timeout_ms + 1_000),
        "auto_host_rewrite": True,
        "retry_policy": {
            "retry_on": "connect-failure,refused-stream,reset,retriable-headers",
            "num_retries": ATTEMPTS_MAX - 1,
            "retriable_headers": [{"name": "x-envelope-retry", "present_match": True}],
            "refresh_cluster_on_retry": True,
            "per_try_timeout": seconds(tier.first_token_timeout_ms),
            "per_try_idle_timeout": seconds(tier.stream_idle_timeout_ms),
            # None: the pause before an attempt is its target's own (`lua/attempt.lua`).
            "retry_back_off": {"base_interval": "0.001s", "max_interval": "0.001s"},
        },
    }


def _tier_route(name: str, tier: Tier) -> Json:
    said = {
        "filter": NAMESPACE,
        "path": [{"key": TIER}],
        "value": {"string_match": {"exact": name}},
    }
    match = {"prefix": "/", "dynamic_metadata": [said]}
    return {"name": f"tier-{name}", "match": match, "route": _action(tier)}


def _routes(limits: Listener) -> list[Json]:
    """Two ways in. The tiers' routes stand first and fit no request before its verdict.

    A POST with a body of a known, allowed length takes the one-message path. Everything else (no
    body, chunked, too long, other methods) has its headers sent first, so that the processor
    refuses and records what would otherwise die unrecorded in Envoy.
    """
    tiers = dict(limits.all_tiers)
    action = _action(tiers.pop(DEFAULT))
    fits = {"start": "1", "end": str(limits.request_body_bytes_max + 1)}
    post = {"name": ":method", "string_match": {"exact": "POST"}}
    length = {"name": "content-length", "range_match": fits}
    return [
        *(_tier_route(name, tier) for name, tier in tiers.items()),
        {
            "name": "one-message",
            "match": {"prefix": "/", "headers": [post, length]},
            "route": action,
        },
        {
            "name": "headers-first",
            "match": {"prefix": "/"},
            "route": action,
            "typed_per_filter_config": {"envoy.filters.http.ext_proc": _headers_first()},
        },
    ]


def _headers_first() -> Json:
    return {
        "@type": TYPE + "filters.http.ext_proc.v3.ExtProcPerRoute",
        "overrides": {
            "processing_mode": {
                "request_header_mode": "SEND", "request_body_mode": "BUFFERED",
                "response_header_mode": "SEND", "response_body_mode": "BUFFERED",
                "request_trailer_mode": "SKIP", "response_trailer_mode": "SKIP",
            }
        },
    }  # fmt: skip


def _virtual_host(limits: Listener) -> Json:
    decision = {"key": "x-envelope-decision-id", "value": DECISION_ID}
    return {
        "name": "envelope",
        "domains": ["*"],
        "include_request_attempt_count": True,
        "include_is_timeout_retry_header": True,
        # Chunked bodies meet this limit; the others are refused by their stated length.
        "request_body_buffer_limit": str(
            max(limits.request_body_bytes_max, limits.response_body_bytes_max)
        ),
        "response_headers_to_add": [
            {"header": decision, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
        ],
        "response_headers_to_remove": ["x-envelope-retry", "x-envelope-local"],
        "routes": _routes(limits),
    }
