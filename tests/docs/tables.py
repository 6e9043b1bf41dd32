"""Tables of docs/ that say what the code says: who reaches whom, which providers there are."""

from __future__ import annotations

from extproc.llm.dialects import CALLER_DIALECTS, PROVIDER_DIALECTS
from extproc.llm.translate import reaches
from extproc.providers.presets import PRESETS

_AUTH = {
    "bearer": "`Authorization: Bearer`", "x-api-key": "`x-api-key`", "api-key": "`api-key`",
    "x-goog-api-key": "`x-goog-api-key`", "aws": "SigV4, or a Bedrock key as bearer",
    "gcp": "OAuth token, or a key", "none": "none",
}  # fmt: skip


def matrix() -> str:
    """Rows: dialects of callers; columns: dialects of providers, where any is translated to."""
    columns = [
        provider
        for provider in PROVIDER_DIALECTS.values()
        if any(reaches(c, provider) and c.shape != provider.shape for c in CALLER_DIALECTS.values())
    ]
    lines = ["| caller | " + " | ".join(f"`{c.name}`" for c in columns) + " |",
             "|---" * (len(columns) + 1) + "|"]  # fmt: skip
    for caller in CALLER_DIALECTS.values():
        cells = []
        for column in columns:
            same = caller.shape == column.shape
            cells.append("as it came" if same else "yes" if reaches(caller, column) else "")
        if any(cells):
            lines.append(f"| `{caller.name}` | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def providers() -> str:
    lines = ["| provider | address | speaks | key |", "|---|---|---|---|"]
    for preset in PRESETS.values():
        address = f"`{preset.base_url}`" if preset.base_url else "yours"
        spoken = ", ".join(f"`{name}`" for name in preset.speaks)
        lines.append(f"| `{preset.name}` | {address} | {spoken} | {_AUTH[preset.auth]} |")
    return "\n".join(lines)
