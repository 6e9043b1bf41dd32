"""Loading: what loads, what does not, and what is said about it."""

import pytest

from extproc.config.load import load
from extproc.config.mistake import Mistake
from extproc.config.model import Config
from extproc.config.sources import digest
from tests.config.vectors import VECTORS, cases, one, sources_of

ACCOUNT = """type: provider-account
name: openai-main
provider: openai
base_url: https://api.openai.com/v1
models: [{id: gpt-4o-mini}]
"""


def loaded(text: str, **options) -> Config:
    config = load(one(text), **options)
    assert isinstance(config, Config), [str(mistake) for mistake in config]
    return config


def complaints(text: str, **options) -> list[str]:
    found = load(one(text), **options)
    assert isinstance(found, list)
    return [str(mistake) for mistake in found]


@pytest.mark.parametrize("case", cases("ok"))
def test_ok_vectors_load(case):
    """Contract, section 2: the samples load as they stand."""
    found = load(sources_of("ok", case))
    assert isinstance(found, Config), [str(mistake) for mistake in found]
    assert found.digest == digest(sources_of("ok", case))


@pytest.mark.parametrize("case", cases("mistakes"))
def test_mistake_vectors_are_told_all_at_once(case):
    """P7: every mistake, with file and line, in one go, and nothing loads."""
    found = load(sources_of("mistakes", case))
    assert isinstance(found, list)
    expected = (VECTORS / "mistakes" / case / "mistakes.txt").read_text().splitlines()
    assert [str(mistake) for mistake in found] == expected


def test_contract_sample_means_what_it_says():
    """Contract, section 2: the sample's values arrive, paths start at the document's folder."""
    config = load(sources_of("ok", "contract-sample"))
    assert isinstance(config, Config)
    folder = VECTORS / "ok" / "contract-sample"
    assert config.gateway.environment == "production"
    assert config.gateway.metadata.allowed == {"environment": ("production",)}
    assert config.accounts["anthropic-main"].auth.api_key.file == f"{folder}/secrets/anthropic"
    assert config.model("openai-main/gpt-4o-mini")[1].price.output_per_mtok == 0.6
    first, second = config.routing[0].load_balance_targets
    assert (first.retry_config.attempts, first.retry_config.delay) == (1, 50)
    assert (second.priority, second.retry_config.attempts) == (1, 0)
    assert config.budgets[0].limit_to == 25
    assert set(config.guardrails) == {"global/pii-redaction", "global/secrets-detection"}
    assert config.places["gateway-budget-config#team-day"] == ("gateway.yaml", 53)


def test_seed_rules_keep_their_order_and_selectors():
    """Contract, section 2: first match wins, so the order of the seeds' rules must survive."""
    config = load(sources_of("ok", "seed-routing"))
    assert isinstance(config, Config)
    assert [rule.id for rule in config.routing] == [
        "simple-repo-questions", "security-critical-review", "batch-processing-jobs",
    ]  # fmt: skip
    assert config.routing[1].when.models is None
    assert config.routing[1].when.metadata == {"workflow": "security-review"}


def test_status_codes_are_text_whatever_they_were_written_as():
    """Contract, section 2: 429 and "429" are the same status."""
    config = load(sources_of("ok", "json-and-folder"))
    assert isinstance(config, Config)
    target = config.routing[0].load_balance_targets[0]
    assert target.retry_config.on_status_codes == ("429", "503")
    assert target.fallback_status_codes == ("500",)
    assert target.override_params == {"temperature": 0.2, "stop": None}


def test_nothing_is_no_configuration():
    """P7: an empty configuration never loads."""
    assert load([]) == [Mistake("configuration", 1, "there is none")]
    assert complaints("") == ["a.yaml:1: holds no document; remove the file or fill it"]
    assert complaints("---\n# all gone\n---\n") == complaints("")


def test_an_unpriced_model_is_refused_unless_allowed():
    """Style 8: missing prices refuse; the relaxation has a name."""
    wanted = "a.yaml:5: no price is known for 'gpt-4o-mini': give `price`, or say `unpriced: allow`"
    assert complaints(ACCOUNT, priced=lambda account, model: False) == [wanted]
    loaded(ACCOUNT, priced=lambda account, model: model.id == "gpt-4o-mini")
    loaded(ACCOUNT + "unpriced: allow\n", priced=lambda account, model: False)
    own = ACCOUNT.replace("mini}", "mini, price: {input_per_mtok: 0}}")
    loaded(own, priced=lambda account, model: False)


def test_secrets_are_never_quoted():
    """P4: what stands in the wrong place may be a secret."""
    text = """type: provider-account
name: a
provider: openai
base_url: https://user:hunter2@host/v1
auth: {api_key: sk-hunter2-hunter2}
models: [{id: hunter2*}]
---
type: virtual-account
name: bot
keys: [{name: k, sha256: ek_hunter2, expires: hunter2}]
---
type: gateway-config
name: g
store: {url: "http://:hunter2@host"}
"""
    found = complaints(text)
    assert len(found) == 6
    assert not [line for line in found if "hunter2" in line]


def test_two_documents_of_one_rule_type_are_one_list_in_file_order():
    """Contract, section 2: several documents of a type; rules keep the order of files."""
    rule = "{id: %s, when: {}, limit_to: 1, unit: requests_per_day}"
    limits = "type: gateway-rate-limiting-config\nname: %s\nrules: [" + rule + "]\n"
    config = loaded("---\n".join([ACCOUNT, limits % ("z", "first"), limits % ("a", "second")]))
    assert [found.id for found in config.rate_limits] == ["first", "second"]


def test_broken_documents_still_lend_their_names():
    """P7: one mistake is told once; references to its document are not mistakes of their own."""
    text = (
        ACCOUNT
        + "colour: red\n---\ntype: virtual-account\nname: b\nmodels: [openai-main/gpt-4o-mini]\n"
    )
    found = complaints(text)
    assert len(found) == 1 and "colour" in found[0]


def test_token_budgets_may_be_larger_than_cost_budgets():
    """Contract, section 2: tokens and USD have different natural sizes."""
    budget = "---\ntype: gateway-budget-config\nname: b\nrules: [{id: t, when: {}, %s}]\n"
    config = loaded(ACCOUNT + budget % "limit_to: 50000000, unit: tokens_per_day")
    assert config.budgets[0].limit_to == 50_000_000
    assert complaints(ACCOUNT + budget % "limit_to: 50000000, unit: cost_per_day")


def test_key_hashes_are_compared_without_case():
    """Contract, section 2: 64 hex digits, in either case, are one key."""
    account = "---\ntype: virtual-account\nname: v%d\nkeys: [{sha256: '%s'}]\n"
    config = loaded(ACCOUNT + account % (1, "AB" * 32))
    assert config.virtual_accounts["v1"].keys[0].sha256 == "ab" * 32
    twice = complaints(ACCOUNT + account % (1, "AB" * 32) + account % (2, "ab" * 32))
    assert len(twice) == 1
    assert "a.yaml:9 " in twice[0] and "a.yaml:13:" in twice[0]
