"""The hub's side of the provisioner's service: directories are asked for before a server is started.

Everybody who needs the same at the same time shares one request; what was found good is not asked again for a while.
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

from coursehub import protocol
from coursehub.config.course import Course
from coursehub.config.settings import ProvisionerService
from coursehub.errors import Reason, Refused
from coursehub.hub.metrics.spawns import Counters, Outcome
from coursehub.log import Log
from coursehub.person import Person
from coursehub.protocol import CourseRequest, HomeRequest, RefusalReply, ServiceRequest, Usage, UsageReply, UsageRequest
from coursehub.threads import in_thread

# Beside it may be ca.crt: the authority of the service's certificate.
TOKEN = Path("/srv/coursehub/provisioner/token")
# Seconds for which what is known to be good is not asked again.
GOOD = 600.0
# Requests that are remembered as good: homes and courses.
MOST = 100_000
# Requests at a time: a file server that hangs must not have the hub open a connection for everybody.
SLOTS = 16
# Seconds for counting: without quotas of the file system the service walks through all homes.
WALK = 600.0

# The service's address and the request.
_Key = tuple[str, ServiceRequest]

_SILENT = "The service that looks after directories does not answer. Please try again in a few minutes."
_AGAIN = "Please try again in a few minutes, and tell the administrators if it stays so."


def needs(person: Person, course: Course | None, today: date) -> tuple[ServiceRequest, ...]:
    """The requests that make what a server of `person` in `course` mounts: the home, and the course's directories."""
    home = HomeRequest(verb="home", name=person.name, uid=person.uid, gid=person.gid)
    if course is None or course.gid is None:
        return (home,)
    archived = course.is_archived(today)
    return home, CourseRequest(verb="course", slug=course.slug, gid=course.gid, data=course.data, archived=archived)


class _NotDone(Exception):
    """The service answered that it did not do it, and why."""


class Provisioner:
    """The service as the hub asks it: never on the event loop's time, never longer than the time-out."""

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
        """Returns once all that `requests` name is there; without a service nothing is asked.

        With `again` also what is known to be good is asked for. Raises Refused with the reason, and after the service's
        `timeout` at the latest.
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
        """Raises Refused unless the service listens; the volume it does not look at."""
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
        """What homes and courses take; where the service has to walk, after minutes. Raises Refused."""
        try:
            reply = await self._reply(service, UsageRequest(verb="usage"), WALK)
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
            async with asyncio.timeout(seconds):
                status, reply = await self._post(service, request)
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
            self._log.error("provisioner: %s does not take the token in %s", service.url, self._token)
            raise Refused(
                f"The service that looks after directories does not know this hub. {_AGAIN}", Reason.PROVISIONER
            )
        if status != 200:
            why = _why_not(reply) or f"HTTP {status}"
            self._log.error("provisioner: %s: %s", request.model_dump_json(), why)
            raise _NotDone(why)
        return reply

    async def _post(self, service: ProvisionerService, request: ServiceRequest) -> tuple[int, object]:
        headers = {"Authorization": f"Bearer {self._token.read_text().strip()}"}
        tls = await self._trusted() if service.url.startswith("https:") else True
        # A session of its own: upstream's client has few connections, and the hub needs them for proxy and servers.
        async with (
            aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=None)) as session,
            session.post(
                f"{service.url}/requests", json=request.model_dump(), allow_redirects=False, ssl=tls
            ) as response,
        ):
            return response.status, await response.json(content_type=None)

    async def _trusted(self) -> ssl.SSLContext:
        """What certificates are held against: the authority as it is now, or the image's own authorities."""
        authority = self._authority.read_text() if self._authority.exists() else None
        if authority == "":
            raise ValueError(f"{self._authority} is empty")
        if self._trust is None or self._trust[0] != authority:
            # Reading the image's takes a while.
            made = await asyncio.wrap_future(in_thread(partial(ssl.create_default_context, cadata=authority), "tls"))
            self._trust = authority, made
        return self._trust[1]

    def _ended(self, key: _Key, call: asyncio.Task[None]) -> None:
        del self._calls[key]
        if not call.cancelled():
            # Seen, also where everybody who waited has gone.
            _, request = key
            self._counters.requested(request.verb, Outcome.FAILED if call.exception() else Outcome.PASSED)


def _why_not(reply: object) -> str:
    try:
        return protocol.read(RefusalReply, reply).refusal[:500]
    except ValidationError:
        return ""
