"""Due dates, extensions and receipts, as students and instructors see them; runs in the image as test_image.py does."""
# ruff: noqa: S101, PT018  (plain scripts: no pytest in the image)

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import coursehub_extend
import nbgrader_receipt
from nbgrader.converters.base import NbGraderException
from nbgrader_due import Due, dumped, loaded, moment, span
from nbgrader_rules import MOST_FILES
from test_grading import with_zone
from test_image import (
    ANNA,
    COURSE,
    EXCHANGE,
    HOME,
    PEOPLE,
    SETTINGS,
    get,
    gradebook,
    handed_out,
    learn,
    main,
    nbgrader,
    new_pod,
    run,
    scores,
    server,
    solve,
    teach,
    told,
    warmed,
)

INBOUND, OUTBOUND, FEEDBACK = (EXCHANGE / "python-intro" / name for name in ("inbound", "outbound", "feedback"))
HOUR = timedelta(hours=1)


def utc(time: datetime) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC")


def coursehub(who: str, *words: str, role: str = "student", check: bool = True) -> str:
    """What the command says to a student, or to an instructor."""
    person = PEOPLE[who] if role == "student" else {**PEOPLE[who], "group": 70101}
    asked, settings = warmed(["coursehub", *words]), json.dumps(SETTINGS)
    done = run(asked, role, person, name=who, check=check, COURSEHUB_NBGRADER=settings, TZ="UTC")
    assert check or done.returncode in (1, 2), done
    assert "Traceback" not in done.stdout + done.stderr, done
    return done.stdout + done.stderr


def extend(*words: str, check: bool = True) -> str:
    return coursehub("anna", "extend", "python-intro", *words, role="instructor", check=check)


def due(time: datetime, name: str = "one") -> None:
    teach("db", "assignment", "add", name, f"--duedate={utc(time)}")


# --- what needs no course ---


def a_span_is_read_in_two_units() -> None:
    for seconds, words in {
        0.2: "1 second", 59: "59 seconds", 60: "1 minute", 3600: "1 hour", 7265: "2 hours 1 minute",
        90000: "1 day 1 hour", 86401: "1 day", 86460: "1 day", 40 * 86400 + 7200: "40 days 2 hours",
    }.items():  # fmt: skip
        assert span(timedelta(seconds=seconds)) == words, (seconds, span(timedelta(seconds=seconds)))


def the_later_of_two_due_dates_holds() -> None:
    noon = datetime(2026, 12, 24, 12)
    for found, time, extended in (
        (Due(), None, False), (Due(noon), noon, False), (Due(noon, noon + HOUR), noon + HOUR, True),
        (Due(noon, noon), noon, False), (Due(noon, noon - HOUR), noon, False), (Due(None, noon), None, False),
    ):  # fmt: skip
        assert (found.time, found.extended) == (time, extended), found
        assert found.late(noon + 3 * HOUR) == (noon + 3 * HOUR - time if time else timedelta()), found
        assert not found.late(noon), found
    for dates in ({"a b": noon, "c": None}, {"x": datetime.max, "y": datetime.min, "z": noon.replace(microsecond=1)}):
        assert loaded(json.loads(json.dumps(dumped(dates)))) == dates
    for wrong in ([], None, "x", {"a": "soon"}, {"a": 5}, {"a": ["2026-01-01"]}):
        try:
            found = loaded(wrong)
        except ValueError:
            continue
        raise AssertionError((wrong, found))


def a_time_until_when_is_meant_in_the_courses_zone_and_is_a_whole_one() -> None:
    with_zone("Europe/Helsinki")
    for written, right in {
        "2026-12-24 12:00": "2026-12-24 12:00:00 EET",
        "2026-07-24 12:00": "2026-07-24 12:00:00 EEST",
        "2026-07-24T12:00:30": "2026-07-24 12:00:30 EEST",
        "2026-07-24 12:00 UTC": "2026-07-24 15:00:00 EEST",
        # Where the clocks change the hour is there twice, and the first is taken, or never.
        "2026-10-25 03:30": "2026-10-25 03:30:00 EEST",
        "2026-10-25 03:30 EET": "2026-10-25 03:30:00 EET",
        "2026-03-29 03:30": "2026-03-29 04:30:00 EEST",
    }.items():
        found = coursehub_extend._until(written)
        assert moment(found) == right, (written, moment(found))
    for written in (
        "2026-12-24",
        "12:00",
        "tomorrow",
        "2026-02-30 12:00",
        "2026-12-24 12:00 NOWHERE",
        "24.12.2026 12:00",
    ):
        try:
            found = coursehub_extend._until(written)
        except NbGraderException as refusal:
            found = str(refusal)
        assert "write both, as '2026-12-24 12:00'" in str(found), (written, found)
    # The last day of all is no mistake that takes a list away.
    assert moment(datetime.max).startswith("9999-12-31 23:59:59")
    del os.environ["COURSEHUB_NBGRADER"]


# --- a due date ---


def a_student_sees_the_due_date_and_by_how_much_each_submission_is_late() -> None:
    with told(NbGraderAPI={"timezone": "Asia/Tokyo"}):
        handed_out()
        ends = datetime.now(UTC).replace(microsecond=0) - 2 * HOUR
        shown = f"{ends.astimezone(ZoneInfo('Asia/Tokyo')):%Y-%m-%d %H:%M:%S} JST"
        # Without a zone it is the course's, in a gradebook in UTC. What is not released yet is not told.
        teach("db", "assignment", "add", "one", f"--duedate={shown.removesuffix(' JST')}")
        due(ends, "secret")
        assert (OUTBOUND / ".dates.json").stat().st_mode & 0o777 == 0o664
        assert json.loads((OUTBOUND / ".dates.json").read_text()) == {"one": f"{ends:%Y-%m-%dT%H:%M:%S}Z"}
        settings = json.dumps(SETTINGS)

        def listed(*more: str) -> str:
            new_pod()
            asked = nbgrader("list", *more)
            done = run(asked, "student", PEOPLE["clara"], name="clara", COURSEHUB_NBGRADER=settings)
            return done.stdout + done.stderr

        assert f"python-intro one, due {shown} (already downloaded)" in listed(), listed()
        said = learn("clara", "submit", "one")
        assert "It is late by 2 hours" in said and "what that costs is your course's rule" in said, said
        (line,) = (line for line in listed("--cached").splitlines() if "clara one" in line)
        assert " JST, late by 2 hours" in line and "counts" not in line, line
        learn("clara", "submit", "one")
        first, second = (line for line in listed("--cached").splitlines() if "clara one" in line)
        assert "counts" not in first and "late by 2 hours" in second and ", counts (no feedback available)" in second
        said = teach("list", "--inbound")
        assert said.count(", late by 2 hours") == 2 and said.count(", counts") == 1, said


def a_date_that_changes_in_formgrader_or_is_taken_away_reaches_students() -> None:
    handed_out()
    learn("clara", "submit", "one")
    (kept,) = (HOME / "clara/.local/share/jupyter/nbgrader_cache/python-intro").glob("clara+one+*")
    home = HOME / "anna/.local/share/jupyter/nbgrader_cache/python-intro"
    # An hour in which the clocks went back, as the list in JupyterLab has it.
    times = ("2026-10-25 00:10:00.000000 UTC", "2026-10-25 00:50:00.000000 UTC", "2026-10-25 01:20:00.000000 UTC")
    for time in times:
        shutil.copytree(kept, home / f"anna+one+{time}")
    subprocess.run(["chown", "-R", "51234:51234", HOME / "anna/.local"], check=True)
    zone = {"COURSEHUB_NBGRADER": json.dumps({"NbGraderAPI": {"timezone": "Europe/Helsinki"}}), "TZ": "UTC"}
    new_pod()
    with server("instructor", **zone):
        change = {"duedate_notimezone": "2026-10-25T03:15", "duedate_timezone": ""}
        assert json.loads(get("formgrader/api/assignment/one", "PUT", change)[1])["duedate"] == "2026-10-25T00:15:00"
        released, submitted = json.loads(get("assignments?course_id=python-intro")[1])["value"]
        assert released["due"] == "due 2026-10-25 03:15:00 EEST", released
        assert [each["timestamp"] for each in submitted["submissions"]] == [
            "2026-10-25 03:10:00 EEST",
            "2026-10-25 03:50:00 EEST, late by 35 minutes",
            "2026-10-25 03:20:00 EET, late by 1 hour 5 minutes, counts",
        ], submitted
        change = {"duedate_notimezone": None, "duedate_timezone": None}
        get("formgrader/api/assignment/one", "PUT", change)
        released, _ = json.loads(get("assignments?course_id=python-intro")[1])["value"]
        assert released["due"] == "", released
        wanted = {"course_id": "python-intro", "assignment_id": "one"}
        assert "said" not in json.loads(get("assignments/fetch", "POST", wanted)[1])
        said = json.loads(get("assignments/submit", "POST", wanted)[1])["said"]
        assert said.startswith("one: ") and said.endswith(
            "EET, counts. `coursehub receipt python-intro one` in a terminal shows what you handed in."
        ), said
        # What cannot be told is changed all the same.
        (OUTBOUND / ".dates.json").unlink()
        (OUTBOUND / ".dates.json").mkdir()
        change = {"duedate_notimezone": "2026-10-25T03:15", "duedate_timezone": ""}
        assert json.loads(get("formgrader/api/assignment/one", "PUT", change)[1])["duedate"] == "2026-10-25T00:15:00"
        (OUTBOUND / ".dates.json").rmdir()
        get("formgrader/api/assignment/one", "PUT", change)
        said = json.loads(get("assignments/submit", "POST", wanted)[1])["said"]
        assert ", late by " in said and ", counts. What being late costs is your course's rule. `" in said, said
        assert "said" not in json.loads(get("assignments?course_id=python-intro")[1])
    (OUTBOUND / ".dates.json").unlink()
    said = teach("release_assignment", "one", "--force")
    assert "due dates" not in said and "one" in json.loads((OUTBOUND / ".dates.json").read_text()), said


# --- an extension ---


def an_extension_is_the_students_alone_and_counts_everywhere() -> None:
    with told(LateSubmissionPlugin={"penalty_method": "zero"}):
        handed_out()
        ends = datetime.now(UTC).replace(microsecond=0) - 2 * HOUR
        due(ends)
        more = f"{ends + 5 * HOUR:%Y-%m-%d %H:%M:%S}"
        assert f"one, due {utc(ends)}" in learn("clara", "list")
        said = extend("one", "clara", "--until", more)
        assert f"one, due {utc(ends)}\n  clara: until {more} UTC\n" in said, said
        assert f"one, due {more} UTC, extended for you" in learn("clara", "list")
        assert f"one, due {utc(ends)} (already" in learn("david", "list"), "one student's date is another's"
        # An extension needs no submission in the gradebook, where it would be shown, and be in a new version's way.
        assert gradebook("len(b.find_assignment('one').submissions)") == 0
        for name in ("clara", "david"):
            solve(name)
            said = learn(name, "submit", "one")
            assert ("It is late by" in said) == (name == "david"), said
        said = learn("clara", "list", "--cached")
        assert "clara one" in said and "late by" not in said, said
        said = teach("list", "--inbound")
        assert [("late by" in line) for line in said.splitlines() if "python-intro" in line] == [False, True], said
        teach("collect", "one")
        said = teach("autograde", "one", role="grading")
        assert "for clara> is" not in said and "for david> is" in said, said
        assert gradebook("[b.find_submission('one', n).total_seconds_late > 0 for n in ('clara', 'david')]") == [0, 1]
        penalties = "[b.find_submission('one', n).late_submission_penalty for n in ('clara', 'david')]"
        assert gradebook(penalties) == [0, 2]
        # What is in the gradebook already follows; another due date for all leaves the student's own.
        extend("one", "david", "--until", more)
        assert gradebook("b.find_submission('one', 'david').total_seconds_late") == 0
        due(ends - HOUR)
        assert (
            gradebook("b.find_submission('one', 'david').duedate.isoformat()") == f"{ends + 5 * HOUR:%Y-%m-%dT%H:%M:%S}"
        )
        teach("autograde", "one", "--force", role="grading")
        assert gradebook(penalties) == [0, 0]
        assert (said := extend()).count(f"until {more} UTC") == 2, said
        said = extend("one", "clara", "david", "--remove")
        assert "clara: as everybody" in said and "david: as everybody" in said, said
        assert gradebook("b.find_submission('one', 'clara').total_seconds_late") > 0
        assert "extended for you" not in learn("clara", "list")
        assert "Nobody has an extension." in extend()


def nobody_else_reads_an_extension() -> None:
    handed_out()
    ends = datetime.now(UTC).replace(microsecond=0)
    due(ends)
    until = utc(ends + HOUR)
    said = extend("one", "clara", "--until", until)
    assert "is not in their list yet" in said, said
    learn("clara", "list")
    learn("david", "list")
    # David's server has a key, too, and he leaves more of them: in Clara's name, half, a link, a pipe.
    key = (HOME / "david/.local/share/jupyter/nbgrader_cache/python-intro/.key").read_text()
    script = (
        'cd "$1"; printf %s "$2" >.key-x; printf short >.key-clara; ln -s /course/gradebook.db .key-l; mkfifo .key-p'
    )
    run(["sh", "-c", script, "sh", str(INBOUND), "0" * 64], "student", PEOPLE["david"], name="david")
    said = teach("collect", "one")
    assert "Students do not see" not in said, said
    said = extend()
    assert "clara: until" in said and "is not in their list yet" not in said, said
    assert "extended for you" in learn("clara", "list")
    (left,) = (path for path in INBOUND.iterdir() if path.stat().st_uid == 51236)
    assert left.stat().st_mode & 0o777 == 0o640 and left.stat().st_gid == 70101
    (told_to,) = FEEDBACK.glob(".dates-*")
    listing = f'ls "{FEEDBACK}" "{INBOUND}"; cat "{left}" /course/.extensions.json; true'
    done = run(["sh", "-c", listing], "student", PEOPLE["david"], name="david")
    assert not done.stdout and done.stderr.count("ermission denied") >= 3, done
    assert key not in told_to.name
    # A home that is lost, or whose person has another uid, has another key; what is told by the old one goes.
    shutil.rmtree(HOME / "clara/.local")
    left.unlink()
    learn("clara", "list")
    teach("collect", "one")
    assert [path for path in FEEDBACK.glob(".dates-*") if path == told_to] == []
    assert "extended for you" in learn("clara", "list")


def what_is_no_extension_is_refused_and_nothing_changes() -> None:
    handed_out()
    for words, why in (
        (
            ("two", "clara", "--until", "2026-12-24 12:00"),
            "there is no assignment 'two' in the gradebook; there is: 'one'",
        ),
        (("one", "clara", "--until", "2026-12-24 12:00"), "'one' has no due date"),
        (("one", "clara"), "say until when"),
        (("one", "--until", "2026-12-24 12:00"), "say for whom"),
        (("--remove",), "say for whom"),
    ):
        said = extend(*words, check=False)
        assert why in said, (words, said)
    due(datetime(2026, 12, 24, 12, tzinfo=UTC))
    for words, why in (
        (("one", "clara", "eve", "--until", "2026-12-25 12:00"), "there is no 'eve' among the course's people"),
        (("one", "clara", "--until", "2026-12-24 12:00"), "2026-12-24 12:00:00 UTC is not after the due date of 'one'"),
        (("one", "clara", "--until", "2026-12-25"), "is no day with a time"),
        (("one", "clara", "--until", "2026-12-25 12:00", "--remove"), "not allowed with"),
    ):
        said = extend(*words, check=False)
        assert why in said, (words, said)
    assert not (COURSE / ".extensions.json").exists()
    assert "'extend' is none of what it does here" in coursehub("clara", "extend", "python-intro", check=False)
    mode = COURSE.stat().st_mode
    COURSE.chmod(0)
    said = extend(check=False)
    COURSE.chmod(mode)
    assert "cannot be read or written (Permission denied" in said and "tell your admins" in said, said
    # What only the gradebook knows, by a program of somebody's, is listed, and is taken back.
    program = "import nbgrader.api as n; b = n.Gradebook('sqlite:////course/gradebook.db'); b.add_student('clara'); "
    program += "b.add_submission('one', 'clara'); b.grant_extension('one', 'clara', days=1)"
    run(warmed(["python3", "-c", program]), "instructor", {**ANNA, "group": 70101})
    assert "clara: until 2026-12-25 12:00:00 UTC" in extend()
    assert "clara: as everybody" in extend("one", "clara", "--remove")
    assert gradebook("b.find_submission('one', 'clara').extension is None")
    (COURSE / ".extensions.json").write_text("{")
    assert "is not as `coursehub extend` writes it" in extend("one", "clara", "--remove", check=False)
    assert (COURSE / ".extensions.json").read_text() == "{"
    (COURSE / ".extensions.json").unlink()
    (COURSE / ".extensions.json").symlink_to(HOME / "anna/x")
    assert "is a link" in extend("one", "clara", "--remove", check=False)


def collecting_what_came_in_time_counts_a_students_own_date() -> None:
    handed_out()
    times = {name: f"2026-10-01 {hour}:00:00.000000 UTC" for name, hour in (("early", 10), ("late", 12))}
    for name in ("clara", "david"):
        learn(name, "submit", "one")
        (there,) = INBOUND.glob(f"{name}+*")
        for which, time in times.items():
            subprocess.run(["cp", "-a", there, INBOUND / f"{name}+one+{time}+{which}"], check=True)
        shutil.rmtree(there)
    due(datetime(2026, 10, 1, 11, tzinfo=UTC))
    extend("one", "clara", "--until", "2026-10-01 13:00")
    teach("collect", "one", "--before-duedate")
    stamps = [(COURSE / f"submitted/{name}/one/timestamp.txt").read_text() for name in ("clara", "david")]
    assert stamps == [times["late"], times["early"]], stamps


# --- a receipt ---


def a_receipt_says_what_was_handed_in_and_can_be_read_again() -> None:
    handed_out()
    solve("clara")
    mine = HOME / "clara/python-intro/one"
    (mine / "data\x7f").unlink(missing_ok=True)
    (mine / "sub").mkdir()
    names = ("sub/ü 课.txt", os.fsdecode(b"caf\xe9.txt"), "submission_receipt.json")
    for name in names:
        (mine / name).write_text("mine")
    subprocess.run(["chown", "-R", "51236:51236", mine], check=True)
    said = learn("clara", "submit", "one")
    assert "`coursehub receipt python-intro one` shows it again" in said and "Receipt: 3 files, SHA-256 " in said, said
    over_all = said.split("SHA-256 ")[1].split(";")[0]
    (there,) = INBOUND.glob("clara+*")
    (kept,) = (HOME / "clara/.local/share/jupyter/nbgrader_cache/python-intro").glob("clara+*")
    receipt = json.loads((there / "submission_receipt.json").read_text())
    assert receipt == json.loads((kept / "submission_receipt.json").read_text()) and receipt["sha256"] == over_all
    hashes = {path.relative_to(there).as_posix(): path for path in there.rglob("*") if path.is_file()}
    assert {file["name"]: file["sha256"] for file in receipt["files"]} == {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in hashes.items()
        if name not in ("timestamp.txt", "submission_secret.txt", "submission_receipt.json")
    }
    time = (there / "timestamp.txt").read_text()
    said = coursehub("clara", "receipt", "python-intro", "one")
    assert f"python-intro one, clara: {time[:19]} UTC ({time})\n  SHA-256 of all: {over_all}\n" in said, said
    assert "sub/ü 课.txt: 4 bytes, " in said and "receipt" not in said.split("\n", 1)[1], said
    # The instructor reads what lies in the exchange, and it is the same.
    asked = ("receipt", "python-intro", "one", "--student", "clara")
    theirs = coursehub("anna", *asked, role="instructor")
    assert over_all in theirs and "receipt says something else" not in theirs and "after the time" not in theirs, theirs
    assert "you have submitted no 'one'" in coursehub("david", "receipt", "python-intro", "one", check=False)
    assert "unrecognized arguments" in coursehub("david", *asked, check=False)
    # Collecting takes it along, and the round goes on.
    teach("collect", "one")
    assert (COURSE / "submitted/clara/one/submission_receipt.json").read_text() == json.dumps(receipt)
    teach("autograde", "one", role="grading")
    assert scores() == {"clara": 2.0}
    # What is taken out of a folder of a submission is a change of it, too.
    submission = os.open(there, os.O_RDONLY)
    earlier = nbgrader_receipt.look(submission, 2**20)
    (there / names[0]).unlink()
    later = nbgrader_receipt.look(submission, 2**20)
    assert len(later.files) == len(earlier.files) - 1 and later.changed > earlier.changed, (earlier, later)


def a_forged_receipt_or_time_does_not_fool_an_instructor() -> None:
    handed_out()
    learn("clara", "submit", "one")
    (there,) = INBOUND.glob("clara+*")
    asked = ("receipt", "python-intro", "one", "--student", "clara", "--all")
    # She writes another solution into what she has handed in, and makes up one that came early.
    early = there.with_name("clara+one+2026-01-01 10:00:00.000000 UTC+x")
    script = 'cp -a "$1" "$2" && echo more >>"$1/a.ipynb" && rm "$2/submission_receipt.json"'
    run(["sh", "-ec", script, "sh", str(there), str(early)], "student", PEOPLE["clara"], name="clara")
    script = 'cp -a "$1" "$2"'
    davids = there.with_name("clara+one+2026-01-01 11:00:00.000000 UTC+x")
    mine = HOME / "david/python-intro/one"
    run(["sh", "-ec", script, "sh", str(mine), str(davids)], "student", PEOPLE["david"], name="david")
    said = coursehub("anna", *asked, role="instructor")
    assert said.count("SHA-256 of all") == 2 and "11:00:00" not in said, said
    assert said.index("It has no receipt") < said.index("Its receipt says something else"), said
    assert said.index("after the time that it says") < said.index("counts; there are 2"), said
    assert said.count("after the time that it says") == 1, said

    def link() -> None:
        (there / "x").symlink_to(HOME / "anna")

    def pipe() -> None:
        os.mkfifo(there / "x")

    def control() -> None:
        (there / "\x1b[31m").write_text("")

    def many() -> None:
        for number in range(MOST_FILES):
            (there / f"x{number}").touch()

    def large() -> None:
        with (there / "x").open("wb") as file:
            file.truncate(10**12)

    def receipt() -> None:
        (there / "submission_receipt.json").write_bytes(b"\x1b\xff[31m" * 10)

    def other_kind() -> None:
        shutil.rmtree(there)
        there.symlink_to(HOME / "anna")
        os.chown(there, 51236, 51236, follow_symlinks=False)

    for spoil in (link, pipe, control, many, large, receipt, other_kind):
        spoil()
        said = coursehub("anna", *asked, role="instructor", check=spoil is receipt)
        assert "\x1b" not in said and ("It cannot be read: " in said) == (spoil is not receipt), (spoil, said)
        for path in there.glob("*x*" if spoil is not control else "\x1b*") if spoil is not other_kind else ():
            path.unlink()


TESTS: tuple[Callable[[], None], ...] = (
    a_span_is_read_in_two_units,
    the_later_of_two_due_dates_holds,
    a_time_until_when_is_meant_in_the_courses_zone_and_is_a_whole_one,
    a_student_sees_the_due_date_and_by_how_much_each_submission_is_late,
    a_date_that_changes_in_formgrader_or_is_taken_away_reaches_students,
    an_extension_is_the_students_alone_and_counts_everywhere,
    nobody_else_reads_an_extension,
    what_is_no_extension_is_refused_and_nothing_changes,
    collecting_what_came_in_time_counts_a_students_own_date,
    a_receipt_says_what_was_handed_in_and_can_be_read_again,
    a_forged_receipt_or_time_does_not_fool_an_instructor,
)

if __name__ == "__main__":
    sys.exit(main(TESTS))
