"""An instructor's server, and that nothing of it stays when the same person is a student."""

from collections.abc import Callable

from .cluster import Installation, until
from .person import Person

LogIn = Callable[[str], Person]


def test_an_instructor_has_the_courses_group_and_files_for_it(log_in: LogIn) -> None:
    anna = log_in("anna")
    anna.start("python-intro--instructor")
    assert anna.terminal("id") == (
        "uid=20011(anna) gid=70101(python-intro) groups=70101(python-intro),20011(anna),70001(teaching)"
    )
    assert anna.terminal("umask") == "0007"
    anna.terminal("rm -rf /course/source; mkdir /course/source; echo x > /course/source/exam.ipynb")
    modes = anna.terminal("stat -c '%a %U %G %n' /course /course/source /course/source/exam.ipynb")
    assert modes.splitlines() == [
        "2770 root python-intro /course",
        "2770 anna python-intro /course/source",
        "660 anna python-intro /course/source/exam.ipynb",
    ]


def test_an_instructors_kernel_makes_files_as_the_terminal_does(log_in: LogIn) -> None:
    anna = log_in("anna")
    anna.start("python-intro--instructor")
    anna.kernel().run("open('/course/by-kernel.txt', 'w').write('x')")
    answer = anna.server(
        "PUT", "/api/contents/course/by-server.txt", {"type": "file", "format": "text", "content": "x"}
    )
    assert answer.status_code in (200, 201), answer.text
    assert anna.terminal("cd /course; stat -c '%a %G' by-kernel.txt by-server.txt; rm by-kernel.txt by-server.txt") == (
        "660 python-intro\n660 python-intro"
    )


def test_an_instructor_by_unix_group_has_that_course_and_no_other(log_in: LogIn) -> None:
    peter = log_in("peter")
    peter.start("data-analysis--instructor")
    assert peter.terminal("id -G") == "70102 20012 70001"
    assert peter.terminal("ls -1d /course /srv/nbgrader/exchange/*").splitlines() == [
        "/course",
        "/srv/nbgrader/exchange/data-analysis",
    ]


def test_g6_what_an_instructor_brought_closed_is_a_colleagues_from_the_next_start_on(log_in: LogIn) -> None:
    peter, otto = log_in("peter"), log_in("otto")
    peter.start("data-analysis--instructor")
    peter.terminal("umask 077; mkdir -p ~/brought/in; echo x >~/brought/in/a.txt; rm -rf /course/brought")
    peter.terminal("mv ~/brought /course/")
    otto.start("data-analysis--instructor")
    assert "Permission denied" in otto.terminal("cat /course/brought/in/a.txt 2>&1")
    peter.stop()
    peter.start("data-analysis--instructor")
    added = "echo y >>/course/brought/in/a.txt && cat /course/brought/in/a.txt"
    until(lambda: otto.terminal(f"{{ {added}; }} 2>&1") == "x\ny", 60, "what was brought, open to a colleague")
    otto.terminal("rm -r /course/brought")


def test_the_same_person_as_student_of_another_course_has_nothing_of_the_first(log_in: LogIn) -> None:
    """P2, P9"""
    peter = log_in("peter")
    peter.start("data-analysis--instructor")
    peter.stop()
    peter.start("python-intro")
    assert peter.terminal("id") == "uid=20012(peter) gid=20012(peter) groups=20012(peter),70001(teaching)"
    assert peter.terminal("umask") == "0077"
    assert peter.terminal("ls -d /course 2>&1").endswith("No such file or directory")
    assert peter.terminal("ls /srv/nbgrader/exchange") == "python-intro"
    assert "data-analysis" not in peter.terminal("env; cat /proc/mounts; cat /var/lib/extrausers/group")


def test_an_archived_course_is_read_only_for_its_instructors(log_in: LogIn) -> None:
    anna = log_in("anna")
    anna.start("python-intro-2024--instructor")
    for path in ("/course", "/coursedata", "/srv/nbgrader/exchange/python-intro-2024"):
        assert "Read-only file system" in anna.terminal(f"touch {path}/new 2>&1"), path


def test_an_image_only_course_has_no_course_directory_and_no_exchange(
    log_in: LogIn, installation: Installation
) -> None:
    anna = log_in("anna")
    anna.start("statistics-lab--instructor")
    assert anna.terminal("id -G") == "20011 70001"
    assert anna.terminal("ls -d /course /srv/nbgrader/exchange/* 2>&1 | grep -c 'No such file'") == "2"
