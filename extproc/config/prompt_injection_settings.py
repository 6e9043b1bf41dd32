"""`config` of a `prompt-injection` guardrail.

Promises: a level that does not exist is a mistake with the known ones named.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from extproc.config.fields import complaint
from extproc.config.mistake import one_of
from extproc.config.model import Document

SENSITIVITIES = ("low", "medium", "high")


def _known(value: str) -> str:
    if value not in SENSITIVITIES:
        raise complaint(f"must be {one_of(SENSITIVITIES)}")
    return value


Sensitivity = Annotated[str, AfterValidator(_known)]


class PromptInjectionSettings(Document):
    """How little is enough: `high` finds more and is wrong more often."""

    sensitivity: Sensitivity = "medium"
    tool_result_sensitivity: Sensitivity = "high"
