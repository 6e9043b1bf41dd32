"""What is known of each provider, read from `presets.yaml` once.

Promises: a preset is data; nothing in the gateway asks for a provider by name where a preset could
say it. Refuses (at import, hence in every test): a preset that names an unknown field or value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Literal, get_args

import yaml

from extproc.llm.call import Family

AuthStyle = Literal["bearer", "x-api-key", "api-key", "x-goog-api-key", "aws", "gcp", "none"]


@dataclass(frozen=True, slots=True)
class Preset:
    """One provider; the fields are those of `presets.yaml`."""

    name: str
    speaks: tuple[str, ...]
    base_url: str = ""
    family: Family = "openai"
    auth: AuthStyle = "bearer"
    rename: Mapping[str, str] = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    prices: str = ""
    source: str = ""


def _preset(name: str, said: Mapping[str, Any]) -> Preset:
    preset = Preset(name, **{**said, "speaks": tuple(said["speaks"]),
                             "drop": tuple(said.get("drop", ()))})  # fmt: skip
    if preset.auth not in get_args(AuthStyle) or preset.family not in get_args(Family):
        raise ValueError(f"presets.yaml: {name}: unknown `auth` or `family`")
    return preset


def _read() -> dict[str, Preset]:
    text = files("extproc.providers").joinpath("presets.yaml").read_text("utf-8")
    return {name: _preset(name, said) for name, said in yaml.safe_load(text).items()}


PRESETS: Mapping[str, Preset] = _read()
