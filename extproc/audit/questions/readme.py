"""The README of an evidence pack, for an auditor who knows no Merkle trees."""

from __future__ import annotations

from typing import Any

_TEXT = """# Evidence pack

Records of an LLM gateway's audit log, with proof that they are what was recorded.

| | |
|---|---|
| log | `{origin}` |
| period | {period} |
| filters | {filters} |
| records | {records:,}, from entry {first} to entry {last} |
| complete | {complete} |
| removed by retention, within | {pruned} |
| checkpoint | {size:,} entries, root `{root}` |
| made | {made_at} |

## Check it yourself

You need Python 3.11 or later, the package `cryptography`, and the log's public key, which you
should have from somebody you trust, not from this pack:

    python3 verify.py --key /path/to/your/verifier.pub

It prints `ok` and exits with 0, or `FAILED` and what is wrong. It needs no network and no gateway.
`verify.py` is short on purpose: read it, or write your own. It checks that

1. every file here is the one that `manifest.json` lists, by SHA-256;
2. `checkpoint` is signed (Ed25519) by that key, or by one that it handed over to;
3. the records, with the hashes in `proof.json`, give exactly the root that the checkpoint states:
   changing, adding or removing one character of any record gives another root;
4. no record is there twice and, where the table above says complete, none between the first and
   the last is missing, but for those that the log itself says were removed when their time was up.

Whoever made this pack could have changed `verify.py` too: where that matters, use one that you have
from elsewhere (`envelope audit pack --check` does the same).

## What is proven, and what is not

* Proven: these records stand in this log, at these places, unchanged since the checkpoint was
  signed. If a checkpoint of this log was kept elsewhere (by you, a witness, a locked bucket), then
  `envelope audit verify --checkpoint` shows that the log is still the same one.
* Not proven by the pack alone: that there was no other log. Whoever holds the signing key can write
  another history; a checkpoint kept elsewhere shows it.
* Not proven: what went past the gateway. A call that somebody made to a provider directly has no
  record here.
* Reports (`reports.html`, `reports/`) are summaries of the records. They are not signed; each can
  be made again: `envelope audit report NAME --records records.jsonl --records-only`.
* What callers say about their data (`data_class`) is their own word. What guardrails found is what
  they looked for; what nobody looked at is listed as not scanned.
{completeness}
## What is in it

| file | holds |
|---|---|
| `records.jsonl` | one entry per line, the exact bytes that were hashed |
| `proof.json` | hashes of the parts of the log that are not here, left to right (RFC 6962 tree) |
| `checkpoint` | the signed statement about the log's size and root (C2SP tlog-checkpoint) |
| `verifier.pub`, `keys.jsonl` | the log's first public key, and changes of it since |
| `pruned.jsonl` | hashes of records that retention removed, as `audit.prune` records say |
| `reports.html` | all reports in one page; open it in any browser |
| `reports/` | the same as CSV, one file per table |
| `texts/` | configurations, policies and prices that the records name by digest |
| `controls.md`, `controls.json` | which obligations this helps to satisfy, and what it does not |
| `manifest.json` | SHA-256 of every file; its own is in the log, in the entry `audit.pack` |
| `verify.py` | checks all this |
{missing}
## An entry

`at` (UTC), `principal` (who called, of which team, with which key), `request` (what was asked for,
its size, the SHA-256 of its body; never the text), `policy`, `limits`, `guardrails` (what was found
and done), `served` (which provider and region answered), `attempts` (where a call was tried more
than once), `usage`, `cost_nano_usd`, `decision` (how it ended). Entries with `kind: event` are what
people and the gateway itself did.
"""
_COMPLETE = """\
* Completeness: every entry between the first and the last record is here. They are in the order
  in which calls ended; the records at both ends lie outside the period, where the log has any, so
  that you see where it begins and ends.
"""
_FILTERED = """\
* Completeness: this is a selection. Entries that do not fit the filters are not here; only their
  hashes are. Ask for a pack without filters to check that nothing was left out.
"""


def readme(manifest: dict[str, Any], period: str) -> str:
    """The text for one pack."""
    selection, checkpoint = manifest["selection"], manifest["checkpoint"]
    missing = manifest["missing_texts"]
    told = ""
    if missing:
        listed = "\n".join(f"* {kind} `{digest}`" for kind, digest in missing)
        told = f"\nNot in the archive, so not here:\n\n{listed}\n"
    return _TEXT.format(
        origin=manifest["origin"], period=period, filters=_filters(selection["filters"]),
        records=selection["records"], first=selection["first"], last=selection["last"],
        pruned=selection["pruned"], size=checkpoint["size"], root=checkpoint["root"],
        complete="yes" if selection["complete"] else "no: a selection by filters",
        made_at=manifest["made_at"], missing=told,
        completeness=_COMPLETE if selection["complete"] else _FILTERED,
    )  # fmt: skip


def _filters(given: dict[str, Any]) -> str:
    shown = ", ".join(f"`{name}={value}`" for name, value in given.items())
    return shown.replace("|", "\\|").replace("\n", " ") or "none"
