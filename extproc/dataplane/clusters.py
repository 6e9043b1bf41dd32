"""Clusters: one for each connection of a provider account, one for the processor, one nowhere.

One cluster for each gives it its own TLS, circuit breaker and credential: a provider's key is put
on in that cluster's own filter chain and exists on no other connection (P4).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from extproc.config.model import Listener, ProviderAccount
from extproc.dataplane.credentials import (
    Connection,
    SecretPlaces,
    connections,
    credential_filters,
    has_key_file,
    key_in_file,
)
from extproc.dataplane.typed import TYPE, lua_filter, quoted, seconds
from extproc.identity.reserved import (
    NEVER_RETURNED_PREFIXES,
    NEVER_SENT_NAMES,
    NEVER_SENT_PREFIXES,
)

Json = dict[str, Any]

PROVIDER_PREFIX = "account."
_HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_SYSTEM_TRUST = "/etc/ssl/certs/ca-certificates.crt"
_RETRIES_MAX = 4096


def cluster_name(connection: str) -> str:
    """`connection`: as `Target.connection` says it."""
    return PROVIDER_PREFIX + connection


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


def _attempt_filters(connection: Connection, host: str, places: SecretPlaces) -> list[Json]:
    headers = connection.account.headers
    key_header, key = key_in_file(connection, places)
    return [
        _sent(),
        lua_filter("attempt", _own_headers(headers, key_header, key)),
        _departure({*headers, key_header}),
        *credential_filters(connection, host, places),
        {
            "name": "envoy.filters.http.upstream_codec",
            "typed_config": {"@type": TYPE + "filters.http.upstream_codec.v3.UpstreamCodec"},
        },
    ]


def _mutation(name: str, mutations: Json) -> Json:
    return {
        "name": name,
        "typed_config": {
            "@type": TYPE + "filters.http.header_mutation.v3.HeaderMutation",
            "mutations": mutations,
        },
    }


def _sent() -> Json:
    """How many bytes all attempts so far have sent: `lua/attempt.lua` tells by it whether the one
    before reached its provider. Envoy adds up the attempts of a request."""
    header = {"key": "x-envelope-sent", "value": "%UPSTREAM_WIRE_BYTES_SENT%"}
    append = {"header": header, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
    return _mutation("envelope.sent", {"request_mutations": [{"append": append}]})


def _without_prefix(prefix: str) -> Json:
    return {"remove_on_match": {"key_matcher": {"prefix": prefix, "ignore_case": True}}}


def _own_headers(headers: Mapping[str, str], key_header: str, key: str) -> str:
    """What `lua/attempt.lua` puts on for this connection: the account's headers, and its key."""
    made = ""
    if headers:
        pairs = ", ".join(f"[{quoted(n)}] = {quoted(v)}" for n, v in headers.items())
        made = f"local ACCOUNT = {{{pairs}}}\n"
    if key:
        made += f"local KEY_HEADER, KEY = {quoted(key_header)}, {key}\n"
    return made


_SIGNED_BEFORE = "x-amz-"
"""What Envoy's signing put on an attempt at another account, its session token among it."""


def _departure(kept: Collection[str]) -> Json:
    """Take out what no provider may see, the caller's and other accounts' keys above all, and of
    its answer what no caller may: our marks, and facts about the account that all share (P4).

    `kept`: names that this connection has put on by itself."""
    names = [name for name in NEVER_SENT_NAMES if name not in kept]
    changes: list[Json] = [{"remove": name} for name in (*names, "accept-encoding")]
    changes += [_without_prefix(p) for p in (*NEVER_SENT_PREFIXES, _SIGNED_BEFORE)]
    returned = [_without_prefix(prefix) for prefix in NEVER_RETURNED_PREFIXES]
    return _mutation(
        "envelope.departure", {"request_mutations": changes, "response_mutations": returned}
    )


def providers(account: ProviderAccount, limits: Listener, places: SecretPlaces) -> Iterator[Json]:
    """The clusters of one account, one for each of its connections. One whose key is gone already
    (of an account that leaves) has none."""
    for connection in connections(account):
        known = places.keys is None or connection.name in places.keys
        if has_key_file(connection) and not known:
            continue
        yield _provider(connection, limits, places)


def _provider(connection: Connection, limits: Listener, places: SecretPlaces) -> Json:
    account, name = connection.account, cluster_name(connection.name)
    url = urlsplit(account.url)
    tls = url.scheme == "https"
    port = url.port or (443 if tls else 80)
    host = url.hostname or ""
    hostname = host if url.port is None else f"{host}:{port}"
    address = {"socket_address": {"address": host, "port_value": port}}
    cluster: Json = {
        "name": name,
        "type": "STRICT_DNS",
        "dns_lookup_family": "V4_PREFERRED",
        "connect_timeout": seconds(limits.connect_timeout_ms),
        "per_connection_buffer_limit_bytes": 1024 * 1024,
        "typed_extension_protocol_options": _http_options(
            _protocol(tls=tls, http2=account.http2), _attempt_filters(connection, hostname, places)
        ),
        "circuit_breakers": {"thresholds": [_thresholds(account)]},
        "outlier_detection": _outliers(),
        # Fewer than half of the addresses left: all are used again, better a bad one than none.
        "common_lb_config": {"healthy_panic_threshold": {"value": 50}},
        # A dead peer is noticed before a call is given to it.
        "upstream_connection_options": {
            "tcp_keepalive": {"keepalive_time": 60, "keepalive_interval": 10, "keepalive_probes": 3}
        },
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [_endpoint(address, hostname)]}],
        },
    }
    if tls:
        cluster["transport_socket"] = _tls(account, host)
    return cluster


def _protocol(*, tls: bool, http2: bool) -> Json:
    if http2:
        return {"explicit_http_config": {"http2_protocol_options": {}}}
    return {"auto_config": {}} if tls else {"explicit_http_config": {"http_protocol_options": {}}}


def _thresholds(account: ProviderAccount) -> Json:
    """Beyond these Envoy refuses a call by itself, and asks no other target: it never repeats what
    its own breaker has stopped."""
    limits = account.limits
    found: Json = {
        "max_connections": limits.connections_max,
        "max_pending_requests": limits.pending_requests_max,
        "max_requests": limits.requests_max,
        "max_retries": _RETRIES_MAX,
    }
    if limits.retry_budget_percent is not None:
        percent = {"value": limits.retry_budget_percent}
        found["retry_budget"] = {"budget_percent": percent, "min_retry_concurrency": 3}
    return found


def _outliers() -> Json:
    """Among the addresses of one provider: one that fails five calls in a row rests a while. What a
    provider says of a call (429, 500) is no fault of the address."""
    return {
        "consecutive_gateway_failure": 5,
        "enforcing_consecutive_gateway_failure": 100,
        "enforcing_consecutive_5xx": 0,
        "enforcing_success_rate": 0,
        "interval": "2s",
        "base_ejection_time": "10s",
        "max_ejection_time": "60s",
        "max_ejection_percent": 50,
    }


def _tls(account: ProviderAccount, host: str) -> Json:
    """Verify the provider's certificate and name (RFC 9525) against the system's trust store, or
    against the account's own."""
    said = account.tls
    ca_file = said.ca_file if said else None
    name = (said.server_name if said else None) or host
    by_address = _is_address(name)
    common: Json = {
        "validation_context": {
            "trusted_ca": {"filename": ca_file or _SYSTEM_TRUST},
            "match_typed_subject_alt_names": [
                {"san_type": "IP_ADDRESS" if by_address else "DNS", "matcher": {"exact": name}}
            ],
        }
    }
    if said and said.client_certificate:
        chain, key = said.client_certificate.certificate_file, said.client_certificate.key_file
        common["tls_certificates"] = [
            {"certificate_chain": {"filename": chain}, "private_key": {"filename": key}}
        ]
    context: Json = {
        "@type": TYPE + "transport_sockets.tls.v3.UpstreamTlsContext",
        "common_tls_context": common,
    }
    if not by_address:
        context["sni"] = name
    return {"name": "envoy.transport_sockets.tls", "typed_config": context}


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
