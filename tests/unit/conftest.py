"""A real KubeSpawner without a cluster, and the order in which JupyterHub and KubeSpawner call the hooks."""

import logging
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import hypothesis
import pytest
from coursehub.config.catalog import Catalog
from coursehub.config.settings import Settings
from coursehub.hub.failures.store import Failures
from coursehub.hub.hooks import Hook, Hooks
from coursehub.hub.metrics.spawns import Counters
from coursehub.hub.notices.feed import Notes
from coursehub.hub.notices.store import Board
from coursehub.hub.recorder import Witness
from coursehub.hub.spawner import CoursehubSpawner
from coursehub.hub.usage.poll import Measuring
from coursehub.hub.usage.usage import Picture
from coursehub.hub.volume.provisioner import Provisioner
from coursehub.live.snapshot import Snapshot
from coursehub.people.directory import People
from coursehub.person import Person
from coursehub.servers.manifest import Frame
from coursehub.servers.site_module import Adjust
from hypothesis import HealthCheck
from jupyterhub.utils import maybe_future
from kubernetes_asyncio.client import ApiClient
from traitlets.config import Config

from tests.support import MARIA, catalog, site

# The same examples each time, and no measured time among what a test says.
hypothesis.settings.register_profile(
    "suite", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis.settings.load_profile("suite")
LOG = logging.getLogger("tests")
Spawner = Callable[..., Any]
# As KubeSpawner itself has them.
LABELS = {
    "app": "jupyterhub",
    "app.kubernetes.io/managed-by": "kubespawner",
    "app.kubernetes.io/name": "jupyterhub",
    "heritage": "jupyterhub",
}
FRAME = Frame(claim="coursehub-storage", namespace="courses", labels=LABELS)


class Share:
    """A shared volume on which every directory is as it should be; remembers what was looked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int, tuple[str, ...]]] = []

    async def check(self, home_path: str, uid: int, others: list[str]) -> None:
        """See storage.Share.check."""
        self.asked.append((home_path, uid, tuple(others)))


def witness(folder: Path = Path("no-folder")) -> Witness:
    """One that keeps records in `folder`."""
    return Witness(Failures(folder, lambda: 14, LOG), Counters(), lambda: UTC, LOG)


def silent(log: logging.Logger) -> Notes:
    """Nothing to tell anybody."""

    async def count(_: Settings) -> Picture:
        return Picture(0, {}, {})

    return Notes(site, Board(Path("no-folder"), log), Measuring(site, count, log))


def hooks(
    courses: Catalog | None = None,
    adjust: Adjust | None = None,
    counters: Counters | None = None,
    **earlier: Hook,
) -> Hooks:
    """The hooks over the tests' site and `courses`, with the site's own `adjust` and `earlier` hooks."""
    live: Any = SimpleNamespace(current=Snapshot(site(), courses or catalog(), ()))
    share: Any = Share()
    return Hooks(
        live,
        share,
        People(LOG),
        FRAME,
        provisioner=Provisioner(Path("no-token"), LOG),
        witness=witness(),
        notes=silent(LOG),
        adjust=adjust,
        earlier=earlier,
        counters=counters,
    )


@pytest.fixture
def spawner(monkeypatch: pytest.MonkeyPatch) -> Spawner:
    """Makes a KubeSpawner: `spawner(person, profile, **what c.KubeSpawner has)`."""
    monkeypatch.setattr("kubespawner.spawner.load_config", lambda **_: None)
    monkeypatch.setattr("kubespawner.spawner.shared_client", lambda *_: None)

    def make(person: Person | str = MARIA, profile: str = "python-intro", **config: Any) -> Any:
        name = person if isinstance(person, str) else person.name
        user = SimpleNamespace(id=1, name=name, url=f"/user/{name}/", groups=[SimpleNamespace(name="everyone")])
        made = CoursehubSpawner(config=Config({"KubeSpawner": config}), user=user, _mock=True)
        made.user_options = {"profile": profile}
        return made

    return make


async def start(ours: Hooks, spawner: Any) -> dict[str, Any]:
    """The pod that Kubernetes would get, made in the order of jupyterhub.user.User.spawn and KubeSpawner._start."""
    spawner.pre_spawn_hook = spawner.pre_spawn_hook or ours.pre_spawn
    spawner.modify_pod_hook = spawner.modify_pod_hook or ours.modify_pod
    await spawner.apply_group_overrides()
    await maybe_future(spawner.run_pre_spawn_hook())
    await spawner.load_user_options()
    pod = await spawner.get_pod_manifest()
    result = await maybe_future(spawner.modify_pod_hook(spawner, pod))
    manifest: dict[str, Any] = ApiClient.__new__(ApiClient).sanitize_for_serialization(result)
    return manifest
