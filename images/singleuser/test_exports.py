"""What leaves the system: grades as tables, and submissions as a zip; runs in the image as test_image.py does."""
# ruff: noqa: S101, PT018  (plain scripts: no pytest in the image)

import csv
import io
import json
import ntpath
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from coursehub_zip import Members, Mentions
from test_collecting import NAMES, full, tree, write
from test_grading import kernel
from test_image import (
    ANNA,
    COURSE,
    HOME,
    PEOPLE,
    environment,
    gradebook,
    handed_out,
    learn,
    made_once,
    main,
    new_pod,
    run,
    solve,
    teach,
    told,
    until,
    warmed,
)
from test_links import LINK, SECOND_NAME, give

ANNAS = HOME / "anna"
# A name that a teacher can choose: a formula for a spreadsheet, with what CSV itself is made of.
ODD = '=1 "Lab", ü'
LATE = {"LateSubmissionPlugin": {"penalty_method": "zero"}}


def export(*words: str, role: str = "instructor", check: bool = True, cwd: Path = ANNAS) -> str:
    """What `coursehub` says to Anna."""
    done = run(warmed(["coursehub", *words]), role, ANNA, cwd=cwd, check=check)
    assert "Traceback" not in done.stderr, done.stderr
    assert check or done.returncode == 1, (words, done)
    return done.stdout + done.stderr


def grades(*words: str, **more: Any) -> str:
    return export("grades", "export", "python-intro", *words, **more)


def packed(*words: str, **more: Any) -> str:
    return export("submissions", "export", "python-intro", *words, **more)


def table(name: str, encoding: str = "utf-8") -> list[list[str]]:
    """The rows of a table in Anna's home, as Python reads them."""
    return list(csv.reader(io.StringIO((ANNAS / name).read_bytes().decode(encoding))))


def changed(program: str) -> None:
    """Somebody has done something to the gradebook `b`."""
    begin = "import nbgrader.api as n; b = n.Gradebook('sqlite:////course/gradebook.db', 'python-intro'); "
    run(warmed(["python3", "-c", begin + program]), "instructor")


def by_hand(name: str) -> None:
    """Anna gives out an assignment with one answer that is graded by hand."""
    flags = {"grade": True, "locked": False, "solution": True, "task": False, "schema_version": 3}
    answer = {"id": "why", "cell_type": "markdown", "source": "Why?"}
    answer["metadata"] = {"nbgrader": {**flags, "grade_id": "why", "points": 3}}  # type: ignore[assignment]
    text = json.dumps({"cells": [answer], "metadata": kernel("python"), "nbformat": 4, "nbformat_minor": 5})
    run(
        ["sh", "-c", 'mkdir -p "source/$1" && printf %s "$0" >"source/$1/b.ipynb"', text, name],
        "instructor",
        cwd=COURSE,
    )
    teach("generate_assignment", name)
    teach("release_assignment", name)


@made_once
def half_graded() -> None:
    """`one` is due between Clara's and David's, ODD waits for Anna's judgement of Clara's, and `new` for anybody."""
    handed_out()
    by_hand(ODD)
    by_hand("new")
    solve("clara")
    solve("david")
    learn("clara", "submit", "one")
    # Due dates are of whole seconds.
    due = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
    teach("db", "assignment", "add", "one", f"--duedate={due:%Y-%m-%d %H:%M:%S} UTC")
    while datetime.now(UTC) <= due:
        time.sleep(0.1)
    learn("david", "submit", "one")
    learn("clara", "fetch_assignment", ODD)
    # What is left as it was gets no points, and waits for nobody.
    notebook = HOME / "clara/python-intro" / ODD / "b.ipynb"
    found = json.loads(notebook.read_text())
    found["cells"][0]["source"] = "Because."
    notebook.write_text(json.dumps(found))
    learn("clara", "submit", ODD)
    teach("collect", "one")
    teach("collect", ODD)
    with told(**LATE):
        teach("autograde", "one", role="grading")
        teach("autograde", ODD, role="grading")


@made_once
def graded() -> None:
    """The same, with 2.5 points of Anna's for Clara's answer, and with what people are called elsewhere."""
    half_graded()
    changed(
        f"g = b.find_grade('why', 'b', {ODD!r}, 'clara'); g.manual_score, g.needs_manual_grade = 2.5, False; "
        "b.update_or_create_student('clara', last_name='Ng', first_name='=Clara', email='C.Ng@uni.example'); "
        "b.update_or_create_student('david', lms_user_id='00123'); b.db.commit()"
    )


def half_grades_are_named_and_written_only_where_that_is_meant() -> None:
    half_graded()
    said = grades(check=False)
    assert f"1 waiting for manual grading: {ODD!r} of clara" in said, said
    assert "Nothing was exported" in said and not list(ANNAS.glob("*.csv")), said
    # Another assignment is no hindrance to this one.
    grades("--assignment", "one", "--format=moodle", "--output", "one.csv")
    assert [row[0] for row in table("one.csv")] == ["Username", "clara", "david"]
    said = grades("--anyway", "--format=moodle")
    assert f"{ODD!r} of clara" in said and "Left out, as nobody has points: 'new'" in said, said
    assert len(table("python-intro-moodle.csv")) == 3
    # What came in since is not in the gradebook.
    learn("david", "fetch_assignment", ODD)
    learn("david", "submit", ODD)
    learn("clara", "submit", "one")
    teach("collect", ODD)
    teach("collect", "one", "--update")
    # As autograding leaves it that has failed in the middle: the gradebook has her work, and nothing of it.
    shutil.rmtree(COURSE / "autograded/clara" / ODD)
    said = grades(check=False)
    assert f"2 collected, but not autograded: {ODD!r} of clara, david" in said, said
    assert "1 collected again since it was autograded: 'one' of clara" in said, said


def tables_have_the_columns_that_each_program_imports_and_formgraders_points() -> None:
    graded()
    program = "{s.student_id: max(0, s.score - s.late_submission_penalty) for s in b.assignment_submissions(%r)}"
    assert gradebook(program % "one") == {"clara": 2.0, "david": 0.0}, "the late penalty is missing"
    said = grades("--format=moodle")
    assert f"Wrote 'python-intro-moodle.csv': 2 students; {ODD!r} of 3 points, 'one' of 2 points" in said, said
    quoted = f"'{ODD}"
    # By due date, as in Formgrader; David did not hand in the other.
    assert table("python-intro-moodle.csv") == [["Username", quoted, "one"], ["david", "", "0"], ["clara", "2.5", "2"]]
    grades("--format=moodle", "--zero", "--force")
    assert table("python-intro-moodle.csv")[1] == ["david", "0", "0"]
    grades("--format=canvas", "--domain=uni.example")
    head = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
    assert table("python-intro-canvas.csv") == [
        [*head, quoted, "one"],
        ["    Points Possible", "", "", "", "", "3", "2"],
        ["david", "", "", "david@uni.example", "", "", "0"],
        ["clara", "", "", "C.Ng@uni.example", "", "2.5", "2"],
    ]
    grades()
    head, *rows = table("python-intro-csv.csv", "utf-8-sig")
    assert head[:1] + head[3:] == ["assignment", "student_id", "last_name", "first_name", "email", "raw_score",
                                   "late_submission_penalty", "score", "max_score"]  # fmt: skip
    assert [row[:1] + row[3:] for row in rows] == [
        [quoted, "david", "", "", "", "", "", "", "3"],
        [quoted, "clara", "Ng", "'=Clara", "C.Ng@uni.example", "2.5", "0", "2.5", "3"],
        ["one", "david", "", "", "", "2", "2", "0", "2"],
        ["one", "clara", "Ng", "'=Clara", "C.Ng@uni.example", "2", "0", "2", "2"],
    ]
    # nbgrader's own command writes the same table; who handed in nothing has 0 points there.
    teach("export", "--to", str(ANNAS / "own.csv"))
    own = table("own.csv")
    assert own[0] == head and {tuple(row[2:4]) + tuple(row[7:10]) for row in own if row[0] == quoted} >= {
        ("", "david", "0", "0", "0")
    }
    assert [row for row in own[1:] if row[2]] == [row for row in rows if row[2]]
    teach("export", "--to", str(ANNAS / "own.csv"), "--assignment", "['one']", "--student", "['david']")
    assert [row[3] for row in table("own.csv")] == ["student_id", "david"]


def who_cannot_be_found_elsewhere_is_named_and_no_other_is_taken_for_them() -> None:
    graded()
    said = grades("--format=moodle", "--by=id", check=False)
    assert "clara has no id in the gradebook" in said and not list(ANNAS.glob("*.csv")), said
    grades("--format=moodle", "--by=id", "--anyway")
    assert table("python-intro-moodle.csv")[0][0] == "ID number"
    assert [row[0] for row in table("python-intro-moodle.csv")[1:]] == ["00123"], "a line without a person"
    # As a teacher has a list from elsewhere.
    write(ANNAS / "people.csv", "id,email,lms_user_id\nclara,x@uni.example,00123\n=2+3,,7\n", "anna")
    teach("db", "student", "import", str(ANNAS / "people.csv"))
    said = grades("--format=canvas", "--by=id", check=False)
    assert "david, clara have the same id, '00123'" in said or "clara, david have the same id" in said, said
    said = grades("--format=canvas", check=False)
    assert "the login of '=2+3' is none: '=2+3'" in said, said
    # Titles that Canvas does not read as they are.
    changed(f"b.find_assignment({ODD!r}).name = 'Lab (1)'; b.db.commit()")
    said = grades("--format=canvas", "--anyway", check=False)
    assert "Canvas would take the column 'Lab (1)' for something else" in said, said
    grades("--format=moodle", "--anyway", "--force")


def what_somebody_wrote_into_the_gradebook_runs_in_no_spreadsheet_and_on_no_terminal() -> None:
    graded()
    evil = "a\n=cmd|' /C calc'!A0\u202e\x1b]0;x\x07"
    changed(
        f"b.find_assignment({ODD!r}).name = {evil!r}; b.add_student({evil!r}, last_name='+1', first_name='x;@SUM(1)'); "
        f"b.update_or_create_student('clara', email={evil!r}); b.db.commit()"
    )
    for form in ("csv", "moodle", "canvas"):
        said = grades(f"--format={form}", "--by=email", "--domain=uni.example", "--anyway")
        assert said.replace("\n", "").isprintable(), said
        text = (ANNAS / f"python-intro-{form}.csv").read_text("utf-8-sig")
        assert not re.search(r"(^|[,;\n])[\s\"]*[=+@]", text) and "\x1b" not in text and "\u202e" not in text, text
        assert "\\n=cmd|" in text, text
    # Not what nbgrader writes at all.
    for program, why in (
        ("UPDATE grade SET manual_score = 9e999", "are no number"),
        ("UPDATE submitted_assignment SET timestamp = 'x'", "Invalid isoformat string: 'x'"),
        ("UPDATE assignment SET name = CAST(X'1B5D80' AS TEXT) WHERE name = 'one'", "Could not decode to UTF-8"),
    ):
        changed(f"import sqlalchemy as s; b.db.execute(s.text({program!r})); b.db.commit()")
        said = grades(check=False)
        assert "The gradebook cannot be read: " in said and why in said and "\x1b" not in said, (program, said)
    (COURSE / "gradebook.db").write_bytes(b"no gradebook" * 100)
    assert "The gradebook cannot be opened: file is not a database" in grades(check=False)


def an_export_is_whole_or_not_there_and_takes_nothing_that_is() -> None:
    graded()
    (ANNAS / "python-intro-csv.csv").write_text("Anna's own")
    said = grades(check=False)
    assert "python-intro-csv.csv' is there already; name another with --output" in said, said
    (ANNAS / "folder").mkdir()
    (ANNAS / "folder/kept").touch()
    give(ANNAS, ANNA)
    for command in (grades, lambda *words, **more: packed("one", *words, **more)):
        said = command("--output=folder", "--force", check=False)
        assert f"'{ANNAS}/folder' is a folder; name a file in it" in said, said
        assert f"there is no folder '{ANNAS}/nowhere'; make it" in command("--output=nowhere/x", check=False)
        assert "you cannot write into '/etc'; name a file in your home" in command("--output=/etc/x", check=False)
    teach("export", "--to", str(ANNAS / "folder"), check=False)
    assert (ANNAS / "folder/kept").exists(), "the folder in the file's place is gone"
    # Where others can write, another's link leads nowhere.
    for name in ("x.csv", "x.zip", "x-names.csv"):
        (COURSE / name).symlink_to(ANNAS / ".profile")
        give(COURSE / name, PEOPLE["ben"])
    assert LINK in grades("--output=/course/x.csv", "--force", check=False)
    assert LINK in packed("one", "--output=/course/x.zip", "--force", check=False)
    (COURSE / "x.zip").unlink()
    assert LINK in packed("one", "--output=/course/x.zip", "--without-names", "--force", check=False)
    assert not (ANNAS / ".profile").exists() and not (COURSE / "x.zip").exists()
    write(COURSE / "submitted/clara/one/data", os.urandom(2_000_000), "anna")
    (ANNAS / "python-intro-one.zip").write_text("Anna's own")
    give(ANNAS, ANNA)
    with full(ANNAS):
        before = tree(ANNAS)
        for said in (
            grades("--force", check=False),
            packed("one", "--force", check=False),
            packed("one", "--without-names", "--force", check=False),
        ):
            assert "Nothing was exported to" in said and "(No space left on device)" in said, said
            assert tree(ANNAS) == before and not list(ANNAS.glob(".making-*")), said
    # Who may only look, looks: an archived course.
    subprocess.run(["mount", "--bind", COURSE, COURSE], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", COURSE], check=True)
    try:
        grades("--force")
        packed("one", "--force")
    finally:
        subprocess.run(["umount", COURSE], check=True)
    asked = warmed(["coursehub", "grades", "export", "python-intro"])
    done = run(asked, "student", PEOPLE["clara"], name="clara", check=False)
    assert done.returncode == 2 and "is none of what it does here: receipt." in done.stderr, done


# --- submissions ---


def odd_names() -> dict[str, bytes]:
    """Clara's has files as people and systems call them; all of them, with what is in each."""
    folder = COURSE / "submitted/clara/one"
    names = [*NAMES.values(), "a:b.txt", "a_b.txt", "A_B.txt", "con.txt", "end.", "..\\..\\up.txt", "Data", "data/x"]
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(exist_ok=True)
        write(folder / name, f"{number}", "anna")
    return tree(folder)


def a_zip_has_each_students_newest_by_names_that_every_system_takes_and_nothing_secret() -> None:
    graded()
    mine = odd_names()
    said = packed("one")
    with ZipFile(ANNAS / "python-intro-one.zip") as made:
        names = made.namelist()
        assert made.testzip() is None
        content = {name: made.read(name) for name in names}
        assert {info.date_time[:3] for info in made.infolist()} == {(1980, 1, 1)}
    assert {name.split("/")[0] for name in names} == {"clara", "david"}
    assert sorted(value for name, value in content.items() if name.startswith("clara/")) == sorted(
        value for name, value in mine.items() if name != "submission_secret.txt"
    ), "a file is missing, or there twice"
    assert b"x ** 2" in content["clara/a.ipynb"] and content["clara/timestamp.txt"]
    secrets = [path.read_bytes() for path in COURSE.glob("submitted/*/one/submission_secret.txt")]
    assert len(secrets) == 2 and not any(secret in value for secret in secrets for value in content.values())
    taken = {name.casefold() for name in names} | {name.rpartition("/")[0].casefold() for name in names}
    assert len(taken) == len(names) + len({name.rpartition("/")[0] for name in names}), names
    for name in names:
        assert not any(ntpath.isreserved(part) or part == ".." or "\\" in part for part in name.split("/")), name
        name.encode()
    assert "Named otherwise, so that every system can unpack them: 1" in said, said
    # The same again, when times and owners are others.
    first = (ANNAS / "python-intro-one.zip").read_bytes()
    for path in (COURSE / "submitted").rglob("*"):
        os.utime(path)
    os.chown(COURSE / "submitted/clara/one/a.ipynb", PEOPLE["ben"]["user"], 70101)
    packed("one", "--force")
    assert (ANNAS / "python-intro-one.zip").read_bytes() == first, "the same files make another zip"
    assert f"Nothing is collected of 'two', only of: {ODD!r}, 'one'" in packed("two", check=False)


def as_many(names: Sequence[str]) -> dict[str, Path]:
    """As many more have handed in what David has, or so it seems."""
    folders = {name: COURSE / "submitted" / name / "one" for name in names}
    for folder in folders.values():
        subprocess.run(["cp", "-a", COURSE / "submitted/david", folder.parent], check=True)
    return folders


def without_names_numbers_are_by_chance_and_the_key_is_a_file_of_its_own() -> None:
    graded()
    write(COURSE / "submitted/david/one/note.txt", "x" * (2**20 - 3) + " David did this", "anna")
    logins = [f"student{number}" for number in range(20)]
    as_many(logins)
    packed("one", "--without-names", "--output=check.zip")
    first = (ANNAS / "check-names.csv").read_text()
    said = packed("one", "--without-names", "--output=check.zip", "--force")
    assert (ANNAS / "check-names.csv").read_text() != first, "who is which can be known"
    assert (ANNAS / "check-names.csv").stat().st_mode & 0o777 == 0o600
    head, *rows = table("check-names.csv")
    whose = dict(rows)
    assert head == ["folder", "login"] and sorted(whose) == [f"{number:03}" for number in range(1, 23)], rows
    assert sorted(whose.values()) == sorted([*logins, "clara", "david"])
    with ZipFile(ANNAS / "check.zip") as made:
        content = {name: made.read(name) for name in made.namelist()}
    assert {name.split("/")[0] for name in content} == {*whose}
    assert {name.split("/")[1] for name in content} == {"a.ipynb", "note.txt"}, "times or secrets are in it"
    (davids,) = [number for number, login in whose.items() if login == "david"]
    assert b" David did" in content[f"{davids}/note.txt"]
    assert f"The student's login is in the files of: {davids}\n" in said, said
    raw = (ANNAS / "check.zip").read_bytes()
    assert not any(login.encode() in raw for login in whose.values())


def what_is_no_plain_file_is_named_and_nothing_is_half_packed() -> None:
    graded()
    secret = ANNAS / "secret.txt"
    secret.write_text("Anna's own")
    for path in (ANNAS, secret):
        give(path, ANNA)

    def many(folder: Path) -> None:
        for number in range(2001):
            (folder / str(number)).touch()

    def elsewhere(folder: Path) -> None:
        shutil.rmtree(folder)
        folder.symlink_to(ANNAS)

    spoilt: dict[str, tuple[Callable[[Path], object], str]] = {
        "s1": (lambda folder: (folder / "link").symlink_to(secret), "'link' in it is a link"),
        "s2": (elsewhere, LINK),
        "s3": (lambda folder: os.mkfifo(folder / "pipe"), "'pipe' in it is neither a file nor a folder"),
        "s4": (lambda folder: (folder / "a\nb").touch(), "the name 'a\\nb' in it has control characters"),
        "s5": (lambda folder: os.truncate(folder / "a.ipynb", 200_000_000), "larger than a submission may be, 100 MB"),
        "s6": (lambda folder: (folder / "a.ipynb").chmod(0), "Permission denied"),
        "s7": (many, "it holds more than 2000 files"),
        "s8": (lambda folder: (folder / "/".join("d" * 25)).mkdir(parents=True), "its folders are more than 20 deep"),
        "s9": (lambda folder: os.link(secret, folder / "own.txt"), SECOND_NAME),
        "=s": (lambda _: None, "this is no login"),
    }
    for name, folder in as_many([*spoilt]).items():
        spoilt[name][0](folder)
    said = packed("one", check=False)
    lines = [line for line in said.splitlines() if line.startswith("The submission of ")]
    assert len(lines) == len(spoilt), said
    for name, (_, why) in spoilt.items():
        (line,) = [
            line for line in lines if line.startswith((f"The submission of {name}:", f"The submission of '{name}':"))
        ]
        assert why in line, line
    assert not list(ANNAS.glob("*.zip")) and not list(ANNAS.glob(".making-*"))
    packed("one", "--anyway")
    with ZipFile(ANNAS / "python-intro-one.zip") as made:
        assert {name.split("/")[0] for name in made.namelist()} == {"clara", "david"}
        assert not any(b"Anna's own" in made.read(name) for name in made.namelist())


def packing_takes_no_more_memory_for_more() -> None:
    graded()
    program = "import resource, sys, coursehub_command as c; c.main(sys.argv[1:]); "
    program += "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    peaks = []
    for number in range(2):
        for student in ("clara", "david"):
            with (COURSE / f"submitted/{student}/one/large").open("wb") as file:
                file.truncate(number * 90_000_000)
        words = ["submissions", "export", "python-intro", "one", f"--output={number}.zip", "--without-names"]
        done = run(["python3", "-c", program, *words], "instructor", cwd=ANNAS)
        peaks.append(int(done.stdout.split()[-1]))
    assert peaks[1] - peaks[0] < 20_000, peaks
    # Whoever stops it, has nothing of it.
    as_many([f"student{number}" for number in range(20)])
    for folder in (COURSE / "submitted").glob("*/one"):
        with (folder / "large").open("wb") as file:
            file.truncate(90_000_000)
    new_pod()
    command = ["coursehub", "submissions", "export", "python-intro", "one", "--output=stopped.zip"]
    process = subprocess.Popen(
        command, env=environment("instructor"), cwd=ANNAS, stderr=subprocess.PIPE, text=True, **ANNA
    )
    until(lambda: any(path.stat().st_size for path in ANNAS.glob(".making-*/stopped.zip")), "it does not begin")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == 130 and not said and not list(ANNAS.glob("*stopped*")), (process.returncode, said)
    assert not list(ANNAS.glob(".making-*"))


def names_in_a_zip_are_each_ones_own() -> None:
    members = Members()
    paths = [("A",), ("a", "x"), ("a", "X"), ("A~2",), ("\u00e9",), ("e\u0301",), ("NUL",), ("nul",), ("x",), ("x ",)]
    names = [members.of(*path) for path in paths]
    assert len({name.casefold() for name in names}) == len(paths), names
    assert names[:3] == ["A", "a~2/x", "a~2/X~2"], names
    assert members.of("a", "x") == "a~2/x"
    assert not any(ntpath.isreserved(part) for name in names for part in name.split("/")), names
    for parts, found in (
        ((b"by maria.",), True),
        ((b"by ma", b"ria"), True),
        ((b"MARIA",), True),
        ((b"marias", b"maria2", b"amaria "), False),
        ((b"x" * 200 + b" mari", b"a " + b"x" * 200), True),
    ):
        mentions = Mentions("maria")
        for part in parts:
            mentions.read(part)
        assert mentions.found == found, parts


TESTS: tuple[Callable[[], None], ...] = (
    half_grades_are_named_and_written_only_where_that_is_meant,
    tables_have_the_columns_that_each_program_imports_and_formgraders_points,
    who_cannot_be_found_elsewhere_is_named_and_no_other_is_taken_for_them,
    what_somebody_wrote_into_the_gradebook_runs_in_no_spreadsheet_and_on_no_terminal,
    an_export_is_whole_or_not_there_and_takes_nothing_that_is,
    a_zip_has_each_students_newest_by_names_that_every_system_takes_and_nothing_secret,
    without_names_numbers_are_by_chance_and_the_key_is_a_file_of_its_own,
    what_is_no_plain_file_is_named_and_nothing_is_half_packed,
    packing_takes_no_more_memory_for_more,
    names_in_a_zip_are_each_ones_own,
)

if __name__ == "__main__":
    sys.exit(main(TESTS))
