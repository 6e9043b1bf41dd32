"""Which connections an account has, and how each of them proves who calls.

Promises: a credential stands in one file and is put on by one cluster's own filters, on no other
connection (P4). What is rendered names it and never holds it.

Envoy takes one inotify instance for every file that it watches by itself, and systems allow 128 of
them: it would abort with as many accounts. So it watches no key. A key that changes gets another
file, and its cluster with it; only tokens that expire within the hour are watched.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from extproc.config.base import SecretRef
from extproc.config.model import ProviderAccount
from extproc.dataplane.typed import TYPE, quoted

Json = dict[str, Any]

_HEADER = {
    "bearer": ("authorization", "Bearer "), "x-api-key": ("x-api-key", ""),
    "api-key": ("api-key", ""), "x-goog-api-key": ("x-goog-api-key", ""),
    "gcp": ("authorization", "Bearer "),
}  # fmt: skip
_AWS_SERVICE = "bedrock"


@dataclass(frozen=True, slots=True)
class Connection:
    """One way to a provider. `name`: as `Target.connection` says it; `api_key`: where its key is,
    None where it has none or another kind of credential."""

    name: str
    account: ProviderAccount
    api_key: SecretRef | None


@dataclass(frozen=True, slots=True)
class SecretPlaces:
    """Where Envoy finds what proves who calls. `keys`: the file of each connection by its name;
    None = Envoy is run by somebody else: its bootstrap names keys as the configuration does, and
    AWS credentials come from its own chain. `tokens`: above the files of tokens, always watched."""

    keys: Mapping[str, Path] | None
    tokens: Path


def connections(account: ProviderAccount) -> tuple[Connection, ...]:
    """One for an account, or one for each of its keys."""
    if account.keys:
        return tuple(
            Connection(f"{account.name}.key.{key.name}", account, key.api_key)
            for key in account.keys
        )
    key = account.auth.api_key if account.auth is not None else None
    return (Connection(account.name, account, key),)


def path_source(path: Path) -> Json:
    """A file that Envoy reads, and reads again when it is replaced by rename."""
    return {
        "path_config_source": {"path": str(path), "watched_directory": {"path": str(path.parent)}},
        "resource_api_version": "V3",
    }


def token_file(folder: Path, connection: Connection) -> Path:
    """Where the token of a connection stands, below `folder`."""
    return folder / "secrets" / f"{connection.name}.json"


def has_key_file(connection: Connection) -> bool:
    """Whether it has a secret that is written into a file of its own when it changes."""
    auth = connection.account.auth
    chain = auth is not None and auth.aws_chain
    return connection.account.auth_style not in ("none", "gcp") and not chain


def credential_filters(connection: Connection, host: str, places: SecretPlaces) -> list[Json]:
    """What puts it on, last before the wire, unless a key in a file does (`key_in_file`). `host`:
    as the provider is told it; it is signed."""
    path = places.keys.get(connection.name) if places.keys is not None else None
    match connection.account.auth_style:
        case "none":
            return []
        case "aws":
            return [_signing(connection, host, path)]
        case "gcp":
            return [_injection("gcp", connection, token_file(places.tokens, connection))]
        case style:
            return [_injection(style, connection, None)] if places.keys is None else []


def _injection(style: str, connection: Connection, watched: Path | None) -> Json:
    """A secret by its name; `watched`: the file that has it, else it is in the bootstrap."""
    (header, prefix), name = _HEADER[style], f"secret.{connection.name}"
    source: Json = {"name": name}
    if watched is not None:
        source["sds_config"] = path_source(watched)
    generic: Json = {
        "@type": TYPE + "http.injected_credentials.generic.v3.Generic",
        "credential": source,
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


_READ = """(function()
  local file = assert(io.open(%s, "r"))
  local text = file:read("*a")
  file:close()
  return text
end)()"""


def key_in_file(connection: Connection, places: SecretPlaces) -> tuple[str, str]:
    """(header, Lua that makes its value) of a key that `lua/attempt.lua` puts on; ('', '') where
    another filter does. It is read when Envoy takes the cluster, once for each of its threads, and
    never for a request; without the file Envoy takes no cluster."""
    path = places.keys.get(connection.name) if places.keys is not None else None
    style = connection.account.auth_style
    if path is None or style in ("aws", "gcp"):
        return "", ""
    header, prefix = _HEADER[style]
    return header, f"{quoted(prefix)} .. {_READ % quoted(str(path))}"


def _signing(connection: Connection, host: str, path: Path | None) -> Json:
    """SigV4 over the body of this attempt. The host is named here because Envoy writes it into the
    request only when the connection stands, behind all filters."""
    config: Json = {
        "@type": TYPE + "filters.http.aws_request_signing.v3.AwsRequestSigning",
        "service_name": _AWS_SERVICE,
        "region": connection.account.region,
        "host_rewrite": host,
        # Nothing else: a proxy on the way may change what the caller sent.
        "match_included_headers": [{"exact": "host"}, {"prefix": "x-amz-"}],
    }
    if path is not None:
        source = {"filename": str(path)}
        config["credential_provider"] = {
            "credentials_file_provider": {"credentials_data_source": source, "profile": "default"}
        }
    return {"name": "envoy.filters.http.aws_request_signing", "typed_config": config}


# --- the files -------------------------------------------------------------------------------


def discovered_secret(connection: str, secret: bytes | None) -> Json:
    """The content of a token's file (mode 0600): a DiscoveryResponse. None = not there yet."""
    resources = []
    if secret is not None:
        value = base64.b64encode(secret).decode()
        resources = [
            {
                "@type": TYPE + "transport_sockets.tls.v3.Secret",
                "name": f"secret.{connection}",
                "generic_secret": {"secret": {"inline_bytes": value}},
            }
        ]
    return {"version_info": "1", "resources": resources}


def aws_file(access_key_id: str, secret_access_key: str, session_token: str | None) -> str:
    """The content of a credentials file, as AWS tools write it."""
    lines = ["[default]", f"aws_access_key_id={access_key_id}",
             f"aws_secret_access_key={secret_access_key}"]  # fmt: skip
    if session_token is not None:
        lines.append(f"aws_session_token={session_token}")
    return "\n".join([*lines, ""])


def static_secret(connection: Connection) -> Json | None:
    """For an Envoy that somebody else runs: named by variable or file. None = it has no key."""
    ref = connection.api_key
    if ref is None:
        return None
    source = {"environment_variable": ref.env} if ref.env else {"filename": ref.file}
    return {"name": f"secret.{connection.name}", "generic_secret": {"secret": source}}
