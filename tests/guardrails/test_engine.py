"""The engine over whole bodies: strategies, selection, order, coverage, messages."""

import asyncio
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.errors import Code, Refusal
from extproc.guardrails import hook as hook_module
from extproc.guardrails.compile import compile_guardrails, mistakes
from extproc.guardrails.detectors.pattern import PatternDetector
from extproc.guardrails.gate import Gate
from extproc.guardrails.hook import Case, HookRun, run
from extproc.guardrails.selection import Selection, arrange, read_header
from extproc.guardrails.values import Span
from extproc.llm.call import TextSlot
from tests.guardrails.builders import (
    FRAGMENTS,
    PII_SAMPLES,
    SECRET_SAMPLES,
    Broken,
    broken,
    engine,
    guardrail,
    selection,
    slot,
)

MAIL = "write to john@example.com"


@pytest.mark.parametrize(("strategy", "blocked", "outcome"), [
    ("audit", "", "audit"), ("enforce", "g/v", "block"), ("strict", "g/v", "block"),
    ("enforce_but_ignore_on_error", "g/v", "block"),
])  # fmt: skip
def test_violation_by_strategy(strategy: str, blocked: str, outcome: str) -> None:
    """Contract (strategies): a violation blocks unless it is only audited."""
    text = slot(MAIL)
    result = run([text], selection(v=guardrail(enforcing_strategy=strategy)))
    assert (result.blocked_by, result.failed, result.outcomes) == (blocked, False, {"g/v": outcome})
    assert text.text == MAIL and not result.changed


@pytest.mark.parametrize("operation", ["validate", "mutate"])
@pytest.mark.parametrize(
    ("strategy", "failed"), [("audit", False), ("enforce", False), ("strict", True)]
)
def test_failure_by_strategy(strategy: str, failed: bool, operation: str) -> None:
    """Contract (strategies): a guardrail that breaks refuses only when it is strict."""
    text = slot(MAIL)
    result = run([text], broken(strategy, operation))
    assert (result.blocked_by, result.failed) == ("", failed)
    assert result.outcomes == {"g/broken": "error"} and text.text == MAIL
    assert (result.scanned_texts, result.scanned_chars) == (0, 0)
    assert "secret text" not in repr(result)


def test_interrupts_are_not_a_failure() -> None:
    """P1: cancelling the exchange is not mistaken for a broken guardrail."""

    class Interrupted(Broken):
        Panic = KeyboardInterrupt  # type: ignore[assignment]

        def scan(self, text: str, start: int, final: bool) -> tuple[list[Span], int]:
            raise KeyboardInterrupt

    gate = Gate("g/i", "validate", "enforce", scans=((Interrupted(), None),))
    with pytest.raises(KeyboardInterrupt):
        run([slot(MAIL)], arrange([gate]))


@pytest.mark.parametrize(("strategy", "after", "outcome"), [
    ("audit", MAIL, "audit"), ("enforce", "write to [EMAIL]", "mutate"),
    ("strict", "write to [EMAIL]", "mutate"),
])  # fmt: skip
def test_mutate_by_strategy(strategy: str, after: str, outcome: str) -> None:
    """Contract (strategies): a mutate replaces, except in audit."""
    text = slot(MAIL)
    result = run([text], selection(m=guardrail(operation="mutate", enforcing_strategy=strategy)))
    assert (text.text, result.outcomes) == (after, {"g/m": outcome})
    assert result.changed == (after != MAIL) and not result.blocked_by


def test_validates_see_the_text_before_mutates() -> None:
    """Contract (engine): a validate refuses what a mutate would have hidden; nothing changes."""
    text = slot(MAIL)
    result = run([text], selection(m=guardrail(operation="mutate"), v=guardrail()))
    assert result.blocked_by == "g/v" and text.text == MAIL
    assert result.outcomes == {"g/v": "block"}


def test_priority_decides_between_equal_findings() -> None:
    """Contract (priority): lower runs first and names the replacement."""
    sample = SECRET_SAMPLES["GITHUB_TOKEN"][0]
    for first, after in ((1, "A"), (3, "B")):
        text = slot(sample)
        config = {name: guardrail("secrets", operation="mutate", priority=priority,
                                  config={"redaction_text": name})
                  for name, priority in (("A", first), ("B", 2))}  # fmt: skip
        result = run([text], selection(**config))
        assert text.text == after and set(result.outcomes.values()) == {"mutate"}


def test_overlapping_findings_of_two_guardrails_leave_nothing() -> None:
    """P4: where a credential and an address overlap, no character of either is left."""
    text = slot("password='abc123@example.com' x")
    result = run([text], selection(p=guardrail(operation="mutate", priority=1),
                                   s=guardrail("secrets", operation="mutate",
                                   priority=2)))  # fmt: skip
    assert text.text == "password='[EMAIL]' x"
    assert {finding.label for finding in result.findings} == {"EMAIL", "PASSWORD"}


def test_findings_and_coverage_name_places_and_never_text() -> None:
    """P3, P4: counts by place and label, coverage in texts and characters, no text."""
    texts = [slot(MAIL + " or a@b.io", "messages[0].content"), slot("nothing",
    "messages[1].content"),
             slot("", "messages[2].content"), slot('{"card": "4111111111111111"}', "args",
             True)]  # fmt: skip
    total = sum(len(text.text) for text in texts)
    result = run(texts, selection(v=guardrail(enforcing_strategy="audit")))
    assert [(f.guardrail, f.label, f.path, f.count) for f in result.findings] == [
        ("g/v", "CARD", "args", 1), ("g/v", "EMAIL", "messages[0].content", 2)]  # fmt: skip
    assert (result.scanned_texts, result.scanned_chars) == (3, total)
    assert "example" not in repr(result) and "4111" not in repr(result)


def test_findings_do_not_cross_texts() -> None:
    """P4: the end of one text and the beginning of the next are not one finding."""
    texts = [slot("4111 1111"), slot(" 1111 1111"), slot("john@"), slot("example.com")]
    result = run(texts, selection(v=guardrail()))
    assert result.outcomes == {"g/v": "pass"}


ARGUMENTS = [
    ('{"to": "john@example.com"}', '{"to": "[EMAIL]"}'),
    ('{"card": 4111111111111111, "n": 1}', '{"card": "[CARD]", "n": 1}'),
    ('{"t":"Card:\\n4111 1111 1111 1111\\tok"}', '{"t":"Card:\\n[CARD]\\tok"}'),
    ('{"t":"\\njohn@example.com\\n"}', '{"t":"\\n[EMAIL]\\n"}'),
    ('{"t":"john\\u0040example.com"}', '{"t":"[EMAIL]"}'),
    ('{"a@b.io": ["\\"a@b.io\\"", "\\\\a@b.io"]}', '{"[EMAIL]": ["\\"[EMAIL]\\"", "\\\\[EMAIL]"]}'),
    ("[4111111111111111]", '["[CARD]"]'),
]


@pytest.mark.parametrize(("before", "after"), ARGUMENTS)
def test_tool_arguments_stay_json(before: str, after: str) -> None:
    """P4: arguments are read through their escapes and stay parseable."""
    text = slot(before, json_text=True)
    run([text], selection(m=guardrail(operation="mutate")))
    assert text.text == after


class Greedy:
    """Finds everything between the first `<` and `>`, whatever it breaks."""

    def scan(self, text: str, start: int, final: bool) -> tuple[list[Span], int]:
        return [Span(text.index("<"), text.index(">") + 1, "X")], len(text)

    find = holdback = None  # type: ignore[assignment]

    def replacement(self, span: Span, found: str) -> str:
        return "X"


@pytest.mark.parametrize("arguments", ['{"a": "<1", "b": "2>"}', '{"a": <1>2}', "{<: 1>}"])
def test_what_cannot_be_redacted_safely_is_blocked(arguments: str) -> None:
    """P4: a finding across the structure of JSON blocks instead of breaking it."""
    gate = Gate("g/x", "mutate", "enforce", scans=((Greedy(), None),))
    texts = [slot("<plain>"), slot(arguments, json_text=True)]
    result = run(texts[1:], arrange([gate]))
    assert result.blocked_by == "g/x" and not result.changed
    assert result.outcomes == {"g/x": "block"} and texts[1].text == arguments


def test_custom_message() -> None:
    """Contract (`custom_error_message`): `{{guardrail_message}}` inserts the default text."""
    rule = {
        "when": {},
        "llm_input_guardrails": ["g/v"],
        "custom_error_message": "No! {{guardrail_message}}",
    }
    built = engine(rule, v=guardrail())
    chosen = built.rules_for({"*"}, ["m"], {}, "llm_input")
    assert isinstance(chosen, Selection)
    assert run([slot(MAIL)], chosen).message == "No! Guardrail g/v found EMAIL."


WHO, MODELS, META = {"team:a", "*"}, ["prod/x", "openai-main/gpt"], {"data_class": "public"}


@pytest.mark.parametrize(("when", "applies"), [
    ({}, True), ({"subjects": ["team:a"]}, True), ({"subjects": ["team:b"]}, False),
    ({"models": ["openai-main/*"]}, True), ({"models": ["prod/y"]}, False),
    ({"metadata": {"data_class": "public"}}, True), ({"metadata": {"data_class": "x"}}, False),
    ({"subjects": ["*"], "metadata": {"team": "a"}}, False), ({"models": ["*"], "subjects": ["*"]},
    True),
])  # fmt: skip
def test_when(when: dict[str, Any], applies: bool) -> None:
    """Contract (`when`): parts are ANDed, a missing part matches all traffic."""
    built = engine({"when": when, "llm_input_guardrails": ["g/v"]}, v=guardrail())
    chosen = built.rules_for(WHO, MODELS, META, "llm_input")
    assert isinstance(chosen, Selection) and bool(chosen.selectors) == applies
    assert chosen.rules == (("r",) if applies else ())
    other = built.rules_for(WHO, MODELS, META, "llm_output")
    assert isinstance(other, Selection) and not other.selectors


def test_extra_guardrails_are_added_and_unknown_ones_refused() -> None:
    """Contract (`x-tfy-guardrails`): adds, never removes; an unknown name is 400."""
    built = engine(
        {"when": {}, "llm_input_guardrails": ["g/a"]}, a=guardrail(), b=guardrail("secrets")
    )
    for extra in (["g/b"], ["g/b", "g/a", "g/b"]):
        chosen = built.rules_for(WHO, MODELS, META, "llm_input", extra)
        assert isinstance(chosen, Selection) and chosen.selectors == ("g/a", "g/b")
    refused = built.rules_for(WHO, MODELS, META, "llm_input", ["g/zzz"])
    assert isinstance(refused, Refusal) and refused.code is Code.INVALID_REQUEST
    again = built.rules_for(WHO, MODELS, META, "llm_input")
    assert isinstance(again, Selection) and again.selectors == ("g/a",)


def test_header() -> None:
    """Contract (`x-tfy-guardrails`): the four lists, nothing else."""
    assert read_header('{"llm_input_guardrails": ["g/a"], "llm_output_guardrails": []}') == {
        "llm_input": ("g/a",), "llm_output": ()}  # fmt: skip
    for bad in ("", "[]", "{", '{"input": []}', '{"llm_input_guardrails": "g/a"}',
                '{"llm_input_guardrails": [1]}', "[" * 100_000):  # fmt: skip
        assert isinstance(read_header(bad), Refusal)


def test_bad_configuration_is_refused() -> None:
    """P7: mistakes are listed for the loader, and nothing is built from them."""
    bad = guardrail(config={"categories": ["NOPE"]})
    assert mistakes(bad)
    with pytest.raises(ValueError, match=r"g/bad.*categories"):
        compile_guardrails({"g/bad": bad})
    with pytest.raises(ValueError, match="g/none"):
        engine({"when": {}, "llm_input_guardrails": ["g/none"]})


def test_nothing_applies() -> None:
    """P3: where no guardrail applies nothing is called scanned."""
    result = run([slot(MAIL)], Selection())
    assert (result.outcomes, result.scanned_texts, result.scanned_chars) == ({}, 0, 0)


def test_equal_guardrails_scan_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """P8: guardrails with equal settings share one detector and one scan."""
    calls = []
    real = PatternDetector.scan
    monkeypatch.setattr(PatternDetector, "scan", lambda self, *a: calls.append(1) or real(self, *a))
    chosen = selection(
        a=guardrail(), b=guardrail(enforcing_strategy="audit"), c=guardrail(operation="mutate")
    )
    run([slot(text) for text in PII_SAMPLES["PHONE"]], chosen)
    assert len(calls) == 1


def test_text_slots_of_one_holder() -> None:
    """P5: two texts of one message are replaced each in its place."""
    part = {"a": "x a@b.io", "b": "555-123-4567 y"}
    slots = [TextSlot(part, key, key, "user", key) for key in part]
    run(slots, selection(m=guardrail(operation="mutate")))
    assert part == {"a": "x [EMAIL]", "b": "[PHONE] y"}


@pytest.mark.parametrize(("servers", "tool", "applies"), [
    (["jira"], ("jira", "create_issue"), True), (["jira/create_*"], ("jira", "create_issue"), True),
    (["jira/read"], ("jira", "create_issue"), False), (["wiki"], ("jira", "read"), False),
    (["jira"], None, False), (None, ("jira", "read"), True),
])  # fmt: skip
@pytest.mark.parametrize("hook", ["mcp_tool_pre_invoke", "mcp_tool_post_invoke"])
def test_rules_for_tools(
    hook: Any, servers: list[str] | None, tool: tuple[str, str] | None, applies: bool
) -> None:
    """Guard (hooks): rules pick tool calls by server and tool."""
    when = {} if servers is None else {"mcp_servers": servers}
    built = engine({"when": when, f"{hook}_guardrails": ["g/v"]}, v=guardrail())
    chosen = built.rules_for({"*"}, [], {}, hook, tool=tool)
    assert isinstance(chosen, Selection)
    assert chosen.selectors == (("g/v",) if applies else ())
    arguments = slot('{"to": "john@example.com"}', json_text=True)
    assert run([arguments], chosen).blocked_by == ("g/v" if applies else "")


@pytest.mark.parametrize(("hook", "found"), [("llm_input", ("g/m",)), ("llm_output", ())])
def test_a_guardrail_stays_where_it_can_see(hook: Any, found: tuple[str, ...]) -> None:
    """P3: a metadata guardrail that an obligation adds at the output is not called passed there."""
    built = engine(
        {"when": {}}, m=guardrail("metadata", config={"keys": {"team": {"required": True}}})
    )
    chosen = built.rules_for({"*"}, [], {}, hook, ["g/m"])
    assert isinstance(chosen, Selection) and chosen.selectors == found


def test_what_is_added_does_not_replace_what_a_rule_replaces() -> None:
    """P4: a caller who adds a mask, at whatever priority, gets no digit past a rule's redaction."""
    built = engine(
        {"when": {}, "llm_input_guardrails": ["g/plain"]},
        plain=guardrail(operation="mutate"),
        mask=guardrail(operation="mutate", redaction="mask", priority=-1_000),
    )
    chosen = built.rules_for({"*"}, [], {}, "llm_input", ["g/mask"])
    assert isinstance(chosen, Selection) and chosen.selectors == ("g/plain", "g/mask")
    text = slot("card 4111 1111 1111 1111")
    run([text], chosen)
    assert text.text == "card [CARD]"


def test_a_judges_own_call_is_only_redacted() -> None:
    """Guard (judge): what was judged once is not judged again, and is still redacted."""
    names = {"llm_input_guardrails": ["g/v", "g/m"], "when": {}}
    built = engine(names, v=guardrail(), m=guardrail(operation="mutate"))
    chosen = built.rules_for({"*"}, [], {}, "llm_input", internal=True)
    assert isinstance(chosen, Selection) and chosen.selectors == ("g/m",)


@given(st.lists(st.sampled_from([*FRAGMENTS, "x" * 40]), max_size=60).map("".join))
async def test_a_long_text_in_pieces_is_the_same(text: str) -> None:
    """P5: what is looked at in pieces, so that others can go on, becomes what it would have."""
    chosen = selection(
        m=guardrail(operation="mutate"), s=guardrail("secrets", operation="mutate"),
        a=guardrail("pii", enforcing_strategy="audit", roles=("tool",)),
    )  # fmt: skip
    texts = [slot(text, f"a{n}") for n in range(3)]
    copies = [slot(text, f"a{n}") for n in range(3)]
    hook = HookRun(chosen, texts, Case())
    with patch.object(hook_module, "PIECE_CHARS", 37):
        await hook.look_in_pieces()
    assert hook.result() == run(copies, chosen)
    assert [t.text for t in texts] == [t.text for t in copies]


async def test_others_go_on_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """P1: a body that takes long to look at does not keep the other calls of its worker waiting."""
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(others())
    hook = HookRun(selection(v=guardrail()), [slot("lorem ipsum " * 40_000)], Case())
    assert hook.is_large
    await hook.look_in_pieces()
    task.cancel()
    assert turns >= 480_000 // hook_module.PIECE_CHARS
    assert hook.result().scanned_chars == 480_000


async def test_a_broken_detector_covers_nothing_in_pieces() -> None:
    """P3: a detector that breaks half-way through a long text has not looked at it."""
    hook = HookRun(broken("strict", after=2), [slot("lorem ipsum " * 40_000)], Case())
    await hook.look_in_pieces()
    assert hook.result().failed and hook.result().scanned_texts == 0
