"""The hub's client of the provisioner's service, which makes directories before a server starts.

Starts that need the same directory at the same time share one request; a success is remembered for GOOD seconds.
"""

import asyncio
import ssl
import time
from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from pathlib import Path

import aiohttp
from cachetools import TTLCache
from pydantic import ValidationError

from coursehub import layout, protocol
from coursehub.config.course import Course
from coursehub.config.settings import ProvisionerService
from coursehub.errors import Reason, Refused
from coursehub.hub.metrics.spawns import Counters, Outcome
from coursehub.log import Log
from coursehub.person import Person
from coursehub.protocol import CourseRequest, HomeRequest, RefusalReply, ServiceRequest, Usage, UsageReply, UsageRequest
from coursehub.threads import in_thread

# Seconds for which a success is remembered.
GOOD = 600.0
# The most successes that are remembered: homes and courses.
MOST = 100_000
# Requests at a time: while a file server hangs, the hub must not open a connection for everybody.
SLOTS = 16

# The service's address and the request.
_Key = tuple[str, ServiceRequest]

_SILENT = "The service that looks after directories does not answer. Please try again in a few minutes."
_AGAIN = "Please try again in a few minutes, and tell the administrators if it stays so."
_UNKNOWN = f"The service that looks after directories does not know this hub. {_AGAIN}"
# Where the files come from.
_SECRET = "Secret coursehub-provisioner"  # noqa: S105 - its name


def needs(person: Person, course: Course | None, today: date) -> tuple[ServiceRequest, ...]:
    """The requests for what a server of `person` in `course` mounts: the home, and the course's directories."""
    home = HomeRequest(verb="home", name=person.name, uid=person.uid, gid=person.gid)
    if course is None or course.gid is None:
        return (home,)
    archived = course.is_archived(today)
    return home, CourseRequest(verb="course", slug=course.slug, gid=course.gid, data=course.data, archived=archived)


def makes(person: Person, course: Course | None) -> frozenset[str]:
    """The leaves that are there once these requests are done."""
    leaves = {layout.home(person.uid, person.name), layout.PEOPLE}
    if course is None or course.gid is None:
        return frozenset(leaves)
    data = {layout.course_data(course.slug)} if course.data != "none" else set()
    return frozenset(leaves | {layout.course_files(course.slug), layout.exchange(course.slug)} | data)


class _NotDone(Exception):
    """The service refused the request; the message says why."""


class Provisioner:
    """The client: it never blocks the event loop, and no request takes longer than the time-out.

    `token` is the file by which the service knows the hub; ca.crt beside it, where it is there, the authority of the
    service's certificate. Both are read for each request.
    """

    def __init__(
        self,
        token: Path,
        log: Log,
        clock: Callable[[], float] = time.monotonic,
        counters: Counters | None = None,
    ) -> None:
        self._token = token
        self._authority = token.with_name("ca.crt")
        self._trust: tuple[str | None, ssl.SSLContext] | None = None
        self._log = log
        self._counters = counters or Counters()
        self._good: TTLCache[_Key, bool] = TTLCache(MOST, GOOD, timer=clock)
        self._calls: dict[_Key, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(SLOTS)

    async def ensure(
        self, service: ProvisionerService | None, requests: Sequence[ServiceRequest], *, again: bool = False
    ) -> None:
        """Returns once all `requests` are done; without a service it does nothing.

        With `again` it also sends those that are remembered as done. Raises Refused with the reason, after the
        service's `timeout` at the latest.
        """
        if service is None:
            return
        try:
            async with asyncio.timeout(service.timeout):
                await asyncio.gather(*(self._one(service, request, again=again) for request in requests))
        except TimeoutError:
            self._log.error("provisioner: no answer from %s within %g s", service.url, service.timeout)
            raise Refused(_SILENT, Reason.PROVISIONER) from None

    async def answers(self, service: ProvisionerService) -> None:
        """Raises Refused unless the service listens; it does not look at the volume."""
        try:
            async with asyncio.timeout(service.timeout):
                tls = await self._trusted() if service.url.startswith("https:") else True
                async with aiohttp.ClientSession() as session, session.get(f"{service.url}/health", ssl=tls) as health:
                    status = health.status
        except TimeoutError:
            raise Refused(f"no answer from {service.url} within {service.timeout:g} s") from None
        except (OSError, aiohttp.ClientError, ValueError) as error:
            raise Refused(f"no answer from {service.url}: {error}") from None
        if status != 200:
            raise Refused(f"{service.url} answers with HTTP {status}")

    async def _one(self, service: ProvisionerService, request: ServiceRequest, *, again: bool) -> None:
        key = service.url, request
        if not again and key in self._good:
            return
        call = self._calls.get(key)
        if call is None:
            call = self._calls[key] = asyncio.create_task(self._make(service, key))
            call.add_done_callback(partial(self._ended, key))
        await asyncio.shield(call)

    async def usage(self, service: ProvisionerService) -> Sequence[Usage]:
        """What homes and courses take; it can take minutes where the service has to walk. Raises Refused."""
        try:
            reply = await self._reply(service, UsageRequest(verb="usage"), protocol.WALK)
            return protocol.read(UsageReply, reply).usage
        except _NotDone as why:
            raise Refused(f"It could not count: {why}") from None
        except ValidationError as error:
            raise Refused(f"the provisioner's service gave no answer to use: {error.errors()[0]['msg']}") from None

    async def _make(self, service: ProvisionerService, key: _Key) -> None:
        self._good.pop(key, None)
        try:
            async with self._slots:
                await self._reply(service, key[1], service.timeout)
        except _NotDone as why:
            raise Refused(f"Your directories could not be made ready: {why}", Reason.PROVISIONER) from None
        self._good[key] = True

    async def _reply(self, service: ProvisionerService, request: ServiceRequest, seconds: float) -> object:
        try:
            token = self._token.read_text().strip()
        except (OSError, ValueError):
            self._log.error("provisioner: there is no token; make %s with the one of %s", _SECRET, service.url)
            raise Refused(_UNKNOWN, Reason.PROVISIONER) from None
        try:
            async with asyncio.timeout(seconds):
                status, reply = await self._post(service, request, token)
        except TimeoutError:
            raise Refused(_SILENT, Reason.PROVISIONER) from None
        except aiohttp.ClientConnectorCertificateError as error:
            self._log.error("provisioner: %s: %s", service.url, error.certificate_error)
            raise Refused(
                f"The service that looks after directories did not prove who it is. {_AGAIN}", Reason.PROVISIONER
            ) from None
        except (OSError, aiohttp.ClientError, ValueError) as error:
            self._log.error("provisioner: %s: %s: %s", service.url, type(error).__name__, error)
            raise Refused(_SILENT, Reason.PROVISIONER) from None
        if status == 401:
            self._log.error("provisioner: %s does not take the token of %s", service.url, _SECRET)
            raise Refused(_UNKNOWN, Reason.PROVISIONER)
        if status != 200:
            why = _why_not(reply) or f"HTTP {status}"
            self._log.error("provisioner: %s: %s", request.model_dump_json(), why)
            raise _NotDone(why)
        return reply

    async def _post(self, service: ProvisionerService, request: ServiceRequest, token: str) -> tuple[int, object]:
        headers = {"Authorization": f"Bearer {token}"}
        tls = await self._trusted() if service.url.startswith("https:") else True
        # A session of its own: JupyterHub's client has few connections, which proxy and servers need.
        async with (
            aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=None)) as session,
            session.post(
                f"{service.url}/requests", json=request.model_dump(), allow_redirects=False, ssl=tls
            ) as response,
        ):
            return response.status, await response.json(content_type=None)

    async def _trusted(self) -> ssl.SSLContext:
        """What certificates are checked against: the authority in the file now, or those of the image."""
        authority = self._authority.read_text() if self._authority.exists() else None
        if authority == "":
            raise ValueError(f"{self._authority.name} of {_SECRET} is empty")
        if self._trust is None or self._trust[0] != authority:
            # Reading those of the image takes a while.
            made = await asyncio.wrap_future(in_thread(partial(ssl.create_default_context, cadata=authority), "tls"))
            self._trust = authority, made
        return self._trust[1]

    def _ended(self, key: _Key, call: asyncio.Task[None]) -> None:
        del self._calls[key]
        if not call.cancelled():
            # Also consumes the exception where nobody waits any more.
            _, request = key
            self._counters.requested(request.verb, Outcome.FAILED if call.exception() else Outcome.PASSED)


def _why_not(reply: object) -> str:
    try:
        return protocol.read(RefusalReply, reply).refusal[:500]
    except ValidationError:
        return ""
