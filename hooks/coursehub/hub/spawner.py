"""KubeSpawner with what its options do not offer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from copy import deepcopy
from typing import Any, ClassVar, NoReturn

import traitlets
from kubespawner import KubeSpawner

from coursehub.config import profiles
from coursehub.config.profiles import Profile

from . import progress, readiness
from .failures import refusal
from .failures.record import Stage
from .hooks import HubError

_LONGEST = 80
# How hub and server find each other, what its token and visitors may: JupyterHub's and the configuration's to say.
_MADE = (
    *("cookie_host_prefix_enabled", "cookie_options", "debug", "env", "hub", "hub_connect_url", "ip", "port"),
    *("oauth_access_scopes", "oauth_client_allowed_scopes", "oauth_client_id", "oauth_roles"),
    *("public_hub_url", "public_url", "server_token_scopes"),
    *("get_pod_url", "pod_connect_ip", "services_enabled"),
)
# Seconds between two looks at a pod that is to end.
_LOOK = 1.0


class Preselected(Exception):
    """A link of the form /hub/spawn?profile=… chooses on the page; only the person's own click starts."""

    jupyterhub_message = None


class CoursehubSpawner(KubeSpawner):  # type: ignore[misc] # KubeSpawner is untyped
    """KubeSpawner that starts nothing for a link, and that takes any JSON as options, but of it the profile alone.

    JupyterHub 5 saves what the REST API was sent and then fails on all that is no object: the person's server would
    look as if it ran, and the next hub would not start (5.5, tried; 6 refuses it). The `recorder` looks at each pod
    before it is deleted, and the `queue` says when a start has its turn. A pod on a node that is lost is taken away
    without waiting for anybody to confirm that it has ended: that its server runs no more is for the lock in its
    home to say (images/singleuser/coursehub_home.py). Where Kubernetes' API refuses something or does not answer,
    the error is HTTP 503 with a sentence for the person, not with the API's headers and names, which JupyterHub
    would show.
    """

    user_options = traitlets.Any()
    # When the start began, by the event loop's clock.
    began = 0.0
    # What the person of a start may have, once that is decided.
    allowed: Profile | None = None
    recorder = traitlets.Any().tag(config=True)
    queue = traitlets.Any().tag(config=True)
    # KubeSpawner has it from 7.1 on, and would ask for patience every five seconds where the page says what is awaited.
    slow_spawn_message_threshold = traitlets.Integer(0).tag(config=True)
    # A task that nothing refers to can vanish before it is done.
    _starting: ClassVar[set[asyncio.Future[Any]]] = set()

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._made = {name: _own(getattr(self, name)) for name in _MADE}
        self.as_made()

    def as_made(self) -> None:
        """Nothing stays of what group overrides or a hook said of the ways between hub and server, at any start."""
        for name, value in self._made.items():
            setattr(self, name, _own(value))
        self.admin_access = self.user.settings.get("admin_access", False)

    @property
    def serves(self) -> Profile | None:
        """What the server is for; of a start, nothing before its person may have it: they can have asked for anything.

        None, too, where that is on offer no more.
        """
        return self.allowed if self.pending == "spawn" else profiles.of(self.user_options)

    @property
    def pod(self) -> dict[str, Any] | None:
        """The server's pod as the hub has last seen it."""
        reflector = self.pod_reflector
        found: dict[str, Any] | None = reflector and reflector.pods.get(f"{self.namespace}/{self.pod_name}")
        return found

    @property
    def address(self) -> str | None:
        """Where the server listens, by its pod; None while that does not run, and another pod may have its address."""
        pod = self.pod
        if pod is None or not self.is_pod_running(pod):
            return None
        address = pod["status"]["podIP"]
        host = f"[{address}]" if ":" in address else address
        return f"http://{host}:{self.port}{self.server.base_url}"

    def clear_state(self) -> None:
        """See Spawner; JupyterHub calls it before each start, too."""
        super().clear_state()
        self.allowed = None

    async def start(self) -> Any:
        """See KubeSpawner; it ends before JupyterHub, which counts from here on, ends it without a word."""
        self.began = asyncio.get_running_loop().time()
        async with self._in_a_sentence("start"), asyncio.timeout_at(readiness.last_moment(self)):
            return await super().start()

    async def poll(self) -> int | None:
        """See KubeSpawner, which deletes a pod that has ended, and for which one on a lost node runs for ever."""
        async with self._in_a_sentence("running"):
            await self._last_look()
            if self._is_lost():
                await super().stop(now=True)
                return 1
            status: int | None = await super().poll()
            if status is None and self._check_pending and self.address is None:
                # Its start ended with the hub before this one. The start queue asks for it again.
                return 1
            return status

    async def stop(self, now: bool = False) -> None:
        """See KubeSpawner, which waits in vain for the end of a pod on a lost node."""
        async with self._in_a_sentence("stop"):
            await self._stop(now)

    async def _stop(self, now: bool) -> None:
        await self._last_look()
        stopping = asyncio.ensure_future(super().stop(now))
        try:
            while not (await asyncio.wait({stopping}, timeout=_LOOK))[0]:
                if self._is_lost():
                    await self._last_look()
                    await super().stop(now=True)
            await stopping
        finally:
            stopping.cancel()

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """See KubeSpawner; a sentence tells what the start waits for, too, and before it which turn."""
        if self.queue is not None:
            async with aclosing(self.queue.told(self.user.name, self._spawn_future)) as places:
                async for place in places:
                    yield place
        explained = progress.explained(super().progress(), lambda: self.recorder and self.recorder.awaited(self))
        try:
            async with aclosing(explained) as events:
                async for event in events:
                    yield event
        except Exception as error:
            if refusal.find(error, "start") is None:
                raise
            # The start says how it ends; its stream must not break off before.

    async def _start_reflector(self, *given: Any, **named: Any) -> Any:
        """See KubeSpawner, in which everybody else waits for ever if whoever asked first goes away.

        That is how a refused start ends: its progress is cut off while the reflector of events loads (7.0.0, tried).
        """
        starting = asyncio.ensure_future(self._load_reflector(*given, **named))
        self._starting.add(starting)
        starting.add_done_callback(self._starting.discard)
        return await asyncio.shield(starting)

    async def _load_reflector(self, *given: Any, **named: Any) -> Any:
        """See KubeSpawner, which keeps one that could not load, so that no later start sees its pod (7.0.0, tried)."""
        try:
            return await super()._start_reflector(*given, **named)
        except Exception:
            for key, reflector in list(self.reflectors.items()):
                loading = reflector.first_load_future
                if loading.done() and not loading.cancelled() and loading.exception():
                    del self.reflectors[key]
            raise

    @asynccontextmanager
    async def _in_a_sentence(self, stage: Stage) -> AsyncIterator[None]:
        try:
            yield
        except Exception as error:
            told = [each for each in refusal.chain(error) if getattr(each, "jupyterhub_message", None)]
            if stage == "start" and told:
                # Why a start failed is what came up first, not what came up as its pod was taken away.
                raise told[-1] from None
            why = refusal.find(error, stage)
            if error in told or why is None:
                raise
            if stage == "running":
                self.log.warning("How the server of %s is, Kubernetes does not say: %s", self.user.name, why.detail)
            elif self.recorder is not None:
                await self.recorder.refused(self, why, stage)
            raise HubError(503, why.sentence) from error

    async def _last_look(self) -> None:
        if self.recorder is not None:
            await self.recorder.last_look(self)

    def _is_lost(self) -> bool:
        return self.recorder is not None and self.recorder.is_lost(self)

    def options_from_query(self, query: object) -> NoReturn:
        """Never options: what a link asks for is chosen on the page, and only the person's own click starts it."""
        raise Preselected

    @traitlets.default("user_options")
    def _no_options(self) -> dict[str, Any]:
        return {}

    @traitlets.validate("user_options")
    def _profile_alone(self, proposal: Any) -> dict[str, Any]:
        value = proposal["value"]
        if value == {}:
            return {}
        slug = profiles.named(value)
        # What is cut off here is longer than any profile's slug; None is refused when the server starts.
        return {"profile": None if slug is None else slug[:_LONGEST]}


def _own(value: Any) -> Any:
    """A copy of what group overrides would change in its place, for everybody."""
    return deepcopy(value) if isinstance(value, (dict, list)) else value
