"""Runs in the rivals' environment: Presidio's pattern recognizers over texts on standard input.

    python presidio_worker.py find      JSON lines {"text"} -> [[start, end, entity, score], ...]
    python presidio_worker.py cost N    the least CPU seconds of N rounds per text, one line each

No model and no network. For `find` every recognizer of every country runs, and its scores are
raised by context words as Presidio does itself; the words of the text stand for their lemmas. For
`cost` the recognizers alone are called, without tokens and context, which is the cheapest way
there is."""

from __future__ import annotations

import inspect
import json
import logging
import sys
from time import thread_time
from types import SimpleNamespace
from typing import Any

import spacy  # type: ignore[import-not-found]
import tldextract  # type: ignore[import-not-found]
from presidio_analyzer import (  # type: ignore[import-not-found]
    EntityRecognizer,
    PatternRecognizer,
    RecognizerResult,
    predefined_recognizers,
)
from presidio_analyzer.context_aware_enhancers import (  # type: ignore[import-not-found]
    LemmaContextAwareEnhancer,
)

_NOT_PATTERNS_BUT_LOCAL = (
    "PhoneRecognizer",
    "ZaMobileNumberRecognizer",
    "ZaTelephoneNumberRecognizer",
)


def recognizers() -> list[Any]:
    found = []
    for name, one in sorted(vars(predefined_recognizers).items()):
        if not inspect.isclass(one) or not issubclass(one, EntityRecognizer):
            continue
        if issubclass(one, PatternRecognizer) or name in _NOT_PATTERNS_BUT_LOCAL:
            found.append(one())
    return found


def raw(all_of_them: list[Any], text: str) -> list[Any]:
    results: list[Any] = []
    for one in all_of_them:
        results += one.analyze(text, one.supported_entities, None) or []
    return results


def artifacts(blank: Any, text: str) -> Any:
    """What an NLP engine would hand over; a token's text stands for its lemma."""
    tokens = blank(text)
    words = [token.text.lower() for token in tokens]
    return SimpleNamespace(
        tokens=tokens, lemmas=words, tokens_indices=[token.idx for token in tokens],
        keywords=[word for word in words if any(c.isalnum() for c in word)], entities=[],
    )  # fmt: skip


def named(all_of_them: list[Any], results: list[Any]) -> None:
    ids = {entity: one for one in all_of_them for entity in one.supported_entities}
    for result in results:
        one = ids[result.entity_type]
        result.recognition_metadata = {
            RecognizerResult.RECOGNIZER_NAME_KEY: one.name,
            RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: one.id,
        }


def find() -> None:
    all_of_them, blank = recognizers(), spacy.blank("xx")
    enhancer = LemmaContextAwareEnhancer()
    for line in sys.stdin:
        text = json.loads(line)["text"]
        results = raw(all_of_them, text)
        if results:
            named(all_of_them, results)
            results = enhancer.enhance_using_context(
                text, results, artifacts(blank, text), all_of_them
            )
            results = EntityRecognizer.remove_duplicates(results)
        print(json.dumps([[r.start, r.end, r.entity_type, r.score] for r in results]))


def cost(rounds: int) -> None:
    all_of_them = recognizers()
    for line in sys.stdin:
        text, best = json.loads(line)["text"], float("inf")
        for _ in range(rounds):
            begin = thread_time()
            raw(all_of_them, text)
            best = min(best, thread_time() - begin)
        print(json.dumps(best), flush=True)


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
    find() if sys.argv[1] == "find" else cost(int(sys.argv[2]))
