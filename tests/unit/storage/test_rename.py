"""A home gets another name or uid: all of it, nobody else's, through no link, and completed where it was cut off."""

import fcntl
import os
import signal
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from coursehub import layout
from coursehub.errors import Refused
from coursehub.protocol import Tenant
from coursehub.storage import ownership, people, rename
from coursehub.storage.volume import Volume

from tests.unit.storage.trees import Cut, changes, copy, owned, write

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives directories away")

INBOUND = "exchange/python-intro/inbound"
LISTED = "correct course/python-intro/people/passwd to 2 people"
WORK = "+ps1+2026-10-01 12:00:00.000000 UTC+x"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A volume with two courses, and with emma (20003) and jonas (20002), who have handed something in in one."""
    root = tmp_path / "root"
    root.mkdir(mode=0o755)
    Volume(root).course("python-intro", 70101, "read-write")
    Volume(root).course("data-analysis", 70102, "none")
    people.enter(root, "data-analysis", Tenant("jonas", 20002, 20002))
    for name, uid in (("emma", 20003), ("jonas", 20002)):
        Volume(root).home(name, uid, uid)
        people.enter(root, "python-intro", Tenant(name, uid, uid))
        write(root / layout.home(uid, name) / "work/one.txt", uid)
        write(root / INBOUND / f"{name}{WORK}/one.ipynb", uid, 70101)
    return root


def run(
    root: Path, old: str, new: str, uid: int | None = None, gid: int | None = None, *, dry_run: bool = False
) -> list[str]:
    """What is said."""
    steps = rename.rename(Volume(root), old, new, uid, gid, dry_run=dry_run, progress=lambda *_: None)
    return [str(step) for step in steps]


def listed(root: Path, slug: str = "python-intro") -> list[str]:
    """Name, uid and gid of each line."""
    lines = (root / layout.people_list(slug)).read_text().splitlines()
    return [":".join((name, uid, gid)) for name, _, uid, gid, *_ in (line.split(":") for line in lines)]


def test_a_new_login_name_moves_the_home_and_what_nobody_collected_and_changes_the_lists(root: Path) -> None:
    before = owned(root)
    said = [
        f"move {INBOUND}/emma{WORK} to {INBOUND}/emma.smith{WORK}",
        "move home/03/emma to home/03/emma.smith",
        LISTED,
    ]
    assert run(root, "emma", "emma.smith", dry_run=True) == said
    assert (owned(root), listed(root)) == (before, ["emma:20003:20003", "jonas:20002:20002"])
    assert run(root, "emma", "emma.smith") == said
    assert owned(root) == {path.replace("/emma", "/emma.smith"): owner for path, owner in before.items()}
    assert listed(root) == ["emma.smith:20003:20003", "jonas:20002:20002"]
    assert listed(root, "data-analysis") == ["jonas:20002:20002"], "who was not in a course is in none now"
    found = (root / layout.people_list("python-intro")).stat()
    assert (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (0o640, 0, 70101)
    assert Volume(root).home("emma.smith", 20003, 20003) == []
    with pytest.raises(Refused, match=r"uid 20003 has the home home/03/emma\.smith"):
        Volume(root).home("emma", 20003, 20003)


def test_a_new_uid_gets_all_of_the_home_and_what_nobody_collected_and_nobody_elses(root: Path) -> None:
    before = owned(root)
    assert run(root, "emma", "emma", 20105) == [
        "give 2 files and directories in home/03/emma to 20105",
        f"give 1 files and directories in {INBOUND}/emma{WORK} to 20105",
        "correct home/03/emma to 20105",
        "move home/03/emma to home/05/emma",
        LISTED,
    ]
    after = owned(root)
    assert after["home/05/emma/work/one.txt"] == "0644 20105:20003", "its group stays"
    assert after[f"{INBOUND}/emma{WORK}/one.ipynb"] == "0644 20105:70101"
    assert {path for path, owner in after.items() if " 20105:" in owner} == {
        *("home/05/emma", "home/05/emma/work", "home/05/emma/work/one.txt"),
        *(f"{INBOUND}/emma{WORK}", f"{INBOUND}/emma{WORK}/one.ipynb"),
    }
    others = {path for path in before if "emma" not in path}
    assert {path: after[path] for path in others} == {path: before[path] for path in others}
    assert listed(root) == ["emma:20105:20003", "jonas:20002:20002"]
    assert Volume(root).home("emma", 20105, 20003) == []


def test_a_new_uid_of_the_same_folder_and_a_new_group(root: Path) -> None:
    assert "give 2 files and directories in home/03/emma to 20103:20103" in run(root, "emma", "emma", 20103, 20103)
    assert owned(root)["home/03/emma"] == "0700 20103:20103"
    assert owned(root)["home/03/emma/work/one.txt"] == "0644 20103:20103"
    assert owned(root)[f"{INBOUND}/emma{WORK}/one.ipynb"] == "0644 20103:70101", "the course's group stays"
    assert "emma:20103:20103" in listed(root)


def test_a_home_that_stays_in_its_place_says_whose_it_becomes(root: Path) -> None:
    said = [run(root, "emma", "emma", 20103, gid, dry_run=True)[-2] for gid in (None, 20103)]
    assert said == ["correct home/03/emma to 20103", "correct home/03/emma to 20103:20103"]
    assert not any("home/03/emma" in step for step in run(root, "emma", "emma", 20003, 20003))


@pytest.mark.parametrize("dry_run", [False, True])
def test_f15_a_group_of_a_course_is_nobodys_own(root: Path, dry_run: bool) -> None:
    before = owned(root)
    with pytest.raises(Refused, match="group 70102 is course 'data-analysis''s, and emma would be an instructor"):
        run(root, "emma", "emma", 20103, 70102, dry_run=dry_run)
    assert owned(root) == before


def test_a_home_in_the_wrong_folder_goes_where_it_is_looked_for(root: Path) -> None:
    (root / "home/09").mkdir(mode=0o755)
    os.rename(root / "home/03/emma", root / "home/09/emma")
    with pytest.raises(Refused, match="`coursehub storage rename emma emma`"):
        Volume(root).home("emma", 20003, 20003)
    assert "move home/09/emma to home/03/emma" in run(root, "emma", "emma")
    assert Volume(root).home("emma", 20003, 20003) == []


@pytest.mark.parametrize(("new", "uid"), [("emma.smith", None), ("emma", 20105), ("emma.smith", 20105)])
def test_a_second_time_changes_and_says_nothing(root: Path, new: str, uid: int | None) -> None:
    run(root, "emma", new, uid)
    before = owned(root)
    assert run(root, "emma", new, uid) == []
    assert owned(root) == before


@pytest.mark.parametrize(("new", "uid"), [("emma.smith", None), ("emma", 20105), ("emma.smith", 20105)])
def test_a_list_that_was_not_changed_any_more_is_by_the_next_run(root: Path, new: str, uid: int | None) -> None:
    before = (root / layout.people_list("python-intro")).read_text()
    run(root, "emma", new, uid)
    (root / layout.people_list("python-intro")).write_text(before)
    assert run(root, "emma", new, uid) == [LISTED]
    assert listed(root) == [f"{new}:{uid or 20003}:20003", "jonas:20002:20002"]


def test_a_course_without_a_list_and_one_that_has_something_in_its_place_keep_no_other_from_its_change(
    root: Path, tmp_path: Path
) -> None:
    for slug in ("a-course", "b-course"):
        Volume(root).course(slug, 70110, "none")
        (root / layout.people_list(slug)).unlink()
    (tmp_path / "elsewhere").write_text("emma:x:20003:20003::/home/emma:/usr/sbin/nologin\n")
    (root / layout.people_list("b-course")).symlink_to(tmp_path / "elsewhere")
    said = run(root, "emma", "emma", 20105)
    kept = "the old uid stays in course/b-course/people/passwd: Too many levels of symbolic links; look what is in its "
    assert said[-2:] == [f"{kept}place", LISTED]
    assert "20003" in (tmp_path / "elsewhere").read_text()
    assert "emma:20105:20003" in listed(root)


def test_a_name_that_a_list_has_by_mistake_puts_nobody_into_a_course(root: Path) -> None:
    people.enter(root, "data-analysis", Tenant("emma.smith", 20009, 20009))
    run(root, "emma", "emma.smith")
    assert listed(root, "data-analysis") == ["emma.smith:20009:20009", "jonas:20002:20002"]


@pytest.mark.parametrize("new", ["emma", "emma.smith"])
def test_wherever_it_was_cut_off_nobody_has_the_home_and_the_next_run_completes_it(
    root: Path, tmp_path: Path, new: str
) -> None:
    whole = tmp_path / "whole"
    copy(root, whole)
    run(whole, "emma", new, 20105, 20105)
    for most in range(100):
        cut = tmp_path / f"cut{most}"
        copy(root, cut)
        with pytest.MonkeyPatch.context() as patch:
            changes(patch, most)
            try:
                run(cut, "emma", new, 20105, 20105)
            except Cut:
                pass
            else:
                break
        if (cut / "home/03/emma").exists():
            begun = (cut / "home/03/emma").stat().st_uid == 20003
            # With name and uid both new they are a new person, whom nothing binds to a home that is not given yet.
            for name, uid in (("emma", 20105), ("emma.smith", 20003) if begun else ("emma.smith", 20105)):
                with pytest.raises(Refused):
                    Volume(cut).home(name, uid, uid, dry_run=True)
        run(cut, "emma", new, 20105, 20105)
        assert owned(cut) == owned(whole), most
        assert listed(cut) == listed(whole)
    assert most > 6


def test_f1_nothing_outside_is_changed_through_links_and_what_is_no_file_goes_along(root: Path, tmp_path: Path) -> None:
    home, elsewhere = root / "home/03/emma", write(tmp_path / "elsewhere/secret", 20003)
    (home / "link").symlink_to(elsewhere)
    (home / "folder").symlink_to(elsewhere.parent)
    os.mkfifo(home / "pipe")
    for name in ("link", "folder", "pipe"):
        os.chown(home / name, 20003, 20003, follow_symlinks=False)
    write(home / "jonas.txt", 20002)
    run(root, "emma", "emma", 20105)
    moved = root / "home/05/emma"
    assert [(moved / name).lstat().st_uid for name in ("link", "folder", "pipe")] == [20105] * 3
    assert [elsewhere.stat().st_uid, elsewhere.parent.stat().st_uid] == [20003, 20003]
    assert (moved / "jonas.txt").stat().st_uid == 20002, "what is another's in it stays theirs"


def test_i8_files_with_a_name_elsewhere_stay_and_are_counted_and_those_with_all_names_inside_go_along(
    root: Path,
) -> None:
    home = root / "home/03/emma"
    os.link(home / "work/one.txt", home / "again.txt")
    # One of two people with one uid could have a file of the other's so.
    write(root / "home/03/maria/thesis", 20003)
    os.link(root / "home/03/maria/thesis", home / "mine")
    said = run(root, "emma", "emma", 20105)
    assert said[0] == (
        "give 2 files and directories in home/03/emma to 20105; 1 stay as they are: they have names elsewhere too "
        "(hard links), or are too deep"
    )
    moved = root / "home/05/emma"
    assert [(moved / name).stat().st_uid for name in ("again.txt", "mine")] == [20105, 20003]


@pytest.mark.parametrize(
    ("old", "new", "uid", "sentence"),
    [
        pytest.param("nobody", "somebody", None, "nobody has no home here", id="nobody"),
        pytest.param("nobody", "emma", 20009, "no home here; emma has home/03/emma of uid 20003", id="another's name"),
        pytest.param("emma", "jonas", None, "home/02/jonas of uid 20002 is there already", id="a name that has a home"),
        pytest.param("emma", "emma", 20002, "home/02/jonas of uid 20002 is there already", id="a uid that has a home"),
        pytest.param("emma", "emma.smith", 20002, "home/02/jonas of uid 20002 is there", id="both new, another's uid"),
        pytest.param("emma", "twin", None, "home/03/twin is in the way, and nobody's home", id="what is no home"),
        pytest.param("double", "x", None, "double has several homes, home/07/double", id="two homes"),
    ],
)
@pytest.mark.parametrize("dry_run", [False, True])
def test_i8_what_would_touch_another_home_is_refused_and_nothing_is_changed(
    root: Path, old: str, new: str, uid: int | None, sentence: str, dry_run: bool
) -> None:
    (root / "home/03/twin").write_text("")
    for number in (20007, 20008):
        write(root / layout.home(number, "double") / "file", number)
    before = owned(root)
    with pytest.raises(Refused, match=sentence):
        run(root, old, new, uid, dry_run=dry_run)
    assert owned(root) == before


@pytest.fixture(params=["flock", "posix"])
def used(request: pytest.FixtureRequest, root: Path) -> Iterator[Path]:
    """A home whose server runs: on this machine, or on a node, whose lock a file server holds as POSIX's."""
    lock = write(root / "home/03/emma" / rename.LOCK, 20003)
    pid = os.fork()
    if not pid:
        with lock.open("r+") as held:
            (fcntl.flock if request.param == "flock" else fcntl.lockf)(held, fcntl.LOCK_EX)
            (root / "locked").touch()
            signal.pause()
        os._exit(0)
    while not (root / "locked").exists():
        pass
    yield root
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def test_while_a_server_has_the_home_in_use_nothing_is_changed(used: Path) -> None:
    before = owned(used)
    with pytest.raises(Refused, match="a server has home/03/emma in use: nothing was changed; stop it"):
        run(used, "emma", "emma", 20105)
    assert owned(used) == before


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_what_somebody_puts_in_the_locks_place_keeps_nobody_from_it(root: Path, kind: str) -> None:
    lock = root / "home/03/emma" / rename.LOCK
    makes: dict[str, Callable[[], None]] = {
        "link": lambda: lock.symlink_to("/etc/passwd"),
        "pipe": lambda: os.mkfifo(lock),
        "folder": lambda: lock.mkdir(),
    }
    makes[kind]()
    assert run(root, "emma", "emma.smith")


def test_a_submission_in_their_name_that_is_not_theirs_stays_and_is_named(root: Path) -> None:
    write(root / INBOUND / "emma+ps2+x/one.ipynb", 20002, 70101)
    write(root / INBOUND / f"emma.smith{WORK}/one.ipynb", 20002, 70101)
    said = run(root, "emma", "emma.smith", 20105)
    assert (
        f"the old name stays in {INBOUND}: 1 submissions with it are somebody else's, and `collect` refuses them"
        in said
    )
    assert f"the old name stays in {INBOUND}/emma{WORK}: emma.smith{WORK} is there too" in said
    assert owned(root)[f"{INBOUND}/emma+ps2+x/one.ipynb"] == "0644 20002:70101"
    assert owned(root)[f"{INBOUND}/emma.smith{WORK}/one.ipynb"] == "0644 20002:70101"


def test_it_says_in_whose_courses_the_old_name_stays(root: Path) -> None:
    for folder in ("submitted", "autograded"):
        write(root / f"course/python-intro/files/{folder}/emma/ps1/one.ipynb", 30001, 70101)
    (root / "course/python-intro/files/feedback").symlink_to("/")
    kept = (
        "the old name stays in course/python-intro/files: submitted/emma, autograded/emma, and in its gradebook; its "
        "instructors see two students there"
    )
    assert run(root, "emma", "emma.smith", dry_run=True)[-1] == kept
    assert run(root, "emma", "emma.smith")[-1] == kept
    assert run(root, "emma", "emma.smith") == [kept], "and again"
    assert run(root, "jonas", "jonas", 20102)[-1] == LISTED


def test_it_says_where_an_extension_is_the_old_names(root: Path) -> None:
    files = "course/python-intro/files"
    dates = '{"ps1": {"emma": "2026-10-01T12:00:00+00:00"}}'
    write(root / files / ".extensions.json", 30001, 70101).write_text(dates)
    (root / "course/data-analysis/files/.extensions.json").symlink_to(root / files / ".extensions.json")
    kept = f"the old name stays in {files}/.extensions.json: its instructors give the extension to the new one, too"
    assert [each for each in run(root, "emma", "emma.smith") if "extension" in each] == [kept]
    assert not [each for each in run(root, "jonas", "jonas.smith") if "extension" in each]


def test_of_a_long_run_it_is_said_how_far_it_is(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ownership, "STEP", 10)
    for number in range(25):
        write(root / f"home/03/emma/{number}", 20003)
    told: list[tuple[str, int]] = []
    list(
        rename.rename(Volume(root), "emma", "emma", 20105, None, dry_run=False, progress=lambda *far: told.append(far))
    )
    assert told == [("home/03/emma", 10), ("home/03/emma", 20)]
