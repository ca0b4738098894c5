"""The plan: everything that a person's pod will be, worked out before Kubernetes is asked for anything.

The table of roles in `_mounts`, `_groups` and `UMASK` is the contract; nothing else decides what a role gets.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType

from .courses import Course
from .errors import Refused
from .identity import Person
from .profiles import Profile, Role
from .resources import Amount
from .settings import Settings
from .storage import course_data, course_files, exchange, home

SHARE = "share"
RUN = "run"
RUN_PATH = "/run/coursehub"
# -s and -P: modules in a home, in its site-packages or lying in it, must not replace the server's own.
COMMAND = ("coursehub-start", "python3", "-s", "-P", "-m", "jupyterhub.singleuser")
UMASK = {Role.GENERAL: "0077", Role.STUDENT: "0077", Role.INSTRUCTOR: "0007"}
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
class PodPlan:
    """Everything that the pod will be; `groups` are the supplementary gids with their names."""

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
    labels: Mapping[str, str]
    home: str
    default_url: str
    command: tuple[str, ...] = COMMAND
    warnings: tuple[str, ...] = field(default=())

    @property
    def supplementary_gids(self) -> tuple[int, ...]:
        """The supplementary gids alone."""
        return tuple(gid for gid, _ in self.groups)


def make(person: Person, profile: Profile, course: Course | None, settings: Settings, today: date) -> PodPlan:
    """The plan for what `access.decide` allowed; `course` is None for general use. Raises Refused."""
    alias = course.image if course and course.image else settings.general.image
    if alias not in settings.images:
        raise Refused(f"The image '{alias}' of this course is not available any more. Please tell its teacher.")
    gid, groups, warnings = _groups(person, profile, course, settings)
    wanted = course.resources.over(settings.general.resources) if course else settings.general.resources
    limits = wanted.over(settings.maximum).capped(settings.maximum)
    asked = course.resources.guarantee if course else Amount()
    home_path = f"/home/{person.name}"
    return PodPlan(
        person=person,
        profile=profile,
        uid=person.uid,
        gid=gid,
        groups=groups,
        image=settings.images[alias],
        mounts=tuple(_mounts(person, profile, course, today)),
        limits=limits,
        guarantees=asked.over(settings.general.resources.guarantee).capped(limits),
        environment=_environment(person, profile, course, settings, gid, groups, home_path),
        labels=_labels(profile),
        home=home_path,
        default_url=f"/lab/tree{home_path}",
        warnings=warnings,
    )


def _mounts(person: Person, profile: Profile, course: Course | None, today: date) -> Iterator[Mount]:
    yield Mount(f"/home/{person.name}", SHARE, home(person.uid, person.name))
    yield Mount(RUN_PATH, RUN)
    if course is None or course.gid is None:
        return
    instructor = profile.role is Role.INSTRUCTOR
    archived = course.is_archived(today)
    yield Mount(f"/srv/nbgrader/exchange/{course.slug}", SHARE, exchange(course.slug), read_only=archived)
    if course.data != "none":
        writable = (instructor or course.data == "read-write") and not archived
        yield Mount("/coursedata", SHARE, course_data(course.slug), read_only=not writable)
    if instructor:
        yield Mount("/course", SHARE, course_files(course.slug), read_only=archived)


def _groups(
    person: Person, profile: Profile, course: Course | None, settings: Settings
) -> tuple[int, tuple[tuple[int, str], ...], tuple[str, ...]]:
    wanted: dict[int, str] = {}
    primary = person.gid
    if profile.role is Role.INSTRUCTOR and course and course.gid is not None:
        primary = course.gid
        wanted[person.gid] = person.name
    wanted |= {settings.groups[name]: name for name in settings.general.groups}
    wanted.pop(primary, None)
    kept = tuple(wanted.items())[: MOST_GIDS - 1]
    left_out = [f"{name} ({gid})" for gid, name in wanted.items() if (gid, name) not in kept]
    said = f"NFS carries {MOST_GIDS} groups; left out for {person.name}: {', '.join(left_out)}"
    return primary, kept, (said,) if left_out else ()


def _environment(
    person: Person,
    profile: Profile,
    course: Course | None,
    settings: Settings,
    gid: int,
    groups: tuple[tuple[int, str], ...],
    home_path: str,
) -> Mapping[str, str]:
    own = {person.gid: person.name}
    if course and course.gid is not None:
        own[course.gid] = course.slug
    names = {gid: own.get(gid, person.name), **dict(groups)}
    environment = {
        "HOME": home_path,
        "USER": person.name,
        "LOGNAME": person.name,
        "SHELL": "/bin/bash",
        "LANG": "C.UTF-8",
        "TZ": settings.timezone,
        "COURSEHUB_ROLE": str(profile.role),
        "COURSEHUB_UMASK": UMASK[profile.role],
        "COURSEHUB_GROUPS": ",".join(f"{gid}:{name}" for gid, name in names.items()),
        "JUPYTER_CONFIG_PATH": f"/opt/coursehub/config/{profile.role}",
        "JUPYTER_RUNTIME_DIR": f"{RUN_PATH}/runtime",
        "XDG_CACHE_HOME": f"{RUN_PATH}/cache",
        "JUPYTERHUB_ACTIVITY_INTERVAL": str(settings.servers.activity_interval),
    }
    if course:
        environment["COURSEHUB_COURSE"] = course.slug
    return MappingProxyType(environment)


def _labels(profile: Profile) -> Mapping[str, str]:
    labels = {"hub.jupyter.org/network-access-hub": "true", "coursehub/role": str(profile.role)}
    if profile.course:
        labels["coursehub/course"] = profile.course
    return MappingProxyType(labels)
