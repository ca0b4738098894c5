"""Runs in the image, as its own tests do and with what they do: the gradebook is a database of PostgreSQL.

GRADEBOOK_URL is its address, as the Secret has it.
"""
# ruff: noqa: S108, PT018  (plain scripts: no pytest in the image)

import json
import os
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg
import test_graders
import test_image
from test_graders import OPEN, STUDENTS, at_work, desks, ended, hand_in, python
from test_image import COURSE, main, warmed

URL = os.environ["GRADEBOOK_URL"]
WORD = unquote(str(urlsplit(URL).password))
DATABASE = {"COURSEHUB_GRADEBOOK": "postgresql", "COURSEHUB_GRADEBOOK_URL": URL}
# Without a route: nothing leaves these tests' own network.
NOWHERE = "192.0.2.60"

_environment, _course, _handed_out = test_image.environment, test_image.course, test_image.handed_out


def environment(role: str, *where: Any, **more: str) -> dict[str, str]:
    """As the plan has it: staff's servers alone have the address."""
    return _environment(role, *where, **{**(DATABASE if role in ("instructor", "grading") else {}), **more})


def course() -> None:
    """The course anew, and its database as its admin has made it."""
    _course()
    with psycopg.connect(URL, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")


def handed_out() -> None:
    """The course with Anna's assignment, which Clara and David have fetched."""
    course()
    test_image.assignment()
    for student in STUDENTS:
        test_image.learn(student, "fetch_assignment", "one")


def rows(query: str) -> list[Any]:
    with psycopg.connect(URL) as connection:
        return connection.execute(query.encode()).fetchall()


for module in (test_image, test_graders):
    module.environment, module.course = environment, course
test_graders.rows, test_graders.handed_out = rows, handed_out


def refused(*command: str, **more: str) -> str:
    """What a command of Anna's says that has to fail, in a sentence that has nothing of the password."""
    done = test_image.run(warmed(command), "instructor", cwd=COURSE, check=False, **more)
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    told(said)
    return said


def told(said: str) -> None:
    """It is no traceback, and has nothing of the address's password, quoted or not."""
    assert "Traceback" not in said, said
    quoted = str(urlsplit(URL).password)
    assert not [part for part in (WORD, quoted, "p@ss", "p%40ss", "w/rd", "hush") if part in said], said


def nothing_is_in_the_file() -> None:
    """Nobody falls back to it."""
    assert (COURSE / "gradebook.db").stat().st_size == 0, "the file was written"


def a_server_without_an_address_or_with_a_mistaken_one_says_who_mends_it() -> None:
    course()
    for url, wanted in {
        "": "no address of it, so nothing was read or written. An admin of the site puts it into the Secret "
        "coursehub-gradebooks, as the key python-intro",
        "postgresql://intro:hush-hush": "is no address of a database",
        "postgresql://intro:hush-hush@/intro": "is no address of a database",
        "postgresql://intro:hush@hush@127.0.0.1/intro": "is no address of a database",
        "postgresql://intro:x@y/hush@127.0.0.1/intro": "is no address of a database",
        "postgresql://intro:hush-hush@127.0.0.1:port/intro": "is no address of a database",
        "sqlite:////course/gradebook.db": "is no address of a database",
    }.items():
        said = refused("nbgrader", "db", "student", "list", COURSEHUB_GRADEBOOK_URL=url)
        assert wanted in said and "coursehub-gradebooks" in said, (url, said)
    nothing = {"COURSEHUB_GRADEBOOK_URL": ""}
    for command in ("nbgrader export", "coursehub extend python-intro", "coursehub grades export python-intro"):
        said = refused(*command.split(), **nothing)
        assert "coursehub-gradebooks" in said, (command, said)
    nothing_is_in_the_file()


def a_server_that_refuses_or_is_silent_ends_in_a_sentence() -> None:
    course()
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        host = urlsplit(URL).netloc.rpartition("@")[2]
        for url, wanted in {
            f"postgresql://intro:hush-hush@{host}/intro": "password authentication failed",
            URL.removesuffix("intro") + "other": 'database "other" does not exist',
            "postgresql://intro:hush-hush@127.0.0.1:9/intro": "Connection refused",
            f"postgresql://intro:hush-hush@{NOWHERE}/intro": "unreachable",
            f"postgresql://intro:hush-hush@127.0.0.1:{port}/intro": "timeout expired",
            f"{URL}?sslmode=require": "does not support SSL",
        }.items():
            said = refused("nbgrader", "db", "student", "list", COURSEHUB_GRADEBOOK_URL=url)
            assert wanted in said and "Try again; if it stays so, tell your site's admins" in said, (url, said)
    nothing_is_in_the_file()


def nobody_waits_without_end_and_what_is_cut_off_is_undone() -> None:
    course()
    ended(python("anna", f"{OPEN}book.update_or_create_student('clara', last_name='x')"))
    names = ("statement_timeout", "idle_in_transaction_session_timeout", "default_transaction_read_only")
    shown = f"import json; print(json.dumps([book.db.execute(text('SHOW ' + each)).scalar() for each in {names}]))"
    assert json.loads(ended(python("ben", OPEN + shown))) == ["1min", "5min", "off"]
    # Of a connection that ended while nobody asked anything, nobody notices anything.
    ends = "pid = book.db.execute(text('SELECT pg_backend_pid()')).scalar(); book.db.commit(); "
    ends += "import nbgrader_postgresql as ours; other = ours.create_engine().connect(); "
    ends += "other.execute(text(f'SELECT pg_terminate_backend({pid})'))"
    ended(python("ben", f"{OPEN}{ends}; assert book.find_student('clara').last_name == 'x'"))
    lock = "import nbgrader_gradebook; nbgrader_gradebook.begin_alone(book.db); "
    half = "book.db.query(Student).update({'last_name': 'y'}); "
    held = python("anna", f"{OPEN}{lock}{half}print('held', flush=True); import time; time.sleep(600)")
    assert held.stdout and held.stdout.readline() == "held\n"
    waits = at_work("ben", "instructor", "nbgrader", "db", "student", "add", "clara", "--last-name=z")
    busy = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'advisory' AND datname = current_database()"
    test_image.until(lambda: len(rows(busy)) == 1, "ben waits for anna")
    # As after a minute.
    rows(f"SELECT pg_cancel_backend(({busy}))")
    said, _ = waits.communicate(timeout=60)
    assert waits.returncode == 1 and "canceling statement" in said and "cannot be used now" in said, said
    told(said)
    held.terminate()
    held.communicate()
    ended(at_work("ben", "instructor", "nbgrader", "db", "student", "add", "clara", "--last-name=z"))
    assert rows("SELECT last_name FROM student") == [("z",)]
    # As in an archived course.
    COURSE.chmod(0o2750)
    read = ended(at_work("eve", "instructor", "nbgrader", "db", "student", "list"))
    assert "clara" in read, read
    said = refused("nbgrader", "db", "student", "add", "david")
    assert "read-only transaction" in said, said
    assert rows("SELECT id FROM student") == [("clara",)]


def three_grade_from_release_to_export_and_formgrader_keeps_nothing_open() -> None:
    handed_out()
    ended(at_work("anna", "instructor", "nbgrader", "db", "assignment", "add", "one", "--duedate=2026-01-01 12:00"))
    assert "2026-01-01" in Path("/srv/nbgrader/exchange/python-intro/outbound/.dates.json").read_text()
    extended = ("coursehub", "extend", "python-intro", "one", "clara", "--until=2026-01-03 12:00")
    ended(at_work("anna", "instructor", *extended))
    for student in STUDENTS:
        hand_in(student, "return x * x" if student == "clara" else "return 9")
    with desks() as (anna, ben, eve):
        anna.api("assignment/one/collect", "POST")
        with ThreadPoolExecutor() as pool:
            grading = [pool.submit(desk.api, f"submission/one/{student}/autograde", "POST")
                       for desk, student in zip((ben, eve), STUDENTS, strict=True)]  # fmt: skip
            for each in grading:
                each.result()
        assert rows("SELECT count(*) FROM submitted_assignment WHERE extension = '2 days'") == [(1,)]
        assert {each["student"]: each["score"] for each in anna.api("submissions/one")} == {"clara": 2.0, "david": 0.0}
        for desk, score in ((anna, 1.0), (ben, 0.5), (eve, 1.5)):
            desk.grade("david", score)
            desk.comment("david", f"{score} points")
            for colleague in (anna, ben, eve):
                grade, comment = colleague.graded("david")
                assert (grade["manual_score"], comment["manual_comment"]) == (score, f"{score} points"), colleague.name
        for page in ("manage_assignments", "manage_submissions/one", "gradebook", "gradebook/one", "gradebook/one/a",
                     "manage_students", "manage_students/david", "manage_students/david/one"):  # fmt: skip
            status, said = ben.ask(f"formgrader/{page}")
            assert status == 200, (page, said)
            told(said)
        for step in ("generate_feedback", "release_feedback"):
            eve.api(f"assignment/one/{step}", "POST")
        assert anna.api("assignments")[0]["average_score"] == 1.75
        others = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        test_image.until(lambda: not rows(others), "nothing is open between two requests")
        with psycopg.connect(URL, autocommit=True) as admin:
            admin.execute("ALTER DATABASE intro CONNECTION LIMIT 0")
            try:
                status, said = anna.ask("formgrader/api/students")
                assert status >= 400 and "too many connections" in said and "tell your site's admins" in said, said
                told(said)
            finally:
                admin.execute("ALTER DATABASE intro CONNECTION LIMIT -1")
        assert len(anna.api("students")) == 2
    ended(at_work("anna", "instructor", "coursehub", "grades", "export", "python-intro", "--output=table.csv"))
    assert "clara" in Path("/tmp/desks/anna/table.csv").read_text()
    ended(at_work("ben", "instructor", "nbgrader", "export", "--to=/tmp/desks/ben/grades.csv"))
    grades = Path("/tmp/desks/ben/grades.csv").read_text()
    assert [line.count("1.5") for line in grades.splitlines() if "david" in line] != [0], grades
    assert rows("SELECT count(*) FROM grade")[0][0] == len(STUDENTS)
    nothing_is_in_the_file()
    for log in COURSE.glob(".nbgrader-*"):
        told(log.read_text())
    shown = at_work("anna", "instructor", "nbgrader", "db", "student", "list", "--show-config")
    told(shown.communicate(timeout=60)[0])


def a_gradebook_is_brought_from_its_file_whole_or_not_at_all() -> None:
    # The file is filled as it is where the course file says nothing.
    test_image.environment = test_graders.environment = _environment
    try:
        course()
        _handed_out()
        for student in STUDENTS:
            hand_in(student, "return x * x")
        for words in (("collect", "one"), ("autograde", "one"), ("db", "student", "add", "zoe", "--first-name=Zoë")):
            ended(at_work("anna", "grading", "nbgrader", *words))
        said = refused("coursehub", "gradebook", "copy", "python-intro")
        assert "write `gradebook: postgresql`" in said, said
    finally:
        test_image.environment, test_graders.environment = environment, environment
    before = (COURSE / "gradebook.db").read_bytes()
    # An instructor has looked at the empty one before.
    assert "There are 0 students" in ended(at_work("ben", "instructor", "nbgrader", "db", "student", "list"))
    rows_before = {table: rows(f"SELECT * FROM {table}") for table in ("course", "student")}  # noqa: S608
    copy = ("coursehub", "gradebook", "copy", "python-intro")
    with psycopg.connect(URL, autocommit=True) as admin:
        admin.execute("CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''no more''; END'")
        admin.execute("CREATE TRIGGER fails BEFORE INSERT ON grade EXECUTE FUNCTION fails()")
        said = refused(*copy)
        assert "nothing was copied" in said and "no more" in said, said
        assert {table: rows(f"SELECT * FROM {table}") for table in ("course", "student")} == rows_before  # noqa: S608
        admin.execute("DROP TRIGGER fails ON grade")
    done = ended(at_work("anna", "instructor", *copy))
    assert "Copied" in done, done
    assert (COURSE / "gradebook.db").read_bytes() == before, "the file has changed"
    assert rows("SELECT id, first_name FROM student ORDER BY id") == [("clara", None), ("david", None), ("zoe", "Zoë")]
    assert rows("SELECT auto_score FROM grade") == [(2.0,)] * len(STUDENTS)
    again = refused(*copy)
    assert "has rows already" in again, again
    # It goes on from there.
    hand_in("clara", "return 0")
    for words in (("collect", "one", "--update"), ("autograde", "one")):
        ended(at_work("ben", "grading", "nbgrader", *words))
    assert sorted(rows("SELECT auto_score FROM grade")) == [(0.0,), (2.0,)]
    assert "database is already at" not in ended(at_work("anna", "instructor", "nbgrader", "db", "upgrade"))


TESTS = (
    a_server_without_an_address_or_with_a_mistaken_one_says_who_mends_it,
    a_server_that_refuses_or_is_silent_ends_in_a_sentence,
    nobody_waits_without_end_and_what_is_cut_off_is_undone,
    three_grade_from_release_to_export_and_formgrader_keeps_nothing_open,
    a_gradebook_is_brought_from_its_file_whole_or_not_at_all,
    test_graders.of_several_who_begin_a_gradebook_at_once_one_makes_it,
    test_graders.nothing_is_lost_of_what_three_do_at_random,
)

if __name__ == "__main__":
    sys.exit(main(TESTS))
