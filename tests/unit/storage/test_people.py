"""The list of a course's people: names and uids of the course's own, by what nobody but root can write."""

import os
from pathlib import Path

import pytest
from coursehub import layout
from coursehub.errors import Refused
from coursehub.protocol import ChangesReply, Tenant
from coursehub.storage import people
from coursehub.storage.answer import answer
from coursehub.storage.volume import Volume

from tests.unit.sent import HOME, parsed
from tests.unit.storage.released import handed_in

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives directories away")

COURSE, OTHER = "python-intro", "data-analysis"
UIDS = {"maria": 20001, "jonas": 20002, "anna": 30001}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A volume with two courses and three people."""
    volume = Volume(tmp_path)
    volume.course(COURSE, 70101, "read-only")
    volume.course(OTHER, 70102, "read-write")
    for name, uid in UIDS.items():
        volume.home(name, uid, uid)
    return tmp_path


def listed(root: Path, slug: str = COURSE) -> dict[str, int]:
    """Name and uid of each line."""
    lines = (root / layout.people_list(slug)).read_text().splitlines()
    return {line.split(":")[0]: int(line.split(":")[2]) for line in lines}


def update(root: Path, *names: str) -> list[str]:
    return [str(change) for change in people.update(root, COURSE, Volume(root).people(), names)]


def test_who_starts_a_server_of_a_course_is_listed_there_and_nowhere_else(root: Path) -> None:
    request = parsed(**HOME, course=COURSE)
    made = answer(request, Volume(root), dry_run=False)
    assert isinstance(made, ChangesReply)
    assert [str(change) for change in made.changes] == [f"correct course/{COURSE}/people/passwd to 1 people"]
    assert answer(request, Volume(root), dry_run=False) == ChangesReply(())
    assert answer(parsed(**HOME), Volume(root), dry_run=False) == ChangesReply(())
    assert (listed(root), listed(root, OTHER)) == ({"maria": 20001}, {})


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"uid": 20101}, id="I5 her home, another uid"),
        pytest.param({"uid": 20002}, id="I8 jonas' uid"),
        pytest.param({"name": "twin"}, id="I8 another name of her uid"),
    ],
)
def test_i8_a_name_that_is_not_its_uids_is_listed_nowhere(root: Path, other: dict[str, object]) -> None:
    people.enter(root, COURSE, Tenant("jonas", 20002, 20002))
    with pytest.raises(Refused):
        answer(parsed(**HOME | other, course=COURSE), Volume(root), dry_run=False)
    assert listed(root) == {"jonas": 20002}


def test_i8_of_two_homes_with_one_uid_or_one_name_none_is_listed_that_was_not(root: Path) -> None:
    people.enter(root, COURSE, Tenant("maria", 20001, 20001))
    for name, uid in (("twin", 20001), ("jonas", 20007)):
        Volume(root).ensure(layout.home_tree(uid, uid, name))
    assert update(root, "jonas", "twin", "anna") == [f"correct course/{COURSE}/people/passwd to 2 people"]
    assert listed(root) == {"maria": 20001, "anna": 30001}


def test_a_course_without_a_list_is_refused_in_a_sentence(root: Path) -> None:
    with pytest.raises(Refused, match="the course 'gone' has no list of its people; make its directories first"):
        answer(parsed(**HOME, course="gone"), Volume(root), dry_run=False)


def test_the_list_is_roots_to_write_and_the_courses_to_read(root: Path) -> None:
    people.enter(root, COURSE, Tenant("maria", 20001, 20001))
    for path, mode in ((layout.course_people(COURSE), 0o750), (layout.people_list(COURSE), 0o640)):
        found = (root / path).stat()
        assert (found.st_mode & 0o7777, found.st_uid, found.st_gid) == (mode, 0, 70101)


def test_it_has_whom_the_file_lists_and_who_handed_in_and_nobody_else(root: Path) -> None:
    assert update(root) == []
    handed_in(root, "jonas")
    assert update(root, "anna", "nobody") == [f"correct course/{COURSE}/people/passwd to 2 people"]
    assert listed(root) == {"anna": 30001, "jonas": 20002}
    assert update(root, "anna") == []
    assert listed(root, OTHER) == {}


def test_f16_nothing_that_an_instructor_can_write_puts_a_name_there(root: Path) -> None:
    """Whoever teaches a course could otherwise ask for the uid of each name that they guess."""
    handed_in(root, "maria", uid=30001)
    for folder in ("submitted/maria/one", "feedback/maria/one", "autograded/maria/one"):
        (root / layout.course_files(COURSE) / folder).mkdir(parents=True)
    update(root)
    assert listed(root) == {"anna": 30001}, "the owner of what is in inbound, not whom its name says"


def test_who_is_in_it_stays_until_their_home_is_gone_or_is_anothers(root: Path) -> None:
    for name, uid in UIDS.items():
        people.enter(root, COURSE, Tenant(name, uid, uid))
    assert update(root) == []
    (root / layout.home(20002, "jonas")).rmdir()
    os.chown(root / layout.home(20001, "maria"), 20002, 20002)
    update(root)
    assert listed(root) == {"anna": 30001}


def test_who_has_got_another_name_is_listed_by_that(root: Path) -> None:
    people.enter(root, COURSE, Tenant("maria", 20001, 20001))
    (root / layout.home(20001, "maria")).rename(root / layout.home(20001, "mia"))
    update(root)
    assert listed(root) == {"mia": 20001}


def test_a_name_or_a_uid_that_comes_back_takes_the_line_of_the_one_before(root: Path) -> None:
    for tenant in (Tenant("maria", 20001, 20001), Tenant("maria", 20101, 20101), Tenant("mia", 20101, 20101)):
        people.enter(root, COURSE, tenant)
    assert listed(root) == {"mia": 20101}


def test_a_dry_run_writes_nothing_also_where_nothing_is_there_yet(root: Path, tmp_path: Path) -> None:
    assert people.enter(root, COURSE, Tenant("maria", 20001, 20001), dry_run=True)
    assert listed(root) == {}
    assert people.update(tmp_path / "course", COURSE, [], dry_run=True) == []


def test_lines_that_are_none_go_with_the_next_change(root: Path) -> None:
    (root / layout.people_list(COURSE)).write_bytes(b"half a line\n\xff:x:y:z\n\n")
    assert update(root) == []
    people.enter(root, COURSE, Tenant("maria", 20001, 20001))
    assert listed(root) == {"maria": 20001}
