"""Vectors of the SQL sanitizer: statements by their grammar, prose that talks about them."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.guardrails.detectors import sql_sanitizer
from extproc.guardrails.detectors.sql_sanitizer_beginnings import ends_without_comment
from extproc.guardrails.detectors.sql_sanitizer_statements import read_statement
from tests.guardrails.builders import slot

SQL = sql_sanitizer.build({})


def found(text: str, **config: Any) -> list[tuple[str, str]]:
    return [(s.label, text[s.start : s.end]) for s in sql_sanitizer.build(config).find(text)]


def mutated(text: str, **config: Any) -> str:
    detector = sql_sanitizer.build(config)
    for span in reversed(detector.find(text)):
        replacement = detector.replacement(span, text[span.start : span.end])
        text = text[: span.start] + replacement + text[span.end :]
    return text


@pytest.mark.parametrize(("label", "statement"), [
    ("DROP", "DROP TABLE users"), ("DROP", "drop table if exists public.users cascade"),
    ("DROP", "DROP DATABASE prod"), ("DROP", "DROP INDEX i ON t"), ("DROP", "DROP USER 'bob'@'%'"),
    ("DROP", "DROP/**/TABLE users"), ("DROP", "DROP TABLE a, b"), ("DROP", 'DROP VIEW "my view"'),
    ("DROP", "DROP TABLE [dbo].[Users]"), ("DROP", "drop materialized view concurrently v"),
    ("TRUNCATE", "TRUNCATE TABLE logs"), ("TRUNCATE", "truncate table only logs restart identity"),
    ("ALTER", "ALTER TABLE users ADD COLUMN a int"), ("ALTER", "alter user bob with password 'x'"),
    ("ALTER", "ALTER TABLE t DROP COLUMN c, ALTER d TYPE int"),
    ("GRANT", "GRANT ALL PRIVILEGES ON *.* TO 'bob'@'%' WITH GRANT OPTION"),
    ("GRANT", "grant select, update on t to bob"), ("GRANT", "GRANT admin TO bob"),
    ("REVOKE", "REVOKE SELECT ON t FROM bob"), ("REVOKE", "revoke all on schema s from public"),
    ("DELETE_WITHOUT_WHERE", "DELETE FROM users"), ("DELETE_WITHOUT_WHERE", "delete from users u"),
    ("DELETE_WITHOUT_WHERE", "DELETE FROM users WHERE 1=1"),
    ("DELETE_WITHOUT_WHERE", "DELETE FROM t WHERE 'a' = 'a'"),
    ("DELETE_WITHOUT_WHERE", "DELETE FROM t USING u LIMIT 5"),
    ("UPDATE_WITHOUT_WHERE", "UPDATE users SET active = 0, role = 'x'"),
    ("UPDATE_WITHOUT_WHERE", "update t as a set b = (select max(c) from d where e = 1)"),
    ("UPDATE_WITHOUT_WHERE", "UPDATE t SET a = 1 WHERE true"),
    ("DELETE_WITHOUT_WHERE", "DELETE FROM t WHERE id = 3 OR 1=1"),
    ("DELETE_WITHOUT_WHERE", "delete from t where id = id"),
    ("DELETE_WITHOUT_WHERE", "DELETE FROM t WHERE (2 > 1) AND NOT false LIMIT 5"),
    ("DELETE_WITHOUT_WHERE", "DELETE a FROM a JOIN b ON a.id = b.id"),
    ("DELETE_WITHOUT_WHERE", "DELETE TOP (10) FROM t"),
    ("UPDATE_WITHOUT_WHERE", "UPDATE a JOIN b ON a.id = b.id SET a.c = 1"),
    ("UPDATE_WITHOUT_WHERE", "UPDATE t SET a = 1 WHERE 'x' <> 'y'"),
    ("DROP", "DROP FUNCTION IF EXISTS f(int, text) CASCADE"), ("DROP", "drop owned by bob"),
    ("DROP", "DROP DATABASE prod WITH (FORCE)"), ("ALTER", "ALTER SYSTEM SET a = 'b'"),
    ("ALTER", "ALTER ROLE bob SUPERUSER"),
])  # fmt: skip
def test_statements_are_found(label: str, statement: str) -> None:
    """Contract (sql-sanitizer): found whole in SQL, tool arguments, code and fenced blocks."""
    for around in ("{};", "SELECT 1; {}; COMMIT;", "```sql\n{}\n```", 'cursor.execute("""{}""")'):
        if not (statement.endswith('"') and around.endswith('""")')):  # four quotes, not three
            assert (f"SQL_{label}", statement) in found(around.format(statement)), around
    if '"' not in statement:
        arguments = json.dumps({"query": statement, "limit": 5})
        assert found(arguments) == [(f"SQL_{label}", statement)]


@pytest.mark.parametrize("text", [
    "drop the table", "please drop table five", "We should drop table service; it is slow.",
    "the DROP TABLE statement removes a table", "Never use DROP TABLE in production code",
    "Drop table reservations at the door", "update the docs and set a new date", "an UPDATE is out",
    "Please update your profile, set it to private", "delete from the list all items",
    "Delete from cart",
    "select the best option from the list -- it is below", "grant access to the team",
    "We grant all employees to use it", "alter the plan", "alter table manners; improve them",
    "truncate the output", "TRUNCATE(1.5, 2)", "revoke the license from him", "grant us peace",
    "ON DELETE CASCADE ON UPDATE SET NULL", "SELECT a FROM t FOR UPDATE",
    "INSERT INTO t VALUES (1)",
    "DELETE FROM users WHERE id = 3", "DELETE FROM t WHERE a = 1 OR b = 2 AND 1=1",
    "DELETE FROM t WHERE a BETWEEN 1 AND 2", "DELETE FROM t WHERE a = 1 AND (b = 2 OR true)",
    "DELETE FROM t WHERE 1 = 2 OR id = 5", "DELETE users", "We UPDATE a JOIN b later.",
    "delete from users u using x where u.id = x.id",
    "UPDATE users SET a = 1 WHERE id = ?", "UPDATE t SET a=1 FROM b WHERE t.id=b.id RETURNING *",
    "WITH x AS (SELECT 1) SELECT a FROM x", "insert into t (a) select b from c where d > 2",
    "git grant", "droplet, updated, deletes, selection", "CREATE TABLE t (a int)", "db.drop_all()",
    "SELECT a FROM b WHERE c = 'it''s -- fine /* too */'",
    "The update -- a big one -- is set = done.",
    "MERGE INTO t USING s ON t.id = s.id", "select one or more from these: a, b", "select",
    "DROP", "",
])  # fmt: skip
def test_prose_and_harmless_sql_stay(text: str) -> None:
    """Contract (sql-sanitizer): talk about SQL, everyday words and bounded statements stay."""
    assert found(text) == []


def test_a_versioned_comment_of_mysql_runs() -> None:
    """Contract (sql-sanitizer): what stands in `/*!50000 */` is no comment."""
    assert found("/*!50000DROP TABLE users*/;")[0][0] == "SQL_DROP"


def test_a_role_granted_in_small_letters_needs_its_semicolon() -> None:
    """Contract (sql-sanitizer): "grant access to the team" is prose."""
    assert found("grant dba to bob;") == [("SQL_GRANT", "grant dba to bob")]


@pytest.mark.parametrize(("text", "stripped"), [
    ("SELECT a -- why\nFROM t\nWHERE b = 'c' /* d */;", "SELECT a FROM t WHERE b = 'c';"),
    ("SELECT * FROM u WHERE n = 'admin'-- ' AND p = 'x'", "SELECT * FROM u WHERE n = 'admin'"),
    ("select a/**/from b # all\n where c = 1;", "select a from b where c = 1;"),
])  # fmt: skip
def test_comments_are_stripped(text: str, stripped: str) -> None:
    """Contract (`strip_comments`): a mutate leaves the statement, without its comments."""
    assert mutated(text) == stripped
    assert found(text, strip_comments=False) == []


def test_comments_that_cannot_be_stripped_safely() -> None:
    """P4: where what is left might break the JSON around it, the statement goes."""
    assert mutated('SELECT "a" /* x */ FROM t;') == "/* SQL_COMMENT blocked */;"
    assert mutated("SELECT a /*!50000 , b */ FROM t /* x */;") == "/* SQL_COMMENT blocked */;"


def test_a_mutated_argument_stays_json() -> None:
    """P4: in tool arguments the replacement is text like any other."""
    text = json.dumps({"q": "SELECT a -- x\nFROM t", "r": "drop table users"})
    assert json.loads(slot(mutated(text)).text) == {
        "q": "SELECT a -- x\nFROM t", "r": "/* SQL_DROP blocked */"}  # fmt: skip


@pytest.mark.parametrize(("statement", "literal"), [
    ("SELECT * FROM t WHERE a = 'x'", True), ("INSERT INTO t (a) VALUES (1)", True),
    ("UPDATE t SET a = 'b' WHERE id = $1", True), ("DELETE FROM t WHERE id IN (1, 2)", True),
    ("SELECT 1, 'x' FROM t WHERE a = ? LIMIT 5", False), ("INSERT INTO t (a) VALUES (:a)", False),
    ("UPDATE t SET a = %s WHERE id = %(id)s", False), ("SELECT a FROM t WHERE b IS NULL", False),
])  # fmt: skip
def test_parameterization(statement: str, literal: bool) -> None:
    """Contract (`require_parameterization`): values in conditions and assignments are literals."""
    expected = [("SQL_UNPARAMETERIZED", statement)] if literal else []
    assert found(statement, require_parameterization=True) == expected


SWITCHES = {
    "block_drop": "DROP TABLE t", "block_truncate": "TRUNCATE TABLE t",
    "block_alter": "ALTER TABLE t ADD a int", "block_grant": "GRANT ALL ON t TO b",
    "block_revoke": "REVOKE ALL ON t FROM b", "block_delete_without_where": "DELETE FROM t",
    "block_update_without_where": "UPDATE t SET a = 1", "strip_comments": "SELECT a FROM t -- x",
}  # fmt: skip


@pytest.mark.parametrize("switch", SWITCHES)
def test_each_switch_switches_its_own(switch: str) -> None:
    """Contract (sql-sanitizer): each boolean is on by itself and takes its own finding away."""
    for name, statement in SWITCHES.items():
        assert len(found(statement, **{switch: False})) == (name != switch), name


@pytest.mark.parametrize(("config", "needle"), [
    ({"block_drops": True}, "block_drops"), ({"block_drop": "yes please"}, "block_drop"),
    (dict.fromkeys(SWITCHES, False), "everything off"),
])  # fmt: skip
def test_mistakes_are_named(config: dict, needle: str) -> None:
    """P7: unknown switches, values that are none, and nothing to do are mistakes."""
    assert any(needle in mistake for mistake in sql_sanitizer.mistakes(config))
    assert sql_sanitizer.mistakes({}) == []


_SQL = ["SELECT a FROM t", " WHERE b = 'c'", " -- x", "/* y */", "# z\n", "--", ";", '"', '"""',
        "'", '", ', "it''s", "\\", "`d`", '"e"', "INSERT INTO t (a) VALUES ('", "')", "$", "\n",
        "\x00",
        "select b from u", "(", ")"]  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(parts=st.lists(st.sampled_from(_SQL), max_size=9))
def test_a_statement_that_is_passed_over_has_no_comment(parts: list[str]) -> None:
    """P4: the quick look at simple SQL passes over nothing that the slow one would find."""
    text = "".join(parts)
    data = text.encode()
    for word in ("SELECT", "select", "INSERT"):
        at = text.find(word)
        if at >= 0 and ends_without_comment(data, at, word.lower()):
            statement, _ = read_statement(data, at, word.lower(), True)
            assert statement is None or not statement.comments, text
