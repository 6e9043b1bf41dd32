"""Envoy's bootstrap, rendered from the gateway's own configuration.

Two forms. `static_bootstrap` (the command `envelope render`) is whole in itself: provider secrets
are named by environment variable or file, never written. `watched_bootstrap` (the command
`envelope up`) takes clusters and secrets from files that Envoy watches, so accounts change without
a restart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from extproc.config.model import Config, ProviderAccount
from extproc.dataplane import clusters
from extproc.dataplane.listener import listener

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """Where this Envoy stands: addresses, sockets and folders."""

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


def _listener(config: Config, place: Place) -> Json:
    return listener(config.gateway.listener, place.host, place.port, place.access_log)


def _static_secret(account: ProviderAccount) -> Json:
    assert account.auth is not None
    ref = account.auth.api_key
    source = {"environment_variable": ref.env} if ref.env else {"filename": ref.file}
    return {"name": f"secret.{account.name}", "generic_secret": {"secret": source}}


def static_bootstrap(config: Config, place: Place) -> Json:
    """Everything in one document, for a mesh operator to read, tune and validate."""
    with_secret = [a for a in config.accounts.values() if a.auth is not None]
    rendered = [
        clusters.provider(
            account,
            config.gateway.listener,
            {"name": f"secret.{account.name}"} if account.auth else None,
        )
        for account in config.accounts.values()
    ]
    return {
        "node": _node(),
        "admin": _admin(place),
        "static_resources": {
            "listeners": [_listener(config, place)],
            "clusters": [_processor(config, place), clusters.nowhere(), *rendered],
            "secrets": [_static_secret(a) for a in with_secret],
        },
    }


def _path_source(path: Path) -> Json:
    return {
        "path_config_source": {"path": str(path), "watched_directory": {"path": str(path.parent)}},
        "resource_api_version": "V3",
    }


def watched_bootstrap(config: Config, place: Place, folder: Path) -> Json:
    """As above, with the provider clusters in `folder/clusters.json`."""
    return {
        "node": _node(),
        "admin": _admin(place),
        "dynamic_resources": {"cds_config": _path_source(folder / "clusters.json")},
        "static_resources": {
            "listeners": [_listener(config, place)],
            "clusters": [_processor(config, place), clusters.nowhere()],
        },
    }


def discovered_clusters(
    config: Config, leaving: Mapping[str, ProviderAccount], folder: Path, version: str
) -> Json:
    """The content of `clusters.json`: a DiscoveryResponse of all provider clusters.

    `leaving`: accounts of the configuration before, kept while requests may still be bound there.
    """
    resources = []
    for account in {**leaving, **config.accounts}.values():
        name = f"secret.{account.name}"
        sds = None
        if account.auth is not None:
            path = folder / "secrets" / f"{account.name}.json"
            sds = {"name": name, "sds_config": _path_source(path)}
        cluster = clusters.provider(account, config.gateway.listener, sds)
        resources.append(
            {"@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", **cluster}
        )
    return {"version_info": version, "resources": resources}


def discovered_secret(account: str, secret: bytes) -> Json:
    """The content of one account's secret file (mode 0600): a DiscoveryResponse."""
    import base64

    value = base64.b64encode(secret).decode()
    resource = {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
        "name": f"secret.{account}",
        "generic_secret": {"secret": {"inline_bytes": value}},
    }
    return {"version_info": "1", "resources": [resource]}
