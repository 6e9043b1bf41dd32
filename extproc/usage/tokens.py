"""Token counting without a network: OpenAI's o200k_base, and factors for those who publish none.

Promises: cheap enough for every request; long texts are counted in slices so that nobody else waits
(P8); text is never kept, only its hash and its count (P4). What a provider adds around texts is
`input_bound.py`'s. Refuses nothing: any string has a count, lone surrogates included.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Sequence

from rs_bpe.bpe import openai as _bpe  # type: ignore[import-not-found]

from extproc.llm.billable import Billable
from extproc.llm.call import Family
from extproc.usage.input_bound import InputBound, input_bound

OUTPUT_PERCENT: dict[Family, int] = {
    "openai": 100, "anthropic": 125, "gemini": 100, "bedrock": 125, "cohere": 100,
}  # fmt: skip
"""Of o200k's count; over 100, so that a count stays an integer and rounds up. An estimate of what
was written, for answers whose provider does not say; the input's factor is a bound. Of prose, the
vocabularies of Gemini and Command, as large as o200k's, make as many; Bedrock is counted as
Claude."""

LARGE_CHARS = 64 * 1024
SLICE_CHARS = 16 * 1024
"""About 1 ms of prose, 3 ms of the worst text found (random code points)."""
MEMO_CHARS_MIN = 256
MEMO_MAX = 8_192
FLUSH_CHARS = 8 * 1024


class TokenCounter:
    """Counts text. Owns the vocabulary and a memo; one per process."""

    def __init__(self) -> None:
        self._tokenizer = _bpe.o200k_base()
        self._memo: dict[tuple[int, int], int] = {}

    def bound(
        self, billable: Billable, families: Collection[Family], model_ids: Sequence[str] = ()
    ) -> InputBound:
        """The most input a request can be billed for, at whichever of its candidates.

        `families`: theirs, at least one. `model_ids`: the providers' own ids; empty: not known.
        """
        raw = sum(map(self._remembered, billable.texts))
        predicted = sum(map(self._remembered, billable.predicted))
        return input_bound(raw, predicted, billable, families, model_ids)

    async def bound_large(
        self, billable: Billable, families: Collection[Family], model_ids: Sequence[str] = ()
    ) -> InputBound:
        """The same as `bound`; more than 64 K characters are sliced, others run in between."""
        if sum(map(len, billable.texts)) + sum(map(len, billable.predicted)) <= LARGE_CHARS:
            return self.bound(billable, families, model_ids)
        raw = await self._raw_large(billable.texts)
        predicted = await self._raw_large(billable.predicted)
        return input_bound(raw, predicted, billable, families, model_ids)

    async def _raw_large(self, texts: Sequence[str]) -> int:
        raw = since = 0
        for piece in (piece for text in texts for piece in _slices(text)):
            raw += self._remembered(piece)
            since += len(piece)
            if since >= SLICE_CHARS // 2:
                since = 0
                await asyncio.sleep(0)
        return raw

    def count_output(self, text: str, family: Family) -> int:
        """Tokens of generated text: nothing is added around it."""
        return _scaled(self.raw(text), family)

    def _remembered(self, text: str) -> int:
        """System prompts, tools and history come again with every call: count them once.

        Keyed by hash and length, not by the text: nothing that was said stays in memory (P4). A
        collision (2^-64, salted per process) would only bend a bound until settlement.
        """
        if len(text) < MEMO_CHARS_MIN:
            return self.raw(text)
        key = (hash(text), len(text))
        known = self._memo.get(key)
        if known is None:
            known = self.raw(text)
            if len(self._memo) >= MEMO_MAX:
                self._memo.clear()
            self._memo[key] = known
        return known

    def raw(self, text: str) -> int:
        """o200k tokens of one text, as plain text: special tokens in it mean nothing."""
        try:
            return int(self._tokenizer.count(text))
        except UnicodeEncodeError:  # a lone surrogate: JSON may carry it, UTF-8 may not
            return int(self._tokenizer.count(text.encode("utf-8", "replace").decode()))


class OutputCounter:
    """Counts a streamed answer, delta by delta, so that a stream that was cut has a count too.

    Deltas are joined per channel before they are counted (a word may span two of them). At most
    about `FLUSH_CHARS` per channel are held, and dropped when counted.
    """

    def __init__(self, counter: TokenCounter, family: Family) -> None:
        self._counter, self._family = counter, family
        self._held: dict[str, list[str]] = {}
        self._held_chars: dict[str, int] = {}
        self._raw = 0

    def add(self, channel: str, text: str) -> None:
        """One delta of one channel (`TextSlot.channel`)."""
        held = self._held.setdefault(channel, [])
        held.append(text)
        chars = self._held_chars.get(channel, 0) + len(text)
        if chars >= FLUSH_CHARS:
            text = "".join(held)
            end = _word_end(text, 0, len(text))
            self._raw += self._counter.raw(text[:end])
            held[:] = [text[end:]]
            chars = len(text) - end
        self._held_chars[channel] = chars

    def tokens(self) -> int:
        """Tokens so far, over all channels. May be asked at any time."""
        rest = sum(self._counter.raw("".join(held)) for held in self._held.values())
        return _scaled(self._raw + rest, self._family)


def _scaled(raw: int, family: Family) -> int:
    return -(-raw * OUTPUT_PERCENT[family] // 100)


def _slices(text: str) -> Iterator[str]:
    """Cut a long text at spaces where there are any: o200k's words begin with their space."""
    start = 0
    while len(text) - start > SLICE_CHARS:
        end = _word_end(text, start, start + SLICE_CHARS)
        yield text[start:end]
        start = end
    yield text[start:]


def _word_end(text: str, start: int, end: int) -> int:
    """The last space in the second half of a span, or the span's end when there is none."""
    at = text.rfind(" ", (start + end) // 2, end)
    return at if at > start else end
