"""The pause before another try at the same target: a listener inside Envoy that answers late.

Envoy's back-off belongs to a route and is random below its interval; a target's own delay needs
another clock. `lua/attempt.lua` asks this listener, which has no address, and goes on when it has
answered: after as many milliseconds as the header says. Nothing of a request goes there.
"""

from __future__ import annotations

from typing import Any

from extproc.dataplane.typed import TYPE

Json = dict[str, Any]

PAUSE = "envelope.pause"


def extension() -> Json:
    return {
        "name": "envoy.bootstrap.internal_listener",
        "typed_config": {"@type": TYPE + "bootstrap.internal_listener.v3.InternalListener"},
    }


def cluster() -> Json:
    inside = {"envoy_internal_address": {"server_listener_name": PAUSE}}
    return {
        "name": PAUSE,
        "type": "STATIC",
        "circuit_breakers": {
            "thresholds": [{"max_connections": 65536, "max_requests": 65536,
                            "max_pending_requests": 65536}]
        },
        "load_assignment": {
            "cluster_name": PAUSE,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": inside}}]}],
        },
    }  # fmt: skip


def listener() -> Json:
    answer = {"match": {"prefix": "/"}, "direct_response": {"status": 204}}
    late = {
        "name": "envoy.filters.http.fault",
        "typed_config": {
            "@type": TYPE + "filters.http.fault.v3.HTTPFault",
            "delay": {"header_delay": {}, "percentage": {"numerator": 100}},
        },
    }
    router = {
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": TYPE + "filters.http.router.v3.Router"},
    }
    manager = {
        "@type": TYPE + "filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": PAUSE,
        "route_config": {
            "name": PAUSE,
            "virtual_hosts": [{"name": PAUSE, "domains": ["*"], "routes": [answer]}],
        },
        "http_filters": [late, router],
    }
    connection_manager = {
        "name": "envoy.filters.network.http_connection_manager", "typed_config": manager,
    }  # fmt: skip
    return {
        "name": PAUSE,
        "internal_listener": {},
        "filter_chains": [{"filters": [connection_manager]}],
    }
