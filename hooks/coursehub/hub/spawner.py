"""KubeSpawner with what its options do not offer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, ClassVar, NoReturn

import traitlets
from kubespawner import KubeSpawner

from coursehub.config import profiles

from . import progress

_LONGEST = 80
# Seconds between two looks at a pod that is to end.
_LOOK = 1.0


class Preselected(Exception):
    """A link of the form /hub/spawn?profile=… chooses on the page; only the person's own click starts."""

    jupyterhub_message = None


class CoursehubSpawner(KubeSpawner):  # type: ignore[misc] # KubeSpawner is untyped
    """KubeSpawner that starts nothing for a link, and that takes any JSON as options, but of it the profile alone.

    JupyterHub saves what the REST API was sent and then fails on all that is no object: the person's server would look
    as if it ran, and the next hub would not start (JupyterHub 5.5, tried). The `recorder` looks at each pod before it
    is deleted. A pod on a node that is lost is taken away without waiting for anybody to confirm that it has ended:
    that its server runs no more is for the lock in its home to say (images/singleuser/coursehub_home.py).
    """

    user_options = traitlets.Any()
    # When the start began, by the event loop's clock.
    began = 0.0
    recorder = traitlets.Any().tag(config=True)
    # A task that nothing refers to can vanish before it is done.
    _starting: ClassVar[set[asyncio.Future[Any]]] = set()

    def start(self) -> Any:
        """See KubeSpawner; JupyterHub counts the time for a start from here on."""
        self.began = asyncio.get_running_loop().time()
        return super().start()

    async def poll(self) -> int | None:
        """See KubeSpawner, which deletes a pod that has ended, and for which one on a lost node runs for ever."""
        await self._last_look()
        if self._is_lost():
            await super().stop(now=True)
            return 1
        status: int | None = await super().poll()
        return status

    async def stop(self, now: bool = False) -> None:
        """See KubeSpawner, which waits in vain for the end of a pod on a lost node."""
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
        """See KubeSpawner; a sentence tells what the start waits for, too."""
        explained = progress.explained(super().progress(), lambda: self.recorder and self.recorder.awaited(self))
        async with aclosing(explained) as events:
            async for event in events:
                yield event

    async def _start_reflector(self, *given: Any, **named: Any) -> Any:
        """See KubeSpawner, in which everybody else waits for ever if whoever asked first goes away.

        That is how a refused start ends: its progress is cut off while the reflector of events loads (7.0.0, tried).
        """
        starting = asyncio.ensure_future(super()._start_reflector(*given, **named))
        self._starting.add(starting)
        starting.add_done_callback(self._starting.discard)
        return await asyncio.shield(starting)

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
