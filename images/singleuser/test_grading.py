"""A term of real assignments: names, zones, courses and people as they are; runs in the image as test_image.py does."""
# ruff: noqa: S101, S108, PT018  (plain scripts: no pytest in the image)

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import nbgrader_times
from nbgrader_stubs import STUBS
from test_image import (
    COURSE,
    EXCHANGE,
    HOME,
    LIST,
    PEOPLE,
    SETTINGS,
    assignment,
    course,
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
)

INBOUND = EXCHANGE / "python-intro/inbound"


def stamps() -> list[str]:
    return sorted(path.name.split("+", 2)[2].rpartition("+")[0] for path in INBOUND.glob("*+*"))


# --- G1, G2: every zone, with its summer time ---


def with_zone(zone: str) -> None:
    os.environ["COURSEHUB_NBGRADER"] = json.dumps({"NbGraderAPI": {"timezone": zone}})


def g1_g2_a_stamp_of_any_zone_is_read_as_what_it_was() -> None:
    """As earlier versions wrote them: in the course's zone, every hour of the days in which clocks change included."""
    before = {name: os.environ.pop(name, None) for name in ("COURSEHUB_NBGRADER", "TZ")}
    zones = sorted(available_timezones())
    assert len(zones) > 500 and {"Asia/Singapore", "Europe/Helsinki"} <= {*zones}
    wrong = []
    for zone in zones:
        with_zone(zone)
        known = ZoneInfo(zone)
        hours = [datetime(2026, month, 15, 12, tzinfo=UTC) for month in range(1, 13)]
        hours += [
            at
            for day in range(365)
            for at in [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)]
            if at.astimezone(known).utcoffset() != (at + timedelta(days=1)).astimezone(known).utcoffset()
            for at in [at + timedelta(hours=hour) for hour in range(24)]
        ]
        for hour in hours:
            written = hour.astimezone(known).strftime("%Y-%m-%d %H:%M:%S.%f %Z")
            # Where both hours have one name, the earlier favours the student.
            right = {hour.replace(tzinfo=None)} | {
                hour.replace(tzinfo=None) - timedelta(hours=back)
                for back in (0.5, 1)
                if (hour - timedelta(hours=back)).astimezone(known).strftime("%Y-%m-%d %H:%M:%S.%f %Z") == written
            }
            if nbgrader_times.stamped(written) not in right:
                wrong.append((zone, written, str(nbgrader_times.stamped(written))))
    assert not wrong, (len(wrong), wrong[:5])
    for name, value in before.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value


def g1_g2_what_people_write_for_a_time_is_what_they_mean() -> None:
    with_zone("Europe/Helsinki")
    for written, right in {
        "2026-07-01 12:00": "2026-07-01 09:00:00",
        "2026-12-01 12:00": "2026-12-01 10:00:00",
        "2026-12-01T12:00": "2026-12-01 10:00:00",
        "2026-12-01T12:00 Europe/Helsinki": "2026-12-01 10:00:00",
        "2026-07-01T12:00 Europe/Helsinki": "2026-07-01 09:00:00",
        "2026-07-01 12:00:00 EEST": "2026-07-01 09:00:00",
        "2026-07-01 12:00:00 UTC": "2026-07-01 12:00:00",
        "2026-07-01 12:00 +0800": "2026-07-01 04:00:00",
        "2026-07-01 12:00 +08": "2026-07-01 04:00:00",
        "2026-07-01 12:00 -0330": "2026-07-01 15:30:00",
        "2026-07-01T12:00:00+08:00": "2026-07-01 04:00:00",
        "2026-07-01T12:00:00Z": "2026-07-01 12:00:00",
        "July 1, 2026 5:00 PM": "2026-07-01 14:00:00",
        "July 1, 2026 5:00 PM JST": "2026-07-01 08:00:00",
        "2026-07-01 12:00:00 JST": "2026-07-01 03:00:00",
        "2026-07-01": "2026-06-30 21:00:00",
    }.items():
        assert str(nbgrader_times.meant(written)) == right, (written, nbgrader_times.meant(written))
    # Without a zone a stamp is UTC.
    assert str(nbgrader_times.stamped("2026-07-01 12:00:00")) == "2026-07-01 12:00:00"
    # The course's zone is another now: what only one zone is called is that one.
    assert str(nbgrader_times.stamped("2026-07-01 12:00:00 NZST")) == "2026-07-01 00:00:00"
    for no_time in ("2026-07-01 12:00:00 NOWHERE", "yesterday", "2026-99-99 12:00:00 UTC"):
        try:
            found = nbgrader_times.stamped(no_time)
        except ValueError:
            continue
        raise AssertionError((no_time, found))
    del os.environ["COURSEHUB_NBGRADER"]


def g1_g2_a_submission_in_time_is_in_time_in_every_kind_of_zone() -> None:
    # An offset for a name; a name that nbgrader takes for UTC.
    for zone in ("Asia/Singapore", "Asia/Tokyo"):
        with told(NbGraderAPI={"timezone": zone}, LateSubmissionPlugin={"penalty_method": "zero"}):
            handed_out()
            due = (datetime.now(ZoneInfo(zone)) + timedelta(minutes=10)).strftime("%Y-%m-%d %H:%M:%S")
            teach("db", "assignment", "add", "one", f"--duedate={due}")
            solve("clara")
            learn("clara", "submit", "one")
            assert all(stamp.endswith(" UTC") for stamp in stamps()), stamps()
            said = teach("collect", "one")
            assert "Collected submission: clara one" in said and "Refused" not in said, said
            teach("autograde", "one", role="grading")
            late = gradebook("b.find_submission('one', 'clara').total_seconds_late")
            assert late == 0, (zone, late)
            assert scores() == {"clara": 2.0}


def g1_g2_an_older_stamp_is_collected_listed_and_has_its_feedback() -> None:
    with told(NbGraderAPI={"timezone": "Asia/Singapore"}):
        handed_out()
        solve("clara")
        learn("clara", "submit", "one")
        kept = HOME / "clara/.local/share/jupyter/nbgrader_cache/python-intro"
        for place in (INBOUND, kept):
            (there,) = place.iterdir()
            old = "2026-03-01 20:00:00.123456 +08"
            # As the earlier version left it.
            (there / "timestamp.txt").write_text(old)
            random = f"+{there.name.rpartition('+')[2]}" if place == INBOUND else ""
            there.rename(place / f"clara+one+{old}{random}")
        said = teach("collect", "one", "--update")
        assert "Collected submission: clara one" in said, said
        teach("autograde", "one", role="grading")
        assert gradebook("str(b.find_submission('one', 'clara').timestamp)") == "2026-03-01 12:00:00.123456"
        teach("generate_feedback", "one")
        teach("release_feedback", "one")
        new_pod()
        settings = json.dumps(SETTINGS)
        done = run(nbgrader("list", "--cached"), "student", PEOPLE["clara"], name="clara", COURSEHUB_NBGRADER=settings)
        assert "2026-03-01 20:00:00 +08 (feedback ready to be fetched)" in done.stderr, done.stderr
        learn("clara", "fetch_feedback", "one")
        assert (HOME / f"clara/python-intro/one/feedback/{old}/a.html").exists()


def g2_formgrader_shows_and_offers_the_courses_zone() -> None:
    handed_out()
    zone = {"COURSEHUB_NBGRADER": json.dumps({"NbGraderAPI": {"timezone": "Asia/Tokyo"}}), "TZ": "UTC"}
    with server("instructor", **zone):
        page = get("formgrader/manage_assignments")[1]
        assert 'default_timezone = "Asia/Tokyo"' in page
        found = json.loads(get("formgrader/api/assignment/one")[1])
        assert found["duedate_timezone"] == "Asia/Tokyo", found
        due = {"duedate_notimezone": "2026-11-20T23:59", "duedate_timezone": "Asia/Tokyo"}
        found = json.loads(get("formgrader/api/assignment/one", "PUT", due)[1])
        assert found["display_duedate"] == "2026-11-20 23:59:00 JST", found
        assert found["duedate"] == "2026-11-20T14:59:00" and found["duedate_notimezone"] == "2026-11-20T23:59:00", found
        # In a course of another zone the offset is the due date's, not today's.
        due = {"duedate_notimezone": "2026-07-20T23:59", "duedate_timezone": "Europe/Helsinki"}
        assert json.loads(get("formgrader/api/assignment/one", "PUT", due)[1])["duedate"] == "2026-07-20T20:59:00"
        due = {"duedate_notimezone": "2026-07-20T23:59", "duedate_timezone": "+0300"}
        assert json.loads(get("formgrader/api/assignment/one", "PUT", due)[1])["duedate"] == "2026-07-20T20:59:00"
        due = {"duedate_notimezone": "2026-07-20T23:59", "duedate_timezone": ""}
        assert json.loads(get("formgrader/api/assignment/one", "PUT", due)[1])["duedate"] == "2026-07-20T14:59:00"
    new_pod()
    with server("instructor", TZ="Europe/Berlin"):
        assert json.loads(get("formgrader/api/assignment/one")[1])["duedate_timezone"] == "Europe/Berlin"


# --- G3: where an assignment lies ---

OTHER = EXCHANGE / "maths"


def two_courses() -> None:
    """Clara takes python-intro and maths, which both have an assignment `one`; the tasks are not the same."""
    handed_out()
    shutil.rmtree(OTHER, ignore_errors=True)
    subprocess.run(["cp", "-a", EXCHANGE / "python-intro", OTHER], check=True)
    notebook = OTHER / "outbound/one/a.ipynb"
    content = json.loads(notebook.read_text())
    for cell in content["cells"]:
        cell["metadata"]["nbgrader"]["checksum"] = "0" * 32
    notebook.write_text(json.dumps(content))


def in_maths(*command: str, check: bool = True) -> str:
    """What nbgrader says to Clara in a server of the other course."""
    new_pod()
    done = run(nbgrader(*command), "student", PEOPLE["clara"], name="clara", check=check, COURSEHUB_COURSE="maths")
    return done.stdout + done.stderr


def as_before(name: str = "one") -> Path:
    """Clara's work is where an earlier version fetched it."""
    old = HOME / "clara" / name
    (HOME / "clara/python-intro/one").rename(old)
    (HOME / "clara/python-intro").rmdir()
    return old


def g3_two_courses_with_an_assignment_of_one_name_stay_apart() -> None:
    two_courses()
    assert "maths one\n" in in_maths("list"), "the other course's work is taken for this one's"
    in_maths("fetch_assignment", "one")
    assert (HOME / "clara/maths/one/a.ipynb").exists()
    solve("clara")
    in_maths("submit", "one")
    (there,) = (OTHER / "inbound").iterdir()
    assert "x ** 2" not in (there / "a.ipynb").read_text(), "the work of one course went to another"
    assert not list(INBOUND.iterdir())
    assert "python-intro one (already downloaded)" in learn("clara", "list")
    assert "You already have a copy of the assignment in this directory: maths/one" in in_maths(
        "fetch_assignment", "one", check=False
    )


def g3_work_that_an_earlier_version_fetched_goes_on_in_its_course_alone() -> None:
    two_courses()
    solve("clara")
    old = as_before()
    assert "python-intro one (already downloaded)" in learn("clara", "list")
    assert "You already have a copy" in learn("clara", "fetch_assignment", "one", check=False)
    assert "maths one\n" in in_maths("list")
    said = in_maths("submit", "one", check=False)
    assert "Nothing was submitted: ~/one does not say of which course it is" in said, said
    assert "mv -n ~/one ~/maths/" in said and not list((OTHER / "inbound").iterdir()), said
    said = in_maths("fetch_assignment", "one")
    assert "Fetched beside what is there: ~/one" in said and (HOME / "clara/maths/one/a.ipynb").exists(), said
    learn("clara", "submit", "one")
    (there,) = INBOUND.iterdir()
    assert "x ** 2" in (there / "a.ipynb").read_text()
    assert old.exists()
    # The list in JupyterLab says the same; that server is Anna's.
    old.rename(HOME / "anna/one")
    subprocess.run(["chown", "-R", "51234:51234", HOME / "anna"], check=True)
    for slug, status in (("python-intro", "fetched"), ("maths", "released")):
        new_pod()
        with server("student", COURSEHUB_COURSE=slug):
            (listed,) = json.loads(get(f"assignments?course_id={slug}")[1])["value"]
            assert listed["status"] == status, listed
            assert status == "released" or listed["path"] == "home/anna/one", listed


def g3_what_may_be_another_courses_is_not_submitted() -> None:
    def same_submitted_elsewhere(old: Path) -> None:
        cache = HOME / "clara/.local/share/jupyter/nbgrader_cache/python-2025"
        subprocess.run(["mkdir", "-p", cache], check=True)
        subprocess.run(["cp", "-a", old, cache / "clara+one+2025-10-01 12:00:00.000000 EEST"], check=True)

    def older_than_the_release(_: Path) -> None:
        late = datetime.now().timestamp() + 3600
        os.utime(EXCHANGE / "python-intro/outbound/one/a.ipynb", (late, late))

    def own_notebook(old: Path) -> None:
        (old / "a.ipynb").write_text(json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))

    def no_notebook(old: Path) -> None:
        (old / "a.ipynb").rename(old / "my.txt")

    def broken(old: Path) -> None:
        (old / "a.ipynb").write_text("{")

    def nothing_marked(_: Path) -> None:
        notebook = EXCHANGE / "python-intro/outbound/one/a.ipynb"
        content = json.loads(notebook.read_text())
        for cell in content["cells"]:
            cell["metadata"] = {}
        notebook.write_text(json.dumps(content))

    for spoil in (same_submitted_elsewhere, older_than_the_release, own_notebook, no_notebook, broken, nothing_marked):
        handed_out()
        old = as_before()
        spoil(old)
        subprocess.run(["chown", "-R", "51236:51236", HOME / "clara"], check=True)
        said = learn("clara", "submit", "one", check=False)
        assert "Nothing was submitted: ~/one" in said and "Traceback" not in said, (spoil, said)
        assert not list(INBOUND.iterdir()), spoil
        # As the sentence says.
        run(
            ["sh", "-ec", "mkdir -p ~/python-intro && mv -n ~/one ~/python-intro/"],
            "student",
            PEOPLE["clara"],
            name="clara",
        )
        learn("clara", "submit", "one")
        assert len(list(INBOUND.iterdir())) == 1, spoil


def g3_wherever_it_lies_feedback_is_in_the_courses_folder_and_keeps_nobody_from_fetching() -> None:
    handed_out()
    solve("clara")
    as_before()
    learn("clara", "submit", "one")
    teach("collect", "one")
    teach("autograde", "one", role="grading")
    teach("generate_feedback", "one")
    teach("release_feedback", "one")
    learn("clara", "fetch_feedback", "one")
    (page,) = (HOME / "clara").rglob("a.html")
    (stamp,) = stamps()
    assert page == HOME / f"clara/python-intro/one/feedback/{stamp}/a.html"
    assert "(feedback already fetched)" in learn("clara", "list", "--cached")
    # The work goes on where it is, and what is lost is fetched again beside the feedback.
    learn("clara", "submit", "one")
    shutil.rmtree(HOME / "clara/one")
    assert "python-intro one\n" in learn("clara", "list")
    learn("clara", "fetch_assignment", "one")
    assert (HOME / "clara/python-intro/one/a.ipynb").exists() and page.exists()


def g3_other_things_of_that_name_are_in_nobodys_way() -> None:
    def a_file(home: Path) -> None:
        (home / "one").write_text("mine")

    def a_folder(home: Path) -> None:
        (home / "one/mine").mkdir(parents=True)

    def a_link(home: Path) -> None:
        (home / "one").symlink_to(".")

    def of_the_courses_name(home: Path) -> None:
        (home / "python-intro").mkdir()

    for make in (a_file, a_folder, a_link, of_the_courses_name):
        handed_out()
        shutil.rmtree(HOME / "clara/python-intro")
        make(HOME / "clara")
        subprocess.run(["chown", "-Rh", "51236:51236", HOME / "clara"], check=True)
        learn("clara", "fetch_assignment", "one")
        solve("clara")
        learn("clara", "submit", "one")
        (there,) = INBOUND.iterdir()
        assert sorted(path.name for path in there.iterdir()) == [
            "a.ipynb",
            "submission_receipt.json",
            "submission_secret.txt",
            "timestamp.txt",
        ]
    handed_out()
    shutil.rmtree(HOME / "clara/python-intro")
    (HOME / "clara/python-intro").write_text("mine")
    said = learn("clara", "fetch_assignment", "one", check=False)
    assert "~/python-intro is no folder" in said and "Traceback" not in said, said


def g3_a_path_of_another_folder_submits_nothing_else() -> None:
    handed_out()
    solve("clara")
    elsewhere = HOME / "clara/else/one"
    elsewhere.mkdir(parents=True)
    (elsewhere / "a.ipynb").write_text("{}")
    subprocess.run(["chown", "-R", "51236:51236", HOME / "clara/else"], check=True)
    for name in ("one/", str(HOME / "clara/python-intro/one"), "../else/one", str(elsewhere)):
        shutil.rmtree(INBOUND)
        INBOUND.mkdir()
        INBOUND.chmod(0o3773)
        learn("clara", "submit", name)
        (there,) = INBOUND.iterdir()
        assert there.name.startswith("clara+one+") and "x ** 2" in (there / "a.ipynb").read_text(), name


# --- G7, G9 ---


def g7_each_name_of_a_uid_is_its_own() -> None:
    handed_out()
    solve("clara")
    for name in ("clara", "clara.virtanen"):
        learn("clara", "submit", "one", f"--student={name}")
    with LIST.open("a") as names:
        names.write("clara.virtanen:x:51236:51236::/home/clara.virtanen:/bin/false\n")
    learn("david", "submit", "one", "--student=clara.virtanen")
    said = teach("collect", "one")
    assert "it says that it is clara.virtanen's, but it belongs to david" in said, said
    assert said.count("Collected submission") == 2 and "Refused 1 of the submissions" in said, said
    assert sorted(path.name for path in (COURSE / "submitted").iterdir()) == ["clara", "clara.virtanen"]


def g9_an_assignment_can_be_called_as_people_call_it() -> None:
    for name in ('Tehtävä (1) 课程, Bob\'s #1: "hi" a&b 50% $HOME', "x" * 147):
        course()
        assignment(name)
        learn("clara", "fetch_assignment", name)
        (HOME / "clara/python-intro" / name).rename(HOME / "clara/python-intro/one")
        solve("clara")
        (HOME / "clara/python-intro/one").rename(HOME / "clara/python-intro" / name)
        learn("clara", "submit", name)
        said = teach("collect", name)
        assert f"Collected submission: clara {name}" in said, said
        teach("autograde", name, role="grading")
        teach("generate_feedback", name)
        teach("release_feedback", name)
        said = learn("clara", "list", "--cached")
        assert "(feedback ready to be fetched)" in said, said
        learn("clara", "fetch_feedback", name)
        (page,) = (HOME / "clara").rglob("a.html")
        assert page.relative_to(HOME / "clara/python-intro" / name / "feedback")


def g9_a_name_that_nbgrader_would_read_otherwise_is_refused_before_it_goes_out() -> None:
    course()
    assignment("one")
    for name in ("[1] intro", "what?", "a*b", "a\tb"):
        shutil.copytree(COURSE / "source/one", COURSE / "source" / name)
        said = teach("generate_assignment", name, check=False)
        assert f"Nothing was generated: the name {name!r} has " in said and "Traceback" not in said, said
        assert [path.name for path in (COURSE / "release").iterdir()] == ["one"]


def g9_a_name_too_long_for_a_submission_is_refused_before_it_goes_out_and_where_it_comes_back() -> None:
    course()
    assignment("one")
    # In bytes, since that is what a file system counts.
    long = "ä" * 74
    source = COURSE / "source" / long
    shutil.copytree(COURSE / "source/one", source)
    subprocess.run(["chown", "-R", "51234:70101", source], check=True)
    said = teach("generate_assignment", long, check=False)
    assert "Nothing was generated: the name of the assignment is 148 bytes long, and 147 at most" in said, said
    assert not (COURSE / "release" / long).exists()
    # Released by an earlier version.
    longer = "x" * 210
    released = EXCHANGE / "python-intro/outbound" / longer
    shutil.copytree(EXCHANGE / "python-intro/outbound/one", released)
    subprocess.run(["chmod", "-R", "a+rX", released], check=True)
    learn("clara", "fetch_assignment", longer)
    said = learn("clara", "submit", longer, check=False)
    assert "Nothing was submitted: the name of the assignment is too long" in said and "Traceback" not in said, said
    assert not list(INBOUND.iterdir())


# --- G10, G17, G18 ---


def g10_what_is_late_gets_what_the_course_file_says_in_every_role() -> None:
    for method, penalty in (("none", 0), ("zero", 2)):
        with told(LateSubmissionPlugin={"penalty_method": method}):
            handed_out()
            due = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%d %H:%M:%S UTC")
            teach("db", "assignment", "add", "one", f"--duedate={due}")
            solve("clara")
            learn("clara", "submit", "one")
            teach("collect", "one")
            # Of a home nothing counts, in whatever role; what a grader's has would be gone anyway.
            own = HOME / "anna/.jupyter/nbgrader_config.py"
            own.parent.mkdir(exist_ok=True)
            own.write_text("open('/tmp/g10', 'w')\nc = get_config()\nc.LateSubmissionPlugin.penalty_method = 'zero'\n")
            subprocess.run(["chown", "-R", "51234:51234", own.parent], check=True)
            teach("autograde", "one", role="grading")
            assert f"{own} is not read" in teach("db", "student", "list")
            late = gradebook("b.find_submission('one', 'clara').late_submission_penalty")
            assert late == penalty, (method, late)
            assert not Path("/tmp/g10").exists()


def source(name: str, metadata: Mapping[str, Any], notebook: str = "a") -> None:
    """A notebook of an assignment with one solution."""
    marked = {"grade": False, "locked": False, "solution": True, "task": False, "schema_version": 3, "grade_id": "a"}
    cell = {"id": "a", "cell_type": "code", "source": "1", "outputs": [], "execution_count": None}
    cell["metadata"] = {"nbgrader": marked}
    content = {"cells": [cell], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    script = 'mkdir -p "source/$1" && printf %s "$0" >"source/$1/$2.ipynb"'
    run(["sh", "-c", script, json.dumps(content), name, notebook], "instructor", cwd=COURSE)


def kernel(language: str, name: str = "python3") -> dict[str, Any]:
    return {"kernelspec": {"name": name, "display_name": name, "language": language}}


def given_out(name: str, notebook: str) -> str:
    """What the solution has become."""
    return "".join(json.loads((COURSE / "release" / name / f"{notebook}.ipynb").read_text())["cells"][0]["source"])


def g17_each_language_has_a_stub_and_a_course_can_have_its_own() -> None:
    course()
    for number, language in enumerate(STUBS):
        source("all", kernel(language), f"n{number}")
    # Some programs write a notebook's language beside its kernel, or name no kernel.
    source(
        "all", {"kernelspec": {"name": "python3", "display_name": "P"}, "language_info": {"name": "julia"}}, "beside"
    )
    source("all", {}, "none")
    with told(ClearSolutions={"code_stub": {"R": "# own"}}):
        teach("generate_assignment", "all")
    for number, (language, stub) in enumerate(STUBS.items()):
        assert given_out("all", f"n{number}") == ("# own" if language == "R" else stub), language
    assert given_out("all", "beside") == STUBS["julia"]
    assert given_out("all", "none") == STUBS["python"]
    source("other", kernel("klingon"))
    said = teach("generate_assignment", "other", check=False)
    assert "a.ipynb is written in 'klingon', for which there is no text in place of a solution" in said, said
    assert "julia" in said and "Traceback" not in said, said


def g18_generate_says_which_kernel_is_missing_and_which_there_are() -> None:
    course()
    assignment("one")
    before = (COURSE / "release/one/a.ipynb").read_text()
    # A person's own kernel is not where it is graded.
    own = HOME / "anna/.local/share/jupyter/kernels/mine"
    own.mkdir(parents=True)
    spec = {"argv": ["python3", "-m", "ipykernel_launcher", "-f", "{connection_file}"], "display_name": "Mine"}
    (own / "kernel.json").write_text(json.dumps({**spec, "language": "python"}))
    subprocess.run(["chown", "-R", "51234:51234", HOME / "anna"], check=True)
    for name in ("mine", "gone"):
        source("one", kernel("python", name))
        said = teach("generate_assignment", "one", "--force", check=False)
        assert f"a.ipynb wants the kernel '{name}', and grading has only 'python3' (Python 3 (ipykernel))" in said, said
        assert "Traceback" not in said, said
        assert (COURSE / "release/one/a.ipynb").read_text() == before, "what was generated before is gone"
    new_pod()
    with server("instructor"):
        done = json.loads(get("formgrader/api/assignment/one/assign", "POST")[1])
        assert not done["success"] and done["error"].startswith("a.ipynb wants the kernel 'gone', and grading"), done
        assert "wants the kernel 'gone'" in done["log"], done
    for metadata in (kernel("python", "Python3"), {}):
        source("one", metadata)
        teach("generate_assignment", "one", "--force")


TESTS: tuple[Callable[[], None], ...] = (
    g1_g2_a_stamp_of_any_zone_is_read_as_what_it_was,
    g1_g2_what_people_write_for_a_time_is_what_they_mean,
    g1_g2_a_submission_in_time_is_in_time_in_every_kind_of_zone,
    g1_g2_an_older_stamp_is_collected_listed_and_has_its_feedback,
    g2_formgrader_shows_and_offers_the_courses_zone,
    g3_two_courses_with_an_assignment_of_one_name_stay_apart,
    g3_work_that_an_earlier_version_fetched_goes_on_in_its_course_alone,
    g3_what_may_be_another_courses_is_not_submitted,
    g3_wherever_it_lies_feedback_is_in_the_courses_folder_and_keeps_nobody_from_fetching,
    g3_other_things_of_that_name_are_in_nobodys_way,
    g3_a_path_of_another_folder_submits_nothing_else,
    g7_each_name_of_a_uid_is_its_own,
    g9_an_assignment_can_be_called_as_people_call_it,
    g9_a_name_that_nbgrader_would_read_otherwise_is_refused_before_it_goes_out,
    g9_a_name_too_long_for_a_submission_is_refused_before_it_goes_out_and_where_it_comes_back,
    g10_what_is_late_gets_what_the_course_file_says_in_every_role,
    g17_each_language_has_a_stub_and_a_course_can_have_its_own,
    g18_generate_says_which_kernel_is_missing_and_which_there_are,
)

if __name__ == "__main__":
    sys.exit(main(TESTS))
