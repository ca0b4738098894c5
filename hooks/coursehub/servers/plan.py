"""The plan: everything that a person's pod will be, worked out before Kubernetes is asked for anything.

The table of roles in `_mounts`, `_groups` and `_umask` is the contract; nothing else decides what a role gets.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType

from coursehub.config import images
from coursehub.config.course import Course
from coursehub.config.nodes import NodeClass
from coursehub.config.profiles import Profile, Role
from coursehub.config.resources import Amount
from coursehub.config.settings import Settings
from coursehub.errors import Reason, Refused
from coursehub.layout import course_data, course_files, course_people, course_runs, exchange, home
from coursehub.person import Person

from . import lifetime
from .lifetime import Limits

SHARE = "share"
RUN = "run"
SCRATCH = "home"
PEOPLE_PATH = "/srv/coursehub/people"
RUNS_PATH = "/srv/coursehub/runs"
RUN_PATH = "/run/coursehub"
# Where gradebooks are databases: each one's address, with its password, below its course's slug.
GRADEBOOKS = "coursehub-gradebooks"
# -s and -P: modules in a home, in its site-packages or lying in it, must not replace the server's own.
COMMAND = ("coursehub-start", "python3", "-s", "-P", "-m", "jupyterhub.singleuser")
# AUTH_SYS carries a uid, a gid and 16 further gids (RFC 5531); counting the primary in leaves no doubt.
MOST_GIDS = 16


@dataclass(frozen=True)
class Mount:
    """A folder of a volume as the server sees it."""

    path: str
    volume: str
    sub_path: str = ""
    read_only: bool = False


@dataclass(frozen=True)
class SecretKey:
    """A key of a Secret beside the server, which need not be there."""

    secret: str
    key: str


@dataclass(frozen=True)
class PodPlan:
    """Everything that the pod will be.

    `groups` are the supplementary gids with their names, `environment` what JupyterHub does not set itself, `secrets`
    the variables whose values Kubernetes alone knows, `node` the class of nodes where it differs from the site's other
    servers, `node_timeout` for how many seconds it waits for a
    node that does not answer, `lifetime` when the culler stops it.
    """

    person: Person
    profile: Profile
    uid: int
    gid: int
    groups: tuple[tuple[int, str], ...]
    image: str
    mounts: tuple[Mount, ...]
    limits: Amount
    guarantees: Amount
    environment: Mapping[str, str]
    secrets: Mapping[str, SecretKey]
    labels: Mapping[str, str]
    home: str
    default_url: str
    node: NodeClass = field(default_factory=NodeClass)
    node_timeout: int = 120
    lifetime: Limits = field(default_factory=Limits)
    command: tuple[str, ...] = COMMAND
    warnings: tuple[str, ...] = ()

    @property
    def directories(self) -> tuple[str, ...]:
        """What has to be there on the volume: the person's home, also where it is not mounted, then the others."""
        own = home(self.uid, self.person.name)
        shared = (mount.sub_path for mount in self.mounts if mount.volume == SHARE)
        return (own, *(path for path in shared if path != own))

    @property
    def supplementary_gids(self) -> tuple[int, ...]:
        """The supplementary gids alone."""
        return tuple(gid for gid, _ in self.groups)


def make(person: Person, profile: Profile, course: Course | None, settings: Settings, today: date) -> PodPlan:
    """The plan for what `access.decide` allowed; `course` is None for general use. Raises Refused."""
    role = profile.role
    usual = settings.general.resources
    resources = course.resources_for(role).merged(usual) if course else usual
    limits = resources.over(settings.maximum).capped(settings.maximum)
    gid, groups, warnings = _groups(person, profile, course, settings)
    times = lifetime.limits(course, role, settings)
    home_path = f"/home/{person.name}"
    return PodPlan(
        person=person,
        profile=profile,
        uid=person.uid,
        gid=gid,
        groups=groups,
        image=_image(course.image_for(role) if course else None, settings),
        mounts=tuple(_mounts(person, profile, course, today)),
        limits=limits,
        guarantees=resources.guarantee.capped(limits),
        environment=_environment(person, profile, course, settings, gid, groups, home_path, today, times),
        secrets=_secrets(profile, course, settings),
        labels=_labels(profile, course, settings),
        home=home_path,
        default_url=f"/lab/tree{home_path}",
        node=_node(resources.node, settings),
        node_timeout=settings.servers.node_timeout,
        lifetime=times,
        warnings=warnings,
    )


def _image(choice: str | None, settings: Settings) -> str:
    try:
        return images.reference(settings.images, choice or settings.general.image)
    except images.Unavailable:
        raise Refused(
            f"The image '{choice}' of this course is not available any more. Please tell its teacher.", Reason.COURSE
        ) from None


def _node(name: str | None, settings: Settings) -> NodeClass:
    if name is None:
        return NodeClass()
    if name not in settings.nodes:
        raise Refused(
            f"The machines '{name}' of this course are not available any more. Please tell its teacher.", Reason.COURSE
        )
    return settings.nodes[name]


def _umask(role: Role, course: Course | None) -> str:
    if role.teaches:
        return "0007"
    if role is Role.GENERAL or course is None:
        return "0077"
    # What students hand in through /coursedata is for their instructors to read; a home is closed by its own mode.
    return course.umask or ("0027" if course.data == "read-write" else "0077")


def _mounts(person: Person, profile: Profile, course: Course | None, today: date) -> Iterator[Mount]:
    grading = profile.role is Role.GRADING
    # What is graded runs as the grader: their own files are not there.
    yield Mount(f"/home/{person.name}", *((SCRATCH,) if grading else (SHARE, home(person.uid, person.name))))
    yield Mount(RUN_PATH, RUN)
    if course is None or course.gid is None:
        return
    archived = course.is_archived(today)
    yield Mount(f"/srv/nbgrader/exchange/{course.slug}", SHARE, exchange(course.slug), read_only=archived)
    if course.data != "none":
        may_write = profile.role is Role.INSTRUCTOR or (course.data == "read-write" and not grading)
        yield Mount("/coursedata", SHARE, course_data(course.slug), read_only=archived or not may_write)
    if profile.role.teaches:
        yield Mount("/course", SHARE, course_files(course.slug), read_only=archived)
        yield Mount(PEOPLE_PATH, SHARE, course_people(course.slug), read_only=True)
        yield Mount(RUNS_PATH, SHARE, course_runs(course.slug), read_only=archived)


def _groups(
    person: Person, profile: Profile, course: Course | None, settings: Settings
) -> tuple[int, tuple[tuple[int, str], ...], tuple[str, ...]]:
    wanted: dict[int, str] = {}
    primary = person.gid
    if profile.role.teaches and course and course.gid is not None:
        primary = course.gid
        wanted[person.gid] = person.name
    names = [*(course.groups_for(profile.role) if course else ()), *settings.general.groups]
    for name in names:
        # One that the site has taken away since the course was checked, or has made the course's own, is left out.
        gid = settings.groups.get(name)
        if gid is not None and gid != (course and course.gid):
            wanted.setdefault(gid, name)
    wanted.pop(primary, None)
    kept = tuple(wanted.items())[: MOST_GIDS - 1]
    left_out = [f"{name} ({gid})" for gid, name in wanted.items() if (gid, name) not in kept]
    warning = f"NFS carries {MOST_GIDS} groups; left out for {person.name}: {', '.join(left_out)}"
    return primary, kept, (warning,) if left_out else ()


def _environment(
    person: Person,
    profile: Profile,
    course: Course | None,
    settings: Settings,
    gid: int,
    groups: tuple[tuple[int, str], ...],
    home_path: str,
    today: date,
    times: Limits,
) -> Mapping[str, str]:
    own = {person.gid: person.name}
    if course and course.gid is not None:
        own[course.gid] = course.slug
    names = {gid: own.get(gid, person.name), **dict(groups)}
    environment = {
        **(course.environment_for(profile.role) if course else {}),
        "HOME": home_path,
        "USER": person.name,
        "LOGNAME": person.name,
        "SHELL": "/bin/bash",
        "LANG": "C.UTF-8",
        "TZ": settings.timezone,
        "COURSEHUB_ROLE": str(profile.role),
        "COURSEHUB_UMASK": _umask(profile.role, course),
        "COURSEHUB_GROUPS": ",".join(f"{gid}:{name}" for gid, name in names.items()),
        "JUPYTER_CONFIG_PATH": f"/opt/coursehub/config/{_switched_on(profile.role, course, today)}",
        "JUPYTER_RUNTIME_DIR": f"{RUN_PATH}/runtime",
        "XDG_CACHE_HOME": f"{RUN_PATH}/cache",
        "JUPYTERHUB_ACTIVITY_INTERVAL": str(settings.servers.activity_interval),
        "COURSEHUB_NOTICES_INTERVAL": str(settings.servers.notices_interval),
    }
    # For the server's own countdown, in seconds.
    for name, seconds in (("IDLE", times.idle), ("MAX_AGE", times.max_age)):
        if seconds is not None:
            environment[f"COURSEHUB_CULL_{name}"] = str(seconds)
    if course:
        environment["COURSEHUB_COURSE"] = course.slug
        if traitlets := course.nbgrader.traitlets():
            environment["COURSEHUB_NBGRADER"] = json.dumps(traitlets, sort_keys=True)
    if _on_postgresql(profile, course, settings):
        environment["COURSEHUB_GRADEBOOK"] = "postgresql"
    return MappingProxyType(environment)


def _on_postgresql(profile: Profile, course: Course | None, settings: Settings) -> bool:
    """Whether the server has a gradebook that is a database."""
    return course is not None and profile.role.teaches and course.gradebook(settings.nbgrader.gradebook) == "postgresql"


def _secrets(profile: Profile, course: Course | None, settings: Settings) -> Mapping[str, SecretKey]:
    if course is None or not _on_postgresql(profile, course, settings):
        return MappingProxyType({})
    return MappingProxyType({"COURSEHUB_GRADEBOOK_URL": SecretKey(GRADEBOOKS, course.slug)})


def _switched_on(role: Role, course: Course | None, today: date) -> str:
    """What the image calls the server's set of extensions; a course without folders has nothing to hand in or grade."""
    if course is None or course.gid is None:
        return str(Role.GENERAL)
    return "archived" if course.is_archived(today) else str(role)


def _labels(profile: Profile, course: Course | None, settings: Settings) -> Mapping[str, str]:
    labels = {"hub.jupyter.org/network-access-hub": "true", "coursehub/role": str(profile.role)}
    if profile.course:
        labels["coursehub/course"] = profile.course
    if _on_postgresql(profile, course, settings):
        # By it chart/templates/singleuser/networkpolicy-gradebooks.yaml opens the way there.
        labels["coursehub/gradebook"] = "postgresql"
    return MappingProxyType(labels)
