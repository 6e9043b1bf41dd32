"""The secrets table: every kind of credential there is a row for, the narrow before the wide.

Where rows find the same text, the first row's label is reported; so vendors' own shapes stand
before what only a name gives away, and random-looking text stands last.
"""

from __future__ import annotations

from extproc.guardrails.detectors import (
    secrets_ai,
    secrets_cloud,
    secrets_keys,
    secrets_saas,
    secrets_spoken,
    secrets_values,
    secrets_vcs,
)

KINDS = (
    *secrets_keys.KINDS,
    *secrets_vcs.KINDS,
    *secrets_ai.KINDS,
    *secrets_cloud.KINDS,
    *secrets_saas.KINDS,
    *secrets_values.KINDS,
    *secrets_spoken.KINDS,
)
