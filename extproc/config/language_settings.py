"""`config` of a `language` guardrail: the languages that texts may be in.

Promises: a language that the detector could never name is a mistake, for its texts would all be
refused.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from extproc.config.base import Document
from extproc.config.fields import complaint, no_repeats
from extproc.config.mistake import did_you_mean

_CODES = """
    aa ab af ak am ar as ay az ba be bg bh bi bn bo br bs ca co cs cy da de dv dz el en eo es et eu
    fa fi fj fo fr fy ga gd gl gn gu gv ha he hi hr ht hu hy ia id ie ig ik is it iu ja jv ka kk kl
    km kn ko ks ku ky la lb lg ln lo lt lv mg mi mk ml mn mr ms mt my na ne nl nn no nr ny oc om or
    pa pl ps pt qu rm rn ro ru rw sa sd sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk
    tl tn to tr ts tt ug uk ur uz ve vi vo wo xh yi yo za zh zu
"""
LANGUAGES = frozenset(_CODES.split())
"""ISO 639-1 codes that can be told apart."""


def _language(value: str) -> str:
    if value not in LANGUAGES:
        near = did_you_mean(value, sorted(LANGUAGES))
        raise complaint(f"is no ISO 639-1 code (as 'en', 'de', 'pt') that can be detected{near}")
    return value


class LanguageSettings(Document):
    """`min_letters`: shorter texts are not judged; a Chinese, Japanese or Korean character counts
    as three. `share`: how much of a text, from 0 to 1, has to be in other languages to count.
    """

    allowed: Annotated[
        tuple[Annotated[str, AfterValidator(_language)], ...],
        Field(min_length=1),
        AfterValidator(no_repeats),
    ]
    min_letters: int = Field(default=40, ge=10, le=10_000)
    share: float = Field(default=0.3, gt=0, le=1)
