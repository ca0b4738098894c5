"""Attacks on files, by pods with the real uids: F1 to F11 of the list of threats, but those of the round trip."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from coursehub import layout

from .assignment import ASSIGNMENT, COURSE, EXCHANGE, nbgrader, put, solve
from .cluster import Installation
from .person import Person

LogIn = Callable[[str], Person]


def test_f1_a_link_in_a_home_leads_nowhere_also_after_a_restart(log_in: LogIn, installation: Installation) -> None:
    ines = log_in("ines")
    ines.start("general")
    ines.terminal("rm -f ~/x ~/y; ln -s /home/tom ~/x; ln -s ../../02/tom ~/y")
    for _ in range(2):
        assert ines.terminal("ls ~/x/ ~/y/ 2>&1 | grep -c 'No such file'") == "2"
        assert ines.terminal("ls /home") == "ines"
        assert "home/02" not in ines.terminal("cat /proc/self/mountinfo")
        ines.stop()
        ines.start("general")
    ines.terminal("rm ~/x ~/y")
    # Somebody who got onto the same tree elsewhere stops at the mode.
    assert (installation.share / "home/09/tom").stat().st_mode & 0o077 == 0


@pytest.fixture
def data_elsewhere(installation: Installation) -> Iterator[Path]:
    """The data of a course that nobody else uses here has become a link to another's files, as only root could do."""
    data = installation.share / layout.course_data("python-intro-2024")
    aside = data.with_name("data-aside")
    data.rename(aside)
    data.symlink_to("../data-analysis/files")
    yield data
    data.unlink()
    aside.rename(data)


def test_f2_an_instructor_cannot_put_a_link_in_the_place_of_the_courses_data(log_in: LogIn) -> None:
    anna = log_in("anna")
    anna.start("python-intro--instructor")
    for command in ("rmdir /coursedata", "mv /coursedata /x", "mv /course /x", "ln -sfnT /etc /coursedata"):
        assert "exit=0" not in anna.terminal(f"{command} 2>&1; echo exit=$?"), command


def test_f2_a_link_in_the_place_of_the_courses_data_is_never_mounted(
    log_in: LogIn, installation: Installation, data_elsewhere: Path
) -> None:
    anna = log_in("anna")
    anna.choose("python-intro-2024--instructor")
    said = str(anna.progress())
    assert "is in the way" in said or "does not exist yet" in said, said
    assert installation.pod_of("anna") is None
    assert data_elsewhere.is_symlink()


def test_f4_what_is_read_only_stays_as_it_is(log_in: LogIn) -> None:
    ines = log_in("ines")
    ines.start("python-intro")
    assert "Read-only file system" in ines.terminal("touch /coursedata/new 2>&1")
    assert "No such file" in ines.terminal("touch /course/new 2>&1")
    anna = log_in("anna")
    anna.start("python-intro-2024--instructor")
    for path in ("/course", "/coursedata", "/srv/nbgrader/exchange/python-intro-2024/outbound"):
        assert "Read-only file system" in anna.terminal(f"touch {path}/new 2>&1"), path


def test_f7_what_is_no_plain_file_is_not_collected_and_the_rest_is(log_in: LogIn, empty_course: Path) -> None:
    peter, ines, tom = (log_in(name) for name in ("peter", "ines", "tom"))
    peter.start(f"{COURSE}--instructor")
    ines.start(COURSE)
    tom.start(COURSE)
    peter.terminal("mkdir -p /course/source/one")
    put(peter, "/course/source/one/a.ipynb", ASSIGNMENT)
    nbgrader(peter, "generate_assignment one")
    nbgrader(peter, "release_assignment one")
    nbgrader(ines, "fetch_assignment one")
    solve(ines, "x * x")
    nbgrader(ines, "submit one")
    bad = {
        "2030": ('ln -s /dev/zero "$d/a.ipynb"', "is a link"),
        "2031": ('ln -s /course/gradebook.db "$d/b"', "is a link"),
        "2032": ('mkfifo "$d/a.ipynb"', "is neither a file nor a folder"),
        "2033": ('(cd "$d"; seq 3000 | xargs touch)', "it holds more than"),
        "2034": ('truncate -s 8T "$d/a.ipynb"', "it is larger than"),
    }
    for year, (script, reason) in bad.items():
        name = f"tom+one+{year}-10-01 12:00:00.000000 UTC+{year}"
        tom.terminal(f"(umask 022; d='{EXCHANGE}/inbound/{name}'; mkdir \"$d\"; {script})")
        said = nbgrader(peter, "collect one --update")
        assert reason in said, said
        assert sorted(path.name for path in (empty_course / "submitted").iterdir()) in (["ines", "tom"], ["ines"])
        assert not list((empty_course / "submitted/tom").glob("*")), "something of it was taken"
    assert "x * x" in (empty_course / "submitted/ines/one/a.ipynb").read_text()


def test_f8_a_set_uid_program_from_the_exchange_runs_as_who_runs_it(log_in: LogIn, empty_course: Path) -> None:
    tom, peter = log_in("tom"), log_in("peter")
    tom.start(COURSE)
    peter.start(f"{COURSE}--instructor")
    there = f"{EXCHANGE}/inbound/tom"
    tom.terminal(f"mkdir {there}; cp /usr/bin/id {there}/id; chmod 755 {there}; chmod 4755 {there}/id")
    assert peter.terminal(f"stat -c '%a %U' {there}/id") == "4755 tom"
    assert peter.terminal(f"{there}/id -u; {there}/id -g").split() == ["20012", "70102"]
    assert peter.terminal("grep NoNewPrivs /proc/self/status").split() == ["NoNewPrivs:", "1"]
    assert empty_course.is_dir()


def test_f9_what_instructors_make_is_closed_to_students_and_open_to_each_other(log_in: LogIn) -> None:
    peter, otto = log_in("peter"), log_in("otto")
    peter.start(f"{COURSE}--instructor")
    otto.start(f"{COURSE}--instructor")
    peter.terminal("rm -rf /course/f9; mkdir /course/f9; echo one > /course/f9/exam; mkdir /course/f9/below")
    seen = otto.terminal("cd /course/f9; stat -c '%a %G' . exam below; echo two >> exam; cat exam; rm -r /course/f9")
    assert seen.splitlines() == ["2770 data-analysis", "660 data-analysis", "2770 data-analysis", "one", "two"]


def test_f10_a_student_finds_nothing_of_the_course_behind_it(log_in: LogIn, empty_course: Path) -> None:
    peter, ines = log_in("peter"), log_in("ines")
    peter.start(f"{COURSE}--instructor")
    ines.start(COURSE)
    peter.terminal("mkdir -p /course/source/one")
    put(peter, "/course/source/one/a.ipynb", ASSIGNMENT)
    nbgrader(peter, "generate_assignment one")
    nbgrader(peter, "release_assignment one")
    nbgrader(ines, "fetch_assignment one")
    hidden = "BEGIN HIDDEN TESTS\\|square(17)"
    found = ines.terminal(
        f"(grep -rls --exclude=.bash_history '{hidden}' /srv /home /course /coursedata /tmp /run/coursehub; "
        "find / -path /opt -prune -o -name gradebook.db -print; env | grep -i 'hidden') 2>/dev/null"
    )
    assert not found
    # Processes of its own pod alone, and nobody else's courses, names or homes.
    assert ines.terminal("cat /proc/[0-9]*/status 2>/dev/null | grep '^Uid' | cut -f 2 | sort -u") == "20008"
    everything = ines.terminal("env; cat /proc/self/mountinfo /var/lib/extrausers/* 2>/dev/null")
    assert "tom" not in everything
    assert "python-intro" not in everything
    assert empty_course.is_dir()


def test_f11_code_that_is_graded_has_no_home_no_token_of_the_cluster_and_one_course(log_in: LogIn) -> None:
    otto = log_in("otto")
    otto.start(f"{COURSE}--grading")
    kernel = otto.kernel()
    seen = kernel.run(
        "import os\nprint(sorted(each for each in os.listdir(os.path.expanduser('~')) if each[0] != '.'))\n"
        "print(os.path.exists('/var/run/secrets/kubernetes.io'), os.listdir('/home'))\n"
        "print(os.listdir('/srv/nbgrader/exchange'))\nprint('home/13/otto' in open('/proc/self/mountinfo').read())"
    )
    assert seen.splitlines() == ["[]", "False ['otto']", f"['{COURSE}']", "False"]


def test_a_students_course_data_is_readable_and_not_writable(log_in: LogIn, installation: Installation) -> None:
    anna = log_in("anna")
    anna.start("python-intro--instructor")
    anna.terminal("umask 0002; echo 1,2,3 > /coursedata/numbers.csv")
    tom = log_in("tom")
    tom.start("python-intro")
    assert tom.terminal("cat /coursedata/numbers.csv") == "1,2,3"
    for attempt in ("echo 4 > /coursedata/numbers.csv", "rm -f /coursedata/numbers.csv", "touch /coursedata/new"):
        assert "Read-only file system" in tom.terminal(f"{{ {attempt}; }} 2>&1"), attempt
    assert anna.terminal("cat /coursedata/numbers.csv") == "1,2,3"
