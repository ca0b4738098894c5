"""What the hub does for one start and one form, with real spawners; beside it KubeSpawner's own profile list."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from coursehub.config import catalog, settings
from coursehub.config.catalog import Catalog
from coursehub.config.course import Course
from coursehub.config.settings import Settings
from coursehub.hub.spawner import CoursehubSpawner
from kubespawner import KubeSpawner
from traitlets.config import Config

from tests.unit.conftest import hooks, start_page

from . import university
from .measure import Times, many

SPAWNS = many(2_000, smoke=20)
FORMS = many(400, smoke=20)
# A form of a thousand profiles takes long, so stock KubeSpawner is asked for one in so many spawns.
EVERY = 10
# Of all these, so many are the person's; and who of the site's people that is.
SIZES = ((1, 1_000, "maria"), (20, 100, "jonas"), (20, 1_000, "jonas"), (20, 5_000, "jonas"), (200, 1_000, "peter"))


@contextmanager
def without_cluster() -> Iterator[None]:
    """Spawners can be made."""
    with ExitStack() as stack:
        for name in ("load_config", "shared_client"):
            stack.enter_context(patch(f"kubespawner.spawner.{name}", lambda *_, **__: None))
        yield


async def starts() -> Sequence[Times]:
    """Plan and gate; KubeSpawner's manifest between them; stock with every course, and with the person's."""
    site, live = _site(university.students())
    ours = hooks(live, settings=site)
    plan_and_gate, plan, gate = Times("plan and gate"), Times("plan"), Times("gate")
    manifest = Times("KubeSpawner's manifest, for scale")
    stock = [
        (Times("stock, every course: form and options"), Times("stock, every course: options"), _every(live)),
        (Times("stock, the person's courses: form and options"), Times("stock, theirs: options"), _theirs(live)),
    ]
    for number in range(SPAWNS):
        course = live.courses[f"course-{number % university.COURSES}"]
        name, role = (course.instructors[0], "--instructor") if number % 7 == 0 else (course.students[number % 99], "")
        spawner = _spawner(CoursehubSpawner, name, course.slug + role)
        await plan.of(ours.pre_spawn(spawner))
        await spawner.load_user_options()
        pod = await manifest.of(spawner.get_pod_manifest())
        await gate.of(ours.modify_pod(spawner, pod))
        plan_and_gate.seconds.append(plan.seconds[-1] + gate.seconds[-1])
        if number % EVERY == 1:
            for both, options, profiles in stock:
                spawner = _spawner(KubeSpawner, name, course.slug, profile_list=profiles)
                form = Times("form")
                await form.of(spawner.options_form(spawner))
                await options.of(spawner.load_user_options())
                both.seconds.append(form.seconds[-1] + options.seconds[-1])
    return [plan_and_gate, plan, gate, manifest, *(times for both, options, _ in stock for times in (both, options))]


async def forms() -> Sequence[tuple[str, Times, Times]]:
    """The form of somebody in some of many courses, ours beside stock's of the same choices."""
    sides = []
    for count, among, name in SIZES:
        of = university.students(among, among * 100)
        university.enrol(name, of, count)
        site, live = _site(of)
        page = start_page(live, site)
        ours, stock = _spawner(CoursehubSpawner, name, ""), _spawner(KubeSpawner, name, "", profile_list=_theirs(live))
        label = f"{count} of {among:,}"
        sides.append((page, ours, stock, label, Times(label), Times(label)))
        assert (await page.choices(ours, None)).count('type="radio"') == count + 1, label
        assert (await stock.options_form(stock)).count('type="radio"') == count, label
    for _ in range(FORMS):
        for page, ours, stock, _, our_times, stock_times in sides:
            await our_times.of(page.choices(ours, None))
            await stock_times.of(stock.options_form(stock))
    return [(label, our_times, stock_times) for *_, label, our_times, stock_times in sides]


def _site(of: Sequence[Sequence[str]]) -> tuple[Settings, Catalog]:
    site = settings.load([("site.yaml", university.values())])
    loaded = catalog.load(list(university.courses(of, files=10).items()), site)
    assert not loaded.problems, loaded.problems
    return site, loaded.catalog


def _spawner(kind: type[KubeSpawner], name: str, profile: str, **config: Any) -> Any:
    user = SimpleNamespace(id=1, name=name, url=f"/user/{name}/", groups=[], settings={})
    spawner = kind(config=Config({"KubeSpawner": config}), user=user, _mock=True)
    spawner.user_options = {"profile": profile}
    # JupyterHub's own task of the start, which is over at once.
    spawner._spawn_future = Future()
    spawner._spawn_future.set_result(None)
    return spawner


def _every(live: Catalog) -> Callable[[Any], list[dict[str, Any]]]:
    return lambda _: [_profile(course) for course in live.courses.values()]


def _theirs(live: Catalog) -> Callable[[Any], list[dict[str, Any]]]:
    def profiles(spawner: Any) -> list[dict[str, Any]]:
        name = spawner.user.name
        return [
            _profile(course)
            for course in live.courses.values()
            if name in course.students or name in course.instructors
        ]

    return profiles


def _profile(course: Course) -> dict[str, Any]:
    """A course as sites write it for KubeSpawner: what is shown, and what is laid over the spawner."""
    shared = {"name": "share", "persistentVolumeClaim": {"claimName": "share"}}
    return {
        "slug": course.slug,
        "display_name": course.name,
        "description": course.description,
        "kubespawner_override": {
            "image": "registry.example/python:1",
            "cpu_limit": course.resources.cpu,
            "mem_limit": course.resources.memory,
            "supplemental_gids": [course.gid],
            "environment": {"COURSE": course.slug},
            "volumes": {"share": shared},
            "volume_mounts": {
                path: {"name": "share", "mountPath": path, "subPath": f"{folder}/{course.slug}"}
                for path, folder in (("/coursedata", "data"), ("/srv/nbgrader/exchange", "exchange"))
            },
        },
    }
