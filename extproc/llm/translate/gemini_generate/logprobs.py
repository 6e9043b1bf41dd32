"""`logprobsResult` and the entries of OpenAI's `logprobs.content`."""

from __future__ import annotations

from typing import Any

from extproc.llm.call import Json


def read_logprobs(result: Any) -> list[Json] | None:
    """None where there are none, or they are of another shape: they say the text again."""
    if type(result) is not dict:
        return None
    chosen, top = result.get("chosenCandidates"), result.get("topCandidates") or []
    if type(chosen) is not list or type(top) is not list:
        return None
    entries = []
    for position, one in enumerate(chosen):
        entry = _entry(one)
        if entry is None:
            return None
        beside = top[position] if position < len(top) else None
        others = beside.get("candidates") if type(beside) is dict else None
        read = map(_entry, others if type(others) is list else ())
        entries.append({**entry, "top_logprobs": [other for other in read if other is not None]})
    return entries


def write_logprobs(entries: list[Json]) -> Json:
    made: Json = {"chosenCandidates": [_written(entry) for entry in entries]}
    if any(entry.get("top_logprobs") for entry in entries):
        made["topCandidates"] = [
            {"candidates": [_written(other) for other in entry.get("top_logprobs") or ()]}
            for entry in entries
        ]
    return made


def _entry(candidate: Any) -> Json | None:
    match candidate:
        case {"token": str(token)}:
            likely = candidate.get("logProbability")
            number = likely if type(likely) in (int, float) else 0.0
            return {"token": token, "logprob": number, "bytes": list(token.encode())}
    return None


def _written(entry: Json) -> Json:
    return {"token": entry.get("token", ""), "logProbability": entry.get("logprob", 0.0)}
