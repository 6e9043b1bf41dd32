"""One stand-in for all providers and one gateway in front of it, for the whole session."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from pathlib import Path

import pytest

from tests.clients.callers import CALLERS, Caller
from tests.clients.stand_in import AllProviders, EveryProvider
from tests.e2e.harness import ROOT, GatewayUnderTest
from tests.e2e.provider_child import child_environment

Open = Callable[..., Caller]


@pytest.fixture(scope="session")
def place() -> Iterator[Path]:
    """A folder with a short path, because sockets may stand below it."""
    folder = Path(tempfile.mkdtemp(prefix="sdk-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def provider_process(place: Path) -> Iterator[AllProviders]:
    child = AllProviders(place, child_environment(ROOT))
    yield child
    child.stop()


@pytest.fixture
async def provider(provider_process: AllProviders) -> AllProviders:
    """The stand-in, with nothing seen and nothing to go wrong."""
    await provider_process.forget()
    return provider_process


@pytest.fixture(scope="session")
def gateway_process(place: Path, provider_process: AllProviders) -> Iterator[GatewayUnderTest]:
    documents = EveryProvider(provider_process)
    with GatewayUnderTest(documents, provider_process, place / "gateway") as running:
        yield running
    running.settle_accounts()


@pytest.fixture
async def gateway(
    gateway_process: GatewayUnderTest, provider: AllProviders
) -> AsyncIterator[GatewayUnderTest]:
    yield gateway_process
    await gateway_process.close_clients()


@pytest.fixture
async def sdk(gateway: GatewayUnderTest) -> AsyncIterator[Open]:
    """Open an SDK by its name: base URL and key alone."""
    opened: list[Caller] = []

    def open_one(name: str, account: str = "all-bot", *, base: int = 0, key: str = "") -> Caller:
        make = CALLERS[name]
        url = gateway.url + make.bases[base]  # type: ignore[attr-defined]
        opened.append(make(url, key or gateway.key(account)))
        return opened[-1]

    yield open_one
    for caller in opened:
        await caller.close()


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
