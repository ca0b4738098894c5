"""What the hub saw of each server's pod, written down before the pod is deleted.

It looks at nothing but what KubeSpawner's reflectors hold, so it needs no right beyond KubeSpawner's own.
"""

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, tzinfo
from typing import Any, Self
from weakref import WeakKeyDictionary

from jupyterhub.app import JupyterHub

from coursehub.hub.failures.diagnosis import Trouble
from coursehub.hub.failures.record import Stage
from coursehub.hub.failures.store import Failures
from coursehub.hub.metrics.spawns import Counters

from .failures import diagnosis, record


class Witness:
    """Of all servers; `zone` is the site's, in which people are told times."""

    def __init__(self, failures: Failures, counters: Counters, zone: Callable[[], tzinfo], log: Any) -> None:
        self._failures = failures
        self._counters = counters
        self._zone = zone
        self._log = log
        self._written: WeakKeyDictionary[Any, str] = WeakKeyDictionary()
        self._untold: dict[str, str] = {}

    def __deepcopy__(self, memo: object) -> Self:
        """Itself: traitlets copies configured values for each spawner."""
        return self

    def trouble(self, spawner: Any) -> Trouble | None:
        """What keeps the spawner's pod from running, if the pod is there and something does."""
        pod = _pod(spawner)
        return None if pod is None else diagnosis.find(pod, _events(spawner), self._zone())

    def awaited(self, spawner: Any) -> str | None:
        """What the spawner's start waits for, in a sentence, where it is not about to fail."""
        now = self.trouble(spawner)
        return f"{now.sentence} {now.meanwhile}" if now and now.meanwhile else None

    async def last_look(self, spawner: Any) -> None:
        """Before a pod is deleted: writes down why it has failed, if it has; one that ended well has not."""
        pod = _pod(spawner)
        if pod is None or "deletionTimestamp" in pod["metadata"]:
            return
        why = diagnosis.ended(pod)
        if why is not None and why.exit_code != 0:
            await self.write(spawner, pod, why, "running")

    async def write(self, spawner: Any, pod: dict[str, Any], why: Trouble, stage: Stage) -> None:
        """Writes down that the pod failed; once, however often it is seen."""
        if self._written.get(spawner) == pod["metadata"]["uid"]:
            return
        self._written[spawner] = pod["metadata"]["uid"]
        name = spawner.user.name
        self._untold[name] = why.sentence
        new = record.of(name, datetime.now(UTC), stage, why, _pod(spawner) or pod, _events(spawner))
        self._log.warning(
            "failed: user=%s course=%s stage=%s reason=%s: %s", name, new.course or "-", stage, new.reason, new.detail
        )
        self._counters.failed(new)
        await self._failures.add(new)

    def told(self, name: str) -> str | None:
        """Why the person's last server failed, until the next start; forgotten when the hub restarts."""
        return self._untold.get(name)

    def forget(self, name: str) -> None:
        """The person starts a server again."""
        self._untold.pop(name, None)

    async def logs(self, user: str) -> dict[str, Any]:
        """Which pod the person has now, and the kept failures, the newest first."""
        known = JupyterHub.instance().users.get(user) if JupyterHub.initialized() else None
        spawner = known.spawner if known else None
        pod = _pod(spawner) if spawner else None
        now = self.trouble(spawner) if spawner else None
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
            "failures": [asdict(each) for each in await self._failures.of(user)],
        }


def _pod(spawner: Any) -> dict[str, Any] | None:
    reflector = spawner.pod_reflector
    found: dict[str, Any] | None = reflector and reflector.pods.get(f"{spawner.namespace}/{spawner.pod_name}")
    return found


def _events(spawner: Any) -> list[dict[str, Any]]:
    # Not the reflector's own `events`, which sorts by times that need not be there.
    reflector = spawner.event_reflector
    return list(reflector.resources.values()) if reflector else []
