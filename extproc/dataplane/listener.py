"""The listener: what Envoy does to a request before and after the processor has seen it.

Promises: gateway-owned headers from outside are gone before anything reads them; a request leaves
for a provider only with `envelope.verdict == allow` (P1); an answer leaves only when judged.
Refuses: upgrades, underscores in header names, ambiguous paths, oversized headers and bodies.
Field names and behaviour: Envoy's api/envoy/extensions/filters protos, tried on 1.40.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from extproc.config.model import Listener
from extproc.dataplane.local_reply import DECISION_ID, local_reply_config
from extproc.dataplane.routes import NAMESPACE, ROUTES, route_configuration
from extproc.dataplane.trail import ATTRIBUTES
from extproc.dataplane.typed import TYPE, lua_filter, seconds
from extproc.identity.reserved import OWNED_NAMES, OWNED_PREFIXES
from extproc.routing.plan import ATTEMPTS_MAX

Json = dict[str, Any]

READ_HEADERS = (
    "x-envelope-decision-id", "authorization", "x-api-key", "x-goog-api-key", "api-key", "x-bf-vk",
    "x-tfy-metadata", "x-tfy-guardrails", "idempotency-key", "x-request-id", "traceparent",
    "content-type", "content-encoding", "content-length", "anthropic-version",
    "x-tfy-request-timeout", "x-tfy-ttft-timeout-ms", "x-tfy-retry-config",
    "x-tfy-logging-config", "tracestate",
)  # fmt: skip
"""Request headers that the processor reads; they travel as attributes with the one message."""


def _early_mutation() -> Json:
    """Strip what clients may not say, then name the exchange (`%UNIQUE_ID%` is a fresh UUID)."""
    removals = [
        {"remove_on_match": {"key_matcher": {"prefix": p, "ignore_case": True}}}
        for p in OWNED_PREFIXES
    ] + [{"remove": name} for name in OWNED_NAMES]
    identity = {
        "append": {
            "header": {"key": "x-envelope-decision-id", "value": "%UNIQUE_ID%"},
            "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
        }
    }
    return {
        "name": "envelope.entry",
        "typed_config": {
            "@type": TYPE + "http.early_header_mutation.header_mutation.v3.HeaderMutation",
            "mutations": [*removals, identity],
        },
    }


_ANOTHER_HOST: Json = {
    "name": "envoy.retry_host_predicates.previous_hosts",
    "typed_config": {"@type": TYPE + "retry.host.previous_hosts.v3.PreviousHostsPredicate"},
}


def _ext_proc(message_timeout_ms: int, more_headers: Sequence[str]) -> Json:
    namespaces = [NAMESPACE, f"{NAMESPACE}.answer", f"{NAMESPACE}.request"]
    namespaces += [f"{NAMESPACE}.attempt.{n}" for n in range(1, ATTEMPTS_MAX + 1)]
    attributes = ["request.path", "request.method"]
    read = dict.fromkeys((*READ_HEADERS, *more_headers))
    attributes += [f"request.headers['{name}']" for name in read]
    return {
        "name": "envoy.filters.http.ext_proc",
        "typed_config": {
            "@type": TYPE + "filters.http.ext_proc.v3.ExternalProcessor",
            "grpc_service": {
                "envoy_grpc": {"cluster_name": "envelope.processor"},
                # A worker that is gone has seen nothing: another one may be asked instead.
                "retry_policy": {
                    "retry_on": "connect-failure",
                    "num_retries": 3,
                    "retry_back_off": {"base_interval": "0.005s", "max_interval": "0.05s"},
                    "retry_host_predicate": [_ANOTHER_HOST],
                    "host_selection_retry_max_attempts": "3",
                },
            },
            "failure_mode_allow": False,
            "status_on_error": {"code": "ServiceUnavailable"},
            "message_timeout": seconds(message_timeout_ms),
            "max_message_timeout": seconds(_PATIENCE_MS),
            "allow_mode_override": True,
            "mutation_rules": {"allow_envoy": True, "disallow_is_error": True},
            "metadata_options": {"receiving_namespaces": {"untyped": namespaces}},
            "processing_mode": {
                "request_header_mode": "SKIP", "request_body_mode": "BUFFERED",
                "response_header_mode": "SEND", "response_body_mode": "BUFFERED",
                "request_trailer_mode": "SKIP", "response_trailer_mode": "SKIP",
            },
            "request_attributes": attributes,
            "response_attributes": list(ATTRIBUTES),
        },
    }  # fmt: skip


def _lock() -> Json:
    verdict = {
        "filter": NAMESPACE,
        "path": [{"key": "verdict"}],
        "value": {"string_match": {"exact": "allow"}},
    }
    return {
        "name": "envelope.lock",
        "typed_config": {
            "@type": TYPE + "filters.http.rbac.v3.RBAC",
            "rules": {
                "action": "ALLOW",
                "policies": {
                    "verdict": {
                        "permissions": [{"any": True}],
                        "principals": [
                            {"sourced_metadata": {"metadata_source": "DYNAMIC",
                                                  "metadata_matcher": verdict}}
                        ],
                    }
                },
            },
        },
    }  # fmt: skip


def _router() -> Json:
    return {
        "name": "envoy.filters.http.router",
        "typed_config": {
            "@type": TYPE + "filters.http.router.v3.Router",
            "suppress_envoy_headers": True,
        },
    }


_MESSAGE_MS = 5_000
"""What one message may take, unless the processor asks for more time."""
_PATIENCE_MS = 600_000
"""The most it may ask for: for guardrail services, within their own time limits."""


def _routes(limits: Listener, source: Json | None) -> Json:
    """In the listener itself, or from `source`, from where they change while it runs."""
    if source is None:
        return {"route_config": route_configuration(limits)}
    return {"rds": {"route_config_name": ROUTES, "config_source": source}}


def http_connection_manager(
    limits: Listener,
    access_log: str | None,
    route_source: Json | None = None,
    more_headers: Sequence[str] = (),
) -> Json:
    manager: Json = {
        "@type": TYPE + "filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "envelope",
        "codec_type": "AUTO",
        "server_name": "envelope",
        "use_remote_address": True,
        "skip_xff_append": True,
        "normalize_path": True,
        "merge_slashes": True,
        # Model names hold slashes that SDKs escape; what the gateway does not know exactly is 404.
        "path_with_escaped_slashes_action": "KEEP_UNCHANGED",
        "max_request_headers_kb": limits.header_kib_max,
        "common_http_protocol_options": {
            "idle_timeout": "3600s",
            "headers_with_underscores_action": "REJECT_REQUEST",
            "max_headers_count": 100,
        },
        "http2_protocol_options": {
            "max_concurrent_streams": 100,
            "initial_stream_window_size": 65536,
            "initial_connection_window_size": 1048576,
        },
        "request_headers_timeout": "15s",
        "request_timeout": "300s",
        "stream_idle_timeout": "300s",  # the routes have their own
        "generate_request_id": False,
        "early_header_mutation_extensions": [_early_mutation()],
        "local_reply_config": local_reply_config(),
        **_routes(limits, route_source),
        "http_filters": [
            lua_filter("answer_lock"),
            _ext_proc(_MESSAGE_MS, more_headers),
            lua_filter("hold"),
            _lock(),
            _router(),
        ],
    }
    if access_log:
        manager["access_log"] = [_access_log(access_log)]
    return manager


def _access_log(path: str) -> Json:
    """One line an exchange: no path query, no header but the decision id (P4)."""
    return {
        "name": "envoy.access_loggers.file",
        "typed_config": {
            "@type": TYPE + "access_loggers.file.v3.FileAccessLog",
            "path": path,
            "log_format": {
                "json_format": {
                    "at": "%START_TIME%", "decision_id": DECISION_ID,
                    "method": "%REQ(:METHOD)%", "path": "%PATH(NQ)%", "status": "%RESPONSE_CODE%",
                    "flags": "%RESPONSE_FLAGS%", "details": "%RESPONSE_CODE_DETAILS%",
                    "cluster": "%UPSTREAM_CLUSTER%", "attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
                    "duration_ms": "%DURATION%",
                }
            },
        },
    }  # fmt: skip


def listener(
    limits: Listener,
    host: str,
    port: int,
    access_log: str | None,
    route_source: Json | None = None,
    more_headers: Sequence[str] = (),
) -> Json:
    """`more_headers`: of callers, read beside `READ_HEADERS`."""
    manager = http_connection_manager(limits, access_log, route_source, more_headers)
    return {
        "name": "envelope",
        "address": {"socket_address": {"address": host, "port_value": port}},
        "per_connection_buffer_limit_bytes": 1024 * 1024,
        "filter_chains": [
            {
                "filters": [
                    {
                        "name": "envoy.filters.network.http_connection_manager",
                        "typed_config": manager,
                    }
                ]
            }
        ],
    }
