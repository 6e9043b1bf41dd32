"""Signed notes and checkpoints against the format's published example, and by property."""

from __future__ import annotations

from pathlib import Path

import pytest

from extproc.audit.checkpoint import (
    SIGNING_KEY,
    VERIFIER_KEY,
    Checkpoint,
    KeyRefused,
    load_signer,
    load_verifier,
    read_checkpoint,
)
from extproc.audit.note import NoteInvalid, Signer, Verifier, open_note

NEUMANN = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NEUMANN_SIGNER = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
NOTE = TEXT + (
    "\n\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdng"
    "otpRZb6KE6RyyBwJnAM=\n"
)
SIGNER = Signer("log.example/one", bytes(range(32)))
CHECKPOINT = Checkpoint(SIGNER.name, 42, bytes(32))
SIGNED = CHECKPOINT.signed(SIGNER)


def test_the_published_example_opens_and_is_reproduced() -> None:
    """P3: the signed-note format's own example key, text and signature."""
    assert open_note(NOTE, Verifier.parse(NEUMANN)) == TEXT
    signer = Signer.parse(NEUMANN_SIGNER)
    assert signer.sign(TEXT) == NOTE
    assert str(signer.verifier) == NEUMANN
    assert signer.secret_text() == NEUMANN_SIGNER


def test_a_checkpoint_is_three_lines_and_a_signature() -> None:
    """P3: C2SP tlog-checkpoint, byte for byte."""
    origin, size, root, blank, signature, end = SIGNED.split("\n")
    assert (origin, size, root) == ("log.example/one", "42", "A" * 43 + "=")
    assert blank == end == ""
    assert signature.startswith("\u2014 log.example/one ")
    assert read_checkpoint(SIGNED, SIGNER.verifier) == CHECKPOINT


def test_any_flipped_bit_is_refused() -> None:
    """P3: a checkpoint that differs in one bit does not open; every single bit is tried."""
    for bit in range(len(SIGNED.encode()) * 8):
        raw = bytearray(SIGNED.encode())
        raw[bit // 8] ^= 1 << bit % 8
        with pytest.raises(NoteInvalid):
            read_checkpoint(raw.decode(errors="replace"), SIGNER.verifier)


@pytest.mark.parametrize(
    "text",
    [
        "log.example/one\n042\n" + CHECKPOINT.root_base64 + "\n",
        "log.example/one\n-1\n" + CHECKPOINT.root_base64 + "\n",
        "log.example/one\n\u0664\n" + CHECKPOINT.root_base64 + "\n",
        "log.example/one\n42\nAAAA\n",
        "log.example/one\n42\n",
        "log.example/two\n42\n" + CHECKPOINT.root_base64 + "\n",
    ],
)
def test_what_is_signed_must_still_be_a_checkpoint_of_this_log(text: str) -> None:
    """P3: a good signature over something else is not a checkpoint."""
    with pytest.raises(NoteInvalid):
        read_checkpoint(SIGNER.sign(text), SIGNER.verifier)


def test_a_witness_may_sign_beside_but_not_instead() -> None:
    """P3: signatures of unknown keys are ignored, the log's own is required."""
    other = Signer("witness.example", b"w" * 32)
    witness_line = other.sign(CHECKPOINT.text()).split("\n\n")[1]
    assert read_checkpoint(SIGNED + witness_line, SIGNER.verifier) == CHECKPOINT
    with pytest.raises(NoteInvalid):
        read_checkpoint(CHECKPOINT.signed(other), SIGNER.verifier)


@pytest.mark.parametrize("text", ["", "x", "a+b+c", NEUMANN[:-1], NEUMANN.replace("c74f", "c74e")])
def test_a_verifier_key_must_be_whole(text: str) -> None:
    """P3: a key whose parts contradict each other is no key."""
    with pytest.raises(NoteInvalid):
        Verifier.parse(text)


def test_the_signing_key_is_made_once_and_private(tmp_path: Path) -> None:
    """P4: the private key is readable by its owner alone, and shows in no repr."""
    first = load_signer(tmp_path, "envelope")
    assert load_signer(tmp_path, "envelope") == first
    assert (tmp_path / SIGNING_KEY).stat().st_mode & 0o777 == 0o600
    assert load_verifier(tmp_path / VERIFIER_KEY) == first.verifier
    assert first.secret_text() not in repr(first)
    assert repr(first.seed) not in repr(first)


def test_a_log_keeps_its_key_and_origin(tmp_path: Path) -> None:
    """P3: a lost, replaced or renamed key is refused instead of quietly made anew."""
    load_signer(tmp_path, "envelope")
    with pytest.raises(KeyRefused):
        load_signer(tmp_path, "other")
    (tmp_path / SIGNING_KEY).rename(tmp_path / "saved")
    with pytest.raises(KeyRefused):
        load_signer(tmp_path, "envelope")
    (tmp_path / SIGNING_KEY).write_text(Signer("envelope", b"x" * 32).secret_text())
    with pytest.raises(KeyRefused):
        load_signer(tmp_path, "envelope")
