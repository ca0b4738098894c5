"""A real KubeSpawner without a cluster, and the order in which JupyterHub and KubeSpawner call the hooks."""

import logging
import os
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC
from types import SimpleNamespace
from typing import Any

import hypothesis
import pytest
from coursehub.config.catalog import Catalog
from coursehub.config.settings import Settings
from coursehub.hub.accounts import Accounts
from coursehub.hub.classroom import Classroom
from coursehub.hub.failures.recorder import Recorder
from coursehub.hub.failures.store import FailureStore
from coursehub.hub.hooks import Hook, Hooks
from coursehub.hub.metrics.spawns import Counters
from coursehub.hub.notices.feed import Feed
from coursehub.hub.notices.store import AnnouncementStore
from coursehub.hub.pages.page import StartPage
from coursehub.hub.planner import Planner
from coursehub.hub.pods import Pods
from coursehub.hub.spawner import CoursehubSpawner
from coursehub.hub.start_queue import StartQueue
from coursehub.hub.usage.poll import UsagePoll
from coursehub.hub.usage.usage import Picture
from coursehub.live.kept import Kept, Memory
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


class Prepared:
    """Directories that are always as they should be."""

    async def prepare(self, *_: object) -> None:
        """See coursehub.hub.volume.directories."""


def kept() -> Kept:
    """What goes with the test."""
    return Kept(Memory("it is a test's"), LOG)


def recorder() -> Recorder:
    """One whose records go with it."""
    return Recorder(FailureStore(kept(), lambda: 14, LOG), Counters().failed, lambda: UTC, LOG)


def silent(log: logging.Logger) -> Feed:
    """A feed without a notice for anybody."""

    async def count(_: Settings) -> Picture:
        return Picture(0, {}, {})

    return Feed(site, AnnouncementStore(kept(), log), UsagePoll(site, count, log))


def live(settings: Settings, courses: Catalog) -> Any:
    """A live site that stays as it is."""
    return SimpleNamespace(current=Snapshot(settings, courses, ()))


def _no_client() -> Any:
    raise AssertionError("nobody asks the cluster")


def hooks(
    courses: Catalog | None = None,
    adjust: Adjust | None = None,
    counters: Counters | None = None,
    settings: Settings | None = None,
    frame: Frame = FRAME,
    **earlier: Hook,
) -> Hooks:
    """The hooks over the tests' site and `courses`, with the site's own `adjust` and `earlier` hooks."""
    directories: Any = Prepared()
    counters = counters or Counters()
    now = live(settings or site(), courses or catalog())
    planner = Planner(now, Accounts(People(LOG)), directories, counters, adjust)
    queue = StartQueue(lambda: now.current.settings.servers.starts_at_once, kept(), LOG)
    classroom = Classroom(lambda: now.current, frame, Pods(_no_client, frame.namespace), LOG)
    return Hooks(planner, frame, recorder(), counters, queue, classroom, earlier)


def start_page(courses: Catalog | None = None, settings: Settings | None = None) -> StartPage:
    """The start page over the tests' site and `courses`."""
    return StartPage(live(settings or site(), courses or catalog()), Accounts(People(LOG)), recorder(), silent(LOG))


@pytest.fixture(autouse=True)
def trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """No authority of the machine's: nobody here needs one, and reading them takes each client and process 20 ms."""
    monkeypatch.setenv("SSL_CERT_FILE", os.devnull)


@pytest.fixture
def spawner(monkeypatch: pytest.MonkeyPatch) -> Spawner:
    """Makes a KubeSpawner: `spawner(person, profile, options of cookies, **what c.KubeSpawner has)`."""
    monkeypatch.setattr("kubespawner.spawner.load_config", lambda **_: None)
    monkeypatch.setattr("kubespawner.spawner.shared_client", lambda *_: None)

    def make(
        person: Person | str = MARIA,
        profile: str = "python-intro",
        options: dict[str, Any] | None = None,
        **config: Any,
    ) -> Any:
        name = person if isinstance(person, str) else person.name
        groups = [SimpleNamespace(name="everyone")]
        user = SimpleNamespace(id=1, name=name, url=f"/user/{name}/", groups=groups, settings={})
        made = CoursehubSpawner(
            config=Config({"KubeSpawner": config}), user=user, cookie_options=options or {}, _mock=True
        )
        made.user_options = {"profile": profile}
        # JupyterHub's own task of the start, which is over at once.
        made._spawn_future = Future()
        made._spawn_future.set_result(None)
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
