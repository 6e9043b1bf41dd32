"""Bodies without personal data and secrets, whatever guardrails their call had.

Pure. Promises: every text of a body is looked at: values, names of fields, tool arguments, numbers
as text, and a streamed text as one text over all of its frames. Fields named in `masked_fields`
lose their value whatever its type. What nobody has looked at is not in the result: a body is cut
after it was redacted. Refuses, by raising Unreadable, what cannot be read as what it says it is.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Generator, Iterable
from itertools import chain

import orjson

from extproc.audit.content.scan import Eyes, Steps, Unreadable
from extproc.audit.content.texts import (
    Pieces,
    Text,
    masked_values,
    names,
    numbers,
    streamed_texts,
    whole_texts,
    write_numbers,
)
from extproc.audit.content.walk import (
    MASK,
    Found,
    Walk,
    is_binary,
    nested,
    omitted,
    put_back,
    rename,
)
from extproc.guardrails.values import Detector
from extproc.llm import strict_json
from extproc.llm.call import Frame
from extproc.llm.sse import SseReader, StreamFault, encode

Redacted = Generator[None, None, tuple[bytes, bool]]
"""(what may be kept, whether there was more), made in pieces."""
_CUT = "[cut]"
_FRAMES_A_PIECE = 64
_BYTES_A_PIECE = 16 * 1024


class Redactor:
    """`masked_fields`: compared without regard to case."""

    def __init__(self, detectors: Iterable[Detector], masked_fields: Collection[str] = ()) -> None:
        self._eyes = Eyes(detectors)
        names = frozenset(name.casefold() for name in masked_fields)
        self._walk = Walk(names)
        either = "|".join(sorted(map(re.escape, masked_fields), key=len, reverse=True))
        self._masked = re.compile(rf'(\\*)"(?:{either})\1"\s*:\s*', re.I) if either else None

    def json(self, data: bytes, bytes_max: int) -> Redacted:
        """A body that is JSON."""
        try:
            root = {"": orjson.loads(data)}
        except orjson.JSONDecodeError:
            raise Unreadable from None
        if not strict_json.within_depth(root):
            raise Unreadable
        found = Found(bytes_max)
        yield from self._walk.over(root, found)
        yield from self._clean(found, streamed=False)
        return _bounded(strict_json.dump(root[""]), bytes_max, found.cut)

    def text(self, data: bytes, bytes_max: int) -> Redacted:
        """A body that is words."""
        root = {"": data.decode("utf-8", "replace")}
        found = Found(bytes_max)
        yield from self._walk.over(root, found)
        yield from self._clean(found, streamed=False)
        return _bounded(root[""].encode("utf-8", "replace"), bytes_max, found.cut)

    def events(self, data: bytes, bytes_max: int, whole: bool) -> Redacted:
        """A stream of server-sent events, or its start: frames that are not whole are left out."""
        frames = yield from _frames(data, whole)
        found = Found(bytes_max)
        kept: list[Frame] = []
        for frame in frames:
            if found.cut:
                break
            if frame.data:
                yield from self._walk.over(frame.data, found)
            kept.append(frame)
            if len(kept) % _FRAMES_A_PIECE == 0:
                yield
        found.cut = found.cut or not whole
        yield from self._clean(found, streamed=True)
        # Encoded anew, without the lines that nobody reads.
        redacted = b"".join(encode(frame.event, frame.data) for frame in kept)
        return _bounded(redacted, bytes_max, found.cut)

    def _clean(self, found: Found, *, streamed: bool) -> Steps:
        """Look at what was found, and write the tree's values anew."""
        _trim(found)
        texts = streamed_texts(found) if streamed else whole_texts(found)
        if found.cut:
            self._end_where_cut(texts if streamed else texts[-1:])
        for text in texts:  # grows: JSON in pieces holds texts of its own
            yield from self._read(text, found, texts)
        pieces = Pieces(texts)
        of_texts = (unit for text in texts for unit in text.units())
        yield from self._eyes.look_at(chain(of_texts, pieces.units(), numbers(found), names(found)))
        pieces.tell()
        write_numbers(found)
        for text in texts:
            text.write()
        rename(found)
        put_back(found)
        for text in texts:
            text.spread(found)

    def _end_where_cut(self, texts: list[Text]) -> None:
        """What stands before a cut may be half of something: the last text of a tree, and every
        text of a stream, for more of each might have come."""
        for text in texts:
            text.saw(self._eyes.settled(text.text), len(text.text), _CUT)

    def _read(self, text: Text, found: Found, texts: list[Text]) -> Steps:
        """What needs no detector: JSON in pieces, and masked fields of JSON amid words."""
        if text.in_pieces and not text.repeats and is_binary(text.text):
            text.saw(0, len(text.text), omitted(text.text))
        elif text.in_pieces and (tree := nested(text.text)) is not None:
            text.tree, before = tree, len(found.leaves)
            found.budget += 10 * len(text.text)  # its values were paid for as text
            yield from self._walk.over(tree, found, texts=1)
            texts += whole_texts(found, before)
        elif self._masked is not None:
            for start, end in masked_values(self._masked, text.text):
                text.saw(start, end, f'"{MASK}"')


def _frames(data: bytes, whole: bool) -> Generator[None, None, list[Frame]]:
    reader, frames = SseReader(), []
    try:
        for at in range(0, len(data), _BYTES_A_PIECE):
            frames += reader.feed(data[at : at + _BYTES_A_PIECE])
            yield
        return frames + (reader.finish() if whole else [])
    except StreamFault:
        raise Unreadable from None


def _trim(found: Found) -> None:
    """The last text, as far as the budget goes."""
    if found.cut and found.leaves and found.budget < 0:
        leaf = found.leaves[-1][0]
        leaf.text = leaf.text[: max(0, len(leaf.text) + found.budget)]
        leaf.holder[leaf.key] = leaf.text


def _bounded(data: bytes, bytes_max: int, cut: bool) -> tuple[bytes, bool]:
    if len(data) <= bytes_max:
        return data, cut
    return data[:bytes_max].decode("utf-8", "ignore").encode(), True
