"""The table of personal data: every row there is, the narrow before the wide.

Where rows find text that begins at the same character, the first row's label is reported. So what
has arithmetic of its own stands before what only a word gives away, and the weakest words last.
"""

from __future__ import annotations

from extproc.guardrails.detectors import (
    pii_contact,
    pii_europe,
    pii_health,
    pii_hl7,
    pii_money,
    pii_network,
    pii_papers,
    pii_places,
    pii_world,
)
from extproc.guardrails.detectors.pii_shape import Kind


def kinds(private_addresses: bool = False) -> tuple[Kind, ...]:
    """All rows; `private_addresses`: IP addresses of private ranges count too."""
    return (
        *pii_world.KINDS,
        *pii_europe.KINDS,
        *pii_money.KINDS,
        *pii_hl7.KINDS,
        *pii_health.KINDS,
        *pii_papers.KINDS,
        *pii_contact.KINDS,
        *pii_network.kinds(private_addresses),
        *pii_places.KINDS,
        *pii_world.NAMED,
        *pii_money.NAMED,
        *pii_contact.NAMED,
    )
