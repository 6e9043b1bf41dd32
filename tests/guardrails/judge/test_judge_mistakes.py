"""A judge's settings, and judges that could never judge: said when the configuration is read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from extproc.config import guardrail_settings
from extproc.config.judge_settings import JudgeSettings, judge_accounts
from extproc.config.load import load
from extproc.config.model import Config, Team
from extproc.guardrails.services.judge_mistakes import judge_mistakes
from tests.config.vectors import one

BASE: dict[str, dict[str, Any]] = {
    "gateway": {"type": "gateway-config", "name": "gateway"},
    "provider": {
        "type": "provider-account", "name": "main", "provider": "openai",
        "base_url": "https://api.openai.com/v1", "models": [{"id": "small"}, {"id": "large"}],
    },
    "account": {"type": "virtual-account", "name": "judges", "models": ["main/small", "prod/*"]},
    "routing": {
        "type": "gateway-load-balancing-config", "name": "routing",
        "rules": [{"id": "judge", "type": "priority-based-routing",
                   "when": {"models": ["prod/judge"]},
                   "load_balance_targets": [{"target": "main/small"}]}],
    },
    "group": {"type": "guardrail-config-group", "name": "house", "guardrails": []},
    "rules": {"type": "gateway-guardrails-config", "name": "rules", "rules": []},
}  # fmt: skip
GROUNDED = {"account": "judges", "model": "prod/judge", "criteria": "groundedness"}


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {**guardrail_settings.GUARDRAIL_SETTINGS, "judge": JudgeSettings}
    for module in ("guardrail_settings", "load"):
        monkeypatch.setattr(f"extproc.config.{module}.GUARDRAIL_SETTINGS", known)


def judge(**changes: Any) -> dict[str, Any]:
    return {"name": "judge", "type": "judge", "config": {**GROUNDED, **changes}}


def read(judges: list[dict[str, Any]], **changes: dict[str, Any]) -> Any:
    documents = {name: {**base, **changes.get(name, {})} for name, base in BASE.items()}
    documents["group"]["guardrails"] = judges
    return load(one("\n---\n".join(json.dumps(each) for each in documents.values())))


def found(judges: list[dict[str, Any]], **changes: dict[str, Any]) -> list[str]:
    config = read(judges, **changes)
    assert isinstance(config, Config), [str(mistake) for mistake in config]
    said = judge_mistakes(config)
    assert all(selector == "house/judge" for selector, _ in said)
    return [text for _, text in said]


def refused(config: dict[str, Any]) -> list[str]:
    mistakes = read([{"name": "judge", "type": "judge", "config": config}])
    assert isinstance(mistakes, list)
    return [mistake.message for mistake in mistakes]


# --- between documents ---------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["prod/judge", "main/small"])
def test_a_judge_that_can_judge_is_none(model: str) -> None:
    """P7: a configuration that works says nothing."""
    assert found([judge(model=model)]) == []


def test_no_judges_no_mistakes() -> None:
    """P7: other guardrails are not this check's business."""
    assert found([{"name": "judge", "type": "secrets"}]) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"account": "judge"}, "no virtual-account 'judge'; did you mean 'judges'?"),
        ({"model": "main/larg"},
         "no model or virtual model 'main/larg' for 'judges'; did you mean 'main/large'?"),
        ({"model": "main/large"}, "virtual-account 'judges' may not call 'main/large'"),
        ({"model": "prod/other"}, "no model or virtual model 'prod/other' for 'judges'"),
    ],
)  # fmt: skip
def test_an_account_must_exist_and_may_call_the_model(changes: dict[str, str], said: str) -> None:
    """P7: what would be 401 or 403 at every question is a mistake at load."""
    assert found([judge(**changes)]) == [said]


def test_a_teams_bound_counts() -> None:
    """P1: the account's own list is not enough where its team's does not cover the model."""
    config = read([judge(model="main/small")], account={"team": "t"})
    assert isinstance(config, Config)
    team = Team(type="team", name="t", models=("prod/*",))
    narrowed = config.model_copy(update={"teams": {"t": team}})
    assert [text for _, text in judge_mistakes(narrowed)] == [
        "virtual-account 'judges' may not call 'main/small'"
    ]


def test_a_route_for_others_is_none() -> None:
    """P1: a virtual model that exists for other callers alone does not exist for the judge."""
    rule = BASE["routing"]["rules"][0]
    others = {**rule, "when": {"models": ["prod/judge"], "metadata": {"stage": "x"}}}
    said = ["no model or virtual model 'prod/judge' for 'judges'"]
    routing = {"rules": [others]}
    assert [text.partition(";")[0] for text in found([judge()], routing=routing)] == said
    assert found([judge()], routing=routing, account={"tags": {"stage": "x"}}) == []


def test_the_accounts_tags_must_keep_the_contract() -> None:
    """P7: nobody but the account's tags answers for the gateway's own calls."""
    gateway = {"metadata": {"required": ["cost_center"]}}
    said = found([judge()], gateway=gateway)
    assert said == [
        "every call of virtual-account 'judges' would be refused ('cost_center' is required): "
        "its tags must say what the contract asks for"
    ]
    assert found([judge()], gateway=gateway, account={"tags": {"cost_center": "7"}}) == []


def test_the_account_must_be_of_this_environment() -> None:
    """P1: the environment pin holds for the gateway's own calls too."""
    gateway = {"environment": "production"}
    for tags in ({}, {"environment": "staging"}):
        (said,) = found([judge()], gateway=gateway, account={"tags": tags})
        assert "environment is not this gateway's" in said
    pinned = {"tags": {"environment": "production"}}
    assert found([judge()], gateway=gateway, account=pinned) == []


@pytest.mark.parametrize("criteria", ["groundedness", "relevance"])
def test_an_answer_is_judged_when_there_is_one(criteria: str) -> None:
    """P3: a rule that asks before the answer would look as if it had looked."""
    rule = {"id": "r", "when": {}, "llm_input_guardrails": ["house/judge"]}
    assert found([judge(criteria=criteria)], rules={"rules": [rule]}) == [
        f"'{criteria}' compares an answer with its request; rule 'r' names it under "
        "`llm_input_guardrails` instead of `llm_output_guardrails`"
    ]
    rule = {"id": "r", "when": {}, "llm_output_guardrails": ["house/judge"]}
    assert found([judge(criteria=criteria)], rules={"rules": [rule]}) == []


def test_a_topic_can_be_judged_before() -> None:
    """Contract, section 2: criteria about one text are for any hook."""
    rule = {"id": "r", "when": {}, "llm_input_guardrails": ["house/judge"]}
    about = judge(criteria="topic", topics={"deny": ["politics"]})
    assert found([about], rules={"rules": [rule]}) == []


def test_the_accounts_of_judges_and_no_others() -> None:
    """P1: the gateway's own keys are for these accounts."""
    config = read([judge(), {"name": "b", "type": "judge", "config": {**GROUNDED, "account": "x"}},
                   {"name": "c", "type": "secrets"}])  # fmt: skip
    assert judge_accounts(config) == {"judges", "x"}


# --- one judge's settings ------------------------------------------------------------------------

OWN = {"name": "NO_LEGAL_ADVICE", "description": "No advice on a legal case."}


def test_what_holds_when_nothing_is_said() -> None:
    """Contract, section 2: the defaults are those of the page."""
    config = read([judge()])
    chosen = config.guardrail_settings["house/judge"]
    assert (chosen.threshold, chosen.temperature, chosen.structured) == (0.5, 0.0, True)
    assert (chosen.max_text_chars, chosen.max_context_chars) == (60_000, 24_000)
    assert chosen.max_output_tokens == 500


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"criteria": "groundednes"},
         "`criteria` must be groundedness, relevance or topic, or a list of criteria of your own; "
         "did you mean 'groundedness'?"),
        ({"criteria": []}, "`criteria` must not be empty"),
        ({"criteria": ["groundedness"]},
         "`criteria[0]` must be a mapping of keys to values"),
        ({"criteria": [{"name": "X"}]}, "`description` is missing in `criteria[0]`"),
        ({"criteria": [{**OWN, "name": "lower"}]},
         "`criteria[0].name` must be a label: capitals, digits and _, beginning in a capital"),
        ({"criteria": [{**OWN, "description": " "}]},
         "`criteria[0].description` must say something"),
        ({"criteria": [{**OWN, "nam": 1}]},
         "unknown key `nam` in `criteria[0]`; did you mean 'name'?"),
        ({"criteria": [OWN, OWN]}, "`criteria` has two criteria of the name 'NO_LEGAL_ADVICE'"),
        ({"criteria": "topic"}, "`topics` is missing: criterion 'topic' needs it"),
        ({"topics": {"deny": ["x"]}}, "`topics` is only for `criteria: topic`"),
        ({"criteria": "topic", "topics": {}}, "`topics` needs `deny` or `allow`"),
        ({"criteria": "topic", "topics": {"deny": ["a", "a"]}}, "`topics.deny` names 'a' twice"),
        ({"max_context_chars": 0}, "`max_context_chars` must be above 0 for 'groundedness'"),
        ({"threshold": 0}, "`threshold` must be above 0"),
        ({"threshold": 1.5}, "`threshold` must be at most 1"),
        ({"model": "main/*"}, "`model` may hold no spaces and none of * ? [ ]"),
        ({"max_output_tokens": 1}, "`max_output_tokens` must be at least 16"),
    ],
)  # fmt: skip
def test_a_setting_that_could_not_work(changes: dict[str, Any], said: str) -> None:
    """P7: one plain sentence at its place, and no value that could be a secret."""
    assert refused({**GROUNDED, **changes}) == [said]


@pytest.mark.parametrize("name", ["UNGROUNDED", "CONTEXT_CUT", "OFF_TOPIC"])
def test_built_in_labels_are_taken(name: str) -> None:
    """P5: a label in the entry means one thing."""
    (said,) = refused({**GROUNDED, "criteria": [{**OWN, "name": name}]})
    assert "built-in labels" in said


def test_a_judge_says_whom_it_asks() -> None:
    """P7: account, model and criteria have no defaults."""
    assert refused({}) == [f"`{field}` is missing" for field in ("account", "model", "criteria")]
