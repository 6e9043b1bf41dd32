"""How good it is: precision and recall over the labelled texts, held-out ones apart.

`attacks`/`benign` were written beside the patterns. `fresh_*` was written by somebody who had not
seen them; of its lines the even ones were learned from afterwards, the odd ones are what the
figures of docs/guardrails.md are of.
"""

import pytest

from extproc.guardrails.detectors import prompt_injection
from extproc.guardrails.values import Detector
from tests.guardrails.corpus.injection import Sample, read

ROLES = {"text": "user", "tool": "tool", "tool_definition": "tool_definition"}
SCANS = prompt_injection.scans({})
CORPUS = {name: list(read(name)) for name in ("attacks", "benign", "fresh_attacks", "fresh_benign")}


def detector(sample: Sample) -> Detector:
    return next(detector for detector, roles in SCANS if ROLES[sample.role] in roles)


def found(name: str, held_out: bool) -> tuple[list[str], list[str]]:
    """Names of what was found and of what was not."""
    hit: list[str] = []
    missed: list[str] = []
    for sample in CORPUS[name]:
        if sample.held_out == held_out:
            (hit if detector(sample).find(sample.text) else missed).append(sample.name)
    return hit, missed


def test_the_corpus_is_large_enough() -> None:
    """Contract: at least 300 attacks and 400 look-alikes, all different, of many kinds."""
    attacks = CORPUS["attacks"] + CORPUS["fresh_attacks"]
    benign = CORPUS["benign"] + CORPUS["fresh_benign"]
    assert len(attacks) >= 300 and len(benign) >= 400
    texts = [sample.text for sample in attacks + benign]
    assert len(set(texts)) == len(texts)
    assert len({sample.kind for sample in attacks}) >= 10


@pytest.mark.parametrize(("corpus", "held_out", "recall", "precision"), [
    ("", False, 0.97, 0.98), ("", True, 0.97, 0.90),
    ("fresh_", False, 0.95, 0.95), ("fresh_", True, 0.66, 0.90),
])  # fmt: skip
def test_quality(corpus: str, held_out: bool, recall: float, precision: float) -> None:
    """P3: what was measured stays; the message names every text that is judged wrongly."""
    hit, missed = found(f"{corpus}attacks", held_out)
    wrong, _ = found(f"{corpus}benign", held_out)
    assert len(hit) / (len(hit) + len(missed)) >= recall, missed
    assert len(hit) / (len(hit) + len(wrong)) >= precision, wrong
