"""Words of SQL by what they do in a statement, over the common dialects."""

from __future__ import annotations

STATEMENT_WORDS = (
    "select", "insert", "update", "delete", "drop", "truncate", "alter", "grant", "revoke",
)  # fmt: skip


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


WORDS = frozenset(STATEMENT_WORDS)
OBJECTS = _set(
    "table database schema view index user role function procedure trigger sequence type domain"
    " extension tablespace login event server policy publication subscription aggregate rule"
    " synonym"
    " package keyspace materialized temporary unique foreign owned warehouse stage catalog"
)
LEADS = _set("temporary temp materialized unique foreign if exists not concurrently only by")
ENDINGS = _set("cascade restrict purge force cascaded restart continue commit with")
NEXT = WORDS | {"go", "commit", "rollback", "begin", "end", "create", "with", "use", "merge"}
ALTERS = _set(
    "add drop modify change rename alter set owner enable disable with convert engine default"
    " attach"
    " detach validate reset no cluster identified password to quota account as compile move split"
    " recover swap suspend resume collate character auto_increment partition truncate superuser"
    " nosuperuser createdb createrole login nologin bypassrls replication inherit valid"
)
PRIVILEGES = _set(
    "select insert update delete truncate references trigger usage execute create alter drop index"
    " connect temporary temp all view file process reload super shutdown control impersonate"
    " ownership event lock replication"
)
DELETE_NEXT = _set("where returning using limit order partition output as join inner left")
JOINS = ("join", "inner", "left", "right", "full", "cross", "natural")
CONDITION_ENDS = _set("returning order limit group having union window option fetch offset")
FROM_NEXT = _set(
    "where join inner left right full cross natural group order limit union having on as for window"
    " fetch offset intersect except tablesample lateral with use force ignore partition"
)
LIST_WORDS = _set(
    "distinct all as case when then else end and or not is null in like between over partition by"
    " order top interval cast asc desc collate at time zone filter within group escape ilike"
)
TAKES_STATEMENT = frozenset(("on", "for", "do", "as", "all", "union", "with", ","))
LITERAL_PLACES = _set("where set values having on")
PLAIN_NUMBERS = _set("limit offset top fetch first next interval order group by returning")
SAYS_SQL = _set("explain analyze execute exec then else do as union all immediate begin")
