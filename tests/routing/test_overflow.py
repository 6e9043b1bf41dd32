"""On-prem first, the cloud as overflow: by the calls that are in flight."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from extproc.routing.figures import Figures
from extproc.routing.plan import Router
from tests.routing.world import NOW_MS, ask, config_of, names, rules_of

SMALL = """
type: provider-account
name: tiny
provider: vllm
base_url: http://127.0.0.1:5/v1
kind: self_hosted
unpriced: allow
limits: {overflow_at: 2}
models: [{id: llama}]
---
"""
RULE = """
  - {id: r, type: priority-based-routing, when: {models: [prod/o]}, load_balance_targets:
      [{target: tiny/llama, priority: 0}, {target: a/big, priority: 1}]}
"""


def routes(figures: Figures) -> Router:
    return Router(config_of(SMALL + rules_of(RULE)), figures)


def test_a_full_account_goes_last_and_comes_back() -> None:
    """Route: at `overflow_at` calls in flight another target is asked first; the full one stays
    in the plan, and is first again when a call has ended."""
    figures = Figures()
    router = routes(figures)
    for _ in range(2):
        assert names(router.route(ask("prod/o"))) == ["tiny/llama", "a/big"]
        figures.left("tiny")
    assert names(router.route(ask("prod/o"))) == ["a/big", "tiny/llama"]
    figures.back("tiny")
    assert names(router.route(ask("prod/o"))) == ["tiny/llama", "a/big"]


def test_the_other_workers_calls_count() -> None:
    """Route: workers tell each other what is in flight."""
    here, there = Figures(), Figures()
    for _ in range(2):
        there.left("tiny")
    here.merge([json.loads(json.dumps(there.encode(NOW_MS)))])
    assert names(routes(here).route(ask("prod/o")))[0] == "a/big"
    here.merge([])
    assert names(routes(here).route(ask("prod/o")))[0] == "tiny/llama"


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("ab"))))
def test_a_count_is_never_below_zero(steps: list[tuple[bool, str]]) -> None:
    """Route: whatever comes back without having left, the count is that of the calls out."""
    figures, out = Figures(), {"a": 0, "b": 0}
    for leaves, name in steps:
        (figures.left if leaves else figures.back)(name)
        out[name] = max(0, out[name] + (1 if leaves else -1))
        assert figures.in_flight((name,)) == out[name]
