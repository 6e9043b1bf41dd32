"""Clusters: one per provider account, one for the processor, one that leads nowhere.

One cluster per account gives each its own connections, TLS, circuit breaker and credential: a
provider's key is put on in that cluster's own filter chain and exists on no other connection (P4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from extproc.config.model import Listener, ProviderAccount
from extproc.dataplane.listener import TYPE, lua, seconds
from extproc.identity.reserved import (
    NEVER_RETURNED_PREFIXES,
    NEVER_SENT_NAMES,
    NEVER_SENT_PREFIXES,
)

Json = dict[str, Any]

PROVIDER_PREFIX = "account."
_HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_CREDENTIAL_HEADER = {"anthropic": ("x-api-key", ""), "openai": ("authorization", "Bearer ")}


def cluster_name(account: str) -> str:
    return PROVIDER_PREFIX + account


def _http_options(protocol: Json, filters: list[Json] | None = None) -> Json:
    options: Json = {"@type": "type.googleapis.com/" + _HTTP_OPTIONS, **protocol}
    if filters is not None:
        options["http_filters"] = filters
    return {_HTTP_OPTIONS: options}


def _endpoint(address: Json, hostname: str | None = None) -> Json:
    endpoint: Json = {"address": address}
    if hostname:
        endpoint["hostname"] = hostname
    return {"endpoint": endpoint}


def processor(sockets: Sequence[str], body_bytes_max: int) -> Json:
    """The ext_proc workers, each on its own unix socket; a dead one rests, the others serve."""
    return {
        "name": "envelope.processor",
        "type": "STATIC",
        "connect_timeout": "1s",
        "lb_policy": "LEAST_REQUEST",
        "per_connection_buffer_limit_bytes": 2 * body_bytes_max + 1024 * 1024,
        "typed_extension_protocol_options": _http_options(
            {
                "explicit_http_config": {
                    "http2_protocol_options": {
                        "initial_stream_window_size": 1024 * 1024,
                        "initial_connection_window_size": 16 * 1024 * 1024,
                        "max_concurrent_streams": 65536,
                    }
                }
            }
        ),
        "circuit_breakers": {
            "thresholds": [{"max_connections": 4096, "max_requests": 65536,
                            "max_pending_requests": 65536, "max_retries": 1024}]
        },
        "outlier_detection": {
            "split_external_local_origin_errors": True,
            "consecutive_local_origin_failure": 1,
            "enforcing_consecutive_local_origin_failure": 100,
            "enforcing_consecutive_5xx": 0,
            "enforcing_success_rate": 0,
            "interval": "0.25s",
            "base_ejection_time": "0.5s",
            "max_ejection_time": "1s",
            "max_ejection_percent": 90,
        },
        "load_assignment": {
            "cluster_name": "envelope.processor",
            "endpoints": [{"lb_endpoints": [_endpoint({"pipe": {"path": s}}) for s in sockets]}],
        },
    }  # fmt: skip


def nowhere() -> Json:
    return {"name": "envelope.nowhere", "type": "STATIC",
            "load_assignment": {"cluster_name": "envelope.nowhere"}}  # fmt: skip


def _attempt_filters(account: ProviderAccount, sds: Json | None) -> list[Json]:
    filters: list[Json] = [
        _sent(),
        {
            "name": "envelope.attempt",
            "typed_config": {
                "@type": TYPE + "filters.http.lua.v3.Lua",
                "default_source_code": {"inline_string": lua("attempt")},
            },
        },
        _departure(),
    ]
    if sds is not None:
        filters.append(_credential(account, sds))
    filters.append(
        {
            "name": "envoy.filters.http.upstream_codec",
            "typed_config": {"@type": TYPE + "filters.http.upstream_codec.v3.UpstreamCodec"},
        }
    )
    return filters


def _sent() -> Json:
    """How many bytes all attempts so far have sent: `lua/attempt.lua` tells by it whether the one
    before reached its provider. Envoy adds up the attempts of a request."""
    header = {"key": "x-envelope-sent", "value": "%UPSTREAM_WIRE_BYTES_SENT%"}
    append = {"header": header, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
    return {
        "name": "envelope.sent",
        "typed_config": {
            "@type": TYPE + "filters.http.header_mutation.v3.HeaderMutation",
            "mutations": {"request_mutations": [{"append": append}]},
        },
    }


def _without_prefix(prefix: str) -> Json:
    return {"remove_on_match": {"key_matcher": {"prefix": prefix, "ignore_case": True}}}


def _departure() -> Json:
    """Take out what no provider may see, the caller's and other accounts' keys above all, and of
    its answer what no caller may: our marks, and facts about the account that all share (P4)."""
    removals: list[Json] = [{"remove": name} for name in (*NEVER_SENT_NAMES, "accept-encoding")]
    removals += [_without_prefix(prefix) for prefix in NEVER_SENT_PREFIXES]
    return {
        "name": "envelope.departure",
        "typed_config": {
            "@type": TYPE + "filters.http.header_mutation.v3.HeaderMutation",
            "mutations": {
                "request_mutations": removals,
                "response_mutations": [_without_prefix(p) for p in NEVER_RETURNED_PREFIXES],
            },
        },
    }


def _credential(account: ProviderAccount, sds: Json) -> Json:
    header, prefix = _CREDENTIAL_HEADER[account.dialect]
    generic: Json = {
        "@type": TYPE + "http.injected_credentials.generic.v3.Generic",
        "credential": sds,
        "header": header,
    }
    if prefix:
        generic["header_value_prefix"] = prefix
    return {
        "name": "envoy.filters.http.credential_injector",
        "typed_config": {
            "@type": TYPE + "filters.http.credential_injector.v3.CredentialInjector",
            "overwrite": True,
            "credential": {"name": "envelope.credential", "typed_config": generic},
        },
    }


def provider(account: ProviderAccount, limits: Listener, sds: Json | None) -> Json:
    """One provider account. `sds` names its secret; None = the provider asks for no credential."""
    url = urlsplit(account.base_url)
    tls = url.scheme == "https"
    port = url.port or (443 if tls else 80)
    host = url.hostname or ""
    hostname = host if url.port is None else f"{host}:{port}"
    name = cluster_name(account.name)
    cluster: Json = {
        "name": name,
        "type": "STRICT_DNS",
        "dns_lookup_family": "V4_PREFERRED",
        "connect_timeout": seconds(limits.connect_timeout_ms),
        "per_connection_buffer_limit_bytes": 1024 * 1024,
        "typed_extension_protocol_options": _http_options(
            {"auto_config": {}} if tls else {"explicit_http_config": {"http_protocol_options": {}}},
            _attempt_filters(account, sds),
        ),
        "circuit_breakers": {
            "thresholds": [{"max_connections": 4096, "max_requests": 16384,
                            "max_pending_requests": 16384, "max_retries": 4096}]
        },
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [
                {"lb_endpoints": [
                    _endpoint({"socket_address": {"address": host, "port_value": port}}, hostname)
                ]}
            ],
        },
    }  # fmt: skip
    if tls:
        cluster["transport_socket"] = _tls(host)
    return cluster


def _tls(host: str) -> Json:
    """Verify the provider's certificate and name against the system's trust store (RFC 9525)."""
    return {
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": TYPE + "transport_sockets.tls.v3.UpstreamTlsContext",
            "sni": host,
            "common_tls_context": {
                "validation_context": {
                    "trusted_ca": {"filename": "/etc/ssl/certs/ca-certificates.crt"},
                    "match_typed_subject_alt_names": [
                        {"san_type": "DNS", "matcher": {"exact": host}}
                    ],
                }
            },
        },
    }
