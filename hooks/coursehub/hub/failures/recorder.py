"""What the hub saw of each server's pod, written down before the pod is deleted.

It looks at nothing but what KubeSpawner's reflectors hold, so it needs no right beyond KubeSpawner's own.
"""

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, tzinfo
from typing import Any
from weakref import WeakKeyDictionary

from jupyterhub.app import JupyterHub

from coursehub.hub.registry import Registry
from coursehub.hub.uncopied import Uncopied
from coursehub.live.kept import Kept
from coursehub.live.snapshot import Site
from coursehub.log import Log

from . import diagnosis, record
from .diagnosis import Diagnosis
from .record import Failure, Stage
from .store import FailureStore


class Recorder(Uncopied):
    """Of all servers; each failure is told to `count`. `zone` is the site's, for the times in sentences for people."""

    def __init__(
        self, store: FailureStore, count: Callable[[Failure], None], zone: Callable[[], tzinfo], log: Log
    ) -> None:
        self._store = store
        self._count = count
        self._zone = zone
        self._log = log
        self._recorded: WeakKeyDictionary[Any, set[tuple[str, bool]]] = WeakKeyDictionary()
        self._sentences: dict[str, str] = {}

    def diagnose(self, spawner: Any) -> Diagnosis | None:
        """What keeps the spawner's pod from running, if the pod is there and something does."""
        pod = spawner.pod
        return None if pod is None else _lost(pod) or diagnosis.find(pod, _events(spawner), self._zone())

    def awaited(self, spawner: Any) -> str | None:
        """What the spawner's start waits for, in a sentence, where it is not about to fail."""
        now = self.diagnose(spawner)
        return f"{now.sentence} {now.meanwhile}" if now and now.meanwhile else None

    async def last_look(self, spawner: Any) -> None:
        """Before a pod is deleted: writes down why it has failed, if it has; one that ended well has not."""
        pod = spawner.pod
        if pod is None:
            return
        why = _lost(pod) if "deletionTimestamp" in pod["metadata"] else diagnosis.ended(pod, _events(spawner))
        if why is not None and why.exit_code != 0:
            await self.record(spawner, pod, why, "running")

    def is_lost(self, spawner: Any) -> bool:
        """Whether the spawner's pod was on a node that is lost, so that nothing will ever confirm its end."""
        pod = spawner.pod
        return pod is not None and _lost(pod) is not None

    async def record(self, spawner: Any, pod: dict[str, Any], why: Diagnosis, stage: Stage) -> None:
        """Writes down that the pod failed, or did not end; each once, however often the hub sees it."""
        recorded, this = self._recorded.setdefault(spawner, set()), (pod["metadata"]["uid"], stage == "stop")
        if this in recorded:
            return
        recorded.add(this)
        await self._add(spawner, spawner.pod or pod, why, stage)

    async def refused(self, spawner: Any, why: Diagnosis, stage: Stage) -> None:
        """Writes down that Kubernetes' API refused the pod that the spawner wanted to start or to end."""
        pod = spawner.pod if stage == "stop" else None
        if pod is not None:
            await self.record(spawner, pod, why, stage)
            return
        metadata, container = {"name": spawner.pod_name, "labels": spawner.extra_labels}, {"image": spawner.image}
        await self._add(spawner, {"metadata": metadata, "spec": {"containers": [container]}}, why, stage)

    async def _add(self, spawner: Any, pod: dict[str, Any], why: Diagnosis, stage: Stage) -> None:
        name = spawner.user.name
        if stage != "stop" or name not in self._sentences:
            self._sentences[name] = why.sentence
        new = record.of(name, datetime.now(UTC), stage, why, pod, _events(spawner))
        self._log.warning(
            "failed: user=%s course=%s stage=%s reason=%s: %s", name, new.course or "-", stage, new.reason, new.detail
        )
        if stage != "stop":  # those JupyterHub counts
            self._count(new)
        await self._store.add(new)

    def last_failure(self, name: str) -> str | None:
        """Why the person's last server failed, until the next start; forgotten when the hub restarts."""
        return self._sentences.get(name)

    def forget(self, name: str) -> None:
        """The person starts a server again."""
        self._sentences.pop(name, None)

    async def logs(self, user: str) -> dict[str, Any]:
        """Which pod the person has now, and the kept failures, the newest first; for `coursehub logs`."""
        known = JupyterHub.instance().users.get(user) if JupyterHub.initialized() else None
        spawner = known.spawner if known else None
        pod = spawner.pod if spawner else None
        now = self.diagnose(spawner) if spawner else None
        return {
            "user": user,
            "pod": pod
            and {
                "name": pod["metadata"]["name"],
                "namespace": pod["metadata"]["namespace"],
                "phase": pod["status"].get("phase"),
                "trouble": now and now.sentence,
                "detail": now and now.detail,
            },
            "failures": [asdict(failure) for failure in await self._store.of(user)],
        }


def _lost(pod: dict[str, Any]) -> Diagnosis | None:
    return diagnosis.lost(pod, datetime.now(UTC))


def _events(spawner: Any) -> list[dict[str, Any]]:
    # Not the reflector's own `events`, which sorts by times that need not be there.
    reflector = spawner.event_reflector
    return list(reflector.resources.values()) if reflector else []


def register(registry: Registry, site: Site, count: Callable[[Failure], None], kept: Kept, log: Log) -> Recorder:
    """Failures are kept for the site's number of days, and shown on pages and to admins."""
    store = FailureStore(kept, lambda: site.current.settings.servers.failure_days, log)
    recorder = Recorder(store, count, lambda: site.current.settings.zone, log)
    # The page asks about whose server it is, which need not be who looks at it.
    registry.show(coursehub_failure=lambda _: recorder.last_failure)
    registry.answer(logs=recorder.logs)
    registry.run(store.prune())
    return recorder
