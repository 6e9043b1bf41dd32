"""A body as this provider wants it: fields it knows by another name, fields it does not know.

Pure. A preset names only fields whose loss changes no answer; what is left out is reported.
"""

from __future__ import annotations

from extproc.llm.call import Json
from extproc.providers.presets import Preset


def fitted(body: Json, preset: Preset) -> tuple[Json, tuple[str, ...]]:
    """(body, names of what was left out). The body itself where nothing is to be done."""
    if not preset.rename and not preset.drop:
        return body, ()
    renames = {old: new for old, new in preset.rename.items() if old in body}
    dropped = tuple(name for name in preset.drop if name in body)
    if not renames and not dropped:
        return body, ()
    made = {renames.get(key, key): value for key, value in body.items() if key not in dropped}
    return made, dropped
