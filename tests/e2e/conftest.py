"""Fixtures of the end-to-end tests: one provider and one gateway for the whole session.

`gateway` runs the contract's sample configuration with some more accounts, teams and rules, each
team there for one kind of test, so that nobody uses up another one's limits. `provider` is the
stand-in behind it, empty at the start of each test. A test that must stop, break or reload a
gateway starts its own with `start_gateway`.
"""

from __future__ import annotations

import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.documents import Documents, priced, rule
from tests.e2e.harness import MINI, ROOT, SONNET, GatewayUnderTest
from tests.e2e.odd_provider import ODD, odd_provider
from tests.e2e.provider_child import ProviderUnderTest, child_environment

ROOM = 100
"""How many calls fit into the limits of the teams `rpm` and `budget`."""
FLAT_OUTPUT = 100
"""Output tokens of each call of the team `budget`; its model's input is free, so that a call's
worst case and its real cost are the same number."""

Start = Callable[..., GatewayUnderTest]


@pytest.fixture(scope="session")
def place() -> Iterator[Path]:
    """A folder with a short path, because sockets may stand below it."""
    folder = Path(tempfile.mkdtemp(prefix="e2e-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def refusing_port() -> Iterator[int]:
    """A port that is ours and on which nobody listens: a connection to it is refused."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield int(held.getsockname()[1])


@pytest.fixture(scope="session")
def provider_process(place: Path) -> Iterator[ProviderUnderTest]:
    child = ProviderUnderTest(place, child_environment(ROOT))
    yield child
    child.stop()


@pytest.fixture
async def provider(provider_process: ProviderUnderTest) -> ProviderUnderTest:
    """The provider, with nothing seen and nothing to go wrong."""
    await provider_process.forget()
    return provider_process


@pytest.fixture(scope="session")
def odd_url() -> Iterator[str]:
    with odd_provider() as url:
        yield url


@pytest.fixture(scope="session")
def gateway_process(
    place: Path, provider_process: ProviderUnderTest, refusing_port: int, odd_url: str
) -> Iterator[GatewayUnderTest]:
    documents = session_documents(provider_process.url, refusing_port, odd_url)
    with GatewayUnderTest(documents, provider_process, place / "gateway") as running:
        yield running
    running.settle_accounts()


@pytest.fixture
async def gateway(
    gateway_process: GatewayUnderTest, provider: ProviderUnderTest
) -> AsyncIterator[GatewayUnderTest]:
    """The session's gateway, in front of an empty provider."""
    yield gateway_process
    await gateway_process.close_clients()


@pytest.fixture
def start_gateway(place: Path, provider_process: ProviderUnderTest) -> Iterator[Start]:
    """Start a gateway of the test's own from its documents; it ends with the test."""
    with ExitStack() as stack:

        def start(documents: Documents, **options: Any) -> GatewayUnderTest:
            folder = Path(tempfile.mkdtemp(prefix="own-", dir=place))
            return stack.enter_context(
                GatewayUnderTest(documents, provider_process, folder, **options)
            )

        yield start


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test shows the gateway's logs."""
    report = yield
    running = getattr(item, "funcargs", {}).get("gateway")
    if report.failed and isinstance(running, GatewayUnderTest):
        report.sections.append(("gateway", running.report()))
    return report


# --- the session's configuration --------------------------------------------------------------


def session_documents(provider_url: str, refusing_port: int, odd_url: str) -> Documents:
    """The contract's sample, and what the tests need beside it."""
    documents = Documents().sample(provider_url).unmoved()
    _accounts(documents, provider_url, refusing_port)
    documents.provider("odd", f"{odd_url}/v1", [priced(model, 1, 1) for model in ODD])
    _callers(documents)
    _rules(documents)
    documents.add("guardrail-config-group", "extra", guardrails=[
        {"name": "no-pii", "type": "pii", "operation": "validate"},
        {"name": "no-secrets", "type": "secrets", "operation": "validate"},
        {"name": "secrets-in", "type": "secrets", "operation": "mutate"},
    ])  # fmt: skip
    documents.add("gateway-guardrails-config", "more", rules=[
        {"id": "strict-team", "when": {"subjects": ["team:strict"]},
         "llm_input_guardrails": ["extra/no-secrets"],
         "llm_output_guardrails": ["extra/no-secrets"]},
    ])  # fmt: skip
    return documents


def _accounts(documents: Documents, provider_url: str, refusing_port: int) -> None:
    documents.provider("extra", f"{provider_url}/v1", [
        priced("text-embedding-3-small", 0.02, 0),
        priced("gpt-flat", 0, 10),
        priced("gpt-spend", 3, 7),
        priced("gpt-a", 1, 1), priced("gpt-b", 1, 1),
    ])  # fmt: skip
    documents.provider("gone", f"http://127.0.0.1:{refusing_port}/v1", [priced("gpt-gone", 1, 1)])
    plain = {"fallback_status_codes": ["429", "500", "503"]}
    documents.add("gateway-load-balancing-config", "more-routing", rules=[
        rule("claude-first", "prod/claude-first",
             [{"target": SONNET, "priority": 0, **plain}, {"target": MINI, "priority": 1}]),
        rule("gone-first", "prod/gone-first",
             [{"target": "gone/gpt-gone", "priority": 0}, {"target": MINI, "priority": 1}]),
        rule("patient", "prod/patient", [{
            "target": MINI,
            "retry_config": {"attempts": 2, "delay": 10, "on_status_codes": ["503"]},
            "fallback_status_codes": ["503"],
        }]),
        rule("never-b", "prod/never-b",
             [{"target": "extra/gpt-a", "weight": 1},
              {"target": "extra/gpt-b", "weight": 0, "fallback_candidate": False}], "weight"),
        rule("even", "prod/even",
             [{"target": "extra/gpt-a", "weight": 1}, {"target": "extra/gpt-b", "weight": 1}],
             "weight"),
    ])  # fmt: skip


def _callers(documents: Documents) -> None:
    documents.bot("extra-bot", team="extra", models=["extra/*", "gone/*", "odd/*", "prod/*"])
    documents.bot("narrow-bot", team="narrow", models=[MINI])
    documents.bot("strict-bot", team="strict", models=["openai-main/*"])
    documents.bot("dev-bot", team="dev", models=["openai-main/*"],
                  tags={"environment": "development"})  # fmt: skip
    documents.bot("unpinned-bot", team="unpinned", models=["openai-main/*"], tags={})
    documents.bot("teamless-bot", team=None, models=["openai-main/*"])
    documents.bot("late-bot", team="late", models=["openai-main/*"], expires="2020-01-01")
    documents.bot("minted-bot", team="minted", models=["openai-main/*"])
    for team in ("rpm", "tight", "budget", "broke", "spend", "unused"):
        documents.bot(f"{team}-bot", team=team, models=["openai-main/*", "extra/*"])


def _rules(documents: Documents) -> None:
    def of(team: str) -> dict[str, Any]:
        return {"subjects": [f"team:{team}"]}

    documents.add("gateway-rate-limiting-config", "more-limits", rules=[
        {"id": "rpm", "when": of("rpm"), "limit_to": ROOM, "unit": "requests_per_minute"},
        {"id": "tight", "when": of("tight"), "limit_to": 1, "unit": "requests_per_hour"},
        {"id": "unused", "when": of("unused"), "limit_to": 5, "unit": "requests_per_hour"},
    ])  # fmt: skip
    cost_usd = FLAT_OUTPUT * 10 / 1_000_000
    documents.add("gateway-budget-config", "more-budgets", rules=[
        {"id": "room", "when": of("budget"), "limit_to": ROOM * cost_usd, "unit": "cost_per_day"},
        {"id": "broke", "when": of("broke"), "limit_to": 0.000001, "unit": "cost_per_day"},
        {"id": "spend", "when": of("spend"), "limit_to": 10, "unit": "cost_per_day"},
    ])  # fmt: skip
