"""Cosignatures: real ones of public witnesses are understood, and nothing else is believed."""

from __future__ import annotations

import base64

import pytest

from extproc.audit.anchoring.cosignature import Cosignature, WitnessKey, read_cosignatures
from extproc.audit.note import Note, NoteInvalid
from tests.audit.anchoring.witness_server import NOW_S, cosign, vkey

# A checkpoint of a public Certificate Transparency log, as it was published, with the
# cosignatures of four public witnesses (C2SP tlog-cosignature) and their published keys.
REAL = """\
arche2025h1.staging.ct.transparency.dev
1432088532
U7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=

\u2014 arche2025h1.staging.ct.transparency.dev zTM8sQAAAZ5W0WdjBAMARjBEAiBjW5IQf9pvsYLfQFX6hoGREPMHbdQ3urbllzalApkptQIgIpwtEroeW2BXaHAI4kJXFbon5Ch9MNL5zRNZ55lvGt0=
\u2014 arche2025h1.staging.ct.transparency.dev ui8GwCF1+kWqZrxGdhj4aX3gcw7XUlXQQabg/27lefwhUkzbC3NygNI75MdhL1bfTW9g8Ei59RA23oHP7Ry1k3ZFWwQ=
\u2014 transparency.dev/DEV:witness-little-garden 2AQqhwAAAABqEiEgzgFIqqhbUoDwjMWE6UP8nd8/KYTzwZ2rhIgcqoXHAwVkjZr4AscylP3v7sEodkRAErumC2q44vdgJY096st5BQ==
\u2014 witness1.smartit.nu/witness1 pIyCDwAAAABqEiEghIp82KWebrw7/oHQwlTAm3g2RKS4+eebl8eO0WH+/iEcxZ75W3u5hNI7TOQtmJbqmNWVuE0tgh0XwzdZsDsUAQ==
\u2014 remora.n621.de 2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aVCIobWX9sXTynk5XeU/zZ0WBxtqB0DrAWfBw==
\u2014 witness.stagemole.eu Z/euoAAAAABqEiEgw0i+7g2ENfDAWHmtRzCfKTHSDwYDJA2NmKeGi9Y8FtEyOUvVr+AJmIY/2TUFucgKi7lI7cUiOvKFYe/TmN9DAg==
"""  # noqa: E501
KEYS = (
    "transparency.dev/DEV:witness-little-garden+d8042a87+BCtusOxINQNUTN5Oj8HObRkh2yHf/MwYaGX4CPdiVEPM",
    "witness1.smartit.nu/witness1+a48c820f+BPSFWg9G6KPiO7QPryYO5Xq4oYJJ+kAvLKLSimDhoxMO",
    "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2",
    "witness.stagemole.eu+67f7aea0+BEqSG3yu9YrmcM3BHvQYTxwFj3uSWakQepafafpUqklv",
)
TEXT = "log.example\n4\n" + base64.b64encode(bytes(32)).decode() + "\n"
NAME, SEED = "witness.example/w1", b"w" * 32
KEY = WitnessKey.parse(vkey(NAME, SEED, b"\x04"))


def read(lines: str, key: WitnessKey = KEY) -> tuple[Cosignature, ...]:
    return read_cosignatures(Note.parse(f"{TEXT}\n{lines}"), key)


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.partition("+")[0])
def test_real_cosignatures_are_good(key: str) -> None:
    """P3: what public witnesses sign is what we check, to the byte."""
    (found,) = read_cosignatures(Note.parse(REAL), WitnessKey.parse(key))
    assert found.at_s == 0x6A122120
    assert f"{found.line}\n" in REAL
    assert str(WitnessKey.parse(key)) == key


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.partition("+")[0])
def test_a_real_one_fits_no_other_checkpoint(key: str) -> None:
    """P3: a signature over another size is not a signature over this one."""
    other = Note.parse(REAL.replace("1432088532", "1432088533"))
    with pytest.raises(NoteInvalid, match="does not fit"):
        read_cosignatures(other, WitnessKey.parse(key))


@pytest.mark.parametrize("kind", [b"\x01", b"\x04"])
def test_both_published_forms_of_a_key_are_the_same(kind: bytes) -> None:
    """Audit: type 0x01 or 0x04 in the published key; what is signed carries the id of 0x04."""
    key = WitnessKey.parse(f"  {vkey(NAME, SEED, kind)}\n")
    assert key == KEY
    (found,) = read(cosign(NAME, SEED, TEXT), key)
    assert found.at_s == NOW_S


def test_lines_of_other_keys_are_passed_over() -> None:
    """Audit: C2SP signed-note: unknown keys, another of the same name too, are ignored."""
    others = cosign("witness.example/w2", b"x" * 32, TEXT) + cosign(NAME, b"y" * 32, TEXT)
    assert read(others) == ()
    assert len(read(others + cosign(NAME, SEED, TEXT))) == 1


def test_any_flipped_bit_is_found() -> None:
    """P3: of the time and of the signature."""
    line = cosign(NAME, SEED, TEXT)
    value = line.split(" ")[2].strip()
    raw = bytearray(base64.b64decode(value))
    for bit in range(32, len(raw) * 8):
        raw[bit // 8] ^= 1 << bit % 8
        changed = line.replace(value, base64.b64encode(raw).decode())
        with pytest.raises(NoteInvalid):
            read(changed)
        raw[bit // 8] ^= 1 << bit % 8
    assert read(line)


def test_a_plain_signature_is_no_cosignature() -> None:
    """P3: the same key's signature over the bare text says nothing of a time or of consistency."""
    raw = KEY.key_id + bytes(8) + bytes(64)
    with pytest.raises(NoteInvalid, match="does not fit"):
        read(f"\u2014 {NAME} {base64.b64encode(raw).decode()}\n")


@pytest.mark.parametrize(
    "lines",
    ["no signature\n", "\u2014 onlyname\n", "\u2014 a b c\n", "\u2014 w AAAA\n", "\n",
     cosign(NAME, SEED, TEXT)[:-1], cosign(NAME, SEED, TEXT).replace("=", "")],
)  # fmt: skip
def test_what_is_no_signature_line_is_refused(lines: str) -> None:
    """P3: strict, as the format is."""
    with pytest.raises(NoteInvalid):
        read(lines)


@pytest.mark.parametrize(
    "text",
    ["", "w", "w+00000000+AAAA", vkey(NAME, SEED, b"\x06"), vkey(NAME, SEED, b"\x04")[:-4],
     vkey(NAME, SEED, b"\x04").replace("w1+", "w2+"), "a b" + vkey(NAME, SEED, b"\x04")],
)  # fmt: skip
def test_what_is_no_key_is_refused(text: str) -> None:
    """P7: a key whose parts contradict each other is a mistake."""
    with pytest.raises(NoteInvalid):
        WitnessKey.parse(text)
