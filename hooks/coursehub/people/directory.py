"""The site's source of people: off the event loop, with a time-out and a cache."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from cachetools import TLRUCache

from coursehub.config.settings import Identity
from coursehub.log import Log
from coursehub.patience import Patience, patient
from coursehub.person import Person
from coursehub.threads import Slots

from .claims import ClaimsProvider
from .ldap import LdapProvider
from .lookup import Answer, Direct, FileProvider, Provider, Source
from .nss import NssProvider

THREADS = 16
# The most answers that are kept.
MOST = 100_000
# Seconds for which a name that is not there is remembered.
UNKNOWN = 30.0


class People:
    """The source that the settings choose; it stays, cache included, until other identity settings come.

    `secret` is the folder with the Secret for LDAP, where this process has one.
    """

    def __init__(self, log: Log, secret: Path | None = None) -> None:
        self._log = log
        self._secret = secret
        self._settings: Identity | None = None
        self._source: Source

    def source(self, settings: Identity, auth_state: object = None) -> Source:
        """The source for one look-up; `auth_state` is that person's, and only the provider authState uses it."""
        if settings.provider == "authState":
            return Direct(ClaimsProvider(settings.auth_state, auth_state, self._log))
        # A reload brings an equal object; it compares ten thousand people once, not at each look-up.
        if settings is not self._settings:
            if settings != self._settings:
                self._source = self._make(settings)
            self._settings = settings
        return self._source

    def _make(self, settings: Identity) -> Source:
        provider: Provider
        if settings.provider == "ldap" and settings.ldap is not None:
            provider = LdapProvider(settings.ldap, settings.timeout, self._log, self._secret)
        elif settings.provider == "nss":
            provider = NssProvider(self._log)
        else:
            return Direct(FileProvider(settings.file))
        return CachedProvider(provider, timeout=settings.timeout, cache=settings.cache, log=self._log)


@dataclass(frozen=True)
class _Kept:
    answer: Answer | None
    until: float


class CachedProvider:
    """A provider that may hang, behind threads of its own, a time-out and a cache (both in seconds).

    All who look up one name at the same time share one call. Failures are never kept; an answer is used until its time
    is over, and not a moment longer because the provider fails then.
    """

    def __init__(
        self,
        provider: Provider,
        *,
        timeout: float,
        cache: float,
        log: Log,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._provider = provider
        self._timeout = timeout
        self._cache = cache
        self._log = log
        self._clock = clock
        self._kept: TLRUCache[str, _Kept] = TLRUCache(MOST, ttu=lambda _name, kept, _now: kept.until, timer=clock)
        self._calls: dict[str, asyncio.Task[Answer | None]] = {}
        self._slots = Slots(THREADS, "directory")
        self._patience = Patience()

    async def find(self, name: str) -> Answer | None:
        """See Source.find; TimeoutError where the directory has the question, or answers nobody, for `timeout`."""
        kept = self._kept.get(name)
        if kept is not None:
            return kept.answer
        call = None
        try:
            async with self._patience.waiting(self._timeout):
                call = await self._call(name)
            async with patient(self._timeout):
                return await asyncio.shield(call)
        except TimeoutError:
            if call is None or not call.done():
                self._log.error("directory: no answer about %s within %g s", name, self._timeout)
            raise

    async def _call(self, name: str) -> asyncio.Task[Answer | None]:
        if name not in self._calls:
            await self._slots.take()
            if name in self._calls:
                self._slots.give_back()
            else:
                call = self._calls[name] = asyncio.create_task(self._ask(name))
                call.add_done_callback(partial(self._ended, name))
        return self._calls[name]

    async def _ask(self, name: str) -> Answer | None:
        begin, asked = self._clock(), datetime.now(UTC)
        person = await self._slots.begin(partial(self._find, name))
        self._patience.succeeded()
        answer = None if person is None else Answer(person, asked)
        self._kept[name] = _Kept(answer, begin + (self._cache if person else min(self._cache, UNKNOWN)))
        return answer

    def _find(self, name: str) -> Person | None:
        try:
            return self._provider.find(name)
        except OSError:
            raise
        except Exception as error:  # what a library raises about an answer is a failure too
            raise OSError(f"{type(error).__name__}: {error}") from error

    def _ended(self, name: str, call: asyncio.Task[Answer | None]) -> None:
        del self._calls[name]
        if not call.cancelled() and (error := call.exception()) is not None:
            self._log.error("directory: no answer about %s: %s", name, error)
