"""The configuration changes while calls run: good changes arrive whole, bad ones not at all."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.e2e.documents import Documents, priced
from tests.e2e.faults import BOT, SPEND, documents, gateway_of, stream
from tests.e2e.harness import GatewayUnderTest
from tests.e2e.processes import until
from tests.e2e.provider_child import ProviderUnderTest

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def changing_process(
    place: Path, provider_process: ProviderUnderTest
) -> Iterator[GatewayUnderTest]:
    with gateway_of(documents(provider_process.url), provider_process, place) as running:
        yield running


@pytest.fixture
async def changing(
    changing_process: GatewayUnderTest, provider: ProviderUnderTest
) -> GatewayUnderTest:
    return changing_process


@asynccontextmanager
async def traffic(gateway: GatewayUnderTest) -> AsyncIterator[Counter[int]]:
    """Calls of a caller who changes in nothing, one after the other on four lines; the statuses."""
    seen: Counter[int] = Counter()
    stop = asyncio.Event()

    async def one_after_the_other() -> None:
        async with gateway.http() as http:
            while not stop.is_set():
                answer = await gateway.chat(BOT, "[[tokens: 3]]", model=SPEND, http=http)
                seen[answer.status_code] += 1

    lines = [asyncio.create_task(one_after_the_other()) for _ in range(4)]
    try:
        await until(lambda: seen.total() > 5, "traffic")
        yield seen
        now = seen.total()
        await until(lambda: seen.total() > now + 20, "traffic afterwards")
    finally:
        stop.set()
        await asyncio.gather(*lines)


async def log_says(gateway: GatewayUnderTest, words: str, beyond: int) -> None:
    """Its log holds these words after position `beyond`."""
    await until(lambda: words in gateway.log.read_text()[beyond:], f"the log says: {words}")


def added(gateway: GatewayUnderTest, name: str) -> Documents:
    """A new account, a new caller for it."""
    more = Documents()
    more.provider(name, f"{gateway.provider.url}/v1", [priced("gpt-4o-mini", 1, 1)])
    more.bot(f"{name}-bot", team=name, models=[f"{name}/*"])
    gateway.documents.keys.update(more.keys)
    return more


async def usable(gateway: GatewayUnderTest, name: str) -> None:
    """The new caller is unknown until it is served, by every worker; nothing in between."""

    async def served() -> bool:
        answers = [await gateway.chat(f"{name}-bot", "x", model=f"{name}/gpt-4o-mini")
                   for _ in range(6)]  # fmt: skip
        statuses = {answer.status_code for answer in answers}
        assert statuses <= {200, 401}, statuses
        return statuses == {200}

    await until(served, f"{name} is served")


async def test_a_new_account_and_key(changing: GatewayUnderTest) -> None:
    """P7: usable without a restart; no call fails, nor a stream that is open all the while."""
    async with traffic(changing) as seen:
        open_stream = asyncio.create_task(stream(changing, "[[tokens: 150]] [[pause: 0.02]]"))
        text = added(changing, "newcomer")
        text.write(changing.config / "staged")
        (changing.config / "staged" / "more.yaml").rename(changing.config / "newcomer.yaml")
        await usable(changing, "newcomer")
        assert not open_stream.done()
        through = await open_stream
        assert through.finished and through.clean
    assert set(seen) == {200}


async def test_a_broken_change_is_reported_and_ignored(changing: GatewayUnderTest) -> None:
    """P7: the running configuration stays; the log names the mistake; a repair is taken."""
    wrong, beyond = changing.config / "wrong.yaml", len(changing.log.read_text())
    async with traffic(changing) as seen:
        wrong.write_text("type: virtual-account\nname: half\nmodles: []\n")
        await log_says(changing, "modles", beyond)
        staged = changing.config / "staged"
        added(changing, "late").write(staged)
        (staged / "more.yaml").rename(changing.config / "late.yaml")
        await _still_unknown(changing, "late-bot")
        wrong.unlink()
        await usable(changing, "late")
    assert set(seen) == {200}


async def _still_unknown(gateway: GatewayUnderTest, bot: str) -> None:
    """A good document beside a bad one does not load either."""
    for _ in range(20):
        answer = await gateway.chat(bot, "x", model="late/gpt-4o-mini")
        assert answer.status_code == 401


@pytest.mark.parametrize("how", ["vanished", "empty"])
async def test_a_configuration_that_is_gone_is_ignored(
    changing: GatewayUnderTest, how: str
) -> None:
    """Contract 2: vanished or emptied, reported, and everything stays as it was."""
    beyond = len(changing.log.read_text())
    aside = changing.folder / "aside"
    async with traffic(changing) as seen:
        changing.config.rename(aside)
        if how == "empty":
            changing.config.mkdir()
        await log_says(changing, "configuration not loaded", beyond)
        answer = await changing.chat(BOT, "x", model=SPEND)
        assert answer.status_code == 200
        if how == "empty":
            changing.config.rmdir()
        aside.rename(changing.config)
    assert set(seen) == {200}


async def test_a_revoked_account_is_refused(changing: GatewayUnderTest) -> None:
    """P7, contract 5: a caller taken out of the configuration is unknown within 5 seconds."""
    staged, path = changing.config / "staged", changing.config / "leaver.yaml"
    added(changing, "leaver").write(staged)
    (staged / "more.yaml").rename(path)
    async with traffic(changing) as seen:
        await usable(changing, "leaver")
        path.unlink()

        async def unknown() -> bool:
            answers = [await changing.chat("leaver-bot", "x", model="leaver/gpt-4o-mini")
                       for _ in range(6)]  # fmt: skip
            statuses = {answer.status_code for answer in answers}
            assert statuses <= {200, 401}, statuses
            return statuses == {401}

        await until(unknown, "the key is refused", within_s=5)
    assert set(seen) == {200}
