"""Speech and transcription: texts read, sound named, its length and its characters reserved."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.errors import Refusal
from extproc.llm.audio_length import BYTES_PER_SECOND_MIN, LEAST_MS, longest_ms
from extproc.llm.call import Json
from extproc.llm.openai_speech import OPENAI_SPEECH, characters
from extproc.llm.openai_transcription import (
    OPENAI_TRANSCRIPTION,
    OPENAI_TRANSLATION,
    read_answer,
    write_answer,
)
from extproc.usage.checked import checked
from extproc.usage.price import Price, Rates, UnitRates, cost_nano_usd, worst_case
from extproc.usage.tokens import TokenCounter
from extproc.usage.usage import Units, Unsound, Usage
from tests.llm.operations.asking import call_of, refused, texts, without_streams

SPEECH = {"model": "tts", "input": "T-say", "voice": "alloy"}
SOUND = {"filename": "T-name.mp3", "content_type": "audio/mpeg", "data": b"\xff\xfb" * 50_000}
FORM: Json = {"model": "whisper-1", "file": SOUND}


def wav(seconds: int, rate: int = 16_000, kind: int = 1, block: int = 2) -> bytes:
    data = bytes(seconds * rate * block)
    head = struct.pack("<HHIIHH", kind, 1, rate, rate * block, block, 16)
    return (b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt " + struct.pack("<I", 16) + head
            + b"data" + struct.pack("<I", len(data)) + data)  # fmt: skip


def test_every_text_of_speech() -> None:
    """P5: what is said and how; a voice only where it is no name."""
    body = {**SPEECH, "instructions": "T-how", "voice": "T v", "later": "T-l"}
    found = texts(OPENAI_SPEECH.request_texts(body))
    assert set(found.values()) == {"T-say", "T-how", "T v", "T-l"}
    assert call_of(OPENAI_SPEECH, SPEECH).unscanned == ()
    without_streams(OPENAI_SPEECH, SPEECH)
    assert OPENAI_SPEECH.answers == "bytes" and OPENAI_SPEECH.response_unscanned({}) == ("audio",)
    assert (
        texts(OPENAI_SPEECH.response_texts({})) == {} and OPENAI_SPEECH.response_usage({}) is None
    )


@pytest.mark.parametrize(
    ("more", "param"),
    [({"input": 1}, "input"), ({"voice": None}, "voice"), ({"speed": 0.1}, "speed"),
     ({"speed": True}, "speed"), ({"instructions": []}, "instructions"),
     ({"stream_format": "sse"}, "stream_format"), ({"model": ""}, "model")],
)  # fmt: skip
def test_ill_typed_speech_is_refused_by_name(more: Any, param: str) -> None:
    """Contract: missing, ill-typed and unoffered fields are refused by their name."""
    assert refused(OPENAI_SPEECH, {**SPEECH, **more}) == param


def test_speech_is_charged_as_it_was_reserved() -> None:
    """P2: characters are known beforehand; tokens of sound nobody tells."""
    bound = TokenCounter().bound(OPENAI_SPEECH.billable(SPEECH), {"openai"})
    charged, _ = checked(None, lambda: Usage(bound.input_tokens, 0, source="counted"),
                         input_bound=bound.input_tokens, reach=bound.reach,
                         output_bound=bound.more_output_tokens)  # fmt: skip
    assert (charged.characters, charged.audio_output_tokens) == (5, bound.more_output_tokens)
    by_text = Price(Rates(0, 0, 0, 0), units=UnitRates(mchar=15 * 10**9))
    assert cost_nano_usd(charged, by_text) == 5 * 15_000
    by_token = Price(Rates(6 * 10**8, 12 * 10**9, 0, 0))
    reserved = worst_case(by_token, bound.input_tokens, bound.more_output_tokens, reach=bound.reach)
    assert 0 < cost_nano_usd(charged, by_token) <= reserved


def test_slow_speech_is_longer() -> None:
    """P2: half the speed, twice the sound; a faster one is not reckoned with."""
    percent = [OPENAI_SPEECH.billable({**SPEECH, "speed": speed}).spoken_percent
               for speed in (None, 0.5, 4)]  # fmt: skip
    assert percent == [1_200, 2_400, 1_200]


@given(st.text(st.characters(codec="utf-8")))
def test_characters_are_those_of_whoever_counts_more(text: str) -> None:
    """P2: an emoji is one character to some and two to others."""
    assert len(text) <= characters(text) == len(text.encode("utf-16-le")) // 2


def test_every_text_of_a_transcription() -> None:
    """P5: prompts, keywords, names, unknown fields and their names; the sound is named (P3)."""
    body = {**FORM, "prompt": "T-p", "keywords[]": ["T-k", "T-m"], "language": "de",
            "known_speaker_names[]": ["T-s"], "timestamp_granularities[]": ["word"],
            "known_speaker_references[]": ["data:audio/wav;base64,//s="], "response_format": "json",
            "T odd[]": ["T-o"], "later": "T-l", "include[]": ["T words"]}  # fmt: skip
    found = set(texts(OPENAI_TRANSCRIPTION.request_texts(body)).values())
    assert found == {"T-name.mp3", "T-p", "T-k", "T-m", "T-s", "T odd[]", "T-o", "T-l", "T words"}
    unscanned = call_of(OPENAI_TRANSCRIPTION, body).unscanned
    assert unscanned == ("file", "known_speaker_references[][0]")


def test_a_replaced_text_reaches_the_form() -> None:
    """P5: prompts, list entries and the file's name are written back in place."""
    body = {"model": "m", "file": dict(SOUND), "prompt": "a", "keywords[]": ["b"]}
    for number, slot in enumerate(OPENAI_TRANSCRIPTION.request_texts(body)):
        slot.text = f"new-{number}"
    assert (body["file"]["filename"], body["prompt"], body["keywords[]"]) == (  # type: ignore[index]
        "new-0", "new-1", ["new-2"])  # fmt: skip


@pytest.mark.parametrize(
    ("more", "param"),
    [({"file": None}, "file"), ({"file": "text"}, "file"), ({"model": SOUND}, "model"),
     ({"file": {**SOUND, "data": b""}}, "file"), ({"prompt": SOUND}, "prompt"),
     ({"keywords[]": [SOUND]}, "keywords[]"), ({"stream": "true"}, "stream"),
     ({"response_format": "exe"}, "response_format")],
)  # fmt: skip
def test_ill_typed_transcriptions_are_refused_by_name(more: Any, param: str) -> None:
    """Contract: a file where a text belongs, a text where the file belongs, a stream."""
    assert refused(OPENAI_TRANSCRIPTION, {**FORM, **more}) == param


def test_transcription_and_translation_are_two_paths() -> None:
    """Contract: each is sent where it was asked."""
    paths = [
        one.upstream_path("m", stream=False) for one in (OPENAI_TRANSCRIPTION, OPENAI_TRANSLATION)
    ]
    assert paths == ["/audio/transcriptions", "/audio/translations"]
    assert OPENAI_TRANSCRIPTION.shape != OPENAI_TRANSLATION.shape
    assert OPENAI_TRANSLATION.body == "multipart"


def test_every_text_of_a_transcript() -> None:
    """P5: text, segments, words, speakers, and the tokens of log probabilities."""
    answer = {"task": "transcribe", "language": "english", "duration": 8.5, "text": "T-all",
              "segments": [{"id": 0, "text": "T-seg", "tokens": [1, 2], "speaker": "T a b"}],
              "words": [{"word": "T-word", "start": 0}], "languages": [{"code": "T-c"}],
              "logprobs": [{"token": "T-", "logprob": 0}, {"token": "lp"}]}  # fmt: skip
    found = texts(OPENAI_TRANSCRIPTION.response_texts(answer))
    assert set(found.values()) == {"T-all", "T-seg", "T a b", "T-word", "T-c", "T-lp"}
    odd = {"text": "x", "logprobs": [{"token": 5}]}
    assert OPENAI_TRANSCRIPTION.response_unscanned(odd) == ("logprobs",)


@pytest.mark.parametrize(
    ("answer", "usage"),
    [
        ({"usage": {"type": "duration", "seconds": 3.2}}, Usage(units=Units(audio_ms=4_000))),
        ({"duration": 8.0}, Usage(units=Units(audio_ms=8_000))),
        ({"duration": "8.47"}, Usage(units=Units(audio_ms=9_000))),
        ({"usage": {"type": "tokens", "input_tokens": 14, "output_tokens": 45, "total_tokens": 59,
                    "input_token_details": {"text_tokens": 4, "audio_tokens": 10}}},
         Usage(4, 45, audio_input_tokens=10)),
        ({"usage": {"type": "tokens", "input_tokens": 9, "output_tokens": 1}},
         Usage(0, 1, audio_input_tokens=9)),
        ({}, None),
    ],
)  # fmt: skip
def test_usage_of_a_transcript(answer: Json, usage: Usage | None) -> None:
    """P2: by length, in whole seconds as it is billed, or by tokens of text and sound."""
    assert OPENAI_TRANSCRIPTION.response_usage(answer) == usage


@pytest.mark.parametrize(
    "answer",
    [{"usage": {"type": "duration"}}, {"usage": {"seconds": -1}}, {"usage": {"seconds": True}},
     {"usage": {"seconds": 1e300}}, {"duration": "nan"}, {"duration": "long"}, {"usage": []},
     {"usage": {"input_tokens": 1}}, {"usage": {"input_tokens": 1, "output_tokens": 1,
                                                "input_token_details": {"audio_tokens": 2}}}],
)  # fmt: skip
def test_unsound_usage_of_a_transcript(answer: Json) -> None:
    """P2: what cannot be true voids the report."""
    assert isinstance(OPENAI_TRANSCRIPTION.response_usage(answer), Unsound)


@given(st.integers(1, 40), st.sampled_from((8_000, 16_000, 48_000)))
def test_the_length_of_plain_wav_is_known(seconds: int, rate: int) -> None:
    """P2: never below the real length, and close above it."""
    most = longest_ms(wav(seconds, rate))
    assert max(LEAST_MS, seconds * 1_000) <= most <= max(LEAST_MS, (seconds + 1) * 1_000)


@given(st.binary(max_size=400), st.integers(0, 30))
def test_other_sound_is_as_long_as_its_bytes_can_be(head: bytes, seconds: int) -> None:
    """P2: heads that say otherwise (compressed WAV, no WAV at all) are not believed."""
    for data in (head + bytes(seconds * 750), wav(seconds, kind=0x31)):
        if data[:4] != b"RIFF" or data[20] == 0x31:
            assert longest_ms(data) >= len(data) * 1_000 // BYTES_PER_SECOND_MIN


@pytest.mark.parametrize(
    "price",
    [Price(Rates(0, 0, 0, 0), units=UnitRates(audio_hour=36 * 10**7)),
     Price(Rates(25 * 10**8, 10**10, 0, 0, audio_input=6 * 10**9))],
)  # fmt: skip
@pytest.mark.parametrize(
    "answer",
    [{"text": "hi"}, {"text": "hi", "duration": 60.0}, {"text": "hi", "usage": {
        "type": "tokens", "input_tokens": 1_000, "output_tokens": 250,
        "input_token_details": {"audio_tokens": 1_000}}}],
)  # fmt: skip
def test_a_transcript_never_costs_more_than_was_reserved(price: Price, answer: Json) -> None:
    """P2: a minute of MP3, told by length, by tokens, or not at all."""
    body = {**FORM, "file": {**SOUND, "data": b"\xff\xfb" * 240_000}}
    bound = TokenCounter().bound(OPENAI_TRANSCRIPTION.billable(body), {"openai"})
    told = OPENAI_TRANSCRIPTION.response_usage(answer)
    charged, flags = checked(told, lambda: Usage(bound.input_tokens, 1, source="counted"),
                             input_bound=bound.input_tokens, reach=bound.reach,
                             output_bound=bound.more_output_tokens)  # fmt: skip
    reserved = worst_case(price, bound.input_tokens, bound.more_output_tokens, reach=bound.reach)
    assert cost_nano_usd(charged, price) <= reserved
    assert flags == (() if told else ("provider_usage_missing",))
    if told is None:
        assert (charged.input_tokens, charged.audio_input_tokens) == (0, bound.input_tokens)


def test_an_answer_that_is_one_text() -> None:
    """P5: text, srt and vtt are one text, read and written back; JSON stays JSON."""
    tree = read_answer("1\n00:00 → Ä".encode(), "text/plain; charset=utf-8")
    assert not isinstance(tree, Refusal)
    (slot,) = OPENAI_TRANSCRIPTION.response_texts(tree)
    slot.text = "masked"
    assert write_answer(tree, "text/plain") == b"masked"
    assert read_answer(b'{"text":"a"}', "application/json") == {"text": "a"}
    assert write_answer({"text": "a"}, "application/json") == b'{"text":"a"}'
    assert isinstance(read_answer(b"\xff", "text/vtt"), Refusal)
