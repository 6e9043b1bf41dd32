"""Envoy's bootstrap, rendered from the gateway's own configuration.

Two forms. `static_bootstrap` (the command `envelope render`) is whole in itself: provider secrets
are named by environment variable or file, never written. `watched_bootstrap` (the command
`envelope up`) takes routes, clusters and secrets from files that Envoy watches, so accounts and
time-outs change without a restart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from extproc.config.model import Config, ProviderAccount
from extproc.dataplane import clusters, pause
from extproc.dataplane.credentials import (
    SecretPlaces,
    connections,
    path_source,
    static_secret,
)
from extproc.dataplane.listener import listener
from extproc.dataplane.routes import route_configuration
from extproc.routing.rules import session_headers

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """Where this Envoy stands: addresses, sockets and places."""

    host: str
    port: int
    sockets: Sequence[str]
    admin_socket: str
    access_log: str | None = None


def _processor(config: Config, place: Place) -> Json:
    return clusters.processor(place.sockets, config.gateway.listener.request_body_bytes_max)


def _node() -> Json:
    return {"id": "envelope", "cluster": "envelope"}


def _admin(place: Place) -> Json:
    """Envoy's own admin pages listen on a private socket only: never on a port."""
    return {"address": {"pipe": {"path": place.admin_socket, "mode": 0o600}}}


def _listeners(config: Config, place: Place, route_source: Json | None = None) -> list[Json]:
    limits = config.gateway.listener
    more = sorted(session_headers(config))
    own = listener(limits, place.host, place.port, place.access_log, route_source, more)
    return [own, pause.listener()]


def _own_clusters(config: Config, place: Place) -> list[Json]:
    return [_processor(config, place), clusters.nowhere(), pause.cluster()]


def static_bootstrap(config: Config, place: Place) -> Json:
    """Everything in one document, for a mesh operator to read, tune and validate."""
    limits = config.gateway.listener
    places = SecretPlaces(keys=None, tokens=Path(place.admin_socket).parent)
    every = [c for account in config.accounts.values() for c in connections(account)]
    rendered = [
        one
        for account in config.accounts.values()
        for one in clusters.providers(account, limits, places)
    ]
    secrets = [static_secret(connection) for connection in every]
    return {
        "node": _node(),
        "admin": _admin(place),
        "bootstrap_extensions": [pause.extension()],
        "static_resources": {
            "listeners": _listeners(config, place),
            "clusters": [*_own_clusters(config, place), *rendered],
            "secrets": [secret for secret in secrets if secret is not None],
        },
    }


def watched_bootstrap(config: Config, place: Place, folder: Path) -> Json:
    """As above, with the routes and the provider clusters in files below `folder`."""
    return {
        "node": _node(),
        "admin": _admin(place),
        "bootstrap_extensions": [pause.extension()],
        "dynamic_resources": {"cds_config": path_source(folder / "clusters.json")},
        "static_resources": {
            "listeners": _listeners(config, place, path_source(folder / "routes.json")),
            "clusters": _own_clusters(config, place),
        },
    }


def discovered_clusters(
    config: Config, leaving: Mapping[str, ProviderAccount], places: SecretPlaces, version: str
) -> Json:
    """The content of `clusters.json`: a DiscoveryResponse of all provider clusters.

    `leaving`: accounts of the configuration before, kept while requests may still be bound there.
    """
    limits = config.gateway.listener
    found = {
        cluster["name"]: cluster
        for account in (*leaving.values(), *config.accounts.values())
        for cluster in clusters.providers(account, limits, places)
    }
    return _discovered(version, "envoy.config.cluster.v3.Cluster", list(found.values()))


def discovered_routes(config: Config, version: str) -> Json:
    """The content of `routes.json`: a DiscoveryResponse of the one route configuration."""
    routes = route_configuration(config.gateway.listener)
    return _discovered(version, "envoy.config.route.v3.RouteConfiguration", [routes])


def _discovered(version: str, kind: str, resources: list[Json]) -> Json:
    marked = [{"@type": f"type.googleapis.com/{kind}", **resource} for resource in resources]
    return {"version_info": version, "resources": marked}
