"""The plan's rules that no single pod shows: groups, caps, guarantees."""

import pytest
from coursehub.config.profiles import GENERAL, Profile, Role
from coursehub.config.resources import Amount
from coursehub.errors import Refused
from coursehub.person import Group, Person
from coursehub.servers import manifest, plan
from coursehub.servers.plan import SCRATCH, SHARE, Mount
from hypothesis import given
from hypothesis import strategies as st

from tests.support import ANNA, MARIA, SITE, TODAY, catalog, course, site
from tests.unit.conftest import FRAME

GROUPS = "{teaching: 70001, licensed: 70002, staff: 70003}"
STUDENT, INSTRUCTOR, GRADING = (Profile(role, "c") for role in (Role.STUDENT, Role.INSTRUCTOR, Role.GRADING))
gids = st.integers(min_value=70110, max_value=70150)


@given(st.lists(gids, max_size=40), gids, gids, st.booleans())
def test_y9_i6_never_more_than_16_gids_the_primary_never_twice_and_no_course_of_others(
    site_gids: list[int], own: int, course_gid: int, instructs: bool
) -> None:
    groups = ", ".join(f"g{number}: {gid}" for number, gid in enumerate(site_gids))
    names = ", ".join(f"g{number}" for number in range(len(site_gids)))
    settings = site(SITE.replace(GROUPS, "{" + groups + "}").replace("[teaching]", f"[{names}]"))
    person = Person("anna", 30001, own, (Group("x", 70103),))
    made = plan.make(person, INSTRUCTOR if instructs else STUDENT, course(f"gid: {course_gid}"), settings, TODAY)
    everything = [made.gid, *made.supplementary_gids]
    assert len(everything) <= 16
    assert len(set(everything)) == len(everything)
    assert made.gid == (course_gid if instructs else own)
    assert own in everything
    assert 70103 not in everything, "a group of another course came along"
    if not instructs and course_gid != own:
        assert course_gid not in everything, "a student got the course's own group"
    left_out = set(site_gids) - set(everything) - {course_gid}
    assert bool(left_out) == bool(made.warnings)
    assert all(f"({gid})" in made.warnings[0] for gid in left_out)


def test_i6_the_groups_that_do_not_fit_are_named_in_a_warning() -> None:
    groups = {f"g{number:02}": 5000 + number for number in range(17)}
    settings = site(
        SITE.replace(GROUPS, "{" + ", ".join(f"{name}: {gid}" for name, gid in groups.items()) + "}").replace(
            "[teaching]", f"[{', '.join(groups)}]"
        )
    )
    made = plan.make(MARIA, GENERAL, None, settings, TODAY)
    assert made.supplementary_gids == tuple(range(5000, 5015))
    assert made.warnings == ("NFS carries 16 groups; left out for maria: g15 (5015), g16 (5016)",)


def test_y24_a_course_that_wants_more_memory_than_there_is_gets_the_sites_most() -> None:
    made = plan.make(MARIA, STUDENT, course("resources: {memory: 10T, cpu: 1000, scratch: 100T}"), site(), TODAY)
    assert made.limits == Amount().over(site().maximum)


@given(st.integers(1, 64), st.integers(1, 64), st.integers(1, 64), st.integers(1, 64))
def test_no_limit_is_above_the_sites_maximum_and_no_guarantee_above_its_limit(
    cpu: int, memory: int, most_cpu: int, most_memory: int
) -> None:
    settings = site(SITE.replace("{cpu: 4, memory: 8G}", f"{{cpu: {most_cpu}, memory: {most_memory}G}}"))
    wanted = f"resources: {{cpu: {cpu}, memory: {memory}G, guarantee: {{cpu: {cpu}, memory: {memory}G}}}}"
    made = plan.make(MARIA, STUDENT, course(wanted), settings, TODAY)
    least = Amount.model_construct(cpu=min(cpu, most_cpu), memory=min(memory, most_memory) * 2**30)
    assert made.limits == least.over(Amount.model_construct(scratch=10 * 2**30))
    assert made.guarantees == least


def test_a_course_that_wants_less_than_the_sites_guarantee_gets_what_it_wants() -> None:
    made = plan.make(MARIA, STUDENT, course("resources: {memory: 256M}"), site(), TODAY)
    assert (made.limits.memory, made.guarantees.memory) == (256 * 2**20, 256 * 2**20)


def test_without_a_guarantee_nothing_is_guaranteed() -> None:
    settings = site(SITE.replace(", guarantee: {cpu: 0.1, memory: 512M}", ""))
    assert plan.make(MARIA, GENERAL, None, settings, TODAY).guarantees == Amount()


def test_without_a_limit_the_sites_maximum_is_the_limit() -> None:
    settings = site(
        SITE.replace("resources: {cpu: 1, memory: 2G, guarantee: {cpu: 0.1, memory: 512M}}", "resources: {}")
    )
    limits = plan.make(MARIA, GENERAL, None, settings, TODAY).limits
    assert (limits.cpu, limits.memory) == (settings.maximum.cpu, settings.maximum.memory)


@pytest.mark.parametrize(
    ("general", "maximum", "wanted", "limit"),
    [
        pytest.param("", "", "", 10, id="nobody says"),
        pytest.param("", "", "20G", 20, id="the course says"),
        pytest.param("", "", "900G", 50, id="the course says more than a site without a word gives"),
        pytest.param("", ", scratch: 200G", "900G", 200, id="the course says more than the site gives"),
        pytest.param(", scratch: 2G", "", "", 2, id="the site says"),
        pytest.param(", scratch: 2G", "", "3G", 3, id="site and course say"),
        pytest.param("", ", scratch: 4G", "", 4, id="the site has less than is usual"),
    ],
)
def test_n9_each_server_has_a_bound_of_scratch_within_the_sites(
    general: str, maximum: str, wanted: str, limit: int
) -> None:
    values = SITE.replace("cpu: 1, memory: 2G,", f"cpu: 1, memory: 2G{general},").replace("8G}", f"8G{maximum}}}")
    asked = course(f"resources: {{scratch: {wanted}}}" if wanted else "")
    made = plan.make(MARIA, STUDENT, asked, site(values), TODAY)
    assert made.limits.scratch == limit * 2**30
    assert made.guarantees.scratch is None
    volumes = [each for each in manifest.volumes(made, FRAME).values() if "persistentVolumeClaim" not in each]
    assert [each["emptyDir"] for each in volumes] == [{"sizeLimit": limit * 2**30}]


def test_n9_scratch_is_kept_free_where_a_course_asks_for_it_and_otherwise_none_is() -> None:
    """A node whose kubelet does not count it offers none, and a pod that asked for some would never run there."""
    kept = plan.make(MARIA, STUDENT, course("resources: {guarantee: {scratch: 20G}}"), site(), TODAY)
    assert manifest.requests(kept) == {"ephemeral-storage": 10 * 2**30}, "above the limit"
    assert manifest.requests(plan.make(MARIA, GENERAL, None, site(), TODAY)) == {"ephemeral-storage": 0}


def test_a_plan_made_twice_is_the_same() -> None:
    live = catalog()
    course_ = live.courses["python-intro"]
    profile = Profile(Role.INSTRUCTOR, "python-intro")
    assert plan.make(ANNA, profile, course_, site(), TODAY) == plan.make(ANNA, profile, course_, site(), TODAY)


def test_an_image_that_the_site_took_away_is_told() -> None:
    settings = site(SITE.replace("  r: registry.example/r:1\n", ""))
    with pytest.raises(
        Refused, match=r"The image 'r' of this course is not available any more. Please tell its teacher."
    ):
        plan.make(MARIA, STUDENT, course("image: r"), settings, TODAY)


def test_a_plan_cannot_be_changed() -> None:
    made = plan.make(MARIA, GENERAL, None, site(), TODAY)
    with pytest.raises(TypeError):
        made.environment["HOME"] = "/root"  # type: ignore[index]
    with pytest.raises(AttributeError):
        made.uid = 0  # type: ignore[misc]


def test_the_home_pins_the_uid_also_where_it_is_not_mounted() -> None:
    everything = course("gid: 70101\ndata: read-only")
    parts = ("data", "files", "people", "runs")
    directories = ("home/01/anna", "exchange/c", *(f"course/c/{part}" for part in parts))
    for profile in (INSTRUCTOR, GRADING):
        assert plan.make(ANNA, profile, everything, site(), TODAY).directories == directories
    assert plan.make(MARIA, GENERAL, None, site(), TODAY).directories == ("home/01/maria",)


def test_i9_who_grades_has_nothing_that_an_earlier_course_left_in_the_home() -> None:
    """.profile, IPython's startup, kernelspecs, packages, hooks of git: each lies in the home, which is not there."""
    everything = course("gid: 70101\ndata: read-write")
    made = plan.make(ANNA, GRADING, everything, site(), TODAY)
    assert [mount for mount in made.mounts if mount.volume == SHARE and mount.sub_path.startswith("home/")] == []
    # Where programs look for it, which is one folder that is empty at each start and gone with the pod.
    assert made.environment["HOME"] == made.home == "/home/anna"
    assert [mount for mount in made.mounts if f"{mount.path}/".startswith("/home/")] == [Mount("/home/anna", SCRATCH)]
    teaching = plan.make(ANNA, INSTRUCTOR, everything, site(), TODAY)
    assert Mount("/home/anna", SHARE, "home/01/anna") in teaching.mounts, "so this test shows something"


def test_who_teaches_sees_the_list_of_that_course_and_a_student_none() -> None:
    everything = course("gid: 70101\ndata: read-write")
    for profile in (INSTRUCTOR, GRADING):
        lists = [each for each in plan.make(ANNA, profile, everything, site(), TODAY).mounts if "people" in each.path]
        assert lists == [Mount("/srv/coursehub/people", SHARE, "course/c/people", read_only=True)]
    mounts = plan.make(MARIA, STUDENT, everything, site(), TODAY).mounts
    assert not [each for each in mounts if "people" in f"{each.path}{each.sub_path}"]


def test_graders_have_what_the_course_gives_its_instructors() -> None:
    text = "gid: 70101\nresources: {memory: 1G}\ninstructor: {resources: {memory: 6G}, image: r}"
    made = plan.make(ANNA, GRADING, course(text), site(), TODAY)
    assert (made.limits.memory, made.image) == (6 * 2**30, "registry.example/r:1")


POSTGRESQL = "gid: 70101\nnbgrader: {gradebook: postgresql}"


def variables(role: Role, asked: str, values: str = SITE) -> tuple[str | None, dict[str, plan.SecretKey], str | None]:
    """What a server in the role is told of the gradebook: its kind, the variables from Secrets, and its label."""
    made = plan.make(ANNA, Profile(role, "c"), course(asked), site(values), TODAY)
    return made.environment.get("COURSEHUB_GRADEBOOK"), dict(made.secrets), made.labels.get("coursehub/gradebook")


@pytest.mark.parametrize("role", [Role.INSTRUCTOR, Role.GRADING])
def test_who_teaches_has_the_address_of_the_courses_gradebook_where_that_is_a_database(role: Role) -> None:
    key = plan.SecretKey("coursehub-gradebooks", "c")
    given = ("postgresql", {"COURSEHUB_GRADEBOOK_URL": key}, "postgresql")
    of_site = f"{SITE}\nnbgrader: {{gradebook: postgresql}}\n"
    assert variables(role, POSTGRESQL) == given
    assert variables(role, "gid: 70101", of_site) == given
    assert variables(role, "gid: 70101") == (None, {}, None)
    assert variables(role, "gid: 70101\nnbgrader: {gradebook: sqlite}", of_site) == (None, {}, None)
    assert variables(role, "nbgrader: {gradebook: postgresql}") == (None, {}, None), "an image alone has no gradebook"


def test_students_and_general_servers_have_neither_the_address_nor_the_label() -> None:
    assert variables(Role.STUDENT, POSTGRESQL) == (None, {}, None)
    made = plan.make(ANNA, GENERAL, None, site(f"{SITE}\nnbgrader: {{gradebook: postgresql}}\n"), TODAY)
    assert (dict(made.secrets), "coursehub/gradebook" in made.labels) == ({}, False)
