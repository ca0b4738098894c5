"""A round of nbgrader by four people, over NFS 3 and 4.2 at once, and what another student gets at meanwhile."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from coursehub import layout
from coursehub.config.profiles import Role

from ci.nfs.machine import Machine
from tests.nfs import inside
from tests.nfs.command import SITE_AND_COURSES
from tests.nfs.school import FEEDBACK, FILES_OF_COURSE, INBOUND, OUTBOUND, School, notebook, school_on
from tests.support import ANNA, JONAS, MARIA, SOFIA


@pytest.fixture
def school(machine: Machine, storage_host: Path) -> Iterator[School]:
    with school_on(machine, storage_host) as school:
        yield school


def test_f5_f6_an_assignment_goes_round_and_another_student_gets_at_nothing_and_in_nobodys_name(school: School) -> None:
    pods, call = school.pods, school.machine.call
    anna = pods.start(ANNA, Role.INSTRUCTOR, "4.2")
    maria = pods.start(MARIA, Role.STUDENT, "4.2")
    jonas = pods.start(JONAS, Role.STUDENT, "3")
    sofia = pods.start(SOFIA, Role.INSTRUCTOR, "3")
    grading = pods.start(SOFIA, Role.GRADING, "4.2")

    source = anna.root / "course/source/one"
    call(anna.identity, source.mkdir, parents=True)
    call(anna.identity, (source / "a.ipynb").write_text, notebook())
    pods.nbgrader((anna, "generate_assignment one"))
    pods.nbgrader((anna, "release_assignment one"))
    assert school.everything(OUTBOUND) == [
        "0664 30001:70101 .dates.json",
        "2775 30001:70101 one",
        "0664 30001:70101 one/a.ipynb",
    ]
    school.nothing_works(jonas)

    pods.nbgrader((maria, "fetch_assignment one"), (jonas, "fetch_assignment one"))
    school.solve(maria, "return x ** 2")
    school.solve(jonas, "return 9")
    school.nothing_works(jonas)

    pods.nbgrader((maria, "submit one"), (jonas, "submit one"))
    pods.nbgrader((jonas, "submit one --student=maria"))
    folders = [line for line in school.everything(INBOUND) if "/" not in line.removeprefix("3773 ")]
    assert sorted(line.split("+")[0] for line in folders if "+one+" in line) == [
        "0770 20001:70101 maria",
        "0770 20002:70101 jonas",
        "0770 20002:70101 maria",
    ]
    school.nothing_works(jonas)

    # Without a provisioner the storage host lists who handed in: the course is for everyone.
    (said,) = pods.nbgrader((sofia, "collect one"))
    assert "is not known; ask the administrators to run `coursehub storage ensure`" in said
    people = layout.people_list("python-intro")
    code, said, error = school.host_says("storage", "ensure", "--root", str(school.host), *SITE_AND_COURSES)
    assert (code, said, error) == (0, f"correct {people} to 3 people\n", "")

    # Sofia owns nothing that Anna or a student made.
    (said,) = pods.nbgrader((sofia, "collect one"))
    assert "it says that it is maria's, but it belongs to jonas" in said
    assert "Collected submission: maria one" in said
    assert "Collected submission: jonas one" in said
    assert said.count("Refused the submission") == 1
    collected = call(sofia.identity, (sofia.root / "course/submitted/maria/one/a.ipynb").read_text)
    assert "x ** 2" in collected
    school.nothing_works(jonas)

    # An execution is nobody's, and of the course's folders it has those of runs alone.
    pods.executes(grading, SOFIA, "3")
    for student in ("maria", "jonas"):
        pods.nbgrader((grading, f"autograde one --student={student}"))
    assert school.everything(layout.course_runs("python-intro")) == [], "a run has left something"
    pods.nbgrader((sofia, "generate_feedback one"))
    pods.nbgrader((sofia, "release_feedback one"))
    for path in (FEEDBACK, FILES_OF_COURSE):
        others = [line for line in school.everything(path) if line.split()[1].partition(":")[2] != "70101"]
        assert others == [], "F9: not every instructor can use it"
    school.nothing_works(jonas)

    pods.nbgrader((maria, "fetch_feedback one"))
    (page,) = call(maria.identity, inside.pages, maria.root / "home/maria/python-intro/one/feedback")
    assert "Score: 2.0 / 2.0" in page
    code, said, error = school.host_says("feedback", "push", "--root", str(school.host), "python-intro")
    assert (code, error) == (0, "")
    assert [line.split()[:2] for line in said.splitlines()] == [["copy", "jonas"], ["same", "maria"]]
    (page,) = call(jonas.identity, inside.pages, jonas.root / "home/jonas/python-intro/one/feedback")
    assert "Score: 0.0 / 2.0" in page
    school.nothing_works(jonas)

    check = ("course", "check", "--all", "--root", str(school.host), *SITE_AND_COURSES)
    assert school.host_says(*check) == (0, "", ""), "an ordinary round leaves something to repair"
