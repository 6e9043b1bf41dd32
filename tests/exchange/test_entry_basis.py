"""What an entry says of the guardrails a caller asked for, whatever the header looks like."""

from __future__ import annotations

import pytest

from extproc.exchange.basis import Basis
from extproc.exchange.entry import closing_entry
from extproc.exchange.record import Record
from extproc.exchange.selected import Selected
from extproc.guardrails.selection import read_header


def asked(header: str) -> object:
    assert isinstance(read_header(header), dict), "the gateway heeds it"
    basis = Basis(selected=Selected(), header=header)
    record = Record("d-1", "POST", "/v1/chat/completions", 0, 0, basis=basis)
    return closing_entry(record)["guardrails"]["asked"]


@pytest.mark.parametrize("odd", ["NaN", "Infinity", '"\\ud800"'])
def test_a_header_that_was_heeded_can_be_recorded(odd: str) -> None:
    """P3: one reader for both: no header closes a call whose entry then cannot be made."""
    name = '"llm_input_guardrails"'
    assert asked(f'{{{name}: {odd}, {name}: ["g/pii"]}}') == {"llm_input_guardrails": ["g/pii"]}


def test_names_that_nobody_looked_up_are_not_kept() -> None:
    """P4: lists for tools' hooks say nothing about a model call; they hold what a caller likes."""
    header = '{"llm_output_guardrails": ["g/pii"], "mcp_tool_pre_invoke_guardrails": ["my secret"]}'
    assert asked(header) == {"llm_output_guardrails": ["g/pii"]}
