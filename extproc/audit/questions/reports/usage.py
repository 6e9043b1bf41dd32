"""Who called what, and what it cost."""

from __future__ import annotations

from extproc.audit.questions.database import Questions
from extproc.audit.questions.report import Report, shown
from extproc.audit.questions.reports.scope import Scope, bars, one_row, per_day, places, table

_ENDED = (
    "CASE WHEN class = 'refusal' THEN 'refused' "
    "WHEN outcome IN ('allowed', 'answered') THEN 'answered' ELSE 'failed or cut off' END"
)


def calls(questions: Questions, scope: Scope) -> Report:
    """Who called which model, how often, and how it ended."""
    names, listed = scope.dimensions("team", "principal", "model", "provider")
    found = f"(SELECT *, {listed}, {_ENDED} AS ended FROM {scope.calls()})"
    main = table(
        questions, "calls", "Who called what",
        [*names, "calls:count", "answered:count", "refused:count", "failed:count", "tokens:count",
         "cost_usd:usd", "first:time", "last:time"],
        f"SELECT {places(names)}, count(*) AS n, count(*) FILTER (ended = 'answered'), "
        "count(*) FILTER (ended = 'refused'), count(*) FILTER (ended = 'failed or cut off'), "
        "sum(total_tokens), sum(coalesce(cost_nano_usd, 0)), min(time), max(time) "
        f"FROM {found} GROUP BY {places(names)} ORDER BY n DESC, {places(names)}",
    )  # fmt: skip
    whole = one_row(
        questions,
        "SELECT count(*), count(DISTINCT team), count(DISTINCT principal), "
        "count(DISTINCT provider), count(*) FILTER (class = 'refusal') "
        f"FROM {scope.calls()}",
    )
    chart = bars("Calls by team", questions.rows(
        f"SELECT coalesce(team, '-'), {_ENDED}, count(*) FROM {scope.calls()} GROUP BY ALL"
    ))  # fmt: skip
    labels = ("calls", "teams", "callers", "providers that answered", "refused")
    return Report(
        "calls", "Who called what",
        "Which teams and callers called which models, and how did it end?",
        [(label, shown(value, "count")) for label, value in zip(labels, whole, strict=True)],
        [main],
        [chart, per_day(questions, "Calls per day", scope.calls(), _ENDED)],
        ["One row of the log is one call as its caller saw it; attempts at several providers are "
         "one call. The provider is the one that answered."],
    )  # fmt: skip


def spend(questions: Questions, scope: Scope) -> Report:
    """What was spent, by any dimension: the same sums as `envelope usage`."""
    names, listed = scope.dimensions("team", "model")
    found = f"(SELECT *, {listed} FROM {_charges(scope)})"
    main = table(
        questions, "spend", "What was spent",
        [*names, "requests:count", "refused:count", "input_tokens:count",
         "cached_input_tokens:count", "cache_write_tokens:count", "output_tokens:count",
         "cost_usd:usd"],
        f"SELECT {places(names)}, sum(is_call), "
        "coalesce(sum(is_call) FILTER (outcome = 'refused'), 0), "
        "sum(all_input_tokens), sum(coalesce(cached_input_tokens, 0)), sum(cache_write_tokens), "
        "sum(all_output_tokens), sum(cost) AS cost "
        f"FROM {found} GROUP BY {places(names)} ORDER BY cost DESC, {places(names)}",
    )  # fmt: skip
    whole = one_row(
        questions,
        "SELECT sum(cost), sum(is_call), sum(all_input_tokens + all_output_tokens + "
        f"cache_write_tokens + coalesce(cached_input_tokens, 0)) FROM {_charges(scope)}",
    )
    first = "team" if not scope.by else scope.by[0]
    chart = bars(f"Cost by {first}, USD", questions.rows(
        f"SELECT d0, coalesce(provider, '-'), sum(cost) / 1000000000 AS v FROM {found} "
        "GROUP BY ALL HAVING v > 0"
    ), "usd")  # fmt: skip
    return Report(
        "spend", "What was spent", "What did calls cost, by whom and on what?",
        [("USD", shown(whole[0] or 0, "usd")), ("requests", shown(whole[1] or 0, "count")),
         ("tokens", shown(whole[2] or 0, "count"))],
        [main],
        [chart, per_day(questions, "Cost per day, USD", _charges(scope),
                        "coalesce(provider, '-')", "sum(cost) / 1000000000", "usd")],
        ["Cost is what the gateway's price table says for the tokens that were counted or that "
         "providers reported; a provider's invoice may differ. Attempts that nobody answered and "
         "that a provider may have billed are charged to their own model."],
    )  # fmt: skip


def _charges(scope: Scope) -> str:
    """SQL: each call with its last attempt's cost, and each earlier attempt that was billed."""
    earlier = "list_sum(list_transform(billed, lambda b: coalesce(b.cost_nano_usd, 0)))"
    own = (
        f"SELECT *, 1 AS is_call, coalesce(cost_nano_usd, 0) - coalesce({earlier}, 0) AS cost "
        f"FROM {scope.calls()}"
    )
    billed = (
        "SELECT * EXCLUDE (b) REPLACE (b.model AS model, b.provider AS provider, "
        "split_part(b.model, '/', 1) AS account, 0::BIGINT AS cached_input_tokens, "
        "0::BIGINT AS cache_write_tokens, coalesce(b.input_tokens, 0) AS all_input_tokens, "
        "coalesce(b.output_tokens, 0) AS all_output_tokens), 0 AS is_call, "
        f"b.cost_nano_usd AS cost FROM (SELECT *, unnest(billed) AS b FROM {scope.calls()}) "
        "WHERE b.cost_nano_usd IS NOT NULL"
    )
    return f"({own} UNION ALL BY NAME {billed})"
