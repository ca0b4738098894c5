"""Released feedback reaches its students' homes as them, and no link that a course or a student made is followed."""

import hashlib
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from coursehub import layout
from coursehub.errors import Refused
from coursehub.storage import feedback, submissions

from tests.unit.storage.released import (
    COURSE,
    GID,
    PAGE,
    SECRETS,
    TIME,
    UIDS,
    as_student,
    filled,
    handed_in,
    home,
    made,
    released,
    write,
)

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as each student")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A volume on which two students' feedback is released."""
    return filled(tmp_path)


def pushed(root: Path, *, dry_run: bool = False) -> dict[str, str]:
    """What became of each student's feedback, with the reason."""
    done = feedback.push(root, COURSE, dry_run=dry_run)
    return {each.student: f"{each.what} {each.reason}".strip() for each in done}


def test_each_student_gets_their_own_as_their_own_once(root: Path) -> None:
    assert pushed(root, dry_run=True) == {"jonas": "copy", "maria": "copy"}
    assert list(home(root, "maria").iterdir()) == [], "a dry run wrote something"
    assert pushed(root) == {"jonas": "copy", "maria": "copy"}
    for name, uid in UIDS.items():
        page = home(root, name) / PAGE
        assert page.read_text() == f"<p>for {name}</p>"
        for path in (page, *list(page.parents)[:4]):
            assert (path.stat().st_uid, path.stat().st_gid, path.stat().st_mode & 0o077) == (uid, uid, 0)
    before = (home(root, "maria") / PAGE).stat().st_mtime_ns
    assert pushed(root) == {"jonas": "same", "maria": "same"}
    assert (home(root, "maria") / PAGE).stat().st_mtime_ns == before


def test_what_was_released_anew_takes_the_place_of_the_old(root: Path) -> None:
    pushed(root)
    write(released(root, "maria"), "<p>better</p>")
    assert pushed(root) == {"jonas": "same", "maria": "copy"}
    assert (home(root, "maria") / PAGE).read_text() == "<p>better</p>"


def test_what_is_not_released_yet_stays_where_it_is(root: Path) -> None:
    released(root, "maria").unlink()
    assert pushed(root) == {"jonas": "copy"}
    assert list(home(root, "maria").iterdir()) == []


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(f"ln -s ../../02/jonas {COURSE}", id="F1 a link to another's home"),
        pytest.param(f"mkdir {COURSE}; ln -s ../../../02/jonas {COURSE}/one", id="F1 a link below the course's name"),
        pytest.param(
            f"mkdir -p {COURSE}/one; ln -s ../../../../../system {COURSE}/one/feedback", id="F1 a link to the system"
        ),
        pytest.param(f"touch {COURSE}", id="a file"),
        pytest.param(f"mkdir {COURSE}; mkfifo {COURSE}/one", id="a named pipe"),
        pytest.param(f"mkdir -p '{PAGE}'", id="a folder of the page's name"),
        pytest.param(f"mkdir -p '{Path(PAGE).parent}'; mkfifo '{PAGE}'", id="a pipe of its name"),
        pytest.param(f"mkdir {COURSE}; chmod 500 {COURSE}", id="a folder that its owner has closed"),
    ],
)
def test_what_a_student_put_in_the_way_keeps_only_their_own_feedback_out(root: Path, script: str) -> None:
    # In place of /etc, in which others write too; here even a student could.
    system = root / "system"
    system.mkdir()
    system.chmod(0o777)
    as_student("maria", script, home(root, "maria"))
    before = sorted(path for path in (root / "home").rglob("*") if "jonas" not in path.parts)
    found = pushed(root)
    assert found["jonas"] == "copy"
    assert found["maria"].startswith("failed ")
    assert sorted(path for path in (root / "home").rglob("*") if "jonas" not in path.parts) == before
    assert list(system.iterdir()) == []
    assert [path.name for path in home(root, "jonas").iterdir()] == [COURSE]


def test_f1_a_link_in_the_pages_place_is_not_written_through(root: Path) -> None:
    pushed(root)
    write(root / "precious", "precious")
    as_student("maria", f"rm '{PAGE}'; ln -s '{root}/precious' '{PAGE}'", home(root, "maria"))
    assert pushed(root)["maria"] == "failed something else is in the way (a.html)"
    assert (root / "precious").read_text() == "precious"


def test_f2_links_of_a_course_show_nobody_what_only_root_can_read(root: Path) -> None:
    (root / "shadow").write_text("secret of root")
    (root / "shadow").chmod(0o600)
    released(root, "maria").unlink()
    released(root, "maria").symlink_to(root / "shadow")
    (made(root, "jonas") / "submission_secret.txt").unlink()
    (made(root, "jonas") / "submission_secret.txt").symlink_to(root / "shadow")
    found = pushed(root)
    assert all(said.startswith("failed ") for said in found.values())
    assert not list((root / "home").rglob("*.html"))


def test_a_course_reaches_no_hidden_folder_of_a_home(root: Path) -> None:
    made(root, "maria").rename(made(root, "maria").with_name(".ssh"))
    named(root).rename(handed_in(root, "maria", ".ssh"))
    assert pushed(root) == {"jonas": "copy", "maria": "copy"}
    assert [path.name for path in home(root, "maria").iterdir()] == [COURSE]


def test_who_has_no_home_or_one_that_is_anothers_is_told(root: Path) -> None:
    os.chown(home(root, "maria"), 20002, 20002)
    home(root, "jonas").rmdir()
    assert pushed(root) == {"jonas": "failed has no home here", "maria": "failed has no home here"}


NOTHING = "failed handed in nothing of that time themselves"


INSTEAD: list[Any] = [
    pytest.param(lambda root: None, id="nothing at all"),
    pytest.param(lambda root: handed_in(root, "maria", uid=30001), id="a folder that an instructor made"),
    pytest.param(lambda root: handed_in(root, "maria", uid=20002), id="a folder that another student made"),
    pytest.param(lambda root: handed_in(root, "jonas", time=f"{TIME}+y", uid=20001), id="hers, in another's name"),
    pytest.param(lambda root: handed_in(root, "maria", "two"), id="another assignment"),
    pytest.param(lambda root: handed_in(root, "maria", time="2026-10-01 12:00:01 UTC"), id="another time"),
    pytest.param(lambda root: named(root).write_text(""), id="a file"),
    pytest.param(lambda root: link(root), id="a link of hers"),
    pytest.param(
        lambda root: (root / "course/python-intro/files/submitted/maria/one").mkdir(parents=True), id="/course"
    ),
]


@pytest.mark.parametrize("instead", INSTEAD)
def test_f16_who_handed_in_nothing_of_their_own_gets_nothing(root: Path, instead: Callable[[Path], object]) -> None:
    named(root).rmdir()
    instead(root)
    if (made := named(root)).is_file():
        os.chown(made, UIDS["maria"], GID)
    assert pushed(root) == {"jonas": "copy", "maria": NOTHING}
    assert list(home(root, "maria").iterdir()) == []


def link(root: Path) -> None:
    named(root).symlink_to("..")
    os.chown(named(root), UIDS["maria"], GID, follow_symlinks=False)


def named(root: Path) -> Path:
    """Where Maria's own submission is."""
    return root / layout.exchange(COURSE) / "inbound" / f"maria+one+{TIME}+x1"


def test_f16_what_is_left_out_of_a_persons_pages_is_one_sentence(root: Path) -> None:
    named(root).rmdir()
    for notebook in ("b", "c"):
        write(made(root, "maria") / f"{notebook}.html", "<p>")
        write(released(root, "maria", notebook), "<p>")
    left_out = [each for each in feedback.push(root, COURSE) if each.student == "maria"]
    assert [str(each) for each in left_out] == [
        f"failed maria {PAGE}: handed in nothing of that time themselves; 2 more of theirs too"
    ]


@pytest.mark.parametrize("bound", [(1, 2**20), (9, 20)], ids=["pages", "bytes"])
def test_f16_a_person_gets_so_much_and_the_next_one_theirs(
    root: Path, monkeypatch: pytest.MonkeyPatch, bound: tuple[int, int]
) -> None:
    """Instructors could make pages without end, also for who has handed in."""
    monkeypatch.setattr(feedback, "PERSON", bound)
    for notebook in ("a", "b"):
        write(made(root, "jonas") / f"{notebook}.html", "")
        write(released(root, "jonas", notebook), "<p>for jonas</p>")
    assert [(each.student, each.what) for each in feedback.push(root, COURSE)] == [
        ("jonas", "copy"),
        ("jonas", "failed"),
        ("maria", "copy"),
    ]
    assert pushed(root)["jonas"].startswith(f"failed nobody gets more than {bound[0]} pages and ")
    assert [path.name for path in home(root, "jonas").rglob("*.html")] == ["a.html"]


def test_f16_one_run_copies_so_much_and_the_next_one_the_rest(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feedback, "RUN", (1, 2**20))
    first = pushed(root)
    assert first["jonas"] == "copy"
    assert first["maria"] == "failed one run copies no more than 1 pages and 1 MiB; run it again for the rest"
    assert list(home(root, "maria").iterdir()) == []
    assert pushed(root) == {"jonas": "same", "maria": "copy"}
    assert pushed(root) == {"jonas": "same", "maria": "same"}


def test_f16_a_person_with_submissions_without_end_costs_bounded_memory(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submissions, "MOST", 3)
    for number in range(20):
        handed_in(root, "jonas", f"many{number}")
    assert len(submissions.by_owner(root, COURSE)[UIDS["jonas"]]) == 3
    assert pushed(root)["maria"] == "copy"


def test_f12_a_full_home_is_told_and_holds_nothing_half(root: Path, request: pytest.FixtureRequest) -> None:
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k,mode=700,uid=20001,gid=20001", "tmpfs", str(home(root, "maria"))]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file systems can be mounted here")
    request.addfinalizer(lambda: subprocess.run(["umount", str(home(root, "maria"))], check=True))
    write(released(root, "maria"), "x" * 200_000)
    assert pushed(root) == {"jonas": "copy", "maria": "failed No space left on device"}
    assert not [path for path in home(root, "maria").rglob("*") if path.is_file()]


def test_a_course_that_is_not_on_the_volume_is_named(root: Path) -> None:
    with pytest.raises(Refused, match="the course 'gone' has no directories below"):
        list(feedback.push(root, "gone"))


# Of what a file system takes as a name, one of each kind; nbgrader itself refuses "+".
NAMES = [
    "Tehtävä 1", "Lab #1", "课程", "Bob's lab", "(1) intro", "[1] intro", 'say "hi"', "50% done", "a&b", "*", "?", "-n",
    "~", ".hidden", " ", "a\\b", "{x}", "$HOME", "`id`", "a\tb", "e\u0301", "\u202egpj", "\U0001f600", "\udcff",
    "x" * 210, "ä" * 127,
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_g9_feedback_goes_home_whatever_an_assignment_and_its_notebook_are_called(root: Path, name: str) -> None:
    made(root, "maria").rename(made(root, "maria").with_name(name))
    # In inbound there is a login, a time and more in the same name.
    if len(os.fsencode(name)) > 147:
        assert pushed(root) == {"jonas": "copy", "maria": NOTHING}
        return
    notebook = name[:200]
    (made(root, "maria").with_name(name) / "a.html").rename(made(root, "maria").with_name(name) / f"{notebook}.html")
    unique = SECRETS["maria"].encode() + os.fsencode(notebook)
    digest = hashlib.md5(unique, usedforsecurity=False).hexdigest()
    released(root, "maria").rename(released(root, "maria").with_name(f"{digest}.html"))
    named(root).rename(named(root).with_name(f"maria+{name}+{TIME}+x1"))
    assert pushed(root) == {"jonas": "copy", "maria": "copy"}
    assert (
        home(root, "maria") / COURSE / name / "feedback" / TIME / f"{notebook}.html"
    ).read_text() == "<p>for maria</p>"


PASSED_OVER: list[Any] = [
    pytest.param(
        lambda made: made.parent.rename(made.parents[1] / "Maria"), "Maria", "it is no login name", id="a name"
    ),
    pytest.param(
        lambda made: (made / "timestamp.txt").write_text("yesterday"),
        "maria",
        "its timestamp.txt holds no time",
        id="time",
    ),
    pytest.param(
        lambda made: (made / "submission_secret.txt").unlink(),
        "maria",
        "cannot be read (submission_secret.txt: No such file or directory)",
        id="no secret",
    ),
]


@pytest.mark.parametrize(("spoil", "student", "why"), PASSED_OVER)
def test_g9_what_is_passed_over_is_said(root: Path, spoil: Callable[[Path], object], student: str, why: str) -> None:
    spoil(made(root, "maria"))
    assert pushed(root) == {"jonas": "copy", student: f"failed {why}"}


def test_g9_what_is_not_nbgraders_is_no_feedback(root: Path) -> None:
    above = made(root, "maria").parents[1]
    (above / "README").write_text("")
    for place in (above, above / "maria", made(root, "maria")):
        (place / ".ipynb_checkpoints").mkdir()
    assert pushed(root) == {"jonas": "copy", "maria": "copy"}


@pytest.mark.parametrize("zone", ["UTC", "EEST", "+08", "-03", "+0545", "-00"])
def test_g1_feedback_on_what_was_handed_in_with_any_zone_goes_home(root: Path, zone: str) -> None:
    time = f"2026-07-01 12:00:00.123456 {zone}"
    write(made(root, "maria") / "timestamp.txt", time)
    handed_in(root, "maria", time=time)
    assert pushed(root)["maria"] == "copy"
    assert (home(root, "maria") / COURSE / "one/feedback" / time / "a.html").exists()
