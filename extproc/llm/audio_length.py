"""The longest that a file of sound can be, told by its bytes.

A bound, not a proof. Of uncompressed WAV the head says how many bytes a second has, and a decoder
believes the same head. Of any other format its lowest sensible rate is taken: Opus says speech in
6 kbit/s (RFC 6716, 2), MP3 has no rate below 8 (ISO 13818-3). Other heads (FLAC, MP3's Xing) state
a length that no decoder is bound by.
"""

from __future__ import annotations

BYTES_PER_SECOND_MIN = 750
LEAST_MS = 10_000
"""Some bill ten seconds at least (Groq, "Speech to text")."""
_PLAIN_WAV = frozenset((1, 3, 0xFFFE))
"""PCM, floating point, and PCM with more channels than two."""


def longest_ms(data: bytes) -> int:
    """Milliseconds, rounded up to a second, as they are billed."""
    seconds = -(-len(data) // (_wav_bytes_per_second(data) or BYTES_PER_SECOND_MIN))
    return max(seconds * 1_000, LEAST_MS)


def _wav_bytes_per_second(data: bytes) -> int:
    """0 where it is no plain WAV: RIFF, and its `fmt ` chunk first, as everybody writes it."""
    if data[:4] != b"RIFF" or data[8:16] != b"WAVEfmt " or len(data) < 36:
        return 0
    if int.from_bytes(data[20:22], "little") not in _PLAIN_WAV:
        return 0
    rate, block = int.from_bytes(data[24:28], "little"), int.from_bytes(data[32:34], "little")
    return rate * block
