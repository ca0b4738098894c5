"""The directory behind threads, a time-out and a cache: what hangs hurts nobody else, what is old is not used."""

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

import pytest
from coursehub.config.settings import Identity, Settings
from coursehub.people.directory import THREADS, CachedProvider, People
from coursehub.person import Person

from tests.support import SITE, site

LOG = logging.getLogger("tests.directory")
PATIENT = 30.0


class Provider:
    """Knows everybody but `nobody`; every look-up waits while it is `held`, and fails while it is `down`."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.uid = 30001
        self.down = False
        self._go = Event()
        self._go.set()

    @contextmanager
    def held(self) -> Iterator[None]:
        """No look-up ends in here."""
        self._go.clear()
        try:
            yield
        finally:
            self._go.set()

    def find(self, name: str) -> Person | None:
        """See Provider.find."""
        self.asked.append(name)
        self._go.wait()
        if self.down:
            raise ConnectionRefusedError("no route")
        return None if name == "nobody" else Person(name, self.uid, 30001)


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def directory(provider: Provider, clock: Clock, timeout: float = PATIENT, cache: float = 300) -> CachedProvider:
    return CachedProvider(provider, timeout=timeout, cache=cache, log=LOG, clock=clock)


async def uid(source: CachedProvider, name: str) -> int | None:
    answer = await source.find(name)
    return None if answer is None else answer.person.uid


async def test_an_answer_is_used_until_its_time_is_over(provider: Provider, clock: Clock) -> None:
    source = directory(provider, clock)
    first = await source.find("anna")
    provider.uid = 30002
    clock.now += 299
    assert await source.find("anna") is first, "and it says when it was asked"
    clock.now += 1
    assert await uid(source, "anna") == 30002
    assert provider.asked == ["anna", "anna"]


async def test_without_a_cache_each_look_up_asks(provider: Provider, clock: Clock) -> None:
    source = directory(provider, clock, cache=0)
    await source.find("anna")
    await source.find("anna")
    assert provider.asked == ["anna", "anna"]


@pytest.mark.parametrize(("cache", "forgotten"), [(300, 30), (5, 5)])
async def test_that_somebody_is_not_there_is_soon_forgotten(
    provider: Provider, clock: Clock, cache: float, forgotten: float
) -> None:
    source = directory(provider, clock, cache=cache)
    assert await source.find("nobody") is None
    clock.now += forgotten - 1
    assert await source.find("nobody") is None
    assert provider.asked == ["nobody"]
    clock.now += 1
    await source.find("nobody")
    assert provider.asked == ["nobody", "nobody"]


async def test_i5_while_the_directory_is_away_a_valid_answer_serves_and_an_old_one_does_not(
    provider: Provider, clock: Clock
) -> None:
    source = directory(provider, clock)
    await source.find("anna")
    provider.down = True
    clock.now += 299
    assert await uid(source, "anna") == 30001
    clock.now += 1
    with pytest.raises(OSError, match="no route"):
        await source.find("anna")


async def test_a_failure_is_not_kept_and_the_log_says_it_once(
    provider: Provider, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    source = directory(provider, clock)
    provider.down = True
    assert len(await asyncio.gather(*(source.find("anna") for _ in range(5)), return_exceptions=True)) == 5
    assert [record.getMessage() for record in caplog.records] == ["directory: no answer about anna: no route"]
    provider.down = False
    assert await uid(source, "anna") == 30001


async def test_an_answer_that_the_library_chokes_on_is_no_answer(
    provider: Provider, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provider, "find", lambda name: [][0])
    with pytest.raises(OSError, match="IndexError"):
        await directory(provider, clock).find("anna")


async def test_all_who_ask_for_a_name_at_the_same_time_share_one_look_up(provider: Provider, clock: Clock) -> None:
    source = directory(provider, clock)
    with provider.held():
        asking = [asyncio.create_task(source.find(name)) for name in ["anna"] * 50 + ["peter"] * 50]
        await asyncio.sleep(0)
        asking[0].cancel()
        await asyncio.sleep(0)
    answers = await asyncio.gather(*asking, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError), "one who leaves takes nobody else along"
    assert len({id(answer) for answer in answers[1:]}) == 2
    assert sorted(provider.asked) == ["anna", "peter"]


async def test_i5_a_look_up_that_hangs_ends_in_time_and_the_event_loop_goes_on(
    provider: Provider, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    source = directory(provider, clock, timeout=0.2)
    with provider.held(), pytest.raises(TimeoutError):
        await source.find("anna")
    assert "directory: no answer about anna within 0.2 s" in caplog.text


async def test_i5_whoever_retries_while_it_hangs_takes_no_second_thread(provider: Provider, clock: Clock) -> None:
    source = directory(provider, clock, timeout=0.02)
    with provider.held():
        for _ in range(2 * THREADS):
            with pytest.raises(TimeoutError):
                await source.find("anna")
        assert provider.asked == ["anna"]


async def test_i5_when_every_thread_hangs_the_next_one_is_told_in_time_and_later_all_is_well(
    provider: Provider, clock: Clock
) -> None:
    source = directory(provider, clock, timeout=2)
    with provider.held():
        names = [f"p{number}" for number in range(3 * THREADS)]
        ended = await asyncio.gather(*map(source.find, names), return_exceptions=True)
        assert [type(each) for each in ended] == [TimeoutError] * len(names)
        assert len(provider.asked) == THREADS
    assert await uid(source, names[-1]) == 30001


async def test_however_many_ask_at_once_a_directory_that_answers_is_waited_for(clock: Clock) -> None:
    """All of them take several times the time-out."""

    class Slow(Provider):
        def find(self, name: str) -> Person | None:
            time.sleep(0.2)
            return super().find(name)

    source = directory(Slow(), clock, timeout=1)
    names = [f"p{number}" for number in range(15 * THREADS)]
    assert all(await asyncio.gather(*map(source.find, names)))


async def test_old_answers_take_no_memory(provider: Provider, clock: Clock) -> None:
    source = directory(provider, clock)
    for number in range(20):
        await source.find(f"p{number}")
    clock.now += 300
    await source.find("anna")
    assert list(source._kept) == ["anna"]


LDAP = "identity: {provider: ldap, ldap: {servers: ['ldaps://a'], users: {base: dc=a}}, file: {}}\n"


def with_identity(text: str) -> Settings:
    return site(SITE[: SITE.index("identity:")] + text)


def test_a_directory_lives_as_long_as_its_settings_stay_the_same() -> None:
    people = People(LOG)
    first = people.source(with_identity(LDAP).identity)
    again = with_identity(LDAP + "servers: {activityInterval: 60}\n")
    assert again.identity is not with_identity(LDAP).identity
    assert people.source(again.identity) is first
    changed = people.source(with_identity(LDAP.replace("//a", "//b")).identity)
    assert changed is not first
    assert people.source(with_identity(LDAP).identity) is not first, "with a cache that begins anew"


@pytest.mark.parametrize("provider_name", ["ldap", "nss"])
def test_what_may_hang_is_behind_the_cache_with_the_sites_seconds(provider_name: str) -> None:
    text = LDAP.replace("provider: ldap", f"provider: {provider_name}, timeout: 7, cache: 8")
    source = People(LOG).source(with_identity(text).identity)
    assert isinstance(source, CachedProvider)
    assert (source._timeout, source._cache) == (7, 8)


async def test_claims_are_of_one_person_and_never_kept() -> None:
    people = People(LOG)
    settings = Identity(provider="authState")
    for number in (30001, 30002):
        answer = await people.source(settings, {"oauth_user": {"uidNumber": number, "gidNumber": 30001}}).find("anna")
        assert answer is not None
        assert answer.person.uid == number
    assert await people.source(settings, None).find("anna") is None
