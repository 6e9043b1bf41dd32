"""Limits, alerts and channels: what loads, what it means, and what holds when nothing is said."""

import json

import pytest

from extproc.config.account_budgets import budget_id
from extproc.config.alert_model import CHANNEL_FIELDS
from extproc.config.limit_fields import CALENDAR_DURATIONS
from extproc.config.load import load
from extproc.config.model import Config, GatewayConfig
from tests.config.vectors import VECTORS, one, sources_of

ACCOUNT = """type: provider-account
name: a
provider: openai
base_url: https://api.openai.com/v1
models: [{id: m}]
"""


def loaded(text: str) -> Config:
    config = load(one(f"{ACCOUNT}---\n{text}"))
    assert isinstance(config, Config), [str(mistake) for mistake in config]
    return config


def complaints(text: str) -> list[str]:
    found = load(one(f"{ACCOUNT}---\n{text}"))
    assert isinstance(found, list)
    return [mistake.message for mistake in found]


def budget(rest: str) -> str:
    rule = f"{{id: b, when: {{}}, limit_to: 1, {rest}}}"
    return f"type: gateway-budget-config\nname: budgets\nrules: [{rule}]\n"


@pytest.fixture(scope="module")
def config() -> Config:
    found = load(sources_of("ok", "limits"))
    assert isinstance(found, Config), [str(mistake) for mistake in found]
    return found


# --- what it means -----------------------------------------------------------------------------


def test_budgets_mean_what_they_say(config):
    """Contract, section 2: windows, scopes, overrides and steps arrive as they were written."""
    daily, run, everybody, ever, *_ = config.budgets
    assert (daily.measure, daily.audit_mode, daily.timezone) == ("cost", True, "UTC")
    assert daily.alerts.thresholds == (75, 90, 95, 100)
    assert [t.type for t in daily.alerts.notification_target] == [
        "slack-webhook", "email", "webhook", "ms-teams-webhook",
    ]  # fmt: skip
    assert run.when.operations == ("chat",)
    assert (run.duration, run.calendar_aligned, run.soft_limit_to) == ("1h", False, 1.5)
    assert [step.at_percent for step in run.degrade] == [95, 80]
    assert (run.degrade[1].model, run.degrade[1].max_tokens) == ("openai-main/gpt-4o-mini", 500)
    assert (everybody.duration, everybody.timezone) == ("1M", "America/New_York")
    assert everybody.overrides[1].named() == {
        "users": ("ann@example.com",), "models": ("openai-main/gpt-4.1",),
    }  # fmt: skip
    assert ever.unit == "cost_total"


def test_rate_limits_and_caps_mean_what_they_say(config):
    """Contract, section 2: order, units, scopes and caps arrive as they were written."""
    assert [(rule.id, rule.unit, rule.audit_mode) for rule in config.rate_limits] == [
        ("trial", "requests_per_minute", True),
        ("research-tpm", "tokens_per_minute", False),
        ("in-flight", "concurrent_requests", False),
    ]
    assert config.rate_limits[1].rate_limit_applies_per == ("team", "key")
    small, cheap = config.request_caps
    assert (small.max_tokens, small.default_max_tokens, small.on_excess) == (1000, 500, "clamp")
    assert (cheap.max_cost_usd, cheap.max_latency_ms, cheap.on_excess) == (0.5, 60_000, "refuse")


def test_tenants_mean_what_they_say(config):
    """Contract, section 2: `in` and `not_in`, several windows, overrides of each."""
    acme, team = config.tenant_budgets
    assert acme.when.subjects.users.in_ is None
    assert acme.when.subjects.users.not_in == ("ann@example.com",)
    assert acme.when.subjects.teams.in_ == ("ml",)
    assert acme.when.metadata["tenant_id"].in_ == ("acme", "acme-emea")
    assert acme.limits.given() == {
        "cost_per_day": 10, "cost_per_month": 200.5, "tokens_per_day": 1_000_000,
    }  # fmt: skip
    assert acme.applies_to.overrides[0].limits.given() == {"cost_per_day": 20, "cost_total": 900}
    assert (acme.mode, acme.timezone, acme.alerts.forecast) == ("audit", "Europe/Paris", False)
    assert (team.type, team.team_name, team.mode) == ("team-budget-config", "ml", "enforce")
    (rates,) = config.tenant_rate_limits
    assert rates.limits.given() == {
        "requests_per_minute": 60, "tokens_per_hour": 100_000, "concurrent_requests": 4,
    }  # fmt: skip
    assert rates.applies_to.overrides[0].limits.given() == {"requests_per_minute": 600}


def test_channels_know_their_secrets_and_where_they_live(config):
    """P4: only references arrive; their paths start at the document's folder."""
    folder = VECTORS / "ok" / "limits"
    found = {
        (name, field): secret.file or secret.env
        for name, channel in config.channels.items()
        for field, secret in channel.secrets()
    }
    assert found == {
        ("acct:slack:ops", "url"): "SLACK_URL",
        ("siem", "url"): f"{folder}/secrets/siem-url",
        ("siem", "hmac_secret"): f"{folder}/secrets/siem-key",
        ("pager", "integration_key"): "PAGER_KEY",
        ("teams", "url"): "TEAMS_URL",
        ("mail", "smtp.password"): f"{folder}/secrets/smtp",
    }


def test_a_budget_of_an_account_is_a_budget_like_any_other(config):
    """Contract, section 2: `budget` on an account holds for its own calls, beside all rules."""
    own = {rule.id: rule for rule in config.budgets[4:]}
    assert list(own) == ["team:ml", "user:ann", "virtualaccount:bot"]
    assert own["team:ml"].when.subjects == ("team:ml",)
    assert (own["team:ml"].unit, own["team:ml"].duration) == ("cost", "1M")
    assert own["user:ann"].when.subjects == ("user:ann@example.com",)
    assert own["user:ann"].timezone == "Europe/Berlin"
    assert own["virtualaccount:bot"].when.subjects == ("virtualaccount:bot",)
    assert own["virtualaccount:bot"].degrade[0].at_percent == 90
    assert own["virtualaccount:bot"].alerts.notification_target[0].notification_channel == "pager"
    for rule in own.values():
        assert (rule.budget_applies_per, rule.overrides, rule.audit_mode) == ((), (), False)
        assert rule.when.models is rule.when.metadata is rule.when.operations is None
    assert budget_id("virtual-account", "bot") == "virtualaccount:bot"


def test_an_accounts_budget_is_found_in_its_file(config):
    """P7: what is said about a limit later names the line that it stands on."""
    lines = (VECTORS / "ok/limits/10-accounts.yaml").read_text().splitlines()
    for rule_id, start in (
        ("team:ml", "budget: {limit_to: 100,"),
        ("virtualaccount:bot", "budget:"),
    ):
        file, line = config.places[f"gateway-budget-config#{rule_id}"]
        assert file == "10-accounts.yaml" and lines[line - 1].startswith(start)
    assert config.places["tenant-budget-config/acme"] == ("30-tenants.json", 1)
    assert "notification-channel/siem" in config.places


def test_a_users_budget_without_an_email_is_under_its_name():
    """Contract, section 2: rules name a user as `user:EMAIL`, or `user:NAME` without one."""
    config = loaded("type: user\nname: ann\nbudget: {limit_to: 1, unit: cost_per_day}\n")
    assert config.budgets[0].when.subjects == ("user:ann",)


def test_a_long_name_may_have_a_budget():
    """Contract, section 2: an account's budget never fails for what is no mistake of its own."""
    name = "n" * 128
    config = loaded(
        f"type: user\nname: {name}\nemail: x*y\nbudget: {{limit_to: 1, duration: 1d}}\n"
    )
    assert config.budgets[0].id == f"user:{name}"


# --- YAML and JSON -----------------------------------------------------------------------------


def test_the_seeds_rules_are_the_same_in_yaml_and_json():
    """Contract, section 2: the samples load as they stand, in either language."""
    from_yaml = load(sources_of("ok", "seed-rate-limits"))
    from_json = load(sources_of("ok", "seed-rate-limits-json"))
    assert isinstance(from_yaml, Config) and isinstance(from_json, Config)
    assert from_yaml.rate_limits == from_json.rate_limits
    assert [
        (r.id, r.limit_to, r.unit, r.rate_limit_applies_per) for r in from_json.rate_limits
    ] == [
        ("bob-gpt4-day-cap", 1000, "requests_per_day", ()),
        ("backend-team-gpt4-tpm", 20000, "tokens_per_minute", ()),
        ("user-daily-token-cap", 1000000, "tokens_per_day", ("user",)),
        ("project-hourly-cap", 50000, "tokens_per_hour", ("metadata.project_id",)),
    ]
    assert from_json.rate_limits[0].when.subjects == ("user:bob@example.com",)
    assert from_json.rate_limits[0].when.models == ("openai-main/gpt4",)


@pytest.mark.parametrize("text", ["Später \U0001f642", "\\ud83d", "a\\\\ud83d\\ude42", '\t"/\\'])
def test_json_is_read_as_json(text):
    """Contract, section 2: a program's JSON loads, whatever it escapes."""
    document = {
        "type": "gateway-budget-config",
        "name": "b",
        "rules": [{"id": "b", "when": {}, "limit_to": 1, "unit": "cost_per_day",
                   "degrade": [{"at_percent": 90, "template": text}]}],
    }  # fmt: skip
    sources = [*one(ACCOUNT), *one(json.dumps(document, indent="\t"), "b.json")]
    config = load(sources)
    assert isinstance(config, Config), [str(mistake) for mistake in config]
    assert config.budgets[0].degrade[0].template == text


# --- what holds when nothing is said -----------------------------------------------------------

BARE = {
    "gateway-rate-limiting-config": (
        "rules: [{id: r, when: {}, limit_to: 1, unit: requests_per_day}]",
        lambda config: config.rate_limits[0],
        {"rate_limit_applies_per": (), "audit_mode": False},
    ),
    "gateway-budget-config": (
        "rules: [{id: r, when: {}, limit_to: 1, unit: cost_per_day, alerts: {}}]",
        lambda config: config.budgets[0],
        {
            "duration": None, "calendar_aligned": False, "timezone": "UTC", "soft_limit_to": None,
            "mode": "enforce", "audit_mode": False, "degrade": (), "budget_applies_per": (),
            "overrides": (),
        },
    ),
    "tenant-budget-config": (
        "when: {}\nlimits: {cost_per_day: 1}",
        lambda config: config.tenant_budgets[0],
        {"team_name": None, "timezone": "UTC", "mode": "enforce", "alerts": None},
    ),
    "tenant-rate-limit-config/model": (
        "when: {}\nlimits: {concurrent_requests: 1}",
        lambda config: config.tenant_rate_limits[0],
        {"mode": "enforce"},
    ),
    "gateway-request-caps-config": (
        "rules: [{id: r, when: {}, max_tokens: 1}]",
        lambda config: config.request_caps[0],
        {
            "max_input_tokens": None, "max_cost_usd": None, "max_latency_ms": None,
            "default_max_tokens": None, "on_excess": "refuse",
        },
    ),
    "notification-channel": (
        "kind: pagerduty\nintegration_key: {env: K}",
        lambda config: config.channels["x"],
        {"integration_url": "https://events.pagerduty.com/v2/enqueue", "url": None, "smtp": None},
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", BARE)
def test_defaults(kind):
    """Style 8: what is not said has one meaning, and it enforces."""
    text, find, wanted = BARE[kind]
    found = find(loaded(f"type: {kind}\nname: x\n{text}\n"))
    assert {field: getattr(found, field) for field in wanted} == wanted


def test_defaults_inside():
    """Contract, section 2: alerts, scopes, `when`s and mail servers, likewise."""
    alerts = loaded(budget("unit: cost_per_day, alerts: {}")).budgets[0].alerts
    assert (alerts.thresholds, alerts.notification_target) == ((75, 90, 95, 100), ())
    assert alerts.forecast is True
    text = "type: tenant-budget-config\nname: x\nwhen: {}\nlimits: {cost_per_day: 1}\n"
    (tenant,) = loaded(text).tenant_budgets
    assert (tenant.applies_to.type, tenant.applies_to.overrides) == ("aggregate", ())
    assert (tenant.when.models, tenant.when.metadata, tenant.when.operations) == (None, {}, None)
    assert tenant.when.subjects.users is tenant.when.subjects.teams is None
    text = "type: notification-channel\nname: x\nkind: email\n"
    smtp = loaded(text + "smtp: {host: h, from_email: a@b.example}\n").channels["x"].smtp
    assert (smtp.port, smtp.security, smtp.username, smtp.password) == (587, "starttls", None, None)


def test_the_store_is_given_three_seconds_to_recover():
    """P2: after lost data calls wait until every gateway has brought back what it knows."""
    assert GatewayConfig(type="gateway-config", name="g").limits.recovery_ms == 3_000
    assert complaints("type: gateway-config\nname: g\nlimits: {recovery_ms: 499}\n")
    assert loaded("type: gateway-config\nname: g\nlimits: {recovery_ms: 500}\n")


# --- windows -----------------------------------------------------------------------------------


@pytest.mark.parametrize("duration", CALENDAR_DURATIONS)
def test_periods_of_the_calendar_can_be_aligned(duration):
    """Contract, section 2: `1h`, `1d`, `1w`, `1M`, `1Q` and `1Y` begin when the clock says so."""
    loaded(
        budget(f"unit: cost, duration: {duration}, calendar_aligned: true, timezone: Asia/Tokyo")
    )


@pytest.mark.parametrize("duration", ["1m", "5m", "15m", "2h", "2d", "30d", "2w", "3M", "2Q", "9Y"])
def test_other_durations_roll_and_cannot_be_aligned(duration):
    """Style 8: a window that would begin at an arbitrary moment is not called aligned."""
    rolling = loaded(budget(f"unit: tokens, duration: {duration}")).budgets[0]
    assert (rolling.duration, rolling.calendar_aligned) == (duration, False)
    assert complaints(budget(f"unit: tokens, duration: {duration}, calendar_aligned: true"))
    assert complaints(budget(f"unit: tokens, duration: {duration}, timezone: Asia/Tokyo"))


@pytest.mark.parametrize("duration", ["0d", "d", "1", "1s", "1D", "-1d", "1.5h", "10000d", "1d1h"])
def test_what_is_no_duration(duration):
    """Style 8: nothing is guessed."""
    (message,) = complaints(budget(f"unit: cost, duration: {duration!r}"))
    assert message.startswith("`rules[0].duration` must be a number and m, h, d, w, M")


@pytest.mark.parametrize("period", ["hour", "day", "week", "month", "quarter", "year"])
@pytest.mark.parametrize("measure", ["cost", "tokens", "requests"])
def test_every_unit_follows_the_calendar_of_its_zone(measure, period):
    """Contract, section 2: `cost_per_day` ... `requests_per_year`, in UTC or a named zone."""
    found = loaded(budget(f"unit: {measure}_per_{period}, timezone: Asia/Kolkata")).budgets[0]
    assert (found.measure, found.timezone) == (measure, "Asia/Kolkata")


# --- channels ----------------------------------------------------------------------------------

VALUES = {
    "url": "{env: A}", "hmac_secret": "{env: B}", "integration_key": "{env: C}",
    "smtp": "{host: localhost, security: none, from_email: a@b.example}",
}  # fmt: skip


@pytest.mark.parametrize("kind", CHANNEL_FIELDS)
def test_a_channel_has_the_fields_of_its_kind_and_no_others(kind):
    """Style 8: a field that would do nothing is a mistake, and so is one that lacks."""
    needed = CHANNEL_FIELDS[kind]
    start = f"type: notification-channel\nname: x\nkind: {kind}\n"
    for fields in ([f for f in VALUES if f in needed], list(VALUES), []):
        text = start + "".join(f"{field}: {VALUES[field]}\n" for field in fields)
        wanted = [
            *(f"`{f}` is missing: kind '{kind}' needs it" for f in needed if f not in fields),
            *(f"`{f}` is not for kind '{kind}'" for f in fields if f not in needed),
        ]
        if wanted:
            assert sorted(complaints(text)) == sorted(wanted)
        else:
            assert loaded(text).channels["x"].kind == kind


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "'::1'"])
def test_mail_within_one_machine_needs_no_encryption(host):
    """P4: `security: none` never leaves the machine."""
    smtp = "{host: %s, security: none, from_email: a@b.example}"
    text = "type: notification-channel\nname: x\nkind: email\nsmtp: " + smtp
    assert loaded(text % host)
    for elsewhere in ("mail.example.com", "10.0.0.1", "0.0.0.0", "localhost.example.com"):
        assert "'none' is for loopback hosts alone" in complaints(text % elsewhere)[0]
