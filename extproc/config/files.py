"""What a configuration points to on this machine: secrets and policies.

Promises: a missing secret or policy is found before traffic is, with file and line. Refuses to
show, keep or return what a secret file or variable holds (P4). Apart from `load`, because a
configuration is also rendered and validated where its secrets are not.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from extproc.config.json_schema_settings import JsonSchemaSettings
from extproc.config.kinds import CHANNEL, GUARDRAILS
from extproc.config.mistake import Mistake
from extproc.config.model import Config, Document, SecretRef

REGO_SUFFIXES = (".rego", ".json", ".yaml", ".yml")


def check_files(config: Config) -> list[Mistake]:
    """Both of the below, against this process's environment."""
    return [*check_rego(config), *check_secrets(config)]


def check_secrets(
    config: Config, environ: Mapping[str, str] | None = None, *, providers: bool = True
) -> list[Mistake]:
    """Secrets of providers, channels and guardrails that cannot be had here.

    `environ`: default this process's own. `providers=False` where Envoy alone reads theirs.
    """
    variables = os.environ if environ is None else environ
    found = []
    for key, whose, secret in _secrets(config):
        if key.startswith("provider-account/") and not providers:
            continue
        if fault := _secret_fault(secret, variables):
            found.append(told_at(config, key, f"{whose}: {fault}"))
    return found


def _secrets(config: Config) -> Iterator[tuple[str, str, SecretRef]]:
    """Every secret referred to: the key of its place, whose it is, where it lives."""
    for name, account in config.accounts.items():
        for _, secret in account.secrets():
            yield f"provider-account/{name}#auth", f"secret of '{name}'", secret
    for name, channel in config.channels.items():
        for field, secret in channel.secrets():
            yield f"{CHANNEL}/{name}", f"`{field}` of channel '{name}'", secret
    for name, settings in config.guardrail_settings.items():
        for field, secret in _within(settings):
            group = name.partition("/")[0]
            yield f"{GUARDRAILS}/{group}", f"`{field}` of guardrail '{name}'", secret
    gateway = config.gateway
    parts = {"guardrails": gateway.guardrails, "telemetry": gateway.telemetry}
    for part, document in parts.items():
        for field, secret in _within(document, part):
            yield f"gateway-config/{gateway.name}", f"`{field}`", secret
    for field, secret in gateway.audit.secrets():
        yield f"gateway-config/{gateway.name}", f"`audit.{field}`", secret


def _within(part: Document, path: str = "") -> Iterator[tuple[str, SecretRef]]:
    """Secrets anywhere inside a document, with the field's path."""
    for name, value in part:
        where = f"{path}.{name}" if path else name
        if isinstance(value, SecretRef):
            yield where, value
        elif isinstance(value, Document):
            yield from _within(value, where)
        elif isinstance(value, Mapping):
            secrets = {key: one for key, one in value.items() if isinstance(one, SecretRef)}
            yield from ((f"{where}.{key}", secret) for key, secret in secrets.items())


def check_rego(config: Config) -> list[Mistake]:
    """Policy files and folders that are not there, or hold no policy."""
    policy = config.gateway.policy
    file, line = place(config, f"gateway-config/{config.gateway.name}#policy")
    wanted = {**dict.fromkeys(policy.rego or (), "rego"), **dict.fromkeys(policy.shadow, "shadow")}
    faults = ((key, _rego_fault(Path(path))) for path, key in wanted.items())
    return [Mistake(file, line, f"`policy.{key}`: {fault}") for key, fault in faults if fault]


def referenced_files(config: Config) -> Iterator[Path]:
    """Files and folders whose change is a change of the gateway: policies and secrets."""
    policy = config.gateway.policy
    yield from map(Path, (*(policy.rego or ()), *policy.shadow))
    for settings in config.guardrail_settings.values():
        if isinstance(settings, JsonSchemaSettings) and settings.file is not None:
            yield Path(settings.file)
    yield from (Path(secret.file) for _, _, secret in _secrets(config) if secret.file)


def place(config: Config, key: str) -> tuple[str, int]:
    """Where something stands (`Config.places`)."""
    return config.places.get(key, ("configuration", 1))


def told_at(config: Config, key: str, message: str) -> Mistake:
    """A mistake, or a warning, about what stands there."""
    return Mistake(*place(config, key), message)


def _secret_fault(secret: SecretRef, variables: Mapping[str, str]) -> str:
    if secret.env is not None:
        fault = "" if variables.get(secret.env, "").strip() else "is not set, or empty"
        return f"environment variable {secret.env} {fault}" if fault else ""
    try:
        text = Path(secret.file or "").read_text("utf-8").strip()
    except UnicodeDecodeError:
        return f"file {secret.file} is not text"
    except OSError as error:
        return f"file {secret.file} cannot be read: {(error.strerror or 'error').lower()}"
    return "" if text else f"file {secret.file} is empty"


def _rego_fault(path: Path) -> str:
    if path.is_dir():
        has_policy = next(path.rglob("*.rego"), None) is not None
        return "" if has_policy else f"folder {path} holds no *.rego"
    if not path.is_file():
        return f"{path} does not exist"
    known = path.suffix in REGO_SUFFIXES
    return "" if known else f"{path} is none of {', '.join(f'*{s}' for s in REGO_SUFFIXES)}"
