"""What can be asked: the views that a question may name. Pure text.

    entries    one row for each entry: calls and events
    attempts   one for each time a call was sent to a provider, or may have been
    guardrails one for each guardrail that ran on a call, and how it ended
    findings   one for each thing that a guardrail found
    events     entries that are not calls: what people and the gateway itself did

Times are UTC. `at` is a word of SQL and needs quotes; `time` is the same.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from extproc.audit.questions.rows import DERIVED, SHARED, quoted, select, transformed

ORIGIN_OF_ROW = "filename, file_row_number"
_CALL = ("origin", "index", "decision_id", "time", "team", "principal", "environment",
         "data_class", "outcome", "code", "metadata")  # fmt: skip
_TAKEN = ", ".join(f"c.{name}" for name in _CALL)
VIEWS: Mapping[str, str] = {
    "entries": (
        f'SELECT * EXCLUDE ({ORIGIN_OF_ROW}), "at" AS time, principal_team AS team, '
        "principal_name AS principal, split_part(model, '/', 1) AS account, "
        "cost_nano_usd * 0.000000001 AS cost_usd FROM kept"
    ),
    "attempts": (
        f"SELECT {_TAKEN}, c.requested_model, u.n, u.a.model AS model, u.a.provider AS provider, "
        "u.a.region AS region, u.a.kind AS account_kind, u.a.ending AS ending, "
        "u.a.status AS status FROM entries c, "
        "UNNEST(c.attempts) WITH ORDINALITY AS u(a, n)"
    ),
    "guardrails": (
        f"SELECT {_TAKEN}, c.model, c.provider, c.region, u.h.hook AS hook, "
        "u.h.guardrail AS guardrail, u.h.outcome AS result, u.h.fault AS fault "
        "FROM entries c, UNNEST(c.hooks) AS u(h)"
    ),
    "findings": (
        f"SELECT {_TAKEN}, c.model, c.provider, c.region, u.f.hook AS hook, "
        "u.f.guardrail AS guardrail, u.f.outcome AS result, u.f.label AS label, "
        'u.f.path AS path, u.f."count" AS "count", u.f.score AS score '
        "FROM entries c, UNNEST(c.findings) AS u(f)"
    ),
    "events": (
        "SELECT origin, index, decision_id, time, environment, principal_type AS actor_type, "
        "principal_name AS actor, action, target, outcome, "
        "json_extract(entry, '$.event') AS details FROM entries WHERE kind = 'event'"
    ),
}
NO_ROWS = select("SELECT NULL::JSON AS line, '' AS origin WHERE false", {**SHARED, **DERIVED})


def raw(derived: Sequence[str], exported: Sequence[str], known: Collection[str]) -> str:
    """SQL: all rows of derived Parquet files, which have every column, and of exported ones.

    `known`: the columns that the exported files have; the others are taken out of their `entry`
    where a question asks for them.
    """
    parts = []
    if derived:
        parts.append(f"SELECT * FROM {read(derived)}")
    if exported:
        parts.append(_exported(exported, known))
    return " UNION ALL BY NAME ".join(parts) or (
        f"SELECT *, '' AS filename, 0::BIGINT AS file_row_number FROM ({NO_ROWS})"
    )


def read(paths: Sequence[str]) -> str:
    """SQL: Parquet files as one relation, each row with the place it came from."""
    listed = ", ".join(map(quoted, paths))
    return (
        f"read_parquet([{listed}], union_by_name = true, filename = true, "
        "file_row_number = true, hive_partitioning = false)"
    )


def _exported(paths: Sequence[str], known: Collection[str]) -> str:
    columns = {
        name: f'"{name}"' if name in known else expression
        for name, expression in {**SHARED, **DERIVED}.items()
    } | {"at": '"at"::TIMESTAMP'}
    listed = ", ".join(f'{expression} AS "{name}"' for name, expression in columns.items())
    parsed = f"SELECT *, {transformed('entry')} AS e FROM {read(paths)}"
    return f"SELECT {listed}, {ORIGIN_OF_ROW} FROM ({parsed})"
