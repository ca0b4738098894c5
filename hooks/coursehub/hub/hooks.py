"""What KubeSpawner calls: the spawner is read, the core is asked, whole values are set.

Spawner objects live on between servers, so nothing is ever appended and nothing of an earlier server stays.
"""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from jupyterhub.utils import maybe_future
from kubernetes_asyncio.client import ApiClient
from kubespawner import KubeSpawner
from kubespawner.slugs import is_valid_label, safe_slug
from tornado import web

from coursehub.config import profiles
from coursehub.errors import GateClosed, Reason, Refused
from coursehub.servers import gate
from coursehub.servers.manifest import Frame
from coursehub.servers.plan import PodPlan
from coursehub.servers.traits import traits

from .classroom import Classroom
from .failures.diagnosis import Diagnosis
from .failures.recorder import Recorder
from .metrics.spawns import Counters, Step
from .planner import Decided, Planner
from .readiness import NotReady, Readiness
from .start_queue import StartQueue
from .uncopied import Uncopied

Hook = Callable[..., Any]
# Seconds for directories, after which others go on: what keeps them is not the processor.
SLOW = 2.0


class HubError(web.HTTPError):
    """An HTTP error whose message JupyterHub shows on the page and in the progress stream."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(status, message)
        self.jupyterhub_message = message


class Forbidden(HubError):
    """HTTP 403 with a sentence."""

    def __init__(self, message: str) -> None:
        super().__init__(403, message)


class Hooks(Uncopied):
    """The functions that KubeSpawner calls; the site's `earlier` hooks of the same names run before them."""

    def __init__(
        self,
        planner: Planner,
        frame: Frame,
        recorder: Recorder,
        counters: Counters,
        queue: StartQueue,
        classroom: Classroom,
        earlier: Mapping[str, Hook],
    ) -> None:
        self._planner = planner
        self._frame = frame
        self._recorder = recorder
        self._counters = counters
        self._queue = queue
        self._classroom = classroom
        self._earlier = earlier
        self._plans: WeakKeyDictionary[Any, tuple[PodPlan, gate.Server]] = WeakKeyDictionary()
        self._readiness = Readiness()
        # Without __init__, which opens a connection pool that nobody closes.
        self._serialise = ApiClient.__new__(ApiClient).sanitize_for_serialization

    def options_from_form(self, form: Mapping[str, list[str]]) -> dict[str, str]:
        """The user options in a POST of the form."""
        return {"profile": form.get("profile", [profiles.GENERAL_SLUG])[0]}

    def apply_user_options(self, spawner: Any, user_options: object) -> None:
        """Keeps for the next start what was taken of the options, not all that was sent; the plan follows."""
        if spawner.orm_spawner and spawner.orm_spawner.user_options != user_options:
            spawner.orm_spawner.user_options = user_options
            # What is not committed before the next await, JupyterHub rolls back.
            spawner.db.commit()

    async def pre_spawn(self, spawner: Any) -> None:
        """Decides, plans and sets; raises HTTP 403 with a sentence for the person where there will be no server."""
        self._recorder.forget(spawner.user.name)
        await self._call_earlier("pre_spawn_hook", spawner)
        self._plans.pop(spawner, None)
        planned = await self._plan(spawner)
        for warning in planned.warnings:
            spawner.log.warning("user=%s: %s", spawner.user.name, warning)
        spawner.log.info(
            "planned: user=%s profile=%s uid=%d gid=%d",
            spawner.user.name,
            planned.profile.slug,
            planned.uid,
            planned.gid,
        )
        spawner.as_made()
        for name, value in traits(planned, self._frame).items():
            setattr(spawner, name, value)
        # Group overrides and the site's hook could have put another in their place.
        spawner.modify_pod_hook = self.modify_pod
        spawner.pod_name = _pod_name(spawner)
        self._plans[spawner] = planned, _server(spawner, self._frame)
        self._counters.planned(planned.profile)

    async def _plan(self, spawner: Any) -> PodPlan:
        """What is to start, once it is its turn; what was decided before that need not be so any more.

        So a class asks for its directories one after the other too, and whoever makes them is not asked by all at once.
        """
        try:
            decided = await self._decided(spawner)
            with self._counters.step(Step.QUEUE):
                waited = await self._queue.turn(spawner.user.name, decided.plan.profile.slug, spawner._spawn_future)
            if waited:
                decided = await self._decided(spawner)
            await self._prepare(spawner, decided)
            return decided.plan
        except Refused as refusal:
            spawner.allowed = None
            self._counters.refused(self._planner.label(spawner.user_options), refusal.reason)
            spawner.log.warning("refused: user=%s options=%.200r: %s", spawner.user.name, spawner.user_options, refusal)
            raise Forbidden(str(refusal)) from None
        except GateClosed as closed:
            spawner.allowed = None
            raise self._stopped(spawner, closed) from None

    async def _decided(self, spawner: Any) -> Decided:
        decided = await self._planner.decide(spawner)
        spawner.allowed = decided.plan.profile
        return decided

    async def _prepare(self, spawner: Any, decided: Decided) -> None:
        give_back = partial(self._queue.give_back, spawner.user.name, early=True)
        slow = asyncio.get_running_loop().call_later(SLOW, give_back)
        try:
            await self._planner.prepare(decided)
        finally:
            slow.cancel()

    async def modify_pod(self, spawner: Any, pod: Any) -> Any:
        """The pod itself where it is the plan's; else HTTP 403, and the differences in the hub's log.

        This is the last that happens before the pod is made.
        """
        pod = await self._call_earlier("modify_pod_hook", spawner, pod, default=pod)
        try:
            with self._counters.step(Step.GATE):
                if spawner not in self._plans:
                    raise GateClosed("the pod has no plan: something replaced the pre_spawn_hook")
                planned, server = self._plans.pop(spawner)
                gate.check(self._serialise(pod), planned, self._frame, server)
        except GateClosed as closed:
            raise self._stopped(spawner, closed) from None
        await self._classroom.give_way(planned.profile.course, spawner.pod_name, spawner._spawn_future)
        return pod

    async def wait(self, spawner: Any, pod: Any) -> None:
        """Returns once the server answers, so that the waits with growing pauses after it pass at their first look.

        Raises HTTP 503 with a sentence for the person as soon as it is clear that it will not.
        """
        await self._call_earlier("after_pod_created_hook", spawner, pod)
        try:
            seconds = await self._readiness.wait(spawner, lambda: self._diagnosed(spawner))
        except NotReady as error:
            await self._recorder.record(spawner, pod, error.why, "start")
            raise HubError(503, str(error)) from None
        self._queue.booted(spawner.user.name, spawner.image, seconds)

    def _diagnosed(self, spawner: Any) -> Diagnosis | None:
        found = self._recorder.diagnose(spawner)
        if found is not None:
            # What keeps it is not the processor.
            self._queue.give_back(spawner.user.name, early=True)
        return found

    def _stopped(self, spawner: Any, closed: GateClosed) -> Forbidden:
        self._counters.refused(self._planner.label(spawner.user_options), Reason.GATE)
        spawner.log.error("gate: refused the pod of user=%s: %s", spawner.user.name, closed)
        return Forbidden(
            "Your server was not started, because the site's configuration would have given it something that it must "
            "not have. Please tell the administrators; the hub's log says what it was."
        )

    async def _call_earlier(self, name: str, *arguments: Any, default: Any = None) -> Any:
        hook = self._earlier.get(name)
        return default if hook is None else await maybe_future(hook(*arguments))


def _pod_name(spawner: Any) -> str:
    """A name that no two people share, made by KubeSpawner's own rule whatever a site's overrides say."""
    return str(spawner._expand_user_properties(KubeSpawner.pod_name_template.default_value, "safe"))


def _server(spawner: Any, frame: Frame) -> gate.Server:
    return gate.Server(
        name=_pod_name(spawner),
        port=spawner.port,
        labels=_owner(spawner),
        annotations=spawner._build_common_annotations(spawner._expand_all(dict(frame.annotations))),
        environment=spawner.get_env(),
    )


def _owner(spawner: Any) -> dict[str, str]:
    """The labels by which KubeSpawner's own rule says whose server a pod is."""
    names = {"username": spawner.user.name, "servername": spawner.name}
    return {f"hub.jupyter.org/{key}": safe_slug(name, is_valid=is_valid_label) for key, name in names.items()}
