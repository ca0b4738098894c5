"""/hub/coursehub/executions/FOLDER: where an instructor's or grading server has a submission executed.

PUT makes the pod of the run's folder, GET says how it is, DELETE takes it away, each for the course of the server whose
token comes along, and only while its person may grade the course. What is known of a run is its pod, so a hub that was
restarted goes on. A pod goes with the server that asked, and once nobody has asked about it for a while.

200 and 201 answer with `state`, `sentence` and `again` (servers/outcome.py), others with `message`; with 429 and 503
comes Retry-After.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Never

from aiohttp import ClientError
from kubernetes_asyncio.client import ApiException
from kubespawner.clients import shared_client

from coursehub.config.settings import Settings
from coursehub.errors import CoursehubError, GateClosed, Refused
from coursehub.live.snapshot import Site
from coursehub.log import Log
from coursehub.patience import patient
from coursehub.servers import execution, outcome
from coursehub.servers.execution import Owner
from coursehub.servers.manifest import Frame
from coursehub.servers.outcome import State

from .failures import refusal
from .own_token import OwnTokenHandler
from .planner import Planner
from .pods import connection
from .registry import Registry
from .uncopied import Uncopied

PATH = r"/coursehub/executions/(.*)"
# Seconds between two looks at what nobody asks about, and for how long that stays.
EVERY, FORGOTTEN = 60.0, 300.0
# Seconds for an answer of Kubernetes' API, and to find the addresses of the probe.
_ANSWER, _NAMES = 20.0, 5.0


class NotNow(CoursehubError):
    """The execution cannot be begun, or looked at, now; the message is a sentence, and `after` are seconds to wait."""

    def __init__(self, sentence: str, status: HTTPStatus, after: int) -> None:
        super().__init__(sentence)
        self.status = status
        self.after = after


_NO_ANSWER = NotNow("The cluster does not answer as it should.", HTTPStatus.SERVICE_UNAVAILABLE, 10)


class Executions(Uncopied):
    """The pods that execute submissions, all courses' together."""

    def __init__(
        self, planner: Planner, frame: Frame, current: Callable[[], Settings], connect: Callable[[], None], log: Log
    ) -> None:
        self._planner = planner
        self._frame = frame
        self._current = current
        self._connect = connect
        self._log = log
        self._beginning = asyncio.Lock()
        # When somebody last asked, by the pod's name and the event loop's clock.
        self._asked: dict[str, float] = {}

    async def begin(self, spawner: Any, slug: str, folder: str) -> tuple[bool, State]:
        """Whether the pod is new, and how it is; raises Refused, GateClosed or NotNow."""
        grading = await self._planner.grading(spawner, slug)
        settings = self._current()
        probes = await self._probes(settings)
        wanted = execution.pod(grading, self._frame, settings.autograding, folder, probes, _owner(spawner))
        name = wanted["metadata"]["name"]
        self._asked[name] = asyncio.get_running_loop().time()
        # Else several that ask in the same moment would each count without the others.
        async with self._beginning:
            pods = {pod["metadata"]["name"]: pod for pod in await self._pods()}
            if name in pods:
                return False, outcome.state(pods[name])
            running = [pod for pod in pods.values() if not outcome.state(pod).phase.ended]
            most = settings.autograding.at_once
            if len(running) >= most:
                sentence = f"{len(running)} submissions are being executed, and {most} may be at once."
                raise NotNow(sentence, HTTPStatus.TOO_MANY_REQUESTS, 5)
            made = await self._call("create_namespaced_pod", self._frame.namespace, wanted)
        if made is not None:
            self._log.info("execution: made %s course=%s user=%s", name, slug, spawner.user.name)
        return made is not None, outcome.state(made or wanted)

    async def look(self, spawner: Any, slug: str, folder: str) -> State | None:
        """How the pod is; None where there is none. Raises Refused or NotNow."""
        await self._planner.may_grade(spawner, slug)
        name = execution.name(slug, folder)
        self._asked[name] = asyncio.get_running_loop().time()
        found = await self._call("read_namespaced_pod", name, self._frame.namespace)
        return outcome.state(found) if found is not None else None

    async def end(self, spawner: Any, slug: str, folder: str) -> None:
        """The pod is gone, or about to be; raises Refused or NotNow."""
        await self._planner.may_grade(spawner, slug)
        await self._delete(execution.name(slug, folder))

    async def follow(self) -> Never:
        """Takes away what nobody has asked about for a while."""
        while True:
            await asyncio.sleep(EVERY)
            try:
                await self._sweep()
            except Exception as error:  # noqa: BLE001 - it goes on, whatever the cluster does
                self._log.warning("executions that nobody asks about stay for now: %s", error)

    async def _sweep(self) -> None:
        now = asyncio.get_running_loop().time()
        names = {pod["metadata"]["name"] for pod in await self._pods()}
        # What an earlier hub was asked about may be asked about once more.
        self._asked = {name: self._asked.get(name, now) for name in names}
        for name, asked in list(self._asked.items()):
            if now - asked >= FORGOTTEN:
                self._log.warning("execution: nobody has asked about %s for %.0f s, so it ends", name, now - asked)
                await self._delete(name)

    async def _delete(self, name: str) -> None:
        self._asked.pop(name, None)
        await self._call("delete_namespaced_pod", name, self._frame.namespace)

    async def _pods(self) -> list[dict[str, Any]]:
        found = await self._call("list_namespaced_pod", self._frame.namespace, label_selector=execution.SELECTOR)
        return list(found["items"]) if found else []

    async def _call(self, method: str, *given: Any, **named: Any) -> Any:
        """Kubernetes' answer as plain data; None where there is no such object, or it is there already."""
        self._connect()
        api = shared_client("CoreV1Api")
        try:
            async with patient(_ANSWER):
                response = await getattr(api, method)(*given, **named, _preload_content=False)
                body = await response.text()
            taken = response.status == HTTPStatus.CONFLICT and "AlreadyExists" in body
            if taken or response.status == HTTPStatus.NOT_FOUND:
                return None
            if response.status >= 400:
                failed = ApiException(status=response.status, reason=response.reason)
                failed.body = body
                raise failed
            return json.loads(body)
        except (ApiException, ClientError, TimeoutError) as error:
            why = refusal.find(error, "start")
            detail = why.detail if why else ""
            self._log.warning("execution: %s: %s", method, detail)
            if "exceeded quota" in detail:
                sentence = "The cluster has no room for one more now."
                raise NotNow(sentence, HTTPStatus.TOO_MANY_REQUESTS, 30) from None
            raise _NO_ANSWER from None

    async def _probes(self, settings: Settings) -> list[str]:
        """Addresses that are open to every pod which no policy holds."""
        if settings.probe is None:
            raise GateClosed("nobody says what an execution must not reach, so it would not know its network closed")
        loop = asyncio.get_running_loop()
        try:
            async with patient(_NAMES):
                found = await loop.getaddrinfo(settings.probe.host, settings.probe.port, proto=6)
        except (OSError, TimeoutError) as error:
            self._log.error("execution: the proxy's address is not found: %s: %s", settings.probe.host, error)
            raise _NO_ANSWER from None
        addresses = sorted({(str(address[0]), int(address[1])) for *_, address in found})
        return [f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in addresses]


def _owner(spawner: Any) -> Owner | None:
    """The server's pod, as the hub has seen it."""
    pod = spawner.pod
    return Owner(pod["metadata"]["name"], pod["metadata"]["uid"]) if pod else None


class ExecutionsHandler(OwnTokenHandler):
    """The runs of the course of the server that asks."""

    def initialize(self, executions: Executions) -> None:
        """`executions` are the pods."""
        self._executions = executions

    def check_xsrf_cookie(self) -> None:
        """No page asks here: no cookie counts."""

    async def put(self, folder: str) -> None:
        """201 where the pod is made, 200 where it was there."""
        await self._answer(folder, self._put)

    async def get(self, folder: str) -> None:
        """How it is."""
        await self._answer(folder, self._get)

    async def delete(self, folder: str) -> None:
        """204, also where there was none."""
        await self._answer(folder, self._delete)

    async def _put(self, spawner: Any, slug: str, folder: str) -> None:
        new, state = await self._executions.begin(spawner, slug, folder)
        self._say(HTTPStatus.CREATED if new else HTTPStatus.OK, state)

    async def _get(self, spawner: Any, slug: str, folder: str) -> None:
        state = await self._executions.look(spawner, slug, folder)
        if state is None:
            self._refuse(HTTPStatus.NOT_FOUND, "Nothing executes this run: it was not begun, or was taken away.")
        else:
            self._say(HTTPStatus.OK, state)

    async def _delete(self, spawner: Any, slug: str, folder: str) -> None:
        await self._executions.end(spawner, slug, folder)
        self.set_status(HTTPStatus.NO_CONTENT)
        self.finish()

    async def _answer(self, folder: str, verb: Callable[[Any, str, str], Any]) -> None:
        spawner = self.server()
        profile = spawner.serves if spawner is not None and spawner.ready else None
        if spawner is None or profile is None or profile.course is None or not profile.role.teaches:
            self._refuse(HTTPStatus.FORBIDDEN, "Only a server of a course's instructors has submissions executed.")
            return
        if not execution.is_folder(folder):
            self._refuse(HTTPStatus.BAD_REQUEST, "A run's folder is called by 32 characters of 0-9 and a-f.")
            return
        try:
            await verb(spawner, profile.course, folder)
        except Refused as refused:
            self.log.warning("execution refused: user=%s course=%s: %s", spawner.user.name, profile.course, refused)
            status = HTTPStatus.SERVICE_UNAVAILABLE if refused.reason.trouble else HTTPStatus.FORBIDDEN
            self._refuse(status, str(refused), 10 if refused.reason.trouble else None)
        except GateClosed as closed:
            self.log.error("execution: user=%s course=%s: %s", spawner.user.name, profile.course, closed)
            sentence = (
                "Nothing is executed, because the site's configuration would give it what it must not have. Please "
                "tell the administrators; the hub's log says what it was."
            )
            self._refuse(HTTPStatus.FORBIDDEN, sentence)
        except NotNow as later:
            self._refuse(later.status, str(later), later.after)

    def _say(self, status: HTTPStatus, state: State) -> None:
        self._finish(status, {"state": str(state.phase), "sentence": state.sentence, "again": state.again})

    def _refuse(self, status: HTTPStatus, sentence: str, after: int | None = None) -> None:
        if after is not None:
            self.set_header("Retry-After", str(after))
        self._finish(status, {"message": sentence})

    def _finish(self, status: HTTPStatus, answer: Mapping[str, str | bool]) -> None:
        self.set_status(status)
        self.finish(dict(answer))


def register(c: Any, registry: Registry, site: Site, planner: Planner, frame: Frame, log: Log) -> None:
    """Servers can ask, and what nobody asks about goes."""
    executions = Executions(planner, frame, lambda: site.current.settings, connection(c), log)
    registry.handle(PATH, ExecutionsHandler, executions=executions)
    registry.run(executions.follow())
