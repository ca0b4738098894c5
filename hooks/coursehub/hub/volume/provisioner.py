"""The hub's client of the service that makes directories, or only looks at them, before a server starts.

Starts that need the same directory at the same time share one request. Nothing is remembered: what was good a while ago
may be gone since, and kubelet would make it.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date
from functools import partial
from pathlib import Path

import aiohttp
from pydantic import ValidationError

from coursehub import layout, protocol
from coursehub.config.course import Course
from coursehub.config.settings import ProvisionerService
from coursehub.errors import Reason, Refused
from coursehub.hub.metrics.spawns import Counters, Outcome
from coursehub.log import Log
from coursehub.patience import Patience, patient
from coursehub.person import Person
from coursehub.protocol import (
    AnswersRequest,
    CourseRequest,
    HomeRequest,
    LookReply,
    LookRequest,
    RefusalReply,
    ServiceRequest,
    Usage,
    UsageReply,
    UsageRequest,
)
from coursehub.threads import in_thread

# Requests at a time: few enough that each is answered in time by a service with a fraction of a core, and while a file
# server hangs, the hub opens no connection for everybody.
SLOTS = 4

# The service's address and the request.
_Key = tuple[str, ServiceRequest]

_SILENT = "The service that looks after directories does not answer. Please try again in a few minutes."
_AGAIN = "Please try again in a few minutes, and tell the administrators if it stays so."
_UNKNOWN = f"The service that looks after directories does not know this hub. {_AGAIN}"
# Where the files come from.
_SECRET = "Secret coursehub-provisioner"  # noqa: S105 - its name


def needs(person: Person, course: Course | None, today: date) -> tuple[ServiceRequest, ...]:
    """The requests for what a server of `person` in `course` mounts, in their order: the list of people is a course's.

    They are the course's directories, and the home.
    """
    if course is None or course.gid is None:
        return (HomeRequest(verb="home", name=person.name, uid=person.uid, gid=person.gid),)
    archived = course.is_archived(today)
    return (
        CourseRequest(verb="course", slug=course.slug, gid=course.gid, data=course.data, archived=archived),
        HomeRequest(verb="home", name=person.name, uid=person.uid, gid=person.gid, course=course.slug),
    )


def makes(person: Person, course: Course | None) -> frozenset[str]:
    """The leaves that are there once these requests are done."""
    leaves = {layout.home(person.uid, person.name)}
    if course is None or course.gid is None:
        return frozenset(leaves)
    slug = course.slug
    data = {layout.course_data(slug)} if course.data != "none" else set()
    parts = (layout.course_files, layout.course_people, layout.course_runs, layout.exchange)
    return frozenset(leaves | {part(slug) for part in parts} | data)


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
        counters: Counters | None = None,
    ) -> None:
        self._token = token
        self._authority = token.with_name("ca.crt")
        self._trust: tuple[str | None, ssl.SSLContext] | None = None
        self._log = log
        self._counters = counters or Counters()
        self._calls: dict[_Key, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(SLOTS)
        self._patience = Patience()

    async def ensure(self, service: ProvisionerService, requests: Sequence[ServiceRequest]) -> None:
        """Returns once all `requests` are done, one after the other.

        Raises Refused with the reason, where one has no answer after the service's `timeout` at the latest.
        """
        for request in requests:
            await self._one(service, request)

    async def look(self, service: ProvisionerService, request: LookRequest) -> None:
        """Returns where the service finds all that is asked for; raises Refused, as `ensure`."""
        async with self._slot(service):
            await self._seen(service, request)

    async def share(self, service: ProvisionerService) -> None:
        """Raises Refused unless the file server answers the service; it waits for no start."""
        await self._seen(service, AnswersRequest(verb="answers"))

    async def _seen(self, service: ProvisionerService, request: LookRequest | AnswersRequest) -> None:
        try:
            seen = protocol.read(LookReply, await self._reply(service, request, service.timeout))
        except _NotDone as why:
            raise Refused(f"Nobody could look at your directories: {why}", Reason.PROVISIONER) from None
        except ValidationError:
            raise Refused(_SILENT, Reason.PROVISIONER) from None
        if seen.refusal is not None:
            raise Refused(seen.refusal, seen.reason)

    @asynccontextmanager
    async def _slot(self, service: ProvisionerService) -> AsyncIterator[None]:
        """One of the slots; all who wait for one go on to, once the block succeeds."""
        try:
            async with self._patience.waiting(service.timeout):
                await self._slots.acquire()
        except TimeoutError:
            raise self._silent(service) from None
        try:
            yield
            self._patience.succeeded()
        finally:
            self._slots.release()

    def _silent(self, service: ProvisionerService) -> Refused:
        self._log.error("provisioner: no answer from %s within %g s", service.url, service.timeout)
        return Refused(_SILENT, Reason.PROVISIONER)

    async def _one(self, service: ProvisionerService, request: ServiceRequest) -> None:
        key = service.url, request
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
        try:
            async with self._slot(service):
                await self._reply(service, key[1], service.timeout)
        except _NotDone as why:
            raise Refused(f"Your directories could not be made ready: {why}", Reason.PROVISIONER) from None

    async def _reply(self, service: ProvisionerService, request: ServiceRequest, seconds: float) -> object:
        try:
            token = self._token.read_text().strip()
        except (OSError, ValueError):
            self._log.error("provisioner: there is no token; make %s with the one of %s", _SECRET, service.url)
            raise Refused(_UNKNOWN, Reason.PROVISIONER) from None
        try:
            async with patient(seconds):
                status, reply = await self._post(service, request, token)
        except TimeoutError:
            raise self._silent(service) from None
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
                f"{service.url}/requests", json=request.model_dump(exclude_none=True), allow_redirects=False, ssl=tls
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
